"""Profiles in OpenClaw's `auth-profiles.json`: its own file, or one of ours in the same form.

    {"version": 1,
     "profiles": {"openai-codex:work": {"type": "oauth", ...}, ...},
     "order": {"openai-codex": ["openai-codex:work", ...]}}

Only entries of Codex profiles and their places in `order` are ever changed; every other byte stays. The file is
read as bytes and walked, never decoded whole, so ten thousand profiles cost little more than reading them.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from codex_auth.core.card import OWNER_SELF, Card, Identity
from codex_auth.core.jsontext import Edit, JsonDamaged, Member, spliced
from codex_auth.core.names import CURRENT_PREFIX, LEGACY_PREFIX
from codex_auth.core.store_errors import (
    ForeignFileDamaged,
    LockBusy,
    OpenClawOwnsStore,
    StoreDamaged,
    StoreError,
    StoreNewer,
)
from codex_auth.edge import files
from codex_auth.edge.folders import resolve
from codex_auth.edge.places import Places
from codex_auth.edge.where import keeps_sqlite
from codex_auth.stores import entries, profiles_text
from codex_auth.stores.entries import SIGN_INS, kind_of
from codex_auth.stores.guards import check_expected, hold_profile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from codex_auth.core.model import Choice, Credential

    _Read = TypeVar("_Read")

_EMPTY = b'{\n  "version": 1,\n  "profiles": {}\n}\n'
_LOCK_SECONDS = 30.0
_ENTRY_ROOM = 64 * 1024
"""How much a save may add to the file, for proving that there is room."""
_TORN_PAUSES = (0.1, 0.2, 0.4, 0.8)
"""Waits before a foreign file is called damaged: its owner may be writing it in place (1.5 s in all)."""
_REDO = 20
"""How often a change is made anew because another program wrote the file without taking its lock."""


@dataclass(frozen=True, slots=True)
class _Walked:
    """A file that was walked for one profile's entries."""

    profile: str
    snapshot: files.Snapshot
    outline: profiles_text.Outline
    found: list[Member]


class AuthProfiles:
    """Profiles in one `auth-profiles.json`.

    `locks` is the folder of our lock files. `openclaw` says that the file is OpenClaw's: its lock is taken
    too, it may be reached through a link, and it is never moved. `prefix` is what new profile ids start with:
    whatever the program that reads the file understands. `why` says why new profiles are put here.
    """

    kind = "file"

    def __init__(
        self, path: str, *, locks: str, openclaw: bool, prefix: str = LEGACY_PREFIX, why: str = "it was opened"
    ) -> None:
        self.path = path
        self._locks = locks
        self._openclaw = openclaw
        self._prefix = prefix
        self._why = why
        self._owner = entries.OWNER_OPENCLAW if openclaw else OWNER_SELF
        self._walked: _Walked | None = None

    def names(self) -> list[str]:
        """Return the profiles in the file, in its order."""
        return [card.profile for card in self.cards()]

    def cards(self) -> Iterator[Card]:
        """Return one card for each profile, in the order of the file."""
        cards = self._read(self._cards_in)[1]  # nothing else of the file may stay while the caller takes its time
        yield from cards.values()

    def load(self, profile: str) -> "Credential | None":
        """Return the sign-in of one profile."""
        found = self._walk(profile).found
        entry = profiles_text.best(found, self._prefix + profile)
        return entries.credential_of(_fields(entry), profile=profile, owner=self._owner) if entry else None

    def save(self, credential: "Credential", *, expecting: Identity | None = None) -> None:
        """Write one entry, and its place in `order`.

        The file's old state is kept beside it, except by a save without a refresh token: that is how a login
        is handed over, and then no copy of ours may remain.
        """
        profile, keeps_login = credential.profile, credential.refresh is not None
        with self._held("save"), self._held_by_openclaw():
            self._change(
                lambda outline, found: self._saving(outline, found, credential, expecting), profile, backup=keeps_login
            )

    def delete(self, profile: str) -> bool:
        """Remove a profile's entries, their places in `order`, and the backup that still holds them."""
        with self._held("remove"), self._held_by_openclaw():
            return self._change(lambda outline, found: self._deleting(outline, found, profile), profile, backup=False)

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold one profile. It is the same lock whatever store the profile is kept in."""
        return hold_profile(self._locks, profile, timeout)

    def choice(self, profile: str) -> "Choice":  # noqa: ARG002 - one store, whatever the profile
        """Return what was chosen by opening this store and no other."""
        from codex_auth.core.model import Choice

        return Choice(kind=self.kind, why=self._why)

    def prove_writable(self) -> None:
        """Do what a save does, up to the point where it would touch the file."""
        with self._held("check"):
            walked = self._walk(self._walked.profile if self._walked else "", may_move=True)
            self._check_version(walked.outline)
            files.prove_writable(walked.snapshot.path, size=len(walked.outline.document) + _ENTRY_ROOM)

    # --- reading -----------------------------------------------------------------------------------------------

    def _walk(self, profile: str, *, may_move: bool = False) -> "_Walked":
        """Walk the file for one profile's entries; not again while it is the same file and the same profile.

        Signing in and refreshing prove, load and save in a row, and walking ten thousand entries takes longer than
        writing them.
        """
        last = self._walked if self._walked and self._walked.profile == profile else None
        if last and files.snapshot(self.path, foreign=self._openclaw, known=last.snapshot) is last.snapshot:
            return last
        self._walked = last = None  # two large files at once would be one too many
        snapshot, (outline, found) = self._read(lambda document: _find(document, profile), may_move=may_move)
        self._walked = _Walked(profile, snapshot, outline, found)
        return self._walked

    def _read(self, parse: "Callable[[bytes], _Read]", *, may_move: bool = False) -> "tuple[files.Snapshot, _Read]":
        """Return the file and what `parse` makes of it; a missing file reads as an empty one.

        `may_move` is for whoever holds the lock: a damaged file of ours is then moved aside.
        """
        pauses = [*_TORN_PAUSES] if self._openclaw else []
        while True:
            snapshot = files.snapshot(self.path, foreign=self._openclaw)
            try:
                return snapshot, parse(_EMPTY if snapshot.raw is None else snapshot.raw)
            except JsonDamaged as damage:
                if not pauses:
                    raise self._damaged(damage, may_move=may_move) from None
            time.sleep(pauses.pop(0))

    def _cards_in(self, document: bytes) -> dict[str, Card]:
        """Return the best card of each name, in the order of the names' first entries."""
        cards: dict[str, Card] = {}

        def see(name: str, entry: Member) -> None:
            if kind_of(entry.value()):
                card = entries.card_of(
                    _fields(entry), profile=name, profile_id=entry.key, owner=self._owner, store=self.kind
                )
                cards[name] = min(cards.get(name, card), card, key=self._rank)

        profiles_text.walk(document, see)
        return cards

    def _rank(self, card: Card) -> tuple[bool, bool, str]:
        return profiles_text.rank(card.profile_id, card.kind, self._prefix + card.profile)

    def _damaged(self, damage: JsonDamaged, *, may_move: bool) -> StoreDamaged | ForeignFileDamaged:
        if self._openclaw:
            return ForeignFileDamaged(path=self.path, problem=str(damage), owner="OpenClaw")
        kept = files.quarantine(self.path) if may_move else "it is"
        backup = self.path + files.BACKUP
        return StoreDamaged(
            path=self.path,
            problem=str(damage),
            kept=kept,
            backup=backup if os.path.exists(backup) else "a backup of your own",
        )

    # --- writing -----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _held(self, verb: str) -> Iterator[None]:
        """Hold our lock on the file, in a folder that exists and may be written."""
        import hashlib

        from codex_auth.edge.locks import hold
        from codex_auth.stores.openclaw_lock import WAIT_SECONDS

        folder = os.path.dirname(self.path)
        if keeps_sqlite(folder):
            raise OpenClawOwnsStore(path=self.path)
        files.private_folder(folder)
        name = hashlib.sha256(os.path.realpath(self.path).encode()).hexdigest()[:16]
        timeout = WAIT_SECONDS + _LOCK_SECONDS if self._openclaw else _LOCK_SECONDS
        path = os.path.join(self._locks, f"store-{name}.lock")
        with hold(path, timeout=timeout, what=self.path, verb=verb, rank="store"):
            files.sweep(resolve(self.path) if self._openclaw else self.path)
            yield

    def _held_by_openclaw(self) -> AbstractContextManager[None]:
        """Hold OpenClaw's lock too, where the file is OpenClaw's."""
        from codex_auth.stores.openclaw_lock import hold_openclaw

        return hold_openclaw(self.path) if self._openclaw else contextlib.nullcontext()

    def _change(
        self,
        plan: Callable[[profiles_text.Outline, list[Member]], list[Edit]],
        profile: str,
        *,
        backup: bool,
    ) -> bool:
        """Make the planned edits of one profile's entries; False if there is nothing to edit."""
        for _ in range(_REDO):
            walked = self._walk(profile, may_move=True)
            self._walked = None
            self._check_version(walked.outline)
            edits = plan(walked.outline, walked.found)
            if not edits:
                return False
            path = walked.snapshot.path
            with contextlib.suppress(files.FileChanged):
                pieces = spliced(walked.outline.document, edits)
                if not backup:  # first: after a kill in between nobody would come back to remove it
                    files.remove(path + files.BACKUP)
                files.replace(path, pieces, backup=backup, expected=walked.snapshot)
                return True
        raise LockBusy(what=self.path, holder="another program, which keeps rewriting it")

    def _check_version(self, outline: profiles_text.Outline) -> None:
        if outline.version > profiles_text.VERSION:
            raise StoreNewer(path=self.path, found=outline.version, known=profiles_text.VERSION)

    def _saving(
        self,
        outline: profiles_text.Outline,
        found: list[Member],
        credential: "Credential",
        expecting: Identity | None,
    ) -> list[Edit]:
        if credential.is_api_key:
            return _saving_key(outline, found, credential)
        own_id = self._prefix + credential.profile
        held = profiles_text.best(found, own_id)
        if held and kind_of(held.value()) not in SIGN_INS:
            held = None
        check_expected(credential.profile, entries.identity_of(_fields(held)) if held else None, expecting)
        profile_id = held.key if held else own_id
        provider = profile_id.partition(":")[0]
        fields = entries.fields_of(
            credential, provider=provider, as_token=self._openclaw and credential.refresh is None
        )
        if held:
            return profiles_text.put(outline, held, fields)
        if any(entry.key == own_id for entry in found):
            raise StoreError(path=self.path, problem=f"{own_id} is there, and is not a sign-in")
        return profiles_text.add(outline, own_id, fields, provider=provider, make_order=not self._openclaw)

    def _deleting(self, outline: profiles_text.Outline, found: list[Member], profile: str) -> list[Edit]:
        """Drop what a name means. A sign-in may have two ids; an API key of the same name is another thing."""
        shown = profiles_text.best(found, self._prefix + profile)
        if shown is None:
            return []
        is_sign_in = kind_of(shown.value()) in SIGN_INS
        return profiles_text.drop(
            outline,
            [entry for entry in found if kind_of(entry.value()) and (kind_of(entry.value()) in SIGN_INS) == is_sign_in],
        )


def _saving_key(outline: profiles_text.Outline, found: list[Member], credential: "Credential") -> list[Edit]:
    """Plan the entry of an API key. It stands in no order: whoever goes by one must not try a key of anybody's."""
    own_id = CURRENT_PREFIX + credential.profile
    keys = [entry for entry in found if kind_of(entry.value()) not in {None, *SIGN_INS}]
    held = profiles_text.best(keys, own_id)
    fields = entries.fields_of(credential, provider=CURRENT_PREFIX.rstrip(":"), as_token=False)
    if held:
        return profiles_text.put(outline, held, fields)
    return profiles_text.add(outline, own_id, fields, provider="", make_order=False)


def open_store(places: Places) -> AuthProfiles:
    """Open the profiles file that this run's places name."""
    if not places.is_openclaw_file:
        return AuthProfiles(places.auth_path, locks=places.locks, openclaw=False, why=places.store_rule)
    from codex_auth.neighbours.openclaw import profile_prefix

    prefix = profile_prefix(os.environ)  # what new ids start with: whatever the program that reads the file understands
    return AuthProfiles(places.auth_path, locks=places.locks, openclaw=True, prefix=prefix, why=places.store_rule)


def _find(document: bytes, profile: str) -> tuple[profiles_text.Outline, list[Member]]:
    """Walk a file and return the entries of one name."""
    found: list[Member] = []

    def see(name: str, entry: Member) -> None:
        if name == profile:
            found.append(entry)

    return profiles_text.walk(document, see), found


def _fields(entry: Member) -> entries.Entry:
    value = entry.value()
    return value if isinstance(value, dict) else {}
