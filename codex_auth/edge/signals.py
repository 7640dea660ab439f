"""Ctrl-C and requests to stop: taken at once, or held back until a short, unrepeatable piece of work is done."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from codex_auth.core.errors import Stop

_STOPPING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_asked: list[int] = []


def stop_cleanly() -> None:
    """Let SIGINT, SIGTERM and SIGHUP unwind the program, so that terminals and files are left as they were.

    A signal that was ignored when we were started (`nohup`) stays ignored.
    """
    for number in _STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def stop_if_asked() -> None:
    """Raise `Stop` if a signal came whose exception was lost; for loops that wait long.

    Python drops what a signal handler raises while a destructor or a weak reference's callback runs.
    """
    if _asked:
        raise Stop(_asked[0])


def _stop(number: int, _frame: FrameType | None) -> None:
    _asked.append(number)
    raise Stop(number)


@contextlib.contextmanager
def deferred(explain: Callable[[], None]) -> Iterator[list[int]]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the block has ended, then deliver the first that came.

    The block is handed the list of those that came so far.

    The block must be bounded by its own timeouts. `explain` is called at every signal, so that whoever presses
    Ctrl-C twice is told why nothing happens yet; it must not raise. Outside the main thread, which receives no
    signals, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        explain()

    before = {number: handler for number in _STOPPING if (handler := signal.getsignal(number)) is not None}
    try:
        for number in before:  # one that comes between two of them finds its own handler, and all are put back
            signal.signal(number, note)
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            os.kill(os.getpid(), caught[0])
