"""Vaults for tests, with keys that cost nothing."""

from dataclasses import dataclass, field
from pathlib import Path

from codex_auth.core.secret import Secret
from codex_auth.core.vault_header import ARGON2ID, KEY_FILE, KEYRING, PASSPHRASE, Derivation
from codex_auth.edge.key_source import KeyKeeper, KeySource
from codex_auth.keys.vault_keys import KeptKey, KeyFile, Passphrase
from codex_auth.stores.vault import Vault, VaultPlaces

CHEAP = Derivation(name=ARGON2ID, memory=8, passes=1, lanes=1)
PHRASE = "correct horse battery staple"


class Knowing:
    """Somebody who knows the passphrase, and counts how often he is asked."""

    def __init__(self, passphrase: str = PHRASE) -> None:
        self.passphrase = passphrase
        self.asked: list[bool] = []

    def __call__(self, vault: str, *, new: bool) -> Secret:
        """Answer."""
        self.asked.append(new)
        return Secret(self.passphrase)


@dataclass
class Ring:
    """A keyring in memory."""

    texts: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        """Return a text."""
        return self.texts.get(name)

    def set(self, name: str, text: str) -> None:
        """Keep a text."""
        self.texts[name] = text

    def delete(self, name: str) -> None:
        """Remove a text."""
        self.texts.pop(name, None)


def places(folder: Path) -> VaultPlaces:
    """Return places in a folder."""
    data, state = folder / "data", folder / "state"
    return VaultPlaces(
        vault=str(data / "vault.cav"),
        index=str(data / "index.json"),
        seen=str(state / "vault-generation.json"),
        locks=str(state / "locks"),
    )


def key_path(folder: Path) -> Path:
    """Return where the key file is."""
    return folder / "state" / "vault.key"


def with_key_file(folder: Path) -> KeptKey:
    """Return the key file of a vault."""
    return KeptKey(places(folder).vault, KeyFile(str(key_path(folder))), where="the key file", kind=KEY_FILE)


def with_ring(folder: Path, ring: KeyKeeper) -> KeptKey:
    """Return the keyring of a vault."""
    return KeptKey(places(folder).vault, ring, where="the keyring", kind=KEYRING)


def with_passphrase(folder: Path, person: Knowing | None = None, strength: Derivation = CHEAP) -> Passphrase:
    """Return a passphrase of a vault."""
    return Passphrase(places(folder).vault, person or Knowing(), strength=strength)


def open_vault(folder: Path, source: KeySource | None = None) -> Vault:
    """Open a vault with one source, or with those that need nobody."""
    source = source or with_key_file(folder)
    return Vault(places(folder), {source.kind: source}, begin=source.kind)


def kinds(folder: Path) -> dict[str, KeySource]:
    """Return one source of each kind."""
    return {
        KEY_FILE: with_key_file(folder),
        PASSPHRASE: with_passphrase(folder),
        KEYRING: with_ring(folder, Ring()),
    }
