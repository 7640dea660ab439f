"""One entry of OpenClaw's `auth-profiles.json`: what it says of a login, and how a login is written into it.

The schema is OpenClaw's (`AuthProfileCredential`); what it has no field for is kept in one object of ours,
`codexAuth`. OpenClaw drops that object when it rewrites the file, so a reader never depends on it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from codex_auth.core.card import Card, Identity, KeyNote
from codex_auth.core.foreign import FENCE
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.core.model import Credential

OURS = "codexAuth"
_REST = "codexRest"
"""Not in `codexAuth`, which is shown: it may hold a key."""
OWNER_OPENCLAW = "openclaw"
SIGN_INS = ("oauth", "token")
"""The types that hold a sign-in; the third type is `api_key`."""
KINDS = (*SIGN_INS, "api_key")
_ACCESS = {"oauth": "access", "token": "token", "api_key": "key"}
"""Type to the field that holds what a request is made with."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Entry = Mapping[str, object]


def kind_of(value: object) -> str | None:
    """Return the type of an entry, or None for something that is no entry of a type we know."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if kind in KINDS else None


def identity_of(entry: Entry) -> Identity:
    """Return who an entry says it belongs to. What it does not say is empty; the issuer is then OpenAI's."""
    ours = _object(entry, OURS)
    return Identity(
        issuer=_text(ours, "issuer") or OPENAI_ISSUER,
        subject=_text(ours, "subject"),
        account_id=_text(entry, "accountId"),
        user_id=_text(ours, "userId"),
        email=_text(entry, "email"),
        plan=_text(entry, "chatgptPlanType"),
    )


def card_of(entry: Entry, *, profile: str, profile_id: str, owner: str, store: str) -> Card:
    """Return what may be shown of an entry; `owner` is whose it is when it does not say."""
    ours = _object(entry, OURS)
    return Card(
        profile=profile,
        profile_id=profile_id,
        kind=_text(entry, "type"),
        owner=_text(ours, "owner") or owner,
        store=store,
        identity=identity_of(entry),
        expires=_moment(entry, "expires"),
        refreshed=_moment(ours, "refreshed"),
        signed_in=_moment(ours, "signedIn"),
        has_refresh_token=bool(_text(entry, "refresh")),
        key=_key_note(entry),
        store_why=_text(ours, "storeWhy"),
    )


def credential_of(entry: Entry, *, profile: str, owner: str) -> "Credential | None":
    """Return the sign-in or the API key an entry holds, or None if it holds none that can be used.

    None are those that are kept elsewhere (`oauthRef`, `tokenRef`, `keyRef`) and a refresh fence. An `oauth` entry
    that does not say when it ends counts as ended; a `token` entry that does not never ends, as in OpenClaw, nor does
    a key.
    """
    from codex_auth.core.model import Credential

    kind, ours = _text(entry, "type"), _object(entry, OURS)
    access = _text(entry, _ACCESS.get(kind, ""))
    if not access or access.startswith(FENCE):
        return None
    is_api_key = kind not in SIGN_INS
    return Credential(
        profile=profile,
        identity=identity_of(entry),
        access=Secret(access),
        refresh=None if is_api_key else _secret(entry, "refresh"),
        id_token=_secret(entry, "idToken"),
        expires=_NEVER if is_api_key else _moment(entry, "expires") or (_NEVER if kind == "token" else _EPOCH),
        owner=_text(ours, "owner") or owner,
        client_id=_text(entry, "clientId"),
        scope=_text(ours, "scope"),
        signed_in=_moment(ours, "signedIn"),
        refreshed=_moment(ours, "refreshed"),
        is_api_key=is_api_key,
        codex_rest=_secret(entry, _REST),
        key=_key_note(entry),
        store_why=_text(ours, "storeWhy"),
    )


def fields_of(credential: "Credential", *, provider: str, as_token: bool) -> dict[str, object]:
    """Return every field of ours for this sign-in; None are those the entry must not have.

    `as_token` writes OpenClaw's `token` type, which is what an access token without a refresh token is there.
    """
    if credential.is_api_key:
        return _key_fields(credential, provider=provider)
    identity, access = credential.identity, credential.access.reveal()
    ours = {
        "owner": credential.owner,
        "issuer": identity.issuer,
        "scope": credential.scope,
        "subject": identity.subject,
        "userId": identity.user_id,
        "signedIn": _milliseconds(credential.signed_in),
        "refreshed": _milliseconds(credential.refreshed),
        "storeWhy": credential.store_why,
    }
    return {
        "type": "token" if as_token else "oauth",
        "provider": provider,
        "key": None,
        "keyRef": None,
        "token": access if as_token else None,
        "tokenRef": None,
        "oauthRef": None,
        "access": None if as_token else access,
        "refresh": credential.refresh.reveal() if credential.refresh else None,
        "idToken": credential.id_token.reveal() if credential.id_token and not as_token else None,
        "expires": _milliseconds(credential.expires),
        "clientId": credential.client_id or None,
        "accountId": identity.account_id or None,
        "email": identity.email or None,
        "chatgptPlanType": identity.plan or None,
        _REST: credential.codex_rest.reveal() if credential.codex_rest else None,
        OURS: {key: value for key, value in ours.items() if value not in {"", None}},
    }


def _key_fields(credential: "Credential", *, provider: str) -> dict[str, object]:
    """Return every field of ours for an API key, as OpenClaw's schema has them."""
    note = credential.key or KeyNote(kind="")
    ours = {
        "owner": credential.owner,
        "signedIn": _milliseconds(credential.signed_in),
        "storeWhy": credential.store_why,
        "keyKind": note.kind,
        "keyLabel": note.label,
        "keyScope": note.scope,
        "envKey": note.env_key,
    }
    gone = ("keyRef", "token", "access", "refresh", "idToken", "expires", "clientId", "accountId")
    return {
        "type": "api_key",
        "provider": provider,
        "key": credential.access.reveal(),
        **dict.fromkeys(gone),
        OURS: {key: value for key, value in ours.items() if value not in {"", None}},
    }


def _key_note(entry: Entry) -> KeyNote | None:
    """Return what is noted of a key of ours."""
    ours = _object(entry, OURS)
    kind = _text(ours, "keyKind")
    if _text(entry, "type") in SIGN_INS or not kind:
        return None
    return KeyNote(
        kind=kind, label=_text(ours, "keyLabel"), scope=_text(ours, "keyScope"), env_key=_text(ours, "envKey")
    )


def _text(entry: Entry, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def _object(entry: Entry, key: str) -> Entry:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _secret(entry: Entry, key: str) -> Secret | None:
    text = _text(entry, key)
    return Secret(text) if text and not text.startswith(FENCE) else None


def _moment(entry: Entry, key: str) -> datetime | None:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return _EPOCH + value * _MILLISECOND
    except OverflowError:
        return None


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _MILLISECOND
