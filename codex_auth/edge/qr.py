"""A QR code on the terminal, where one can be read; nothing elsewhere."""

import os
from collections.abc import Mapping
from typing import TextIO

_QUIET_ZONE = 2
"""Modules of white around it. ISO 18004 asks for four; cameras of telephones read it with two, and it fits."""
_HALVES = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
"""Two modules in one character: what is light is drawn, for most terminals are dark."""
_INVERTED = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}
_BLACK_ON_WHITE, _PLAIN = "\x1b[30;107m", "\x1b[39;49m"
_ROOM_BELOW = 7
"""Lines that must stay in sight with it: the link, the code, the countdown."""


def draw(text: str, stream: TextIO, *, env: Mapping[str, str]) -> list[str]:
    """Return the lines of a QR code of `text`; none where `stream` is no terminal that could show it."""
    if not stream.isatty() or env.get("TERM") == "dumb":
        return []
    if (stream.encoding or "").lower().replace("-", "") != "utf8":
        return []
    try:
        size = os.get_terminal_size(stream.fileno())
    except OSError:
        return []
    lines = _lines(text, coloured=not env.get("NO_COLOR"))  # https://no-color.org: set and not empty
    width = max(len(line) for line in _lines(text, coloured=False))
    return lines if width < size.columns and len(lines) + _ROOM_BELOW <= size.lines else []


def _lines(text: str, *, coloured: bool) -> list[str]:
    import segno  # here, because most runs draw nothing

    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=_QUIET_ZONE)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    signs = _INVERTED if coloured else _HALVES
    lines = ["".join(signs[pair] for pair in zip(*rows[at : at + 2], strict=True)) for at in range(0, len(rows), 2)]
    return [f"{_BLACK_ON_WHITE}{line}{_PLAIN}" for line in lines] if coloured else lines
