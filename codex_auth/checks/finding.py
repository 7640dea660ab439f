"""One thing that is wrong, and what a check looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_auth.core.errors import AuthError
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store
from codex_auth.stories.status import Report

Mend = Callable[[], str]
"""Mends one thing and returns what was done, in words. Raises `AuthError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found. Nothing in it is secret."""

    code: str
    """Stable, for programs."""
    what: str
    """The sentence for people."""
    todo: str
    """What to type, or to do."""
    subject: str = ""
    """The profile, file or program it is about."""
    mend: Mend | None = None
    """What `--fix` does; None for what a person should decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """This machine, as far as it concerns us."""

    places: Places
    store: Store
    world: World
    report: Report


Check = Callable[[Patient], Iterator[Finding]]


def of_error(error: AuthError, *, subject: str = "", mend: Mend | None = None) -> Finding:
    """Return an error as something that was found."""
    return Finding(code=error.code, what=str(error), todo=error.hint, subject=subject, mend=mend)
