"""Applying a login to a real gateway that runs."""

import json

from tests.real_openclaw.claw import Claw, put_login
from tests.real_openclaw.gateway import Client, Gateway, Model


def test_the_next_turn_uses_it(claw: Claw) -> None:
    """`apply` brings the next turn the new token without a moment's absence; `--restart` makes the gateway younger."""
    program, model = claw.program, Model()
    with Gateway(claw, model) as gateway:
        first = put_login(program)
        done = program("apply", "work", timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        gateway.turn()
        assert model.tokens[-1] == first

        second = put_login(program, "two")
        with Client(gateway.port) as client:
            document = program.json("apply", "work")
        [row] = document["applies"]
        assert (row["step"], row["effect"], row["error"]) == ("done", "now", None)
        assert row["gateway_before"]["port"] == gateway.port
        assert row["gateway_before"]["pid"] == gateway.pid
        gateway.turn()
        assert model.tokens[-1] == second
        assert client.asked > 20
        assert client.missed == []

        before = gateway.uptime()
        [row] = json.loads(program("apply", "work", "--restart", "--json", timeout=300).stdout)["applies"]
        assert (row["step"], row["effect"], row["restart_result"]) == ("done", "now", "scheduled"), row
        assert gateway.uptime() < before
