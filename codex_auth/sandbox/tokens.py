"""The token and revoke endpoints."""

from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, request
from werkzeug import Response

from codex_auth.sandbox.authorization import Authorization


def token_routes(authorization: Authorization) -> Blueprint:
    """Return the routes that issue and revoke tokens."""
    routes = Blueprint("tokens", __name__)

    @routes.post("/oauth/token")
    def token() -> Response:
        spoken = authorization.create_oauth2_request(None)
        if request.is_json and spoken.payload.grant_type != "refresh_token":
            raise InvalidRequestError("Only a refresh may come as JSON.")
        response: Response = authorization.create_token_response(spoken)
        return response

    @routes.post("/oauth/revoke")
    def revoke() -> Response:
        response: Response = authorization.create_endpoint_response("revocation")
        return response

    return routes
