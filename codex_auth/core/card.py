"""What may be shown of a login. `status` needs no more, so it stands apart from the records with secrets."""

from dataclasses import dataclass
from datetime import datetime

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
