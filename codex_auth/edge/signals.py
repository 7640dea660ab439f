"""Letting a short, unrepeatable piece of work finish before Ctrl-C or a stop request takes effect."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_DEFERRED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def deferred(explain: Callable[[], None]) -> Iterator[None]:
    """Hold back SIGINT, SIGTERM and SIGHUP until the block has ended, then deliver the first that came.

    The block must be bounded by its own timeouts. `explain` is called at every signal, so that whoever presses
    Ctrl-C twice is told why nothing happens yet. Outside the main thread, which receives no signals, it does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        explain()

    before = {number: signal.signal(number, note) for number in _DEFERRED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if caught:
            os.kill(os.getpid(), caught[0])
