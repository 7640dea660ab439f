"""The authorize page: whom it answers, whom it redirects, whom it refuses."""

import re

import pytest

from codex_auth.sandbox import visitor
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.conftest import Clock
from tests.sandbox.program import CALLBACK, Program, query_of, ticket_of

SCRIPT = "\"'><script>alert(1)</script>"


def test_approving_returns_a_code_and_the_state(program: Program) -> None:
    """Approve leads back to the client with a marked code and the state it sent."""
    redirect = visitor.approve(program.authorize_url())

    assert redirect.startswith(f"{CALLBACK}?")
    assert query_of(redirect)["code"].startswith("ac_sandbox_")
    assert query_of(redirect)["state"] == "state-1"


def test_denying_returns_access_denied(program: Program) -> None:
    """Deny leads back to the client with an error and the state."""
    said = query_of(visitor.deny(program.authorize_url()))

    assert (said["error"], said["state"]) == ("access_denied", "state-1")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("port", [1455, 1457])
def test_codex_addresses_are_accepted(program: Program, host: str, port: int) -> None:
    """Both spellings of loopback and both ports of Codex may receive a redirect."""
    address = f"http://{host}:{port}/auth/callback"

    assert visitor.approve(program.authorize_url(redirect_uri=address)).startswith(address)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "app_other"},
        {"redirect_uri": None},
        {"redirect_uri": "http://localhost:1456/auth/callback"},
        {"redirect_uri": "http://localhost:1455/auth/callback/"},
        {"redirect_uri": "http://LOCALHOST:1455/auth/callback"},
        {"redirect_uri": "https://localhost:1455/auth/callback"},
        {"redirect_uri": "http://localhost:1455@evil.example/auth/callback"},
        {"redirect_uri": "http://evil.example/auth/callback"},
    ],
    ids=str,
)
def test_strangers_get_a_page_and_no_redirect(program: Program, changes: dict[str, str | None]) -> None:
    """An unknown client or redirect address is told so on a page, never by a redirect."""
    reply = program.get(program.authorize_url(**changes))

    assert reply.status == 400
    assert "Location" not in reply.headers
    assert "not valid" in reply.text


def test_repeated_parameters_get_a_page(program: Program) -> None:
    """A parameter that appears twice is refused before any of it is believed."""
    reply = program.get(program.authorize_url() + "&redirect_uri=http://evil.example/")

    assert reply.status == 400
    assert "Location" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": SCRIPT}, "unsupported_response_type"),
        ({"state": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "openid admin"}, "invalid_scope"),
        ({"allowed_workspace_id": "acct-nowhere"}, "access_denied"),
    ],
    ids=str,
)
def test_other_errors_return_to_the_client(program: Program, changes: dict[str, str | None], error: str) -> None:
    """Anything else that is wrong goes back to the client with its state (RFC 6749 section 4.1.2.1)."""
    reply = program.get(program.authorize_url(**changes))

    assert reply.status == 302
    assert reply.headers["Location"].startswith(f"{CALLBACK}?")
    said = query_of(reply.headers["Location"])
    assert said["error"] == error
    assert said.get("state") == (None if "state" in changes else "state-1")


def test_workspace_limit_hides_other_accounts(program: Program) -> None:
    """With `allowed_workspace_id` only the listed workspaces can be chosen."""
    both = f"{ACCOUNTS['bot'].account_id},{ACCOUNTS['client'].account_id}"
    url = program.authorize_url(allowed_workspace_id=both)

    page = program.get(url).text

    assert re.findall(r'name="account" value="(\w+)"', page) == ["client", "bot"]


def test_workspace_limit_holds_for_a_forged_form(program: Program) -> None:
    """An account outside the limit is refused even when the form is made by hand."""
    page = program.get(program.authorize_url(allowed_workspace_id=ACCOUNTS["bot"].account_id)).text
    ticket = ticket_of(page)

    reply = program.post_form("/oauth/authorize", {"ticket": ticket, "decision": "approve", "account": "work"})

    assert reply.status == 403
    assert "Location" not in reply.headers


def test_a_page_can_be_answered_once(program: Program) -> None:
    """Pressing the button twice gives one code."""
    answer = {"ticket": ticket_of(program.get(program.authorize_url()).text), "decision": "approve", "account": "work"}
    program.post_form("/oauth/authorize", answer)

    again = program.post_form("/oauth/authorize", answer)

    assert again.status == 400
    assert "Location" not in again.headers


def test_a_page_goes_out_of_date(program: Program, clock: Clock) -> None:
    """A page left open for an hour can no longer approve."""
    ticket = ticket_of(program.get(program.authorize_url()).text)
    clock.pass_by(3600)

    reply = program.post_form("/oauth/authorize", {"ticket": ticket, "decision": "approve", "account": "work"})

    assert reply.status == 400


def test_a_form_without_its_number_is_refused(program: Program) -> None:
    """Another site's form, which cannot know the number of the page, approves nothing."""
    reply = program.post_form("/oauth/authorize", {"decision": "approve", "account": "work"})

    assert reply.status == 400


@pytest.mark.parametrize(
    "name", ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"]
)
def test_script_in_a_parameter_leaves_the_page_inert(program: Program, name: str) -> None:
    """Markup in any parameter reaches no page as markup."""
    reply = program.get(program.authorize_url(**{name: SCRIPT}))

    assert "<script" not in reply.text
    assert reply.status in (200, 302, 400)


def test_pages_carry_a_policy_against_script(program: Program) -> None:
    """The policy forbids script and framing, and lets the form end at the client's own address only."""
    policy = program.get(program.authorize_url()).headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:1455" in policy
    assert "unsafe" not in policy


def test_foreign_host_names_are_refused(sandbox: Sandbox, program: Program) -> None:
    """A site whose name was made to point here gets nothing (DNS rebinding)."""
    reply = program.send("GET", "/.well-known/jwks.json", headers={"Host": "evil.example"})

    assert reply.status == 400


def test_further_ports_are_accepted_when_asked_for() -> None:
    """A sandbox started with `redirect_ports` accepts callbacks on them."""
    with Sandbox(redirect_ports=(45555,)) as sandbox:
        address = "http://localhost:45555/auth/callback"

        assert visitor.approve(Program(sandbox.issuer).authorize_url(redirect_uri=address)).startswith(address)


def test_the_visitor_names_what_the_page_says(program: Program) -> None:
    """Where there is no button to press, the visitor repeats the heading of the page."""
    with pytest.raises(visitor.NoSuchButton, match="not valid"):
        visitor.approve(program.authorize_url(client_id="app_other"))


def test_the_visitor_chooses_among_offered_accounts(program: Program) -> None:
    """An account the page does not offer cannot be chosen."""
    with pytest.raises(visitor.NoSuchButton):
        visitor.approve(program.authorize_url(), account="nobody")


def test_the_visitor_returns_a_redirect_that_needs_no_page(program: Program) -> None:
    """An error that is redirected at once reaches the caller like any other redirect."""
    assert query_of(visitor.approve(program.authorize_url(scope="admin")))["error"] == "invalid_scope"
