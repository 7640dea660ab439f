"""Applying a login to a real gateway that runs."""

import json
from typing import Any

import pytest

from tests.real_openclaw.claw import Claw, put_login
from tests.real_openclaw.gateway import Client, Gateway, Model


def applied(claw: Claw, *words: str) -> dict[str, Any]:
    """Apply the login `work`, and return what became of it."""
    [row] = json.loads(claw.program("apply", "work", *words, "--json", timeout=300).stdout)["applies"]
    assert isinstance(row, dict)
    return row


def test_the_next_turn_uses_it(claw: Claw) -> None:
    """Also in a gateway that began without any login, with no moment's absence; and then the next token.

    The turns are made on the route of a ChatGPT login, for the account that is in the token.
    A gateway of 2026.9 looks for logins elsewhere until it is told anew where they are.
    """
    model = Model()
    first = put_login(claw.program)
    with Gateway(claw, model) as gateway:
        with Client(gateway.port) as client:
            row = applied(claw)
        assert (row["step"], row["effect"], row["error"]) == ("done", "now", None)
        assert (row["gateway_before"]["port"], row["gateway_before"]["pid"]) == (gateway.port, gateway.pid)
        gateway.turn()
        assert model.tokens[-1] == first

        second = put_login(claw.program, "two")
        with client:
            assert applied(claw)["step"] == "done"
        gateway.turn()
        assert model.tokens[-1] == second
        # OpenClaw 6.1 takes another route where the configuration names a server of its own.
        way = ("/v1/responses", "") if claw.is_json_era else ("/v1/codex/responses", "account-work")
        assert set(model.ways) == {way}
        assert client.asked > 20
        assert client.missed == []


@pytest.mark.long_openclaw
def test_the_first_call_fixes_the_rights(json_claw: Claw) -> None:
    """2026.6 lets a command line whose first call was to read do no more: a reload goes without, a restart does not."""
    put_login(json_claw.program)
    with Gateway(json_claw) as gateway:
        json_claw.run("gateway", "call", "models.authStatus", "--json")
        assert applied(json_claw)["step"] == "done"

        before = gateway.uptime()
        row = applied(json_claw, "--restart")
        assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_scope", 7)
        assert gateway.uptime() > before


@pytest.mark.long_openclaw
def test_a_busy_gateway_restarts_when_its_work_is_done(claw: Claw) -> None:
    """What keeps it is said, the turn ends as it should, and then there is one younger gateway, which uses the login.

    The way back that was shown works.
    """
    model, program = Model(), claw.program
    token = put_login(program)
    with Gateway(claw, model) as gateway:
        assert applied(claw)["step"] == "done"
        before = gateway.pid
        model.delay = 20.0
        model.asked.clear()
        turn = gateway.turning()
        assert model.asked.wait(60)
        row = applied(claw, "--restart")
        turn.join()
        assert model.finished, "the turn was cut off"
        assert (row["step"], row["effect"], row["restart_result"]) == ("done", "now", "deferred"), row
        assert gateway.pid == before
        assert gateway.starts() == 2

        model.delay = 0.0
        gateway.turn()
        assert model.tokens[-1] == token

        undo = row["undo"].split()
        assert undo[:3] == ["codex-auth", "deliver", "openclaw"]
        assert program(*undo[1:]).returncode == 0
        assert claw.held() is None
