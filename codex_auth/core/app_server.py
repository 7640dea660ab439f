"""What passes between a program and `codex app-server`, and the few lines of it that are ours. Pure.

The protocol is JSON-RPC, one message a line (Codex 0.169). Ours are: a sign-in with tokens that somebody outside keeps
(`account/login/start`, `chatgptAuthTokens`), sent as soon as the program has introduced itself; its reply and its
`account/login/completed`, which the program never sees; and Codex's question for a fresh token after a 401. The one
line of the program's that is changed is `initialize`, because Codex takes such tokens from clients only that say
`experimentalApi`. Every other line passes as it is, byte for byte.
"""

import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from codex_auth.core.model import Credential

_LOGIN, _REFRESH = "account/login/start", "account/chatgptAuthTokens/refresh"
_COMPLETED = b"account/login/completed"
REFUSED = -32000
"""The JSON-RPC code (section 5.1: a server's own) with which Codex is told that there is no token."""


class Kind(Enum):
    """What is to be done with a line of Codex's."""

    PASS = auto()
    DONE = auto()
    """Our sign-in was taken; the program is not told."""
    FAILED = auto()
    """Our sign-in was not taken; the program is not told."""
    HIDDEN = auto()
    """More about our sign-in."""
    ASKED = auto()
    """Codex wants a fresh token."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of Codex's, read."""

    kind: Kind
    id: object = None


class Dialogue:
    """The lines of one connection. `mark` begins the ids of our requests, and nobody can guess it."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._number = 0
        self._completions = 0

    def introduced(self, line: bytes) -> bytes:
        """Return a line of the program's as Codex shall get it."""
        message = _message(line) if b'"initialize"' in line else {}
        params = message.get("params")
        if message.get("method") != "initialize" or not isinstance(params, dict):
            return line
        held = params.get("capabilities")
        capabilities = held if isinstance(held, dict) else {}
        if capabilities.get("experimentalApi") is True:
            return line
        asked = {**message, "params": {**params, "capabilities": {**capabilities, "experimentalApi": True}}}
        return _line(asked)

    def is_introduction_over(self, line: bytes) -> bool:
        """Whether this line of the program's ends its introduction, so that a sign-in may follow."""
        return b'"initialized"' in line and _message(line).get("method") == "initialized"

    def login(self, credential: Credential) -> bytes:
        """Return the request that signs Codex in."""
        self._number += 1
        self._completions += 1
        params = {"type": "chatgptAuthTokens", **_tokens(credential)}
        return _line({"id": f"{self._mark}{self._number}", "method": _LOGIN, "params": params})

    def answer(self, asked: Heard, credential: Credential) -> bytes:
        """Return the answer to Codex's question for a token."""
        return _line({"id": asked.id, "result": _tokens(credential)})

    def refusal(self, asked: Heard) -> bytes:
        """Return the answer that there is none; Codex shows nothing of its words."""
        return _line({"id": asked.id, "error": {"code": REFUSED, "message": "codex-auth has no fresh token"}})

    def heard(self, line: bytes) -> Heard:
        """Read a line of Codex's."""
        if self._mark.encode() in line:
            message = _message(line)
            number = message.get("id")
            if isinstance(number, str) and number.startswith(self._mark):
                return self._replied(message)
        if _COMPLETED in line and self._completions:
            params = _message(line).get("params")
            if isinstance(params, dict) and params.get("loginId") is None:
                self._completions -= 1
                return Heard(Kind.HIDDEN)
        if _REFRESH.encode() in line:
            message = _message(line)
            if message.get("method") == _REFRESH and "id" in message:
                return Heard(Kind.ASKED, message["id"])
        return Heard(Kind.PASS)

    def _replied(self, message: dict[str, Any]) -> Heard:
        if "error" not in message:
            return Heard(Kind.DONE)
        self._completions -= 1  # none follows: the next one that names no login is the program's own
        return Heard(Kind.FAILED)


def _tokens(credential: Credential) -> dict[str, object]:
    identity = credential.identity
    return {
        "accessToken": credential.access.reveal(),
        "chatgptAccountId": identity.account_id,
        "chatgptPlanType": identity.plan or None,
    }


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
