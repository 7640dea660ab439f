"""Profiles in the keyring of the operating system.

Each profile is the JSON entry that `auth-profiles.json` would hold, kept in one item, or in several where items are
small (`slots` has the form). A keyring has no locks and no order, and listing it may make a prompt appear; so changes
are made under a lock of ours, and what `status` shows comes from an index without secrets.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager

from codex_auth.core.card import OWNER_SELF, Card, Identity
from codex_auth.core.errors import BadProfileName
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.model import Choice, Credential
from codex_auth.core.names import LEGACY_PREFIX, read_name
from codex_auth.core.store_errors import IndexDamaged, KeyringDamaged, StoreError
from codex_auth.edge.places import Places
from codex_auth.keys.keyrings import Keyring
from codex_auth.stores import entries, slots
from codex_auth.stores.entries import Entry
from codex_auth.stores.guards import check_expected, hold_profile
from codex_auth.stores.index import Index

_LOCK_SECONDS = 60.0
"""A save is a dozen calls to the keyring, and each may take three seconds."""
_LOOKS, _LOOK_SECONDS = 5, 0.02
"""A profile that moves from one slot to the other while we look is there at the next look."""
_TRIAL = "#trial"
"""The item that proves a keyring writable; it can belong to no profile."""


class OsKeyring:
    """Profiles in one keyring, listed in one index. `locks` is the folder of our lock files."""

    kind = "keyring"

    def __init__(self, keyring: Keyring, index: Index, *, locks: str) -> None:
        self._keyring = keyring
        self._index = index
        self._locks = locks

    @property
    def keyring(self) -> Keyring:
        """The keyring itself, for what else of ours is kept there."""
        return self._keyring

    def names(self) -> list[str]:
        """Return the profiles of the index, oldest first."""
        return [card.profile for card in self._index.cards()]

    def cards(self) -> Iterator[Card]:
        """Return what the index says of each profile. The keyring is not asked."""
        return self._index.cards()

    def load(self, profile: str) -> Credential | None:
        """Return the sign-in of one profile, whether the index lists it or not."""
        held = self._entry(profile)
        return entries.credential_of(held, profile=profile, owner=OWNER_SELF) if held else None

    def save(self, credential: Credential, *, expecting: Identity | None = None) -> None:
        """Write the credential beside the old one, then let go of the old one, then list it."""
        profile = credential.profile
        fields = entries.fields_of(credential, provider=LEGACY_PREFIX.rstrip(":"), as_token=False)
        with self._held("save"):
            try:
                found = slots.newest(profile, self._keyring.read)
            except slots.SlotDamaged:
                if expecting:
                    raise self._damaged(profile, "a part is missing") from None
                found = None
            held = self._parsed(profile, found.text) if found else {}
            check_expected(profile, entries.identity_of(held) if held else None, expecting)
            entry = {key: value for key, value in {**held, **fields}.items() if value is not None}
            self._write(profile, found, json.dumps(entry, separators=(",", ":")))
            self._index.put(profile, entry)

    def delete(self, profile: str) -> bool:
        """Remove every item of a profile, and its line in the index."""
        with self._held("remove"):
            found = [self._clear(profile, slot) for slot in slots.SLOTS]
            listed = profile in self.names()
            if listed:
                self._index.drop(profile)
            return any(found) or listed

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold one profile. It is the same lock whatever store the profile is kept in."""
        return hold_profile(self._locks, profile, timeout)

    def choice(self, profile: str) -> Choice:  # noqa: ARG002 - one store, whatever the profile
        """Return what was chosen by opening this store and no other."""
        return Choice(kind=self.kind, why="it was opened")

    def prove_writable(self) -> None:
        """Write an item, read it back and remove it; and show that the index could be written."""
        with self._held("check"):
            self._index.prove_writable()
            self._keyring.write(_TRIAL, "x" * (self._keyring.limit or len(_TRIAL)))
            self._keyring.remove(_TRIAL)

    def rebuild(self, known: Iterable[str] = ()) -> list[str]:
        """Make the index anew from the keyring, and return the profiles found.

        Where the keyring cannot list its items, the profiles looked for are those of the index that still reads,
        and those the caller knows of.
        """
        with self._lock_keyring("rebuild"):
            return self._rebuild(known)

    # --- the index ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _held(self, verb: str) -> Iterator[None]:
        """Hold the keyring, with an index that lists what is in it."""
        with self._lock_keyring(verb):
            try:
                is_there = self._index.is_there()
            except IndexDamaged:
                is_there = False
            if not is_there:
                self._rebuild(())
            yield

    def _lock_keyring(self, verb: str) -> AbstractContextManager[None]:
        from codex_auth.edge.locks import hold

        path = os.path.join(self._locks, "store-keyring.lock")
        return hold(path, timeout=_LOCK_SECONDS, what="The keyring", verb=verb, rank="store")

    def _rebuild(self, known: Iterable[str]) -> list[str]:
        listed: list[str] = []
        with contextlib.suppress(IndexDamaged):
            listed = self.names()
        items = self._keyring.names()
        there = [*known] if items is None else sorted({slots.profile_of(item) for item in items})
        held: dict[str, Entry] = {}
        for profile in dict.fromkeys([*listed, *there]):
            with contextlib.suppress(BadProfileName, KeyringDamaged):
                entry = self._entry(read_name(profile), looks=1)
                if entry:
                    held[profile] = entry
        self._index.replace(held)
        return list(held)

    # --- the keyring -------------------------------------------------------------------------------------------

    def _entry(self, profile: str, *, looks: int = _LOOKS) -> Entry | None:
        """Return what the keyring holds of a profile. Raises `KeyringDamaged`."""
        damaged = False
        for look in range(looks):
            if look:
                time.sleep(_LOOK_SECONDS)
            try:
                found = slots.newest(profile, self._keyring.read)
                damaged = False
            except slots.SlotDamaged:
                found, damaged = None, True
            if found:
                return self._parsed(profile, found.text)
            if not damaged and not self._is_listed(profile):
                return None
        if damaged:
            raise self._damaged(profile, "a part is missing or was changed")
        return None

    def _is_listed(self, profile: str) -> bool:
        with contextlib.suppress(IndexDamaged):
            return profile in self.names()
        return False

    def _parsed(self, profile: str, text: str) -> Entry:
        try:
            return read_object(text.encode())
        except JsonDamaged as damage:
            raise self._damaged(profile, str(damage)) from None

    def _damaged(self, profile: str, problem: str) -> KeyringDamaged:
        return KeyringDamaged(profile=profile, problem=problem)

    def _write(self, profile: str, old: slots.Found | None, text: str) -> None:
        """Write a text to the free slot, its head last, and remove the other slot. On trouble the old one stays."""
        slot = slots.other(old.slot) if old else slots.SLOTS[0]
        items = slots.split(text, old.generation + 1 if old else 1, self._keyring.limit)
        try:
            for number in [*range(2, len(items) + 1), 1]:
                self._keyring.write(slots.item_name(profile, slot, number), items[number - 1])
        except StoreError:
            with contextlib.suppress(StoreError):  # whatever is left is not whole, and the next save replaces it
                self._clear(profile, slot)
            raise
        self._clear(profile, slot, keep=len(items))
        self._clear(profile, slots.other(slot))

    def _clear(self, profile: str, slot: str, *, keep: int = 0) -> bool:
        """Remove the items of a slot after the first `keep`, the head first, the others from the last one down.

        So what a stop leaves behind is found from the second item on by the next one who clears.
        """
        found = keep == 0 and self._keyring.remove(slots.item_name(profile, slot, 1))
        last = max(keep, 1)
        while self._keyring.read([slots.item_name(profile, slot, last + 1)]):
            last += 1
        for number in range(last, max(keep, 1), -1):
            found |= self._keyring.remove(slots.item_name(profile, slot, number))
        return found


def open_store(places: Places) -> OsKeyring:
    """Open this machine's keyring, with the index in our data folder. Nothing is asked or created by opening."""
    index = Index(places.index, locks=places.locks, kind=OsKeyring.kind)
    return OsKeyring(Keyring(), index, locks=places.locks)
