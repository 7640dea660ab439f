"""Everything outside the program that a story may touch, as plain data that a test can replace."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from codex_auth.core.errors import OutputLost
from codex_auth.edge.plainly import folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class DrawnLine(Protocol):
        """A line that a thread draws on the terminal while something takes long."""

        def make_room(self) -> None:
            """Remove the line for now: something is printed in its place."""

        def hold(self) -> None:
            """Remove it and draw nothing more: somebody is to type, or another program takes over."""

        def go_on(self) -> None:
            """Draw it again when it is time."""


def _now() -> datetime:
    return datetime.now(UTC)


def _ticks() -> float:
    # CLOCK_BOOTTIME goes on while the machine sleeps, so a closed lid does not extend a deadline.
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


drawn: "list[DrawnLine]" = []
"""The line that is drawn just now, if there is one."""


def _make_room() -> None:
    for line in drawn:
        line.make_room()


def _out(line: str) -> None:
    try:
        _make_room()
        sys.stdout.write(folded(line, sys.stdout) + "\n")
        sys.stdout.flush()  # so that it stands in the right place among the lines for people
    except (OSError, AttributeError):  # no room, nobody reads, or there is no stdout at all
        raise OutputLost from None


def _tell(line: str) -> None:
    # A person who cannot be told is no reason to stop, least of all while a login is being stored.
    with contextlib.suppress(OSError, AttributeError):
        _make_room()
        sys.stderr.write(folded(line, sys.stderr) + "\n")
        sys.stderr.flush()


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Clock, randomness, environment and the two streams. The file system is not faked: tests use real folders."""

    now: Callable[[], datetime] = _now
    ticks: Callable[[], float] = _ticks
    """Seconds that keep counting while the machine sleeps; only differences mean anything."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[int], bytes] = os.urandom
    env: Mapping[str, str] = field(default_factory=lambda: os.environ)
    out: Callable[[str], None] = _out
    """A result, on stdout. Raises `OutputLost`."""
    tell: Callable[[str], None] = _tell
    """One line for people, on stderr, if there is one."""
