"""The key that signs sandbox tokens."""

from functools import cache

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

_ALGORITHM = "RS256"


@cache
def _key() -> RSAKey:
    """Make the key once for a process: 2,048 bits cost up to 0.2 s, and no sandbox outlives its process."""
    key = RSAKey.generate_key(2048, {"use": "sig", "alg": _ALGORITHM}, private=True)
    key.ensure_kid()
    return key


def sign(claims: dict[str, object]) -> str:
    """Return the claims as a signed token."""
    key = _key()
    return jwt.encode({"alg": _ALGORITHM, "kid": key.kid}, claims, key, algorithms=[_ALGORITHM])


def read(token: str) -> dict[str, object] | None:
    """Return the claims of a token this process signed, else None; lifetimes are the caller's business."""
    try:
        return jwt.decode(token, _key(), algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError):
        return None


def public_keys() -> dict[str, object]:
    """Return the JWKS document (RFC 7517 section 5)."""
    return {"keys": [_key().as_dict(private=False)]}
