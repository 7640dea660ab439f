"""The crash sweep of `apply`: a small OpenClaw that counts what it is asked, and a gateway that can be restarted.

OpenClaw is of the JSON era and its Node runs no SDK, so that our own writer delivers and its calls are swept too.
"""

import http.server
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from codex_auth.core.errors import AuthError
from codex_auth.edge.places import find_places
from codex_auth.notes import queue as steps
from codex_auth.stores import open_store
from codex_auth.stories import apply
from tests.crash import rig
from tests.crash.calls import Call, read_trace
from tests.crash.scene import KNOWN_FILES, PROFILE, Finding, Result, Scene

KEPT_FILES = KNOWN_FILES | {"applies.json", "gateway.state.lock", "auth-state.json"}
_OPENCLAW = """#!/bin/sh
listed='[{"profiles": [{"profileId": "openai:@PROFILE@", "status": "ok"}]}]'
echo "$1 $2 $3" >> "${0%/*}/asked"
case "$1 $2" in
  "secrets reload") echo '{"ok": true}' ;;
  "gateway call") echo '{"safe": true, "blockers": [], "providers": '"$listed"'}' ;;
  "gateway restart") echo '{"ok": true, "result": "scheduled"}' ;;
esac
""".replace("@PROFILE@", PROFILE)
_OLD = 100.0
"""Seconds that the gateway has been up: more than the spacing of restarts."""


class _Pages(http.server.BaseHTTPRequestHandler):
    server: "Gateway"

    def do_GET(self) -> None:
        page = {"/healthz": {"ok": True}, "/readyz": {"uptimeMs": self.server.uptime_ms()}}.get(self.path)
        self.send_response(200 if page else 404)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Gateway(http.server.ThreadingHTTPServer):
    """A gateway that is young again once OpenClaw was asked to restart it."""

    def __init__(self, asked: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self._asked = asked
        self._born = time.time() - _OLD
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def uptime_ms(self) -> int:
        """Return its age."""
        restarted = self._asked.exists() and "gateway restart" in self._asked.read_text()
        born = max(self._born, self._asked.stat().st_mtime) if restarted else self._born
        return int((time.time() - born) * 1000)


class ApplyScene(Scene):
    """A home whose login is being applied."""

    def _furnish(self) -> None:
        package = self.folder / "package"
        package.mkdir()
        (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": "2026.6.1"}))
        for name, text in (("openclaw", _OPENCLAW), ("node", "#!/bin/sh\nexit 1\n")):
            (package / name).write_text(text)
            (package / name).chmod(0o755)
        env = self.program.env
        env |= {"PATH": f"{package}:{env['PATH']}", "CODEX_AUTH_PATH": str(self.program.store)}
        self.asked = package / "asked"
        self.places = find_places(env)
        self.store = open_store(self.places)
        super()._furnish()
        self.gateway = Gateway(self.asked)
        state = self.program.home / ".openclaw"
        lock = state / "tmp" / f"openclaw-{os.getuid()}" / "gateway.state.lock"
        for folder in (lock.parent, state / "agents/main/agent"):
            folder.mkdir(parents=True)
            for each in (folder, *folder.parents[: len(folder.relative_to(state).parts)]):
                each.chmod(0o700)
        lock.touch(mode=0o600)
        lock.write_text(json.dumps({"pid": os.getpid(), "port": self.gateway.server_port}))
        self.file = state / "agents/main/agent/auth-profiles.json"

    @property
    def wants_restart(self) -> bool:
        """Whether the command asks for a restart."""
        return "--restart" in self.command.words

    def close(self) -> None:
        """End the gateway."""
        self.gateway.shutdown()
        self.gateway.server_close()

    def count(self, words: str) -> int:
        """Return how often OpenClaw was asked something."""
        return sum(line.startswith(words) for line in self._lines())

    def _lines(self) -> list[str]:
        return self.asked.read_text().splitlines() if self.asked.exists() else []

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        return [*super().examine(result), *self._effects(is_said=result.status == 0)]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Go on with what is queued; where nothing is, or it failed, apply again; return what is wrong then."""
        try:
            waiting = apply.waiting(self.places)
            if len(waiting) > 1:
                return [Finding("untrue", f"{len(waiting)} requests for one command")]
            ended = self._again("apply") if waiting else []
            if [row["id"] for row in ended] != [each.id for each in waiting]:
                return [Finding("lost", f"{waiting} was queued, and {ended} ended")]
            done = [each for each in steps.history(self.places) if each.step == steps.DONE]
            findings = [*self._effects(is_said=bool(done))]
            if not done:
                [row] = self._again("apply", PROFILE)
                if row["step"] != steps.DONE:
                    findings.append(Finding("stuck", f"applied again, it is {row}"))
            findings += [*self._damage(), *self._delivered(), *self._leftovers(KEPT_FILES)]
        except (AuthError, AssertionError, ValueError, KeyError, OSError) as error:
            return [Finding("stuck", f"going on failed: {type(error).__name__} {error}")]
        if apply.waiting(self.places):
            findings.append(Finding("stuck", "something is still queued"))
        return findings

    def _again(self, *words: str) -> list[dict[str, object]]:
        document = self.program.json(*words)
        assert "applies" in document, document
        rows: list[dict[str, object]] = document["applies"]
        return rows

    def _effects(self, *, is_said: bool) -> Iterator[Finding]:
        """Yield what is wrong with what OpenClaw was asked: one restart if one was wanted, and a reload at most twice.

        A reload is safe to have twice, so one that was cut off is done again.
        """
        restarts, reloads = self.count("gateway restart"), self.count("secrets reload")
        if restarts > self.wants_restart:
            yield Finding("untrue", f"{restarts} restarts")
        if reloads > 2:
            yield Finding("untrue", f"{reloads} reloads")
        if is_said and not (restarts if self.wants_restart else reloads):
            yield Finding("untrue", "it is done, and the gateway was asked nothing")
        if is_said:
            yield from self._delivered()

    def _delivered(self) -> Iterator[Finding]:
        held, ours = json.loads(self.file.read_bytes())["profiles"].get(f"openai:{PROFILE}"), self.entry()
        if held is None or ours is None or held.get("token") != ours["access"]:
            yield Finding("lost", "OpenClaw does not hold the login")
        elif "refresh" in held:
            yield Finding("leak", "OpenClaw holds the refresh token")


class ApplyBench(rig.Bench):
    """A provider and a folder for homes in which a login is applied."""

    def furnished(self, folder: Path) -> Scene:
        """Return a home beside a gateway."""
        made = ApplyScene(self.command, folder, self.sandbox)
        self._stack_of(made)
        return made

    def read(self, log: Path, scene: Scene) -> list[Call]:
        """Return the calls of our own process: OpenClaw's are its own affair, and in this home it touches nothing."""
        lines = log.read_text().splitlines()
        ours = lines[0].split(" ")[0]
        return read_trace("\n".join(line for line in lines if line.startswith(f"{ours} ")), str(scene.program.home))

    def _stack_of(self, made: ApplyScene) -> None:
        """End the gateway of the scene before, and remember this one's."""
        if self._last is not None:
            self._last.close()
        self._last = made

    _last: ApplyScene | None = None

    def __exit__(self, *given: object) -> None:
        if self._last is not None:
            self._last.close()
        super().__exit__(*given)


BENCHES: dict[str, type[rig.Bench]] = dict.fromkeys(("apply", "apply-restart"), ApplyBench)
