"""Running the person's hook: a program of theirs that is handed facts about a login, never a secret."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Mapping

from codex_auth.core.errors import UsageError

LIMIT_SECONDS = 30.0
"""How long a hook may take; then it is ended, with everything it started."""

_PASSED_ON = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"),
        *("SYSTEMROOT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP", "PATHEXT"),
    }
)
"""What a hook sees of our environment, besides `LC_…`: enough to notify somebody, and no place for a secret."""


class Hook:
    """A command that is run once for each alert. Raises `UsageError` when it cannot be run at all."""

    def __init__(self, text: str, env: Mapping[str, str]) -> None:
        try:
            words = shlex.split(text)
        except ValueError:  # a quotation mark without its twin
            words = []
        program = shutil.which(words[0], path=env.get("PATH", os.defpath)) if words else None
        if program is None or (os.path.dirname(words[0]) and not os.path.isabs(words[0])):
            raise UsageError(
                problem="The hook is not a command: name a program on PATH, or one by its absolute path.",
                command="keep",
            )
        self._command = [program, *words[1:]]
        self._env = {name: value for name, value in env.items() if name in _PASSED_ON or name.startswith("LC_")}

    def run(self, facts: Mapping[str, object], *, seconds: float = LIMIT_SECONDS) -> str:
        """Hand `facts` to the command as one JSON document on stdin; return what went wrong, or nothing.

        No shell is involved, the output is discarded, and it runs in a session of its own. It is waited for; what
        interrupts the wait ends it.
        """
        try:
            child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=os.sep,
                env=self._env,
                start_new_session=True,
            )
        except OSError:
            return "it could not be started"
        try:
            child.communicate(json.dumps(facts).encode() + b"\n", timeout=seconds)
        except subprocess.TimeoutExpired:
            _end(child)
            return f"it took longer than {seconds:g} seconds and was ended"
        except BaseException:
            _end(child)
            raise
        return f"it ended with status {child.returncode}" if child.returncode else ""


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a hook and all that it started in its session."""
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    with contextlib.suppress(OSError):
        child.communicate(b"")
