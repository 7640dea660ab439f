"""A QR code is drawn only where it can be read, and is then the right one."""

import io
import os
from typing import Any

import pytest

from codex_auth.edge import qr

PAGE = "https://auth.openai.com/codex/device"
ROOMY = os.terminal_size((80, 24))


class Screen(io.TextIOWrapper):
    """A terminal of some encoding; `size` says how large."""

    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        """Whether it is one."""
        return self._is_terminal

    def fileno(self) -> int:
        """Return a descriptor that stands for it."""
        return 99


@pytest.fixture
def size(monkeypatch: pytest.MonkeyPatch) -> list[os.terminal_size | OSError]:
    """Return what every terminal says of its size."""
    said: list[os.terminal_size | OSError] = [ROOMY]

    def answer(_fd: int) -> os.terminal_size:
        if isinstance(said[0], OSError):
            raise said[0]
        return said[0]

    monkeypatch.setattr(os, "get_terminal_size", answer)
    return said


def modules(lines: list[str], *, dark_is_drawn: bool) -> list[list[bool]]:
    """Return what is dark in a picture, two rows for each line."""
    upper, lower = ("▀█", "▄█") if dark_is_drawn else ("▄ ", "▀ ")
    rows: list[list[bool]] = []
    for line in lines:
        bare = line.removeprefix("\x1b[30;107m").removesuffix("\x1b[39;49m")
        rows += [[sign in upper for sign in bare], [sign in lower for sign in bare]]
    return rows


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("env", [{}, {"NO_COLOR": "1"}], ids=["colour", "no colour"])
def test_the_picture_is_that_of_the_address(env: dict[str, str]) -> None:
    """Both ways of drawing show the same modules as the library makes, with light around them."""
    import segno

    lines = qr.draw(PAGE, Screen(), env=env)
    shown = modules(lines, dark_is_drawn=not env)
    wanted = [
        [bool(module) for module in row] for row in segno.make(PAGE, error="l", micro=False).matrix_iter(border=2)
    ]

    assert shown[: len(wanted)] == wanted
    assert ("\x1b" in "".join(lines)) is not bool(env)
    assert all(line.endswith("\x1b[39;49m") for line in lines) is not bool(env)


@pytest.mark.parametrize(
    ("screen", "env", "said"),
    [
        (Screen(is_terminal=False), {}, ROOMY),
        (Screen("ascii"), {}, ROOMY),
        (Screen("latin-1"), {}, ROOMY),
        (Screen(), {"TERM": "dumb"}, ROOMY),
        (Screen(), {}, os.terminal_size((33, 24))),
        (Screen(), {}, os.terminal_size((80, 23))),
        (Screen(), {}, os.terminal_size((0, 0))),
        (Screen(), {}, OSError()),
    ],
    ids=["piped", "ascii", "latin-1", "dumb", "narrow", "low", "no size", "no answer"],
)
def test_nothing_is_drawn_where_it_could_not_be_read(screen: Screen, env: dict[str, str], said: Any, size: Any) -> None:
    """Not a terminal, without block characters, or too small: the link and the code are all there is."""
    size[0] = said

    assert qr.draw(PAGE, screen, env=env) == []


def test_the_smallest_terminal_that_holds_it_shows_it(size: list[os.terminal_size]) -> None:
    """One column more than the picture is wide, and seven lines more than it is high."""
    size[0] = os.terminal_size((34, 24))

    lines = qr.draw(PAGE, Screen(), env={"NO_COLOR": "1"})

    assert {len(line) for line in lines} == {33}
    assert len(lines) == 17
