"""A client program as Codex is one, in a few lines: what the tests say to a sandbox."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from codex_auth.sandbox import visitor

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
CALLBACK = "http://localhost:1455/auth/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPE = "openid profile email offline_access"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        """Return the body read as a JSON object."""
        body: dict[str, Any] = json.loads(self.text)
        return body

    @property
    def error(self) -> str:
        """Return the error code, in RFC 6749's place or in OpenAI's."""
        error = self.json["error"]
        return str(error["code"] if isinstance(error, dict) else error)


class Program:
    """A client of one issuer."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def authorize_url(self, **changes: str | None) -> str:
        """Return an authorize URL as Codex makes it; None leaves a parameter out."""
        said = {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "state-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        kept = {name: value for name, value in said.items() if value is not None}
        return f"{self.issuer}/oauth/authorize?{urlencode(kept)}"

    def code(self, account: str = "work") -> str:
        """Return the authorization code of a fresh approval."""
        return query_of(visitor.approve(self.authorize_url(), account))["code"]

    def redeem(self, code: str, /, **changes: str) -> Reply:
        """Exchange a code."""
        said = {
            "grant_type": "authorization_code",
            "client_id": CLIENT_ID,
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.post_form("/oauth/token", said | changes)

    def sign_in(self, account: str = "work") -> dict[str, Any]:
        """Return the tokens of a fresh login."""
        return self.redeem(self.code(account)).json

    def refresh(self, refresh_token: str, **more: str) -> Reply:
        """Refresh with the JSON body Codex sends."""
        said = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.post_json("/oauth/token", said | more)

    def poll(self, device_code: str) -> Reply:
        """Poll for a device login as RFC 8628 says."""
        said = {"grant_type": DEVICE_CODE, "client_id": CLIENT_ID, "device_code": device_code}
        return self.post_form("/oauth/token", said)

    def usage(self, access_token: str) -> Reply:
        """Ask for the usage with a bearer token."""
        return self.send("GET", "/backend-api/wham/usage", headers={"Authorization": f"Bearer {access_token}"})

    def post_form(self, path: str, said: dict[str, str]) -> Reply:
        """Post a form."""
        return self.send("POST", path, urlencode(said), {"Content-Type": "application/x-www-form-urlencoded"})

    def post_json(self, path: str, said: object, **headers: str) -> Reply:
        """Post a JSON body."""
        return self.send("POST", path, json.dumps(said), {"Content-Type": "application/json"} | headers)

    def get(self, url: str) -> Reply:
        """Fetch a whole URL."""
        parts = urlsplit(url)
        return self.send("GET", f"{parts.path}?{parts.query}")

    def send(self, method: str, target: str, body: str | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Send one request and read its reply whole; a redirect is returned, not followed."""
        connection = HTTPConnection(urlsplit(self.issuer).netloc, timeout=20)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, dict(response.headers), response.read().decode())
        finally:
            connection.close()


def query_of(url: str) -> dict[str, str]:
    """Return the query of a URL, each name once."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token, unverified."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def ticket_of(page: str) -> str:
    """Return the number of a consent page."""
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found is not None
    return found.group(1)
