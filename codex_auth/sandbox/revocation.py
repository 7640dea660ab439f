"""Revoking: RFC 7009, and the JSON form of it that Codex sends."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedTokenTypeError
from authlib.oauth2.rfc7009 import RevocationEndpoint

from codex_auth.sandbox.client import CodexClient
from codex_auth.sandbox.provider import Provider


class Revocation(RevocationEndpoint):
    """One token revokes the whole login it belongs to; an unknown token is revoked already (RFC 7009 section 2.2)."""

    CLIENT_AUTH_METHODS = ("none",)

    def authenticate_endpoint_client(self, request: Any) -> CodexClient:
        """Return Codex, who leaves its id out for an access token; raise InvalidClientError for any other client."""
        provider: Provider = self.server.provider
        if request.payload.client_id is not None:
            super().authenticate_endpoint_client(request)
        return provider.client

    def authenticate_token(self, request: Any, _client: CodexClient) -> str:
        """Return the token; raise when there is none, or the hint is no kind of token."""
        token: str = request.form.get("token", "")
        if not token:
            raise InvalidRequestError("The parameter 'token' is missing.")
        if request.form.get("token_type_hint", "refresh_token") not in self.SUPPORTED_TOKEN_TYPES:
            raise UnsupportedTokenTypeError
        return token

    def revoke_token(self, token: str, _request: Any) -> None:
        """Revoke the login; the ledger knows both kinds of token, whatever the hint says."""
        provider: Provider = self.server.provider
        provider.ledger.revoke(token)
