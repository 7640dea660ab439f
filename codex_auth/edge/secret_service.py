"""The Secret Service (GNOME Keyring, KWallet, KeePassXC), asked directly over the session bus. Only for reading.

The `keyring` library reads the same items, but loading it takes five times as long as all of this. The questions are
those of the Secret Service API Draft 0.2; the attributes are those the library writes (`service`, `username`), in
the collection it uses, the default one. Whenever anything is not as expected the answer is None, and the caller asks
the library instead.
"""

import sys

from codex_auth.edge.dbus import BusTrouble
from codex_auth.edge.session_bus import BusError, SessionBus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeVar

    Answer = TypeVar("Answer")

READ_SECONDS = 3.0

_NAME, _ROOT, _DEFAULT = (
    "org.freedesktop.secrets",
    "/org/freedesktop/secrets",
    "/org/freedesktop/secrets/aliases/default",
)
_SERVICE, _COLLECTION, _ITEM = (f"org.freedesktop.Secret.{kind}" for kind in ("Service", "Collection", "Item"))
_GET = "org.freedesktop.DBus.Properties.Get"
_MISSING = {
    "org.freedesktop.DBus.Error.UnknownObject",
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.Secret.Error.NoSuchObject",
}
"""What services answer for a collection that does not exist."""


def is_usual() -> bool:
    """Whether keyrings are reached through the Secret Service on systems of this kind."""
    return sys.platform not in {"darwin", "win32", "cygwin"}


def read(service: str, names: "list[str]", *, seconds: float = READ_SECONDS) -> "dict[str, str] | None":
    """Return the secrets of one service by user name; names that have none are left out.

    None means that nothing is known: no bus, no service, a locked item, two items of one name, an odd answer.
    """
    return _asked(lambda bus: _secrets(bus, service, names), seconds)


def names(service: str, *, seconds: float = READ_SECONDS) -> "list[str] | None":
    """Return the user names of all items of one service, or None when that cannot be known."""
    return _asked(lambda bus: _names(bus, service), seconds)


def state(*, seconds: float = READ_SECONDS) -> 'Literal["open", "locked", "missing"] | None':
    """Return whether the default collection is open, is locked or does not exist; None when nothing answers.

    Asking never makes a prompt appear. The library would unlock or create the collection, which asks a person.
    """
    return _asked(_state, seconds)


def _secrets(bus: SessionBus, service: str, names: "list[str]") -> "dict[str, str]":
    found = {}
    for name in names:
        items = _search(bus, {"service": service, "username": name})
        if len(items) > 1:
            raise BusTrouble("several items of one name")
        found.update(dict.fromkeys(items, name))
    if not found:
        return {}
    _, session = bus.call(_NAME, _ROOT, f"{_SERVICE}.OpenSession", "plain", ("s", ""), takes="sv", gives="vo")
    (secrets,) = bus.call(
        _NAME, _ROOT, f"{_SERVICE}.GetSecrets", list(found), session, takes="aoo", gives="a{o(oayays)}"
    )
    if secrets.keys() != found.keys():
        raise BusTrouble("a secret is missing")
    return {found[path]: _text(secret) for path, (_, _, secret, _) in secrets.items()}


def _names(bus: SessionBus, service: str) -> "list[str]":
    found = []
    for item in _search(bus, {"service": service}):
        attributes = _property(bus, item, _ITEM, "Attributes", "a{ss}")
        if "username" in attributes:
            found.append(attributes["username"])
    return found


def _state(bus: SessionBus) -> 'Literal["open", "locked", "missing"]':
    try:
        return "locked" if _property(bus, _DEFAULT, _COLLECTION, "Locked", "b") else "open"
    except BusError as error:
        if error.name in _MISSING:
            return "missing"
        raise


def _search(bus: SessionBus, attributes: "dict[str, str]") -> "list[str]":
    """Return the paths of the items that have these attributes, and perhaps others."""
    (items,) = bus.call(_NAME, _DEFAULT, f"{_COLLECTION}.SearchItems", attributes, takes="a{ss}", gives="ao")
    found: list[str] = items
    return found


def _property(bus: SessionBus, path: str, interface: str, name: str, kind: str) -> "Any":
    ((found, value),) = bus.call(_NAME, path, _GET, interface, name, takes="ss", gives="v")
    if found != kind:
        raise BusTrouble("a property of another type")
    return value


def _text(secret: bytes) -> str:
    try:
        return secret.decode()
    except UnicodeDecodeError:
        raise BusTrouble("not text") from None


def _asked(question: "Callable[[SessionBus], Answer]", seconds: float) -> "Answer | None":
    """Ask over a connection of its own; None for any trouble."""
    try:
        bus = SessionBus(seconds=seconds)
    except BusTrouble:
        return None
    try:
        return question(bus)
    except BusTrouble:
        return None
    finally:
        bus.close()
