"""What the issuer publishes about itself: its keys and its addresses."""

from flask import Blueprint, Response, jsonify

from codex_auth.sandbox import keys
from codex_auth.sandbox.client import GRANT_TYPES, SCOPES


def discovery_routes(issuer: str) -> Blueprint:
    """Return the well-known routes (OpenID Connect Discovery, RFC 8414)."""
    routes = Blueprint("discovery", __name__)

    @routes.get("/.well-known/jwks.json")
    def jwks() -> Response:
        return jsonify(keys.public_keys())

    @routes.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(
            issuer=issuer,
            authorization_endpoint=f"{issuer}/oauth/authorize",
            token_endpoint=f"{issuer}/oauth/token",
            revocation_endpoint=f"{issuer}/oauth/revoke",
            device_authorization_endpoint=f"{issuer}/oauth/device/code",
            jwks_uri=f"{issuer}/.well-known/jwks.json",
            scopes_supported=SCOPES,
            response_types_supported=["code"],
            grant_types_supported=GRANT_TYPES,
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
            token_endpoint_auth_methods_supported=["none"],
            code_challenge_methods_supported=["S256"],
        )

    return routes
