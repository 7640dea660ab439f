"""What every target promises."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from codex_auth.core.codex_toml import TokenProvider
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.notes.deliveries import Choice, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """What a target is given: a login of ours, as a lease or whole."""

    credential: Credential
    is_whole: bool = False
    """Whether the refresh token goes with it: a hand-over."""
    may_replace: bool = False
    """Whether what is there of somebody else may be replaced."""
    check_settings: bool = True
    """Whether to look for settings of the target that would keep it from using the gift; slow, so not at renewals."""
    is_ours: Callable[[str, str], bool] = lambda _account, _refresh_hash: False
    """Whether a login that the target holds is in a profile of ours, so that replacing it there loses nothing."""
    choices: Mapping[str, Choice] = field(default_factory=dict)
    """What the user had chosen at this target before deliveries of ours did, by the ids of their places."""
    remember: Callable[[Choice | None], None] = lambda _choice: None
    """Notes durably what the user had chosen; called before anything is written that chooses otherwise."""
    was_leased: bool = False
    """Whether this login was leased to the place before, by our own note: what says whose a token there is where the
    target does not."""
    note_first: Callable[[], None] = lambda: None
    """To be called before anything is written where only our note will say afterwards whose it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a target holds under an id, without the tokens: those are known by their SHA-256 only."""

    kind: str
    account: str
    email: str
    expires: datetime | None
    fence: str
    """`running` or `failed` where the target's own refresh left its mark instead of tokens; else empty."""
    access_hash: str
    refresh_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a target holds now, and held before."""

    before: Held | None
    now: Held | None
    orders: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Agents with an explicit order of profiles that leaves this one out, so that it would never be used."""
    ids: tuple[str, ...] = ()
    """The profile ids of this provider there are."""
    provider: TokenProvider | None = None
    """The model provider of Codex's, where it is one."""
    is_chosen: bool = False
    """Whether the target uses that without being told each time."""
    model: str = ""
    """The model it uses then; empty for the target's own choice."""


class Target(Protocol):
    """A program that can be given a login. Every method may take seconds; trouble is a `DeliveryError`.

    Whatever is raised, the target holds either what it held before or the whole gift, and `look` tells which.
    """

    place: Place

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would, as far as that is known before trying."""
        ...

    def give(self, gift: Gift) -> Given:
        """Put the gift there in place of what was there, read it back and return both."""
        ...

    def look(self) -> Given:
        """Return what is there."""
        ...

    def take_back(self, credential: Credential, choice: Choice | None = None) -> Given:
        """Remove what was given of this login, and bring back what the user had chosen before, if that is known."""
        ...

    def export(self, profile: str) -> Credential:
        """Return the login that is there, without its refresh token: that stays the target's."""
        ...

    def let_use(self, given: Given, /) -> dict[str, tuple[str, ...]]:
        """Where an explicit order leaves ours out, append it by the target's own means; return the new orders."""
        ...


def hash_of(token: Secret | None) -> str:
    """Return the SHA-256 by which `Held` knows a token."""
    return "" if token is None else hashlib.sha256(token.reveal().encode()).hexdigest()
