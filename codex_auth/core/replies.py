"""What the provider answered, read once at the door: tokens, keys, or an error with a code from a list.

Nothing of a reply's text reaches an error. What is kept of it is a status, a code from `KNOWN_ERRORS`, and how
long to wait.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from codex_auth.core.errors import (
    AccessNotGranted,
    AuthError,
    ProviderRefused,
    ProviderReplyUnusable,
    ProviderUnreachable,
)
from codex_auth.core.idtoken import TOKEN_LIMIT, moment, peek_claims
from codex_auth.core.jsontext import Document, JsonDamaged
from codex_auth.core.secret import Secret

BODY_LIMIT = 1024 * 1024
"""What a reply's body may have in bytes; a token reply has about six thousand."""

KNOWN_ERRORS = frozenset(
    {
        # RFC 6749 section 5.2
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        # RFC 6749 section 4.1.2.1, RFC 7009 section 2.2.1
        "access_denied",
        "server_error",
        "temporarily_unavailable",
        "unsupported_token_type",
        # RFC 8628 section 3.5
        "authorization_pending",
        "slow_down",
        "expired_token",
        # OpenAI
        "refresh_token_expired",
        "refresh_token_reused",
        "refresh_token_invalidated",
        "token_exchange_failed",
        "token_expired",
        "missing_codex_entitlement",
        "rate_limit_exceeded",
        "unsupported_country_region_territory",
    }
)
"""The error codes that may be named to people and programs; any other is `other`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request brought back, and when it was asked. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenReply:
    """A successful token reply (RFC 6749 section 5.1)."""

    access: Secret
    refresh: Secret | None
    id_token: Secret | None
    expires: datetime
    scope: str
    """What was granted; empty where the reply does not say, which means what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInReply(TokenReply):
    """The token reply to a code exchange, which has all three tokens, as the Codex CLI demands."""

    refresh: Secret
    id_token: Secret


class Failure(Enum):
    """What an error reply means for trying again."""

    TRANSIENT = auto()
    """The provider is busy or broken, and may not be later."""
    REFUSED = auto()
    """The provider understood and said no."""
    UNUSABLE = auto()
    """It is not an answer of the protocol; somebody else may have answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderError:
    """An error reply in what can be shown of it. `code` is one of `KNOWN_ERRORS` or `other`."""

    failure: Failure
    status: int
    code: str
    retry_after: timedelta | None = None

    def as_error(self, *, host: str, profile: str) -> AuthError:
        """Return what to raise about it."""
        if self.failure is Failure.TRANSIENT:
            problem = f"it answered with HTTP status {self.status}"
            return ProviderUnreachable(answered=True, retry_after=self.retry_after, host=host, problem=problem)
        if self.failure is Failure.REFUSED:
            kind = AccessNotGranted if self._is_about_access else ProviderRefused
            return kind(host=host, profile=profile, error=self.code, http_status=self.status)
        return ProviderReplyUnusable(host=host, problem=f"it has HTTP status {self.status}")

    @property
    def _is_about_access(self) -> bool:
        """Whether an administrator of the workspace switched Codex off: a plain 403, or the code for it."""
        return self.status == 403 and self.code in {"other", "access_denied", "missing_codex_entitlement"}  # noqa: PLR2004


def read_json_object(body: bytes, *, host: str) -> dict[str, object]:
    """Return the JSON object that a body is: UTF-8, no key twice, no NaN, at most 64 levels and 1 MiB.

    Raises `ProviderReplyUnusable`, which never holds the body.
    """
    problem = "it is too large"
    if len(body) <= BODY_LIMIT:
        try:
            return {member.key: member.value() for member in Document(body)}
        except JsonDamaged as damaged:  # raised below, so that no context keeps frames with the body
            problem = damaged.problem
    raise ProviderReplyUnusable(host=host, problem=problem)


def read_json_reply(reply: Reply, *, host: str, profile: str) -> dict[str, object]:
    """Return the JSON object of a successful reply. Raises what `ProviderError.as_error` says for any other."""
    if reply.status != 200:  # noqa: PLR2004 - RFC 6749 section 5.1 knows no other success
        raise read_error(reply).as_error(host=host, profile=profile)
    if not _is_json(reply):
        raise ProviderReplyUnusable(host=host, problem="it is not JSON but perhaps a web page")
    return read_json_object(reply.body, host=host)


def read_token_reply(reply: Reply, *, host: str, profile: str) -> TokenReply:
    """Return the tokens of a token reply, which may leave out all but the access token (RFC 6749 section 6).

    `expires` is the access token's own `exp` where it can be read, else `expires_in` counted from when the request
    was made, else that moment itself: a token of unknown life is due at once.

    Raises `ProviderUnreachable`, `ProviderRefused` or `ProviderReplyUnusable`.
    """
    given = read_json_reply(reply, host=host, profile=profile)
    access = _token(given, "access_token")
    if access is None:
        raise ProviderReplyUnusable(host=host, problem="it has no usable access_token")
    for name in ("refresh_token", "id_token"):
        if given.get(name) is not None and _token(given, name) is None:
            raise ProviderReplyUnusable(host=host, problem=f"its {name} is not a token")
    if str(given.get("token_type", "Bearer")).lower() != "bearer":  # RFC 6749 section 7.1
        raise ProviderReplyUnusable(host=host, problem="its token_type is not Bearer")
    scope = given.get("scope") or ""
    if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
        raise ProviderReplyUnusable(host=host, problem="its scope is not a list of words")
    return TokenReply(
        access=access,
        refresh=_token(given, "refresh_token"),
        id_token=_token(given, "id_token"),
        expires=_expiry(access, given.get("expires_in"), reply.asked_at),
        scope=scope,
    )


def read_sign_in_reply(reply: Reply, *, host: str, profile: str) -> SignInReply:
    """Return the tokens of a code exchange. Raises as `read_token_reply` does, also for a missing token."""
    given = read_token_reply(reply, host=host, profile=profile)
    if given.refresh is None:
        raise ProviderReplyUnusable(host=host, problem="it has no refresh_token")
    if given.id_token is None:
        raise ProviderReplyUnusable(host=host, problem="it has no id_token")
    return SignInReply(
        access=given.access,
        refresh=given.refresh,
        id_token=given.id_token,
        expires=given.expires,
        scope=given.scope,
    )


def read_error(reply: Reply) -> ProviderError:
    """Return what an error reply says; any body will do, also HTML or none."""
    return ProviderError(
        failure=_failure(reply.status),
        status=reply.status,
        code=_error_code(reply.body),
        retry_after=_retry_after(reply),
    )


def skew(reply: Reply) -> timedelta | None:
    """Return how far the provider's clock is ahead of ours, as its `Date` header says; None if it says nothing.

    It is too large by the time the request took, which is less than any difference worth a word.
    """
    date = _http_date(reply.headers.get("date", ""))
    return date - reply.asked_at if date else None


# --- tokens --------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"[\x21-\x7e]+")
"""RFC 6749 appendix A.12 without the space: a token goes into a header and onto a line of its own."""
_SCOPE = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]{0,4096}")
"""RFC 6749 appendix A.4."""
_LONGEST_LIFE = timedelta(days=3650)
_DIGITS = re.compile(r"[0-9]{1,10}")


def _token(given: Mapping[str, object], name: str) -> Secret | None:
    """Return a token, or None where there is none that could be sent in a header."""
    token = given.get(name)
    usable = isinstance(token, str) and len(token) <= TOKEN_LIMIT and _TOKEN.fullmatch(token)
    return Secret(str(token)) if usable else None


def _expiry(access: Secret, expires_in: object, asked_at: datetime) -> datetime:
    said = moment(peek_claims(access.reveal()).get("exp"))
    if said:
        return said
    if isinstance(expires_in, str) and _DIGITS.fullmatch(expires_in):
        expires_in = int(expires_in)
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | float):
        return asked_at
    if not 0 < expires_in <= _LONGEST_LIFE.total_seconds():
        return asked_at
    return asked_at + timedelta(seconds=expires_in)


# --- errors --------------------------------------------------------------------------------------------------

_TRANSIENT = frozenset({408, 425, 429})
_LONGEST_WAIT = timedelta(hours=1)
"""More patience than this is not asked for in earnest."""


def _failure(status: int) -> Failure:
    if status in _TRANSIENT or 500 <= status <= 599:  # noqa: PLR2004 - RFC 9110 section 15.6
        return Failure.TRANSIENT
    return Failure.REFUSED if 400 <= status <= 499 else Failure.UNUSABLE  # noqa: PLR2004 - section 15.5


def _is_json(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _error_code(body: bytes) -> str:
    """Read `error.code`, a plain `error` (RFC 6749 section 5.2) or a top-level `code`, whichever is known first."""
    try:
        given = read_json_object(body, host="")
    except ProviderReplyUnusable:
        return "other"
    error = given.get("error")
    inner = error if isinstance(error, dict) else {}
    for code in (inner.get("code"), error, given.get("code"), inner.get("type")):
        if isinstance(code, str) and code in KNOWN_ERRORS:
            return code
    return "other"


def _retry_after(reply: Reply) -> timedelta | None:
    """Read `Retry-After`: seconds or a date (RFC 9110 section 10.2.3)."""
    text = reply.headers.get("retry-after", "").strip()
    if _DIGITS.fullmatch(text):
        return min(timedelta(seconds=int(text)), _LONGEST_WAIT)
    date = _http_date(text)
    return min(max(date - reply.asked_at, timedelta()), _LONGEST_WAIT) if date else None


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DATE = re.compile(r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT")


def _http_date(text: str) -> datetime | None:
    """Read an IMF-fixdate (RFC 9110 section 5.6.7); `strptime` would read it by the locale."""
    parts = _DATE.fullmatch(text.strip())
    if not parts or parts[2] not in _MONTHS:
        return None
    day, month, year, hour, minute, second = parts.groups()
    try:
        return datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:
        return None
