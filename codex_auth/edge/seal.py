"""Sealing a small secret with a key that is kept elsewhere (AES-256-GCM)."""

import base64
import os

from codex_auth.core.secret import Secret
from codex_auth.edge import files

_KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_LIMIT = 1024
_LOCK_SECONDS = 10.0


class Seal:
    """Seals and opens texts with one key file, which is made (0600) the first time something is sealed.

    The key lies in our state folder and the sealed text in the pending-state file: whoever gets a copy of one
    alone has nothing. It is no defence against somebody who can read both.
    """

    def __init__(self, key_path: str) -> None:
        self._path = key_path

    def close(self, text: Secret, *, bound_to: str) -> str:
        """Return `text` sealed as base64; it opens only together with the same `bound_to`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._key()).encrypt(nonce, text.reveal().encode(), bound_to.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, bound_to: str) -> Secret | None:
        """Return the text, or None when key, text or `bound_to` is not the one it was sealed with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._held()
        try:
            raw = base64.b64decode(sealed, validate=True)
            if key is None:
                return None
            text = AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound_to.encode())
        except (InvalidTag, ValueError):
            return None
        return Secret(text.decode())

    def fingerprint(self, secret: Secret) -> str:
        """Return 32 hex digits that name a secret on this machine only; nobody without the key can test a guess."""
        import hmac

        return hmac.digest(self._key(), b"fingerprint " + secret.reveal().encode(), "sha256").hex()[:32]

    def _key(self) -> bytes:
        return self._held() or self._make()

    def _held(self) -> bytes | None:
        # A torn or emptied key opens nothing any more, so a new one in its place loses nothing.
        key = files.read_private(self._path, limit=_KEY_LIMIT)
        return key if key is not None and len(key) == _KEY_BYTES else None

    def _make(self) -> bytes:
        """Make the key, unless somebody was quicker: two keys would leave one of two secrets sealed for good."""
        from codex_auth.edge.locks import hold

        path = os.path.join(os.path.dirname(self._path), "locks", "seal.lock")
        with hold(path, timeout=_LOCK_SECONDS, what=self._path, verb="seal", rank="seal"):
            files.sweep(self._path)
            key = self._held()
            if key is None:
                key = os.urandom(_KEY_BYTES)
                files.replace(self._path, [key])
            return key
