"""What is said to the provider, as conversations without socket, clock or disk.

A flow is a generator. It yields an `Ask`, is sent the `Reply`, and returns what it found out. Whoever runs it
performs the requests; a request that cannot be made is thrown into the flow as one of our errors. Times come with
the replies (`Reply.asked_at`), so a flow can be tested with a list.
"""

import base64
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from codex_auth.core.card import Identity
from codex_auth.core.errors import (
    AuthError,
    IdTokenRefused,
    ProviderRefused,
    ProviderReplyUnusable,
    ProviderUnreachable,
)
from codex_auth.core.idtoken import read_identity
from codex_auth.core.model import Credential
from codex_auth.core.openai import ORIGINATOR
from codex_auth.core.provider import Provider
from codex_auth.core.replies import (
    Failure,
    Reply,
    SignInReply,
    TokenReply,
    read_error,
    read_json_reply,
    read_sign_in_reply,
    skew,
)
from codex_auth.core.secret import Secret

__all__ = [
    "Ask",
    "Flow",
    "Reply",
    "Request",
    "SignedIn",
    "authorize_url",
    "give_back",
    "identify",
    "new_state",
    "new_verifier",
    "revoke",
    "revoke_login",
    "sign_in",
]

_LEAST_RANDOM = 32
"""256 bits, for states (RFC 9700 section 4.7) and verifiers (RFC 7636 section 7.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request to the provider. `purpose` says in words what for."""

    method: str
    url: str
    purpose: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to be made, once."""

    request: Request


T = TypeVar("T")
Flow = Generator[Ask, Reply, T]
"""A conversation with the provider that ends in a `T`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a code brought: who signed in, and the tokens."""

    identity: Identity
    tokens: SignInReply
    signature_checked: bool
    """False where the provider's keys could not be had, and the id token rests on TLS alone."""


def new_verifier(random: bytes) -> Secret:
    """Return a PKCE code verifier made of random bytes (RFC 7636 section 4.1); 64 of them give 86 characters."""
    return Secret(_base64url(random))


def new_state(random: bytes) -> Secret:
    """Return a state made of random bytes (RFC 6749 section 10.12)."""
    return Secret(_base64url(random))


def _base64url(random: bytes) -> str:
    if len(random) < _LEAST_RANDOM:
        raise ValueError("32 random bytes or more are needed")
    return base64.urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def authorize_url(
    provider: Provider, redirect_uri: str, state: Secret, verifier: Secret, *, workspaces: Sequence[str] = ()
) -> str:
    """Return the address to open in a browser (RFC 6749 section 4.1.1, RFC 7636 section 4.3).

    The parameters are those the Codex CLI sends; `originator` says who we are. `workspaces` are the only
    ChatGPT workspaces that may be chosen.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    address: str = prepare_grant_uri(
        provider.authorize_url,
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=provider.scope,
        state=state.reveal(),
        code_challenge=create_s256_code_challenge(verifier.reveal()),
        code_challenge_method="S256",
        id_token_add_organizations="true",  # noqa: S106 - a switch, not a password
        codex_cli_simplified_flow="true",
        originator=ORIGINATOR,
        allowed_workspace_id=",".join(workspaces) or None,
    )
    return address


def sign_in(provider: Provider, redirect_uri: str, code: Secret, verifier: Secret, *, profile: str) -> Flow[SignedIn]:
    """Exchange a code for tokens, and say who they are for (RFC 6749 section 4.1.3).

    The provider's keys are fetched first, so that a provider which cannot be reached costs no code. An id token
    that is refused leaves nothing behind: the refresh token that came with it is given back.

    Raises `ProviderUnreachable`, `ProviderRefused`, `ProviderReplyUnusable` or `IdTokenRefused`.
    """
    keys = yield from _keys(provider, profile=profile)
    reply = yield Ask(_exchange(provider, redirect_uri, code, verifier))
    return (yield from _identified(provider, reply, keys, profile=profile))


def identify(provider: Provider, reply: Reply, *, profile: str) -> Flow[SignedIn]:
    """Say who the tokens of a reply are for, as `sign_in` does, where they came without a code (RFC 8628)."""
    try:
        keys = yield from _keys(provider, profile=profile)
    except AuthError:  # raised again: but the tokens are here already, and nobody else can give them back
        yield from give_back(provider, read_sign_in_reply(reply, host=provider.host, profile=profile))
        raise
    return (yield from _identified(provider, reply, keys, profile=profile))


def _identified(provider: Provider, reply: Reply, keys: Mapping[str, object] | None, *, profile: str) -> Flow[SignedIn]:
    tokens = read_sign_in_reply(reply, host=provider.host, profile=profile)
    refused: IdTokenRefused
    try:
        identity = read_identity(
            tokens.id_token, provider=provider, keys=keys, now=reply.asked_at, skew=skew(reply), profile=profile
        )
    except IdTokenRefused as problem:
        refused = problem
    else:
        return SignedIn(identity=identity, tokens=tokens, signature_checked=keys is not None)
    yield from give_back(provider, tokens)
    raise refused


def revoke_login(provider: Provider, held: Credential) -> Flow[None]:
    """End a stored login: give back its refresh token, or its access token where it has no other."""
    yield from revoke(provider, held.refresh or held.access, profile=held.profile, is_access=held.refresh is None)


def revoke(provider: Provider, token: Secret, *, profile: str = "", is_access: bool = False) -> Flow[None]:
    """Give a token back (RFC 7009 section 2.1), in the form the Codex CLI uses: no client with an access token.

    Raises `ProviderUnreachable`, `ProviderRefused` or `ProviderReplyUnusable`. A token the provider does not
    know counts as given back (section 2.2).
    """
    form = {"token": token.reveal(), "token_type_hint": "access_token"}
    if not is_access:
        form |= {"token_type_hint": "refresh_token", "client_id": provider.client_id}
    reply = yield Ask(
        Request(
            method="POST",
            url=provider.revoke_url,
            purpose="give the token back",
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=json.dumps(form, separators=(",", ":")).encode(),
        )
    )
    if reply.status != 200:  # noqa: PLR2004 - RFC 7009 section 2.2
        raise read_error(reply).as_error(host=provider.host, profile=profile)


def give_back(provider: Provider, tokens: TokenReply) -> Flow[None]:
    """Revoke fresh tokens that will not be kept, as well as can be: a provider that fails is not waited for."""
    if tokens.refresh is None:
        return
    try:
        yield from revoke(provider, tokens.refresh)
    except (ProviderUnreachable, ProviderRefused, ProviderReplyUnusable):
        return


def _keys(provider: Provider, *, profile: str) -> Flow[dict[str, object] | None]:
    """Fetch the provider's JWK set (RFC 7517 section 5); None if it has none, or is too busy to give it.

    Without keys the id token rests on the TLS of the exchange (OpenID Connect Core section 3.1.3.7 rule 6). A reply
    that is not the protocol's is raised: whoever sent it would also get the code.
    """
    request = Request(
        method="GET", url=provider.jwks_url, purpose="fetch the provider's keys", headers={"Accept": "application/json"}
    )
    try:
        reply = yield Ask(request)
    except ProviderUnreachable:
        return None
    if reply.status != 200 and read_error(reply).failure is not Failure.UNUSABLE:  # noqa: PLR2004 - RFC 9110
        return None
    return read_json_reply(reply, host=provider.host, profile=profile)


def _exchange(provider: Provider, redirect_uri: str, code: Secret, verifier: Secret) -> Request:
    """Return the request of RFC 6749 section 4.1.3 and RFC 7636 section 4.5, its fields in Codex's order."""
    form = {
        "grant_type": "authorization_code",
        "client_id": provider.client_id,
        "code": code.reveal(),
        "redirect_uri": redirect_uri,
        "code_verifier": verifier.reveal(),
    }
    return Request(
        method="POST",
        url=provider.token_url,
        purpose="exchange the code",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode(form).encode("ascii"),
    )
