"""The skill in a real OpenClaw: found, bound to its command, and a whole life through the calls that it documents."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device
from tests.chat.bed import buttons, schema
from tests.real_openclaw.claw import Claw
from tests.real_openclaw.gateway import Gateway

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0


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


def seen(claw: Claw) -> dict[str, Any]:
    """Return what OpenClaw says of the skill."""
    [row] = [row for row in claw.json("skills", "list")["skills"] if row["name"] == "codex-auth"]
    assert isinstance(row, dict)
    return row


def test_the_skill_is_eligible_where_its_command_is(claw: Claw) -> None:
    """Without `codex-auth` on PATH it needs an install, which OpenClaw offers; with it, it is ready for people."""
    before = seen(claw)
    assert before["eligible"] is False
    assert before["missing"]["bins"] == ["codex-auth"]
    offered = claw.json("skills", "info", "codex-auth")["install"]
    assert [(each["kind"], each["bins"]) for each in offered] == [("uv", ["codex-auth"])]
    assert "codex-auth" in json.dumps(claw.json("skills", "check")["missingRequirements"])

    put_on_path(claw)

    after = seen(claw)
    assert (after["eligible"], after["userInvocable"], after["commandVisible"]) == (True, True, True)
    assert "codex-auth" in claw.json("skills", "check")["eligible"]
    skill = next(claw.state.rglob("skills/codex-auth"))
    files = {str(path.relative_to(skill)) for path in skill.rglob("*") if path.is_file()}
    assert files == {"SKILL.md", "LICENSE", "scripts/codex_auth.py", ".openclaw/source-origin.json"}


@dataclass
class Bot:
    """What the skill's text tells an agent to do, done by hand."""

    claw: Claw
    issuer: str
    sent: int = 0

    def __call__(self, text: str = "", *, tap: str = "", sender: str = "42") -> dict[str, Any]:
        """Run `codex-auth chat`, write one line to it, and return its reply; its stdin stays open."""
        self.sent += 1
        said = {"callback_data": tap} if tap else {"text": text}
        message = {**said, "channel": "telegram", "sender": sender, "message_id": str(self.sent), "locale": "en"}
        message |= {"capabilities": ["buttons"]}
        command = [self.claw.program.home / "bin/codex-auth", "chat", "--issuer", self.issuer]
        with subprocess.Popen(
            command, env=self.claw.program.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps(message).encode() + b"\n")
            child.stdin.flush()
            reply = json.loads(child.stdout.read())
            assert child.wait(30) == 0
        schema("reply").validate(reply)
        assert isinstance(reply, dict)
        return reply


def test_a_whole_life_in_a_chat(claw: Claw, sandbox: Sandbox) -> None:
    """Bound to its command; from the selector through both ways of signing in to a gateway that uses the login."""
    put_on_path(claw)
    bot = Bot(claw, sandbox.issuer)
    with Gateway(claw) as gateway:
        commands = claw.json("gateway", "call", "commands.list")["commands"]
        assert "codex_auth" in {row["name"] for row in commands}

        begun = bot(tap=buttons(bot("/codex_auth work"))["By code (best)"])
        assert "brought into the gateway" in bot("/codex_auth other")["text"]
        approve_device(begun["verification_url"], begun["user_code"])
        time.sleep(begun["follow_up"]["after_seconds"] - 9)  # the provider's own pace, not ours
        done = bot(tap=begun["follow_up"]["callback_data"])
        assert (done["ok"], done["queued"], done["progress"]) == (True, True, True), done

        shown = wait_for(bot, "Gateway, work: done")
        assert "the next turn uses it" in shown
        assert claw.profiles()["openai:work"]["type"] == "token"
        assert gateway.uptime() > 0

        link = bot("/codex_auth link home")
        done = bot(f"/codex_auth finish home {approve(link['login_url'], 'client')}")
        assert (done["ok"], done["queued"], done["delete_message"]) == (True, True, True)
        assert "the next turn uses it" in wait_for(bot, "Gateway, home: done")

        age = gateway.uptime()
        asked = bot("/codex_auth restart home")
        queued = bot(tap=buttons(asked)["Yes, do it"])
        assert "I will be away" in queued["text"]
        wait_for(bot, "Gateway, home: done 0s", "Gateway, home: done")
        assert gateway.uptime() < age + 60_000
        assert set(claw.profiles()) == {"openai:work", "openai:home"}


def wait_for(bot: Bot, *words: str) -> str:
    """Ask for the status as a person would, every few seconds, until it says so."""
    end = time.monotonic() + _PATIENCE
    while True:
        said = bot("/codex_auth status")["text"]
        if any(each in said for each in words):
            return str(said)
        assert "failed" not in said, said
        assert time.monotonic() < end, said
        time.sleep(3)
