"""A person without a browser: fetches a sandbox page, reads its form, presses a button.

Standard library only, no proxy, no redirect followed: what comes back is what a browser would be sent to.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

_TIMEOUT = 10.0


class NoSuchButton(Exception):
    """The page offers nothing to press, or not this account; the sentence is the page's own heading."""


def approve(authorize_url: str, account: str = "work") -> str:
    """Approve a sign-in as an account and return the redirect address; raise NoSuchButton where one cannot."""
    return _decide(authorize_url, "approve", account)


def deny(authorize_url: str) -> str:
    """Deny a sign-in and return the redirect address; raise NoSuchButton where one cannot."""
    return _decide(authorize_url, "deny", None)


def approve_device(page_url: str, user_code: str, account: str = "work") -> None:
    """Type a device code and approve as an account; raise NoSuchButton for a code or account not offered."""
    _decide(_with_code(page_url, user_code), "approve", account)


def deny_device(page_url: str, user_code: str) -> None:
    """Type a device code and deny; raise NoSuchButton for a code nobody waits for."""
    _decide(_with_code(page_url, user_code), "deny", None)


@dataclass(slots=True)
class _Answer:
    location: str
    body: str


@dataclass(slots=True)
class _Form:
    """What a page's form would send, and the choices it gives."""

    heading: str = ""
    action: str = ""
    ticket: str = ""
    accounts: list[str] = field(default_factory=list)


def _decide(url: str, decision: str, account: str | None) -> str:
    asked = _exchange("GET", url)
    form = _read_form(asked.body)
    if asked.location:
        return asked.location  # refused before a page was shown, as a browser would be told
    if not form.ticket or (account is not None and account not in form.accounts):
        raise NoSuchButton(form.heading or "The page offers no form.")
    parts = urlsplit(url)
    fields = {"ticket": form.ticket, "decision": decision} | ({"account": account} if account else {})
    answered = _exchange("POST", f"{parts.scheme}://{parts.netloc}{form.action}", urlencode(fields))
    return answered.location


def _with_code(page_url: str, user_code: str) -> str:
    return f"{page_url.partition('?')[0]}?{urlencode({'user_code': user_code})}"


def _exchange(method: str, url: str, body: str | None = None) -> _Answer:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=_TIMEOUT)
    try:
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return _Answer(response.headers.get("Location", ""), response.read().decode())
    finally:
        connection.close()


def _read_form(html: str) -> _Form:
    reader = _FormReader()
    reader.feed(html)
    return reader.form


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form = _Form()
        self._in_heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_heading = tag == "h1"
        match tag, given.get("name"):
            case "form", _:
                self.form.action = given["action"]
            case "input", "ticket":
                self.form.ticket = given["value"]
            case "input", "account":
                self.form.accounts.append(given["value"])

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.form.heading += data.strip()
