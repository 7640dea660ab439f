"""Signing in by typing a code on another screen, in OpenAI's dialect and in RFC 8628's."""

from typing import Any

import pytest

from codex_auth.sandbox import visitor
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.conftest import Clock
from tests.sandbox.program import CLIENT_ID, DEVICE_CODE, Program, Reply, claims_of, ticket_of


def page_of(program: Program) -> str:
    """Return the address of the page where a person types the code."""
    return f"{program.issuer}/codex/device"


def start(program: Program) -> dict[str, str]:
    """Ask for a code in OpenAI's dialect."""
    reply = program.post_json("/api/accounts/deviceauth/usercode", {"client_id": CLIENT_ID})
    return dict(reply.json)


def poll(program: Program, started: dict[str, str]) -> Reply:
    """Poll in OpenAI's dialect."""
    said = {name: started[name] for name in ("device_auth_id", "user_code")}
    return program.post_json("/api/accounts/deviceauth/token", said)


def start_rfc(program: Program) -> dict[str, Any]:
    """Ask for a code as RFC 8628 says."""
    return dict(program.post_form("/oauth/device/code", {"client_id": CLIENT_ID}).json)


def test_openai_answers_with_an_interval_in_text(program: Program) -> None:
    """Codex reads the interval as text and nothing else."""
    started = start(program)

    assert set(started) == {"device_auth_id", "user_code", "interval"}
    assert started["interval"] == "5"


def test_openai_says_403_until_approved(program: Program) -> None:
    """Before the person decides, a poll is answered with 403."""
    assert poll(program, start(program)).status == 403


def test_openai_hands_over_a_code_with_its_verifier(program: Program, sandbox: Sandbox) -> None:
    """After approval the poll gives a code and verifier that the token endpoint takes with the device address."""
    started = start(program)
    visitor.approve_device(page_of(program), started["user_code"], "bot")

    won = poll(program, started).json
    tokens = program.redeem(
        won["authorization_code"],
        code_verifier=won["code_verifier"],
        redirect_uri=f"{sandbox.issuer}/deviceauth/callback",
    ).json

    account = claims_of(tokens["id_token"])["https://api.openai.com/auth"]["chatgpt_account_id"]
    assert account == ACCOUNTS["bot"].account_id


def test_openai_hands_over_once(program: Program) -> None:
    """A device code is worth one login."""
    started = start(program)
    visitor.approve_device(page_of(program), started["user_code"])
    poll(program, started)

    assert poll(program, started).status == 404


def test_openai_ends_the_wait_of_a_denied_device(program: Program) -> None:
    """A denial has a status that Codex does not take for `not yet`."""
    started = start(program)
    visitor.deny_device(page_of(program), started["user_code"])

    reply = poll(program, started)

    assert (reply.status, reply.error) == (400, "access_denied")


def test_openai_ends_the_wait_of_an_old_code(program: Program, clock: Clock) -> None:
    """After fifteen minutes the code is dead for the program and for the person."""
    started = start(program)
    clock.pass_by(15 * 60)

    assert poll(program, started).error == "expired_token"
    with pytest.raises(visitor.NoSuchButton):
        visitor.approve_device(page_of(program), started["user_code"])


def test_openai_needs_both_halves(program: Program) -> None:
    """The id without its user code is unknown."""
    started = start(program) | {"user_code": "BBBB-BBBBB"}

    assert poll(program, started).status == 404


def test_openai_refuses_other_clients(program: Program) -> None:
    """Only Codex gets a code."""
    reply = program.post_json("/api/accounts/deviceauth/usercode", {"client_id": "app_other"})

    assert (reply.status, reply.error) == (400, "invalid_client")


def test_rfc_answers_with_everything_it_names(program: Program) -> None:
    """The device authorization reply carries RFC 8628 section 3.2's fields."""
    started = start_rfc(program)

    assert started["verification_uri"] == page_of(program)
    assert started["verification_uri_complete"].endswith(f"?user_code={started['user_code']}")
    assert (started["expires_in"], started["interval"]) == (900, 5)


def test_rfc_opens_a_login_once(program: Program) -> None:
    """After approval one poll gets the tokens, the next one nothing."""
    started = start_rfc(program)
    visitor.approve_device(page_of(program), started["user_code"])

    assert program.poll(started["device_code"]).json["refresh_token"].startswith("rt_sandbox_")
    assert program.poll(started["device_code"]).error == "invalid_request"


def test_rfc_is_pending_until_approved(program: Program) -> None:
    """Before the person decides, a poll gets authorization_pending."""
    assert program.poll(start_rfc(program)["device_code"]).error == "authorization_pending"


def test_rfc_slows_hasty_programs_down(program: Program, clock: Clock) -> None:
    """A poll before its time gets slow_down, and every later pause is five seconds longer."""
    device_code = start_rfc(program)["device_code"]
    program.poll(device_code)
    clock.pass_by(4)
    assert program.poll(device_code).error == "slow_down"

    clock.pass_by(9)
    assert program.poll(device_code).error == "slow_down"
    clock.pass_by(15)
    assert program.poll(device_code).error == "authorization_pending"


def test_rfc_reports_a_denial(program: Program) -> None:
    """A denied device gets access_denied."""
    started = start_rfc(program)
    visitor.deny_device(page_of(program), started["user_code"])

    assert program.poll(started["device_code"]).error == "access_denied"


def test_rfc_reports_an_expired_code(program: Program, clock: Clock) -> None:
    """An old device code gets expired_token."""
    started = start_rfc(program)
    clock.pass_by(15 * 60)

    assert program.poll(started["device_code"]).error == "expired_token"


@pytest.mark.parametrize(
    ("said", "error"), [({"client_id": "app_other"}, "invalid_client"), ({"scope": "admin"}, "invalid_scope")]
)
def test_rfc_refuses_a_wrong_request(program: Program, said: dict[str, str], error: str) -> None:
    """A device code is for Codex, and for scopes we know."""
    assert program.post_form("/oauth/device/code", {"client_id": CLIENT_ID} | said).error == error


def test_rfc_needs_the_code(program: Program) -> None:
    """A poll without a device code is a bad request."""
    assert program.post_form("/oauth/token", {"grant_type": DEVICE_CODE}).error == "invalid_request"


def test_people_type_codes_their_own_way(program: Program) -> None:
    """Case, spaces and the dash do not matter."""
    started = start(program)

    visitor.approve_device(page_of(program), started["user_code"].replace("-", " ").lower())

    assert poll(program, started).status == 200


def test_the_first_decision_stays(program: Program) -> None:
    """A code that was decided on can no longer be typed."""
    started = start(program)
    visitor.deny_device(page_of(program), started["user_code"])

    with pytest.raises(visitor.NoSuchButton, match="Enter the code"):
        visitor.approve_device(page_of(program), started["user_code"])


def test_the_first_of_two_pages_decides(program: Program) -> None:
    """Two pages open for one code: what the second says changes nothing."""
    started = start(program)
    url = f"{page_of(program)}?user_code={started['user_code']}"
    first, second = (ticket_of(program.get(url).text) for _ in range(2))

    program.post_form("/codex/device", {"ticket": first, "decision": "approve", "account": "bot"})
    program.post_form("/codex/device", {"ticket": second, "decision": "deny"})

    assert poll(program, started).status == 200


def test_approving_as_nobody_decides_nothing(program: Program) -> None:
    """A form made by hand with an account that does not exist leaves the device waiting."""
    started = start(program)
    ticket = ticket_of(program.get(f"{page_of(program)}?user_code={started['user_code']}").text)

    reply = program.post_form("/codex/device", {"ticket": ticket, "decision": "approve", "account": "nobody"})

    assert reply.status == 400
    assert poll(program, started).status == 403


def test_an_unknown_code_is_asked_for_again(program: Program) -> None:
    """A mistyped code leads back to the field, with the text in it and a sentence above."""
    reply = program.get(f"{page_of(program)}?user_code=WRONG")

    assert reply.status == 404
    assert 'value="WRONG"' in reply.text
    assert "No device waits for this code" in reply.text


def test_script_in_a_code_leaves_the_page_inert(program: Program) -> None:
    """Markup typed as a code reaches the page as text."""
    reply = program.get(f"{page_of(program)}?user_code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E")

    assert "<script" not in reply.text


@pytest.mark.parametrize("answer", [{}, {"ticket": "made up", "decision": "approve", "account": "work"}])
def test_a_form_without_its_number_is_refused(program: Program, answer: dict[str, str]) -> None:
    """Another site's form signs no device in."""
    started = start(program)

    assert program.post_form("/codex/device", answer).status == 400
    assert poll(program, started).status == 403
