"""Applying a login to a real gateway that runs."""

import json

import pytest

from tests.real_openclaw.claw import Claw, put_login
from tests.real_openclaw.gateway import Client, Gateway, Model


@pytest.mark.long_openclaw
def test_the_next_turn_uses_it(claw: Claw) -> None:
    """`apply` brings the next turn the new token without a moment's absence; `--restart` makes the gateway younger."""
    program, model = claw.program, Model()
    gateway = Gateway(claw, model)
    first = put_login(program)
    assert program("apply", "work", timeout=180).returncode == 0  # for its next start: none runs yet
    with gateway:
        gateway.turn()
        assert model.tokens[-1] == first

        second = put_login(program, "two")
        with Client(gateway.port) as client:
            done = program("apply", "work", "--json", timeout=180)
        [row] = json.loads(done.stdout)["applies"]
        assert (row["step"], row["effect"], row["error"]) == ("done", "now", None)
        assert row["gateway_before"]["port"] == gateway.port
        assert row["gateway_before"]["pid"] == gateway.pid
        gateway.turn()
        assert model.tokens[-1] == second
        assert client.asked > 20
        assert client.missed == []

        before = gateway.uptime()
        [row] = json.loads(program("apply", "work", "--restart", "--json", timeout=300).stdout)["applies"]
        if claw.is_json_era:
            # The first call was a turn, so 2026.6 lets this command line read only: the reload above went without.
            assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_scope", 7)
            assert gateway.uptime() > before
            return
        assert (row["step"], row["effect"], row["restart_result"]) == ("done", "now", "scheduled"), row
        assert gateway.uptime() < before
