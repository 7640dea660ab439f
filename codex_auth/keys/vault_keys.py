"""The sources of a vault's key: a key that is kept somewhere, and a passphrase that somebody knows."""

import os
from dataclasses import dataclass, field, replace

from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import KeyringUnavailable, VaultLocked
from codex_auth.core.vault_cipher import KEY_BYTES
from codex_auth.core.vault_header import KEY_FILE, PASSPHRASE, SALT_BYTES, Derivation, Header
from codex_auth.core.vault_kdf import derive, strongest
from codex_auth.core.vault_layout import key_name
from codex_auth.edge import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import Asking, KeyKeeper

_KEY_FILE_LIMIT = 1024
_KEYS_AT_MOST = 2
_NO_COPY = "Put its key back from your copy (if there is none, move the vault away and sign in again)"


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A keeper of one text: a file with mode 0600. Any other mode or owner is refused with `UnsafeFile`."""

    path: str

    def get(self, name: str) -> str | None:  # noqa: ARG002 - the file is for one vault
        """Return what the file holds."""
        raw = files.read_private(self.path, limit=_KEY_FILE_LIMIT)
        return None if raw is None else raw.decode("ascii", "replace")

    def set(self, name: str, text: str) -> None:  # noqa: ARG002
        """Replace the file, whole and durably. The caller holds the lock of its vault."""
        files.private_folder(os.path.dirname(self.path))
        files.sweep(self.path)
        files.replace(self.path, [text.encode()])

    def delete(self, name: str) -> None:  # noqa: ARG002
        """Remove the file."""
        files.sweep(self.path)
        files.remove(self.path)


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A random key in a keeper, as hexadecimal lines: the key, and during a change of keys the old one below it.

    Whichever of the two a crash leaves in the vault, the keeper has it.
    """

    path: str
    """The vault, for people."""
    keeper: "KeyKeeper"
    where: str
    """The keeper in words, for people."""
    kind: str = KEY_FILE
    may_ask: bool = False

    def keys(self, header: Header) -> list[bytes]:
        """Return the keys that are kept."""
        found = self._get(header.vault_id)
        if not found:
            raise self._locked(f"there is no key in {self.where}")
        return found

    def fresh(self, vault_id: bytes, *, beside: bytes | None = None) -> tuple[None, bytes]:
        """Keep a new key. A vault that begins takes the key that is there, which somebody may have put there."""
        found = self._get(vault_id)
        if found and beside is None:
            return None, found[0]
        key = os.urandom(KEY_BYTES)
        self._set(vault_id, [key] if beside is None else [key, beside])
        return None, key

    def settle(self, vault_id: bytes, key: bytes) -> None:
        """Keep this key only."""
        self._set(vault_id, [key])

    def forget(self, vault_id: bytes) -> None:
        """Keep no key."""
        try:
            self.keeper.delete(key_name(vault_id))
        except KeyringUnavailable as missing:
            raise self._missing(missing) from None

    def _get(self, vault_id: bytes) -> list[bytes]:
        """Return the keys, newest first; none if there are none. Raises `VaultLocked` for anything else."""
        try:
            text = self.keeper.get(key_name(vault_id))
        except KeyringUnavailable as missing:
            raise self._missing(missing) from None
        try:
            found = [bytes.fromhex(line) for line in (text or "").split()]
        except ValueError:
            found = [b""]
        if len(found) > _KEYS_AT_MOST or any(len(key) != KEY_BYTES for key in found):
            raise self._locked(f"what {self.where} holds is no key")
        return found

    def _locked(self, problem: str) -> VaultLocked:
        return VaultLocked(path=self.path, problem=problem, todo=_NO_COPY)

    def _missing(self, missing: KeyringUnavailable) -> VaultLocked:
        # To a login that could be kept elsewhere this is trouble of the store; a vault only waits for its key.
        problem = f"its key is in {self.where}, which cannot be used: {missing.facts['problem']}"
        return VaultLocked(path=self.path, problem=problem, todo="Start the keyring")

    def _set(self, vault_id: bytes, keys: list[bytes]) -> None:
        try:
            self.keeper.set(key_name(vault_id), "".join(f"{key.hex()}\n" for key in keys))
        except KeyringUnavailable as missing:
            raise self._missing(missing) from None


@dataclass(slots=True, eq=False)
class Passphrase:
    """A key made from a passphrase. It is asked for once, and both are remembered as long as this object lives."""

    path: str
    """The vault, for the question."""
    ask: "Asking"
    strength: Derivation | None = None
    """How new keys are made, without the salt; None is the strongest this machine can."""
    kind: str = PASSPHRASE
    may_ask: bool = True
    _typed: Secret | None = None
    _derived: dict[Derivation, bytes] = field(default_factory=dict)

    def keys(self, header: Header) -> list[bytes]:
        """Ask, and derive as the header says, which has been checked against the ceilings."""
        if header.derivation is None:
            return []
        self._typed = self._typed or self.ask(self.path, new=False)
        return [self._derive(header.derivation, self._typed)]

    def fresh(self, vault_id: bytes, *, beside: bytes | None = None) -> tuple[Derivation, bytes]:  # noqa: ARG002
        """Ask for a new passphrase and salt it anew."""
        self._typed = self.ask(self.path, new=True)
        derivation = replace(self.strength or strongest(), salt=os.urandom(SALT_BYTES))
        return derivation, self._derive(derivation, self._typed)

    def settle(self, vault_id: bytes, key: bytes) -> None:
        """Do nothing: a passphrase is kept nowhere."""

    def forget(self, vault_id: bytes) -> None:  # noqa: ARG002
        """Forget what was typed."""
        self._typed = None
        self._derived.clear()

    def _derive(self, derivation: Derivation, typed: Secret) -> bytes:
        if derivation not in self._derived:
            try:
                self._derived[derivation] = derive(derivation, typed.reveal())
            except MemoryError:
                raise VaultLocked(
                    path=self.path,
                    problem=f"its passphrase needs {derivation.memory // 1024} MiB of memory to check",
                    todo="End other programs",
                ) from None
            except _cannot_derive():
                raise VaultLocked(
                    path=self.path,
                    problem=f"this machine cannot compute {derivation.name}",
                    todo="Update with `pip install --upgrade cryptography`",
                ) from None
        return self._derived[derivation]


def _cannot_derive() -> tuple[type[Exception], ...]:
    from cryptography.exceptions import UnsupportedAlgorithm

    return UnsupportedAlgorithm, ImportError
