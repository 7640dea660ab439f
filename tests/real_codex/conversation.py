"""Talking to `codex app-server`: JSON-RPC over its pipes, one message a line."""

import json
import subprocess
from typing import Any


class Conversation:
    """An introduced client of a running app server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._number = 0
        self.everything: list[str] = []
        self.ask("initialize", {"clientInfo": {"name": "codex-auth-tests", "version": "0"}})
        self._say({"method": "initialized"})

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return its result."""
        self._number += 1
        self._say({"id": self._number, "method": method, "params": params})
        while True:
            heard = self._hear()
            if heard.get("id") == self._number:
                result: dict[str, Any] = heard["result"]
                return result

    def wait_for(self, method: str) -> dict[str, Any]:
        """Return the parameters of the next such notification."""
        while True:
            heard = self._hear()
            if heard.get("method") == method:
                params: dict[str, Any] = heard["params"]
                return params

    def _say(self, message: dict[str, Any]) -> None:
        self._to.write(json.dumps(message) + "\n")
        self._to.flush()

    def _hear(self) -> dict[str, Any]:
        line = self._from.readline()
        self.everything.append(line)
        message: dict[str, Any] = json.loads(line)
        return message
