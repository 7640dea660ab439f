"""Asking a gateway for something, through the command line of the installed OpenClaw.

Fixed words, the program and its Node by their absolute paths, an environment of its own, a limit of time, no shell.
What it prints is looked through for what we know, and never shown.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codex_auth.core.delivery_errors import NoOpenClaw
from codex_auth.core.gateway_errors import (
    GatewayError,
    GatewayScope,
    GatewaySlow,
    GatewayUnauthorized,
    GatewayUnreachable,
)
from codex_auth.edge import errand
from codex_auth.gateway.finding import Found
from codex_auth.neighbours.openclaw import Installation
from codex_auth.neighbours.openclaw_homes import OpenClawHome

SECONDS = 60.0
"""How long one question may take; most take two to eight seconds, nearly all of it Node starting."""
_ANSWER_MS = 40_000
"""How long OpenClaw waits for an answer; by itself ten seconds, too few for a list of 2026.8.1 that took twenty."""
SCHEDULED, DEFERRED = "scheduled", "deferred"
_PASSED_ON = ("HOME", "USERPROFILE", "OPENCLAW_HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LANG", "TZ")
_ALSO = ("OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
"""What lets the command line in, and what lets it find the service."""
_ENDED = {"expired", "missing"}
"""What the list of logins says of one that no turn will use."""
_KNOWN: tuple[tuple[type[GatewayError], tuple[bytes, ...]], ...] = (
    (GatewaySlow, (b"gateway timeout", b"request timeout")),
    (GatewayScope, (b"scope upgrade", b"missing scope", b"pairing required", b"operator.admin")),
    (GatewayUnauthorized, (b"unauthorized", b"token mismatch", b"token missing", b"password mismatch", b"1008")),
    (GatewayUnreachable, (b"econnrefused", b"1006", b"did not respond", b"connect failed", b"not running")),
)
"""Words of a refusal, in lower case, and what they mean."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Whether a gateway could restart now without cutting anything off, and what is in the way."""

    is_safe: bool
    waits_for: str = ""


class Asking:
    """One gateway that runs. Trouble is a `GatewayError`."""

    def __init__(
        self, installed: Installation | None, home: OpenClawHome, found: Found, *, profile: str, env: Mapping[str, str]
    ) -> None:
        if installed is None:
            raise NoOpenClaw(problem="no `openclaw` is on PATH")
        self._installed = installed
        self._home = home
        self._found = found
        self._profile = profile
        self._env = env

    def reload(self) -> None:
        """Let the next turn use what was delivered."""
        self._ask("secrets reload", "secrets", "reload", "--json")

    def reread(self) -> None:
        """Do the same with the right to read only; releases before 2026.6 take it one turn late."""
        self._call("models.authStatus", {"refresh": True})

    def lists(self, profile_id: str, agent: str = "") -> bool:
        """Whether it lists a login as one that counts, after it looked again; reading is all the right it takes."""
        wanted = {"refresh": True} | ({"agentId": agent} if agent else {})
        said = self._call("models.authStatus", wanted)
        return any(row.get("profileId") == profile_id and row.get("status") not in _ENDED for row in _profiles(said))

    def look_anew(self, agent: str = "") -> None:
        """Let it find out anew where logins are kept.

        A gateway of 2026.9 that began before OpenClaw kept any login there remembers another place, even across
        a restart inside its process. This is what OpenClaw's own commands send after they changed a login.
        """
        self._call("models.authRefresh", {"operation": "update"} | ({"agentId": agent} if agent else {}))

    def preflight(self) -> Preflight:
        """Ask what a restart would cut off."""
        said = self._ask("preflight", "gateway", "call", "gateway.restart.preflight", "--json")
        return _read_preflight(said)

    def restart(self) -> str:
        """File a restart, which the gateway does when its work is done; return `scheduled` or `deferred`.

        Filed twice before it happens, it happens once.
        """
        said = self._ask("restart", "gateway", "restart", "--safe", "--json")
        return DEFERRED if said.get("result") == DEFERRED else SCHEDULED

    def _call(self, method: str, params: Mapping[str, object]) -> dict[str, object]:
        words = ("--params", json.dumps(params), "--timeout", str(_ANSWER_MS), "--json")
        return self._ask(method, "gateway", "call", method, *words)

    def _ask(self, step: str, *words: str) -> dict[str, object]:
        facts: dict[str, object] = {"state": self._home.state, "port": self._found.port, "profile": self._profile}
        facts |= {"step": step, "seconds": f"{SECONDS:g}"}
        program = os.path.realpath(self._installed.program)
        is_script = program.endswith((".mjs", ".js", ".cjs"))
        for node in self._nodes():
            command = [node, program, *words] if is_script else [program, *words]
            done = errand.send(command, b"", self._environment(node), seconds=SECONDS, with_errors=True)
            if done.is_late:
                raise GatewaySlow(**facts)
            if done.status == 0:
                return next(_objects(done.text), {})
            said = done.text.lower().replace(b":%d" % self._found.port, b"")  # a port may look like a code
            for kind, marks in _KNOWN:
                if any(mark in said for mark in marks):
                    raise kind(**facts)
        raise GatewayError(**facts)

    def _nodes(self) -> list[str]:
        """Return the Nodes to try: the gateway's own is known to run OpenClaw."""
        return list(dict.fromkeys(filter(None, (self._found.node, *self._installed.nodes))))

    def _environment(self, node: str) -> dict[str, str]:
        kept = {name: self._env[name] for name in (*_PASSED_ON, *_ALSO) if name in self._env}
        path = os.pathsep.join((os.path.dirname(node), "/usr/bin", "/bin"))
        own = {"PATH": path, "OPENCLAW_HIDE_BANNER": "1", "NO_COLOR": "1"}
        return {**kept, **own, "OPENCLAW_GATEWAY_PORT": str(self._found.port), **self._home.environment}


def _objects(text: bytes) -> Iterator[dict[str, object]]:
    """Yield the JSON objects in a text that begin a line; 2026.6 prints them on stderr, among warnings."""
    said = text.decode("utf-8", "replace")
    for start in re.finditer(r"^\{", said, re.MULTILINE):
        try:
            found, _ = json.JSONDecoder().raw_decode(said, start.start())
        except (ValueError, RecursionError):
            continue
        yield found


def _profiles(said: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the logins in a gateway's list of providers."""
    for provider in _rows(said.get("providers")):
        yield from _rows(provider.get("profiles"))


def _rows(listed: object) -> list[Mapping[str, object]]:
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _read_preflight(said: Mapping[str, object]) -> Preflight:
    counts = said.get("counts")
    if said.get("safe") is not False or not isinstance(counts, dict):
        return Preflight(is_safe=said.get("safe") is not False)
    busy = [f"{_WORDS[name]} {count}" for name, count in counts.items() if name in _WORDS and _is_some(count)]
    return Preflight(is_safe=False, waits_for=", ".join(busy) or "work under way")


def _is_some(count: object) -> bool:
    return isinstance(count, int) and count > 0


_WORDS = {
    "queueSize": "messages in its queue:",
    "pendingReplies": "replies to send:",
    "embeddedRuns": "agent runs:",
    "cronRuns": "scheduled runs:",
    "backgroundExecSessions": "commands in the background:",
    "activeTasks": "tasks:",
}
"""What may keep a gateway, as its preflight calls it."""
