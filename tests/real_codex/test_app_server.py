"""The real `codex app-server` behind our pipe: signed in with an access token, and with a fresh one after a 401."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from codex_auth.sandbox.accounts import ACCOUNTS
from tests.real_codex.bed import Bed
from tests.real_codex.codex import PATIENCE
from tests.real_codex.conversation import Conversation


@contextmanager
def talking(bed: Bed) -> Iterator[Conversation]:
    """Return the conversation of a program with the app server behind our pipe."""
    with subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "app-server", "work", "--", str(bed.codex.program), "app-server"],
        env={**bed.program.env, "CODEX_HOME": str(bed.codex.codex_home), "NO_PROXY": "*"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        yield Conversation(process)
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def turn(talk: Conversation) -> dict[str, Any]:
    """Let the model answer once, and return how the turn ended."""
    thread = talk.ask("thread/start", {})["thread"]["id"]
    talk.ask("turn/start", {"threadId": thread, "input": [{"type": "text", "text": "hi"}]})
    ended: dict[str, Any] = talk.wait_for("turn/completed")["turn"]
    return ended


def test_a_401_in_the_middle(bed: Bed) -> None:
    """The turn is answered with our token; after a 401, with a fresh one; the program sees nothing of ours."""
    bed.sandbox.fault("status", route="responses", value=401)
    first = bed.access()

    with talking(bed) as talk:
        account = talk.ask("account/read", {})["account"]
        ended = turn(talk)

    assert account["type"] == "chatgpt"
    assert ended["status"] == "completed", ended
    asked = bed.sandbox.log("responses")
    assert [each.fingerprints["bearer"] for each in asked] == [first, bed.access()]
    assert {each.account_header for each in asked} == {ACCOUNTS["bot"].account_id}
    assert first != bed.access()
    assert len(bed.sandbox.log("token", "refresh_token")) == 1
    ours = re.compile(r"codex-auth-[0-9a-f]{16}-|chatgptAuthTokens/refresh|login/completed")
    assert not [each for each in talk.everything if ours.search(each)]


def test_two_401_at_once(bed: Bed) -> None:
    """Two turns whose requests are refused with the same token go on with the same new one: one refresh."""
    bed.sandbox.fault("status", route="responses", value=401, count=2)

    with talking(bed) as talk:
        threads = [talk.ask("thread/start", {})["thread"]["id"] for _ in range(2)]
        for thread in threads:
            talk.ask("turn/start", {"threadId": thread, "input": [{"type": "text", "text": "hi"}]})
        ended = [talk.wait_for("turn/completed")["turn"] for _ in threads]

    assert [each["status"] for each in ended] == ["completed", "completed"], ended
    assert len(bed.sandbox.log("token", "refresh_token")) == 1


def test_the_home_keeps_no_token(bed: Bed) -> None:
    """Tokens are in the app server's memory alone: no file below the home that it has holds one."""
    with talking(bed) as talk:
        assert turn(talk)["status"] == "completed"

    held = [bed.entry()["access"].encode(), bed.entry()["refresh"].encode()]
    homes = [bed.codex.codex_home, bed.program.home / "state/codex-homes"]
    files = [path for home in homes for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if any(token in path.read_bytes() for token in held)]
