"""What the former skill and OpenClaw's own migrations left behind: copies of credentials that nobody reads any more.

Found by name, in the two kinds of folder where they are made. Nothing is opened, and no link is followed.
"""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from codex_auth.core.store_errors import StoreNotDurable
from codex_auth.edge import files
from codex_auth.edge.folders import is_ours
from codex_auth.edge.trouble import words
from codex_auth.neighbours.openclaw_homes import OpenClawHome

SKILL, MIGRATION = "the former skill", "OpenClaw's migration"
_STAGED = ("codex-auth-apply-*", "codex-auth-stage*", "codex-auth-backup*", "auth-profiles*.json*")
"""In OpenClaw's temporary folder: the tokens that the former skill staged for its restart, and its safety copies."""
_BESIDE = {
    "auth-profiles.json.sqlite-import.*.bak": MIGRATION,
    "auth-profiles.json.openai-provider-unification.*.bak": MIGRATION,
    "auth-profiles.json.*.openai-provider-unification.*.bak": MIGRATION,
    "auth-profiles.json.migrated-*": MIGRATION,
    "auth-profiles.json.bak-*": SKILL,
    "auth-profiles.json.bak.*": SKILL,
    "auth-profiles.json.backup*": SKILL,
    "auth-profiles.json.codex-auth-*": SKILL,
}
"""Beside an agent's credentials. `auth-profiles.json.bak` itself is ours, and in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One file or folder that could go."""

    path: str
    source: str
    size: int
    is_open_to_others: bool


def find(homes: Sequence[OpenClawHome], *, temporary: str) -> list[Leftover]:
    """Return what is left behind, oldest names first; only what is ours."""
    found = [_look(path, SKILL) for path in _matching(temporary, _STAGED)]
    for home in homes:
        for agent in home.agents:
            folder = home.agent_folder(agent)
            for pattern, source in _BESIDE.items():
                found += [_look(path, source) for path in _matching(folder, (pattern,))]
    unique = {each.path: each for each in found if each is not None}
    return list(unique.values())


def remove(leftover: Leftover) -> None:
    """Remove one, durably; a folder with the plain files in it. Raises `StoreNotDurable`."""
    try:
        if stat.S_ISDIR(os.lstat(leftover.path).st_mode):
            for entry in os.scandir(leftover.path):
                if entry.is_file(follow_symlinks=False) or entry.is_symlink():
                    os.unlink(entry.path)
            os.rmdir(leftover.path)
        else:
            files.remove(leftover.path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreNotDurable(path=leftover.path, problem=words(error)) from None


def _matching(folder: str, patterns: Sequence[str]) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            yield os.path.join(folder, name)


def _look(path: str, source: str) -> Leftover | None:
    try:
        found = os.lstat(path)
    except OSError:
        return None
    if not is_ours(found) or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return None
    return Leftover(path=path, source=source, size=found.st_size, is_open_to_others=bool(found.st_mode & 0o077))
