"""What replies look like in each channel, as files that a person can read; run as a module, it writes them anew."""

import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from codex_auth.chat import render
from codex_auth.chat.book import Book
from codex_auth.chat.message import Message
from codex_auth.chat.room import Desk
from codex_auth.chat.sign_in import began
from codex_auth.core.model import DeviceGrant, PendingLogin
from codex_auth.core.secret import Secret
from codex_auth.stories.two_step import Started
from tests.chat.bed import Chat, Found, NotAccepted, Usage, Window

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
RESET = NOW + timedelta(hours=4, minutes=12)


@dataclass(frozen=True)
class Channel:
    """How one place is spoken to."""

    name: str
    can: tuple[str, ...]
    locale: str = "en"


CHANNELS = {
    "telegram": Channel("telegram", ("buttons", "markup")),
    "telegram-zh": Channel("telegram", ("buttons", "markup"), "zh-CN"),
    "discord": Channel("discord", ("buttons", "markup")),
    "slack": Channel("slack", ("buttons", "markup")),
    "openclaw": Channel("telegram", ("buttons",)),
    "plain": Channel("signal", ()),
    "plain-zh": Channel("signal", (), "zh"),
}
HOSTILE = {
    "email": "ev@everyone[x](https://evil.example)`@e.example",
    "codexAuth": {"owner": "codex-auth", "refreshed": 0},
}
LIMITS = [
    Found("work", Usage(Window(42.9, RESET), Window(80, NOW + timedelta(days=3, hours=2)))),
    Found("home_2", Usage(None, Window(0, RESET))),
    Found("ada@acme.example", trouble=NotAccepted()),
]


def drawn(channel: Channel, home: Path) -> str:
    """Return every scene as this channel shows it."""
    chat = Chat(home, "https://auth.openai.com", now=NOW, usage=lambda _names: LIMITS)
    entries = {f"openai-codex:{name}": _entry(name) for name in ("default", "work", "home_2", "ada@acme.example")}
    store = home / ".local/share/codex-auth/auth-profiles.json"
    store.parent.mkdir(mode=0o700, parents=True)
    store.write_text(json.dumps({"version": 1, "profiles": entries}))
    store.chmod(0o600)

    def say(words: str, **more: Any) -> dict[str, Any]:
        chat.later(30)
        return chat.say(words, channel=channel.name, can=channel.can, locale=channel.locale, **more)

    scenes = {
        "/codex_auth": say("/codex_auth"),
        "/codex_auth default": say("/codex_auth default"),
        "/codex_auth device work": _device(chat, channel),
        "/codex_auth link new-one": say("/codex_auth link new-one"),
        "a pasted address of another sign-in": say("http://localhost:1455/auth/callback?code=abcdefghijkl&state=mnop"),
        "somebody else cancels": say("/codex_auth cancel new-one", sender="8"),
        "/codex_auth status": say("/codex_auth status"),
        "/codex_usage": say("/codex_usage"),
        "/codex_auth restart work": say("/codex_auth restart work"),
        "an old button": say("", tap="codex_auth_0_c_work"),
        "hello": say("hello there"),
    }
    return "".join(f"##### {name}\n{_picture(reply)}\n" for name, reply in scenes.items())


def _entry(name: str) -> dict[str, Any]:
    expires = int((NOW + timedelta(days=9)).timestamp() * 1000)
    entry = {
        "type": "oauth",
        "provider": "openai-codex",
        "access": f"access-{name}",
        "expires": expires,
        "accountId": f"account-{name}",
        "email": f"{name.partition('@')[0]}@example.com",
        "codexAuth": {"owner": "codex-auth", "refreshed": expires - 10**9},
    }
    return entry | ({"refresh": f"refresh-{name}"} if name != "home_2" else HOSTILE)


def _device(chat: Chat, channel: Channel) -> dict[str, Any]:
    message = Message(
        channel=channel.name, sender="7", message_id="d", text="x", locale=channel.locale, can=frozenset(channel.can)
    )
    room = replace(chat.room())
    grant = DeviceGrant(
        dialect="openai",
        device_code=Secret("never-shown"),
        user_code=Secret("ABCD-12345"),
        page="https://auth.openai.com/codex/device",
        interval=5,
        lifetime=timedelta(minutes=15),
    )
    login = PendingLogin(
        id="1",
        profile="work",
        issuer="https://auth.openai.com",
        client_id="c",
        scope="s",
        redirect_uri="",
        state=Secret("s"),
        verifier=Secret("v"),
        created=chat.now,
        expires=chat.now + grant.lifetime,
        device=grant,
    )
    started = Started(login=login, login_url=grant.page, replaced=False, user_code="ABCD-12345")
    desk = Desk(room=room, message=message, book=Book(room.places, room.world))
    return render.document(began(desk, started), message)


def _picture(reply: dict[str, Any]) -> str:
    rows = ["  ".join(f"[{each['label']} → {each['callback_data']}]" for each in row) for row in reply["buttons"]]
    hints = [name for name in ("delete_message", "progress") if reply[name]]
    after = reply["follow_up"]
    if after:
        hints.append(f"then {after['callback_data']} after {after['after_seconds']} s")
    return "\n".join([reply["text"], *rows, *([f"({', '.join(hints)})"] if hints else []), ""])


def main() -> None:
    """Write every file anew, below the folder that is named."""
    GOLDEN.mkdir(exist_ok=True)
    for name, channel in CHANNELS.items():
        (GOLDEN / f"{name}.txt").write_text(drawn(channel, Path(sys.argv[1]) / name))


if __name__ == "__main__":
    main()
