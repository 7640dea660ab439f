"""Nothing pasted is shown or lost, and the terminal is as it was afterwards."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.errors import NotATerminal, RedirectRefused
from codex_auth.edge.terminal import MAX_PASTE, Countdown, HiddenInput, read_piped

URL = "http://localhost:1455/auth/callback?code=ac_canary&state="


class Desk:
    """A terminal with a person at the other end."""

    def __init__(self) -> None:
        self.keyboard, self.terminal = pty.openpty()
        self.shown = b""

    def type(self, data: bytes) -> None:
        """Type or paste: in another thread, because a terminal takes 4 KiB at a time."""
        threading.Thread(target=self._type, args=(data,), daemon=True).start()

    def _type(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.keyboard, data[:1000]) :]

    def look(self) -> bytes:
        """Return all that the terminal has displayed so far."""
        while select.select([self.keyboard], [], [], 0.05)[0]:
            self.shown += os.read(self.keyboard, 65536)
        return self.shown

    def close(self) -> None:
        """Take both ends away."""
        for end in (self.keyboard, self.terminal):
            os.close(end)


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Set up a desk for one test."""
    made = Desk()
    yield made
    made.close()


def wait_for(hidden: HiddenInput, desk: Desk, seconds: float = 10) -> str | None:
    """Read as a login does: whenever there is something to read, until a paste is whole."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([desk.terminal], [], [], 0.1)[0]:
            text = hidden.read()
            if text is not None:
                return text
    return None


@pytest.mark.parametrize("length", [10, 4_095, 5_000, 20_000, 65_000])
@pytest.mark.parametrize("bracketed", [False, True])
def test_a_paste_of_any_length_arrives_whole_and_unseen(desk: Desk, length: int, *, bracketed: bool) -> None:
    """More than a cooked line holds arrives byte for byte, and the terminal shows none of it."""
    pasted = URL + "s" * length

    with HiddenInput(desk.terminal, profile="work") as hidden:
        desk.type(b"\x1b[200~" + pasted.encode() + b"\x1b[201~" if bracketed else pasted.encode() + b"\r")
        received = wait_for(hidden, desk)

    assert received == pasted
    assert desk.look() == b"\x1b[?2004h\x1b[?2004l"


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (b"abc\r", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b"\rabc\r", "abc"),
        (b"first\rsecond\r", "first\nsecond"),
        (b"\x1b[200~first\rsecond\x1b[201~", "first\nsecond"),
        (b"\x1b[200~first\r\x1b[201~", "first"),
        (b"\x1b[200~one\x1b[201~\r", "one"),
        (b"\x1b[200~one\x1b[201~two\r", "onetwo"),
        (b"abx\x7fc\r", "abc"),
        (b"abx\x08c\r", "abc"),
        (b"\x7f\x7fabc\r", "abc"),
        (b"ab\xc3\xa9\x7fc\r", "abc"),
        (b"wrong\x15abc\r", "abc"),
        (b"a\x1b[Db\x1bOc\r", "abc"),
        (b"a\x1b[1;5Cb\tc\r", "abc"),
        (b"a\x1b[\x00bc\r", "a[bc"),
        (b"abc\x04", "abc"),
        (b"\x04", ""),
        (b"\x1b[200~a\x15b\x1b[201~", "a\x15b"),
        (b"caf\xc3\xa9 \xff\r", "café �"),
    ],
)
def test_keys_mean_what_they_mean_in_a_line_editor(desk: Desk, keys: bytes, text: str) -> None:
    """Enter, wrapped lines, both backspaces, Ctrl-U, Ctrl-D, arrow keys, bracketed pastes."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        desk.type(keys)
        received = wait_for(hidden, desk)

    assert received == text


def test_a_marker_in_pieces_is_still_a_marker(desk: Desk) -> None:
    """Over a slow line the end of a paste may arrive byte by byte."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        for byte in b"\x1b[200~abc\x1b[201":
            os.write(desk.keyboard, bytes([byte]))
            assert hidden.read() is None
        os.write(desk.keyboard, b"~")

        assert hidden.read() == "abc"


@pytest.mark.parametrize("keys", [b"\r", b"\x1b[200~\x1b[201~", b"\x1b[A"])
def test_nothing_is_not_an_answer(desk: Desk, keys: bytes) -> None:
    """A person who only presses Enter, pastes an empty clipboard or plays with the arrows has not given up."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        desk.type(keys)

        assert wait_for(hidden, desk, 0.3) is None


def test_two_pastes_come_one_after_the_other(desk: Desk) -> None:
    """After a refused paste the next one starts from nothing."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        desk.type(b"one\r")
        first = wait_for(hidden, desk)
        desk.type(b"two\r")
        second = wait_for(hidden, desk)

    assert (first, second) == ("one", "two")


def test_more_than_the_limit_is_cut_above_it(desk: Desk) -> None:
    """What is longer than any redirect does not grow without bound, and stays too long."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        desk.type(b"x" * (MAX_PASTE + 5_000) + b"\r")
        received = wait_for(hidden, desk)

    assert received == "x" * (MAX_PASTE + 1)


def test_a_hang_up_ends_the_input() -> None:
    """A closed terminal window is an answer too, and leaving does not fail on it."""
    desk = Desk()
    with HiddenInput(desk.terminal, profile="work") as hidden:
        os.close(desk.keyboard)

        assert hidden.read() == ""
    os.close(desk.terminal)


def test_a_terminal_that_fails_ends_the_input(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading from a terminal that was taken away is an error of the system, and the end for us."""

    def fail(*_: object) -> bytes:
        raise OSError

    with HiddenInput(desk.terminal, profile="work") as hidden:
        monkeypatch.setattr(os, "read", fail)
        received = hidden.read()
        monkeypatch.undo()

    assert received == ""


def test_a_stuck_key_does_not_hold_the_caller(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """With Enter held down there is never silence; the countdown still gets its turn."""
    with HiddenInput(desk.terminal, profile="work") as hidden:
        os.write(desk.keyboard, b"a")
        assert hidden.read() is None
        monkeypatch.setattr(os, "read", lambda *_: b"\n")
        monkeypatch.setattr(select, "select", lambda *_: ([desk.terminal], [], []))
        received = hidden.read()
        monkeypatch.undo()

    assert received is None


def test_an_interrupt_while_hiding_shows_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between turning echo off and the body of the context leaves no silent terminal behind."""
    before = termios.tcgetattr(desk.terminal)
    calls = iter(["before hiding", "after hiding"])

    def read_modes(_: int) -> list[Any]:
        if next(calls) == "after hiding":
            signal.raise_signal(signal.SIGINT)
        return before

    monkeypatch.setattr(termios, "tcgetattr", read_modes)

    with pytest.raises(KeyboardInterrupt), HiddenInput(desk.terminal, profile="work"):
        pass
    monkeypatch.undo()

    assert termios.tcgetattr(desk.terminal) == before


def test_the_terminal_is_as_it_was(desk: Desk) -> None:
    """All its settings come back, also when the context is left by an exception."""
    before = termios.tcgetattr(desk.terminal)

    with pytest.raises(KeyboardInterrupt), HiddenInput(desk.terminal, profile="work"):  # noqa: PT012
        during = termios.tcgetattr(desk.terminal)
        signal.raise_signal(signal.SIGINT)

    assert not during[3] & (termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN)
    assert during[3] & termios.ISIG
    assert termios.tcgetattr(desk.terminal) == before


def test_what_is_left_unread_never_reaches_the_shell(desk: Desk) -> None:
    """The rest of a paste is thrown away on leaving."""
    with HiddenInput(desk.terminal, profile="work"):
        os.write(desk.keyboard, b"half a code\r")
        assert select.select([desk.terminal], [], [], 5)[0]

    assert not select.select([desk.terminal], [], [], 0.1)[0]


@pytest.mark.parametrize("opened", [os.O_RDONLY, os.O_RDWR])
def test_anything_but_a_terminal_is_refused(tmp_path: Path, opened: int) -> None:
    """A file or pipe would be read with echo unknown; the remedy names the profile."""
    tmp_path.joinpath("file").touch()
    descriptor = os.open(tmp_path / "file", opened)

    with pytest.raises(NotATerminal) as refusal, HiddenInput(descriptor, profile="work"):
        pass
    os.close(descriptor)

    assert "--profile work" in refusal.value.hint


def test_a_terminal_that_keeps_echoing_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Success of the call is not believed; the mode is read back."""
    monkeypatch.setattr(termios, "tcsetattr", lambda *_: None)

    with pytest.raises(NotATerminal), HiddenInput(desk.terminal, profile="work"):
        pass


def test_a_terminal_opened_for_reading_only_works(desk: Desk) -> None:
    """Bracketed paste cannot be asked for there; Enter still ends the line."""
    reading = os.open(os.ttyname(desk.terminal), os.O_RDONLY | os.O_NOCTTY)
    try:
        with HiddenInput(reading, profile="work") as hidden:
            desk.type(b"abc\r")
            received = wait_for(hidden, desk)
    finally:
        os.close(reading)

    assert (received, desk.look()) == ("abc", b"")


PROGRAM = """
import select, sys
from codex_auth.edge.terminal import HiddenInput
try:
    with HiddenInput(0, profile="work") as hidden:
        print("ready", flush=True)
        text = None
        while text is None:
            if select.select([0], [], [], 0.1)[0]:
                text = hidden.read()
        print(len(text), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


SHELL = """
import fcntl, os, signal, subprocess, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
with subprocess.Popen([sys.executable, "-c", sys.argv[1]], process_group=0) as job:
    os.tcsetpgrp(0, job.pid)
    print(job.pid, flush=True)
    while os.WIFSTOPPED(os.waitpid(job.pid, os.WUNTRACED)[1]):
        print("stopped", flush=True)
    job.returncode = 0
"""
"""What job control needs: a program whose parent stands in another process group of the same session."""


class Job:
    """A program that reads one paste from the desk, in the foreground of a small shell."""

    def __init__(self, desk: Desk) -> None:
        self.shell = subprocess.Popen(
            [sys.executable, "-c", SHELL, PROGRAM],
            stdin=desk.terminal,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        lines = {self.line(), self.line()}
        assert "ready" in lines
        self.pid = int((lines - {"ready"}).pop())

    def line(self) -> str:
        """Return the next line the job, or its shell, prints."""
        assert self.shell.stdout is not None
        return self.shell.stdout.readline().decode().strip()

    def end(self) -> None:
        """Hang up, whether it is over or not."""
        with self.shell:
            self.shell.terminate()


@pytest.fixture
def job(desk: Desk) -> Iterator[Job]:
    """Start a job that has hidden the terminal."""
    running = Job(desk)
    yield running
    running.end()


def test_ctrl_c_interrupts(desk: Desk, job: Job) -> None:
    """The key that stops programs stops ours, and the terminal echoes again."""
    os.write(desk.keyboard, b"secret\x03")

    assert job.line() == "interrupted"
    assert termios.tcgetattr(desk.terminal)[3] & termios.ECHO
    assert b"secret" not in desk.look()


def test_a_suspended_program_gives_the_terminal_back(desk: Desk, job: Job) -> None:
    """Stopped by Ctrl-Z, the terminal echoes; continued, it hides again and the paste arrives."""
    os.write(desk.keyboard, b"\x1a")
    assert job.line() == "stopped"
    stopped = termios.tcgetattr(desk.terminal)[3]

    os.kill(job.pid, signal.SIGCONT)
    patience = time.monotonic() + 20
    while termios.tcgetattr(desk.terminal)[3] & termios.ECHO and time.monotonic() < patience:
        time.sleep(0.01)
    os.write(desk.keyboard, b"secret\r")

    assert job.line() == "6"
    assert stopped & termios.ECHO
    assert stopped & termios.ICANON
    assert b"secret" not in desk.look()


def test_outside_the_main_thread_signals_are_left_alone(desk: Desk) -> None:
    """Python lets only the main thread set handlers; hiding works anywhere."""
    received: list[str | None] = []

    def read() -> None:
        with HiddenInput(desk.terminal, profile="work") as hidden:
            desk.type(b"abc\r")
            received.append(wait_for(hidden, desk))

    reader = threading.Thread(target=read)
    reader.start()
    reader.join()

    assert received == ["abc"]


def test_a_pipe_is_read_to_its_end() -> None:
    """Line ends inside stay, the last one goes."""
    assert read_piped(io.BytesIO(URL.encode() + b"\nxyz\r\n")) == URL + "\nxyz"
    assert read_piped(io.BytesIO(b"")) == ""
    assert read_piped(io.BytesIO(b"x" * MAX_PASTE)) == "x" * MAX_PASTE


def test_an_endless_pipe_is_refused() -> None:
    """Reading stops above the limit."""
    with open("/dev/zero", "rb") as endless, pytest.raises(RedirectRefused):
        read_piped(endless)


class Screen(io.TextIOWrapper):
    """A stream that says it is a terminal, of no size."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding)

    def isatty(self) -> bool:
        """Claim to be one."""
        return True

    @property
    def text(self) -> str:
        """All that was written."""
        return self.bytes.getvalue().decode(self.encoding)


def test_the_countdown_draws_one_line_and_removes_it() -> None:
    """Each drawing replaces the last one; clearing leaves an empty line."""
    screen = Screen()
    countdown = Countdown(screen, "Waiting", env={"NO_COLOR": "1"})

    countdown.draw(125)
    countdown.draw(0.2)
    countdown.clear()
    countdown.clear()

    assert screen.text == "\r⠋ Waiting 02:05\x1b[K\r⠙ Waiting 00:00\x1b[K\r\x1b[K"


def test_the_countdown_uses_what_the_terminal_can_show() -> None:
    """ASCII where the encoding is not UTF-8, colour unless NO_COLOR is set to something."""
    ascii_screen, colourful = Screen("ascii"), Screen()

    Countdown(ascii_screen, "Waiting", env={"NO_COLOR": "1"}).draw(-3)
    Countdown(colourful, "Waiting", env={"NO_COLOR": ""}).draw(60)

    assert ascii_screen.text == "\r| Waiting 00:00\x1b[K"
    assert colourful.text == "\r\x1b[36m⠋\x1b[39m Waiting 01:00\x1b[K"


@pytest.mark.parametrize("columns", [3, 10, 14, 20, 40])
def test_the_countdown_never_wraps(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is always shorter than the terminal is wide."""
    screen = Screen()
    screen.fileno = lambda: 0  # type: ignore[method-assign]
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))

    Countdown(screen, "Waiting for the browser", env={"NO_COLOR": "1"}).draw(60)

    assert len(screen.text.removeprefix("\r").removesuffix("\x1b[K")) < columns


def test_the_countdown_is_silent_where_it_would_stay() -> None:
    """Logs and dumb terminals get nothing."""
    log, dumb = io.StringIO(), Screen()

    for stream, env in ((log, {}), (dumb, {"TERM": "dumb"})):
        countdown = Countdown(stream, "Waiting", env=env)
        countdown.draw(60)
        countdown.clear()

    assert (log.getvalue(), dumb.text) == ("", "")
