"""Which gateway runs in a state folder: its process, its port, who runs it and who would start it again."""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codex_auth.core.gateway_errors import GatewayOfOther
from codex_auth.gateway import health
from codex_auth.neighbours.openclaw_homes import OpenClawHome

DEFAULT_PORT = 18789
NOBODY, SYSTEMD, LAUNCHD, TASK = "nobody", "systemd", "launchd", "task"
"""Who starts it again when it ends."""
START = {
    NOBODY: "`openclaw gateway run`, or however you started it",
    SYSTEMD: "`openclaw gateway start`",
    LAUNCHD: "`openclaw gateway start`",
    TASK: "`openclaw gateway start`",
}
_LIMIT = 64 * 1024
_SOCKETS_LIMIT = 16 * 1024 * 1024
"""`/proc/net/tcp` has 150 bytes for each connection of the machine."""
_LISTEN = "0A"
_START_TIME = 19
"""Where a process's start time stands in /proc/PID/stat, counted behind its name (field 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A gateway that runs."""

    pid: int | None
    """None where only its port answered: then no lock file of it was found."""
    port: int
    supervisor: str
    node: str = ""
    """The Node that runs it; empty where the system does not say."""
    started: int | None = None
    """When its process began, by /proc: with the number it is that process, and no later one of the same number."""


def find(home: OpenClawHome, env: Mapping[str, str], *, platform: str = sys.platform) -> Found | None:
    """Return the gateway of a state folder, or None if none runs. Nothing is started, signalled or asked for more.

    Raises `GatewayOfOther` for one that another user of the machine runs.
    """
    for path, pid, held in _locks(home, env):
        if is_alive(pid, held.get("startTime")):
            user = _owner(pid, path)
            if user is not None and user != _uid():
                raise GatewayOfOther(state=home.state, user=user)
            port = held.get("port")
            port = port if isinstance(port, int) else _listening(pid) or _configured_port(home, env)
            runs_it = supervisor(home, env, pid, platform)
            return Found(pid=pid, port=port, supervisor=runs_it, node=_node(pid), started=started(pid))
    if home.is_chosen:
        # One that keeps its lock where this environment does not look: a service may have a TMPDIR of its own.
        port = _configured_port(home, env)
        if health.ask(port).state in {health.UP, health.STARTING}:
            return Found(pid=None, port=port, supervisor=supervisor(home, env, None, platform))
    return None


def is_alive(pid: int, began: object) -> bool:
    """Whether a process is there that began at this time; of whatever time, where that is no number."""
    if not os.path.isdir("/proc/self"):
        return _answers(pid)
    now = started(pid)
    return now is not None and (not isinstance(began, int) or now == began)


def started(pid: int) -> int | None:
    """Return when a process began, in ticks since the machine did; None for one that is gone, or where nobody says."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) <= _START_TIME or fields[0] == "Z":
        return None
    return int(fields[_START_TIME])


def supervisor(home: OpenClawHome, env: Mapping[str, str], pid: int | None, platform: str = sys.platform) -> str:
    """Return who starts this gateway again, by what its installer left on the machine."""
    own = f"-{home.profile}" if home.profile else ""
    base = env.get("HOME", "")
    if platform == "darwin":
        label = f"ai.openclaw.{home.profile or 'gateway'}.plist"
        return LAUNCHD if os.path.exists(os.path.join(base, "Library", "LaunchAgents", label)) else NOBODY
    if platform == "win32":
        return TASK if os.path.exists(os.path.join(home.state, "gateway.cmd")) else NOBODY
    unit = f"openclaw-gateway{own}.service"
    if pid is not None:  # its own control group says it for certain
        return SYSTEMD if unit in _text(f"/proc/{pid}/cgroup") else NOBODY
    folder = env.get("XDG_CONFIG_HOME", "") or os.path.join(base, ".config")
    return SYSTEMD if os.path.exists(os.path.join(folder, "systemd", "user", unit)) else NOBODY


def _locks(home: OpenClawHome, env: Mapping[str, str]) -> Iterator[tuple[str, int, Mapping[str, object]]]:
    """Yield what the lock files say that can be this folder's: where releases since 2026.9 and those before keep it."""
    inside = os.path.join(home.state, "tmp")
    for name in _names(inside):
        if name.startswith("openclaw-"):
            path = os.path.join(inside, name, "gateway.state.lock")
            if held := _read(path):
                yield path, *held
    digest = hashlib.sha256(home.config.encode()).hexdigest()[:8]
    for folder in dict.fromkeys((env.get("TMPDIR", ""), tempfile.gettempdir(), "/tmp")):  # noqa: S108 - only read
        for name in _names(folder):
            if name == "openclaw" or name.startswith("openclaw-"):
                path = os.path.join(folder, name, f"gateway.{digest}.lock")
                held = _read(path)
                if held and held[1].get("configPath") == home.config:
                    yield path, *held


def _read(path: str) -> tuple[int, Mapping[str, object]] | None:
    """Return the process that a lock file names, and all it says."""
    try:
        held, _ = json.JSONDecoder().raw_decode(_text(path).lstrip())  # padding follows
        return int(held["pid"]), held
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 is none: it asks whether the process is there
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _owner(pid: int, lock: str) -> int | None:
    for path in (f"/proc/{pid}", lock):
        try:
            return os.stat(path).st_uid
        except OSError:
            continue
    return None


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _listening(pid: int) -> int | None:
    """Return the port that a process listens on, if it answers as a gateway does; older locks do not name it."""
    folder = f"/proc/{pid}/fd"
    links = [_link(os.path.join(folder, fd)) for fd in _names(folder)]
    sockets = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:[")}
    ports = set()
    for line in "".join(_text(f"/proc/net/{each}", limit=_SOCKETS_LIMIT) for each in ("tcp", "tcp6")).splitlines():
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN and fields[9] in sockets:  # noqa: PLR2004 - as proc(5) has it
            ports.add(int(fields[1].rpartition(":")[2], 16))
    return next((port for port in sorted(ports) if health.ask(port).state in {health.UP, health.STARTING}), None)


def _configured_port(home: OpenClawHome, env: Mapping[str, str]) -> int:
    named = env.get("OPENCLAW_GATEWAY_PORT", "")
    if named.isascii() and named.isdigit():
        return int(named)
    try:
        port = json.loads(_text(home.config))["gateway"]["port"]
    except (ValueError, TypeError, KeyError, RecursionError):  # JSON5, or nothing said
        port = None
    return port if isinstance(port, int) else DEFAULT_PORT


def _node(pid: int) -> str:
    program = _link(f"/proc/{pid}/exe")
    return program if os.path.basename(program) == "node" else ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:  # it was closed meanwhile, or there is no /proc
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder)) if folder else []
    except OSError:
        return []


def _text(path: str, *, limit: int = _LIMIT) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""
