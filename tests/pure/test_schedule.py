"""The lines for systemd and cron, read back by what reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from codex_auth.core import schedule
from codex_auth.core.errors import UsageError

NASTY = {
    "plain": "/usr/bin/codex-auth",
    "space": "/home/ada l/bin/codex-auth",
    "percent": "/opt/100%/%h/codex-auth",
    "backslash": "/opt/a\\b/codex-auth",
    "two backslashes": "/opt/a\\\\b\\",
    "backslash and percent": "/opt/\\%n\\\\%",
    "quotes": '/opt/it\'s "here"/codex-auth',
    "dollar": "/opt/$HOME/${USER}/$$",
    "umlaut": "/home/jörg/codex-auth",
    "shell": "/opt/;rm -rf &|<>`id`$(id)*?[a]~#!",
}


def systemd_words(line: str) -> list[str]:
    """Read words in double quotes as systemd does: C escapes, `%%`, and `$$` (systemd.service(5))."""
    words, rest = [], line
    while rest:
        assert rest.startswith('"')
        word, at = "", 1
        while rest[at] != '"':
            at += rest[at] == "\\"
            word += rest[at]
            at += 1
        assert word.replace("%%", "").count("%") == 0
        words.append(word.replace("%%", "%"))
        rest = rest[at + 1 :].lstrip(" ")
    return words


def cron_command(line: str) -> str:
    """Return what cron gives to the shell: an escaped percent sign without its backslash (Vixie cron's do_command)."""
    text, kept, at = line.split(" ", 5)[5], "", 0
    while at < len(text):
        if text[at] == "\\":
            assert text[at + 1] != "\\", "crons differ in what two backslashes are"
            kept += text[at + 1] if text[at + 1] == "%" else text[at : at + 2]
            at += 2
        else:
            assert text[at] != "%"
            kept += text[at]
            at += 1
    return kept


@pytest.mark.parametrize("word", NASTY.values(), ids=NASTY)
def test_systemd_reads_what_was_meant(word: str) -> None:
    """Program, arguments and settings come out of the unit as they went in, whatever is in them."""
    unit = schedule.service_unit([word, "keep", word], {"CODEX_AUTH_STATE_DIR": word})

    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    program, verb, argument = systemd_words(lines["ExecStart"])
    assert program == word
    assert verb == "keep"
    assert argument.replace("$$", "$") == word
    assert argument.count("$") == 2 * word.count("$")
    assert systemd_words(lines["Environment"]) == [f"CODEX_AUTH_STATE_DIR={word}"]
    assert schedule.command_in(unit) == [word, "keep", word]


def test_a_unit_of_another_form_has_no_command() -> None:
    """One that somebody wrote says what it starts in a way of its own."""
    assert schedule.command_in("[Service]\nExecStart=/bin/true\n") == []
    assert schedule.command_in("") == []


@pytest.mark.parametrize("word", NASTY.values(), ids=NASTY)
def test_cron_reads_what_was_meant(word: str) -> None:
    """A real shell gets the words that went in, after cron took its own characters out."""
    line = schedule.cron_line(["/usr/bin/printf", "%s\\n", word], {"SETTING": word})

    command = cron_command(line)
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert line.startswith(("*/5 * * * * env SETTING=", "*/5 * * * * env 'SETTING="))
    assert done.stdout == f"{word}\n"


@pytest.mark.parametrize("word", ["two\nlines", "bell\a", "lone\udcff"])
def test_what_no_line_can_say_is_refused(word: str) -> None:
    """Line breaks and control characters would begin a setting of their own."""
    with pytest.raises(UsageError):
        schedule.service_unit(["/bin/codex-auth", word], {})
    with pytest.raises(UsageError):
        schedule.cron_line(["/bin/codex-auth", word], {})


def test_units_are_what_systemd_understands(tmp_path: Path) -> None:
    """Both units begin with our mark and have the options we promise; `systemd-analyze` finds nothing, where it is."""
    units = {
        schedule.SERVICE: schedule.service_unit(["/bin/true", "keep --hook", "100%"], {"HOME": "/a b"}),
        schedule.TIMER: schedule.timer_unit(),
    }

    assert all(text.startswith(schedule.MARK) for text in units.values())
    for option in ("Type=oneshot", "NoNewPrivileges=yes", "PrivateTmp=no"):
        assert option in units[schedule.SERVICE].splitlines()
    for option in ("OnCalendar=*:0/5", "RandomizedDelaySec=30", "Persistent=true", "WantedBy=timers.target"):
        assert option in units[schedule.TIMER].splitlines()
    if shutil.which("systemd-analyze"):
        for name, text in units.items():
            (tmp_path / name).write_text(text)
        done = subprocess.run(
            ["systemd-analyze", "verify", *map(str, tmp_path.iterdir())], capture_output=True, text=True, check=False
        )
        assert "codex-auth-keep" not in done.stderr
