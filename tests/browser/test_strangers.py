"""Who else may come to the callback through the person's browser: they get a page, and the sign-in goes on."""

import json
import re
from urllib.parse import urlsplit

import pytest

from codex_auth.callback import pages
from codex_auth.sandbox.visitor import approve
from tests.browser.chromium import Tab
from tests.browser.conftest import CALLBACK, REBOUND, SigningIn
from tests.browser.web import serving

GUESS = "A" * 43

EMBEDDED = """<!doctype html><title>hostile</title><body><iframe name="aim"></iframe><script>
const made = (tag, fields) => Object.assign(document.createElement(tag), fields);
const settled = element => new Promise(done => {
  element.onload = element.onerror = done;
  document.body.append(element);
});
const refused = source => new Promise(done => { source.onerror = done; });
const aim = document.querySelector("iframe");
const posted = action => new Promise(done => {
  const form = made("form", {method: "post", action, target: "aim"});
  document.body.append(form);
  aim.onload = done;
  form.submit();
});
const attack = async url => {
  await Promise.all([
    settled(made("img", {src: url})),
    settled(made("iframe", {src: url})),
    settled(made("object", {data: url})),
    settled(made("embed", {src: url})),
    settled(made("script", {src: url})),
    settled(made("link", {rel: "stylesheet", href: url})),
    settled(made("link", {rel: "prefetch", href: url})),
    refused(made("video", {src: url})),
    fetch(url, {mode: "no-cors"}),
    fetch(url, {mode: "no-cors", method: "post", body: "x"}),
    fetch(url).catch(() => "no CORS header allows this one to see the answer"),
    posted(url),
    refused(new WebSocket(url.replace("http", "ws"))),
    refused(new EventSource(url)),
  ]);
};
</script>"""
"""`attack` is over when every embedded element and request has had its answer; none is left on its way."""

TRICK = """<!doctype html><title>hostile</title>
<a id="link" href="{0}">Free cake</a>
<form method="post" action="{0}"><button id="post">Free cake</button></form>
<button id="window" onclick="window.open('{0}', '_self')">Free cake</button>"""


def test_another_state_is_refused_and_the_true_one_still_counts(signing_in: SigningIn, tab: Tab) -> None:
    """A redirect of another sign-in gets the refused page, whether it brings a code or an error."""
    with signing_in() as sign_in:
        true = approve(sign_in.login.link())
        foreign = re.sub(r"state=[\w-]+", f"state={GUESS}", true)
        for address in (foreign, foreign.replace("code=", "error=access_denied&was="), f"{CALLBACK}?code=x", CALLBACK):
            refused = tab.go(address)
            assert (refused.status, refused.body.encode()) == (400, pages.refused().body)
        assert sign_in.waits()
        last = tab.go(true)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)


def test_a_rebound_name_is_misdirected(signing_in: SigningIn, tab: Tab) -> None:
    """A name that suddenly leads to 127.0.0.1 gets 421, even with the true code and state, or the entry's nonce."""
    with signing_in() as sign_in:
        true = approve(sign_in.login.link())
        for address in (true, sign_in.entry):
            away = tab.go(address.replace(urlsplit(address).netloc, f"{REBOUND}:1455"))
            assert (away.status, away.address) == (421, "127.0.0.1")
            assert away.body.encode() == pages.misdirected().body
        assert sign_in.waits()
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)


def test_what_a_page_embeds_is_no_visit(signing_in: SigningIn, tab: Tab) -> None:
    """A page that even knows the state and the nonce can neither end the sign-in nor spend the entry for its reader."""
    with signing_in() as sign_in, serving(EMBEDDED) as address:
        state = sign_in.state()
        for target in (
            f"{CALLBACK}?error=access_denied&state={state}",
            f"{CALLBACK}?code=x&state={state}",
            sign_in.entry,
        ):
            tab.go(address)
            tab.read(f"attack({json.dumps(target)})")
        assert sign_in.waits()
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)


@pytest.mark.parametrize(
    ("way", "callback_status", "entry_status"), [("link", 400, 404), ("window", 400, 404), ("post", 405, 405)]
)
def test_whom_a_page_sends_here_learns_nothing(
    signing_in: SigningIn, tab: Tab, way: str, callback_status: int, entry_status: int
) -> None:
    """A reader lured to the callback or the entry with a guess sees a fixed page; the sign-in goes on."""
    with signing_in() as sign_in:
        lures = {
            f"{CALLBACK}?code=x&state={GUESS}": callback_status,
            f"{CALLBACK}?error=access_denied&state={GUESS}": callback_status,
            f"http://127.0.0.1:1455/login/{GUESS}": entry_status,
        }
        for target, status in lures.items():
            with serving(TRICK.format(target)) as address:
                tab.go(address)
                assert tab.press(f"#{way}").status == status
        assert sign_in.waits()
        last = sign_in.approve(tab)
        ended, _ = sign_in.login.end()

    assert (last.status, ended) == (200, 0)
