"""The `auth.json` of Codex: what it says of a login, and how one is written. Seen with Codex 0.169.

1. `auth_mode` is always written: without it a key in the file would win over tokens.
2. A lease is Codex's form for tokens that somebody else renews: `chatgptAuthTokens` with an empty refresh token. Codex
   never asks the provider for it, reads the file again after a 401, and revokes nothing when it signs out.
3. A parsable id token, `account_id` and a `last_refresh` with its zone are mandatory: where one is missing, Codex sends
   its requests without a token or without the account's header, and says nothing.
"""

import base64
import json
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from codex_auth.core.card import Identity
from codex_auth.core.idtoken import AUTH_CLAIM, PROFILE_CLAIM, moment, peek_claims
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_ISSUER
from codex_auth.core.secret import Secret
from codex_auth.core.text import is_one_word

LOGIN, LEASE, KEY = "chatgpt", "chatgptAuthTokens", "apikey"
OAUTH, TOKEN, API_KEY = "oauth", "token", "api_key"
"""What a file can hold, in the words of our own records: a whole login, an access token, a key."""
MODES = (LOGIN, LEASE, KEY, "headers", "agentIdentity", "personalAccessToken", "bedrockApiKey", "bedrockAccessKeys")
"""The modes that Codex reads; any other makes it refuse the whole file."""
_READ = ("auth_mode", "tokens", "last_refresh")
_READ_TOKENS = ("id_token", "access_token", "refresh_token", "account_id", "oauth_provenance")
_OTHERS = {"personal_access_token": "personalAccessToken", "agent_identity": "agentIdentity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexLogin:
    """What a file says."""

    kind: str
    """`oauth`, `token`, `api_key`, or Codex's own name for another kind."""
    identity: Identity
    access: Secret | None = None
    refresh: Secret | None = None
    id_token: Secret | None = None
    client_id: str = ""
    refreshed: datetime | None = None
    rest: Secret | None = None
    """Every other member, as JSON: Codex adds some often, and a login that is handed back shall have them."""

    @property
    def expires(self) -> datetime | None:
        """When the access token ends, if it says so."""
        return moment(peek_claims(self.access.reveal()).get("exp")) if self.access else None


def read_login(document: bytes) -> CodexLogin:
    """Return what a file of Codex's holds. Raises `JsonDamaged` for one that Codex would not read either."""
    if document.startswith(BOM_UTF8):
        raise JsonDamaged("it begins with a byte order mark", 0)
    members = read_object(document)
    mode = _mode(members)
    tokens = members.get("tokens")
    tokens = tokens if isinstance(tokens, dict) else {}
    access, refresh, id_token = (_secret(tokens, name) for name in ("access_token", "refresh_token", "id_token"))
    provenance = tokens.get("oauth_provenance")
    provenance = provenance if isinstance(provenance, dict) else {}
    if mode == KEY:
        access, refresh, id_token = _secret(members, "OPENAI_API_KEY"), None, None
    identity = _identity(tokens, provenance, id_token)
    words = [identity.account_id, *(each.reveal() for each in (access, refresh, id_token) if each)]
    if not all(map(is_one_word, words)):  # they go into headers, variables and lines, where more would be obeyed
        raise JsonDamaged("a token or the account id has characters that none has", 0)
    kind = {LOGIN: OAUTH if refresh else TOKEN, LEASE: OAUTH if refresh else TOKEN, KEY: API_KEY}.get(mode, mode)
    return CodexLogin(
        kind=kind,
        identity=identity,
        access=access,
        refresh=refresh,
        id_token=id_token,
        client_id=_text(provenance, "client_id"),
        refreshed=_when(members.get("last_refresh")),
        rest=_rest(members, tokens),
    )


def lease_document(credential: Credential, now: datetime) -> bytes:
    """Return the file with which Codex uses this access token and renews nothing."""
    id_token = credential.id_token.reveal() if credential.id_token else _unsigned(credential)
    return _document(LEASE, credential, now, id_token=id_token, refresh_token="")


def login_document(credential: Credential, now: datetime, *, login_owner_id: str) -> bytes:
    """Return the file that Codex itself would have written after signing in to this login."""
    assert credential.id_token is not None  # noqa: S101 - who gives a whole login has asked `lacking`
    assert credential.refresh is not None  # noqa: S101
    identity = credential.identity
    rest = json.loads(credential.codex_rest.reveal()) if credential.codex_rest else {}
    origin = {
        "issuer": identity.issuer or OPENAI_ISSUER,
        "client_id": credential.client_id or OPENAI_CLIENT_ID,
    }
    document = _document(
        LOGIN,
        credential,
        now,
        id_token=credential.id_token.reveal(),
        refresh_token=credential.refresh.reveal(),
        oauth_provenance=origin,
        login_owner_id=login_owner_id,
    )
    members = json.loads(document)
    tokens = {**members["tokens"], **rest.pop("tokens", {})}
    return json.dumps({**members, **rest, "tokens": tokens}, indent=2).encode()


def lacking(credential: Credential, *, is_whole: bool) -> str:
    """Return what a login lacks that Codex needs; empty if nothing."""
    if not credential.identity.account_id:
        return "account id"
    if not is_one_word(credential.access.reveal()):
        return "access token that could be sent"
    if is_whole and credential.id_token is None:
        return "id token"
    return ""


def problem_of(document: bytes) -> str:
    """Return why Codex would not use the tokens of this file, by the rules that were seen; empty if it would."""
    try:
        members = read_object(document)
    except JsonDamaged as error:
        return error.problem
    tokens = members.get("tokens")
    tokens = tokens if isinstance(tokens, dict) else {}
    broken = {
        "its mode is not one of Codex's": members.get("auth_mode") not in MODES,
        "its id token does not parse": not peek_claims(_text(tokens, "id_token")),
        "a token is missing": not isinstance(tokens.get("refresh_token"), str) or not _text(tokens, "access_token"),
        "the account id is missing": not _text(tokens, "account_id"),
        "its last refresh has no time zone": _when(members.get("last_refresh")) is None,
    }
    return next((problem for problem, is_so in broken.items() if is_so), "")


def credential_of(login: CodexLogin, *, profile: str, now: datetime, owner: str) -> Credential | None:
    """Return a whole login as a credential, with its refresh token; None for any other kind."""
    if login.kind != OAUTH or login.access is None:
        return None
    return Credential(
        profile=profile,
        identity=login.identity,
        access=login.access,
        refresh=login.refresh,
        id_token=login.id_token,
        expires=login.expires or now,
        owner=owner,
        client_id=login.client_id or OPENAI_CLIENT_ID,
        refreshed=login.refreshed,
        codex_rest=login.rest,
    )


def _document(mode: str, credential: Credential, now: datetime, **tokens: object) -> bytes:
    members = {
        "auth_mode": mode,
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": tokens.pop("id_token"),
            "access_token": credential.access.reveal(),
            **tokens,
            "account_id": credential.identity.account_id,
        },
        "last_refresh": _stamp(credential.refreshed or credential.signed_in or now),
    }
    return json.dumps(members, indent=2).encode()


def _rest(members: Mapping[str, object], tokens: Mapping[str, object]) -> Secret | None:
    """Return the members that no field of ours stands for."""
    rest: dict[str, object] = {key: value for key, value in members.items() if key not in _READ and value is not None}
    inner = {key: value for key, value in tokens.items() if key not in _READ_TOKENS and value is not None}
    rest |= {"tokens": inner} if inner else {}
    return Secret(json.dumps(rest, separators=(",", ":"))) if rest else None


def _mode(members: Mapping[str, object]) -> str:
    """Return the mode a file has, as Codex tells it where the file does not say."""
    mode = members.get("auth_mode")
    if mode is not None:
        if mode not in MODES:
            raise JsonDamaged("it has a mode that Codex does not know", 0)
        return str(mode)
    if members.get("OPENAI_API_KEY"):
        return KEY
    other = next((name for name in _OTHERS if members.get(name)), "")
    return _OTHERS[other] if other else LOGIN


def _identity(tokens: Mapping[str, object], provenance: Mapping[str, object], id_token: Secret | None) -> Identity:
    """Return who the tokens say they belong to. Nothing here was verified; it names, and decides nothing."""
    claims = peek_claims(id_token.reveal()) if id_token else {}
    auth = claims.get(AUTH_CLAIM)
    auth = auth if isinstance(auth, dict) else {}
    return Identity(
        issuer=_text(provenance, "issuer") or OPENAI_ISSUER,
        subject=_text(claims, "sub"),
        account_id=_text(tokens, "account_id") or _text(auth, "chatgpt_account_id"),
        user_id=_text(auth, "chatgpt_user_id") or _text(auth, "user_id"),
        email=_text(claims, "email"),
        plan=_text(auth, "chatgpt_plan_type"),
    )


def _unsigned(credential: Credential) -> str:
    """Return a token that says who this is, for a login that came without one. Codex reads it and checks nothing."""
    identity = credential.identity
    auth = {"chatgpt_account_id": identity.account_id, "chatgpt_plan_type": identity.plan or "unknown"}
    claims = {"email": identity.email, PROFILE_CLAIM: {"email": identity.email}, AUTH_CLAIM: auth}
    return ".".join((_part({"alg": "none", "typ": "JWT"}), _part(claims), _part({})))


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _when(value: object) -> datetime | None:
    """Return a time that has its zone (RFC 3339); Codex writes nanoseconds, which are cut."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _secret(members: Mapping[str, object], name: str) -> Secret | None:
    text = _text(members, name)
    return Secret(text) if text else None


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""
