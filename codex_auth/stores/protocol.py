"""What every store promises."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from codex_auth.core.card import Card, Identity
from codex_auth.core.model import Choice, Credential


class Store(Protocol):
    """A place that keeps credentials by profile name.

    Names are those `read_name` returns. A name that is not there is None or False, never an error; trouble is
    a `StoreError` (or `StoreDamaged`, `ForeignFileDamaged`), and then what was stored is as it was. Reading
    takes no lock and changes nothing. Times are kept to the millisecond.
    """

    kind: str
    """The key of this kind of store in `STORES`."""

    def names(self) -> list[str]:
        """Return the profiles there are, in the order in which they were added."""
        ...

    def cards(self) -> Iterator[Card]:
        """Return what may be shown of each profile, in the order of `names`. It holds no secret."""
        ...

    def load(self, profile: str) -> Credential | None:
        """Return the sign-in or API key of a profile; None if there is none, or one that holds nothing usable."""
        ...

    def save(self, credential: Credential, *, expecting: Identity | None = None) -> None:
        """Keep this credential under its profile, whole and durable, in place of what was there.

        `expecting` is the account that the caller believes to be there. Raises `IdentityMismatch` when another
        one is, and `ProfileNotFound` when none is: a logout during a refresh stays a logout.
        """
        ...

    def delete(self, profile: str) -> bool:
        """Remove a profile and its backups. False if there was none."""
        ...

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold a profile against every other process and thread; needed from reading to saving.

        Raises `LockBusy` after `timeout` seconds.
        """
        ...

    def choice(self, profile: str) -> Choice:
        """Return which kind of store this profile is in, or would be put in, and why."""
        ...

    def prove_writable(self) -> None:
        """Show that `save` could work now, before something single-use is spent on it. Raises what it would."""
        ...
