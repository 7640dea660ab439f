"""One thing that was found, and what a check looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_auth.checks import codes
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
    """Stable, for programs; `codes` says what each means."""
    what: str
    """The sentence for people."""
    todo: str
    """What to type, or to do."""
    subject: str = ""
    """The profile, file or program it is about."""
    mend: Mend | None = None
    """What `--fix` does; None for what a person should decide."""
    ask: str = ""
    """What is asked before that; empty for what is safe."""

    @property
    def why(self) -> str:
        """Why it matters, in one sentence."""
        return codes.why(self.code)

    @property
    def is_note(self) -> bool:
        """Whether nothing is wrong, and it is only worth knowing."""
        return codes.is_note(self.code)


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
    about = subject or error.facts.get("profile") or error.facts.get("path", "")
    return Finding(code=error.code, what=str(error), todo=error.hint, subject=about, mend=mend)
