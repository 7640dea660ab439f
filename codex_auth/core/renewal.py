"""Refreshing: the request as the Codex CLI makes it, and what its reply means (RFC 6749 section 6)."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from codex_auth.core.errors import AuthError
from codex_auth.core.flow import Request
from codex_auth.core.idtoken import AUTH_CLAIM, peek_claims
from codex_auth.core.model import Credential
from codex_auth.core.openai import ORIGINATOR
from codex_auth.core.provider import Provider
from codex_auth.core.refresh_errors import (
    RefreshedOtherAccount,
    RefreshEnded,
    RefreshRefused,
    RefreshTokenExpired,
    RefreshTokenRevoked,
    RefreshTokenSpent,
)
from codex_auth.core.replies import Failure, Reply, TokenReply, read_error, read_token_reply, skew
from codex_auth.core.secret import Secret
from codex_auth.core.text import mask_account

REASONS = ("proactive_expiry", "scheduled", "unauthorized_recovery")
"""Why a refresh is asked for, as the Codex CLI names it."""

_ENDINGS: dict[str, type[RefreshEnded]] = {
    "refresh_token_reused": RefreshTokenSpent,
    "refresh_token_expired": RefreshTokenExpired,
    "refresh_token_invalidated": RefreshTokenRevoked,
    "invalid_grant": RefreshEnded,
}
"""The codes that end a login. Any other 400 or 401 may be a mistake of a moment, and ends nothing."""

_SKEW_WORTH_A_WORD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A refresh that worked.

    `alive_until` is the end of the access token by *this* machine's clock, right or wrong: while the clock stays as
    it was, it says when the token dies even if the clock is off by days.
    """

    credential: Credential
    alive_until: datetime
    is_expired: bool
    clock_off: timedelta


def request(provider: Provider, token: Secret, *, reason: str) -> Request:
    """Return the refresh request: a JSON body without `scope`, its keys in the order of the Codex CLI."""
    form = {
        "client_id": provider.client_id,
        "grant_type": "refresh_token",
        "refresh_reason": reason,
        "refresh_token": token.reveal(),
    }
    return Request(
        method="POST",
        url=provider.token_url,
        purpose="refresh the login",
        headers={"Content-Type": "application/json", "Accept": "application/json", "originator": ORIGINATOR},
        body=json.dumps(form, separators=(",", ":")).encode(),
    )


def read(reply: Reply, held: Credential, provider: Provider) -> Renewal:
    """Return the renewed credential. What the reply leaves out, the credential keeps.

    Raises a `RefreshEnded` for what ends the login, `RefreshRefused` for a refusal that does not, and
    `ProviderUnreachable` or `ProviderReplyUnusable`.
    """
    if reply.status != 200:  # noqa: PLR2004 - RFC 6749 section 5.1 knows no other success
        raise _refusal(reply, held, provider)
    tokens = read_token_reply(reply, host=provider.host, profile=held.profile)
    _check_account(tokens, held, provider)
    ahead = skew(reply) or timedelta()
    clock_off = ahead if abs(ahead) > _SKEW_WORTH_A_WORD else timedelta()
    life = tokens.expires - (reply.asked_at + clock_off)
    alive_until = reply.asked_at + life
    credential = replace(
        held,
        access=tokens.access,
        refresh=tokens.refresh or held.refresh,
        id_token=tokens.id_token or held.id_token,
        # Behind a slow clock the true end would look days away; the earlier of the two is never too late.
        expires=min(tokens.expires, alive_until),
        refreshed=reply.asked_at,
        scope=tokens.scope or held.scope,
    )
    return Renewal(credential=credential, alive_until=alive_until, is_expired=life <= timedelta(), clock_off=clock_off)


def _refusal(reply: Reply, held: Credential, provider: Provider) -> AuthError:
    error = read_error(reply)
    facts = {"host": provider.host, "profile": held.profile, "error": error.code}
    if error.failure is not Failure.REFUSED:
        return error.as_error(host=provider.host, profile=held.profile)
    ending = _ENDINGS.get(error.code)
    if ending is not None:
        return ending(**facts)
    return RefreshRefused(http_status=error.status, **facts)


def _check_account(tokens: TokenReply, held: Credential, provider: Provider) -> None:
    """Refuse tokens of somebody else (OpenID Connect Core section 12.2). The Codex CLI does not look."""
    for token in (tokens.id_token, tokens.access):
        if token is None:
            continue
        claims = peek_claims(token.reveal())
        auth = claims.get(AUTH_CLAIM)
        account = auth.get("chatgpt_account_id") if isinstance(auth, dict) else None
        ours = held.identity
        is_other = isinstance(account, str) and bool(ours.account_id) and account != ours.account_id
        if token is tokens.id_token:
            subject = claims.get("sub")
            is_other = is_other or (isinstance(subject, str) and bool(ours.subject) and subject != ours.subject)
        if is_other:
            raise RefreshedOtherAccount(
                host=provider.host, profile=held.profile, found=mask_account(str(account or claims.get("sub", "")))
            )
