"""Becoming another program: where it is found, and how our place is handed over to it."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from types import FrameType

from codex_auth.core.errors import CommandNotFound, CommandNotRunnable
from codex_auth.edge.trouble import words as trouble

_FORWARDED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
_OURS = [*_FORWARDED, *(getattr(signal, name) for name in ("SIGPIPE", "SIGXFSZ") if hasattr(signal, name))]
"""Signals that we or Python itself treat in another way than a new program expects."""


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
    if os.name != "posix":
        return attend(program, words, env)
    for number in _OURS:
        # First, so that no signal is lost between Python's handler and the new program.
        if number not in _FORWARDED or signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` stays as it is
            signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, words, env)  # noqa: S606 - running what the user named is the whole point; no shell
    except OSError as error:
        raise CommandNotRunnable(problem=trouble(error)) from None


def attend(program: str, words: list[str], env: Mapping[str, str]) -> int:
    """Run a program beside us, hand on every signal that asks us to stop, and return its exit status.

    A death by signal is 128 and its number, as shells report it. Raises `CommandNotRunnable`.
    """
    came: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def forward(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        _send(number, children)

    before = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        children.append(subprocess.Popen(words, executable=program, env=env))
        for number in came:  # while it was being started
            _send(number, children)
        status = children[0].wait()
    except OSError as error:
        raise CommandNotRunnable(problem=trouble(error)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


@contextlib.contextmanager
def attended(program: str, words: list[str], env: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a program beside us with pipes for its input and output, and hand on every signal that asks us to stop.

    Raises `CommandNotRunnable`.
    """
    children: list[subprocess.Popen[bytes]] = []
    before = {number: signal.signal(number, lambda number, _frame: _send(number, children)) for number in _FORWARDED}
    try:
        pipe = subprocess.PIPE
        with subprocess.Popen(words, executable=program, env=env, stdin=pipe, stdout=pipe) as started:
            children.append(started)
            yield started
    except OSError as error:
        raise CommandNotRunnable(problem=trouble(error)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _send(number: int, children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        # On Windows the console has told the child already, and nothing else could be sent.
        with contextlib.suppress(ValueError, OSError):
            child.send_signal(number)


def _is_file(name: str, path: str | None) -> bool:
    return bool(name) and shutil.which(name, mode=os.F_OK, path=path) is not None
