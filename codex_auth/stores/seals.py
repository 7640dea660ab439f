"""Which key seals a login's notes: one that is kept as the login itself is, so that no weaker one opens them."""

import os
from dataclasses import dataclass

from codex_auth.edge.places import FILE, Places
from codex_auth.keys.keyrings import Keyring
from codex_auth.keys.seal import KEY_BYTES, Seal, SealFile
from codex_auth.stores import open_kind
from codex_auth.stores.keyring_keeper import KeyringKeeper, SealInKeyring, key_of
from codex_auth.stores.os_keyring import OsKeyring
from codex_auth.stores.protocol import Store
from codex_auth.stores.shelves import Shelves
from codex_auth.stores.vault import Vault

_SEAL = "#seal"
"""The record of the key in a vault; it can be no profile."""


@dataclass(frozen=True, slots=True)
class SealInVault:
    """The key that seals what belongs to logins in a vault: a record of it, so a change of the vault's key keeps it."""

    vault: Vault
    kind: str = "vault"

    def held(self) -> bytes | None:
        """Return the key."""
        return key_of(self.vault.own_text(_SEAL))

    def make(self) -> bytes:
        """Make the key, unless somebody was quicker."""
        return bytes.fromhex(self.vault.keep_own_text(_SEAL, os.urandom(KEY_BYTES).hex()))


class Seals:
    """The seals of this run, by the kind of store whose logins they are for. Nothing is asked by making this."""

    def __init__(self, places: Places, store: Store) -> None:
        self._places = places
        self._store = store
        self._made: dict[str, Seal] = {}

    def of(self, kind: str) -> Seal:
        """Return the seal of one kind; one that is not known is the key file's, which then opens nothing."""
        if kind not in self._made:
            self._made[kind] = self._make(kind)
        return self._made[kind]

    def for_profile(self, profile: str) -> Seal:
        """Return the seal for what is to be kept of this profile now."""
        return self.of(self.kept_in(profile).kind)

    def unasked(self, profile: str) -> Seal:
        """Return the same, but the key file's where a person might have to type a passphrase."""
        store = self.kept_in(profile)
        asks = isinstance(store, Vault) and store.may_ask
        return self.of(FILE if asks else store.kind)

    def kept_in(self, profile: str) -> Store:
        """Return the store that keeps this profile, or would."""
        return self._store.place_of(profile) if isinstance(self._store, Shelves) else self._store

    def _make(self, kind: str) -> Seal:
        if kind == "keyring":
            return Seal(SealInKeyring(KeyringKeeper(self._keyring()), self._places.locks))
        if kind == "vault":
            return Seal(SealInVault(self._vault()))
        return Seal(SealFile(self._places.seal_key))

    def _keyring(self) -> Keyring:
        """Return the keyring of this run: the same object, which knows of a call that was left behind."""
        store = self._store.shelf("keyring") if isinstance(self._store, Shelves) else self._store
        return store.keyring if isinstance(store, OsKeyring) else Keyring()

    def _vault(self) -> Vault:
        """Return the vault of this run: the same object, which has been given its passphrase already."""
        store = self._store.shelf("vault") if isinstance(self._store, Shelves) else self._store
        vault = store if isinstance(store, Vault) else open_kind(self._places, "vault")
        assert isinstance(vault, Vault)  # noqa: S101 - for type checkers: the table says so
        return vault
