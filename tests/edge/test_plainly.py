"""Streams that cannot show everything, narrow terminals, and lines that are drawn while something lasts."""

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from codex_auth.core.errors import EXIT_CODES
from codex_auth.edge import plainly, terminal, world
from codex_auth.edge.terminal import HiddenInput, Patience


@contextmanager
def screen(columns: int = 80) -> Iterator[tuple[TextIO, int]]:
    """Return a stream that is a terminal of this width, and the descriptor that sees what is on it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream, ours
    os.close(ours)


def seen(descriptor: int) -> str:
    """Return what stands on the terminal so far."""
    os.set_blocking(descriptor, False)
    shown = b""
    try:
        while more := os.read(descriptor, 65536):
            shown += more
    except (BlockingIOError, OSError):
        pass
    return shown.decode()


FOLDS = {
    "a short sentence": ("Nothing is wrong.", "Nothing is wrong."),
    "a long one": (
        "work is logged out: revoked at the provider, and deleted here.",
        "work is logged out: revoked at the\nprovider, and deleted here.",
    ),
    "with an indent": (
        "  The key itself still works until it is revoked there.",
        "  The key itself still works until it\n  is revoked there.",
    ),
    "in a list": (
        "- nobody_keeps: work: leased to others, and nothing renews that.",
        "- nobody_keeps: work: leased to others,\n  and nothing renews that.",
    ),
    "a command in it": (
        "To see it all run `codex-auth status --why --full` in the terminal.",
        "To see it all run\n`codex-auth status --why --full` in the\nterminal.",
    ),
    "several lines": ("One.\n" + "two " * 12 + "end.", "One.\n" + "two " * 9 + "two\ntwo two end."),
}
WHOLE = {
    "an address": "http://localhost:1455/auth/callback?and=so&on=and&on",
    "a command": "To undo it: codex-auth deliver codex work --take-back",
    "JSON": '{"ok": true, "schema_version": 1, "profile": "work", "owner": "codex-auth"}',
    "a line for cron": "*/5 * * * * env A=b /usr/bin/codex-auth keep --once --quiet",
}


@pytest.mark.parametrize(("text", "lines"), FOLDS.values(), ids=FOLDS)
def test_a_sentence_fits_the_terminal(text: str, lines: str) -> None:
    """Sentences are broken between words, never inside a command that is to be copied."""
    with screen(40) as (stream, _):
        assert plainly.folded(text, stream) == lines

    assert plainly.folded(text, io.StringIO()) == text


@pytest.mark.parametrize("text", WHOLE.values(), ids=WHOLE)
def test_what_is_to_be_copied_stays_whole(text: str) -> None:
    """An address, a command, JSON and a line for cron are left to the terminal, which copies them as one."""
    with screen(40) as (stream, _):
        assert plainly.folded(text, stream) == text


@pytest.mark.parametrize("columns", [0, 1, 29])
def test_a_terminal_of_no_width_breaks_lines_itself(columns: int) -> None:
    """Where the width is not known, or nothing fits, lines are as long as they are."""
    text = "work is logged out: revoked at the provider, and deleted here."
    with screen(columns) as (stream, _):
        assert plainly.folded(text, stream) == text


def test_a_stream_of_ascii_shows_the_nearest() -> None:
    """Dots, dashes and quotation marks become those of ASCII; what has none becomes a question mark."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=plainly.NAME)

    stream.write("a…e – “it’s” → █░ 好")
    stream.flush()

    assert stream.buffer.getvalue().decode() == 'a...e - "it\'s" -> #- ?'  # type: ignore[attr-defined]


def test_everything_in_help_can_be_shown_in_ascii() -> None:
    """In the C locale the help has no question mark that is not the text's own."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}

    done = subprocess.run(
        [sys.executable, "-m", "codex_auth", "--help"], env=env, capture_output=True, check=True, timeout=60
    )

    assert b"?" not in done.stdout
    assert all(meaning.encode() in done.stdout for meaning in EXIT_CODES.values())


def test_a_line_is_drawn_when_something_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """After half a second a line says that it goes on; it is gone when it is over."""
    monkeypatch.setattr(terminal, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(terminal, "_FRAME_SECONDS", 0.01)
    with screen() as (stream, ours):
        with Patience(stream, "Looking", env={"NO_COLOR": "1"}) as patience:
            while not patience._is_drawn:
                pass
        shown = seen(ours)

    assert "⠋ Looking 00:00 so far" in shown
    assert shown.endswith("\r\x1b[K")
    assert "\x1b[3" not in shown  # no colour
    assert world.drawn == []


def test_what_lasts_for_a_moment_is_not_mentioned() -> None:
    """Within the first half second nothing is drawn; nor ever in a pipe or on a terminal that cannot remove it."""
    with screen() as (stream, ours):
        for env in ({}, {"TERM": "dumb"}):
            with Patience(stream, "Looking", env=env):
                pass
        assert seen(ours) == ""
    with Patience(io.StringIO(), "Looking", env={}):
        assert world.drawn == []


def test_what_is_said_meanwhile_takes_the_place_of_the_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A result or a remark removes the line first, and it stays away for as long as printing takes."""
    monkeypatch.setattr(terminal, "_FRAME_SECONDS", 0.01)
    with screen() as (stream, ours), Patience(stream, "Looking", env={}) as patience:
        patience.show("")
        world.World().tell("said")

        assert seen(ours).endswith("\r\x1b[K")
        assert not patience._is_drawn

    assert capsys.readouterr().err == "said\n"


def test_nothing_is_drawn_while_somebody_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hidden prompt has the terminal for itself; afterwards the line comes back."""
    monkeypatch.setattr(terminal, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(terminal, "_FRAME_SECONDS", 0.01)
    with screen() as (stream, ours), Patience(stream, "Looking", env={}) as patience:
        with HiddenInput(stream.fileno(), profile="work"):
            seen(ours)
            assert not patience._over.wait(0.1)
            assert "Looking" not in seen(ours)
        while not patience._is_drawn:
            pass


def test_a_line_in_colour_is_as_it_was_drawn() -> None:
    """Whoever drew it knows the width; the marks of colours have none, and are not counted."""
    text = "\x1b[1mopen_to_others:\x1b[0m ~/.local/share/codex-auth/vault can be opened by all."
    with screen(len(text) - 2) as (stream, _):
        assert plainly.folded(text, stream) == text
