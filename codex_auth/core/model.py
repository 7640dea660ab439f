"""The records everything else passes around. They are frozen; a change is a new record."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from codex_auth.core.secret import Secret

PERSONAL_KEY = "personal"
"""The kind of key that stands for a ChatGPT account: a personal access token, `at-…`."""
OWNER_SELF = "codex-auth"
"""We hold the refresh token and are the only one who may spend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a credential belongs to, as the provider's id token says.

    `issuer` and `subject` with `account_id` are the identity (OpenID Connect Core section 2); e-mail and plan
    are for people to read and never compared.
    """

    issuer: str
    subject: str
    account_id: str
    user_id: str = ""
    email: str = ""
    plan: str = ""

    def is_same_account(self, other: "Identity") -> bool:
        """Whether both are the same account of the same user at the same provider.

        A part that one side does not know (a file written by another program has no subject) cannot tell
        them apart; the account id always can.
        """
        return (
            self.account_id == other.account_id
            and (not self.issuer or not other.issuer or self.issuer == other.issuer)
            and (not self.subject or not other.subject or self.subject == other.subject)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNote:
    """What somebody said of a key when it was put here; nothing in it is secret."""

    kind: str
    """One of `core.api_keys.KINDS`."""
    label: str = ""
    scope: str = ""
    """What it may do, in the words of whoever made it."""
    env_key: str = ""
    """The variable that `run` puts it in; empty for the usual one of its kind."""

    @property
    def is_personal(self) -> bool:
        """Whether it stands for a ChatGPT account."""
        return self.kind == PERSONAL_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What one sign-in gave us, and who it belongs to; or an API key, which somebody put there.

    Times are aware datetimes in UTC. `expires` is the access token's end; `signed_in` and `refreshed` may be
    unknown for entries another program wrote. `client_id` and `scope` are kept because refreshing needs them.
    """

    profile: str
    identity: Identity
    access: Secret
    refresh: Secret | None
    id_token: Secret | None
    expires: datetime
    owner: str = OWNER_SELF
    client_id: str = ""
    scope: str = ""
    signed_in: datetime | None = None
    refreshed: datetime | None = None
    is_api_key: bool = False
    """Whether `access` is an API key: it belongs to no account that we know, never ends, and nothing renews it."""
    key: KeyNote | None = None
    """What is known of an API key that was put here with `key add`; None for another program's, and for sign-ins."""
    codex_rest: Secret | None = None
    """What else stood in the `auth.json` it came from, as JSON, to be handed back with it; a key may be in it."""
    store_why: str = ""
    """Why it is in the store it is in, in words; empty where nobody noted it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What may be shown of a stored credential: everything but the secrets."""

    profile: str
    profile_id: str
    kind: str
    """`oauth`, `token` or `api_key`, as the store's schema names it."""
    owner: str
    store: str
    identity: Identity
    expires: datetime | None
    refreshed: datetime | None = None
    signed_in: datetime | None = None
    has_refresh_token: bool = False
    key: KeyNote | None = None
    store_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The kind of store a profile is in, or a new one is put in; and why, in words that may be shown."""

    kind: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceGrant:
    """A device code: what a program asks with, and what a person types on another screen (RFC 8628 section 3.2).

    The user code is a secret but to whoever asked for it: who types it first decides whose login this becomes.
    """

    dialect: str
    device_code: Secret
    user_code: Secret
    page: str
    """Where the user code is typed."""
    interval: float
    lifetime: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """A sign-in that was started and not finished.

    `state` and `verifier` are what makes a pasted redirect usable; they leave the process only sealed.
    `requester` is whoever started it (a chat user, say); empty means anybody at this account of the machine.
    """

    id: str
    profile: str
    issuer: str
    client_id: str
    scope: str
    redirect_uri: str
    state: Secret
    verifier: Secret
    created: datetime
    expires: datetime
    requester: str = ""
    replace_account: bool = False
    device: DeviceGrant | None = None
    """The device code it waits for; None where it waits for a redirect."""
    options: dict[str, str] = field(default_factory=dict)
