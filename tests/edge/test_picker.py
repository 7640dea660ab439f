"""A list to choose from, driven on a real terminal: keys in, and what is on the screen out."""

import fcntl
import os
import re
import struct
import termios
import threading
import time
import unicodedata
from collections.abc import Iterator

import pytest

from codex_auth.core.choosing import candidates, fits
from codex_auth.edge.picker import Row, can_pick, pick
from tests.edge.test_terminal import Desk

ROWS = [
    Row(name=name, shown=f"{name:<8}  {rest}".rstrip())
    for name, rest in (
        ("work", "a…a@a…e.example  team  the night build"),
        ("home", "j…o@m…l.example  plus"),
        ("workshop", "a…a@a…e.example  team"),
        ("spare", "x…x@x…x.example  plus  中文标签中文标签中文标签"),
    )
]
UP, DOWN, ESC, ENTER = b"\x1b[A", b"\x1b[B", b"\x1b", b"\r"


class Screen:
    """What a terminal shows of the few sequences that the picker writes; it wraps as a terminal does."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines = [""]
        self.row = self.column = 0
        self.colours: set[str] = set()

    def write(self, text: str) -> "Screen":
        for piece in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]", text):
            if piece == "\r":
                self.column = 0
            elif piece == "\n":
                self._down()
            elif piece[0] != "\x1b":
                self._put(piece)
            elif piece.endswith("A"):
                self.row = max(0, self.row - int(piece[2:-1] or 1))
            elif piece == "\x1b[J":
                self.lines[self.row :] = [self.lines[self.row][: self.column]]
            elif piece.endswith("m") and piece != "\x1b[0m":
                self.colours.add(piece)
        return self

    def _put(self, character: str) -> None:
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + width > self.columns:
            self.column = 0
            self._down()
        line = self.lines[self.row].ljust(self.column)
        self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
        self.column += width

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).rstrip()


class Sitting:
    """Somebody at a terminal of some width who is shown the list, and presses keys one after the other."""

    def __init__(self, desk: Desk, *, columns: int = 80, lines: int = 24, encoding: str = "utf-8", **env: str) -> None:
        self.desk, self.env = desk, {"TERM": "xterm", **env}
        self.resize(columns, lines)
        self.columns = columns
        self.stream = open(desk.terminal, "w", encoding=encoding, closefd=False)  # noqa: SIM115 - as sys.stderr is
        self.keyboard = open(desk.terminal, closefd=False)  # noqa: SIM115
        self.taken: str | BaseException | None = "nothing yet"

    def resize(self, columns: int, lines: int = 24) -> None:
        fcntl.ioctl(self.desk.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, *keys: bytes, typed: str = "", rows: list[Row] | None = None) -> list[str]:
        """Press each key after the one before was obeyed; return what the screen showed before each, and at the end."""
        thread = threading.Thread(target=self._pick, args=(typed, rows or ROWS), daemon=True)
        thread.start()
        seen = [self.screen("up/down")]
        for key in keys:
            os.write(self.desk.keyboard, key)
            time.sleep(0.06 if key == ESC else 0.01)
            seen.append(self.screen())
        thread.join(5)
        seen[-1] = self.screen()
        return seen

    def screen(self, until: str = "") -> str:
        end = time.monotonic() + 5
        while until.encode() not in self.desk.look() and time.monotonic() < end:
            time.sleep(0.01)
        self.drawn = Screen(self.columns).write(self.desk.shown.decode().replace("\r\n", "\n\r"))
        return self.drawn.text

    def _pick(self, typed: str, rows: list[Row]) -> None:
        try:
            self.taken = pick(
                "Which profile?",
                rows,
                fits=fits,
                typed=typed,
                keyboard=self.keyboard,
                screen=self.stream,
                env=self.env,
            )
        except Exception as error:  # noqa: BLE001 - told in the other thread
            self.taken = error


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Set up a desk for one test."""
    made = Desk()
    yield made
    made.close()


def modes(desk: Desk) -> object:
    """Return how the terminal is set."""
    return termios.tcgetattr(desk.terminal)


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ([ENTER], "work"),
        ([DOWN, ENTER], "home"),
        ([b"\x1bOB", b"\x1bOB", b"\x1bOA", ENTER], "home"),
        ([UP, ENTER], "spare"),
        ([b"sh", ENTER], "workshop"),
        ([b"night", ENTER], "work"),
        ([b"team shop", ENTER], "workshop"),
        ([b"zz", ENTER, b"\x15", b"h", ENTER], "home"),
        ([b"spx", b"\x7f", ENTER], "spare"),
        ([b"\x1b[3~", b"\x1b[5~", b"\x07", ENTER], "work"),
        ([b"wo", ESC], None),
        ([b"\x04"], None),
    ],
)
def test_keys(desk: Desk, keys: list[bytes], name: str | None) -> None:
    """Arrows move round, letters narrow by all that is shown, Enter takes, Esc and Ctrl-D leave; others do nothing."""
    before = modes(desk)
    sitting = Sitting(desk)

    *_, left = sitting.press(*keys)

    assert sitting.taken == name
    assert left == ""
    assert modes(desk) == before
    assert desk.shown.count(b"\x1b[?2004h") == desk.shown.count(b"\x1b[?2004l") == 1


def test_what_is_shown(desk: Desk) -> None:
    """The question with what was typed, the rows that fit with the marked one, and the keys."""
    first, second, *_ = Sitting(desk).press(b"wor", DOWN, ESC)

    assert first.splitlines()[:3] == ["Which profile?", f"> {ROWS[0].shown}", f"  {ROWS[1].shown}"]
    assert first.splitlines()[-1] == "up/down: move   letters: narrow   Enter: take   Esc: leave"
    assert second.splitlines()[:3] == ["Which profile? wor", f"> {ROWS[0].shown}", f"  {ROWS[2].shown}"]


def test_it_begins_with_what_was_typed_if_that_helps(desk: Desk) -> None:
    """A name that is not there narrows the list to those that may be meant; where none may be, all are shown."""
    narrowed, *_ = Sitting(desk).press(ESC, typed="wrk")
    assert narrowed.splitlines()[0] == "Which profile? wrk"
    assert len(narrowed.splitlines()) == 4

    desk.shown = b""
    everything, *_ = Sitting(desk).press(ESC, typed="zzz")
    assert everything.splitlines()[0] == "Which profile?"
    assert len(everything.splitlines()) == 6


@pytest.mark.parametrize("columns", [20, 34, 50])
def test_nothing_wraps(desk: Desk, columns: int) -> None:
    """At any width each row has one line, so that what is drawn anew covers what was there; wide letters count two."""
    first, *_, left = Sitting(desk, columns=columns).press(DOWN, DOWN, DOWN, ESC)

    assert len(first.splitlines()) == 6
    assert left == ""


def test_many_rows_scroll(desk: Desk) -> None:
    """No more than ten are in sight, the marked one among them, and it is said how many there are."""
    rows = [Row(name=f"p{number}", shown=f"p{number}") for number in range(300)]

    first, last, *_ = Sitting(desk, lines=9).press(UP, ESC, rows=rows)

    assert first.splitlines()[1:] == [*("> p0", "  p1", "  p2", "  p3", "  p4"), "  1 of 300", first.splitlines()[-1]]
    assert "> p299" in last
    assert "300 of 300" in last


def test_without_colour_and_without_unicode(desk: Desk) -> None:
    """The mark says what colour says; what cannot be shown is no question mark in a mask."""
    sitting = Sitting(desk, encoding="ascii", NO_COLOR="1")

    first, *_ = sitting.press(ESC)

    assert sitting.drawn.colours == set()
    assert "> work      a...a@a...e.example  team" in first
    assert first.isascii()


def test_a_paste_is_not_shown(desk: Desk) -> None:
    """What is pasted is no name but perhaps an address: it is passed over, also if it comes in two pieces."""
    sitting = Sitting(desk)

    sitting.press(b"\x1b[200~http://localhost:1455/auth/callback?code=ac_ca", b"nary\r\x1b[201~", b"ho", ENTER)

    assert sitting.taken == "home"
    assert b"canary" not in desk.shown
    assert b"callback" not in desk.shown


def test_another_width_is_seen(desk: Desk) -> None:
    """It is drawn anew within a second after the terminal was made narrower."""
    sitting = Sitting(desk)
    sitting.resize(80)
    thread = threading.Thread(target=sitting._pick, args=("", ROWS), daemon=True)
    thread.start()
    sitting.screen("up/down")
    desk.shown = b""

    sitting.resize(30)
    sitting.screen("up/down")
    os.write(desk.keyboard, ESC)
    thread.join(5)

    assert "up/down: move   letters: narr\x1b" in desk.shown.decode()
    assert "Enter" not in desk.shown.decode()


def test_a_terminal_that_hangs_up_leaves(desk: Desk) -> None:
    """Nobody is there any more, so nothing is taken."""
    sitting = Sitting(desk)
    thread = threading.Thread(target=sitting._pick, args=("", ROWS), daemon=True)
    thread.start()
    sitting.screen("up/down")

    os.close(desk.keyboard)
    thread.join(5)
    desk.keyboard = os.open(os.devnull, os.O_RDONLY)

    assert not thread.is_alive()
    assert sitting.taken is None or isinstance(sitting.taken, OSError)


@pytest.mark.parametrize(("term", "can"), [("xterm", True), ("dumb", False), ("", False)])
def test_who_can_be_asked(desk: Desk, term: str, *, can: bool) -> None:
    """A person at a terminal that can draw anew; nobody through a pipe."""
    with open(desk.terminal, closefd=False) as terminal, open(os.devnull) as pipe:
        assert can_pick(terminal, terminal, {"TERM": term}) is can
        assert not can_pick(pipe, terminal, {"TERM": term})
        assert not can_pick(terminal, pipe, {"TERM": term})
        assert not can_pick(None, terminal, {"TERM": term})


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("wor", ["work", "workshop"]),
        ("shop", ["workshop"]),
        ("wksp", ["workshop"]),
        ("wrok", ["work"]),
        ("hmoe", ["home"]),
        ("zzz", []),
        ("", ["work", "home", "workshop"]),
    ],
)
def test_who_may_be_meant(typed: str, found: list[str]) -> None:
    """What begins so, has it inside or its letters in this order; else what is a slip away."""
    assert candidates(typed, ["work", "home", "workshop"]) == found
