"""Talking to a flow with a list of replies, and a provider's tokens to talk about."""

import base64
import functools
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from codex_auth.core.errors import AuthError
from codex_auth.core.flow import Flow, Request
from codex_auth.core.idtoken import AUTH_CLAIM
from codex_auth.core.provider import Provider
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PROVIDER = Provider()
ACCOUNT = "acc-7f3b9d21-work"
CODE = "ac_Zx81QvW7kLp39TyBnM52RdFh6GjUcXs4"
VERIFIER = "vRfY7QmZ2xKp8LwTnB4sHd9JcG3aEeU6iXo1VqPzWtN5yMbR0kSfDgCjAlOhIu7xEvQzTnYpLwKrMsQw"
REFRESH = "rt_Kq7ZxWv93PmLtYbN28RsJdHf"
ACCESS = "at_Wp5VxJq81ZkHtNbM47CsLdRg"

T = TypeVar("T")


@dataclass
class Talk(Generic[T]):
    """What a flow asked for, and how it ended."""

    asked: list[Request]
    outcome: T | None = None
    error: AuthError | None = None


def talk(flow: Flow[T], *replies: Reply | AuthError) -> Talk[T]:
    """Run a flow with these replies; an error is a request that failed. Every reply must be asked for."""
    said: Talk[T] = Talk([])
    try:
        step = next(flow)
        for reply in replies:
            said.asked.append(step.request)
            step = flow.throw(reply) if isinstance(reply, AuthError) else flow.send(reply)
    except StopIteration as end:
        said.outcome = end.value
    except AuthError as error:
        said.error = error
    else:
        raise AssertionError(f"the flow also wants to {step.request.purpose}")
    assert len(said.asked) == len(replies)
    return said


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    """Return a reply with a JSON body."""
    given = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return Reply(status=status, headers=given, body=json.dumps(document).encode(), asked_at=NOW)


def seconds(moment: datetime) -> int:
    """Return a NumericDate."""
    return int(moment.timestamp())


@functools.cache
def signing_key(kid: str = "first", size: int = 2048) -> RSAKey:
    """Return a private key, the same for each name."""
    made: RSAKey = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=size), {"kid": kid})
    return made


def key_set(*keys: RSAKey) -> dict[str, object]:
    """Return the JWK set a provider with these keys publishes."""
    return {"keys": [{"use": "sig", "alg": "RS256", **key.as_dict(private=False)} for key in keys or [signing_key()]]}


def claims(**changes: object) -> dict[str, object]:
    """Return the claims of a good id token; `name=None` takes one out."""
    good: dict[str, object] = {
        "iss": PROVIDER.issuer,
        "aud": [PROVIDER.client_id],
        "sub": "user-sub-1",
        "iat": seconds(NOW),
        "exp": seconds(NOW + timedelta(hours=1)),
        "email": "alice@example.com",
        AUTH_CLAIM: {"chatgpt_account_id": ACCOUNT, "chatgpt_user_id": "user-1", "chatgpt_plan_type": "pro"},
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(payload: object, *, key: RSAKey | None = None, header: dict[str, object] | None = None) -> Secret:
    """Return a JWT signed with RS256."""
    key = key or signing_key()
    octets = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Secret(jws.serialize_compact(header or {"alg": "RS256", "kid": key.kid}, octets, key, algorithms=["RS256"]))


def part(document: object) -> str:
    """Return one part of a JWT, from a document or from bytes."""
    octets = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unsigned(payload: object, header: object | None = None) -> str:
    """Return a JWT whose signature means nothing."""
    return f"{part(header or {'alg': 'RS256', 'kid': 'first'})}.{part(payload)}.{part(b'signature')}"


def tokens(**changes: object) -> dict[str, object]:
    """Return the document of a good token reply; `name=None` takes a field out."""
    good = {
        "access_token": unsigned({"exp": seconds(NOW + timedelta(days=10)), "canary": ACCESS}),
        "refresh_token": REFRESH,
        "id_token": signed(claims()).reveal(),
        "token_type": "Bearer",
        "expires_in": 864000,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}
