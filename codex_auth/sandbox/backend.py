"""What a signed-in Codex calls: usage, models, and answers that always say the same."""

import json
import secrets
from collections.abc import Iterator

from flask import Blueprint, Response, g, jsonify, request
from werkzeug.exceptions import Unauthorized

from codex_auth.sandbox.accounts import ACCOUNTS, Account
from codex_auth.sandbox.faults import Fault
from codex_auth.sandbox.ledger import Login
from codex_auth.sandbox.outages import fault_name
from codex_auth.sandbox.provider import Provider

ANSWER = "Hello from the codex-auth sandbox."

_FIVE_HOURS = 5 * 3600
_WEEK = 7 * 24 * 3600


def backend_routes(provider: Provider) -> Blueprint:
    """Return the routes behind a bearer token."""
    routes = Blueprint("backend", __name__)

    def bearer() -> Login:
        """Return the login that asks; raise Unauthorized for a token that is unknown, expired or revoked."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        login = provider.ledger.bearer(token, provider.now()) if kind.lower() == "bearer" else None
        if login is None:
            raise Unauthorized(response=_no_bearer())
        return login

    @routes.get("/backend-api/wham/usage")
    @routes.get("/api/codex/usage")
    def usage() -> Response:
        answer = _usage(bearer().account.plan, int(provider.now()), _used(g.fault))
        return jsonify(_with_words(answer) if fault_name() == "odd_usage" else answer)

    @routes.get("/backend-api/wham/accounts/check")
    @routes.get("/api/codex/accounts/check")
    def accounts() -> Response:
        return jsonify(_workspaces_of(bearer().account, provider.issuer))

    @routes.get("/v1/models")
    @routes.get("/backend-api/codex/models")
    def models() -> Response:
        bearer()
        return jsonify(models=[])

    @routes.post("/v1/responses")
    @routes.post("/backend-api/codex/responses")
    def responses() -> Response:
        bearer()
        return Response(_answer(), mimetype="text/event-stream")

    return routes


def _no_bearer() -> Response:
    response = jsonify(error={"code": "invalid_token", "message": "The access token is not valid."})
    response.status_code = 401
    response.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    return response


def _workspaces_of(account: Account, issuer: str) -> dict[str, object]:
    """Return the person's workspaces; the Codex app server asks before it reports a sign-in done.

    Codex 0.169 accepts an https origin only. Ours on loopback answers no TLS, so what goes there goes nowhere.
    """
    return {
        "accounts": [
            {
                "id": workspace.account_id,
                "plan_type": workspace.plan,
                "name": workspace.organization,
                "workspace_backend_origin": issuer.replace("http:", "https:"),
                "account_routing_override": "NO_CONSTRAINT",
            }
            for workspace in ACCOUNTS.values()
            if workspace.user_id == account.user_id
        ]
    }


def _used(fault: Fault | None) -> int:
    """Return how much of the five hours is used, in percent."""
    if fault is None or fault.name != "used":
        return 37
    return 100 if fault.value is None else int(fault.value)


def _with_words(answer: dict[str, object]) -> dict[str, object]:
    return {**answer, "rate_limit": {"primary_window": {"used_percent": "a third"}}}


def _usage(plan: str, now: int, used: int) -> dict[str, object]:
    """Return invented limits in the shape Codex reads."""
    is_reached = used >= 100  # noqa: PLR2004 - percent
    return {
        "plan_type": plan,
        "rate_limit": {
            "allowed": not is_reached,
            "limit_reached": is_reached,
            "primary_window": _window(used, _FIVE_HOURS, now),
            "secondary_window": _window(12, _WEEK, now),
        },
        "credits": {
            "has_credits": False,
            "unlimited": False,
            "balance": "0",
            "approx_local_messages": None,
            "approx_cloud_messages": None,
        },
        "additional_rate_limits": None,
        "spend_control": None,
        "rate_limit_reached_type": None,
    }


def _window(used_percent: int, seconds: int, now: int) -> dict[str, int]:
    """Return a window that resets at the next multiple of its length."""
    left = seconds - now % seconds
    return {
        "used_percent": used_percent,
        "limit_window_seconds": seconds,
        "reset_after_seconds": left,
        "reset_at": now + left,
    }


def _answer() -> Iterator[str]:
    """Yield the three events Codex needs to see one assistant message."""
    number = f"resp_sandbox_{secrets.token_hex(8)}"
    message = {
        "type": "message",
        "role": "assistant",
        "id": f"msg_sandbox_{secrets.token_hex(8)}",
        "content": [{"type": "output_text", "text": ANSWER}],
    }
    usage = {
        "input_tokens": 1,
        "input_tokens_details": None,
        "output_tokens": 1,
        "output_tokens_details": None,
        "total_tokens": 2,
    }
    yield _event("response.created", {"response": {"id": number}})
    yield _event("response.output_item.done", {"item": message})
    yield _event("response.completed", {"response": {"id": number, "usage": usage}})


def _event(kind: str, body: dict[str, object]) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind} | body)}\n\n"
