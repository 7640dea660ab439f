"""The real codex signs in to the sandbox, works with what it got, renews it, and signs out."""

import json
import os
import re
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_auth.sandbox import visitor
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from codex_auth.sandbox.record import fingerprint
from codex_auth.sandbox.server import Sandbox
from tests.real_codex.codex import PATIENCE, Codex, Ended
from tests.real_codex.conversation import Conversation

_CODE = re.compile(r"(?<![A-Z])[B-Z]{4}-[B-Z]{5}(?![A-Z])")  # codex colours it even when nobody looks


def sign_in(codex: Codex, account: str = "bot") -> Ended:
    """Sign in with a device code, playing the person at the page."""
    with codex.start("login", "--device-auth", "--experimental_issuer", codex.issuer) as process:
        assert process.stdout is not None
        shown = next(found for line in process.stdout if (found := _CODE.search(line)))
        visitor.approve_device(f"{codex.issuer}/codex/device", shown.group(), account)
        out, err = process.communicate(timeout=PATIENCE)
    return Ended(process.returncode, out, err)


def test_device_code_signs_codex_in(codex: Codex) -> None:
    """`codex login --device-auth` ends signed in as the account that approved."""
    ended = sign_in(codex)

    assert ended.code == 0, ended.err
    assert codex.auth["tokens"]["account_id"] == ACCOUNTS["bot"].account_id
    assert "Logged in using ChatGPT" in codex.run("login", "status").err


def test_our_device_sign_in_is_the_one_codex_makes(codex: Codex, sandbox: Sandbox, tmp_path: Path) -> None:
    """The same questions in the same order: paths, content types, fields and their order, redirect and grant type.

    Codex asks at once and we after the first interval, and we fetch the provider's keys before the exchange; Codex
    never checks an id token.
    """
    assert sign_in(codex).code == 0
    theirs = _conversation(sandbox, 0)
    before = len(sandbox.log())

    assert _sign_in_with_ours(codex.issuer, tmp_path) == 0

    ours = _conversation(sandbox, before)
    assert theirs == ours
    assert [path for path, *_ in ours] == [
        "/api/accounts/deviceauth/usercode",
        "/api/accounts/deviceauth/token",
        "/oauth/token",
    ]


def _conversation(sandbox: Sandbox, begin: int) -> list[tuple[object, ...]]:
    """Return what a sign-in asked, questions that were repeated once, without our fetching of keys."""
    asked = [
        (entry.path, entry.method, entry.content_type, entry.fields, tuple(entry.plain.items()))
        for entry in sandbox.log()[begin:]
        if entry.route not in {"jwks", "authorize"} and not entry.path.startswith("/codex/device")
    ]
    return [entry for number, entry in enumerate(asked) if number == 0 or entry != asked[number - 1]]


def _sign_in_with_ours(issuer: str, home: Path) -> int:
    """Sign in with our own program, playing the person at the page."""
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "login", "work", "--device", "--issuer", issuer],
        env={"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        shown = next(found for line in process.stderr if (found := _CODE.search(line)))
        visitor.approve_device(f"{issuer}/codex/device", shown.group(), "bot")
        process.stderr.read()
        return process.wait(PATIENCE)


def test_codex_works_with_its_token(codex: Codex, sandbox: Sandbox) -> None:
    """`codex exec` gets its answer with the bearer token and account id it was given."""
    sign_in(codex)

    ended = codex.run("exec", "--skip-git-repo-check", "hi")

    assert ended.code == 0, ended.err
    assert ANSWER in ended.out
    [asked] = sandbox.log("responses")
    assert asked.fingerprints["bearer"] == fingerprint(codex.auth["tokens"]["access_token"])
    assert asked.account_header == ACCOUNTS["bot"].account_id


def test_codex_renews_an_expired_token(codex: Codex, sandbox: Sandbox) -> None:
    """An expired access token is renewed with the JSON body we know, and the new refresh token is kept."""
    sandbox.fault("expired")
    sign_in(codex)
    before = codex.auth["tokens"]["refresh_token"]

    ended = codex.run("exec", "--skip-git-repo-check", "hi")

    assert ended.code == 0, ended.err
    [refresh] = sandbox.log("token", "refresh_token")
    assert refresh.content_type == "application/json"
    assert refresh.fields == ("client_id", "grant_type", "refresh_reason", "refresh_token")
    assert refresh.fingerprints["refresh_token"] == fingerprint(before)
    assert codex.auth["tokens"]["refresh_token"] != before


def test_codex_reports_a_token_spent_elsewhere(codex: Codex, sandbox: Sandbox) -> None:
    """Codex understands the sandbox's answer to a refresh token that somebody else has used."""
    sandbox.fault("expired")
    sign_in(codex)
    spend_elsewhere(codex)

    ended = codex.run("exec", "--skip-git-repo-check", "hi")

    assert "was already used" in ended.err
    assert {entry.outcome for entry in sandbox.log("token", "refresh_token")} == {"ok", "refresh_token_reused"}


def test_logout_revokes(codex: Codex, sandbox: Sandbox) -> None:
    """`codex logout` revokes the login and forgets it."""
    sign_in(codex)
    held = codex.auth["tokens"]["refresh_token"]

    ended = codex.run("logout")

    assert ended.code == 0, ended.err
    [revoked] = sandbox.log("revoke")
    assert revoked.outcome == "ok"
    assert revoked.fingerprints["token"] == fingerprint(held)
    assert not codex.signed_in


@pytest.mark.usefixtures("callback_ports")
def test_browser_sign_in_through_the_app_server(codex: Codex, sandbox: Sandbox) -> None:
    """The app server's browser sign-in (PKCE) completes when the person approves."""
    with codex.start("app-server", stdin=subprocess.PIPE) as process:
        talk = Conversation(process)
        started = talk.ask("account/login/start", {"type": "chatgpt"})
        redirect = visitor.approve(started["authUrl"], "personal")
        status = visit(redirect)
        completed = talk.wait_for("account/login/completed")

    assert status == 200
    assert completed["success"] is True, completed
    assert codex.auth["tokens"]["account_id"] == ACCOUNTS["personal"].account_id
    assert codex.auth["OPENAI_API_KEY"].startswith("sk-sandbox-")
    assert [entry.grant_type for entry in sandbox.log("token")] == [
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ]


@pytest.mark.usefixtures("callback_ports")
def test_codex_asks_for_what_the_sandbox_allows(codex: Codex) -> None:
    """Codex's own authorize request passes every check, with the redirect address of its first port."""
    with codex.start("app-server", stdin=subprocess.PIPE) as process:
        talk = Conversation(process)
        started = talk.ask("account/login/start", {"type": "chatgpt"})
        redirect = visitor.deny(started["authUrl"])

    assert parse_qs(urlsplit(redirect).query)["error"] == ["access_denied"]
    assert urlsplit(redirect).path == "/auth/callback"


def spend_elsewhere(codex: Codex) -> None:
    """Use codex's refresh token behind its back."""
    body = {
        "grant_type": "refresh_token",
        "client_id": "app_EMoamEEZ73f0CkXaXp7hrann",
        "refresh_token": codex.auth["tokens"]["refresh_token"],
    }
    connection = HTTPConnection(urlsplit(codex.issuer).netloc, timeout=PATIENCE)
    connection.request("POST", "/oauth/token", json.dumps(body), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()


def visit(address: str) -> int:
    """Carry the redirect to codex's listener and go where it leads, as a browser does; return the last status."""
    parts = urlsplit(address)
    connection = HTTPConnection("127.0.0.1", parts.port, timeout=PATIENCE)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    response.read()
    connection.close()
    onwards = response.headers.get("Location")
    return visit(onwards) if onwards else response.status
