"""A chat in process: the real door, real folders, a clock and randomness that a test sets; every reply is validated."""

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from codex_auth.chat import talk
from codex_auth.chat.room import Room
from codex_auth.chat.usage import Source
from codex_auth.core.errors import AuthError
from codex_auth.core.provider import CallbackAt, Provider
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.stores import open_store

SCHEMAS = Path(talk.__file__).parent / "schemas"
NOBODY = "http://127.0.0.1:9"
"""A provider that takes no connection: the port of the discard service."""


@cache
def schema(name: str) -> Draft202012Validator:
    """Return what validates against a published schema."""
    published = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(published)
    return Draft202012Validator(published, format_checker=FormatChecker())


@dataclass(frozen=True)
class Window:
    """What is left of a limit."""

    left: float
    resets_at: datetime | None = None

    def left_at(self, _now: datetime) -> float:
        """Return it."""
        return self.left


@dataclass(frozen=True)
class Usage:
    """What a provider says of one profile's limits."""

    five_hour: Window | None = None
    week: Window | None = None

    def usable(self, now: datetime) -> bool:
        """Tell whether anything is left."""
        return not self.limited(now)

    def limited(self, _now: datetime) -> bool:
        """Tell whether a window is used up."""
        return any(each.left <= 0 for each in (self.five_hour, self.week) if each is not None)


@dataclass(frozen=True)
class Found:
    """What came of asking for one profile."""

    profile: str
    usage: Usage | None = None
    trouble: AuthError | None = None


class NotAccepted(AuthError):
    """The endpoint does not take this session's token."""

    code = "usage_not_accepted"


@dataclass
class Chat:
    """Everybody who writes to one bot."""

    home: Path
    issuer: str = NOBODY
    env: dict[str, str] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    usage: Source | None = None
    drawn: list[str] = field(default_factory=list)
    """Every state and verifier that was made, as it is sent."""
    _count: int = 0

    def __post_init__(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.env = {"HOME": str(self.home), "CODEX_AUTH_STATE_DIR": str(self.home / "state"), "PATH": ""} | self.env

    def room(self) -> Room:
        """Return what answers a message, opened anew as for every process."""
        world = World(now=lambda: self.now, env=self.env, random=self._random, sleep=self._sleep, tell=self._told)
        places = find_places(self.env)
        return Room(
            places=places,
            store=open_store(places),
            world=world,
            provider=Provider(issuer=self.issuer),
            callback=CallbackAt(),
            usage=self.usage,
        )

    def send(self, data: bytes) -> dict[str, Any]:
        """Hand in one message as bytes, and return the reply as whoever started us would read it."""
        reply = json.loads(json.dumps(talk.answer(data, self.room)))
        schema("reply").validate(reply)
        assert isinstance(reply, dict)
        return reply

    def say(
        self,
        text: str = "",
        *,
        tap: str = "",
        sender: str = "7",
        channel: str = "telegram",
        message_id: str = "",
        locale: str = "",
        can: Iterable[str] = ("buttons",),
    ) -> dict[str, Any]:
        """Write or tap something. Every message has an id of its own, unless one is given."""
        self._count += 1
        said = {"callback_data": tap} if tap else {"text": text}
        message = {
            **said,
            "channel": channel,
            "sender": sender,
            "message_id": message_id or f"m{self._count}",
            "locale": locale,
            "capabilities": list(can),
        }
        schema("message").validate(message)
        return self.send(json.dumps(message).encode())

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def _random(self, count: int) -> bytes:
        made = (self._count.to_bytes(4, "big") + len(self.drawn).to_bytes(4, "big")) * (count // 4 + 1)
        made = made[:count]
        self.drawn.append(base64.urlsafe_b64encode(made).decode().rstrip("="))
        return made

    def _sleep(self, seconds: float) -> None:
        self.later(seconds)

    def _told(self, _line: str) -> None:
        """Say nothing, as the door does."""


def buttons(reply: dict[str, Any]) -> dict[str, str]:
    """Return a reply's buttons: label to data."""
    return {each["label"]: each["callback_data"] for row in reply["buttons"] for each in row}
