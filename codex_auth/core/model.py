"""The records everything else passes around. They are frozen; a change is a new record."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from codex_auth.core.card import OWNER_SELF, Identity, KeyNote
from codex_auth.core.secret import Secret


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
