"""A store that forgets at the end: for tests of whatever uses a store, and for trying things out.

It keeps every promise of the protocol that does not need a disk; the contract tests say which those are.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from codex_auth.core.card import Card, Identity
from codex_auth.core.model import Choice, Credential
from codex_auth.core.names import LEGACY_PREFIX
from codex_auth.stores.guards import check_expected, hold_profile


class Memory:
    """Profiles in this process. `locks` is the folder of lock files, which other processes see."""

    kind = "memory"

    def __init__(self, *, locks: str) -> None:
        self._held: dict[str, Credential] = {}
        self._locks = locks

    def names(self) -> list[str]:
        """Return the profiles, oldest first."""
        return list(self._held)

    def cards(self) -> Iterator[Card]:
        """Return what may be shown of each profile."""
        for credential in list(self._held.values()):
            yield Card(
                profile=credential.profile,
                profile_id=LEGACY_PREFIX + credential.profile,
                kind="oauth",
                owner=credential.owner,
                store=self.kind,
                identity=credential.identity,
                expires=credential.expires,
                refreshed=credential.refreshed,
                signed_in=credential.signed_in,
                has_refresh_token=credential.refresh is not None,
                store_why=credential.store_why,
            )

    def load(self, profile: str) -> Credential | None:
        """Return the sign-in of one profile."""
        return self._held.get(profile)

    def save(self, credential: Credential, *, expecting: Identity | None = None) -> None:
        """Keep a credential."""
        held = self._held.get(credential.profile)
        check_expected(credential.profile, held.identity if held else None, expecting)
        self._held[credential.profile] = credential

    def delete(self, profile: str) -> bool:
        """Forget a profile."""
        return self._held.pop(profile, None) is not None

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold one profile."""
        return hold_profile(self._locks, profile, timeout)

    def choice(self, profile: str) -> Choice:  # noqa: ARG002 - one store, whatever the profile
        """Return what was chosen by opening this store and no other."""
        return Choice(kind=self.kind, why="it was opened")

    def prove_writable(self) -> None:
        """Do nothing: memory is there."""
