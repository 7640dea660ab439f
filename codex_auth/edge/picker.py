"""A list on the terminal to choose from: arrows move, typing narrows, Enter takes, Esc leaves."""

import contextlib
import os
import re
import select
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from codex_auth.core.text import fitting, printable
from codex_auth.edge.signals import deferred
from codex_auth.edge.terminal import HiddenInput, speaks_unicode

_KEY = re.compile(rb"\x1b\[[0-?]{0,16}[ -/]{0,4}[@-~]|\x1bO.|\x1b|[^\x00-\x1f\x7f]+|.", re.DOTALL)
"""One control sequence, in either mode of the cursor keys; Esc; a run of characters; or one control key."""
_UP, _DOWN = {b"\x1b[A", b"\x1bOA", b"\x10"}, {b"\x1b[B", b"\x1bOB", b"\x0e", b"\t"}
_ENTER, _LEAVE, _BACK, _CLEAR = {b"\r", b"\n"}, {b"\x1b", b"\x04"}, {b"\x7f", b"\x08"}, b"\x15"
_PASTE_BEGINS, _PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"
_PASTE = re.compile(rb"\x1b\[200~.*?(?:\x1b\[201~|\Z)", re.DOTALL)
"""What is pasted is no name: it may be an address that nobody must see."""
_SEQUENCE_SECONDS = 0.05
"""What follows an Esc within this time belongs to it (a terminal sends it at once; a person does not)."""
_LOOK_SECONDS = 0.5
"""How often it is looked whether the terminal has another width, or is back from Ctrl-Z."""
_MOST_ROWS, _MOST_TYPED = 10, 64
_KEYS = "up/down: move   letters: narrow   Enter: take   Esc: leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to choose: what is returned, and what is shown of it."""

    name: str
    shown: str


def can_pick(keyboard: TextIO | None, screen: TextIO | None, env: Mapping[str, str]) -> bool:
    """Whether a person sits there, on a terminal that can draw something anew."""
    both = keyboard is not None and screen is not None and keyboard.isatty() and screen.isatty()
    return both and os.name == "posix" and env.get("TERM") not in {None, "", "dumb"}


def pick(
    question: str,
    rows: Sequence[Row],
    *,
    fits: Callable[[str, str, str], bool],
    typed: str,
    keyboard: TextIO,
    screen: TextIO,
    env: Mapping[str, str],
) -> str | None:
    """Return the name of the row that a person took, or None if they left.

    `typed` is what the list begins narrowed to, if anything fits it. The list is gone afterwards, and the terminal as
    it was, also after Ctrl-C, which is raised. Raises `NotATerminal`.
    """
    drawn = _Drawn(question, screen, env)
    begin = typed if any(fits(typed, row.name, row.shown) for row in rows) else ""
    wish = _Wish(rows, fits, begin)
    with _Keyboard(keyboard.fileno(), profile="") as keys:
        try:
            while True:
                if keys.is_back or drawn.is_stale():
                    keys.is_back = False
                    drawn.show(wish)
                for key in keys.pressed():
                    if key in _ENTER and wish.taken is not None:
                        return wish.taken.name
                    if key in _LEAVE:
                        return None
                    wish.press(key)
                    drawn.show(wish)
        finally:
            drawn.clear()


class _Wish:
    """What was typed so far, what fits it, and which of it is marked."""

    def __init__(self, rows: Sequence[Row], fits: Callable[[str, str, str], bool], typed: str) -> None:
        self._rows, self._fits = rows, fits
        self.at = 0
        self.typed = typed
        self._narrow()

    @property
    def taken(self) -> Row | None:
        return self.left[self.at] if self.left else None

    def press(self, key: bytes) -> None:
        """Obey a key that moves or narrows; no other does anything."""
        if key in _UP | _DOWN:
            step = -1 if key in _UP else 1
            self.at = (self.at + step) % len(self.left) if self.left else 0
            return
        if key in _BACK:
            self.typed = self.typed[:-1]
        elif key == _CLEAR:
            self.typed = ""
        elif key[0] >= 0x20:  # noqa: PLR2004 - below are the control keys
            self.typed = (self.typed + printable(key.decode("utf-8", "ignore")))[:_MOST_TYPED]
        else:
            return
        self._narrow()

    def _narrow(self) -> None:
        """Keep what fits; a name that begins so stands before one that only has it somewhere."""
        fitting = [row for row in self._rows if self._fits(self.typed, row.name, row.shown)]
        self.left = sorted(fitting, key=lambda row: not row.name.startswith(self.typed))
        self.at = 0


class _Drawn:
    """The lines on the screen; none is as long as the terminal is wide, so none wraps."""

    def __init__(self, question: str, screen: TextIO, env: Mapping[str, str]) -> None:
        self._question = question
        self._screen = screen
        self._in_colour = not env.get("NO_COLOR")
        self._is_unicode = speaks_unicode(screen)
        self._count = 0
        self._size = (0, 0)

    def is_stale(self) -> bool:
        """Whether the terminal has another size than what was drawn."""
        return self._size != _size(self._screen)

    def show(self, wish: _Wish) -> None:
        """Draw it anew over what was there."""
        self._size = width, height = _size(self._screen)
        room = max(1, min(_MOST_ROWS, height - 4))
        first = max(0, min(wish.at - room + 1, len(wish.left) - room))
        shown = wish.left[first : first + room]
        lines = [(f"{self._question} {wish.typed}", "1")]
        lines += [
            (f"{'>' if first + at == wish.at else ' '} {row.shown}", "1;36" if first + at == wish.at else "")
            for at, row in enumerate(shown)
        ]
        if not shown:
            lines.append(("  nothing fits", "33"))
        elif len(wish.left) > len(shown):
            lines.append((f"  {wish.at + 1} of {len(wish.left)}", "2"))
        lines.append((_KEYS, "2"))
        drawn = "\n".join(self._styled(fitting(self._plain(text), width - 1), style) for text, style in lines)
        with _undisturbed():
            self._erase()
            self._screen.write(drawn)
            self._screen.flush()
            self._count = len(lines)

    def clear(self) -> None:
        """Remove it."""
        with _undisturbed():
            self._erase()
            self._screen.flush()
            self._count = 0

    def _erase(self) -> None:
        if self._count:
            up = f"\x1b[{self._count - 1}A" if self._count > 1 else ""
            self._screen.write(f"\r{up}\x1b[J")

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._in_colour else text

    def _plain(self, text: str) -> str:
        if self._is_unicode:
            return text
        return text.replace("…", "...").encode("ascii", "replace").decode()


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let signals wait until it is known how many lines are drawn, so that as many are removed.

    Those that stop us may come by another thread, which draws a line of its own, so that masking them is not enough.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
    try:
        with deferred(lambda: None):
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Keyboard(HiddenInput):
    """The terminal's keys, one by one, unseen; Ctrl-Z gives it back until the program continues."""

    is_back = True
    _is_pasting = False

    def pressed(self) -> Iterator[bytes]:
        """Return the keys that were pressed within a moment; one that hung up leaves."""
        if not select.select([self._descriptor], [], [], _LOOK_SECONDS)[0]:
            return
        data = self._take()
        while data and _is_begun(data):
            if not select.select([self._descriptor], [], [], _SEQUENCE_SECONDS)[0]:
                break
            more = self._take()
            if not more:
                break
            data += more
        if not data:
            yield b"\x04"
        data = _PASTE_BEGINS + data if self._is_pasting else data
        self._is_pasting = _is_open(data)
        yield from _KEY.findall(_PASTE.sub(b"", data))

    def _take(self) -> bytes:
        try:
            return os.read(self._descriptor, 4096)
        except OSError:  # the terminal hung up
            return b""

    def _hide(self) -> None:
        super()._hide()
        self.is_back = True


def _is_begun(data: bytes) -> bool:
    """Whether a control sequence or a paste has begun and not ended."""
    return _is_open(data) or re.search(rb"\x1b(?:\[[0-?]*[ -/]*|O)?\Z", data) is not None


def _is_open(data: bytes) -> bool:
    """Whether a paste has begun and not ended."""
    return data.rfind(_PASTE_BEGINS) > data.rfind(_PASTE_ENDS)


def _size(screen: TextIO) -> tuple[int, int]:
    try:
        found = os.get_terminal_size(screen.fileno())
    except OSError:
        return 80, 24
    return found.columns or 80, found.lines or 24
