"""What a signed-in Codex may call."""

import json

import pytest

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.program import Program, Reply


def call(program: Program, method: str, path: str, token: str) -> Reply:
    """Call a route with a bearer token."""
    return program.send(method, path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("path", ["/backend-api/wham/usage", "/api/codex/usage"])
def test_usage_has_the_shape_codex_reads(program: Program, path: str) -> None:
    """Both usage routes answer with the plan and two windows that reset in the future."""
    usage = call(program, "GET", path, program.sign_in("personal")["access_token"]).json

    assert usage["plan_type"] == "plus"
    for name, seconds in (("primary_window", 18000), ("secondary_window", 604800)):
        window = usage["rate_limit"][name]
        assert window["limit_window_seconds"] == seconds
        assert 0 < window["reset_after_seconds"] <= seconds
        assert window["reset_at"] == 1_800_000_000 + window["reset_after_seconds"]


def test_workspaces_of_the_person_are_listed(program: Program) -> None:
    """A person sees every workspace of theirs and nobody else's."""
    found = call(program, "GET", "/backend-api/wham/accounts/check", program.sign_in()["access_token"]).json

    ids = [entry["id"] for entry in found["accounts"]]
    assert ids == [ACCOUNTS["work"].account_id, ACCOUNTS["client"].account_id]


def test_models_are_listed(program: Program) -> None:
    """The model list is there, and empty."""
    assert call(program, "GET", "/v1/models", program.sign_in()["access_token"]).json == {"models": []}


def test_a_response_is_one_message(program: Program) -> None:
    """The answer is a stream of three events with one assistant message."""
    reply = call(program, "POST", "/v1/responses", program.sign_in()["access_token"])

    events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == [
        "response.created",
        "response.output_item.done",
        "response.completed",
    ]
    assert events[1]["item"]["content"][0]["text"] == ANSWER


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/backend-api/wham/usage"),
        ("GET", "/backend-api/wham/accounts/check"),
        ("GET", "/v1/models"),
        ("POST", "/v1/responses"),
    ],
)
def test_a_stranger_gets_401(program: Program, method: str, path: str) -> None:
    """Without a token we issued nothing is answered."""
    reply = call(program, method, path, "stolen")

    assert (reply.status, reply.error) == (401, "invalid_token")
    assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_another_scheme_gets_401(program: Program) -> None:
    """A good token under another scheme is no bearer token."""
    token = program.sign_in()["access_token"]

    reply = program.send("GET", "/v1/models", headers={"Authorization": f"Basic {token}"})

    assert reply.status == 401


def test_a_token_of_another_sandbox_gets_401(program: Program) -> None:
    """A token is good at the sandbox that issued it and nowhere else."""
    with Sandbox() as other:
        token = Program(other.issuer).sign_in()["access_token"]

    assert program.usage(token).status == 401
