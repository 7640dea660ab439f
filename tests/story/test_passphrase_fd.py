"""`--passphrase-fd`: the vault's passphrase from a file descriptor that nobody else inherits."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codex_auth.edge.places import find_places
from codex_auth.keys.passphrases import from_descriptor
from codex_auth.stores import open_kind
from tests.story.conftest import Person, Program
from tests.story.test_stores import sign_in

OLD, NEW = "correct horse battery staple", "passphrase-canary"
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")


def with_phrases(program: Program, *words: str, **phrases: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with a descriptor for each phrase: `old` is for --passphrase-fd, `new` for --new-passphrase-fd."""
    options, readers = {"old": "--passphrase-fd", "new": "--new-passphrase-fd"}, []
    for name, text in phrases.items():
        reader, writer = os.pipe()
        with open(writer, "w") as stream:
            stream.write(text + "\n")
        at = words.index("--") if "--" in words else len(words)
        words = (*words[:at], options[name], str(reader), *words[at:])
        readers.append(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "codex_auth", *words],
            env=program.env, pass_fds=readers, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False, start_new_session=True,
        )  # fmt: skip
    finally:
        for reader in readers:
            os.close(reader)


def age(person: Person) -> None:
    """Let the login in the vault have ended a minute ago."""
    vault, now = open_kind(find_places(person.program.env), "vault"), datetime.now(UTC)
    held = vault.load("work")
    assert held is not None
    vault.save(replace(held, expires=now - timedelta(minutes=1), refreshed=now - timedelta(hours=1)))


def configure(person: Person, text: str) -> Path:
    """Write the configuration."""
    path = person.program.home / ".config/codex-auth/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def locked(person: Person) -> Person:
    """Return somebody whose one login is in a vault with a passphrase, and whose terminal is far away."""
    sign_in(person, "work", "work", "--store", "vault")
    done = with_phrases(person.program, "vault", "rekey", "--to", "passphrase", new=OLD)
    assert (done.returncode, done.stderr) == (0, "")
    return person


def test_a_vault_opens_with_it(locked: Person) -> None:
    """Serving, refreshing and moving work with it; without it nobody is there to ask."""
    for words in (("token", "work"), ("refresh", "work"), ("token", "work"), ("move", "work", "--to", "file")):
        done = with_phrases(locked.program, *words, old=OLD)
        assert (done.returncode, done.stderr) == (0, ""), words
        assert OLD not in done.stdout
    assert with_phrases(locked.program, "move", "work", "--to", "vault", old="another one").returncode == 1
    assert with_phrases(locked.program, "move", "work", "--to", "vault", old=OLD).returncode == 0
    silent = with_phrases(locked.program, "token", "work")
    assert silent.returncode == 7
    assert "--passphrase-fd" in silent.stderr


def test_it_beats_the_command(locked: Person) -> None:
    """The descriptor, then the configured command."""
    configure(locked, "passphrase_command = \"echo 'another one'\"\n")

    assert with_phrases(locked.program, "token", "work").returncode == 1
    assert with_phrases(locked.program, "token", "work", old=OLD).returncode == 0


def test_a_new_vault_takes_it(person: Person) -> None:
    """Configured so, a vault begins with a passphrase, and nobody has to type it."""
    configure(person, 'vault_key = "passphrase"\nstore = "vault"\n')
    with open(person.program.home / "redirect", "w") as file:
        file.write(person.redirect())

    done = with_phrases(
        person.program, "finish", "work", "--callback-url", (person.program.home / "redirect").read_text(), old=OLD
    )

    assert done.returncode == 0
    assert not (person.program.home / "state/vault.key").exists()
    assert with_phrases(person.program, "token", "work", old=OLD).returncode == 0


def test_changing_it_needs_two(locked: Person) -> None:
    """One to open, one to open with from now on; with one alone nothing is changed, since it could be either."""
    vague = with_phrases(locked.program, "vault", "rekey", old=OLD)
    done = with_phrases(locked.program, "vault", "rekey", "--to", "passphrase", old=OLD, new=NEW)

    assert (vague.returncode, done.returncode) == (2, 0)
    assert "--new-passphrase-fd" in vague.stderr
    assert with_phrases(locked.program, "token", "work", old=OLD).returncode == 1
    assert with_phrases(locked.program, "token", "work", old=NEW).returncode == 0


def test_a_due_token_cannot_ask(person: Person) -> None:
    """The refresh that runs beside `token` inherits no passphrase: that is said at once, and nobody hangs or asks.

    With a command it works.
    """
    sign_in(person, "work", "work", "--store", "vault")
    age(person)
    with_phrases(person.program, "vault", "rekey", "--to", "passphrase", new=OLD)
    started = time.monotonic()

    done = with_phrases(person.program, "token", "work", old=OLD)

    assert done.returncode == 7
    assert "codex-auth refresh work" in done.stderr
    assert time.monotonic() - started < 5
    assert not person.sandbox.log("token", "refresh_token")
    secret = person.program.home / "secret"
    secret.write_text(OLD)
    configure(person, f'passphrase_command = "cat {secret}"\n')
    assert with_phrases(person.program, "token", "work").returncode == 0
    assert len(person.sandbox.log("token", "refresh_token")) == 1


LOOK = (
    "import os, sys; from pathlib import Path\n"
    "links = [f'/proc/self/fd/{n}' for n in os.listdir('/proc/self/fd')]\n"
    "fds = [os.readlink(link) for link in links if os.path.lexists(link)]\n"
    "sys.stdout.write(repr(fds) + repr([Path('/proc/self', n).read_bytes() for n in ('cmdline', 'environ')]))\n"
    "sys.stdout.write(repr(sys.stdin.read()))\n"
)


@needs_proc
def test_a_command_that_is_run_inherits_nothing(locked: Person) -> None:
    """`run NAME -- CMD`: CMD has no descriptor, argument or variable with it, and it is not on its stdin."""
    by_number = with_phrases(locked.program, "run", "work", "--", sys.executable, "-c", LOOK, old=NEW)
    assert by_number.returncode == 1
    by_number = with_phrases(locked.program, "run", "work", "--", sys.executable, "-c", LOOK, old=OLD)
    by_stdin = locked.program("run", "work", "--passphrase-fd", "0", "--", sys.executable, "-c", LOOK, given=OLD)

    for done in (by_number, by_stdin):
        assert (done.returncode, done.stderr) == (0, "")
        assert OLD not in done.stdout
    assert by_number.stdout.count("pipe:") == 2  # its stdout and stderr
    assert by_stdin.stdout.endswith("''")


@needs_proc
def test_a_refresh_beside_us_inherits_nothing(locked: Person) -> None:
    """The process that `token` starts has the locks it needs, and no descriptor, argument or variable of ours."""
    spy = locked.program.home / "spy"
    spy.write_text(
        "#!/bin/sh\n"
        f"(ls -l /proc/$PPID/fd; cat /proc/$PPID/cmdline /proc/$PPID/environ) >> {spy}.seen 2>&1\n"
        f"printf %s '{OLD}'\n"
    )
    spy.chmod(0o700)
    configure(locked, f'passphrase_command = "{spy}"\n')

    phrase = locked.program.home / "phrase-file"
    phrase.write_text(OLD)
    more = ("--min-validity", "999999s", "--passphrase-fd")

    with open(phrase) as stream:
        done = subprocess.run(
            [sys.executable, "-m", "codex_auth", "token", "work", *more, str(stream.fileno())],
            env=locked.program.env, pass_fds=[stream.fileno()], capture_output=True, check=False,
        )  # fmt: skip

    seen = Path(f"{spy}.seen").read_text()
    assert done.returncode == 0
    assert "refresh\0work\0" in seen
    assert "starter-work.lock" in seen  # the one that it is meant to have
    assert [word for word in ("phrase-file", "--passphrase-fd", OLD) if word in seen] == []


def test_a_descriptor_is_closed_to_children() -> None:
    """From the moment it is named, whatever is started; and it can be asked more than once."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)
    os.write(writer, b"word\n")
    os.close(writer)

    ask = from_descriptor(reader)

    assert os.get_inheritable(reader) is False
    assert [ask("vault", new=new).reveal() for new in (False, True)] == ["word", "word"]
    os.close(reader)


def test_a_timer_has_no_descriptor(person: Person) -> None:
    """It is refused before a timer is installed that could never open the vault."""
    done = person.program("keep", "--install", "--passphrase-fd", "0", given=OLD)

    assert done.returncode == 2
    assert "passphrase_command" in done.stderr


@pytest.mark.parametrize("number", ["1", "2", "-1", "x"])
def test_what_is_no_input_is_refused(person: Person, number: str) -> None:
    """Outputs and what is no number are a mistake of the command line."""
    assert person.program("token", "work", "--passphrase-fd", number).returncode == 2
