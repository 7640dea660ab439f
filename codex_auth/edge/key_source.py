"""Where keys come from: what each source promises. For type checkers; nothing here runs."""

from typing import Protocol

from codex_auth.core.secret import Secret
from codex_auth.core.vault_header import Derivation, Header


class KeySource(Protocol):
    """One way to have a vault's key. Two that are equal keep their keys in the same place.

    Every method raises `VaultLocked` when the key is not there or nobody can be asked for it, and what reading and
    writing a private file raises.
    """

    @property
    def kind(self) -> str:
        """What the header calls it."""
        ...

    @property
    def may_ask(self) -> bool:
        """Whether a person may have to type, so that a command that only looks must do without."""
        ...

    def keys(self, header: Header) -> list[bytes]:
        """Return the key of this vault; two while a change of keys was interrupted, the newest first."""
        ...

    def fresh(self, vault_id: bytes, *, beside: bytes | None = None) -> tuple[Derivation | None, bytes]:
        """Return a key for the next save, kept so that no crash can lose it.

        `beside` is the key of the present file: it stays known until `settle`.
        """
        ...

    def settle(self, vault_id: bytes, key: bytes) -> None:
        """Forget all keys of this vault but the one its file has now."""
        ...

    def forget(self, vault_id: bytes) -> None:
        """Forget all keys of this vault: it has another source now."""
        ...


class KeyKeeper(Protocol):
    """A place that keeps a short text under a name, safely: a key file, the OS keyring."""

    def get(self, name: str) -> str | None:
        """Return the text, or None if there is none."""
        ...

    def set(self, name: str, text: str) -> None:
        """Keep a text in place of the one that is there. Old or new is there afterwards, whatever happens."""
        ...

    def delete(self, name: str) -> None:
        """Remove the text, if there is one."""
        ...


class SealKey(Protocol):
    """A place of the key that seals notes and pending sign-ins."""

    @property
    def kind(self) -> str:
        """The kind of store whose logins it is for."""
        ...

    def held(self) -> bytes | None:
        """Return the key, or None if there is none that could be one."""
        ...

    def make(self) -> bytes:
        """Make the key, unless somebody was quicker, and return the one that is kept now."""
        ...


class Asking(Protocol):
    """A way to get a passphrase."""

    def __call__(self, vault: str, *, new: bool) -> Secret:
        """Return the passphrase of the vault with this path; a `new` one is typed twice. Raises `VaultLocked`."""
        ...
