"""Making a vault's key from a passphrase: Argon2id (RFC 9106), or scrypt (RFC 7914) where there is none."""

import unicodedata

from codex_auth.core.vault_cipher import KEY_BYTES
from codex_auth.core.vault_header import ARGON2ID, SCRYPT, Derivation

STRONG = Derivation(name=ARGON2ID, memory=64 * 1024, passes=3, lanes=4)
"""The second recommended option of RFC 9106 section 4: 64 MiB, three passes, four lanes."""
STRONG_SCRYPT = Derivation(name=SCRYPT, memory=128 * 1024, passes=1, lanes=1)
"""N = 2¹⁷, r = 8, p = 1: 128 MiB."""

_SCRYPT_BLOCK = 8


def strongest() -> Derivation:
    """Return the best derivation this machine can compute, without a salt.

    Argon2id needs cryptography 44 on OpenSSL 3.2.
    """
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        Argon2id(salt=STRONG.salt, length=KEY_BYTES, iterations=1, lanes=1, memory_cost=8)
    except (ImportError, UnsupportedAlgorithm):
        return STRONG_SCRYPT
    return STRONG


def derive(derivation: Derivation, passphrase: str) -> bytes:
    """Return the key. The same letters give the same key however the keyboard composed them (NFC).

    The derivation is one that `Derivation.is_reasonable` accepted. Raises `MemoryError`, and
    `UnsupportedAlgorithm` or `ImportError` where this machine has no Argon2id.
    """
    typed = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    if derivation.name == SCRYPT:
        from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

        return Scrypt(
            salt=derivation.salt, length=KEY_BYTES, n=derivation.memory, r=_SCRYPT_BLOCK, p=derivation.lanes
        ).derive(typed)
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(
        salt=derivation.salt,
        length=KEY_BYTES,
        iterations=derivation.passes,
        lanes=derivation.lanes,
        memory_cost=derivation.memory,
    ).derive(typed)
