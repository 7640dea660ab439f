"""Messages that nobody would write: each must get one valid reply with nothing secret in it."""

import json
import os
import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codex_auth.chat.verbs import LINK
from tests.chat.bed import Chat
from tests.pure.nasty_redirects import ROWS

SLICE = 12
PASTES = [row.text[:4000] for row in ROWS]
WORDS = [
    *("/codex_auth", "/codex_usage", "/codex_auth@bot", "/codex-auth", "finish", "status", "cancel", "link", "device"),
    *("choose", "poll", "apply", "restart", "confirm", "new", "help", "all", "default", "work", "home", "a" * 64),
    *("", " ", "\n", "\0", "\u202e", "\ud800", "@everyone", "<@1>", "`", "é", "callback_data:", "codex_auth_1_m"),
]
LETTERS = "mncdlpxsuaryq0"
CHANNELS = ("telegram", "discord", "slack", "signal", "x", "Telegram", "", "a:b")
SENDERS = ("1", "2", "3", "@a:b.example", "", "a b", "x" * 129)
SECRET = ("access-work-CANARY", "refresh-work-CANARY", "id-work-CANARY")


@dataclass
class Fuzz:
    """A chat with one login in it, and everything that its replies must not repeat."""

    home: Path
    seed: int
    secrets: list[str] = field(default_factory=lambda: [*SECRET])

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.chat = Chat(self.home)
        self.chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:1, telegram:2, discord:1, slack:1, signal:1, x:1"
        self.link = ""
        self.taps: list[str] = []
        store = self.home / ".local/share/codex-auth/auth-profiles.json"
        store.parent.mkdir(parents=True, mode=0o700)
        entry = {"type": "oauth", "provider": "openai-codex", "accountId": "account", "email": "<@1>`x@e.example"}
        access, refresh, _ = SECRET
        entry |= {"access": access, "refresh": refresh, "expires": 2**42}
        store.write_text(json.dumps({"version": 1, "profiles": {"openai-codex:work": entry}}))
        os.chmod(store, 0o600)
        assert self.chat.say("/codex_auth", sender="1")["ok"], (
            "nothing can be answered here: run it with .venv/bin/python"
        )

    def once(self) -> str:
        """Send one message; return what came of it. Raises what the door lets out, and `AssertionError` for a leak."""
        self.chat.later(self.rng.choice((0.5, 3, 3, 30)))
        data = self._message()
        reply = self.chat.send(data)
        self._look_for_secrets(reply)
        self._learn(reply)
        return f"{reply['verb']} {reply['error'] or 'ok'}"

    def _message(self) -> bytes:
        rng = self.rng
        said: dict[str, Any] = {
            "channel": CHANNELS[0] if rng.random() < 0.9 else rng.choice(CHANNELS),
            "sender": rng.choice(SENDERS[:2]) if rng.random() < 0.97 else rng.choice(SENDERS),
            "message_id": str(rng.randint(1, 50)),
        }
        said |= {"callback_data": self._tap()} if rng.random() < 0.4 else {"text": self._text()}
        if rng.random() < 0.5:
            said |= {"capabilities": rng.sample(["buttons", "markup", "other"], rng.randint(0, 3))}
        if rng.random() < 0.1:
            said |= {"locale": rng.choice(("zh", "en", "zh-CN", "\n", "x" * 40))}
        if rng.random() < 0.05:
            said[rng.choice(("extra", "schema_version", "text", "sender"))] = rng.choice((None, 1, 2, [], {}, "x", 1e9))
        data = json.dumps(said).encode()
        return self._broken(data) if rng.random() < 0.07 else data

    def _text(self) -> str:
        rng = self.rng
        if rng.random() < 0.3:
            return f"{rng.choice(('', '/codex_auth finish work ', '/codex_auth '))}{self._paste()}"
        verb = rng.choice(("", "link", "device", "status", "cancel", "finish", "restart"))
        if rng.random() < 0.5:
            return f"/codex_auth {verb} {rng.choice(('work', 'home', ''))}".strip()
        return rng.choice(("", " ")).join(rng.choice(WORDS) for _ in range(rng.randint(0, 5)))

    def _tap(self) -> str:
        rng = self.rng
        if self.taps and rng.random() < 0.6:
            return rng.choice(self.taps)
        argument = rng.choice(("", "_work", "_home", "_" + "a" * 60, "_~0123456789ab", "_../x", "_12345678"))
        return f"codex_auth_{rng.choice('1111120')}_{rng.choice(LETTERS)}{argument}"

    def _paste(self) -> str:
        """Return an address: a nasty one, or one with the state of a link that is out and a code of our making."""
        state = re.search(r"[?&]state=([^&]+)", self.link)
        if state is None or self.rng.random() < 0.5:
            return self.rng.choice(PASTES)
        code = f"CANARY{self.rng.randbytes(12).hex()}"
        self.secrets.append(code)
        return f"http://localhost:1455/auth/callback?code={code}&state={state[1]}"

    def _broken(self, data: bytes) -> bytes:
        at, to = sorted(self.rng.randint(0, len(data)) for _ in range(2))
        return data[:at] + self.rng.choice((b"", b"\xff", b"{", b"\0", data)) + data[to:]

    def _learn(self, reply: dict[str, Any]) -> None:
        self.link = reply.get("login_url", self.link)
        self.taps = [*self.taps, *(each["callback_data"] for row in reply["buttons"] for each in row)][-20:]

    def _look_for_secrets(self, reply: dict[str, Any]) -> None:
        """Search all but the link, which holds the state because a person is to open it."""
        secrets = [secret[-SLICE:] for secret in (*self.secrets[-200:], *SECRET, *self.chat.drawn[-200:])]
        url = reply.pop("login_url", "")
        shown = json.dumps(reply, ensure_ascii=False)
        for form in (url, url.replace("&", "&amp;"), url.replace(")", "\\)")):
            shown = shown.replace(form, "") if form else shown
        if url:
            reply["login_url"] = url
            assert reply["verb"] == LINK
        found = [secret for secret in secrets if len(secret) == SLICE and secret in shown]
        assert found == [], "a secret was shown"
