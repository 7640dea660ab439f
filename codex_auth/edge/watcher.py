"""Starting a process that outlives us, and whoever started us: what is queued is done by it."""

import os
import subprocess
from collections.abc import Mapping

from codex_auth.core.store_errors import StoreError
from codex_auth.edge.trouble import words

_SECONDS = 1.0
"""How long the user's systemd may take to take it over; then it is started without."""
_PASSED_ON = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "USERPROFILE", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
        *("DBUS_SESSION_BUS_ADDRESS", "SSL_CERT_FILE", "SSL_CERT_DIR", "CODEX_CA_CERTIFICATE", "CODEX_HOME"),
        "COVERAGE_PROCESS_START",
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    }
)
_PASSED_ON_FROM = ("XDG_", "OPENCLAW_", "CODEX_AUTH_", "LC_")


def start(command: list[str], name: str, env: Mapping[str, str]) -> str:
    """Start a command detached, and return how: `systemd` or `session`. Raises `StoreError` if it cannot be started.

    As a unit of the user's systemd it is outside the control group of a gateway that started us, which is ended
    whole. Its environment is named to systemd, not shown in the arguments: a proxy's address may hold a password.
    """
    kept = {each: value for each, value in env.items() if each in _PASSED_ON or each.startswith(_PASSED_ON_FROM)}
    if "XDG_RUNTIME_DIR" in kept and _handed_to_systemd(command, name, kept):
        return "systemd"
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=os.sep,
            env=kept,
            start_new_session=True,
        )
    except OSError as error:
        raise StoreError(path=command[0], problem=f"the watcher could not be started: {words(error)}") from None
    return "session"


def _handed_to_systemd(command: list[str], name: str, env: Mapping[str, str]) -> bool:
    settings = [f"--setenv={each}" for each in sorted(env)]
    unit = ["--user", "--collect", "--quiet", "--no-block", f"--unit=codex-auth-apply-{name}"]
    try:
        done = subprocess.run(
            ["systemd-run", *unit, *settings, "--", *command],
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
