"""Making tokens: the claims OpenAI puts into them, our mark, and the faults that bend them."""

import secrets
from dataclasses import dataclass

from codex_auth.sandbox import keys
from codex_auth.sandbox.accounts import Account, someone_else
from codex_auth.sandbox.client import CLIENT_ID
from codex_auth.sandbox.ledger import Ledger, Login
from codex_auth.sandbox.settings import Settings

_AUTH = "https://api.openai.com/auth"
_PROFILE = "https://api.openai.com/profile"
_API_AUDIENCE = "https://api.openai.com/v1"
_ID_TOKEN_LIFETIME = 3600
_BENT_CLAIMS: dict[str, dict[str, object]] = {
    "wrong_aud": {"aud": ["app_someone_else"]},
    "wrong_iss": {"iss": "https://issuer.invalid"},
}


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes the tokens of one sandbox and enters them in its ledger."""

    issuer: str
    settings: Settings
    ledger: Ledger

    def reply(self, login: Login, refresh_token: str, fault: str = "") -> dict[str, object]:
        """Return a token reply (RFC 6749 section 5.1), bent by a fault when one is asked for."""
        now = self.settings.now()
        account = someone_else(login.account) if fault == "other_account" else login.account
        lifetime = -60.0 if fault == "expired" else self.settings.access_lifetime
        access_token = self._access_token(account, login.scope, now, now + lifetime)
        self.ledger.note_access(access_token, login, now + lifetime)
        reply: dict[str, object] = {
            "id_token": self._id_token(account, now, fault),
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": max(0, int(lifetime)),
            "scope": login.scope,
        }
        if fault == "no_refresh_token":
            del reply["refresh_token"]
        return reply

    def _id_token(self, account: Account, now: float, fault: str) -> str:
        claims = self._claims(account, now, now + _ID_TOKEN_LIFETIME) | {
            "aud": [CLIENT_ID],
            "email": account.email,
            "email_verified": True,
            _AUTH: _auth_claims(account)
            | {
                "organizations": [
                    {
                        "id": account.organization_id,
                        "title": account.organization,
                        "role": "owner",
                        "is_default": True,
                    }
                ],
                "organization_id": account.organization_id,
                "completed_platform_onboarding": True,
                "is_org_owner": True,
            },
        }
        token = keys.sign(claims | _BENT_CLAIMS.get(fault, {}))
        return _with_wrong_signature(token) if fault == "bad_signature" else token

    def _access_token(self, account: Account, scope: str, now: float, expires: float) -> str:
        claims = self._claims(account, now, expires) | {
            "aud": [_API_AUDIENCE],
            "client_id": CLIENT_ID,
            "scp": scope.split(),
            _AUTH: _auth_claims(account),
            _PROFILE: {"email": account.email, "email_verified": True},
        }
        return keys.sign(claims)

    def _claims(self, account: Account, now: float, expires: float) -> dict[str, object]:
        return {
            "iss": self.issuer,
            "sub": account.user_id,
            "iat": int(now),
            "exp": int(expires),
            # Two tokens made in one second must differ, or rotation could not be seen.
            "jti": secrets.token_hex(8),
            "codex_auth_sandbox": True,
        }


def _auth_claims(account: Account) -> dict[str, object]:
    return {
        "chatgpt_plan_type": account.plan,
        "chatgpt_user_id": account.user_id,
        "user_id": account.user_id,
        "chatgpt_account_id": account.account_id,
    }


def _with_wrong_signature(token: str) -> str:
    """Swap the first letter of the signature: still well-formed, no longer true."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
