"""Becoming another program: where it is found, and how our place is handed over to it."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import IO

from codex_auth.core.errors import CommandNotFound, CommandNotRunnable
from codex_auth.edge import world
from codex_auth.edge.trouble import words as trouble

_FORWARDED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
_OURS = [*_FORWARDED, *(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name))]
"""Signals that we or Python itself treat in another way than a new program expects."""
_PIECE = 1 << 16
"""As much as a pipe of Linux holds."""


def find(name: str, env: Mapping[str, str]) -> str:
    """Return the file that a command's name means, looked up on `PATH` as a shell does.

    Raises `CommandNotFound`, and `CommandNotRunnable` for one that may not be executed.
    """
    path = env.get("PATH")
    found = shutil.which(name, path=path) if name else None
    if found is None:
        raise CommandNotRunnable(problem="it is not executable") if _is_file(name, path) else CommandNotFound
    return found


def become(program: str, words: list[str], env: Mapping[str, str]) -> int:
    """Let a program take our place, with these words and this environment.

    On POSIX it does not return: the program has our process, so signals, exit status, streams and terminal are its
    own. Elsewhere it returns the program's exit status. Raises `CommandNotRunnable`.
    """
    for line in world.drawn:
        line.hold()
    if os.name != "posix":
        return attend(program, words, env)
    for number in _OURS:
        # First, so that no signal is lost between Python's handler and the new program.
        if number not in _FORWARDED or signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` stays as it is
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, words, env)  # noqa: S606 - running what the user named is the whole point; no shell
    except FileNotFoundError:  # the file itself was found a moment ago
        raise CommandNotRunnable(problem="the interpreter that its first line names is not there") from None
    except OSError as error:
        raise CommandNotRunnable(problem=trouble(error)) from None


def attend(program: str, words: list[str], env: Mapping[str, str]) -> int:
    """Run a program beside us, hand on every signal that asks us to stop, and return its exit status.

    A death by signal is 128 and its number, as shells report it. Raises `CommandNotRunnable`.
    """
    with _handing_on() as hand_on_to:
        started = _start(program, words, env)
        hand_on_to(started)
        started.wait()
    return status(started)


@contextlib.contextmanager
def attended(program: str, words: list[str], env: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a program beside us with pipes for its input and output, and hand on every signal that asks us to stop.

    When the block ends, the pipes are closed and the program's end is waited for. Raises `CommandNotRunnable`.
    """
    with _handing_on() as hand_on_to:
        started = _start(program, words, env, pipe=subprocess.PIPE)
        hand_on_to(started)
        try:
            yield started
        finally:
            # Its output first: closing its input waits for a thread that writes there, and that for the program,
            # which may be waiting for us to read.
            for stream in (started.stdout, started.stdin):
                _close(stream)
            started.wait()


def status(ended: "subprocess.Popen[bytes]") -> int:
    """Return the exit status of a program that has ended; a death by signal is 128 and its number."""
    code = ended.returncode
    return code if code >= 0 else 128 - code


def lines(descriptor: int) -> "Iterator[bytes]":
    """Yield what can be read there, line by line as it comes; the last may have no end.

    Not a buffered file: a thread that waits for a line holds its lock, and Python then ends with SIGABRT instead of
    our exit status (`_enter_buffered_busy`).
    """
    parts: list[bytes] = []
    while piece := os.read(descriptor, _PIECE):
        *whole, rest = piece.split(b"\n")
        for each in whole:
            yield b"".join([*parts, each, b"\n"])
            parts.clear()
        parts.append(rest)
    if any(parts):
        yield b"".join(parts)


def write(descriptor: int, line: bytes) -> None:
    """Write all of a line. Raises `OSError`, and leaves nothing for Python to try again when it ends."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _start(
    program: str, words: list[str], env: Mapping[str, str], pipe: int | None = None
) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(words, executable=program, env=env, stdin=pipe, stdout=pipe)
    except OSError as error:
        raise CommandNotRunnable(problem=trouble(error)) from None


@contextlib.contextmanager
def _handing_on() -> "Iterator[Callable[[subprocess.Popen[bytes]], None]]":
    """Hand on every signal that asks us to stop to the child that is named, also one that came before it was."""
    came: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        _send(number, children)

    def hand_on_to(child: "subprocess.Popen[bytes]") -> None:
        children.append(child)
        for number in came:
            _send(number, children)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        yield hand_on_to
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _close(stream: "IO[bytes] | None") -> None:
    if stream is not None:
        with contextlib.suppress(OSError):  # what was left in it has no reader any more
            stream.close()


def _send(number: int, children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        # On Windows the console has told the child already, and nothing else could be sent.
        with contextlib.suppress(ValueError, OSError):
            child.send_signal(number)


def _is_file(name: str, path: str | None) -> bool:
    return bool(name) and shutil.which(name, mode=os.F_OK, path=path) is not None
