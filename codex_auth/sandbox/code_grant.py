"""Authorization codes: what OpenAI demands of an authorize request, and the exchange with PKCE."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from codex_auth.sandbox.accounts import ACCOUNTS, Account
from codex_auth.sandbox.client import CodexClient
from codex_auth.sandbox.ledger import Code, Login, new_code
from codex_auth.sandbox.provider import Provider


class CodexRules:
    """What OpenAI demands of an authorize request beyond RFC 6749: `state`, PKCE with S256, a known workspace."""

    def __call__(self, grant: Any) -> None:
        """Register with a grant, as Authlib's extensions do."""
        grant.register_hook("after_validate_authorization_request_payload", self.check)

    def check(self, grant: Any, _redirect_uri: str) -> None:
        """Raise InvalidRequestError or AccessDeniedError, which Authlib sends to the redirect address."""
        said: Mapping[str, str] = grant.request.payload.data
        if not said.get("state"):
            raise InvalidRequestError("The parameter 'state' is missing.")
        if not said.get("code_challenge") or said.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with the method S256 is required.")
        if not allowed_accounts(said):
            raise AccessDeniedError("None of the allowed workspaces exists here.")


def allowed_accounts(said: Mapping[str, str]) -> list[Account]:
    """Return the accounts that may approve: all, or those whose workspace `allowed_workspace_id` lists."""
    allowed = said.get("allowed_workspace_id")
    return [account for account in ACCOUNTS.values() if allowed is None or account.account_id in allowed.split(",")]


class CodexChallenge(CodeChallenge):
    """PKCE with S256 and nothing weaker."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)


class CodeGrant(AuthorizationCodeGrant):
    """Authorization codes (RFC 6749 section 4.1) for a public client."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def generate_authorization_code(self) -> str:
        """Return a code with the sandbox's mark."""
        return new_code()

    def save_authorization_code(self, value: str, request: Any) -> None:
        """Enter what was approved."""
        provider = self.server.provider
        code = Code(
            account=request.user,
            scope=request.scope,
            redirect_uri=request.payload.redirect_uri,
            code_challenge=request.payload.data["code_challenge"],
            expires=provider.now() + provider.settings.code_lifetime,
        )
        provider.ledger.enter_code(value, code)

    def query_authorization_code(self, value: str, _client: CodexClient) -> Code | None:
        """Return a code that is still good."""
        provider: Provider = self.server.provider
        return provider.ledger.find_code(value, provider.now())

    def authenticate_user(self, code: Code) -> Login | None:
        """Open the login; Authlib answers invalid_grant when another request was faster."""
        provider: Provider = self.server.provider
        return provider.ledger.redeem(code)

    def delete_authorization_code(self, code: Code) -> None:
        """Keep the code: only so can a second use be recognised."""
