"""Where credentials are kept: one protocol, one module per kind of place."""

from importlib import import_module

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


def open_store(places: "Places", kind: str = "file") -> "Store":
    """Open a store of this kind at this run's places. Nothing is created by opening."""
    store: Store = import_module(STORES[kind]).open_store(places)
    return store
