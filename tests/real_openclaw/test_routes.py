"""Where a turn of the real OpenClaw goes with what we delivered, seen by a proxy that lets nobody through."""

import http.server
import json
import threading
import time
from collections.abc import Iterator

import pytest

from tests.real_openclaw.claw import PATIENCE, Claw, put_login

pytestmark = pytest.mark.long_openclaw


class Proxy(http.server.ThreadingHTTPServer):
    """A proxy on loopback that writes down to whom somebody wants to speak, and refuses."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refuses)
        self.asked: list[str] = []


class _Refuses(http.server.BaseHTTPRequestHandler):
    server: Proxy

    def do_CONNECT(self) -> None:
        """Refuse."""
        self.server.asked.append(self.path)
        self.send_error(502)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy(sqlite_claw: Claw) -> Iterator[Proxy]:
    """Return a proxy that OpenClaw is told to use, and a model of ChatGPT's that it is to ask."""
    claw = sqlite_claw
    settings = json.loads(claw.config.read_text())
    settings["agents"]["defaults"] |= {
        "model": {"primary": "openai/gpt-5.5"},
        "models": {"openai/gpt-5.5": {"agentRuntime": {"id": "openclaw"}}},
    }
    claw.config.write_text(json.dumps(settings))
    with Proxy() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        claw.program.env["HTTPS_PROXY"] = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


def turn_alone(claw: Claw, proxy: Proxy) -> None:
    """Let the main agent try a turn without a gateway until it asked somebody twice, or gave up."""
    words = ["agent", "--agent", "main", "--local", "--message", "ping", "--json"]
    with claw.start(*words) as turn:
        end = time.monotonic() + PATIENCE
        while turn.poll() is None and len(proxy.asked) < 2:
            assert time.monotonic() < end, "it asked nobody"
            time.sleep(0.1)
        turn.terminate()


def test_a_lease_goes_to_chatgpt_and_nowhere_else(sqlite_claw: Claw, proxy: Proxy) -> None:
    """It is spent where a ChatGPT login is, and never at the address of API keys; nobody tries to refresh it."""
    put_login(sqlite_claw.program)
    assert sqlite_claw.program.json("deliver", "openclaw", "work")["ok"] is True

    turn_alone(sqlite_claw, proxy)

    assert set(proxy.asked) == {"chatgpt.com:443"}


def test_a_refresh_that_failed_is_never_imported(sqlite_claw: Claw, proxy: Proxy) -> None:
    """A login that was handed over ends, and OpenClaw's own refresh fails: its mark stays out, a new login gets in."""
    claw, program = sqlite_claw, sqlite_claw.program
    put_login(program)
    assert program.json("deliver", "openclaw", "work", "--hand-over")["ok"] is True
    claw.hold(claw.profile_id, {**(claw.held() or {}), "expires": 1000})

    failed = claw.run("agent", "--agent", "main", "--local", "--message", "ping", "--json")

    assert failed.returncode != 0
    assert "auth.openai.com:443" in proxy.asked
    assert ":failed:refresh:" in (claw.held() or {})["refresh"]
    read = program.json("import", "openclaw", "work")
    assert read["error"] == "openclaw_refresh_failed"
    assert "login" in read["hint"]
    assert "openclaw-oauth-refresh-fence" not in program.store.read_text()

    token = put_login(program, "again")
    assert program.json("deliver", "openclaw", "work")["ok"] is True
    assert (claw.held() or {})["token"] == token
