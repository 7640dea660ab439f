"""Remote control: the key, faults, the log, revoking everything."""

import pytest

from codex_auth.sandbox.record import fingerprint
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.program import CLIENT_ID, Program, Reply


def control(program: Program, sandbox: Sandbox, method: str, path: str, said: object = None) -> Reply:
    """Use a control route with the key of this run."""
    key = {"X-Sandbox-Key": sandbox.control_key}
    return program.post_json(path, said, **key) if method == "POST" else program.send(method, path, headers=key)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/sandbox/faults"), ("GET", "/sandbox/log"), ("POST", "/sandbox/revoke_all")]
)
@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Key": "guess"}, {"X-Sandbox-Key": "sch\u00fcssel"}])
def test_control_needs_the_key(program: Program, method: str, path: str, headers: dict[str, str]) -> None:
    """Without the key of this run nothing can be controlled or read."""
    assert program.send(method, path, headers=headers).status == 403


def test_a_fault_can_be_asked_for(program: Program, sandbox: Sandbox) -> None:
    """A fault asked for over HTTP happens."""
    said = {"name": "status", "route": "jwks", "value": 429, "retry_after": 7}

    reply = control(program, sandbox, "POST", "/sandbox/faults", said)

    assert reply.status == 201
    refused = program.send("GET", "/.well-known/jwks.json")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(
    "said", [{"name": "nope"}, {}, {"name": "drop", "colour": "red"}, [], {"name": "drop", "count": "many"}]
)
def test_a_fault_that_does_not_exist_is_refused(program: Program, sandbox: Sandbox, said: object) -> None:
    """What cannot happen is refused with a sentence."""
    reply = control(program, sandbox, "POST", "/sandbox/faults", said)

    assert (reply.status, reply.json["error"]) == (400, "bad_fault")


def test_every_login_can_be_revoked(program: Program, sandbox: Sandbox) -> None:
    """Revoking all ends each live login and counts them."""
    one, other = program.sign_in(), program.sign_in("bot")

    reply = control(program, sandbox, "POST", "/sandbox/revoke_all")

    assert reply.json == {"revoked": 2}
    assert program.usage(one["access_token"]).status == 401
    assert program.refresh(other["refresh_token"]).error == "refresh_token_invalidated"
    assert sandbox.revoke_all() == 0


def test_the_log_says_what_happened(program: Program, sandbox: Sandbox) -> None:
    """Each entry names route, grant, parameters and outcome."""
    refresh_token = program.sign_in()["refresh_token"]
    program.refresh(refresh_token, refresh_reason="proactive_expiry")
    program.refresh(refresh_token)

    entries = control(program, sandbox, "GET", "/sandbox/log").json["entries"]

    good, reused = entries[-2:]
    assert (good["method"], good["path"], good["route"]) == ("POST", "/oauth/token", "token")
    assert (good["grant_type"], good["outcome"], good["status"]) == ("refresh_token", "ok", 200)
    assert good["plain"]["refresh_reason"] == "proactive_expiry"
    assert good["fields"] == ["client_id", "grant_type", "refresh_reason", "refresh_token"]
    assert reused["outcome"] == "refresh_token_reused"
    assert reused["fingerprints"] == {"refresh_token": fingerprint(refresh_token)}


def test_the_log_holds_no_secret(program: Program, sandbox: Sandbox) -> None:
    """No token, code, verifier or state can be read from the log."""
    code = program.code()
    tokens = program.redeem(code).json
    program.usage(tokens["access_token"])
    program.post_form("/oauth/revoke", {"client_id": CLIENT_ID, "token": tokens["refresh_token"]})

    log = control(program, sandbox, "GET", "/sandbox/log").text

    for secret in (
        code,
        "v" * 64,
        "state-1",
        *(tokens[name] for name in ("id_token", "access_token", "refresh_token")),
    ):
        assert secret not in log


def test_the_log_leaves_control_out(program: Program, sandbox: Sandbox) -> None:
    """Reading the log leaves no trace in it."""
    control(program, sandbox, "GET", "/sandbox/log")

    assert sandbox.log() == []
