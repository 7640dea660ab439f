"""What the provider says about device codes, read once at the door, in both dialects.

OpenAI's is that of Codex 0.169: replies without expiry or page, and HTTP 403 or 404 for "not yet" whatever the body.
The other is RFC 8628. Numbers are read with care in both: a floor and a cap for the pause, and an end of our own.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from codex_auth.core.errors import (
    ConsentDenied,
    DeviceCodeExpired,
    DeviceLoginDisabled,
    ProviderReplyUnusable,
)
from codex_auth.core.model import DeviceGrant
from codex_auth.core.provider import LOOPBACK_HOSTS, OPENAI_DIALECT, Provider
from codex_auth.core.replies import Reply, read_error, read_json_reply, read_sign_in_reply, skew
from codex_auth.core.secret import Secret

DEFAULT_INTERVAL = 5.0
"""RFC 8628 section 3.2."""
LEAST_INTERVAL = 1.0
MOST_INTERVAL = 60.0
LIFETIME = timedelta(minutes=15)
"""How long a device code is asked for; Codex stops after the same time, and OpenAI's reply names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Nobody has decided yet. `slower` means that we ask too often."""

    slower: bool = False
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What OpenAI hands to an approved device, once: a code, and the verifier that it made itself."""

    code: Secret
    verifier: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The reply that holds the tokens themselves, as RFC 8628 section 3.5 has it."""

    reply: Reply


Answer = Pending | Approval | Delivery


def read_grant(reply: Reply, provider: Provider, *, profile: str) -> DeviceGrant:
    """Return the device code that a reply gives.

    Raises `DeviceLoginDisabled`, `ProviderUnreachable`, `ProviderRefused` or `ProviderReplyUnusable`.
    """
    host, is_openai = provider.host, provider.device_dialect == OPENAI_DIALECT
    if reply.status == 404:  # noqa: PLR2004 - what Codex reads as "not enabled"
        raise DeviceLoginDisabled(host=host, profile=profile)
    given = read_json_reply(reply, host=host, profile=profile)
    device_code = given.get("device_auth_id" if is_openai else "device_code")
    if not isinstance(device_code, str) or not _DEVICE_CODE.fullmatch(device_code):
        raise ProviderReplyUnusable(host=host, problem="it has no usable device code")
    user_code = given.get("user_code", given.get("usercode") if is_openai else None)
    if not isinstance(user_code, str) or not _USER_CODE.fullmatch(user_code):
        raise ProviderReplyUnusable(host=host, problem="its user code is not a short code of letters and digits")
    lifetime = _lifetime(given, reply)
    if lifetime <= timedelta():
        raise ProviderReplyUnusable(host=host, problem="its device code has already expired")
    return DeviceGrant(
        dialect=provider.device_dialect,
        device_code=Secret(device_code),
        user_code=Secret(user_code),
        page=provider.device_page if is_openai else _page(given, provider),
        interval=_interval(given.get("interval")),
        lifetime=lifetime,
    )


def read_answer(reply: Reply, provider: Provider, *, profile: str) -> Answer:
    """Return what a poll brought.

    Raises `ConsentDenied`, `DeviceCodeExpired`, `ProviderUnreachable`, `ProviderRefused` or `ProviderReplyUnusable`.
    """
    is_openai = provider.device_dialect == OPENAI_DIALECT
    if reply.status == 200:  # noqa: PLR2004 - RFC 6749 section 5.1
        return _approval(reply, provider, profile) if is_openai else _delivery(reply, provider, profile)
    error = read_error(reply)
    if error.code == "slow_down" or reply.status == 429:  # noqa: PLR2004 - RFC 6585 section 4
        return Pending(slower=True, retry_after=error.retry_after)
    if error.code == "authorization_pending" or (is_openai and reply.status in _NOT_YET):
        return Pending()
    if error.code == "access_denied":
        raise ConsentDenied(error=error.code, profile=profile)
    if error.code == "expired_token":
        raise DeviceCodeExpired(profile=profile)
    raise error.as_error(host=provider.host, profile=profile)


_NOT_YET = frozenset({403, 404})
_DEVICE_CODE = re.compile(r"[\x21-\x7e]{1,4096}")
_USER_CODE = re.compile(r"(?=.{4,32}\Z)[A-Za-z0-9]+(?:[- ][A-Za-z0-9]+)*")
"""RFC 8628 section 6.1 recommends less; what a terminal would obey, or a person could not type, is none."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
"""RFC 7636 section 4.1."""
_CODE = re.compile(r"[\x21-\x7e]{1,4096}")
_PAGE = re.compile(r"https?://[A-Za-z0-9._~:/%\[\]-]{1,200}")
"""No query: it could carry the code, and who follows such a link types nothing (RFC 8628 section 5.4)."""
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")


def _approval(reply: Reply, provider: Provider, profile: str) -> Approval:
    given = read_json_reply(reply, host=provider.host, profile=profile)
    code, verifier = given.get("authorization_code"), given.get("code_verifier")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ProviderReplyUnusable(host=provider.host, problem="it has no usable authorization_code")
    if not isinstance(verifier, str) or not _VERIFIER.fullmatch(verifier):
        raise ProviderReplyUnusable(host=provider.host, problem="it has no usable code_verifier")
    return Approval(code=Secret(code), verifier=Secret(verifier))


def _delivery(reply: Reply, provider: Provider, profile: str) -> Delivery:
    read_sign_in_reply(reply, host=provider.host, profile=profile)
    return Delivery(reply=reply)


def _page(given: Mapping[str, object], provider: Provider) -> str:
    """Return where the code is typed: https, or loopback, on the issuer's own host and nowhere else."""
    page = given.get("verification_uri")
    if not isinstance(page, str) or not _PAGE.fullmatch(page):
        raise ProviderReplyUnusable(host=provider.host, problem="its verification_uri is not a plain address")
    try:
        parts, ours = urlsplit(page), urlsplit(provider.issuer)
    except ValueError:
        parts, ours = urlsplit(""), urlsplit("https://none")
    if parts.netloc.lower() != ours.netloc.lower():
        raise ProviderReplyUnusable(host=provider.host, problem="its verification_uri leads to another host")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK_HOSTS:
        raise ProviderReplyUnusable(host=provider.host, problem="its verification_uri is not https")
    return page


def _interval(said: object) -> float:
    """Return the pause between two polls; Codex demands text here, RFC 8628 a number, and either may be missing."""
    seconds = _number(said)
    return DEFAULT_INTERVAL if seconds is None else min(max(seconds, LEAST_INTERVAL), MOST_INTERVAL)


def _lifetime(given: Mapping[str, object], reply: Reply) -> timedelta:
    seconds = _number(given.get("expires_in"))
    spans = [LIFETIME] if seconds is None else [LIFETIME, timedelta(seconds=min(seconds, LIFETIME.total_seconds()))]
    ends = _moment(given.get("expires_at"))
    if ends is not None:  # by the provider's clock, where it says how late it is there
        spans.append(ends - reply.asked_at - (skew(reply) or timedelta()))
    return min(spans)


def _number(said: object) -> float | None:
    if isinstance(said, str) and _NUMBER.fullmatch(said.strip()):
        return float(said)
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said):
        return None
    return min(float(said), 1e9) if said >= 0 else None


def _moment(said: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
