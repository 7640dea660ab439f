"""The skill in a real OpenClaw: found, bound to its command, and a whole life through the calls that it documents."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device
from tests.chat.bed import buttons, schema
from tests.real_openclaw.claw import Claw
from tests.real_openclaw.gateway import Client, Gateway, Model
from tests.real_openclaw.test_apply import applied
from tests.story.conftest import Program

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0
_PAUSE = 3.2
"""From one look to the next: no sender may ask more than twenty times a minute."""


def bundle(claw: Claw) -> Path:
    """Lay out the skill as it is published."""
    folder = claw.program.home / "codex-auth"
    subprocess.run([ROOT / "scripts/skill", folder], check=True)
    return folder


def put_on_path(claw: Claw) -> None:
    """Let OpenClaw and everybody else find `codex-auth`, this one."""
    command = claw.program.home / "bin/codex-auth"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m codex_auth "$@"\n')
    command.chmod(0o755)


@pytest.fixture
def claw(sqlite_claw: Claw) -> Claw:
    """Return OpenClaw with the skill installed, on a machine where nobody installed `codex-auth` yet."""
    sqlite_claw.program.env["PATH"] = os.pathsep.join([str(sqlite_claw.program.home / "bin"), "/usr/bin", "/bin"])
    installed = sqlite_claw.run("skills", "install", str(bundle(sqlite_claw)))
    assert installed.returncode == 0, installed.stderr
    return sqlite_claw


def test_the_skill_is_eligible_where_its_command_is(claw: Claw) -> None:
    """Without `codex-auth` on PATH it needs an install, which OpenClaw offers; with it, it is ready for people."""
    before = claw.json("skills", "info", "codex-auth")
    assert (before["eligible"], before["commandVisible"]) == (False, False)
    assert before["missing"]["bins"] == ["codex-auth"]
    assert [(each["kind"], each["bins"]) for each in before["install"]] == [("uv", ["codex-auth"])]

    put_on_path(claw)

    after = claw.json("skills", "info", "codex-auth")
    assert (after["eligible"], after["userInvocable"], after["commandVisible"]) == (True, True, True)
    assert not any(after["missing"].values())
    skill = next(claw.state.rglob("skills/codex-auth"))
    files = {str(path.relative_to(skill)) for path in skill.rglob("*") if path.is_file()}
    assert files == {"SKILL.md", "LICENSE", "scripts/codex_auth.py", ".openclaw/source-origin.json"}


_TOOLS = """
import { createInterface } from 'node:readline';
const { createOpenClawCodingTools } = await import(process.argv[1]);
const tools = createOpenClawCodingTools({
  workspaceDir: process.cwd(), agentDir: process.cwd(), sessionKey: 'agent:main:main', config: {},
});
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { name, args } = JSON.parse(line);
  const result = await tools.find((tool) => tool.name === name).execute(`call-${count++}`, args);
  console.log('=>' + JSON.stringify(result));
}
process.exit(0);
"""
"""Hands calls to the tools that an agent of OpenClaw's has, by the module with which its agents are built."""


class Bot:
    """An agent that does what the skill's text says, with an agent's own tools, and nothing else."""

    def __init__(self, gateway: Gateway, issuer: str) -> None:
        self.gateway = gateway
        self._issuer = issuer
        self._sent = 0
        self._begun = 0.0
        claw = gateway.claw
        module = claw.package / "dist/plugin-sdk/agent-harness.js"
        self._tools = subprocess.Popen(
            [claw.node, "--input-type=module", "-e", _TOOLS, module.as_uri()],
            cwd=claw.program.home,
            env={**claw.program.env, "OPENCLAW_STATE_DIR": str(claw.state)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        """Let the tools end."""
        self._tools.communicate(timeout=30)

    def __call__(self, text: str = "", *, tap: str = "", sender: str = "42") -> dict[str, Any]:
        """Start `codex-auth chat`, write one line to it, and poll for its reply."""
        self._sent, self._begun = self._sent + 1, time.monotonic()
        said = {"callback_data": tap} if tap else {"text": text}
        message = {**said, "channel": "telegram", "sender": sender, "message_id": str(self._sent), "locale": "en"}
        message |= {"capabilities": ["buttons"]}
        begun = self._use("exec", command=f"codex-auth chat --issuer {self._issuer}", pty=True, yieldMs=2000)
        session = begun["details"]["sessionId"]
        self._use("process", action="write", sessionId=session, data=json.dumps(message) + "\n")
        polled = {"details": {"status": "running"}}
        while polled["details"]["status"] == "running":
            polled = self._use("process", action="poll", sessionId=session, timeout=20_000)
        reply = json.loads(str(polled["details"]["aggregated"]).splitlines()[-1])
        schema("reply").validate(reply)
        assert isinstance(reply, dict)
        return reply

    def _use(self, name: str, **arguments: Any) -> dict[str, Any]:
        assert self._tools.stdin is not None
        assert self._tools.stdout is not None
        self._tools.stdin.write(json.dumps({"name": name, "args": arguments}) + "\n")
        self._tools.stdin.flush()
        line = next(line for line in self._tools.stdout if line.startswith("=>"))
        result = json.loads(line.removeprefix("=>"))
        assert isinstance(result, dict)
        return result

    def until(self, *words: str) -> str:
        """Ask for the status as a person would, every few seconds, until it says one of these."""
        end = time.monotonic() + _PATIENCE
        while True:
            self.pause()
            said = str(self("/codex_auth status")["text"])
            if any(each in said for each in words):
                return said
            assert "failed" not in said, said
            assert time.monotonic() < end, said

    def pause(self) -> None:
        """Wait until somebody who asked may ask again."""
        time.sleep(max(0.0, self._begun + _PAUSE - time.monotonic()))


@pytest.fixture
def bot(claw: Claw, sandbox: Sandbox) -> Iterator[Bot]:
    """Return a bot beside a gateway that runs."""
    put_on_path(claw)
    with Gateway(claw, Model()) as gateway, closing(Bot(gateway, sandbox.issuer)) as bot:
        yield bot


def test_a_whole_life_in_a_chat(bot: Bot) -> None:
    """Bound to its command; from the selector by taps to a code, an approval, and a gateway whose turns use the login.

    The gateway began without any login and is never away; the turns go the way of a ChatGPT login of that account.
    """
    gateway, claw, program = bot.gateway, bot.gateway.claw, bot.gateway.claw.program
    commands = claw.json("gateway", "call", "commands.list")["commands"]
    assert "codex_auth" in {row["name"] for row in commands}
    assert buttons(bot("/codex_auth")) == {"New …": "codex_auth_1_n"}

    ways = bot("/codex_auth work")
    assert "brought into the gateway" in ways["text"]  # warned before anything is begun
    begun = bot(tap=buttons(ways)["By code (best)"])
    approve_device(begun["verification_url"], begun["user_code"])
    done = begun
    while "queued" not in done:
        bot.pause()  # the provider wants five seconds between two questions; earlier ones ask nobody
        done = bot(tap=begun["follow_up"]["callback_data"])
    assert (done["ok"], done["queued"], done["progress"]) == (True, True, True), done

    client = Client(gateway.port)
    with client:
        assert "the next turn uses it" in bot.until("Gateway, work: done")
    held = claw.held() or {}
    assert (held["type"], held["token"]) == ("token", access_of(program))
    gateway.turn()
    assert gateway.model.tokens == [held["token"]]

    assert program.json("refresh", "work")["ok"] is True
    with client:
        assert applied(claw)["step"] == "done"
    gateway.turn()
    assert gateway.model.tokens == [held["token"], access_of(program)]
    assert held["token"] != access_of(program)
    assert set(gateway.model.ways) == {(claw.way[0], held["accountId"])}
    assert client.asked > 20
    assert client.missed == []


def access_of(program: Program) -> str:
    """Return the access token that our store holds."""
    return str(program.stored()["profiles"]["openai-codex:work"]["access"])


@pytest.mark.long_openclaw
def test_a_link_and_a_restart_in_a_chat(bot: Bot) -> None:
    """A pasted address signs in; a restart is asked for, confirmed, queued, and told afterwards by the new gateway."""
    link = bot("/codex_auth link home")
    done = bot(f"/codex_auth finish home {approve(link['login_url'], 'client')}")
    assert (done["ok"], done["queued"], done["delete_message"]) == (True, True, True)
    assert "the next turn uses it" in bot.until("Gateway, home: done")

    age = bot.gateway.uptime()
    queued = bot(tap=buttons(bot("/codex_auth restart home"))["Yes, do it"])
    assert "I will be away" in queued["text"]
    end = time.monotonic() + _PATIENCE
    while (status := bot.gateway.claw.program.json("status"))["queue"]:
        assert time.monotonic() < end, status["queue"]
        time.sleep(0.5)
    bot.pause()

    assert bot.gateway.uptime() < age
    assert "Gateway, home: done" in bot("/codex_auth status")["text"]
