"""Script in whatever an address can carry: no page of ours, nor of the sandbox, shows it or runs it."""

from contextlib import suppress
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest

from codex_auth.callback import pages
from codex_auth.callback.pages import Page
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.client import CLIENT_ID
from codex_auth.sandbox.server import Sandbox
from tests.browser.chromium import NotReached, Tab
from tests.browser.conftest import CALLBACK, SigningIn

SCRIPT = "<script>owned=1</script>"
PAYLOADS = {
    "script": SCRIPT,
    "attribute": "\"'><img src=x onerror=owned=1><svg onload=owned=1>",
    "right to left": "\u202e\u2066\u061ctpircs/\u2069",
    "long": SCRIPT * 100,
}
NAMES = ("code", "state", "error", "error_description", "error_uri", "iss", "scope", "extra")

AUTHORIZE = {
    "response_type": "code",
    "client_id": CLIENT_ID,
    "redirect_uri": CALLBACK,
    "scope": "openid email",
    "state": "s" * 43,
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


def unharmed(tab: Tab) -> bool:
    """Tell whether the page shown has no element that could run or fetch anything, and nothing ran."""
    return (
        tab.read("document.querySelector('script, img, svg[onload], iframe') === null && !('owned' in window)") is True
    )


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_strangers_see_constant_pages(signing_in: SigningIn, tab: Tab, payload: str) -> None:
    """In every parameter, as a parameter's name, in the path and the fragment; then the true visitor is served."""
    text = quote(payload)
    refused = [f"{CALLBACK}?{urlencode({'code': 'c', 'state': 's'} | {name: payload})}" for name in NAMES]
    refused += [f"{CALLBACK}?{text}=1", f"{CALLBACK}?{payload}", f"{CALLBACK}#{payload}", f"{CALLBACK}?x=1#{payload}"]
    nowhere = [
        f"{CALLBACK}/{text}",
        f"{CALLBACK}{text}?code=c",
        f"http://localhost:1455/{text}",
        "http://localhost:1455/",
    ]
    with signing_in() as sign_in:
        for address, page in [*((a, pages.refused()) for a in refused), *((a, pages.not_found()) for a in nowhere)]:
            shown = tab.go(address)
            assert (shown.status, shown.body.encode()) == (page.status, page.body), address
            assert unharmed(tab), address
        assert sign_in.waits()
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)


def test_ten_kilobytes_are_not_read(signing_in: SigningIn, tab: Tab) -> None:
    """An address longer than any redirect gets a constant page before anybody looks into it."""
    with signing_in() as sign_in:
        for name in ("code", "error_description"):
            shown = tab.go(f"{CALLBACK}?{name}={quote(SCRIPT * 300)}")
            assert (shown.status, shown.body.encode()) == (414, pages.bad_request(414).body)
            assert unharmed(tab)
        assert sign_in.waits()


@pytest.mark.parametrize(
    ("said", "page"),
    [
        ({"error": SCRIPT}, pages.denied()),
        ({"error": "access_denied", "error_description": SCRIPT}, pages.denied()),
        ({"code": SCRIPT}, pages.failed()),
    ],
    ids=["error", "error_description", "code"],
)
def test_the_provider_sees_constant_pages_too(
    signing_in: SigningIn, tab: Tab, said: dict[str, str], page: Page
) -> None:
    """With the true state, script in the provider's own words is neither in the page nor on the terminal."""
    with signing_in() as sign_in:
        state = sign_in.state()
        shown = tab.go(f"{CALLBACK}?{urlencode({**said, 'state': state})}")
        ended, out = sign_in.login.end()

    assert (shown.status, shown.body.encode()) == (page.status, page.body)
    assert unharmed(tab)
    assert ended != 0
    assert "owned" not in sign_in.login.said + out


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_consent_page_shows_no_parameter_as_markup(
    sandbox: Sandbox, callback_ports: None, tab: Tab, payload: str
) -> None:
    """Script in any parameter of an authorize request, or as its name, is text at most, wherever it leads."""
    for name in (*AUTHORIZE, "allowed_workspace_id", "originator", "prompt", "login_hint", payload):
        with suppress(NotReached):  # some errors are sent to the callback, where nobody waits
            tab.go(f"{sandbox.issuer}/oauth/authorize?{urlencode(AUTHORIZE | {name: payload})}")
            assert unharmed(tab), name


def test_the_consent_page_shows_accounts_as_text(sandbox: Sandbox, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Script in everything an account is called stays what it is: a strange name."""
    for payload in PAYLOADS.values():
        strange = replace(
            ACCOUNTS["work"], label=payload, email=payload, organization=payload, plan=payload, name=payload
        )
        monkeypatch.setitem(ACCOUNTS, "work", strange)
        tab.go(f"{sandbox.issuer}/oauth/authorize?{urlencode(AUTHORIZE)}")

        assert unharmed(tab)
        assert payload in tab.read("document.querySelector('label').textContent")
        assert tab.read("document.querySelector('input[type=radio]').value") == payload


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_the_device_page_shows_what_was_typed_as_text(sandbox: Sandbox, tab: Tab, payload: str) -> None:
    """A code nobody waits for is repeated in its field, and nowhere as markup."""
    tab.go(f"{sandbox.issuer}/codex/device?{urlencode({'user_code': payload})}")

    assert unharmed(tab)
    assert tab.read("document.querySelector('input[name=user_code]').value") == payload
