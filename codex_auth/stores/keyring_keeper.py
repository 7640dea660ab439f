"""Keys of ours in the keyring of the operating system: each a short text in an item of its own."""

import contextlib
import os
from dataclasses import dataclass, field

from codex_auth.edge.locks import hold
from codex_auth.keys.keyrings import Keyring
from codex_auth.keys.seal import KEY_BYTES
from codex_auth.stores import slots

_LOCK_SECONDS = 30.0
_NO_KEY = "damaged"
"""Given back for an item that was changed: it is there, and nobody takes it for a key."""
_SEAL = "seal"


@dataclass(frozen=True, slots=True)
class KeyringKeeper:
    """A keeper of short texts in a keyring. Raises what `Keyring` does.

    Some keyrings replace an item by removing it first (macOS), so a text is never written over: the new one goes to
    the slot that is free and is read back, and only then the old one is removed. `slots` has the form.
    """

    keyring: Keyring = field(compare=False)
    """There is one for each user, so any two keepers keep in the same place."""

    def get(self, name: str) -> str | None:
        """Return the newest text, and below it the lines that are only in the one before, if that was not removed.

        So a key that an interrupted change left behind is not forgotten by whoever has to forget it.
        """
        try:
            found = self._found(name)
        except slots.SlotDamaged:
            return _NO_KEY
        lines = dict.fromkeys(line for each in found for line in each.text.splitlines())
        return "".join(f"{line}\n" for line in lines) if found else None

    def set(self, name: str, text: str) -> None:
        """Write a text beside the old one, and remove the old one. The caller holds a lock over this name."""
        own = slots.own_name(name)
        found: list[slots.Found] = []
        with contextlib.suppress(slots.SlotDamaged):
            found = self._found(name)
        old = found[0] if found else None
        slot = slots.other(old.slot) if old else slots.SLOTS[0]
        (item,) = slots.split(text, old.generation + 1 if old else 1, None)
        self.keyring.write(slots.item_name(own, slot, 1), item)
        self.keyring.remove(slots.item_name(own, slots.other(slot), 1))

    def delete(self, name: str) -> None:
        """Remove the text, whichever slot it is in."""
        for slot in slots.SLOTS:
            self.keyring.remove(slots.item_name(slots.own_name(name), slot, 1))

    def _found(self, name: str) -> list[slots.Found]:
        """Return the whole texts, the newest first; there are two while a change is under way, or was stopped."""
        own = slots.own_name(name)
        items = self.keyring.read([slots.item_name(own, slot, 1) for slot in slots.SLOTS])
        newest = slots.newest(own, lambda _names: items)
        if newest is None:
            return []
        items.pop(slots.item_name(own, newest.slot, 1))
        with contextlib.suppress(slots.SlotDamaged):
            older = slots.newest(own, lambda _names: items)
            return [newest, older] if older else [newest]
        return [newest]


@dataclass(frozen=True, slots=True)
class SealInKeyring:
    """The key that seals what belongs to logins in a keyring. `locks` is the folder of our lock files."""

    keeper: KeyringKeeper
    locks: str
    kind: str = "keyring"

    def held(self) -> bytes | None:
        """Return the key."""
        return key_of(self.keeper.get(_SEAL))

    def make(self) -> bytes:
        """Make the key, unless somebody was quicker."""
        path = os.path.join(self.locks, "seal-keyring.lock")
        with hold(path, timeout=_LOCK_SECONDS, what="The keyring", verb="seal", rank="seal"):
            key = self.held()
            if key is None:
                key = os.urandom(KEY_BYTES)
                self.keeper.set(_SEAL, key.hex())
            return key


def key_of(text: str | None) -> bytes | None:
    """Return the key that a text says, or None for anything else."""
    try:
        key = bytes.fromhex(text or "")
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None
