"""Homes in which a login is being applied at an OpenClaw and its gateway when a fault strikes.

OpenClaw is two small programs that write down what they do: its command line, and a Node that holds a store of
credentials (or runs nothing, so that our own writer delivers). Its gateway answers from this process. It restarts at
each word, where the real one makes two that come close together one: what is counted is what we asked for.
"""

import hashlib
import http.server
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.notes import queue
from codex_auth.notes.pending import PendingFile
from tests.crash import rig
from tests.crash.calls import program
from tests.crash.scene import DOCUMENTED, KNOWN_FILES, PROFILE, STOPPED, Finding, Result, Scene

LEFT_FILES = KNOWN_FILES | {"applies.json"}
ID = f"openai:{PROFILE}"
_OLD = 1_000_000
"""The age of a gateway that did not restart, in milliseconds: more than the time between two restarts."""
_QUICK = """\
from datetime import timedelta
from codex_auth.stories import restarting
restarting.GRACE, restarting.STEADY_SECONDS = 1.0, 0.0
"""
"""A restart that nobody knows of is waited for shorter than in life: here it comes at once or not at all."""
_COMMAND_LINE = """\
#!/bin/sh
case "$1 $2" in
  "secrets reload") cp "{folder}/held" "{folder}/used" 2>/dev/null || cp "{file}" "{folder}/used"; word=reload
    said='{{"ok": true}}' ;;
  "gateway restart") cp "{folder}/held" "{folder}/used" 2>/dev/null || cp "{file}" "{folder}/used"; word=restart
    said='{{"result": "scheduled"}}' ;;
  "gateway call") word=look
    said='{{"safe": true, "providers": [{{"profiles": [{{"profileId": "{id}", "status": "ok"}}]}}]}}' ;;
  *) word="$*"; said='{{}}' ;;
esac
echo "$word" >> "{folder}/asked"
echo "$said"
"""
_NO_NODE = "#!/bin/sh\nexit 1\n"
_NODE = """\
#!{python} -ISs
import hashlib, json, os, sys
asked, path = json.load(sys.stdin), "{folder}/held"
held = json.load(open(path)) if os.path.exists(path) else None
def shown(each):
    return each and {{
        "type": each["type"], "account": each["accountId"], "email": each["email"], "expires": each["expires"],
        "access_hash": hashlib.sha256(each["token"].encode()).hexdigest(), "refresh_hash": "", "fence": None,
    }}
now = {{"put": asked.get("credential"), "delete": None}}.get(asked["op"], held)
if now != held:
    with open(path + ".new", "w") as file:
        json.dump(now, file)
    os.replace(path + ".new", path)
if asked["op"] in ("put", "delete"):
    with open("{folder}/asked", "a") as file:
        file.write(asked["op"] + "\\n")
print(json.dumps({{"ok": True, "before": shown(held), "now": shown(now), "orders": [], "ids": [asked["id"]]}}))
"""


class Gateway(http.server.ThreadingHTTPServer):
    """The gateway of the scene of the moment: as old as its last restart."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self.folder = Path()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def age(self) -> int:
        """Return its age in milliseconds."""
        if "restart" not in asked(self.folder):
            return _OLD
        return max(0, int((time.time() - (self.folder / "asked").stat().st_mtime) * 1000))


class _Pages(http.server.BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        """Say how it is."""
        pages = {"/healthz": {"ok": True}, "/readyz": {"uptimeMs": self.server.age()}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(pages.get(self.path, [])).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def asked(folder: Path) -> list[str]:
    """Return what OpenClaw was asked, so far."""
    path = folder / "asked"
    return path.read_text().splitlines() if path.exists() else []


@dataclass
class ClawScene(Scene):
    """A home with a login, an OpenClaw and its gateway."""

    gateway: Gateway | None = None
    ending: str = ""
    """How often the repeatable effects were had until it was applied."""

    @property
    def claw(self) -> Path:
        """The folder that OpenClaw's programs are in, and write down in what they do."""
        return self.folder / "openclaw"

    @property
    def surroundings(self) -> dict[str, str]:
        """Put OpenClaw on PATH; its file of the JSON era is not ours."""
        store = self.folder / "home/.local/share/codex-auth/auth-profiles.json"
        return {"PATH": f"{self.claw}:{os.environ['PATH']}", "CODEX_AUTH_PATH": str(store)}

    @property
    def prelude(self) -> str:
        """Let nobody wait long."""
        return _QUICK

    @property
    def wants_restart(self) -> bool:
        """Whether the gateway is to restart."""
        return "--restart" in self.command.words

    @property
    def their_file(self) -> Path:
        """Return where OpenClaw of the JSON era keeps its credentials."""
        return self.program.home / ".openclaw/agents/main/agent/auth-profiles.json"

    def _furnish(self) -> None:
        assert self.gateway is not None
        super()._furnish()
        self.claw.mkdir()
        facts = {"folder": self.claw, "file": self.their_file, "python": sys.executable}
        node = _NODE.format(**facts) if self.wants_restart else _NO_NODE
        for name, text in (("openclaw", _COMMAND_LINE.format(id=ID, **facts)), ("node", node)):
            (self.claw / name).write_text(text)
            (self.claw / name).chmod(0o755)
        release = "2026.9.6" if self.wants_restart else "2026.6.1"
        (self.claw / "package.json").write_text(json.dumps({"name": "openclaw", "version": release}))
        lock = self.program.home / f".openclaw/tmp/openclaw-{os.getuid()}/gateway.state.lock"
        for folder in (lock.parent, self.their_file.parent):
            _make_private(folder, self.program.home)
        lock.write_text(json.dumps({"pid": os.getpid(), "port": self.gateway.server_port}))
        lock.chmod(0o600)
        self.gateway.folder = self.claw
        held = self.store.load(PROFILE)
        assert held is not None
        self.login: Credential = held

    # --- what is there --------------------------------------------------------------------------------------

    def count(self, word: str) -> int:
        """Return how often OpenClaw was asked for something."""
        return asked(self.claw).count(word)

    def tokens(self, path: Path) -> set[str]:
        """Return the hashes of the tokens in one of OpenClaw's files."""
        document = json.loads(path.read_text()) if path.exists() else None
        rows = (document or {}).get("profiles", {ID: document} if document else {})
        return {hashlib.sha256(row["token"].encode()).hexdigest() for row in rows.values()}

    def waiting(self) -> list[queue.Request]:
        """Return what is queued."""
        return PendingFile(self.places).read().queue

    def over(self) -> list[queue.Request]:
        """Return what is over."""
        return queue.history(self.places)

    @property
    def is_applied(self) -> bool:
        """Whether the gateway uses the login, and no other."""
        held = self.claw / "held" if self.wants_restart else self.their_file
        ours = {hashlib.sha256(self.login.access.reveal().encode()).hexdigest()}
        return self.tokens(held) == ours and self.tokens(self.claw / "used") == ours

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        findings = super().examine(result)
        try:
            self._known = {each.id for each in [*self.waiting(), *self.over()]}
            return [*findings, *self._words(result)]
        except (ValueError, KeyError, OSError, AuthError) as error:
            return [*findings, Finding("corrupt", f"the queue does not read: {type(error).__name__} {error}")]

    def _words(self, result: Result) -> Iterator[Finding]:
        if result.status not in DOCUMENTED | STOPPED:
            return  # found already
        done = [each for each in self.over() if each.step == queue.DONE]
        if result.status == 0 and not (done and self.is_applied):
            yield Finding("untrue", "exit status 0, but the gateway does not use it")
        if 0 < result.status < 128 and done and "output could not be written" not in result.err:
            yield Finding("untrue", f"it is applied, but the exit status is {result.status}")
        if not self._known and asked(self.claw):
            yield Finding("untrue", f"nothing is queued, but OpenClaw was asked: {asked(self.claw)}")
        said = "\n".join(asked(self.claw)) + json.dumps([queue.written(each) for each in self.over()])
        if any(secret in said for secret in self._tokens()):
            yield Finding("leak", "a token was told to OpenClaw's command line, or stands in the history")

    def _tokens(self) -> set[str]:
        kept = (self.login.access, self.login.refresh, self.login.id_token)
        return {secret.reveal() for secret in kept if secret is not None}

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Let somebody work on the queue, and ask for it anew only where there is nothing; return what is wrong."""
        try:
            findings = [*self._resume()]
            findings += [*self._damage(), *self._ended(), *self._leftovers(LEFT_FILES)]
            return findings + ([*self._undo()] if by_hand else [])
        except (AuthError, AssertionError, ValueError, KeyError, OSError) as error:
            return [Finding("stuck", f"going on failed: {type(error).__name__} {error}")]

    def _resume(self) -> Iterator[Finding]:
        result = self._run("apply", "--now")
        if self.waiting():
            yield Finding("stuck", f"`apply` left it in the queue: {result.status} {result.err.strip()}")
        lost = self._known - {each.id for each in self.over()}
        if lost:
            yield Finding("lost", "a request is neither queued nor over")
        failed = [each for each in self.over() if each.step != queue.DONE]
        if failed or not self._known:
            restart = ["--restart"] if self.wants_restart and not self.count("restart") else []
            result = self._run("apply", PROFILE, "--now", *restart)
        if result.status:
            yield Finding("stuck", f"asked anew it ended in {result.status}: {result.err.strip()}")
        requests = 1 + bool(failed)
        for word in ("put", "reload"):
            if self.count(word) > 1 + requests:
                yield Finding("untrue", f"{self.count(word)} times {word} for {requests} requests")

    def _ended(self) -> Iterator[Finding]:
        if not self.is_applied:
            yield Finding("lost", "the gateway does not use it")
        if self.wants_restart and self.count("restart") != 1:
            yield Finding("untrue", f"{self.count('restart')} restarts")
        if not self.wants_restart and self.count("restart"):
            yield Finding("untrue", "a restart that nobody asked for")
        words = ("put", "restart") if self.wants_restart else ("reload",)
        self.ending = ", ".join(f"{self.count(word)} {word}" for word in words)

    def _undo(self) -> Iterator[Finding]:
        result = self._run("deliver", "openclaw", PROFILE, "--take-back")
        held = self.claw / "held" if self.wants_restart else self.their_file
        if result.status or self.tokens(held):
            yield Finding("stuck", f"it could not be taken back: {result.status} {result.err.strip()}")

    def _run(self, *words: str) -> Result:
        return rig.run(self, program(*words, prelude=self.prelude))


def _make_private(folder: Path, top: Path) -> None:
    folder.mkdir(parents=True)
    while folder != top:
        folder.chmod(0o700)
        folder = folder.parent
