"""Sealing and opening a whole vault (AES-256-GCM, NIST SP 800-38D), with its header as associated data."""

from codex_auth.core.vault_layout import HEADER_BYTES, NONCE, is_vault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32


def seal(key: bytes, header: bytes, text: bytes) -> bytes:
    """Return a vault. The header holds the nonce, which must be new for every call with one key."""
    return header + _aes_gcm()(key).encrypt(header[NONCE], text, header)


def unseal(key: bytes, vault: bytes) -> bytes | None:
    """Return the text of a vault, or None: wrong key, damage and another version cannot be told apart."""
    if not is_vault(vault):
        return None
    header, sealed = vault[:HEADER_BYTES], vault[HEADER_BYTES:]
    try:
        return _aes_gcm()(key).decrypt(header[NONCE], sealed, header)
    except _invalid_tag():
        return None


def _aes_gcm() -> "type[AESGCM]":
    """Load AES-GCM from where `ciphers.aead` itself takes it.

    Importing the public name brings `typing`, `enum` and all other ciphers along, which makes reading one token
    half as slow again; the public name is the way where this one is gone.
    """
    try:
        from cryptography.hazmat.bindings._rust import openssl

        loaded = openssl.aead.AESGCM
    except (ImportError, AttributeError):
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        loaded = AESGCM
    return loaded


def _invalid_tag() -> type[Exception]:
    """Load the exception only when there is one to catch: `except` looks at its class no earlier."""
    from cryptography.exceptions import InvalidTag

    return InvalidTag
