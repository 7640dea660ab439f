"""A model server of another company: it answers whoever asks, and remembers who did."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from codex_auth.sandbox.backend import ANSWER, _answer

_WHOAMI = {
    "email": "p@example.com",
    "chatgpt_user_id": "user-1",
    "chatgpt_account_id": "acct-pat",
    "chatgpt_plan_type": "pro",
    "chatgpt_account_is_fedramp": False,
}
"""Whose a personal token is."""


class ModelServer(ThreadingHTTPServer):
    """The bearer of each question, in order; questions to `refused` bearers are answered with 401."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bearers: list[str] = []
        self.refused: set[str] = set()

    @property
    def base_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        is_whoami = self.path.endswith("/whoami")
        self._send(200, "application/json", json.dumps(_WHOAMI if is_whoami else {"models": []}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.bearers.append(bearer)
        if bearer in self.server.refused:
            self._send(401, "application/json", b'{"error":{"message":"no"}}')
        else:
            self._send(200, "text/event-stream", "".join(_answer()).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[ModelServer]:
    """Run one until the block ends."""
    with ModelServer() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


__all__ = ["ANSWER", "ModelServer", "serving"]
