"""Where credentials are kept: one protocol, one module per kind of place."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.places import Places
    from codex_auth.stores.protocol import Store

STORES = {
    "file": "codex_auth.stores.auth_profiles",
    "keyring": "codex_auth.stores.os_keyring",
    "vault": "codex_auth.stores.vault",
}
"""The kinds of store, and the module whose `open_store` opens each."""
AUTO = "auto"
"""The keyring if it truly works, else the vault; never a plain file."""
AUTO_KINDS = ("keyring", "vault")
"""What `auto` chooses from, in this order."""


def open_store(places: "Places") -> "Store":
    """Open what this run keeps credentials in. Nothing is created by opening.

    Where nothing but the plain file was ever used, that is the file itself. A vault whose index was lost was used.
    """
    if places.store == "file" and not os.path.exists(places.index) and not os.path.exists(places.vault):
        return open_kind(places, "file")
    from codex_auth.stores.shelves import Shelves

    return Shelves(places, begin=places.store)


def open_kind(places: "Places", kind: str) -> "Store":
    """Open one kind of store."""
    from importlib import import_module  # a live token comes past here, and opens no store

    store: Store = import_module(STORES[kind]).open_store(places)
    return store
