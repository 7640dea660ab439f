"""Lines on whatever stdout is: in colour on a terminal, as wide as that is, and as text in a pipe."""

import os
import sys
from dataclasses import dataclass

from codex_auth.core.text import is_utf8
from codex_auth.edge.world import World

Line = list[tuple[str, str]]
"""Pieces of text, each with a style."""

_PIPE_WIDTH = 80
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
"""Select Graphic Rendition (ECMA-48 section 8.3.117). A library for this would cost more than all else `list` does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is to draw with."""

    width: int = 80
    unicode: bool = True

    @property
    def bar(self) -> tuple[str, str]:
        """What is left, and what is used."""
        return ("█", "░") if self.unicode else ("#", "-")

    def text(self, text: str) -> str:
        """Return text without what cannot be shown."""
        return text if self.unicode else text.replace("…", "...").replace("–", "-")


def is_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def look() -> Look:
    """Return what stdout can show."""
    can = sys.stdout is not None and is_utf8(sys.stdout.encoding)
    return Look(width=_width() if is_terminal() else _PIPE_WIDTH, unicode=can)


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _PIPE_WIDTH
    except OSError:
        return _PIPE_WIDTH


def show(lines: list[Line], world: World, *, anew: bool = False) -> None:
    """Print lines, in colour where that is seen; `anew` clears the screen before."""
    if not lines and not anew:
        return
    is_able = is_terminal() and os.name == "posix" and world.env.get("TERM") not in {"dumb", ""}
    in_colour = is_able and not world.env.get("NO_COLOR")  # https://no-color.org: set and not empty
    drawn = "\n".join(_coloured(line) if in_colour else _plain(line) for line in lines)
    world.out(f"\x1b[H\x1b[2J{drawn}" if anew and is_able else drawn)


def _coloured(line: Line) -> str:
    return "".join(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and text else text for text, style in line)


def _plain(line: Line) -> str:
    return "".join(text for text, _ in line).rstrip()
