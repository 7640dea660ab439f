"""How `doctor` shows that it looks, and asks before it mends."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

from codex_auth.checks.finding import Finding
from codex_auth.checks.table import ASKING
from codex_auth.edge.terminal import Progress
from codex_auth.edge.world import World
from codex_auth.views.diagnosis import question
from codex_auth.views.screen import look

_PATIENCE = 0.5
"""Seconds in which nobody wonders whether anything happens."""


class Looking:
    """The line that shows which family of checks is looked at, once that takes long, or may."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._began = world.ticks()
        self._line = None if sys.stderr is None else Progress(sys.stderr, "Looking", env=world.env)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.clear()

    def at(self, family: str) -> None:
        """Show that this family is next."""
        if self._line is not None and (family == ASKING or self._world.ticks() - self._began >= _PATIENCE):
            self._line.show(f"at: {family[0].lower()}{family[1:]}")


def may_mend(world: World, *, always: bool, never: bool) -> Callable[[Finding], bool]:
    """Return what says whether something may be mended that is not safe: it asks, on a terminal only."""

    def asked(found: Finding) -> bool:
        *told, last = question(found, world, width=look().width)
        for line in told:
            world.tell(line)
        return click.confirm(last, err=True)

    if always:
        return lambda _: True
    is_heard = sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()
    return asked if is_heard and not never else lambda _: False
