"""What may be shown of logins whose store is slow or sealed: cards by profile, without a secret, in one file.

    {"version": 1,
     "keyring": {"work": {"type": "oauth", "expires": …, "accountId": …, "hasRefresh": true, "codexAuth": {…}}, …}}

`status` reads this file and nothing else. A store writes its own part of it after each change, and can make it anew.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from codex_auth.core.card import OWNER_SELF, Card
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.names import LEGACY_PREFIX
from codex_auth.core.store_errors import IndexDamaged, StoreNewer
from codex_auth.edge import files
from codex_auth.stores import entries
from codex_auth.stores.entries import Entry

_VERSION = 1
_SHOWN = ("type", "provider", "expires", "accountId", "email", "chatgptPlanType", entries.OURS)
"""The fields of an entry that are no secret. A new field is a secret until it is listed here."""
_HAS_REFRESH = "hasRefresh"
_LOCK_SECONDS = 30.0
_ROOM = 4096
"""How much one profile adds, for proving that there is room."""


class Index:
    """One store's part of the index file. `kind` is the store's; `locks` is the folder of our lock files."""

    def __init__(self, path: str, *, locks: str, kind: str) -> None:
        self.path = path
        self._locks = locks
        self._kind = kind

    def is_there(self) -> bool:
        """Whether there is an index with a part for this store. Raises `IndexDamaged`."""
        return self._kind in self._read()

    def cards(self) -> Iterator[Card]:
        """Return a card for each profile, in the order in which they were added. Raises `IndexDamaged`."""
        for profile, entry in self._part(self._read()).items():
            card = entries.card_of(
                entry, profile=profile, profile_id=LEGACY_PREFIX + profile, owner=OWNER_SELF, store=self._kind
            )
            yield replace(card, has_refresh_token=entry.get(_HAS_REFRESH) is True)

    def put(self, profile: str, entry: Entry) -> None:
        """Note what may be shown of an entry. Raises `StoreNotDurable`."""
        with self._changing() as part:
            part[profile] = _shown(entry)

    def drop(self, profile: str) -> None:
        """Forget a profile."""
        with self._changing() as part:
            part.pop(profile, None)

    def replace(self, held: Mapping[str, Entry]) -> None:
        """List these entries, and only these. A damaged index is moved aside."""
        with self._changing(anew=True) as part:
            part.clear()
            part.update({profile: _shown(entry) for profile, entry in held.items()})

    def prove_writable(self) -> None:
        """Show that a change could be written now. Raises `StoreNotDurable`."""
        files.private_folder(os.path.dirname(self.path))
        files.prove_writable(self.path, size=len(files.read_private(self.path) or b"") + _ROOM)

    def _read(self) -> dict[str, object]:
        raw = files.read_private(self.path)
        if raw is None:
            return {}
        try:
            return read_object(raw)
        except JsonDamaged as damage:
            raise IndexDamaged(path=self.path, problem=str(damage)) from None

    def _part(self, document: Mapping[str, object]) -> dict[str, dict[str, object]]:
        """Return this store's entries; what is no entry is left out."""
        part = document.get(self._kind)
        if not isinstance(part, dict):
            return {}
        return {profile: entry for profile, entry in part.items() if isinstance(entry, dict)}

    @contextlib.contextmanager
    def _changing(self, *, anew: bool = False) -> Iterator[dict[str, dict[str, object]]]:
        """Hold the index, and write what the block makes of this store's part."""
        from codex_auth.edge.locks import hold

        path = os.path.join(self._locks, "index.lock")
        with hold(path, timeout=_LOCK_SECONDS, what=self.path, verb="save", rank="index"):
            files.private_folder(os.path.dirname(self.path))
            files.sweep(self.path)
            try:
                document = self._read()
            except IndexDamaged:
                if not anew:
                    raise
                files.quarantine(self.path)
                document = {}
            version = document.setdefault("version", _VERSION)
            if not isinstance(version, int) or version > _VERSION:
                raise StoreNewer(path=self.path, found=version, known=_VERSION)
            part = self._part(document)
            yield part
            document[self._kind] = part
            files.replace(self.path, [json.dumps(document, indent=2).encode(), b"\n"])


def _shown(entry: Entry) -> dict[str, object]:
    shown = {key: entry[key] for key in _SHOWN if entry.get(key) is not None}
    ours = entry.get(entries.OURS)
    told = {key: value for key, value in ours.items() if key != "scope"} if isinstance(ours, dict) else {}
    return {**shown, entries.OURS: told, _HAS_REFRESH: bool(entry.get("refresh"))}
