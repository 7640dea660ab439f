"""Remote control for tests: faults, the request log, revoking every login.

Each request must carry the key of this run in a header, which no page of another site can send.
"""

import hmac

from flask import Blueprint, Response, jsonify, request

from codex_auth.sandbox.faults import BadFault, Fault
from codex_auth.sandbox.provider import Provider

KEY_HEADER = "X-Sandbox-Key"


def control_routes(provider: Provider) -> Blueprint:
    """Return the control routes."""
    routes = Blueprint("control", __name__, url_prefix="/sandbox")

    @routes.before_request
    def require_key() -> tuple[Response, int] | None:
        given = request.headers.get(KEY_HEADER, "")
        if hmac.compare_digest(given.encode(), provider.control_key.encode()):
            return None
        return jsonify(error="wrong_key"), 403

    @routes.post("/faults")
    def faults() -> tuple[Response, int]:
        try:
            fault = Fault(**request.get_json())
        except (TypeError, BadFault) as wrong:
            return jsonify(error="bad_fault", error_description=str(wrong)), 400
        provider.faults.add(fault)
        return jsonify(ok=True), 201

    @routes.get("/log")
    def log() -> Response:
        return jsonify(entries=provider.record.as_json())

    @routes.post("/revoke_all")
    def revoke_all() -> Response:
        return jsonify(revoked=provider.ledger.revoke_all())

    return routes
