"""Files beside this run's store in which a copy of a refresh token may lie: which there are, and what they hold.

Finding them costs one `stat` each, because `status` does it at every run.
"""

import os
import stat
from collections.abc import Iterator, Mapping

from codex_auth.edge import where
from codex_auth.edge.places import Places

CODEX_NAME = "auth.json"
"""What Codex calls the file in its home."""
_LIMIT = 64 * 1024 * 1024
_LOOK = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)  # opening a FIFO must not wait


def find(places: Places, env: Mapping[str, str]) -> list[str]:
    """Return the files there are: of Codex homes, of OpenClaw's agents, and where else our own might be.

    A file with several names is returned once, and the store of this run not at all. The usual homes count even
    when a variable names another: it says where this shell looks, not what else is alive.
    """
    seen = {_number(places.auth_path)}
    found = []
    for path in _candidates(places, env):
        number = _number(path)
        if number is not None and number not in seen:
            seen.add(number)
            found.append(path)
    return found


def peek(path: str) -> bytes | None:
    """Return what a file holds, whoever may open it: it is only compared, and nothing in it is trusted.

    None for what is no regular file, cannot be read or is larger than any such file.
    """
    try:
        with open(os.open(path, _LOOK), "rb") as file:
            found = os.fstat(file.fileno())
            return file.read() if stat.S_ISREG(found.st_mode) and found.st_size <= _LIMIT else None
    except OSError:
        return None


def short(path: str, env: Mapping[str, str]) -> str:
    """Return a path as people say it, with `~` for the home folder."""
    home = where.home(env)
    return "~" + path.removeprefix(home) if home and path.startswith(home + os.sep) else path


def _candidates(places: Places, env: Mapping[str, str]) -> Iterator[str]:
    home = where.home(env)
    for folder in (env.get("CODEX_HOME", ""), os.path.join(home, ".codex"), *places.config.codex_homes):
        if folder:
            yield os.path.join(os.path.abspath(folder), CODEX_NAME)
    for state in (where.openclaw_state(env, home), os.path.join(home, ".openclaw")):
        agents = os.path.join(state, "agents")
        for agent in _names_in(agents):
            yield os.path.join(agents, agent, "agent", where.AUTH_NAME)
    for own in (where.own_path(env, home), env.get("CODEX_AUTH_PATH", ""), places.config.auth_path):
        if own:
            yield os.path.abspath(os.path.expanduser(own))


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _number(path: str) -> tuple[int, int] | None:
    """Return what tells one file from another, whatever its name; None for what is no file."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else None
