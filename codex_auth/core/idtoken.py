"""The id token: who signed in, and whether the token may be believed (OpenID Connect Core section 3.1.3.7).

Every part is checked here, in fixed words: the shape, the algorithm, the signature where the provider publishes
keys, issuer, audience, times, and the account it names. Claims of an access token can be looked at with
`peek_claims`; they are for expiry and for showing, never for a decision.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from codex_auth.core.card import Identity
from codex_auth.core.errors import IdTokenRefused
from codex_auth.core.jsontext import Document, JsonDamaged
from codex_auth.core.provider import Provider
from codex_auth.core.secret import Secret
from codex_auth.core.text import printable

TOKEN_LIMIT = 64 * 1024
"""What a JWT may have in characters; OpenAI's have about two thousand."""
LEEWAY = timedelta(seconds=60)
"""How far two honest clocks may be apart when times are compared (RFC 7519 section 4.1.4)."""
CLOCK_TROUBLE = timedelta(minutes=5)
"""A clock that is further off than this is named as the cause; less is corrected silently."""
ALGORITHM = "RS256"
"""The only algorithm accepted (rule 7); `none` and shared secrets are never."""

AUTH_CLAIM = "https://api.openai.com/auth"
PROFILE_CLAIM = "https://api.openai.com/profile"

_SAFE_ID = re.compile(r"[\x21-\x7e]{1,255}")
"""An identifier that can stand in a header; OpenID Connect Core section 2 allows 255 characters for `sub`."""
_LAST_MOMENT = 2**35
"""Seconds since 1970 up to the year 3058: beyond that a number is no time."""
_RSA_KEY_OCTETS = 256
"""RFC 7518 section 3.3: RS256 needs 2048 bits or more."""


def read_identity(
    id_token: Secret,
    *,
    provider: Provider,
    keys: Mapping[str, object] | None,
    now: datetime,
    profile: str,
    skew: timedelta | None = None,
) -> Identity:
    """Return who the id token of a token reply is for.

    `keys` is the provider's JWK set (RFC 7517 section 5). None means that it offers none: the token came straight
    from the token endpoint, so TLS says who issued it (OpenID Connect Core section 3.1.3.7 rule 6). `skew` is how
    far the provider's clock is ahead of ours; a difference of minutes is corrected, a larger one refuses an
    untimely token and names the clock.

    Raises `IdTokenRefused` for any failed check, and when the token names no ChatGPT account: without one, no
    request to Codex can be made.
    """
    text = id_token.reveal()
    claims = peek_claims(text)
    problem = (
        _problem_of_shape(text)
        or _problem_of_signature(text, keys)
        or _problem_of_origin(claims, provider)
        or _problem_of_time(claims, now, skew or timedelta())
        or _problem_of_account(claims)
    )
    if problem:
        raise IdTokenRefused(problem=problem, profile=profile)
    return _identity(claims, provider)


def peek_claims(token: str) -> dict[str, object]:
    """Return the claims of a JWT without believing them; empty for an opaque or damaged token."""
    parts = token.split(".") if len(token) <= TOKEN_LIMIT else []
    return (_object(parts[1]) or {}) if len(parts) == 3 else {}  # noqa: PLR2004 - header, payload, signature


def moment(seconds: object) -> datetime | None:
    """Return the time a NumericDate names (RFC 7519 section 2), or None for anything that is not one."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < _LAST_MOMENT:
        return None
    return datetime.fromtimestamp(seconds, UTC)


# --- shape and signature -------------------------------------------------------------------------------------


def _octets(part: str) -> bytes | None:
    """Decode base64url without padding (RFC 7515 section 2); None unless it is exactly that."""
    try:
        octets = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return octets if base64.urlsafe_b64encode(octets).rstrip(b"=") == part.encode() else None


def _object(part: str) -> dict[str, object] | None:
    octets = _octets(part)
    if octets is None:
        return None
    try:
        return {member.key: member.value() for member in Document(octets)}
    except JsonDamaged:
        return None


def _problem_of_shape(text: str) -> str:
    parts = text.split(".")
    if len(text) > TOKEN_LIMIT or len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        return "it is not a signed token"
    header, claims = _object(parts[0]), _object(parts[1])
    if header is None or claims is None or _octets(parts[2]) is None:
        return "it does not read as a token"
    if header.get("alg") != ALGORITHM:
        return f"it is not signed with {ALGORITHM}"
    if "crit" in header:  # RFC 7515 section 4.1.11: not understood means not valid
        return "it asks for an extension we do not know"
    return ""


def _problem_of_signature(text: str, keys: Mapping[str, object] | None) -> str:
    """Rule 6: signed by the provider, unless it publishes no keys."""
    if keys is None:
        return ""
    header = _object(text.partition(".")[0]) or {}
    listed = keys.get("keys")
    if not isinstance(listed, list):
        return "the provider's keys cannot be read"
    fitting = [key for key in listed if _fits(key, header.get("kid"))]
    if not fitting:
        return "it is signed with a key the provider does not list"
    if not _is_signed(text, fitting):
        return "its signature is wrong"
    return ""


def _fits(key: object, kid: object) -> bool:
    """Whether a listed key may have signed a token with this `kid`; a token without one may use any."""
    return (
        isinstance(key, dict)
        and key.get("kty") == "RSA"
        and key.get("use", "sig") == "sig"
        and key.get("alg", ALGORITHM) == ALGORITHM
        and (kid is None or key.get("kid") == kid)
        and len(_octets(str(key.get("n"))) or b"") >= _RSA_KEY_OCTETS
    )


def _is_signed(text: str, keys: Sequence[dict[str, object]]) -> bool:
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import RSAKey

    for key in keys:
        public: dict[str, str | list[str]] = {name: str(key.get(name)) for name in ("kty", "n", "e")}
        try:
            jws.deserialize_compact(text, RSAKey.import_key(public), algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        return True
    return False


# --- claims --------------------------------------------------------------------------------------------------


def _problem_of_origin(claims: Mapping[str, object], provider: Provider) -> str:
    """Rules 2 to 5: who issued it, and for whom."""
    if claims.get("iss") != provider.issuer:
        return "another provider issued it"
    audience = claims.get("aud")
    meant = [audience] if isinstance(audience, str) else audience
    if not isinstance(meant, list) or not all(isinstance(each, str) for each in meant):
        return "it does not say whom it is for"
    if provider.client_id not in meant:
        return "it is meant for another program"
    if claims.get("azp", provider.client_id if len(meant) == 1 else None) != provider.client_id:
        return "it was issued to another program"
    return ""


def _problem_of_time(claims: Mapping[str, object], now: datetime, skew: timedelta) -> str:
    """Rules 9 and 10: not expired, and not from the future."""
    expires, issued = moment(claims.get("exp")), moment(claims.get("iat"))
    starts = moment(claims["nbf"]) if "nbf" in claims else issued
    if expires is None or issued is None or starts is None or issued > expires:
        return "its times make no sense"
    trusted = now + skew if abs(skew) <= CLOCK_TROUBLE else now
    problem = ""
    if expires <= trusted - LEEWAY:
        problem = "it has expired"
    elif max(issued, starts) > trusted + LEEWAY:
        problem = "it is from the future"
    if problem and trusted == now and skew:
        return f"{problem}; the clock of this machine is {_length(skew)} than the provider's"
    return problem


def _length(skew: timedelta) -> str:
    minutes = round(abs(skew).total_seconds() / 60)
    days, hours = minutes // 1440, minutes // 60
    amount, unit = (days, "day") if days > 1 else (hours, "hour") if hours > 1 else (minutes, "minute")
    return f"{amount} {unit}{'s' if amount != 1 else ''} {'earlier' if skew > timedelta() else 'later'}"


def _problem_of_account(claims: Mapping[str, object]) -> str:
    if not _SAFE_ID.fullmatch(_text(claims, "sub")):
        return "it does not say who signed in"
    account = _text(_part(claims, AUTH_CLAIM), "chatgpt_account_id")
    if not account:
        return "it names no ChatGPT account"
    if not _SAFE_ID.fullmatch(account):
        return "the account id in it has characters that no account id has"
    return ""


def _identity(claims: Mapping[str, object], provider: Provider) -> Identity:
    auth = _part(claims, AUTH_CLAIM)
    return Identity(
        issuer=provider.issuer,
        subject=_text(claims, "sub"),
        account_id=_text(auth, "chatgpt_account_id"),
        user_id=printable(_text(auth, "chatgpt_user_id") or _text(auth, "user_id")),
        email=printable(_text(claims, "email") or _text(_part(claims, PROFILE_CLAIM), "email")),
        plan=printable(_text(auth, "chatgpt_plan_type"), limit=64),
    )


def _part(claims: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = claims.get(name)
    return part if isinstance(part, dict) else {}


def _text(claims: Mapping[str, object], name: str) -> str:
    text = claims.get(name)
    return text if isinstance(text, str) else ""
