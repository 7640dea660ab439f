"""A Codex home for one profile: its login is its own, everything else is the user's.

The user's files are reached through links, so that sessions, history, rules and skills are the same whoever is signed
in, and what Codex changes is changed for all: it follows the link of `config.toml` when it replaces that file (seen
with 0.169). The databases would not survive being reached by two names; Codex is told their folder in the environment.
"""

import contextlib
import fnmatch
import os
import stat
from collections.abc import Iterator, Mapping

from codex_auth.core.store_errors import StoreError
from codex_auth.edge.folders import private_folder
from codex_auth.edge.trouble import words
from codex_auth.neighbours import elsewhere
from codex_auth.neighbours.codex import CONFIG, CodexHome

_OWN = (
    "auth.json*", "auth.lock", ".auth-*", "secrets", "models_cache.json", "cloud-*cache.json", "*.sqlite*",
    "app-server*", "log", "tmp", ".tmp", "shell_snapshots",
)  # fmt: skip
"""What belongs to the login or to one running program. Databases are shared, but not by links."""
_FOLDERS = (
    "sessions", "archived_sessions", "skills", "prompts", "rules", "memories", "thread-writer-locks", "mcp-oauth-locks",
)  # fmt: skip
"""What Codex would make in the home it was given if it did not find it; so it is there, and the user's."""
_FILES = (
    CONFIG, "history.jsonl", "session_index.jsonl", "AGENTS.md", "AGENTS.override.md", "hooks.json",
    ".credentials.json", "installation_id",
)  # fmt: skip
"""The same for files: their links may lead to nothing yet."""


def furnish(home: CodexHome, users: CodexHome) -> None:
    """Make the private home, or bring it up to date with what the user's has by now. Raises `StoreError`."""
    private_folder(users.path)
    private_folder(home.path)
    try:
        for name in _FOLDERS:
            with contextlib.suppress(FileExistsError):
                os.mkdir(os.path.join(users.path, name), 0o700)
        for name in sorted({*_FOLDERS, *_FILES, *_shared(users)}):
            _link(os.path.join(home.path, name), os.path.join(users.path, name))
    except OSError as error:
        raise StoreError(path=home.path, problem=words(error)) from None


def origin(home: CodexHome, private: str) -> CodexHome:
    """Return the user's home: behind the links, where this one is itself a private one, as in a run within a run."""
    if not home.path.startswith(os.path.realpath(private) + os.sep):
        return home
    try:
        return CodexHome(path=os.path.dirname(os.readlink(home.config)))
    except OSError:
        return home


def environment(home: CodexHome, users: CodexHome, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with which Codex uses the private home, and the user's databases."""
    named = env.get("CODEX_SQLITE_HOME") or b"sqlite_home" in (elsewhere.peek(users.config) or b"")
    return {"CODEX_HOME": home.path} | ({} if named else {"CODEX_SQLITE_HOME": users.path})


def _shared(users: CodexHome) -> Iterator[str]:
    for name in os.listdir(users.path):
        found = os.lstat(os.path.join(users.path, name))
        is_file = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) or stat.S_ISLNK(found.st_mode)
        if is_file and not any(fnmatch.fnmatchcase(name, pattern) for pattern in _OWN):
            yield name


def _link(link: str, target: str) -> None:
    """Let a name in the private home lead to the user's. What Codex made there itself is moved if the user has none."""
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(link)
        if stat.S_ISLNK(found.st_mode):
            if os.readlink(link) == target:
                return
            os.unlink(link)
        elif os.path.lexists(target):
            return
        else:
            os.rename(link, target)
    with contextlib.suppress(FileExistsError):  # a sibling was quicker
        os.symlink(target, link)
