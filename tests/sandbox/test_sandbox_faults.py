"""Every fault does what its name says, as often as was asked, where it was asked."""

import base64
import threading
import time
from contextlib import suppress
from http.client import IncompleteRead, RemoteDisconnected

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.sandbox import keys
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.faults import FAULTS, BadFault, Fault, Faults, read_fault
from codex_auth.sandbox.outages import instead_of_acting
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.program import Program, claims_of


def test_slow_waits(program: Program, sandbox: Sandbox) -> None:
    """A slow answer is a good one, later."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("slow", value=0.2)
    started = time.monotonic()

    reply = program.refresh(refresh_token)

    assert reply.status == 200
    assert time.monotonic() - started >= 0.2


def test_closing_cuts_a_slow_answer_short() -> None:
    """A sandbox that is being closed does not wait for its slow answers."""
    stopping = threading.Event()
    stopping.set()
    started = time.monotonic()

    instead_of_acting(Fault(name="slow", value=60), stopping)

    assert time.monotonic() - started < 10


def test_drop_acts_and_says_nothing(program: Program, sandbox: Sandbox) -> None:
    """The token was spent although no answer came: the ambiguous loss a client must survive."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("drop")

    with pytest.raises(RemoteDisconnected):
        program.refresh(refresh_token)

    assert program.refresh(refresh_token).error == "refresh_token_reused"


def test_drop_before_does_not_act(program: Program, sandbox: Sandbox) -> None:
    """The connection was lost before anything happened: the token is still good."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("drop_before")

    with pytest.raises(RemoteDisconnected):
        program.refresh(refresh_token)

    assert program.refresh(refresh_token).status == 200


@pytest.mark.parametrize(("status", "retry_after"), [(429, "1"), (503, "1"), (500, None)])
def test_status_answers_so(program: Program, sandbox: Sandbox, status: int, retry_after: str | None) -> None:
    """The status is as asked; 429 and 503 say when to come back."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("status", value=status)

    reply = program.refresh(refresh_token)

    assert (reply.status, reply.headers.get("Retry-After")) == (status, retry_after)
    assert program.refresh(refresh_token).status == 200


def test_html_answers_200(program: Program, sandbox: Sandbox) -> None:
    """A captive portal answers 200 with a page."""
    sandbox.fault("html")

    reply = program.refresh("any")

    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html")


def test_redirect_points_elsewhere(program: Program, sandbox: Sandbox) -> None:
    """The answer sends the request to another host."""
    sandbox.fault("redirect")

    reply = program.refresh("any")

    assert (reply.status, reply.headers["Location"]) == (302, "http://elsewhere.invalid/oauth/token")


def test_huge_is_as_large_as_asked(program: Program, sandbox: Sandbox) -> None:
    """The body holds as many megabytes as asked."""
    sandbox.fault("huge", value=2)

    assert len(program.refresh("any").text) > 2 * 1024 * 1024


def test_no_rotation_returns_the_same_token(program: Program, sandbox: Sandbox) -> None:
    """The refresh token stays as it is, and stays good."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("no_rotation")

    assert program.refresh(refresh_token).json["refresh_token"] == refresh_token
    assert program.refresh(refresh_token).status == 200


def test_no_refresh_token_leaves_the_old_one_good(program: Program, sandbox: Sandbox) -> None:
    """A reply without a refresh token means: keep the one you have."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("no_refresh_token")

    assert "refresh_token" not in program.refresh(refresh_token).json
    assert program.refresh(refresh_token).status == 200


def test_other_account_names_somebody_else(program: Program, sandbox: Sandbox) -> None:
    """The tokens in the reply speak of another person."""
    refresh_token = program.sign_in("work")["refresh_token"]
    sandbox.fault("other_account")

    claims = claims_of(program.refresh(refresh_token).json["id_token"])

    assert claims["sub"] != ACCOUNTS["work"].user_id


def test_expired_is_expired_already(program: Program, sandbox: Sandbox) -> None:
    """The access token is past its end when it arrives."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("expired")

    reply = program.refresh(refresh_token).json

    assert claims_of(reply["access_token"])["exp"] < 1_800_000_000
    assert program.usage(reply["access_token"]).status == 401


def test_bad_signature_is_well_formed(program: Program, sandbox: Sandbox) -> None:
    """The id token looks right and does not verify."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("bad_signature")

    id_token = program.refresh(refresh_token).json["id_token"]

    assert len(base64.urlsafe_b64decode(id_token.split(".")[2] + "==")) == 256
    assert keys.read(id_token) is None


@pytest.mark.parametrize(("name", "claim"), [("wrong_aud", "aud"), ("wrong_iss", "iss")])
def test_wrong_claims_are_signed(program: Program, sandbox: Sandbox, name: str, claim: str) -> None:
    """The id token verifies, but was made for or by somebody else."""
    tokens = program.sign_in()
    sandbox.fault(name)

    id_token = program.refresh(tokens["refresh_token"]).json["id_token"]

    assert keys.read(id_token) is not None
    assert claims_of(id_token)[claim] != claims_of(tokens["id_token"])[claim]


def test_a_fault_happens_as_often_as_asked(program: Program, sandbox: Sandbox) -> None:
    """Two faults, then peace."""
    refresh_token = program.sign_in()["refresh_token"]
    sandbox.fault("status", count=2)

    assert [program.refresh(refresh_token).status for _ in range(3)] == [503, 503, 200]


def test_faults_come_in_order(program: Program, sandbox: Sandbox) -> None:
    """Each request meets one fault, the oldest first."""
    sandbox.fault("status", value=500)
    sandbox.fault("status", value=502)

    assert [program.refresh("any").status for _ in range(3)] == [500, 502, 400]


def test_a_fault_stays_on_its_route(program: Program, sandbox: Sandbox) -> None:
    """Other routes go on as before."""
    sandbox.fault("status", route="usage")
    tokens = program.sign_in()

    assert program.usage(tokens["access_token"]).status == 503
    assert program.usage(tokens["access_token"]).status == 200


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_met_and_noted(program: Program, sandbox: Sandbox, name: str) -> None:
    """The record says which fault a request met."""
    sandbox.fault(name, value=0 if name == "slow" else None)
    with suppress(RemoteDisconnected, IncompleteRead):
        program.refresh("any")

    assert sandbox.log("token")[-1].fault == name


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop", Fault(name="drop")),
        ("drop:revoke", Fault(name="drop", route="revoke")),
        ("slow=1.5", Fault(name="slow", value=1.5)),
        ("status=429:token:3", Fault(name="status", value=429, count=3)),
    ],
)
def test_faults_are_read_from_words(text: str, fault: Fault) -> None:
    """The command line's form says name, value, route and count."""
    assert read_fault(text) == fault


@given(st.text())
def test_other_words_are_refused_and_nothing_else(text: str) -> None:
    """Whatever is said, it is read or refused; nothing crashes."""
    with suppress(BadFault):
        read_fault(text)


@pytest.mark.parametrize(
    "text", ["", "nope", "drop:nowhere", "drop:token:0", "drop:token:x", "slow=x", "drop:token:1:2"]
)
def test_nonsense_is_refused(text: str) -> None:
    """A fault that does not exist is an error, not a silence."""
    with pytest.raises(BadFault):
        read_fault(text)


def test_nothing_waits_at_first() -> None:
    """Without a fault asked for, nothing goes wrong."""
    assert Faults().take("token") is None
