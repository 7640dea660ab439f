"""Showing that something lasts, and asking a person in between."""

import os
import sys
from contextlib import AbstractContextManager, nullcontext

from codex_auth.edge import world


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
}
"""What is said meanwhile; verbs that show more than that, or nothing at all, are not here."""
