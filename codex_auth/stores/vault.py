"""Profiles in one encrypted file, which opens with a key file, a passphrase or a key in the OS keyring.

`vault_layout` describes the file. It is replaced whole by every change, under a new nonce; there is no backup, which
would only keep refresh tokens that are spent. Beside it lies an index without secrets, and in the state folder a
note of the last save. Both come after the vault: when they do not, they are behind, which is noticed and harmless.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from codex_auth.core.card import OWNER_SELF, Card, Identity
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Choice, Credential
from codex_auth.core.names import LEGACY_PREFIX
from codex_auth.core.store_errors import IndexDamaged, NoVault, VaultLocked, VaultRolledBack, VaultUnreadable
from codex_auth.core.vault_cipher import seal, unseal
from codex_auth.core.vault_header import ID_BYTES, KEY_FILE, KEYRING, Header, read_header, write_header
from codex_auth.core.vault_layout import NONCE_BYTES, pack, walk
from codex_auth.edge import files
from codex_auth.edge.places import Places
from codex_auth.stores import entries, vault_seen
from codex_auth.stores.guards import check_expected, hold_profile
from codex_auth.stores.index import Index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import KeySource

_LOCK_SECONDS = 30.0
_ENTRY_ROOM = 64 * 1024
"""How much a save may add to the file, for proving that there is room."""
_OURS = "#"
"""What names of records begin with that are no profiles."""
_PROVIDER = LEGACY_PREFIX.rstrip(":")


@dataclass(frozen=True, slots=True)
class VaultPlaces:
    """The files of a vault."""

    vault: str
    index: str
    seen: str
    locks: str
    """The folder of our lock files."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A vault that was opened, or begun: generation 0 is not on the disk yet."""

    header: Header
    key: bytes
    records: dict[str, bytes]
    has_spare_key: bool = False
    """A change of keys was interrupted, and the key that is not this one is still kept."""


class Vault:
    """Profiles in one vault.

    `sources` are the ways to have its key, by the name the header uses; a new vault takes the one called `begin`.
    """

    kind = "vault"

    def __init__(self, places: VaultPlaces, sources: "Mapping[str, KeySource]", *, begin: str = KEY_FILE) -> None:
        self.path = places.vault
        self._places = places
        self._index = Index(places.index, locks=places.locks, kind=self.kind)
        self._sources = dict(sources)
        self._begin = begin
        self._begun: _Opened | None = None

    def names(self) -> list[str]:
        """Return the profiles in the vault, oldest first."""
        return [card.profile for card in self.cards()]

    def cards(self) -> Iterator[Card]:
        """Return one card for each profile: from the index, or from the vault where that asks nobody.

        An index that is gone is made anew, and for that a passphrase is asked for. Raises `VaultLocked`.
        """
        header = self._header()
        if header is None:
            return
        listed, source = self._listed(), self._source(header)
        if listed is None:
            yield from self._cards_of(self._list_anew())
        elif self._is_behind(header) and not source.may_ask:
            opened = self._open()
            yield from self._cards_of(opened.records) if opened else ()
        else:
            yield from listed

    def load(self, profile: str) -> Credential | None:
        """Return the sign-in of one profile. Raises `VaultRolledBack` for an old vault."""
        seen = vault_seen.read(self._places.seen)  # before the vault: a save in between makes it newer, never older
        opened = self._open()
        if opened is None:
            return None
        self._compare(opened.header, seen)
        entry = opened.records.get(profile)
        return entries.credential_of(json.loads(entry), profile=profile, owner=OWNER_SELF) if entry else None

    def save(self, credential: Credential, *, expecting: Identity | None = None) -> None:
        """Put one entry into the vault."""
        with self._held("save"):
            opened = self._open_or_begin()
            entry = opened.records.get(credential.profile)
            held = json.loads(entry) if entry else {}
            check_expected(credential.profile, entries.identity_of(held) if held else None, expecting)
            fields = {**held, **entries.fields_of(credential, provider=_PROVIDER, as_token=False)}
            kept = {key: value for key, value in fields.items() if value is not None}
            entry = json.dumps(kept, separators=(",", ":")).encode()
            self._write(replace(opened, records={**opened.records, credential.profile: entry}))

    def delete(self, profile: str) -> bool:
        """Remove one entry; no copy of it is left."""
        with self._held("remove"):
            opened = self._open()
            if opened is None:
                return False
            self._check_newest(opened.header)
            rest = {name: entry for name, entry in opened.records.items() if name != profile}
            if len(rest) == len(opened.records):
                self._put_right(opened)
                return False
            self._write(replace(opened, records=rest))
            return True

    @property
    def may_ask(self) -> bool:
        """Whether a person may have to type before it opens, or begins."""
        header = self._header()
        return (self._sources[self._begin] if header is None else self._source(header)).may_ask

    @property
    def key_kind(self) -> str:
        """Where its key comes from, or would."""
        header = self._header()
        return self._begin if header is None else header.source

    def own_text(self, name: str) -> str | None:
        """Return a text of ours, which is no profile's; its name begins with `#`."""
        opened = self._open()
        found = opened.records.get(name) if opened else None
        return None if found is None else found.decode("ascii", "replace")

    def keep_own_text(self, name: str, text: str) -> str:
        """Keep a text of ours, unless there is one of this name, and return the one that is there."""
        with self._held("seal"):
            opened = self._open_or_begin()
            if name not in opened.records:
                opened = replace(opened, records={**opened.records, name: text.encode("ascii")})
                self._write(opened)
            return opened.records[name].decode("ascii", "replace")

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold one profile. It is the same lock whatever store the profile is kept in."""
        return hold_profile(self._places.locks, profile, timeout)

    def choice(self, profile: str) -> Choice:  # noqa: ARG002 - one store, whatever the profile
        """Return what was chosen by opening this store and no other."""
        return Choice(kind=self.kind, why="it was opened")

    def prove_writable(self) -> None:
        """Do what a save does, up to the point where it would touch the vault; the passphrase is asked for.

        What lies beside the vault is put right where a save was cut off before it came to that.
        """
        with self._held("check"):
            opened = self._open_or_begin()
            files.prove_writable(self.path, size=len(pack(opened.records)) + _ENTRY_ROOM)
            self._put_right(opened)

    def rekey(self, to: "KeySource | None" = None) -> None:
        """Seal the vault under a new key, from its present source or another; the old key then opens nothing.

        A crash leaves the vault under the old key or the new one, and the source of that one has it.
        """
        with self._held("change the key of"):
            opened = self._open()
            if opened is None:
                raise NoVault(path=self.path)
            self._check_newest(opened.header)
            header, old = opened.header, self._source(opened.header)
            new = old if to is None else to
            if new != old:
                new.forget(header.vault_id)  # what an interrupted change left there: this is to be a new key
            derivation, key = new.fresh(header.vault_id, beside=opened.key if new == old else None)
            header = replace(header, source=new.kind, derivation=derivation)
            self._write(replace(opened, header=header, key=key, has_spare_key=False))
            self._sources[new.kind] = new
            new.settle(header.vault_id, key)
            if new != old:
                old.forget(header.vault_id)

    def source(self, kind: str) -> "KeySource":
        """Return one of the ways to have a key, for `rekey`."""
        return self._sources[kind]

    def accept_rollback(self) -> None:
        """Take the vault as it is for the newest, because there is no newer one."""
        with self._held("accept"):
            opened = self._open()
            if opened is None:
                raise NoVault(path=self.path)
            self._note(opened.header, opened.records)

    # --- reading -----------------------------------------------------------------------------------------------

    def _header(self) -> Header | None:
        raw = files.read_private(self.path)
        return None if raw is None else read_header(raw, path=self.path)

    def _source(self, header: Header) -> "KeySource":
        if header.source not in self._sources:
            problem = f"its key is in the {header.source}, which cannot be asked here"
            raise VaultLocked(path=self.path, problem=problem, todo="Run it where that works")
        return self._sources[header.source]

    def _open(self) -> _Opened | None:
        """Return the vault, or None if there is none. Raises `VaultUnreadable` and what its source raises."""
        raw = files.read_private(self.path)
        if raw is None:
            return None
        header = read_header(raw, path=self.path)
        keys = self._source(header).keys(header)
        for key in keys:
            text = unseal(key, raw)
            if text is not None:
                return _Opened(header, key, dict(walk(text)), has_spare_key=len(keys) > 1)
        raise VaultUnreadable(path=self.path)

    def _open_or_begin(self) -> _Opened:
        """Return the vault that can be changed, or a new one, with a key that is kept."""
        opened = self._open()
        if opened:
            self._check_newest(opened.header)
            return opened
        if self._begun is None:
            vault_id = os.urandom(ID_BYTES)
            derivation, key = self._sources[self._begin].fresh(vault_id)
            header = Header(source=self._begin, derivation=derivation, vault_id=vault_id, generation=0)
            self._begun = _Opened(header, key, {})
        return self._begun

    def _is_behind(self, header: Header) -> bool:
        """Whether the index may be older or newer than the vault: the note of the save is written after it."""
        return vault_seen.read(self._places.seen) != vault_seen.Seen(header.vault_id.hex(), header.generation)

    def _check_newest(self, header: Header) -> None:
        """Raise `VaultRolledBack` for a save before the one seen last, or of another vault."""
        self._compare(header, vault_seen.read(self._places.seen))

    def _compare(self, header: Header, seen: vault_seen.Seen | None) -> None:
        if seen and seen.vault != header.vault_id.hex():
            raise VaultRolledBack(path=self.path, problem="it is another vault")
        if seen and seen.generation > header.generation:
            problem = f"it is save {header.generation}, and save {seen.generation} was seen"
            raise VaultRolledBack(path=self.path, problem=problem)

    def _listed(self) -> list[Card] | None:
        """Return the cards of the index, or None where there is none that can be used; it can be made again."""
        try:
            return list(self._index.cards()) if self._index.is_there() else None
        except IndexDamaged:
            return None

    def _cards_of(self, records: Mapping[str, bytes]) -> Iterator[Card]:
        for profile, entry in _profiles(records):
            profile_id = LEGACY_PREFIX + profile
            yield entries.card_of(
                json.loads(entry), profile=profile, profile_id=profile_id, owner=OWNER_SELF, store=self.kind
            )

    def _list_anew(self) -> Mapping[str, bytes]:
        """Return the records, and list them as they are; which save was seen is not touched."""
        opened = self._open()
        records = opened.records if opened else {}
        with contextlib.suppress(AuthError), self._held("list"):  # where that cannot be done, the next one tries it
            opened = self._open()
            if opened:
                self._index.replace({name: json.loads(entry) for name, entry in _profiles(opened.records)})
        return records

    # --- writing -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _held(self, verb: str) -> Iterator[None]:
        """Hold our lock on the vault, in a folder that exists and may be written."""
        from codex_auth.edge.locks import hold

        files.private_folder(os.path.dirname(self.path))
        path = os.path.join(self._places.locks, "store-vault.lock")
        with hold(path, timeout=_LOCK_SECONDS, what=self.path, verb=verb, rank="store"):
            files.sweep(self.path)
            yield

    def _write(self, opened: _Opened) -> None:
        """Replace the vault by its next save, and then what lies beside it."""
        if opened.header.generation == 0:
            vault_seen.forget(self._places.seen)  # else a crash below would make the new vault look like an old one
        header = replace(opened.header, generation=opened.header.generation + 1, nonce=os.urandom(NONCE_BYTES))
        files.replace(self.path, [seal(opened.key, write_header(header), pack(opened.records))])
        with contextlib.suppress(AuthError):  # the save itself is done; the next one tries these again
            self._note(header, opened.records)
            if opened.has_spare_key:
                self._source(header).settle(header.vault_id, opened.key)

    def _put_right(self, opened: _Opened) -> None:
        """Write what a save that was cut off did not come to; if that cannot be done now, the next one tries it."""
        if opened.header.generation and self._is_behind(opened.header):
            with contextlib.suppress(AuthError):
                self._note(opened.header, opened.records)

    def _note(self, header: Header, records: Mapping[str, bytes]) -> None:
        """Write the index and then which save it belongs to."""
        self._index.replace({name: json.loads(entry) for name, entry in _profiles(records)})
        vault_seen.write(self._places.seen, header)


def _profiles(records: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Return the records that are profiles."""
    return ((name, entry) for name, entry in records.items() if not name.startswith(_OURS))


def vault_places(places: Places) -> VaultPlaces:
    """Return where this run's vault and what belongs to it are."""
    return VaultPlaces(
        vault=places.vault,
        index=places.index,
        seen=places.vault_seen,
        locks=places.locks,
    )


def open_store(places: Places) -> Vault:
    """Open this run's vault with its key file, a key in the keyring, or a passphrase. Nobody is asked by opening.

    A passphrase comes from the descriptor that was named, else from the configured command, else from the terminal.
    """
    from codex_auth.keys.keyrings import Keyring
    from codex_auth.keys.passphrases import chosen
    from codex_auth.keys.vault_keys import KeptKey, KeyFile, Passphrase
    from codex_auth.stores.keyring_keeper import KeyringKeeper

    path = places.vault
    sources: list[KeySource] = [
        KeptKey(path, KeyFile(os.path.realpath(places.vault_key)), where=places.vault_key),
        KeptKey(path, KeyringKeeper(Keyring()), where="the keyring", kind=KEYRING),
        Passphrase(path, chosen(places.passphrase, places.new_passphrase, places.config.passphrase_command)),
    ]
    return Vault(vault_places(places), {source.kind: source for source in sources}, begin=places.vault_begins)
