"""How `doctor` shows that it looks, asks before it mends, and what it writes on."""

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click

from codex_auth.checks.finding import Finding
from codex_auth.checks.table import ASKING
from codex_auth.edge.terminal import Progress
from codex_auth.edge.world import World
from codex_auth.views.diagnosis import Part, Sheet, question
from codex_auth.views.screen import is_terminal, look

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


def sheet(world: World) -> Sheet:
    """Return what is written on: a terminal of some width, or whatever stdout is."""
    if not is_terminal():
        return Sheet(draw=lambda line: world.out("".join(text for text, _ in line).rstrip()))
    from rich.console import Console
    from rich.text import Text

    width = look().width
    console = Console(highlight=False, width=width, soft_wrap=True)

    def draw(line: list[Part]) -> None:
        drawn = Text.assemble(*line)
        drawn.rstrip()
        console.print(drawn)

    return Sheet(width=width, draw=draw)
