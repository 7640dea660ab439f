"""`codex-auth chat` as it is run: one message on stdin, one reply on stdout, whatever happens."""

import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import IO, Any

import pytest
from jsonschema import Draft202012Validator

from codex_auth.sandbox.visitor import approve
from tests.chat.bed import buttons, schema
from tests.story.conftest import Person, Program
from tests.story.logins import put_login
from tests.story.test_queue_program import machine

SKILL = Path(__file__).parents[2] / "scripts" / "codex_auth.py"
MENU = json.dumps({"channel": "telegram", "sender": "7", "message_id": "1", "text": "/codex_auth"})


def reply_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return the one reply of a run that said nothing else."""
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    reply = json.loads(line)
    schema("reply").validate(reply)
    assert isinstance(reply, dict)
    return reply


@pytest.mark.parametrize("name", ["message", "reply"])
def test_the_schemas_can_be_had(program: Program, name: str) -> None:
    """`--schema` prints the published form, which is in the package."""
    done = program("chat", "--schema", name)

    published = json.loads(done.stdout)
    Draft202012Validator.check_schema(published)
    assert (done.returncode, published["$id"]) == (0, f"urn:codex-auth:chat:{name}:1")


@pytest.mark.parametrize(
    "given", ["", "\n", "{", "[]", "null", "x" * 200_000, '{"text": "/codex_auth"}', "\0", '"', "{}\n{}"]
)
def test_what_is_no_message_gets_one_reply(program: Program, given: str) -> None:
    """Nothing, half of something, too much, two at once: one valid reply, exit 0, and stderr stays empty."""
    reply = reply_of(program("chat", given=given))

    assert (reply["ok"], reply["error"], reply["exit_code"]) == (False, "bad_message", 2)


def test_a_message_may_be_written_over_several_lines(program: Program) -> None:
    """The end of the document counts, not the first line end."""
    put_login(program, "work", "home")

    reply = reply_of(program("chat", given=json.dumps(json.loads(MENU), indent=2) + "\n"))

    assert "work | home" in reply["text"]


def test_a_message_is_answered_while_the_pipe_stays_open(program: Program) -> None:
    """An agent may write a line and wait: the reply does not wait for the end of stdin."""
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "chat"],
        env=program.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(MENU + "\n")
        child.stdin.flush()
        assert json.loads(child.stdout.read())["verb"] == "menu"
        assert child.wait(20) == 0


def test_on_a_terminal_a_message_is_not_echoed(program: Program) -> None:
    """As OpenClaw gives one: a line longer than terminals take is read, and nothing but the reply is printed."""
    ours, theirs = pty.openpty()
    message = {"channel": "telegram", "sender": "7", "message_id": "1", "text": "/codex_auth " + "x" * 6000}
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "chat"], env=program.env, stdin=theirs, stdout=theirs, stderr=theirs
    ) as child:
        while termios.tcgetattr(theirs)[3] & termios.ECHO:
            assert child.poll() is None
        os.write(ours, json.dumps(message).encode() + b"\n")
        printed = b""
        while not printed.endswith(b"}\r\n"):
            printed += os.read(ours, 65536)
        assert child.wait(20) == 0
    os.close(ours)
    os.close(theirs)

    reply = json.loads(printed)
    schema("reply").validate(reply)
    assert reply["error"] == "bad_profile_name"


def test_stopping_it_is_one_reply(program: Program) -> None:
    """A signal while it waits for a message: a valid reply that says so, and the exit status of that signal."""
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "chat"],
        env={**program.env, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("{")  # half a message, so that it waits for the rest
        child.stdin.flush()
        _wait_until_read(child.stdin)
        child.terminate()
        reply = json.loads(child.stdout.read())
        assert child.wait(20) == 143
    schema("reply").validate(reply)
    assert (reply["error"], reply["exit_code"]) == ("interrupted", 143)


def _wait_until_read(pipe: IO[str]) -> None:
    """Wait until what was written into a pipe was taken out of it."""
    left = b"\1"
    while any(left):
        left = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)


def test_a_sign_in_through_the_skills_entry(person: Person) -> None:
    """The skill's own script carries messages too, into OpenClaw's file as its other calls do."""

    def say(text: str) -> dict[str, Any]:
        message = {"channel": "slack", "sender": "U1", "message_id": text[:20].replace(" ", "_"), "text": text}
        return reply_of(
            subprocess.run(
                [sys.executable, SKILL, "chat", "--issuer", person.sandbox.issuer],
                env=person.program.env,
                input=json.dumps(message),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        )

    link = say("/codex_auth link work")
    done = say(f"/codex_auth finish work {approve(link['login_url'])}")

    assert (done["ok"], done["delete_message"]) == (True, True)
    assert (person.program.home / ".openclaw/agents/main/agent/auth-profiles.json").exists()


def test_sign_ins_started_by_command_and_in_chat_are_the_same(person: Person) -> None:
    """What `start --requester` began for a chat user is finished in the chat, and by that user alone."""
    address = person.redirect("work", "work", "--requester", "telegram:7")

    def say(sender: str) -> dict[str, Any]:
        message = {"channel": "telegram", "sender": sender, "message_id": "1", "text": address}
        return reply_of(person.program("chat", given=json.dumps(message)))

    assert say("8")["error"] == "no_pending_login" or say("8")["error"] == "foreign_pending_login"
    assert say("7")["ok"] is True


def test_a_restart_is_confirmed_then_queued(program: Program) -> None:
    """Asking queues nothing; the answer queues one restart, says that the bot will be away, and returns at once."""
    machine(program)
    put_login(program, "work")

    def say(**said: str) -> dict[str, Any]:
        message = {"channel": "telegram", "sender": "7", "message_id": "1", "capabilities": ["buttons"], **said}
        return reply_of(program("chat", given=json.dumps(message)))

    asked = say(text="/codex_auth restart work")
    assert program.json("status")["queue"] == []
    queued = say(callback_data=buttons(asked)["Yes, do it"])

    assert (queued["queued"], queued["progress"]) == (True, True)
    assert "I will be away" in queued["text"]
    document = program.json("apply", "--list")
    [row] = [*document["queue"], *document["applied"]]
    assert (row["id"], row["profile"], row["restart"], row["reason"]) == (queued["queue_id"], "work", True, "chat")
