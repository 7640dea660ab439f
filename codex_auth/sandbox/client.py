"""The one client the sandbox knows: Codex, with OpenAI's public client id and its exact redirect addresses."""

from authlib.oauth2.rfc6749 import ClientMixin

from codex_auth.sandbox.settings import Settings

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
SCOPES = ("openid", "profile", "email", "offline_access", "api.connectors.read", "api.connectors.invoke")

API_KEY_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ("authorization_code", "refresh_token", API_KEY_EXCHANGE, DEVICE_CODE)

_CODEX_PORTS = (1455, 1457)


class CodexClient(ClientMixin):
    """Codex as a public client (RFC 6749 section 2.1), in the words Authlib asks for."""

    def __init__(self, issuer: str, settings: Settings) -> None:
        self.redirect_uris = frozenset(
            f"http://{host}:{port}/auth/callback"
            for host in ("localhost", "127.0.0.1")
            for port in (*_CODEX_PORTS, *settings.redirect_ports)
        ) | frozenset(settings.redirect_uris)
        self.device_redirect_uri = f"{issuer}/deviceauth/callback"

    def get_client_id(self) -> str:
        """Return OpenAI's public id for Codex."""
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        """Offer no default: the redirect address is always named."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scope itself when all of it is known, else None."""
        return scope if scope and set(scope.split()) <= set(SCOPES) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Compare character by character; a look-alike is a stranger."""
        return redirect_uri in self.redirect_uris

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Accept a bare client id only."""
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        """Accept the code flow only."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Accept what Codex uses, and RFC 8628's device code."""
        return grant_type in GRANT_TYPES
