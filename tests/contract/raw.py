"""What a store holds of a profile, read and changed past its own door, as a later version of us might."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from codex_auth.stores import slots
from codex_auth.stores.auth_profiles import AuthProfiles
from codex_auth.stores.os_keyring import OsKeyring
from codex_auth.stores.protocol import Store
from codex_auth.stores.shelves import Shelves
from codex_auth.stores.vault import Vault


def entry(store: Store, profile: str) -> dict[str, Any]:
    """Return the entry of a profile."""
    store = _holding(store, profile)
    if isinstance(store, Vault):
        opened = store._open()
        assert opened is not None
        found = json.loads(opened.records[profile])
    elif isinstance(store, OsKeyring):
        item = slots.newest(profile, store._keyring.read)
        assert item is not None
        found = json.loads(item.text)
    else:
        assert isinstance(store, AuthProfiles)
        found = json.loads(Path(store.path).read_bytes())["profiles"][f"openai-codex:{profile}"]
    assert isinstance(found, dict)
    return found


def put(store: Store, profile: str, fields: dict[str, Any]) -> None:
    """Replace the entry of a profile."""
    store = _holding(store, profile)
    if isinstance(store, Vault):
        opened = store._open()
        assert opened is not None
        store._write(replace(opened, records={**opened.records, profile: json.dumps(fields).encode()}))
    elif isinstance(store, OsKeyring):
        store._write(profile, slots.newest(profile, store._keyring.read), json.dumps(fields))
    else:
        assert isinstance(store, AuthProfiles)
        document = json.loads(Path(store.path).read_bytes())
        document["profiles"][f"openai-codex:{profile}"] = fields
        Path(store.path).write_text(json.dumps(document))


def _holding(store: Store, profile: str) -> Store:
    home = store.home_of(profile) if isinstance(store, Shelves) else store
    assert home is not None
    return home
