"""The keyring of the operating system, through the `keyring` library, with its traps closed.

1. Only keyrings of a short list are used, chosen here. What the library would follow is not followed:
   `PYTHON_KEYRING_BACKEND`, `KEYRING_PROPERTY_*`, its configuration file (which may name any folder to import from),
   plug-ins, and the back ends that keep nothing, keep it in the clear, or ask several others in turn.
2. What was written is read back and compared; what was removed must be gone.
3. Every call has three seconds, in a thread that is left behind when it takes longer. A locked Secret Service is not
   called at all: it would wait for a person, who may be at another screen.
"""

import os
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, TypeVar

from codex_auth.core.store_errors import KeyringLocked, KeyringSilent, KeyringUnavailable, KeyringUnfaithful, StoreError
from codex_auth.keys import secret_service
from codex_auth.keys.session_bus import BusSilent

SERVICE = "codex-auth"
CALL_SECONDS = 3.0
WINDOWS_LIMIT = 1280
"""Characters in one item: 2,560 bytes of UTF-16 (CRED_MAX_CREDENTIAL_BLOB_SIZE)."""

ALLOWED = {
    "darwin": {"keyring.backends.macOS": "Keyring"},
    "win32": {"keyring.backends.Windows": "WinVaultKeyring"},
    "": {"keyring.backends.SecretService": "Keyring", "keyring.backends.kwallet": "DBusKeyring"},
}
"""The modules and classes that may be used on each platform; the first that works is. The last line is any other."""

_LOCKED = {"KeyringLocked", "LockedException", "PromptDismissedException"}
"""Exceptions of `keyring` and `secretstorage` that mean a person is needed."""

_GONE = "ItemNotFoundException"
"""What `secretstorage` raises for an item that somebody removed between being found and being read."""

_Answer = TypeVar("_Answer")


class Backend(Protocol):
    """What we use of the library's back ends."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Return a secret, or None if there is none."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Keep a secret."""
        ...

    def delete_password(self, service: str, username: str, /) -> None:
        """Remove a secret that is there."""
        ...


class Keyring:
    """The items of our service in one keyring. Nothing is loaded, asked or started before the first call.

    `backend` and `limit` (characters in one item) are for tests; otherwise they are this machine's.
    Raises `KeyringUnavailable`, `KeyringLocked`, `KeyringSilent` and `KeyringUnfaithful`.
    """

    def __init__(
        self, backend: Backend | None = None, *, limit: int | None = None, seconds: float = CALL_SECONDS
    ) -> None:
        self._is_machines = backend is None
        self._backend = backend
        self._limit = limit
        self._seconds = seconds
        self._abandoned: threading.Thread | None = None

    @property
    def limit(self) -> int | None:
        """How many characters fit into one item; None where nobody has to count."""
        if self._is_machines and sys.platform == "win32":
            return WINDOWS_LIMIT
        return self._limit

    def read(self, names: list[str]) -> dict[str, str]:
        """Return the items of these names; those that do not exist are left out."""
        if self._is_machines and secret_service.is_usual():
            direct = _answered(lambda: secret_service.read(SERVICE, names, seconds=self._seconds), self._seconds)
            if direct is not None:
                return direct
        found = {name: self._get(name) for name in names}
        return {name: text for name, text in found.items() if text is not None}

    def write(self, name: str, text: str) -> None:
        """Write one item, and see that it is what the keyring now gives back."""
        self._call(lambda backend: backend.set_password(self._service(name), name, text))
        if self.read([name]).get(name) != text:
            raise KeyringUnfaithful(problem="it gives back something else than was written")

    def remove(self, name: str) -> bool:
        """Remove one item, and see that it is gone. False if there was none."""
        if not self.read([name]):
            return False
        self._call(lambda backend: backend.delete_password(self._service(name), name))
        if self.read([name]):
            raise KeyringUnfaithful(problem="what was removed is still there")
        return True

    def names(self) -> list[str] | None:
        """Return the names of all items, or None where the keyring cannot tell."""
        if not self._is_machines or not secret_service.is_usual():
            return None
        check_open(seconds=self._seconds)  # a locked one shows its items under other names
        return _answered(lambda: secret_service.names(SERVICE, seconds=self._seconds), self._seconds)

    def _get(self, name: str) -> str | None:
        def ask(backend: Backend) -> str | None:
            try:
                return backend.get_password(self._service(name), name)
            except Exception as error:
                if type(error).__name__ == _GONE:
                    return None
                raise

        return self._call(ask)

    def _service(self, name: str) -> str:
        # Windows keeps one item for a service; the library would move it aside for each new name, in several steps.
        return SERVICE if self.limit is None else f"{SERVICE}/{name}"

    def _call(self, act: Callable[[Backend], _Answer]) -> _Answer:
        """Do something with the keyring in a thread that may be left behind."""
        if self._abandoned and self._abandoned.is_alive():
            raise _silent(self._seconds)  # a late write must not land on top of a newer one
        if self._is_machines:
            check_open(seconds=self._seconds)
        answers: list[_Answer] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                self._backend = self._backend or choose()
                answers.append(act(self._backend))
            except BaseException as error:  # noqa: BLE001 - back ends raise whatever their platform does
                errors.append(error)

        thread = threading.Thread(target=work, name="keyring", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if answers:
            return answers[0]
        if errors:
            raise _said(errors[0]) from None
        self._abandoned = thread
        raise _silent(self._seconds)


def check_open(*, seconds: float = CALL_SECONDS) -> None:
    """Raise at once where the Secret Service would make a prompt appear, and where there is no session bus."""
    if not secret_service.is_usual():
        return
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        raise KeyringUnavailable(problem="this session has no D-Bus (DBUS_SESSION_BUS_ADDRESS is not set)")
    state = _answered(lambda: secret_service.state(seconds=seconds), seconds)
    if state == "locked":
        raise KeyringLocked(problem="its password has not been given in this session")
    if state == "missing":
        raise KeyringLocked(problem="it has no collection yet, and making one asks for a password")


def choose() -> Backend:
    """Return the first keyring of the list that works here. Raises `KeyringUnavailable`."""
    for module, name in ALLOWED.get(sys.platform, ALLOWED[""]).items():
        kind = getattr(import_module(module), name)
        try:
            kind.priority  # noqa: B018 - the library's way to ask: it raises where the keyring cannot work
        except Exception:  # noqa: BLE001, S112 - and what it raises is the platform's
            continue
        # Without this its constructor would take settings from `KEYRING_PROPERTY_*`.
        deaf = type(name, (kind,), {"set_properties_from_env": lambda _self: None})
        backend: Backend = deaf()
        return backend
    raise KeyringUnavailable(problem="none of those we trust answers here (Secret Service, KWallet, Keychain, Vault)")


def _answered(ask: Callable[[], _Answer], seconds: float) -> _Answer:
    """Return what the Secret Service answers to a direct question."""
    try:
        return ask()
    except BusSilent:
        raise _silent(seconds) from None


def _silent(seconds: float) -> KeyringSilent:
    return KeyringSilent(seconds=f"{seconds:g}")


def _said(error: BaseException) -> BaseException:
    """Say what a back end raised, without its text."""
    if isinstance(error, StoreError) or not isinstance(error, Exception):
        return error
    kind = type(error).__name__
    if kind in _LOCKED:
        return KeyringLocked(problem="it asked for its password, and nobody gave it")
    return KeyringUnavailable(problem=f"it answered with an error ({kind})")
