"""Text for streams that cannot show everything, and for terminals that are narrow."""

import codecs
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

NAME = "codex_auth.plainly"
"""The name of our error handler for `TextIO.reconfigure`."""
_NEAREST = {
    "…": "...",
    "–": "-",
    "—": "-",
    "’": "'",
    "“": '"',
    "”": '"',
    "·": "-",
    "•": "-",
    "→": "->",
    "█": "#",
    "░": "-",
    "✓": "ok",
}
_MARKS = ("- ", "+ ")
"""What a list's lines begin with; what follows hangs below the first word."""
_NARROWEST = 30
"""Columns below which lines that are cut by the terminal itself read better."""


def _nearest(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_NEAREST.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error(NAME, _nearest)


def folded(text: str, stream: "TextIO") -> str:
    """Return sentences in lines that fit the terminal, broken between words; all else, and in a pipe, as it is.

    A sentence ends with a full stop or question mark. What is to be copied stays whole: what stands in backticks, and
    every line that is no sentence, such as an address, a command or JSON. So does a line in colour: who drew it has
    looked how wide the terminal is.
    """
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError, AttributeError):
        return text
    if width < _NARROWEST or len(text) < width:
        return text
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int) -> str:
    if len(line) < width or line[-1:] not in {".", "?"} or "\x1b" in line:
        return line
    first = line[: len(line) - len(line.lstrip())]
    later = first + "  " if line.lstrip()[:2] in _MARKS else first
    lines, begun = [], ""
    for word in _words(line):
        if begun.strip() and len(begun) + 1 + len(word) >= width:
            lines.append(begun)
            begun = later + word
        else:
            begun = f"{begun} {word}" if begun.strip() else first + word
    return "\n".join([*lines, begun])


def _words(line: str) -> list[str]:
    """Return the words of a line; what stands in backticks is one."""
    words: list[str] = []
    is_open = False
    for word in line.split():
        if is_open:
            words[-1] += f" {word}"
        else:
            words.append(word)
        is_open ^= word.count("`") % 2 == 1
    return words
