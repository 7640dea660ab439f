"""Running `keep` from a systemd user timer: putting it there, looking at it, and taking it away again."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.core.errors import AuthError, TimerRefused
from codex_auth.core.schedule import MARK, SERVICE, TIMER, command_in, service_unit, timer_unit
from codex_auth.core.store_errors import StoreError
from codex_auth.edge import files
from codex_auth.edge.places import Places

_SECONDS = 30.0
_UNIT_LIMIT = 64 * 1024
_CARRIED = (
    *("CODEX_AUTH_STATE_DIR", "CODEX_AUTH_PATH", "CODEX_AUTH_HOOK", "OPENCLAW_STATE_DIR", "CODEX_HOME"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("CODEX_CA_CERTIFICATE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"),
)
"""Settings that a timer has to be told, because it starts with an environment of its own. None is a secret: a proxy
with a password in its address stays out."""


@dataclass(frozen=True, slots=True)
class Timer:
    """The timer as it is found. `is_active` is None where no systemd can be asked."""

    is_installed: bool
    is_active: bool | None
    units: tuple[str, ...] = ()
    """The units of ours there are; both, or the timer does nothing."""
    command: tuple[str, ...] = ()
    """What it starts."""
    since: float = 0.0
    """When it was put there, in Unix seconds."""


def own_command() -> list[str]:
    """Return how to start this program from anywhere: the installed command, or this Python with the package.

    A command found through a link (pipx makes one) is named by the link, which outlives an update.
    """
    script = os.path.abspath(sys.argv[0])
    if os.path.basename(script) == "codex-auth" and os.access(script, os.X_OK):
        return [script]
    return [sys.executable, "-P", "-m", "codex_auth"]


def carried(env: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of this environment that a timer must have too, or it would look elsewhere."""
    return {name: env[name] for name in _CARRIED if env.get(name) and "@" not in _proxy_in(name, env)}


def _proxy_in(name: str, env: Mapping[str, str]) -> str:
    return env[name] if name.lower() in {"https_proxy", "all_proxy"} else ""


def is_reachable(env: Mapping[str, str]) -> bool:
    """Whether there is a systemd that manages units for this user, and that answers."""
    return _systemctl(env, "show-environment")


def install(command: list[str], places: Places, env: Mapping[str, str]) -> None:
    """Write both units and start the timer.

    Raises `StoreError` for a unit that is somebody else's, `StoreNotDurable`, and `TimerRefused`, after which
    nothing of it is left.
    """
    folder = _folder(places)
    units = {
        os.path.join(folder, SERVICE): service_unit(command, carried(env)),
        os.path.join(folder, TIMER): timer_unit(),
    }
    for path in units:
        if os.path.lexists(path) and not _is_ours(path):
            raise StoreError(path=path, problem="codex-auth did not write it")
    files.private_folder(folder)
    try:
        for path, text in units.items():
            files.replace(path, [text.encode()])
        for words in (("daemon-reload",), ("enable", "--now", TIMER)):
            if not _systemctl(env, *words):
                raise TimerRefused(step=" ".join(words))
    except AuthError:
        uninstall(places, env)
        raise


def uninstall(places: Places, env: Mapping[str, str]) -> bool:
    """Stop the timer and remove exactly what `install` put there; False if there was nothing.

    Raises `StoreNotDurable`.
    """
    folder = _folder(places)
    ours = [path for name in (TIMER, SERVICE) if _is_ours(path := os.path.join(folder, name))]
    if not ours:
        return False
    has_systemd = is_reachable(env)
    if has_systemd:
        _systemctl(env, "disable", "--now", TIMER)
    with contextlib.suppress(OSError):  # what `enable` made; gone if systemd itself could undo it
        os.unlink(os.path.join(folder, "timers.target.wants", TIMER))
    for path in ours:
        files.remove(path)
    if has_systemd:
        _systemctl(env, "daemon-reload")
    return True


def look(places: Places, env: Mapping[str, str]) -> Timer:
    """Return whether the timer is there, and whether it runs."""
    units = tuple(path for name in (TIMER, SERVICE) if _is_ours(path := os.path.join(_folder(places), name)))
    is_active = _systemctl(env, "is-active", "--quiet", TIMER) if is_reachable(env) else None
    service = _text(os.path.join(_folder(places), SERVICE))
    return Timer(
        is_installed=len(units) == len((TIMER, SERVICE)),
        is_active=is_active,
        units=units,
        command=tuple(command_in(service)) if service.startswith(MARK) else (),
        since=max((os.stat(path).st_mtime for path in units), default=0.0),
    )


def _folder(places: Places) -> str:
    """Return where a user's units lie (systemd.unit(5), "User Unit Search Path"): beside our configuration's folder."""
    return os.path.join(os.path.dirname(os.path.dirname(places.config_file)), "systemd", "user")


def _is_ours(path: str) -> bool:
    return _text(path).startswith(MARK)


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_UNIT_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""


def _systemctl(env: Mapping[str, str], *words: str) -> bool:
    """Ask the user's systemd; False if it refuses, does not answer, or is not there."""
    try:
        done = subprocess.run(
            ["systemctl", "--user", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=dict(env),
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
