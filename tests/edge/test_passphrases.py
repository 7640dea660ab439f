"""Passphrases come from a terminal, a descriptor or a command, are never shown, and never travel where others look."""

import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.core.store_errors import VaultLocked
from codex_auth.keys import passphrases
from codex_auth.keys.passphrases import from_command, from_descriptor, from_terminal

CANARY = "passphrase-canary"


def piped(data: bytes) -> int:
    """Return a descriptor that holds these bytes."""
    reader, writer = os.pipe()
    with open(writer, "wb") as stream:
        stream.write(data)
    return reader


# --- a descriptor ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"word\n", "word"),
        (b"word", "word"),
        (b"word\r\n", "word"),
        (b" two words ", " two words "),
        (b"\xc3\xa9", "é"),
    ],
)
def test_a_descriptor_gives_its_text(data: bytes, text: str) -> None:
    """All of it but the line end: spaces belong to a passphrase."""
    fd = piped(data)

    assert from_descriptor(fd)("vault", new=False).reveal() == text

    os.close(fd)


@pytest.mark.parametrize("data", [b"", b"\n", b"\r\n\n", b"\xff\xfe", b"x" * (64 * 1024 + 1)])
def test_what_is_no_passphrase(data: bytes, tmp_path: Path) -> None:
    """Nothing, too much and what nobody could type is refused, and never repeated."""
    path = tmp_path / "passphrase"
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)

    with pytest.raises(VaultLocked) as caught:
        from_descriptor(fd)("vault", new=False)

    os.close(fd)
    assert caught.value.status == 7
    assert "xx" not in str(caught.value)


def test_a_descriptor_that_is_not_open() -> None:
    """It is named, with how to open it."""
    with pytest.raises(VaultLocked, match="file descriptor 987"):
        from_descriptor(987)("vault", new=False)


# --- a command -------------------------------------------------------------------------------------------------


def test_a_command_gives_what_it_prints() -> None:
    """It is split as in a shell, and asked anew each time."""
    assert from_command("printf '%s\\n' 'two words'")("vault", new=True).reveal() == "two words"


def test_a_command_has_no_shell(tmp_path: Path) -> None:
    """What a shell would do with it is not done."""
    made = tmp_path / "made"

    typed = from_command(f"echo $HOME ; touch {made}")("vault", new=False)

    assert typed.reveal() == f"$HOME ; touch {made}"
    assert not made.exists()


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("false", "status 1"),
        ("sh -c 'echo canary; exit 3'", "status 3"),
        ("/nonexistent/program", "cannot be started"),
        ("", "cannot be started"),
        ("'", "cannot be started"),
        ("true", "gave no passphrase"),
        ("sh -c 'kill -9 $$'", "status -9"),
    ],
)
def test_commands_that_fail(command: str, problem: str) -> None:
    """Each failure is said, without what was printed."""
    with pytest.raises(VaultLocked, match=problem) as caught:
        from_command(command)("vault", new=False)

    assert "canary" not in str(caught.value) + caught.value.hint
    assert caught.value.__context__ is None or "canary" not in repr(vars(caught.value.__context__))


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time it is ended, and the vault stays locked."""
    monkeypatch.setattr(passphrases, "COMMAND_SECONDS", 0.2)
    started = time.monotonic()

    with pytest.raises(VaultLocked, match="did not end within"):
        from_command("sleep 60")("vault", new=False)

    assert time.monotonic() - started < 20


# --- a terminal ------------------------------------------------------------------------------------------------


class Person:
    """Somebody at a terminal, who answers each question with the next word."""

    def __init__(self, words: list[bytes]) -> None:
        self.keyboard, terminal = pty.openpty()
        self.path = os.ttyname(terminal)
        self.shown = b""
        self._terminal = terminal
        self._words = words
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def _answer(self) -> None:
        for number, word in enumerate(self._words, start=1):
            while self.shown.count(b": ") < number:
                self._look()
            os.write(self.keyboard, word)
        for _ in range(5):
            self._look()

    def _look(self) -> None:
        if select.select([self.keyboard], [], [], 0.05)[0]:
            self.shown += os.read(self.keyboard, 4096)

    def close(self) -> None:
        """Go home."""
        self._thread.join(10)
        os.close(self.keyboard)
        os.close(self._terminal)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Person]]:
    """Whoever is put into the list sits at this process's terminal."""
    here: list[Person] = []
    yield here
    for person in here:
        person.close()


def seat(people: list[Person], monkeypatch: pytest.MonkeyPatch, *words: bytes) -> Person:
    """Put a person at the terminal."""
    person = Person(list(words))
    people.append(person)
    monkeypatch.setattr(passphrases, "_TERMINAL", person.path)
    return person


def test_a_passphrase_is_typed_unseen(people: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """The question names the vault; the answer is not shown."""
    person = seat(people, monkeypatch, CANARY.encode() + b"\r")

    assert from_terminal("/data/vault.cav", new=False).reveal() == CANARY

    person._thread.join(10)
    assert b"Passphrase for /data/vault.cav: " in person.shown
    assert CANARY.encode() not in person.shown


def test_a_new_passphrase_is_typed_twice(people: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one twice is taken."""
    seat(people, monkeypatch, b"word\r", b"word\r")

    assert from_terminal("vault", new=True).reveal() == "word"


def test_two_that_differ(people: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the finger must not lock somebody out for ever."""
    seat(people, monkeypatch, b"word\r", b"wird\r")

    with pytest.raises(VaultLocked, match="differ"):
        from_terminal("vault", new=True)


def test_giving_up(people: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-D ends the question."""
    seat(people, monkeypatch, b"\x04")

    with pytest.raises(VaultLocked, match="no passphrase was typed"):
        from_terminal("vault", new=False)


@pytest.mark.parametrize("path", ["/nonexistent/tty", os.devnull])
def test_without_a_terminal(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """There is nobody to ask: the message says what else there is."""
    monkeypatch.setattr(passphrases, "_TERMINAL", path)

    with pytest.raises(VaultLocked) as caught:
        from_terminal("vault", new=False)

    assert "passphrase_command" in caught.value.hint


# --- where it never is -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")
def test_it_is_in_no_argument_and_no_environment(tmp_path: Path) -> None:
    """Neither this program nor the command it starts shows the passphrase, and no variable is read instead of one."""
    spy = tmp_path / "spy"
    spy.write_text(
        "#!/bin/sh\n"
        f"cat /proc/$PPID/cmdline /proc/$PPID/environ /proc/$$/cmdline /proc/$$/environ > {tmp_path}/seen\n"
        f"cat {tmp_path}/secret\n"
    )
    spy.chmod(0o700)
    (tmp_path / "secret").write_text(CANARY)
    script = (
        "from pathlib import Path\n"
        "from codex_auth.keys.passphrases import from_command, from_terminal\n"
        "from codex_auth.keys.vault_keys import Passphrase\n"
        "from tests.contract.store_contract import credential\n"
        "from tests.contract.vault_bed import CHEAP, open_vault\n"
        f"source = Passphrase('vault', from_command({str(spy)!r}), strength=CHEAP)\n"
        f"vault = open_vault(Path({str(tmp_path)!r}), source)\n"
        "vault.save(credential())\n"
        "assert vault.load('work') == credential()\n"
        "own = [Path('/proc/self', name).read_bytes() for name in ('cmdline', 'environ')]\n"
        f"Path({str(tmp_path / 'own')!r}).write_bytes(b''.join(own))\n"
        "from codex_auth.core.store_errors import VaultLocked\n"
        "try:\n"
        "    from_terminal('vault', new=False)\n"
        "except VaultLocked:\n"
        "    print('asked nobody')\n"
    )
    env = {**os.environ, "CODEX_AUTH_PASSPHRASE": "taken from the environment"}

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env=env, start_new_session=True
    )

    assert done.stdout == b"asked nobody\n"
    for name in ("own", "seen"):
        looked_at = (tmp_path / name).read_bytes()
        assert b"CODEX_AUTH_PASSPHRASE" in looked_at
        assert CANARY.encode() not in looked_at
