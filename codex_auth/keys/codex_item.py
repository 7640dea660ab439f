"""The item in which Codex keeps its login when its configuration says `keyring` or `auto`.

It is found and replaced by the four attributes that Codex's library writes; with others there would be a second item,
which Codex would neither read nor remove. Seen with Codex 0.169 and GNOME Keyring; nothing else is tried.
"""

import getpass
from contextlib import closing

from codex_auth.core.store_errors import KeyringUnavailable
from codex_auth.keys import secret_service
from codex_auth.keys.keyrings import Keyring, check_open

SERVICE = "Codex Auth"


class _Items:
    """Codex's items in the default collection, as a back end of `Keyring`, whose deadline and checks it then has."""

    def get_password(self, _service: str, username: str) -> str | None:
        """Return the secret of the item, or None if there is none."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.get_default_collection(bus)
            found = next(iter(collection.search_items(_attributes(username))), None)
            return None if found is None else found.get_secret().decode()

    def set_password(self, _service: str, username: str, password: str) -> None:
        """Put it into the item that is there, or make one; a second one, which a keyring may have let arise, goes.

        GNOME Keyring adds an attribute of its own to some items (`xdg:schema`), and then makes a second one beside the
        first when it is asked to replace that.
        """
        import secretstorage

        label = f"{getpass.getuser()}@{SERVICE}:default (keyring v3.6.3)"
        with closing(secretstorage.dbus_init()) as bus:
            collection = secretstorage.get_default_collection(bus)
            there = list(collection.search_items(_attributes(username)))
            if not there:
                collection.create_item(label, _attributes(username), password.encode(), replace=True)
            for item in there[:1]:
                item.set_secret(password.encode())
            for item in there[1:]:
                item.delete()

    def delete_password(self, _service: str, username: str) -> None:
        """Remove the item."""
        import secretstorage

        with closing(secretstorage.dbus_init()) as bus:
            for item in list(secretstorage.get_default_collection(bus).search_items(_attributes(username))):
                item.delete()


def open_items() -> Keyring:
    """Return the keyring with Codex's items. Raises `KeyringUnavailable`, `KeyringLocked` and `KeyringSilent`."""
    if not secret_service.is_usual():
        raise KeyringUnavailable(problem="how Codex keeps its item on this system was not seen yet")
    check_open()
    return Keyring(_Items())


def _attributes(username: str) -> dict[str, str]:
    return {"application": "rust-keyring", "service": SERVICE, "target": "default", "username": username}
