"""`doctor`: faults that were planted are found by their codes, and what is safe to mend is mended."""

import errno
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_auth.checks.codes import KINDS
from codex_auth.checks.settings import VARIABLES
from codex_auth.core.errors import AuthError
from codex_auth.notes.deliveries import PROVIDER
from codex_auth.sandbox.server import Sandbox
from tests.story.conftest import Person, Program
from tests.story.faults import DATA, FAULTS, LONG_AGO, REMOTE, Scene, left_behind, ready
from tests.story.inside import Inside
from tests.story.logins import login, put

DAY = 24 * 3600
SAFE = [name for name, (_, code) in FAULTS.items() if KINDS[code].fix == "fix" and not code.startswith("delivery")]
ASKED = [name for name, (_, code) in FAULTS.items() if KINDS[code].fix == "ask" and name != "nobody keeps"]


@pytest.fixture
def person(program: Program, sandbox: Sandbox) -> Person:
    """Return somebody whose commands run here."""
    return Person(Inside(program.home, program.env), sandbox)


@pytest.fixture
def scene(program: Program, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Return a machine on which nothing is wrong."""
    machine = Scene(program.home, program.env, patch=monkeypatch)
    with machine.after:
        yield ready(machine)


def found(scene: Program, *words: str) -> list[dict[str, Any]]:
    """Return what `doctor` finds, each with all that a finding has."""
    done = scene("doctor", "--json", *words)
    document = json.loads(done.stdout)
    rows: list[dict[str, Any]] = document["findings"]
    left = [row for row in rows if not row["fixed"] and row["level"] == "fault"]
    assert (document["schema_version"], document["ok"], done.returncode) == (1, not left, int(bool(left)))
    for row in rows:
        assert row["message"], row
        assert row["reason"], row
        assert row["hint"], row
        assert row["level"] == ("note" if row["code"] in KINDS and KINDS[row["code"]].is_note else "fault"), row
    return rows


def codes(scene: Program, *words: str) -> list[str]:
    """Return the codes of what is wrong on this machine alone."""
    return [row["code"] for row in found(scene, "--offline", *words) if row["level"] == "fault"]


def there(scene: Program) -> list[str]:
    """Return every file there is, but for what stores write to prove that they can, and what they move aside."""
    own = re.compile(r"lock|index\.json|items|xdg-state|vault")
    return sorted(str(path) for path in scene.home.rglob("*") if not own.search(str(path)))


def test_nothing_is_wrong(scene: Scene) -> None:
    """A machine without a fault; so what the next test finds was planted."""
    done = scene("doctor", "--offline")

    assert (done.stdout, done.stderr, done.returncode) == ("Nothing is wrong.\n", "", 0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_code(scene: Scene, fault: str) -> None:
    """With a sentence, why it matters and what to type; nothing that was not there before is changed by looking."""
    plant, code = FAULTS[fault]
    plant(scene)
    before = there(scene)

    rows = found(scene, *(() if code in REMOTE else ("--offline",)))

    assert code in [row["code"] for row in rows]
    assert {row["code"] for row in rows} <= KINDS.keys()
    assert "sk-" not in json.dumps(rows)
    assert there(scene) == before


def test_every_code_is_planted() -> None:
    """The table of codes holds nothing that was never found."""
    assert set(KINDS) - {code for _, code in FAULTS.values()} == set()
    assert len(FAULTS) >= 50


def _errors(kind: type[AuthError] = AuthError) -> Iterator[type[AuthError]]:
    for each in kind.__subclasses__():
        yield each
        yield from _errors(each)


def test_every_code_of_a_check_is_in_the_table() -> None:
    """What a check finds by a code of its own has a row; the codes of errors that are handed on may have none."""
    sources = (Path(__file__).parents[2] / "codex_auth/checks").glob("*.py")
    said = {
        code for path in sources for code in re.findall(r'code(?:, what)?(?:, todo)? ?= ?"(\w+)"', path.read_text())
    }

    assert len(said) > 40
    assert said - set(KINDS) == set()


def test_every_variable_of_ours_is_known() -> None:
    """A setting that the program reads is none that `doctor` calls unknown."""
    sources = (Path(__file__).parents[2] / "codex_auth").rglob("*.py")
    read = {name for path in sources for name in re.findall(r"\"(CODEX_AUTH_[A-Z_]*[A-Z])\"", path.read_text())}

    assert read - {*VARIABLES, "CODEX_AUTH_TOKEN", "CODEX_AUTH_EXPIRES_AT", "CODEX_AUTH_ACCOUNT_ID"} == set()


# --- mending -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", SAFE)
def test_what_is_safe_is_mended(scene: Scene, fault: str) -> None:
    """`--fix` does it without a question, says so, and the next look does not find it any more."""
    plant, code = FAULTS[fault]
    plant(scene)

    done = scene("doctor", "--offline", "--fix")

    assert f"mended {code}: " in done.stdout
    assert code not in codes(scene)


@pytest.mark.parametrize("fault", ASKED)
def test_what_is_asked_about_waits_for_yes(scene: Scene, fault: str) -> None:
    """Where nobody can be asked it is left, with what to type; `--yes` does it."""
    plant, code = FAULTS[fault]
    plant(scene)
    scene.systemd()

    left = scene("doctor", "--offline", "--fix")
    done = scene("doctor", "--offline", "--fix", "--yes")

    assert f"? {code}: " in left.stdout or code == "timer_stopped"
    assert f"mended {code}: " in done.stdout or code == "timer_stopped"
    assert code not in codes(scene)


def test_a_store_that_does_not_open_hides_no_login(person: Person) -> None:
    """The profile that is meant may be in it: that it does not exist is not said."""
    person.sign_in("work")
    person.redirect("home", "bot")
    person.program("use", "work")
    person.program.store.chmod(0o644)

    found_codes = codes(person.program)

    assert "open_to_others" in found_codes
    assert "default_unknown" not in found_codes


def test_a_timer_is_not_offered_without_systemd(scene: Scene) -> None:
    """Where no systemd runs timers for this user, `--fix` could not install one."""
    scene.command("systemctl")
    scene.timer("/nowhere/codex-auth")

    [row] = [row for row in found(scene, "--offline") if row["code"] == "timer_program_gone"]

    assert (row["can_fix"], row["asks"]) == (False, False)


def test_a_timer_keeps_its_options(scene: Scene) -> None:
    """What the unit was told to do it goes on doing, with the program that is there."""
    scene.systemd()
    scene.timer("/nowhere/codex-auth")

    scene("doctor", "--offline", "--fix", "--yes")

    line = re.search(r"ExecStart=(.*)", (scene.home / ".config/systemd/user/codex-auth-keep.service").read_text())
    assert line is not None
    assert line[1].endswith('"keep" "--once"')
    assert "/nowhere" not in line[1]


def test_what_was_hidden_is_mended_too(scene: Scene) -> None:
    """An open leftover is closed; then it is one that is asked about, and with `--yes` goes in the same run."""
    left_behind(0o644)(scene)

    done = scene("doctor", "--offline", "--fix", "--yes")

    assert "mended leftover_open: " in done.stdout
    assert "mended leftover: " in done.stdout
    assert "All is mended." in done.stdout


def test_what_cannot_be_mended_says_why(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And with what words; the other findings are mended all the same."""
    left_behind(0o644)(scene)
    FAULTS["data folder open"][0](scene)

    def refuse(_path: str, _mode: int) -> None:
        raise PermissionError(errno.EPERM, "")

    monkeypatch.setattr(os, "chmod", refuse)
    done = scene("doctor", "--offline", "--fix")

    assert done.stdout.count("It could not be mended: ") == 2
    assert "permission was denied" in done.stdout
    assert done.returncode == 1


def test_a_provider_has_no_lease_that_ends(scene: Scene) -> None:
    """Its command gives out a living token whenever Codex asks."""
    scene.file(".codex/config.toml", "")
    scene.deliver("work", ".codex", profile_id=f"{PROVIDER}codex-auth", expires=LONG_AGO)

    assert {"nobody_keeps", "lease_ended"} & set(codes(scene)) == set()


def test_yes_alone_is_a_mistake(scene: Scene) -> None:
    """It says what it goes with."""
    assert scene("doctor", "--yes").returncode == 2


def test_a_lease_is_delivered_again(person: Person) -> None:
    """Somebody signed out there; `--fix` puts the lease back, and tells what it did."""
    program = person.program
    person.sign_in()
    assert program("deliver", "codex", "work").returncode == 0
    file = program.home / ".codex/auth.json"
    file.unlink()

    found = program("doctor", "--offline")
    program("doctor", "--offline", "--fix")

    assert found.returncode == 1
    assert "+ delivery_gone: The lease of work is gone from" in found.stdout
    assert "`codex-auth doctor --fix` mends what is marked +" in found.stderr
    assert json.loads(file.read_text())["auth_mode"] == "chatgptAuthTokens"
    assert "delivery_gone" not in codes(program)


def test_another_login_there_is_left_alone(person: Person) -> None:
    """What somebody signed in to there is theirs: `--fix` does not touch it, and says what to do."""
    program = person.program
    person.sign_in()
    assert program("deliver", "codex", "work").returncode == 0
    file = program.home / ".codex/auth.json"
    file.write_text(json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-theirs"}))
    before = file.read_bytes()

    done = program("doctor", "--offline", "--fix", "--yes")

    assert done.returncode == 1
    assert "It could not be mended" in done.stdout
    assert file.read_bytes() == before
    assert "sk-theirs" not in done.stdout + done.stderr


def test_a_provider_that_answers_and_one_that_does_not(person: Person) -> None:
    """Only the providers of the logins here are asked."""
    person.sign_in()
    assert "unreachable" not in person.program("doctor").stdout

    for _ in range(2):
        person.sandbox.fault("drop", route="jwks")
    found = json.loads(person.program("doctor", "--json").stdout)["findings"]

    assert "provider_unreachable" in [row["code"] for row in found]


def test_ten_thousand_logins_are_looked_at(scene: Scene) -> None:
    """It takes seconds, not minutes."""
    put(scene, {f"openai-codex:p{number}": login(f"p{number}", life=DAY) for number in range(10_000)})
    begun = time.process_time()

    assert codes(scene) == []
    assert time.process_time() - begun < 60


# --- how it looks --------------------------------------------------------------------------------------------


def faults_of_one_machine(scene: Scene) -> None:
    """Plant several faults, as they come together."""
    for name in (
        "login ended",
        "data folder open",
        "killed save",
        "damaged store kept",
        "Codex new",
        "setting misspelt",
    ):
        FAULTS[name][0](scene)


def on_terminal(scene: Scene, *words: str, columns: int, typed: str = "", env: dict[str, str] | None = None) -> str:
    """Run it on a terminal of this width and return what is to be seen there."""
    inner, outer = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    command = [sys.executable, "-m", "codex_auth", "doctor", "--offline", *words]
    everything = {**scene.env, "TERM": "xterm-256color", **(env or {})}
    child = subprocess.Popen(command, env=everything, stdin=outer, stdout=outer, stderr=outer, start_new_session=True)
    os.close(outer)
    if typed:
        os.write(inner, typed.encode())
    heard = b""
    while True:
        try:
            piece = os.read(inner, 65536)
        except OSError:
            break
        heard += piece
    os.close(inner)
    child.wait(30)
    return re.sub(r"\x1b\[(?!3)[0-9;]*[A-Za-z]", "", heard.decode()).replace("\r", "")  # but for colours


@pytest.mark.parametrize(("columns", "plain"), [(80, "1"), (50, "")])
def test_no_line_is_wider_than_the_terminal(scene: Scene, columns: int, plain: str) -> None:
    """But for a command, which is not broken: it is there to be copied. Without colour nothing is missing."""
    faults_of_one_machine(scene)

    shown = on_terminal(scene, columns=columns, env={"NO_COLOR": plain})

    assert ("\x1b[3" in shown) is not bool(plain)
    shown = re.sub(r"\x1b\[3\d?m", "", shown)
    for line in shown.splitlines():
        assert line == line.rstrip()
        assert len(line) <= columns or len(line.split()) == 1 or line.strip().startswith("`"), line
    assert "- login_ended:" in shown
    assert "? temporary_left:" in shown
    assert "+ open_to_others:" in shown
    assert "i codex_newer:" in shown


def test_on_a_terminal_it_asks(scene: Scene) -> None:
    """One question for each, in words; no is an answer too."""
    faults_of_one_machine(scene)
    leftover = scene.home / DATA / ".auth-profiles.json.abc.tmp"

    no = on_terminal(scene, "--fix", columns=80, typed="n\n")
    assert leftover.exists()
    yes = on_terminal(scene, "--fix", columns=80, typed="y\n")

    assert "Remove it? No other codex-auth must be saving just now. [y/N]" in " ".join(no.split())
    assert KINDS["temporary_left"].why in " ".join(no.split())
    assert "mended temporary_left" in yes
    assert not leftover.exists()


def test_a_pipe_gets_one_line_for_each_sentence(scene: Scene) -> None:
    """So that a search finds it whole; why it matters is said once of each code."""
    for name in ("store open", "data folder open"):
        FAULTS[name][0](scene)

    lines = scene("doctor", "--offline").stdout.splitlines()

    assert lines[0] == f"+ open_to_others: {scene.home / DATA} can be opened by others."
    assert lines[1] == f"    {KINDS['open_to_others'].why}"
    assert lines[2] == f"    Run `chmod 700 {scene.home / DATA}`."
    assert lines[3].startswith("+ open_to_others: ")
    assert lines[4].startswith("    Run `chmod 600 ")
    assert len(lines) == 5
