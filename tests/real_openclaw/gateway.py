"""A real gateway of OpenClaw's in the foreground, with a model that writes down which token it was shown."""

import http.client
import http.server
import json
import socket
import subprocess
import tempfile
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from codex_auth.gateway import health
from tests.real_openclaw.claw import Claw

_PATIENCE = 300.0
_STARTS = 3
_GROWN_UP = 31_000


class Model(http.server.ThreadingHTTPServer):
    """A model server on loopback: it answers `pong`, unless it is held, and keeps the tokens."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.tokens: list[str] = []
        self.ways: list[tuple[str, str]] = []
        """Path and account of each request."""
        self.lets_go = threading.Event()
        """Cleared, no turn ends."""
        self.lets_go.set()
        self.asked = threading.Event()
        self.finished = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Answers(http.server.BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        """Answer a turn as a stream of events, in the form of ChatGPT's responses."""
        is_turn = _is_turn(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if is_turn:
            self.server.tokens.append(self.headers.get("Authorization", "").removeprefix("Bearer "))
            self.server.ways.append((self.path, self.headers.get("chatgpt-account-id", "")))
        self.server.asked.set()
        self.server.lets_go.wait()
        text = {"type": "output_text", "text": "pong", "annotations": []}
        item = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        whole = {"id": "r1", "object": "response", "status": "completed", "output": [item], "usage": usage}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
            {
                "type": "response.content_part.added",
                "item_id": "m1",
                "output_index": 0,
                "content_index": 0,
                "part": text,
            },
            {
                "type": "response.output_text.delta",
                "item_id": "m1",
                "output_index": 0,
                "content_index": 0,
                "delta": "pong",
            },
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": whole},
        ]
        body = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(body.encode())
        self.server.finished += is_turn

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _is_turn(body: bytes) -> bool:
    """Tell a turn from the recap that 2026.9 has a small model write after it, in a plain way of its own."""
    try:
        return bool(json.loads(body)["model"] == _MODEL["id"])
    except ValueError:  # a turn of 2026.9 is packed
        return True


class Gateway:
    """A gateway that runs until the block ends, with a model."""

    def __init__(self, claw: Claw, model: Model | None = None) -> None:
        self.claw = claw
        self.model = model or Model()
        self.port = _free_port()
        settings = json.loads(claw.config.read_text())
        settings["gateway"] |= {"port": self.port, "http": {"endpoints": {"chatCompletions": {"enabled": True}}}}
        self._key = settings["gateway"]["auth"]["token"]
        base = f"http://127.0.0.1:{self.model.server_port}/v1"
        entry = {"baseUrl": base, "api": claw.model_api, "models": [_MODEL]}
        provider = claw.profile_id.partition(":")[0]
        settings["models"] = {"providers": {provider: entry}}
        settings["agents"]["defaults"] |= {
            "model": {"primary": f"{provider}/{_MODEL['id']}"},
            "models": {f"{provider}/{_MODEL['id']}": {"agentRuntime": {"id": "openclaw"}}},
        }
        claw.config.write_text(json.dumps(settings))
        temporary = claw.program.home / "tmp"
        temporary.mkdir(exist_ok=True)
        _share_compiled(temporary)
        claw.program.env["TMPDIR"] = str(temporary)
        self.words = [str(claw.node), str(claw.package / "openclaw.mjs"), "gateway", "run", "--port", str(self.port)]
        self.env = {**claw.program.env, "OPENCLAW_STATE_DIR": str(claw.state)}

    def start_again(self) -> None:
        """End it, and start it anew: another process."""
        self.__exit__(None, None, None)
        self.__enter__()

    def __enter__(self) -> Self:
        end = time.monotonic() + _PATIENCE
        self._starts = 0
        self._start()
        try:
            while health.ask(self.port).state != health.UP:
                assert time.monotonic() < end, "the gateway did not come up"
                if self._child.poll() is not None:  # 2026.9 gives up where the machine is too busy for its own lease
                    assert self._starts < _STARTS, Path(self._log.name).read_text()[-2000:]
                    self._log.close()
                    self._start()
                time.sleep(0.1)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        self._starts += 1
        self._log = (self.claw.program.home / "gateway.log").open("w")
        self._child = subprocess.Popen(
            self.words, env=self.env, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._child.terminate()
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._log.close()

    def crash(self) -> None:
        """Let it end at once, without a word."""
        self._child.kill()
        self._child.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        """Return its process."""
        return self._child.pid

    def uptime(self) -> int:
        """Return its age in milliseconds."""
        return health.ask(self.port).uptime_ms or 0

    def grow_up(self) -> None:
        """Wait until it is so old that it may restart: OpenClaw keeps thirty seconds between two."""
        end = time.monotonic() + _PATIENCE
        while self.uptime() < _GROWN_UP:
            assert time.monotonic() < end, "the gateway does not grow older"
            time.sleep(0.5)

    def turn(self) -> None:
        """Let the main agent of the running gateway do one turn."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        said = {"model": "openclaw", "messages": [{"role": "user", "content": "ping"}]}
        line.request("POST", "/v1/chat/completions", json.dumps(said), {"Authorization": f"Bearer {self._key}"})
        answer = line.getresponse()
        text = answer.read().decode()
        line.close()
        assert answer.status == HTTPStatus.OK, text
        assert json.loads(text)["choices"][0]["message"]["content"] == "pong", text

    def turning(self) -> Future[None]:
        """Begin such a turn elsewhere, and return what ends with it."""
        pool = ThreadPoolExecutor(1)
        turn = pool.submit(self.turn)
        pool.shutdown(wait=False)
        return turn


class Client:
    """Somebody who asks the gateway for its health every 50 milliseconds, and writes down what is amiss or new."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.asked = 0
        self.missed: list[str] = []
        self.restarts = 0
        """How often it was younger than the time before."""
        self._age = 0

    def __enter__(self) -> Self:
        self._over.clear()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        while not self._over.wait(0.05):
            self.asked += 1
            now = health.ask(self._port, seconds=10)
            if now.state != health.UP:
                self.missed.append(now.state)
            elif now.uptime_ms is not None:
                self.restarts += now.uptime_ms < self._age
                self._age = now.uptime_ms


_MODEL = {"id": "gpt-5.5", "name": "m", "contextWindow": 200000, "maxTokens": 1000, "input": ["text"]}


def _share_compiled(temporary: Path) -> None:
    """Let Node find what it compiled for a test before: that is two of the twelve seconds that a gateway computes."""
    shared = Path(tempfile.gettempdir()) / "node-compile-cache"
    shared.mkdir(exist_ok=True)
    (temporary / shared.name).symlink_to(shared)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
