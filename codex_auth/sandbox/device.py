"""Device codes: OpenAI's dialect, RFC 8628's, and the page where a person types the code."""

import base64
import hashlib
import secrets

from flask import Blueprint, Response, jsonify, request
from werkzeug import Response as AnyResponse

from codex_auth.sandbox.accounts import ACCOUNTS, Account
from codex_auth.sandbox.authorization import Authorization
from codex_auth.sandbox.client import CLIENT_ID, SCOPES
from codex_auth.sandbox.devices import Device
from codex_auth.sandbox.ledger import Code, new_code
from codex_auth.sandbox.pages import notice, page
from codex_auth.sandbox.parameters import read_parameters
from codex_auth.sandbox.provider import Provider
from codex_auth.sandbox.tickets import Tickets


def device_routes(provider: Provider, authorization: Authorization) -> Blueprint:
    """Return the routes that programs ask and poll."""
    routes = Blueprint("device", __name__)

    @routes.post("/api/accounts/deviceauth/usercode")
    def usercode() -> Response:
        if read_parameters(request).get("client_id") != CLIENT_ID:
            return _error("invalid_client", "client_id names no client of this server.", 400)
        device = provider.devices.open(" ".join(SCOPES), provider.now())
        # Codex 0.169 reads the interval as text and takes a number for a malformed reply.
        return jsonify(
            device_auth_id=device.secret,
            user_code=device.user_code,
            interval=str(provider.settings.device_interval),
        )

    @routes.post("/api/accounts/deviceauth/token")
    def device_token() -> Response:
        said = read_parameters(request)
        device = provider.devices.find(said.get("device_auth_id", ""))
        if device is None or device.user_code != said.get("user_code"):
            return _error("deviceauth_not_found", "There is no such device code.", 404)
        if provider.now() >= device.expires:
            return _error("expired_token", "The device code has expired.", 400)
        # To Codex every 403 means "not yet", so a refusal needs another status to end its waiting.
        if device.denied:
            return _error("access_denied", "The sign-in was denied.", 400)
        account = provider.devices.collect(device)
        if account is None:
            return _error("deviceauth_authorization_pending", "The code was not approved yet.", 403)
        return jsonify(_code_with_its_verifier(provider, device, account))

    @routes.post("/oauth/device/code")
    def device_code() -> AnyResponse:
        response: AnyResponse = authorization.create_endpoint_response("device_authorization")
        return response

    return routes


def device_page_routes(provider: Provider) -> Blueprint:
    """Return the page where a person types the code and decides."""
    routes = Blueprint("device_page", __name__)
    tickets: Tickets[Device] = Tickets()

    @routes.get("/codex/device")
    def ask() -> Response:
        typed = request.args.get("user_code", "")
        device = provider.devices.typed(typed, provider.now()) if typed else None
        if device is None:
            return page("device.html", status=404 if typed else 200, typed=typed, action=request.path)
        return page(
            "consent.html",
            action=request.path,
            ticket=tickets.ask(device, provider.now()),
            accounts=list(ACCOUNTS.values()),
            scopes=device.scope.split(),
            where=f"the device that shows {device.user_code}",
        )

    @routes.post("/codex/device")
    def answer() -> Response:
        device = tickets.answer(request.form.get("ticket", ""), provider.now())
        if device is None:
            return notice("This page is out of date", "Type the code again.", status=400)
        if request.form.get("decision") != "approve":
            provider.devices.decide(device, None)
            return notice("Sign-in denied", "The device was not signed in. You can close this page.")
        account = ACCOUNTS.get(request.form.get("account", ""))
        if account is None:
            return notice("Choose an account", "Type the code again and choose one.", status=400)
        provider.devices.decide(device, account)
        return notice("Device signed in", "You can close this page and return to your terminal.")

    return routes


def _code_with_its_verifier(provider: Provider, device: Device, account: Account) -> dict[str, str]:
    """Return an authorization code and the PKCE pair OpenAI makes on the device's behalf."""
    verifier = secrets.token_urlsafe(64)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    value = new_code()
    provider.ledger.enter_code(
        value,
        Code(
            account=account,
            scope=device.scope,
            redirect_uri=provider.client.device_redirect_uri,
            code_challenge=challenge,
            expires=provider.now() + provider.settings.code_lifetime,
        ),
    )
    return {"authorization_code": value, "code_challenge": challenge, "code_verifier": verifier}


def _error(code: str, message: str, status: int) -> Response:
    response = jsonify(error={"code": code, "message": message})
    response.status_code = status
    return response
