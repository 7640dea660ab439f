"""The sandbox as a Flask application: routes, and what happens around each request."""

import logging
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, abort, g, request
from werkzeug.exceptions import HTTPException

from codex_auth.sandbox.authorization import Authorization
from codex_auth.sandbox.authorize import authorize_routes
from codex_auth.sandbox.backend import backend_routes
from codex_auth.sandbox.control import control_routes
from codex_auth.sandbox.device import device_page_routes, device_routes
from codex_auth.sandbox.discovery import discovery_routes
from codex_auth.sandbox.faults import ROUTES
from codex_auth.sandbox.outages import after_acting, fault_name, instead_of_acting
from codex_auth.sandbox.parameters import read_parameters
from codex_auth.sandbox.provider import Provider
from codex_auth.sandbox.record import Entry, describe
from codex_auth.sandbox.tokens import token_routes

_MEGABYTE = 1024 * 1024


def create_app(provider: Provider, address: str = "") -> Flask:
    """Return the application that serves one provider, at an address that is not its issuer's where one is given."""
    # Authlib's grants write whole token replies to their debug log.
    logging.getLogger("authlib.oauth2").setLevel(logging.INFO)
    app = Flask("codex_auth.sandbox", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MEGABYTE
    authorization = Authorization(provider)
    for routes in (
        authorize_routes(provider, authorization),
        token_routes(authorization),
        device_routes(provider, authorization),
        device_page_routes(provider),
        backend_routes(provider),
        discovery_routes(provider.issuer),
        control_routes(provider),
    ):
        app.register_blueprint(routes)
    app.register_error_handler(OAuth2Error, authorization.handle_error)
    _surround_requests(app, provider, address or provider.issuer)
    return app


def _surround_requests(app: Flask, provider: Provider, address: str) -> None:
    """Refuse foreign hosts, perform faults, and keep the record."""
    port = urlsplit(address).port
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}", urlsplit(provider.issuer).netloc}

    @app.before_request
    def meet_fault() -> Response | None:
        g.fault = None
        # A page whose own name was made to point at 127.0.0.1 says that name here (DNS rebinding).
        if request.host not in hosts:
            abort(400)
        g.fault = provider.faults.take(_route())
        return instead_of_acting(g.fault, provider.stopping)

    @app.after_request
    def keep_record(response: Response) -> Response:
        if request.blueprint != "control":
            provider.record.add(_entry(provider.now(), response))
        return after_acting(g.fault, response)


def _route() -> str:
    return ROUTES.get(request.path, "other")


def _entry(now: float, response: Response) -> Entry:
    try:
        said = read_parameters(request)
    except (OAuth2Error, HTTPException):
        said = {}
    plain, fingerprints = describe(said, request.headers.get("Authorization", "").partition(" ")[2])
    return Entry(
        at=now,
        method=request.method,
        path=request.path,
        route=_route(),
        content_type=request.mimetype,
        fields=tuple(sorted(said)),
        plain=plain,
        fingerprints=fingerprints,
        account_header=request.headers.get("ChatGPT-Account-ID", ""),
        status=response.status_code,
        outcome=_outcome(response),
        fault=fault_name(),
    )


def _outcome(response: Response) -> str:
    """Return `ok`, or the error code in the body or in the redirect."""
    if (
        response.is_json
        and not response.is_streamed
        and isinstance(body := response.get_json(), dict)
        and "error" in body
    ):
        error = body["error"]
        return str(error.get("code") if isinstance(error, dict) else error)
    if errors := parse_qs(urlsplit(response.location or "").query).get("error"):
        return errors[0]
    return "ok" if response.status_code < HTTPStatus.BAD_REQUEST else f"http_{response.status_code}"
