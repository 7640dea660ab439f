"""The pipe to an app server, where it is not Codex that decides: who ends first, and what is asked when."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.story.conftest import Person, Program

SERVER = """
import json, os, sys
def say(**message): print(json.dumps(message), flush=True)
def ask(number): say(id=number, method="account/chatgptAuthTokens/refresh", params={"reason": "unauthorized"})
for line in sys.stdin:
    heard = json.loads(line)
    match heard.get("method"):
        case "initialize": say(id=heard["id"], result={})
        case "account/login/start" if heard["params"]["type"] != "chatgptAuthTokens":
            say(method="account/login/completed", params={"loginId": None, "success": True})
        case "account/login/start" if os.environ.get("TAKES_NO_TOKENS"): say(id=heard["id"], error={"code": -32600})
        case "account/login/start":
            say(id=heard["id"], result={})
            say(method="account/login/completed", params={"loginId": None, "success": True})
            say(method="signed in", token=heard["params"]["accessToken"])
        case "refused": [ask(number) for number in heard["params"]]
        case "end": sys.exit(heard["params"])
        case None if "error" in heard: say(method="no token")
        case None: say(method="token", token=heard["result"]["accessToken"])
"""
"""An app server that does what it is told, and says what it was given."""


class Pipe:
    """The program's end of the pipe."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process, self.to, self.heard = process, process.stdin, process.stdout

    def introduce(self) -> str:
        """Introduce the program, and return the token that the app server was signed in with."""
        self.say(id=1, method="initialize", params={})
        self.say(method="initialized")
        assert self.hear() == {"id": 1, "result": {}}
        return str(self.hear()["token"])

    def say(self, **message: object) -> None:
        """Send one line."""
        self.to.write(json.dumps(message) + "\n")
        self.to.flush()

    def hear(self) -> dict[str, Any]:
        """Return the next line."""
        message: dict[str, Any] = json.loads(self.heard.readline())
        return message

    def end(self) -> tuple[int, str]:
        """Wait for the end, and return the exit status and what was said on stderr."""
        assert self.process.stderr is not None
        said = self.process.stderr.read()
        return self.process.wait(30), said


@contextmanager
def piped(program: Program, *words: str, **env: str) -> Iterator[Pipe]:
    """Run a program behind our pipe; without words, `SERVER`."""
    command = words or (sys.executable, "-c", SERVER)
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "app-server", "work", "--", *command],
        env={**program.env, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield Pipe(process)


@pytest.fixture
def signed_in(person: Person) -> Person:
    """Return somebody with one login."""
    assert person.sign_in()["ok"] is True
    return person


# --- who ends first ------------------------------------------------------------------------------------------


def test_the_app_server_ends_first(signed_in: Person) -> None:
    """Its exit status is ours, though the program has not closed its end, and nothing is said about it."""
    with piped(signed_in.program) as pipe:
        pipe.introduce()
        pipe.say(method="end", params=3)

        assert pipe.end() == (3, "")


def test_a_signal_ends_both(signed_in: Person) -> None:
    """SIGTERM is handed on; a death by signal is what shells make of it, and no crash of ours."""
    with piped(signed_in.program) as pipe:
        pipe.introduce()
        pipe.process.terminate()

        assert pipe.end() == (128 + 15, "")


def test_the_app_server_listens_no_more(signed_in: Person) -> None:
    """Lines that it does not read any more are no reason to say that it could not be started."""
    script = "import os, sys; os.close(0); print('{}', flush=True); sys.stdout.close(); os._exit(4)"
    with piped(signed_in.program, sys.executable, "-c", script) as pipe:
        assert pipe.hear() == {}
        pipe.say(method="to nobody")

        assert pipe.end() == (4, "")


def test_the_program_hangs_up(signed_in: Person) -> None:
    """It closes both ends while Codex talks: Codex meets a closed pipe, as without us, and that is all."""
    with piped(signed_in.program, "sh", "-c", "echo '{}'; while echo '{}' 2>/dev/null; do :; done; exit 5") as pipe:
        pipe.hear()
        pipe.heard.close()
        pipe.to.close()
        status, said = pipe.end()

    assert status in {5, 128 + 13}  # by what its shell does about SIGPIPE
    assert said == ""


def test_lines_of_any_length_pass(signed_in: Person) -> None:
    """A line longer than any pipe holds, short ones together, and a last one without an end arrive as they were."""
    given = f'{{"x":"{"y" * 300_000}"}}\n{{"a" : 1}}\r\n\n{{"b":2}}'
    with piped(signed_in.program, "cat") as pipe:
        pipe.to.write(given)
        pipe.to.close()

        assert pipe.process.stdout is not None
        assert pipe.process.stdout.buffer.read() == given.encode()
        assert pipe.end() == (0, "")


# --- tokens --------------------------------------------------------------------------------------------------


def test_questions_at_once_get_the_same_token(signed_in: Person) -> None:
    """Requests that were refused with the same token are one reason to refresh, asked together or in turn."""
    with piped(signed_in.program) as pipe:
        first = pipe.introduce()
        pipe.say(method="refused", params=[1, 2])
        tokens = {pipe.hear()["token"], pipe.hear()["token"]}
        pipe.say(method="refused", params=[3])
        tokens |= {pipe.hear()["token"]}
        pipe.to.close()

        assert pipe.end() == (0, "")

    assert len(tokens) == 1
    assert first not in tokens
    assert len(signed_in.sandbox.log("token", "refresh_token")) == 1


def test_the_end_waits_for_a_refresh(signed_in: Person) -> None:
    """An app server that asks and dies takes no login with it: the spent token's successor is stored first."""
    signed_in.sandbox.fault("slow", value=1)
    with piped(signed_in.program) as pipe:
        first = pipe.introduce()
        pipe.say(method="refused", params=[1])
        while not signed_in.sandbox.log("token", "refresh_token"):
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"It ended: {pipe.process.wait(0.02)}")
        pipe.process.terminate()

        assert pipe.end() == (128 + 15, "")

    entry = signed_in.program.stored()["profiles"]["openai-codex:work"]
    assert entry["access"] != first
    assert signed_in.program("refresh", "work").returncode == 0
    assert len(signed_in.sandbox.log("token", "refresh_token")) == 2


def test_another_account_gets_no_say(signed_in: Person) -> None:
    """A profile that became another account's gives a running app server no token, and says why."""
    with piped(signed_in.program) as pipe:
        pipe.introduce()
        assert signed_in.sign_in("work", "personal", "--replace")["ok"] is True
        pipe.say(method="refused", params=[1])

        assert pipe.hear() == {"method": "no token"}
        pipe.to.close()
        status, said = pipe.end()

    assert status == 0
    assert "another account" in said
    assert signed_in.sandbox.log("token", "refresh_token") == []


def test_the_programs_own_sign_in(signed_in: Person) -> None:
    """Where Codex does not take ours, the program is told of its own."""
    with piped(signed_in.program, TAKES_NO_TOKENS="1") as pipe:
        pipe.say(id=1, method="initialize", params={})
        pipe.say(method="initialized")
        pipe.say(id=2, method="account/login/start", params={"type": "apiKey"})
        heard = [pipe.hear(), pipe.hear()]
        pipe.to.close()
        status, said = pipe.end()

    assert [each.get("method") for each in heard] == [None, "account/login/completed"]
    assert (status, said) == (0, "codex-auth: Codex did not take the login work.\n")
