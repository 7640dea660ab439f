"""Refresh with rotation, answering in OpenAI's words when a token is not honoured."""

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from codex_auth.sandbox.ledger import EXPIRED, INVALIDATED, REUSED, Login, Refused
from codex_auth.sandbox.outages import fault_name
from codex_auth.sandbox.provider import Provider

_WHY_REFUSED = {
    REUSED: "Your refresh token has already been used to generate a new access token. Please sign in again.",
    INVALIDATED: "Your refresh token has been revoked. Please sign in again.",
    EXPIRED: "Your refresh token has expired. Please sign in again.",
}


class RefreshRefused(OAuth2Error):
    """A refresh token that is not honoured, in OpenAI's shape: status 401, and the code inside an `error` object."""

    status_code = 401

    def __init__(self, code: str) -> None:
        super().__init__(error=code)

    def get_body(self) -> list[tuple[str, object]]:
        """Return the reply as Authlib collects it."""
        return [("error", {"code": self.error, "message": _WHY_REFUSED[self.error]})]


class RefreshGrant(RefreshTokenGrant):
    """Refresh with rotation (RFC 6749 section 6); `scope` and `refresh_reason` are accepted and change nothing."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def authenticate_refresh_token(self, refresh_token: str) -> Login | None:
        """Find the login; whether the token is still good is decided when it is spent, in one step."""
        provider: Provider = self.server.provider
        return provider.ledger.login_of(refresh_token)

    def _validate_token_scope(self, _login: Login) -> None:
        """Ignore `scope`, as OpenAI does: a refresh never changes what was approved."""

    def authenticate_user(self, login: Login) -> Login:
        """Return the login itself: it names the account."""
        return login

    def issue_token(self, login: Login, _presented: Login) -> dict[str, object]:
        """Spend the token and mint the reply, or raise in OpenAI's words."""
        provider: Provider = self.server.provider
        fault = fault_name()
        try:
            fresh = provider.ledger.rotate(
                self.request.form["refresh_token"],
                provider.now(),
                keep=fault in ("no_rotation", "no_refresh_token"),
            )
        except Refused as refused:
            raise RefreshRefused(refused.code) from None
        return provider.mint.reply(login, fresh, fault)

    def revoke_old_credential(self, login: Login) -> None:
        """Do nothing: the ledger spent the old token when it issued the new one."""
