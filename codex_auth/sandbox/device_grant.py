"""RFC 8628: asking for a device code, and polling for the login at the token endpoint."""

from typing import Any

from authlib.oauth2.rfc6749 import AccessDeniedError
from authlib.oauth2.rfc6749.grants import BaseGrant
from authlib.oauth2.rfc8628 import (
    AuthorizationPendingError,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)

from codex_auth.sandbox.client import SCOPES
from codex_auth.sandbox.devices import Device
from codex_auth.sandbox.ledger import Login
from codex_auth.sandbox.provider import Provider


class DeviceCodes(DeviceAuthorizationEndpoint):
    """RFC 8628's request for a device code."""

    CLIENT_AUTH_METHODS = ("none",)

    def create_endpoint_response(self, request: Any) -> tuple[int, dict[str, object], list[tuple[str, str]]]:
        """Return a device code and the page to type the user code on (RFC 8628 section 3.2)."""
        self.authenticate_client(request)
        scope = request.payload.scope or " ".join(SCOPES)
        self.server.validate_requested_scope(scope)
        provider: Provider = self.server.provider
        device = provider.devices.open(scope, provider.now())
        page = f"{provider.issuer}/codex/device"
        body: dict[str, object] = {
            "device_code": device.secret,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={device.user_code}",
            "expires_in": int(provider.settings.device_lifetime),
            "interval": provider.settings.device_interval,
        }
        return 200, body, BaseGrant.TOKEN_RESPONSE_HEADER


class DeviceGrant(DeviceCodeGrant):
    """RFC 8628's polling at the token endpoint."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def query_device_credential(self, device_code: str) -> Device | None:
        """Return the sign-in that waits under this code."""
        provider: Provider = self.server.provider
        return provider.devices.find(device_code)

    def validate_device_credential(self, device: Device) -> Login:
        """Open the login once approved, or raise the reason to wait or stop (RFC 8628 section 3.5)."""
        provider: Provider = self.server.provider
        now = provider.now()
        if now >= device.expires:
            raise ExpiredTokenError
        if device.denied:
            raise AccessDeniedError
        if account := provider.devices.collect(device):
            return Login(account=account, scope=device.scope)
        if provider.devices.too_soon(device, now):
            raise SlowDownError
        raise AuthorizationPendingError
