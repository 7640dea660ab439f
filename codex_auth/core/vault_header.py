"""What a vault says of itself before it is opened. Nothing here is true until the vault was opened with it.

Whoever can write the file can forge the header, so everything a reader would act on before it has a key has a
ceiling: how much memory and work the key derivation may ask for.
"""

import struct
from dataclasses import dataclass

from codex_auth.core.store_errors import StoreNewer, VaultUnreadable
from codex_auth.core.vault_layout import HEADER_BYTES, MAGIC, NONCE_BYTES, VERSION, is_vault

KEY_FILE, PASSPHRASE, KEYRING = "keyfile", "passphrase", "keyring"
ARGON2ID, SCRYPT = "argon2id", "scrypt"

SALT_BYTES = 16
ID_BYTES = 16
MEMORY_AT_MOST = 512 * 1024
"""KiB. Eight times what we ask for ourselves."""
PASSES_AT_MOST = 10
LANES_AT_MOST = 8

_FORM = struct.Struct(f">{len(MAGIC)}sBBBIII{SALT_BYTES}s{ID_BYTES}sQ{NONCE_BYTES}s")
_SOURCES = ("", KEY_FILE, PASSPHRASE, KEYRING)
_NAMES = ("", SCRYPT, ARGON2ID)
_ARGON2_BLOCKS = 8
"""KiB of memory that Argon2 needs for each lane (RFC 9106 section 3.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """How a key is made from a passphrase.

    `memory` is in KiB. For scrypt it is the cost N as well, because the block size is always 8 (RFC 7914:
    128 * N * 8 bytes), `passes` is 1 and `lanes` is p.
    """

    name: str
    memory: int
    passes: int
    lanes: int
    salt: bytes = bytes(SALT_BYTES)

    @property
    def is_reasonable(self) -> bool:
        """Whether it can be computed, on a machine of ours and in seconds."""
        if not 1 <= self.passes <= PASSES_AT_MOST or not 1 <= self.lanes <= LANES_AT_MOST:
            return False
        if self.name == SCRYPT:
            is_power = self.memory.bit_count() == 1
            return is_power and 1 < self.memory <= MEMORY_AT_MOST and self.passes == 1
        return self.name == ARGON2ID and _ARGON2_BLOCKS * self.lanes <= self.memory <= MEMORY_AT_MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The header of one save. `source` says where the key comes from; only a passphrase needs a derivation."""

    source: str
    derivation: Derivation | None
    vault_id: bytes
    generation: int
    """How many saves there were, this one included."""
    nonce: bytes = bytes(NONCE_BYTES)


def read_header(raw: bytes, *, path: str) -> Header:
    """Return the header of a vault file.

    Raises `StoreNewer` for a later version, and `VaultUnreadable` for anything we would not have written.
    """
    if raw.startswith(MAGIC) and len(raw) >= HEADER_BYTES and raw[len(MAGIC)] > VERSION:
        raise StoreNewer(path=path, found=raw[len(MAGIC)], known=VERSION)
    if not is_vault(raw):
        raise VaultUnreadable(path=path)
    _, _, source, name, memory, passes, lanes, salt, vault_id, generation, nonce = _FORM.unpack(raw[:HEADER_BYTES])
    derivation = None
    if name:
        derivation = Derivation(
            name=_NAMES[name] if name < len(_NAMES) else "", memory=memory, passes=passes, lanes=lanes, salt=salt
        )
    header = Header(
        source=_SOURCES[source] if source < len(_SOURCES) else "",
        derivation=derivation,
        vault_id=vault_id,
        generation=generation,
        nonce=nonce,
    )
    is_known = bool(header.source) and (derivation is not None) == (header.source == PASSPHRASE)
    if not is_known or (derivation and not derivation.is_reasonable) or write_header(header) != raw[:HEADER_BYTES]:
        raise VaultUnreadable(path=path)
    return header


def write_header(header: Header) -> bytes:
    """Return the bytes of a header."""
    used = header.derivation or Derivation(name="", memory=0, passes=0, lanes=0)
    return _FORM.pack(
        MAGIC,
        VERSION,
        _SOURCES.index(header.source),
        _NAMES.index(used.name),
        used.memory,
        used.passes,
        used.lanes,
        used.salt,
        header.vault_id,
        header.generation,
        header.nonce,
    )
