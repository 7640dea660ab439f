"""The real OpenClaw makes its requests with the token that it was leased."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.real_openclaw.claw import Claw, put_login

_MODEL = {"id": "gpt-5.5", "name": "m", "contextWindow": 200000, "maxTokens": 1000, "input": ["text"]}


@contextmanager
def model_server(seen: list[tuple[str, str, str]]) -> Iterator[int]:
    """Serve a model that refuses every request, after noting path, token and account."""

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            token = self.headers.get("authorization", "").removeprefix("Bearer ")
            seen.append((self.path, token, self.headers.get("chatgpt-account-id", "")))
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b'{"error": {"message": "no"}}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def test_a_turn_is_made_with_the_leased_token(claw: Claw) -> None:
    """On the route of a ChatGPT login, for the account that is in the token."""
    seen: list[tuple[str, str, str]] = []
    settings = json.loads(claw.config.read_text())
    with model_server(seen) as port:
        provider = {"baseUrl": f"http://127.0.0.1:{port}/v1", "api": "openai-chatgpt-responses", "models": [_MODEL]}
        defaults = settings["agents"]["defaults"] | {
            "model": {"primary": "openai/gpt-5.5"},
            "models": {"openai/gpt-5.5": {"agentRuntime": {"id": "openclaw"}}},
        }
        settings |= {"models": {"providers": {"openai": provider}}, "agents": {"defaults": defaults}}
        claw.config.write_text(json.dumps(settings))
        token = put_login(claw.program)
        assert claw.program("deliver", "openclaw", "work").returncode == 0
        claw.run("agent", "--local", "--agent", "main", "--message", "ping", "--json")

    # OpenClaw 6.1 takes another route where the configuration names a server of its own.
    path, account = ("/v1/responses", "") if claw.is_json_era else ("/v1/codex/responses", "account-work")
    assert set(seen) == {(path, token, account)}
