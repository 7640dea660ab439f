"""Codes, refresh tokens and what becomes of them."""

import json
import threading
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from tests.sandbox.conftest import Clock
from tests.sandbox.program import CALLBACK, CLIENT_ID, SCOPE, Program, claims_of

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


def test_a_code_becomes_tokens(program: Program) -> None:
    """The exchange answers with every field Codex reads, and forbids caching."""
    reply = program.redeem(program.code())

    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "no-store"
    assert set(reply.json) == {"id_token", "access_token", "refresh_token", "token_type", "expires_in", "scope"}
    assert reply.json["refresh_token"].startswith("rt_sandbox_")
    assert (reply.json["token_type"], reply.json["expires_in"], reply.json["scope"]) == ("Bearer", 3600, SCOPE)


def test_id_token_names_the_account(program: Program, sandbox: Sandbox, clock: Clock) -> None:
    """The id token carries OpenAI's claims about the account that approved, and our mark."""
    claims = claims_of(program.sign_in("personal")["id_token"])

    account = ACCOUNTS["personal"]
    assert (claims["iss"], claims["aud"], claims["iat"]) == (sandbox.issuer, [CLIENT_ID], int(clock()))
    assert (claims["sub"], claims["email"], claims["email_verified"]) == (account.user_id, account.email, True)
    assert claims["https://api.openai.com/auth"]["chatgpt_account_id"] == account.account_id
    assert claims["https://api.openai.com/auth"]["chatgpt_user_id"] == account.user_id
    assert claims["https://api.openai.com/auth"]["chatgpt_plan_type"] == "plus"
    assert claims["codex_auth_sandbox"] is True


def test_access_token_names_the_account(program: Program) -> None:
    """The access token carries the account, the profile and our mark."""
    claims = claims_of(program.sign_in("bot")["access_token"])

    assert claims["https://api.openai.com/auth"]["chatgpt_account_id"] == ACCOUNTS["bot"].account_id
    assert claims["https://api.openai.com/profile"]["email"] == ACCOUNTS["bot"].email
    assert claims["codex_auth_sandbox"] is True


def test_tokens_verify_with_the_published_keys(program: Program) -> None:
    """Both tokens are signed with a key that the issuer publishes under the same kid."""
    tokens = program.sign_in()
    keys = KeySet.import_key_set(json.loads(program.send("GET", "/.well-known/jwks.json").text))

    for name in ("id_token", "access_token"):
        assert jwt.decode(tokens[name], keys, algorithms=["RS256"]).header["kid"] == keys.keys[0].kid


def test_published_keys_hold_nothing_private(program: Program) -> None:
    """The key document shows the public half only."""
    [key] = program.send("GET", "/.well-known/jwks.json").json["keys"]

    assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}


def test_discovery_names_every_endpoint(program: Program, sandbox: Sandbox) -> None:
    """The discovery document points at this issuer."""
    found = program.send("GET", "/.well-known/openid-configuration").json

    assert found["issuer"] == sandbox.issuer
    assert found["token_endpoint"] == f"{sandbox.issuer}/oauth/token"
    assert found["code_challenge_methods_supported"] == ["S256"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code": "ac_sandbox_unknown"}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:1455/auth/callback"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"client_id": "app_other"}, "invalid_client"),
        ({"client_secret": "secret"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
    ids=str,
)
def test_a_wrong_exchange_is_refused(program: Program, changes: dict[str, str], error: str) -> None:
    """Every part of the exchange must be what the authorize request announced."""
    reply = program.redeem(program.code(), **changes)

    assert reply.status == 400
    assert reply.error == error


def test_a_code_lives_a_minute(program: Program, clock: Clock) -> None:
    """After sixty seconds a code is worth nothing."""
    code = program.code()
    clock.pass_by(60)

    assert program.redeem(code).error == "invalid_grant"


def test_a_code_used_twice_revokes_its_login(program: Program) -> None:
    """The second use is refused, and what the first one issued dies (RFC 6749 section 4.1.2)."""
    code = program.code()
    tokens = program.redeem(code).json

    assert program.redeem(code).error == "invalid_grant"
    assert program.refresh(tokens["refresh_token"]).error == "refresh_token_invalidated"
    assert program.usage(tokens["access_token"]).status == 401


def test_an_exchange_may_not_come_as_json(program: Program) -> None:
    """Only a refresh is sent as JSON."""
    said = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": "x", "redirect_uri": CALLBACK}

    assert program.post_json("/oauth/token", said).error == "invalid_request"


@pytest.mark.parametrize("body", ["[]", '"text"', '{"grant_type": 1}', "{", ""])
def test_a_malformed_json_body_is_refused(program: Program, body: str) -> None:
    """A body that is not an object of strings is a bad request, not a crash."""
    reply = program.send("POST", "/oauth/token", body, {"Content-Type": "application/json"})

    assert (reply.status, reply.error) == (400, "invalid_request")


def test_a_repeated_form_field_is_refused(program: Program) -> None:
    """A parameter may appear once (RFC 6749 section 3.2)."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    reply = program.send("POST", "/oauth/token", "grant_type=refresh_token&grant_type=password", form)

    assert reply.error == "invalid_request"


def test_parameters_in_the_query_are_not_read(program: Program) -> None:
    """A token request says everything in its body; nothing secret is taken from a URL."""
    refresh_token = program.sign_in()["refresh_token"]
    target = f"/oauth/token?grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={refresh_token}"

    assert program.send("POST", target).status == 400
    assert program.refresh(refresh_token).status == 200


def test_a_refresh_rotates(program: Program) -> None:
    """A refresh answers with new tokens of each kind."""
    first = program.sign_in()

    second = program.refresh(first["refresh_token"]).json

    assert all(first[name] != second[name] for name in ("id_token", "access_token", "refresh_token"))
    assert program.usage(second["access_token"]).status == 200


def test_a_refresh_accepts_what_clients_add(program: Program) -> None:
    """`scope` and `refresh_reason` are accepted and change nothing."""
    refresh_token = program.sign_in()["refresh_token"]

    reply = program.refresh(refresh_token, scope="openid admin", refresh_reason="proactive_expiry")

    assert reply.status == 200
    assert reply.json["scope"] == SCOPE


def test_a_refresh_may_come_as_a_form(program: Program) -> None:
    """RFC 6749's form is accepted as well as Codex's JSON."""
    said = {
        "grant_type": "refresh_token",
        "client_id": CLIENT_ID,
        "refresh_token": program.sign_in()["refresh_token"],
    }

    assert program.post_form("/oauth/token", said).status == 200


def test_a_spent_token_is_refused_and_ends_the_login(program: Program) -> None:
    """A refresh token that comes back is refused in OpenAI's shape, and its successor dies with it."""
    first = program.sign_in()["refresh_token"]
    second = program.refresh(first).json["refresh_token"]

    reply = program.refresh(first)

    assert (reply.status, reply.json["error"]["code"]) == (401, "refresh_token_reused")
    assert set(reply.json["error"]) == {"code", "message"}
    assert program.refresh(second).error == "refresh_token_invalidated"


def test_an_old_refresh_token_expires(program: Program, clock: Clock) -> None:
    """A refresh token is worth nothing after its lifetime."""
    refresh_token = program.sign_in()["refresh_token"]
    clock.pass_by(31 * 24 * 3600)

    reply = program.refresh(refresh_token)

    assert (reply.status, reply.error) == (401, "refresh_token_expired")


def test_an_unknown_refresh_token_is_an_invalid_grant(program: Program) -> None:
    """A token that was never issued gets RFC 6749's answer."""
    reply = program.refresh("rt_sandbox_never")

    assert (reply.status, reply.error) == (400, "invalid_grant")


def test_one_of_many_wins(program: Program, sandbox: Sandbox) -> None:
    """Sixteen programs with one refresh token: exactly one is served."""
    refresh_token = program.sign_in()["refresh_token"]
    replies = at_once(16, lambda: program.refresh(refresh_token))

    assert sorted(reply.status for reply in replies) == [200] + [401] * 15
    assert {reply.error for reply in replies if reply.status == 401} == {"refresh_token_reused"}
    assert [entry.outcome for entry in sandbox.log("token", "refresh_token")].count("ok") == 1


def test_one_of_many_redeems(program: Program) -> None:
    """Sixteen programs with one code: at most one is served, and the login dies of it."""
    code = program.code()
    replies = at_once(16, lambda: program.redeem(code))

    [served] = [reply for reply in replies if reply.status == 200]
    assert program.refresh(served.json["refresh_token"]).error == "refresh_token_invalidated"


def test_an_access_token_expires(program: Program, clock: Clock) -> None:
    """After its lifetime an access token is refused."""
    access_token = program.sign_in()["access_token"]
    clock.pass_by(3600)

    assert program.usage(access_token).status == 401


def test_logins_are_independent(program: Program) -> None:
    """Ending one login leaves another of the same account alone."""
    one, other = program.sign_in(), program.sign_in()

    program.post_form("/oauth/revoke", {"client_id": CLIENT_ID, "token": one["refresh_token"]})

    assert program.usage(one["access_token"]).status == 401
    assert program.usage(other["access_token"]).status == 200


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "other way round"])
def test_revoking_either_token_ends_the_login(program: Program, hint: str) -> None:
    """The token decides, the hint only hints (RFC 7009 section 2.1)."""
    tokens = program.sign_in()
    kind = "access_token" if hint == "access_token" else "refresh_token"
    said = {"token": tokens[kind], "token_type_hint": "access_token" if "other" in hint else hint}

    reply = program.post_json("/oauth/revoke", said | {"client_id": CLIENT_ID})

    assert (reply.status, reply.json) == (200, {})
    assert program.refresh(tokens["refresh_token"]).error == "refresh_token_invalidated"


def test_codex_may_leave_its_id_out_when_it_revokes(program: Program) -> None:
    """Codex revokes an access token without a client id."""
    tokens = program.sign_in()

    said = {"token": tokens["access_token"], "token_type_hint": "access_token"}

    assert program.post_json("/oauth/revoke", said).status == 200
    assert program.usage(tokens["access_token"]).status == 401


def test_revoking_an_unknown_token_succeeds(program: Program) -> None:
    """What was never issued counts as revoked (RFC 7009 section 2.2)."""
    reply = program.post_form("/oauth/revoke", {"client_id": CLIENT_ID, "token": "never"})

    assert (reply.status, reply.json) == (200, {})


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"client_id": CLIENT_ID}, "invalid_request"),
        ({"client_id": "app_other", "token": "x"}, "invalid_client"),
        ({"client_id": CLIENT_ID, "token": "x", "token_type_hint": "id_token"}, "unsupported_token_type"),
    ],
)
def test_a_wrong_revocation_is_refused(program: Program, said: dict[str, str], error: str) -> None:
    """A revocation names a token, by a kind we know, from a client we know."""
    assert program.post_form("/oauth/revoke", said).error == error


def test_an_id_token_buys_an_api_key(program: Program) -> None:
    """Codex's exchange answers with a platform key, marked as ours."""
    reply = exchange(program, program.sign_in()["id_token"])

    assert reply["access_token"].startswith("sk-sandbox-")


def test_an_access_token_buys_no_api_key(program: Program) -> None:
    """Only an id token of this issuer can be exchanged."""
    assert exchange(program, program.sign_in()["access_token"])["error"] == "invalid_grant"


def test_an_old_id_token_buys_no_api_key(program: Program, clock: Clock) -> None:
    """An expired id token is refused."""
    id_token = program.sign_in()["id_token"]
    clock.pass_by(3600)

    assert exchange(program, id_token)["error"] == "invalid_grant"


def test_garbage_buys_no_api_key(program: Program) -> None:
    """What is no token at all is refused, not crashed on."""
    assert exchange(program, "garbage")["error"] == "invalid_grant"


def test_other_exchanges_are_not_offered(program: Program) -> None:
    """The exchange is for an openai-api-key and nothing else."""
    assert exchange(program, "x", requested_token="other")["error"] == "invalid_request"


def test_the_previous_token_may_be_honoured_once() -> None:
    """With the switch on, a refresh whose reply was lost can be repeated, once."""
    with Sandbox(honour_previous_once=True) as sandbox:
        program = Program(sandbox.issuer)
        first = program.sign_in()["refresh_token"]
        lost = program.refresh(first).json["refresh_token"]

        repeated = program.refresh(first)

        assert repeated.status == 200
        assert program.refresh(repeated.json["refresh_token"]).status == 200
        assert program.refresh(lost).error == "refresh_token_reused"


def test_a_reply_that_arrived_ends_the_second_chance() -> None:
    """Once the successor was used, the previous token is spent for good, switch or not."""
    with Sandbox(honour_previous_once=True) as sandbox:
        program = Program(sandbox.issuer)
        first = program.sign_in()["refresh_token"]
        program.refresh(program.refresh(first).json["refresh_token"])

        assert program.refresh(first).error == "refresh_token_reused"


def exchange(program: Program, subject: str, requested_token: str = "openai-api-key") -> dict[str, Any]:
    """Ask for a platform key as Codex does."""
    said = {
        "grant_type": EXCHANGE,
        "client_id": CLIENT_ID,
        "requested_token": requested_token,
        "subject_token": subject,
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    }
    return program.post_form("/oauth/token", said).json


def at_once(count: int, act: Any) -> list[Any]:
    """Let many threads act in the same moment, and return what each got."""
    gate = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        gate.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
