"""Codex's exchange of an id token for a platform key, which it makes after a browser sign-in."""

import secrets

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, TokenEndpointMixin
from authlib.oauth2.rfc6749.grants import BaseGrant

from codex_auth.sandbox import keys
from codex_auth.sandbox.client import API_KEY_EXCHANGE, CLIENT_ID
from codex_auth.sandbox.provider import Provider

_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a name, not a token


class ApiKeyGrant(BaseGrant, TokenEndpointMixin):
    """RFC 8693's grant type with OpenAI's parameters."""

    GRANT_TYPE = API_KEY_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def validate_token_request(self) -> None:
        """Raise InvalidRequestError or InvalidGrantError unless one of our id tokens asks for a key."""
        self.authenticate_token_endpoint_client()
        said = self.request.form
        if said.get("requested_token") != "openai-api-key" or said.get("subject_token_type") != _ID_TOKEN:
            raise InvalidRequestError("Only an id token can be exchanged, and only for an openai-api-key.")
        provider: Provider = self.server.provider
        claims = keys.read(said.get("subject_token", "")) or {}
        expires = claims.get("exp")
        if (
            claims.get("iss") != provider.issuer
            or claims.get("aud") != [CLIENT_ID]
            or not isinstance(expires, int)
            or provider.now() >= expires
        ):
            raise InvalidGrantError("The subject token is not an id token of this issuer.")

    def create_token_response(self) -> tuple[int, dict[str, object], list[tuple[str, str]]]:
        """Return the key."""
        return 200, {"access_token": f"sk-sandbox-{secrets.token_urlsafe(24)}"}, self.TOKEN_RESPONSE_HEADER
