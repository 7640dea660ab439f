"""A program that is handed text and answers with text, within a time. What it says on stderr is never shown."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

_ANSWER_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended: its status, None if it took too long or could not be started, and its answer."""

    status: int | None
    text: bytes
    is_late: bool = False


def send(
    words: list[str], given: bytes, env: Mapping[str, str], *, seconds: float, with_errors: bool = False
) -> Answer:
    """Run a program with `given` on stdin and exactly this environment; what takes longer is ended, with its children.

    `with_errors` puts what it says on stderr into the answer, for those who look for a known word in it.
    It runs in a session of its own, so that a Ctrl-C here does not end it halfway; what interrupts the wait does.
    """
    try:
        child = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_errors else subprocess.DEVNULL,
            cwd=os.sep,
            env=dict(env),
            start_new_session=True,
        )
    except OSError:
        return Answer(None, b"")
    try:
        out, _ = child.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(child)
        return Answer(None, b"", is_late=True)
    except BaseException:
        _end(child)
        raise
    return Answer(child.returncode, out[:_ANSWER_LIMIT])


def _end(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with contextlib.suppress(OSError, ValueError):
        child.communicate()
