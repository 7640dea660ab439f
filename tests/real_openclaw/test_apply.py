"""Applying a login to a real gateway that runs."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.real_openclaw.claw import PATIENCE, Claw, put_login
from tests.real_openclaw.gateway import Client, Gateway, Model


def applied(claw: Claw, *words: str, **env: str) -> dict[str, Any]:
    """Apply the login `work`, and return what became of it."""
    [row] = json.loads(claw.program("apply", "work", *words, "--json", env=env, timeout=600).stdout)["applies"]
    assert isinstance(row, dict)
    return row


@pytest.mark.long_openclaw
def test_the_next_turn_uses_it(claw: Claw) -> None:
    """Also in a gateway that began without any login, with no moment's absence; and then the next token.

    The turns are made on the route of a ChatGPT login, for the account that is in the token.
    A gateway of 2026.9 looks for logins elsewhere until it is told anew where they are; one of 2026.8 cannot be told,
    does no turn either, and has to be another process.
    """
    model = Model()
    first = put_login(claw.program)
    with Gateway(claw, model) as gateway:
        client = Client(gateway.port)
        with client:
            row = applied(claw)
        assert (row["gateway_before"]["port"], row["gateway_before"]["pid"]) == (gateway.port, gateway.pid)
        if claw.needs_cold_start:
            assert (row["step"], row["error"]) == ("failed", "gateway_blind")
            assert claw.run("agent", "--agent", "main", "--message", "ping", "--json").returncode != 0
            gateway.start_again()
        else:
            assert (row["step"], row["effect"], row["error"]) == ("done", "now", None)
        gateway.turn()
        assert model.tokens[-1] == first

        second = put_login(claw.program, "two")
        with client:
            assert applied(claw)["step"] == "done"
        gateway.turn()
        assert model.tokens[-1] == second
        assert set(model.ways) == {claw.way}
        assert client.asked > 20
        assert client.missed == []


@pytest.mark.long_openclaw
def test_a_configuration_that_is_not_the_gateways(sqlite_claw: Claw, tmp_path: Path) -> None:
    """Another port in it is no matter, the gateway is found by its lock; another token is said to be wrong.

    What was delivered stays there.
    """
    claw, other = sqlite_claw, tmp_path / "other.json"
    put_login(claw.program)
    with Gateway(claw) as gateway:
        settings = json.loads(claw.config.read_text())
        settings["gateway"]["port"] = 9
        other.write_text(json.dumps(settings))
        row = applied(claw, OPENCLAW_CONFIG_PATH=str(other))
        assert (row["step"], row["effect"], row["gateway_before"]["port"]) == ("done", "now", gateway.port), row

        settings["gateway"]["auth"]["token"] = "another"
        other.write_text(json.dumps(settings))
        row = applied(claw, OPENCLAW_CONFIG_PATH=str(other))
        assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_unauthorized", 7), row
        assert claw.held() is not None


@pytest.mark.long_openclaw
def test_the_first_call_fixes_the_rights(json_claw: Claw) -> None:
    """2026.6 lets a command line whose first call was to read do no more: a reload goes without, a restart does not."""
    put_login(json_claw.program)
    with Gateway(json_claw) as gateway, Client(gateway.port) as client:
        json_claw.run("gateway", "call", "models.authStatus", "--json")
        assert applied(json_claw)["step"] == "done"

        row = applied(json_claw, "--restart")
        assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_scope", 7)
    assert (client.restarts, client.missed) == (0, [])


@pytest.mark.long_openclaw
def test_a_busy_gateway_restarts_once_when_its_work_is_done(claw: Claw) -> None:
    """Sixteen ask for it at once; the turn ends as it should, and there is one younger gateway, which uses the login.

    The way back that is shown before anything is changed works.
    """
    model, program = Model(), claw.program
    token = put_login(program)
    assert applied(claw)["effect"] == "next_start"
    with Gateway(claw, model) as gateway:
        assert applied(claw)["step"] == "done"
        gateway.grow_up()
        with Client(gateway.port) as client:
            model.lets_go.clear()
            turn = gateway.turning()
            assert model.asked.wait(120)
            askers = [program.start("apply", "work", "--restart", "--json") for _ in range(15)]
            person = Terminal(claw, "apply", "work", "--restart")
            wait_for_deferral(claw)
            time.sleep(2)  # for a person to see how it goes on
            assert (model.finished, client.restarts) == (0, 0)
            model.lets_go.set()
            turn.result(3 * PATIENCE)
            assert model.finished == len(model.tokens), "what was asked of the model was cut off"
            said = [json.loads(asker.communicate(timeout=400)[0])["applies"] for asker in askers]
        rows = {row["id"]: (row["step"], row["effect"], row["error"]) for rows in said for row in rows}
        assert set(rows.values()) == {("done", "now", None)}
        assert client.restarts == 1
        screen = person.ends()
        if folder := os.environ.get("CODEX_AUTH_TEST_CAPTURES"):
            Path(folder, f"apply-busy-{claw.release}.txt").write_text("\n".join(screen))
        assert screen[0] == "To undo it afterwards: codex-auth deliver openclaw work --take-back"
        assert any(line.startswith("work is delivered; the gateway restarts when this is done") for line in screen)
        assert any("waiting for running work (Ctrl-C" in line and line.endswith("so far") for line in screen)
        end = " ".join(line.strip() for line in screen[-3:])  # a sentence that does not fit is folded
        assert "work is applied at openclaw" in end or "The gateway restarted, and is well." in end
        assert not any(line.lstrip("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ").startswith("00:") for line in screen), "what goes on is not said"

        gateway.turn()
        assert model.tokens[-1] == token

        shown = program("apply", "work", timeout=300).stderr.splitlines()
        assert shown[0] == "To undo it afterwards: codex-auth deliver openclaw work --take-back"
        assert shown[1] == "work is being delivered …"
        assert program(*shown[0].partition("codex-auth ")[2].split()).returncode == 0
        assert claw.held() is None


class Terminal:
    """Somebody at a terminal of 80 columns who runs one command."""

    def __init__(self, claw: Claw, *words: str) -> None:
        self._screen, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 80))
        self._drawn: list[bytes] = []
        self._child = subprocess.Popen(
            [sys.executable, "-m", "codex_auth", *words],
            env={**claw.program.env, "TERM": "xterm", "NO_COLOR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the last who wrote to it is gone
            while seen := os.read(self._screen, 65536):
                self._drawn.append(seen)

    def ends(self) -> list[str]:
        """Wait for its end, and return every line that was drawn, one that was drawn over another too."""
        assert self._child.wait(400) == 0
        self._reader.join()
        os.close(self._screen)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(self._drawn).decode())
        return [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def wait_for_deferral(claw: Claw) -> None:
    """Wait until the gateway put a restart off, and our status says what it waits for."""
    end = time.monotonic() + PATIENCE
    while True:
        rows = claw.program.json("status")["queue"]
        if any(row["restart_result"] == "deferred" and row["waits_for"] for row in rows):
            return
        assert time.monotonic() < end, rows
        time.sleep(0.5)
