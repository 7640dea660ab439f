"""Authlib's authorization server with every grant of the sandbox in place."""

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from flask import Response
from flask import request as flask_request

from codex_auth.sandbox.api_key_grant import ApiKeyGrant
from codex_auth.sandbox.client import CLIENT_ID, SCOPES, CodexClient
from codex_auth.sandbox.code_grant import CodeGrant, CodexChallenge, CodexRules
from codex_auth.sandbox.device_grant import DeviceCodes, DeviceGrant
from codex_auth.sandbox.ledger import Login
from codex_auth.sandbox.outages import fault_name
from codex_auth.sandbox.parameters import SpokenRequest, read_parameters
from codex_auth.sandbox.provider import Provider
from codex_auth.sandbox.refresh_grant import RefreshGrant
from codex_auth.sandbox.revocation import Revocation


class Authorization(AuthorizationServer):
    """The sandbox's grants over one provider's state."""

    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.scopes_supported = SCOPES
        self.register_token_generator("default", self._open)
        self.register_grant(CodeGrant, [CodexChallenge(required=True), CodexRules()])
        for grant in (RefreshGrant, DeviceGrant, ApiKeyGrant):
            self.register_grant(grant)
        for endpoint in (DeviceCodes, Revocation):
            self.register_endpoint(endpoint)

    def query_client(self, client_id: str) -> CodexClient | None:
        """Return Codex for its own id, None for any other."""
        return self.provider.client if client_id == CLIENT_ID else None

    def save_token(self, _token: dict[str, object], _request: Any) -> None:
        """Do nothing: the ledger knew each token before it was put into a reply."""

    def create_oauth2_request(self, request: SpokenRequest | None) -> SpokenRequest:
        """Return a request that was already read, or read the one being served."""
        return request or SpokenRequest(flask_request.method, flask_request.headers, read_parameters(flask_request))

    def handle_error(self, error: OAuth2Error) -> Response:
        """Return an error that was raised before Authlib could catch it."""
        response: Response = self.handle_response(*error())
        return response

    def _open(self, *, user: Login, **_asked: Any) -> dict[str, object]:
        """Mint the first tokens of a login."""
        provider = self.provider
        refresh_token = provider.ledger.issue_refresh(user, provider.now())
        return provider.mint.reply(user, refresh_token, fault_name())
