"""Showing lines on whatever stdout is, and who looks at it."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from codex_auth.edge import world
from codex_auth.edge.world import World
from codex_auth.views.look import Line, Look

_PIPE_WIDTH = 80


def is_terminal() -> bool:
    """Whether somebody looks at stdout."""
    return sys.stdout is not None and sys.stdout.isatty()


def look() -> Look:
    """Return what stdout can show."""
    from codex_auth.edge.terminal import speaks_unicode

    can = sys.stdout is not None and speaks_unicode(sys.stdout)
    return Look(width=_width() if is_terminal() else _PIPE_WIDTH, unicode=can)


def _width() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _PIPE_WIDTH
    except OSError:
        return _PIPE_WIDTH


def show(lines: list[Line], place: World, *, anew: bool = False) -> None:
    """Print lines, in colour where that is seen; `anew` clears the screen before."""
    if not is_terminal():
        for line in lines:
            place.out("".join(text for text, _ in line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, width=look().width)
    if anew:
        console.clear()
    for line in lines:
        console.print(Text.assemble(*line), overflow="fold")


def agreed(question: str) -> bool:
    """Ask a person for a yes or no, on stderr."""
    import click

    for line in world.drawn:
        line.hold()
    try:
        return click.confirm(question, err=True)
    finally:
        for line in world.drawn:
            line.go_on()


def patience(arguments: list[str]) -> AbstractContextManager[object]:
    """Return what shows, on a terminal, that a verb that may take long is still at it."""
    verb = arguments[0] if arguments else ""
    text = "" if verb == "keep" and "--once" not in arguments else _LASTING.get(verb, "")
    if not text or sys.stderr is None or not sys.stderr.isatty():
        return nullcontext()
    from codex_auth.edge.terminal import Patience

    return Patience(sys.stderr, text, env=os.environ)


_LASTING = {
    "start": "Asking the provider",
    "finish": "Signing in",
    "refresh": "Asking the provider",
    "run": "Asking the provider",
    "use": "Switching",
    "deliver": "Delivering",
    "import": "Reading",
    "export": "Writing",
    "move": "Moving",
    "rename": "Renaming",
    "vault": "Sealing",
    "key": "Keeping",
    "keep": "Renewing what is due",
    "logout": "Logging out",
    "remove": "Logging out",
    "leftovers": "Looking",
    "doctor": "Looking",
}
"""What is said meanwhile; verbs that show more than that, or nothing at all, are not here."""
