"""Plays Windows: `codex_auth` finds of what POSIX offers only what is there too. Run as a program, it is `codex-auth`.

Libraries see the machine as it is; paths and locks are this machine's.
"""

import builtins
import os
import signal
import socket
import sys
from types import ModuleType

MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
GONE = {
    "os": (
        "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK POSIX_SPAWN_DUP2 chown fchmod fchown fork forkpty getegid geteuid "
        "getgid getgroups getpgid getpgrp getuid initgroups killpg lchown mkfifo posix_spawn posix_spawnp setsid "
        "statvfs sysconf tcgetpgrp uname wait3 wait4 waitid"
    ),
    "signal": "SIGALRM SIGHUP SIGKILL SIGQUIT SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH alarm pthread_sigmask setitimer sigwait",
    "socket": "AF_UNIX",
    "sys": "",
}
ADDED = {("sys", "platform"): "win32", ("socket", "SO_EXCLUSIVEADDRUSE"): socket.SO_KEEPALIVE}
HERE = {"os": os, "signal": signal, "socket": socket, "sys": sys}


class Less(ModuleType):
    """A module without some of its names."""

    def __init__(self, real: ModuleType, gone: str) -> None:
        """Stand before `real`."""
        super().__init__(real.__name__)
        self.__dict__.update(_real=real, _gone=frozenset(gone.split()))

    def __getattr__(self, name: str) -> object:
        """Return what is there."""
        if name in self.__dict__["_gone"]:
            raise AttributeError(name)
        found = ADDED.get((self.__name__, name))
        return getattr(self.__dict__["_real"], name) if found is None else found

    def __setattr__(self, name: str, value: object) -> None:
        """Change the real one."""
        setattr(self.__dict__["_real"], name, value)


def play() -> None:
    """Let `codex_auth`, from now on, find no more than Windows has."""
    real_import = builtins.__import__
    less = {name: Less(module, GONE[name]) for name, module in HERE.items()}

    def imported(name: str, named: dict[str, object] | None = None, *rest: object, **more: object) -> object:
        if str((named or {}).get("__name__", "")).startswith("codex_auth."):
            if name in MODULES:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            if name in less:
                return less[name]
        return real_import(name, named, *rest, **more)  # type: ignore[arg-type]

    builtins.__import__ = imported  # type: ignore[assignment]


if __name__ == "__main__":
    play()
    from codex_auth.cli.main import main

    main()
