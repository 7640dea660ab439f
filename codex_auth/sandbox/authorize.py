"""The authorize page: who asks, for what, and the buttons Approve and Deny."""

from collections.abc import Mapping

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, request
from werkzeug import Response

from codex_auth.sandbox.accounts import ACCOUNTS, Account
from codex_auth.sandbox.authorization import Authorization
from codex_auth.sandbox.client import CLIENT_ID
from codex_auth.sandbox.code_grant import allowed_accounts
from codex_auth.sandbox.pages import notice, page
from codex_auth.sandbox.parameters import SpokenRequest, read_parameters
from codex_auth.sandbox.provider import Provider
from codex_auth.sandbox.tickets import Tickets


class Stranger(Exception):
    """A request that gets no redirect, for nobody we know would receive it (RFC 6749 section 4.1.2.1)."""


def authorize_routes(provider: Provider, authorization: Authorization) -> Blueprint:
    """Return the routes of the authorize page."""
    routes = Blueprint("authorize", __name__)
    tickets: Tickets[Mapping[str, str]] = Tickets()

    @routes.get("/oauth/authorize")
    def ask() -> Response:
        try:
            said = _read_from_someone_known(provider)
        except Stranger as stranger:
            return notice("This sign-in link is not valid", str(stranger), status=400)
        try:
            _check_response_type(said)
            authorization.get_consent_grant(SpokenRequest("GET", request.headers, said))
        except OAuth2Error as error:
            return _back_with(error, said)
        return page(
            "consent.html",
            leads_to=said["redirect_uri"],
            action=request.path,
            ticket=tickets.ask(said, provider.now()),
            accounts=allowed_accounts(said),
            scopes=said["scope"].split(),
            where=said["redirect_uri"],
        )

    @routes.post("/oauth/authorize")
    def answer() -> Response:
        said = tickets.answer(request.form.get("ticket", ""), provider.now())
        if said is None:
            return notice("This page is out of date", "Start the sign-in again.", status=400)
        account: Account | None = None
        if request.form.get("decision") == "approve":
            account = ACCOUNTS.get(request.form.get("account", ""))
            if account not in allowed_accounts(said):
                return notice("This account cannot approve", "Its workspace is not allowed here.", status=403)
        spoken = SpokenRequest("GET", request.headers, said)
        response: Response = authorization.create_authorization_response(
            spoken, grant_user=account, grant=authorization.get_authorization_grant(spoken)
        )
        return response

    return routes


def _read_from_someone_known(provider: Provider) -> dict[str, str]:
    """Return the parameters, or raise Stranger when client and redirect address are not Codex's own."""
    try:
        said = read_parameters(request)
    except OAuth2Error as error:
        raise Stranger(error.description) from None
    if said.get("client_id") != CLIENT_ID:
        raise Stranger("The parameter client_id names no client of this server.")
    if not provider.client.check_redirect_uri(said.get("redirect_uri", "")):
        raise Stranger("The parameter redirect_uri is not one of this client's addresses.")
    return said


def _check_response_type(said: Mapping[str, str]) -> None:
    """Raise before Authlib would: it repeats the value in an error text that may not hold every character."""
    if "response_type" not in said:
        raise OAuth2Error("The parameter 'response_type' is missing.", error="invalid_request")
    if said["response_type"] != "code":
        raise OAuth2Error("Only the code flow is offered.", error="unsupported_response_type")


def _back_with(error: OAuth2Error, said: Mapping[str, str]) -> Response:
    """Send an error to the client, with its state."""
    error.redirect_uri = said["redirect_uri"]
    error.state = said.get("state")
    status, body, headers = error()
    return Response(body, status=status, headers=headers)
