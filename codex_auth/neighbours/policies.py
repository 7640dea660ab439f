"""The files that hold rules: where they are, whether they can be trusted, and what they say together.

Administrators' files count only if nobody else can change them: each, and every folder and link on the way to it,
belongs to root, and none is writable by others. One that is there and cannot be trusted or read refuses everything
it might forbid (`PolicyUnusable`), because what it says, or said before somebody changed it, is not known.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping

from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.policy import Policy, Rule
from codex_auth.core.policy_text import Table, read_config, read_managed, read_own, read_requirements
from codex_auth.core.store_errors import StoreError
from codex_auth.edge import where
from codex_auth.edge.folders import my_uid, others_may_write, resolve
from codex_auth.edge.places import Places
from codex_auth.edge.trouble import words
from codex_auth.neighbours import elsewhere

OWN_FOLDER, CODEX_FOLDER = where.POLICY_FOLDERS
_LIMIT = 1024 * 1024
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def in_force(places: Places, env: Mapping[str, str]) -> Policy:
    """Return every rule in force. Nothing is loaded or parsed where there is none.

    Raises `PolicyUnusable` for a file whose rules cannot be known.
    """
    return Policy((*_administrators(places), *_users(places, env)))


def _administrators(places: Places) -> Iterator[Rule]:
    own, codex = os.path.join(places.etc, OWN_FOLDER), os.path.join(places.etc, CODEX_FOLDER)
    if os.path.lexists(own):  # somebody wants a policy here: a folder that others can change could have lost it
        _trusted(own, places)
    readers: tuple[tuple[str, Callable[..., Iterator[Rule]]], ...] = (
        (os.path.join(own, "policy.toml"), read_own),
        (os.path.join(codex, "requirements.toml"), read_requirements),
        (os.path.join(codex, "managed_config.toml"), read_managed),
        (os.path.join(codex, "config.toml"), read_config),
    )
    for path, read in readers:
        text = _read_trusted(path, places)
        if text is not None:
            yield from read(_table(text, path, is_own=False), path, is_own=False)


def _users(places: Places, env: Mapping[str, str]) -> Iterator[Rule]:
    path = where.codex_config(env, where.home(env))
    text = elsewhere.peek(path)
    if text is not None and where.CODEX_RULE in text:  # without that word there is no rule, whatever else is wrong
        yield from read_config(_table(text, path, is_own=True), path, is_own=True)
    yield from read_own(places.config.policy, places.config_file, is_own=True)


def _read_trusted(path: str, places: Places) -> bytes | None:
    """Return an administrator's file, or None if there is none."""
    try:
        os.lstat(path)
        place = _trusted(path, places)
        fd = os.open(place, _OPEN)
        try:
            _check(path, os.fstat(fd), places)
            return _read_all(fd, path)
        finally:
            os.close(fd)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PolicyUnusable.of(path, words(error), is_own=False) from None


def _trusted(path: str, places: Places) -> str:
    """Follow a path through folders and links that only an administrator can change."""
    try:
        return resolve(path, owners=_owners(places))
    except StoreError as error:
        step, problem = error.facts["path"], error.facts["problem"]
        raise PolicyUnusable.of(path, problem if step == path else f"{step}: {problem}", is_own=False) from None


def _check(path: str, found: os.stat_result, places: Places) -> None:
    problem = ""
    if not stat.S_ISREG(found.st_mode):
        problem = "it is not a regular file"
    elif my_uid() is not None and found.st_uid not in _owners(places):
        problem = f"it belongs to user {found.st_uid}, so it is no administrator's"
    elif others_may_write(found):
        problem = "others can write to it, so it may not be what an administrator wrote"
    elif found.st_size > _LIMIT:
        problem = f"it is larger than {_LIMIT} bytes"
    if problem:
        raise PolicyUnusable.of(path, problem, is_own=False)


def _owners(places: Places) -> frozenset[int]:
    return frozenset({0, places.administrator})


def _read_all(fd: int, path: str) -> bytes:
    text = b""
    while more := os.read(fd, 65536):
        text += more
        if len(text) > _LIMIT:
            raise PolicyUnusable.of(path, f"it is larger than {_LIMIT} bytes", is_own=False)
    return text


def _table(text: bytes, path: str, *, is_own: bool) -> Table:
    import tomllib

    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):  # also what a number of 5,000 digits raises
        raise PolicyUnusable.of(path, "it is not valid TOML", is_own=is_own) from None
