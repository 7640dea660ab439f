"""The Secret Service (GNOME Keyring, KWallet, KeePassXC), asked directly over the session bus. Only for reading.

The `keyring` library reads the same items, but loading it takes five times as long as all of this. The questions are
those of the Secret Service API Draft 0.2; the attributes are those the library writes (`service`, `username`), in
the collection it uses, the default one. Whenever anything is not as expected the answer is None, and the caller asks
the library instead; only a service that does not answer at all is a `BusSilent`, since asking again would not help.
"""

import sys

from codex_auth.keys.dbus import BusTrouble
from codex_auth.keys.session_bus import BusError, BusSilent, Call, SessionBus

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
_DISMISS = "org.freedesktop.Secret.Prompt.Dismiss"
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

    One that opens without asking anybody is opened: GNOME Keyring keeps even a collection without a password locked
    until somebody needs it, as on a machine that signs its user in by itself. Asking never makes a prompt appear.
    The library would unlock or create the collection in any case, which asks a person.
    """
    return _asked(_state, seconds)


def _secrets(bus: SessionBus, service: str, names: "list[str]") -> "dict[str, str]":
    searches = [_search({"service": service, "username": name}) for name in names]
    session = Call(_NAME, _ROOT, f"{_SERVICE}.OpenSession", "plain", ("s", ""), takes="sv", gives="vo")
    (_, path), *answers = bus.ask(session, *searches)
    found = {}
    for name, (items,) in zip(names, answers, strict=True):
        if len(items) > 1:
            raise BusTrouble("several items of one name")
        found.update(dict.fromkeys(items, name))
    if not found:
        return {}
    secrets_of = Call(_NAME, _ROOT, f"{_SERVICE}.GetSecrets", [*found], path, takes="aoo", gives="a{o(oayays)}")
    ((secrets,),) = bus.ask(secrets_of)
    if secrets.keys() != found.keys():
        raise BusTrouble("a secret is missing")
    return {found[path]: _text(secret) for path, (_, _, secret, _) in secrets.items()}


def _names(bus: SessionBus, service: str) -> "list[str]":
    ((items,),) = bus.ask(_search({"service": service}))
    answers = bus.ask(*[_property(item, _ITEM, "Attributes") for item in items]) if items else []
    found = [_checked(answer, "a{ss}") for answer in answers]
    return [attributes["username"] for attributes in found if "username" in attributes]


def _state(bus: SessionBus) -> 'Literal["open", "locked", "missing"]':
    try:
        (answer,) = bus.ask(_property(_DEFAULT, _COLLECTION, "Locked"))
    except BusError as error:
        if error.name in _MISSING:
            return "missing"
        raise
    return "locked" if _checked(answer, "b") and not _opens_by_itself(bus) else "open"


def _opens_by_itself(bus: SessionBus) -> bool:
    """Unlock the collection if that needs nobody; a prompt that would be needed is dismissed before it is shown."""
    ((path,),) = bus.ask(Call(_NAME, _ROOT, f"{_SERVICE}.ReadAlias", "default", takes="s", gives="o"))
    ((unlocked, prompt),) = bus.ask(Call(_NAME, _ROOT, f"{_SERVICE}.Unlock", [path], takes="ao", gives="aoo"))
    if prompt != "/":
        bus.ask(Call(_NAME, prompt, _DISMISS, gives=""))
    return path in unlocked


def _search(attributes: "dict[str, str]") -> Call:
    """Ask for the paths of the items that have these attributes, and perhaps others."""
    return Call(_NAME, _DEFAULT, f"{_COLLECTION}.SearchItems", attributes, takes="a{ss}", gives="ao")


def _property(path: str, interface: str, name: str) -> Call:
    return Call(_NAME, path, _GET, interface, name, takes="ss", gives="v")


def _checked(answer: "list[Any]", kind: str) -> "Any":
    """Return the value of a property, which must be of this type."""
    ((found, value),) = answer
    if found != kind:
        raise BusTrouble("a property of another type")
    return value


def _text(secret: bytes) -> str:
    try:
        return secret.decode()
    except UnicodeDecodeError:
        raise BusTrouble("not text") from None


def _asked(question: "Callable[[SessionBus], Answer]", seconds: float) -> "Answer | None":
    """Ask over a connection of its own; None for any trouble but silence."""
    try:
        bus = SessionBus(seconds=seconds)
        try:
            return question(bus)
        finally:
            bus.close()
    except BusSilent:
        raise
    except BusTrouble:
        return None
