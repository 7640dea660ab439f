"""Signing in as people do: the browser opens, an account is picked, a button is pressed, a page tells the end."""

import json

from codex_auth.callback import pages
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from tests.browser.chromium import Tab
from tests.browser.conftest import CALLBACK, SigningIn
from tests.browser.web import serving

NO_SCRIPT = "<title>off</title><script>document.title = 'on'</script>"
CROWDED = """<link rel="icon" href="http://localhost:1455/favicon.ico">
<link rel="preconnect" href="http://localhost:1455"><link rel="preconnect" href="http://127.0.0.1:1455">
<link rel="dns-prefetch" href="http://localhost:1455"><link rel="prefetch" href="http://localhost:1455/auth/callback">
"""


def test_approved(signing_in: SigningIn, sandbox: Sandbox, tab: Tab) -> None:
    """From the local address over the consent page to ours, which comes when the login is stored and names it."""
    with signing_in("work") as sign_in:
        consent = tab.go(sign_in.entry)
        tab.click("input[value=personal]")
        last = tab.press("button[value=approve]")
        stored_when_shown = sign_in.program.stored()
        ended, out = sign_in.login.end()

    assert consent.url.startswith(f"{sandbox.issuer}/oauth/authorize?")
    assert (last.status, last.body.encode()) == (200, pages.success("work").body)
    assert tab.read("document.querySelector('strong').innerText") == "work"
    assert ACCOUNTS["personal"].account_id in json.dumps(stored_when_shown)
    assert stored_when_shown == sign_in.program.stored()
    assert ended == 0
    assert out.startswith("Signed in: work")


def test_denied(signing_in: SigningIn, tab: Tab) -> None:
    """Deny ends the command, and the page says that nothing has changed."""
    with signing_in() as sign_in:
        tab.go(sign_in.entry)
        last = tab.press("button[value=deny]")
        ended, _ = sign_in.login.end()

    assert (last.status, last.body.encode()) == (403, pages.denied().body)
    assert ended == 3
    assert not sign_in.program.store.exists()


def test_localhost_is_reached_on_both_addresses(signing_in: SigningIn, tab: Tab) -> None:
    """Chromium takes `localhost` for ::1 first; we answer there as on 127.0.0.1, so that nobody else can."""
    with signing_in() as sign_in:
        answered = [tab.go(f"http://{host}:1455/auth/callback").address for host in ("127.0.0.1", "[::1]")]
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert answered == ["127.0.0.1", "::1"]
    assert last.url.startswith(f"{CALLBACK}?")
    assert last.address == "::1"
    assert ended == 0


def test_what_chromium_does_by_itself_disturbs_nothing(signing_in: SigningIn, sandbox: Sandbox, tab: Tab) -> None:
    """Spare connections, icons and prefetches: one code is exchanged, once, and the sign-in succeeds."""
    with signing_in() as sign_in:
        with serving(CROWDED) as address:
            tab.go(address)
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)
    assert [asked.outcome for asked in sandbox.log("token")] == ["ok"]


def test_no_page_needs_scripts(signing_in: SigningIn, tab: Tab) -> None:
    """With scripts switched off the way is the same, and our policy lets our own style through and nothing else."""
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    with serving(NO_SCRIPT) as address:
        tab.go(address)
        assert tab.read("document.title") == "off"
    with signing_in() as sign_in:
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)
    assert last.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert tab.read("getComputedStyle(document.querySelector('main')).borderRadius") == "18px"
