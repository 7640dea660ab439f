"""Sealing a small secret with a key that is kept elsewhere (AES-256-GCM)."""

import base64
import os
from dataclasses import dataclass

from codex_auth.core.secret import Secret
from codex_auth.edge import files
from codex_auth.edge.places import FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import SealKey

KEY_BYTES = 32

_NONCE_BYTES = 12
_KEY_LIMIT = 1024
_LOCK_SECONDS = 10.0


class Seal:
    """Seals and opens texts with one key, which is made the first time something is sealed.

    The key lies where the login it is for is kept: who reads a sealed text without having that has nothing.
    """

    def __init__(self, place: "SealKey") -> None:
        self.kind = place.kind
        self._place = place
        self._at_hand: bytes | None = None

    def ready(self) -> "Seal":
        """Have the key at hand from now on, so that sealing asks nobody any more. Raises what its place does."""
        self._at_hand = self._at_hand or self._key()
        return self

    def close(self, text: Secret, *, bound_to: str) -> str:
        """Return `text` sealed as base64; it opens only together with the same `bound_to`."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(self._at_hand or self._key()).encrypt(nonce, text.reveal().encode(), bound_to.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, bound_to: str) -> Secret | None:
        """Return the text, or None when key, text or `bound_to` is not the one it was sealed with."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._place.held()
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
        return self._place.held() or self._place.make()


@dataclass(frozen=True, slots=True)
class SealFile:
    """The key in a file of its own, 0600, in the state folder.

    It protects a sealed text that gets away alone. It is no defence against somebody who can read both.
    """

    path: str
    kind: str = FILE

    def held(self) -> bytes | None:
        """Return the key, unless it is torn: it opens nothing any more, so a new one in its place loses nothing."""
        key = files.read_private(self.path, limit=_KEY_LIMIT)
        return key if key is not None and len(key) == KEY_BYTES else None

    def make(self) -> bytes:
        """Make the key, unless somebody was quicker: two keys would leave one of two secrets sealed for good."""
        from codex_auth.edge.locks import hold

        path = os.path.join(os.path.dirname(self.path), "locks", "seal.lock")
        with hold(path, timeout=_LOCK_SECONDS, what=self.path, verb="seal", rank="seal"):
            files.sweep(self.path)
            key = self.held()
            if key is None:
                key = os.urandom(KEY_BYTES)
                files.replace(self.path, [key])
            return key
