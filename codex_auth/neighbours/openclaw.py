"""Which OpenClaw is installed, read from its package and never by running it: that takes seconds."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codex_auth.core.names import CURRENT_PREFIX, LEGACY_PREFIX

JSON_ERA, AGENT_ERA, SHARED_ERA = "json", "agent-sqlite", "shared-sqlite"
"""Where a release keeps credentials: a JSON file, a database for each agent, one that the agents share."""
_RENAMED = (2026, 5, 30)
"""The release that renamed the provider from `openai-codex` to `openai` (2026.5.30-beta.1)."""
_FIRST_OF_SQLITE = (2026, 6, 2)
"""2026.6.1 is the last that reads JSON, 2026.6.5 the first known not to; between them nobody writes JSON."""
_FIRST_OF_SHARED = (2026, 8, 0)
_OLDEST_SDK = (2026, 5, 7)
"""The first release whose SDK has the function that we deliver with (`updateAuthProfileStoreWithLock`)."""
NEWEST_TRIED = (2026, 9, 6)
_LEVELS = 4
"""How far above the program its package may lie: `openclaw/dist/…` or `openclaw/openclaw.mjs`."""
_LIMIT = 1024 * 1024
_LAUNCHER_LIMIT = 16 * 1024
_QUOTED = re.compile(rb"\"([^\"\n]+)\"|'([^'\n]+)'|(/[^\s\"']+)")
_OWN_FOLDER = (b"$basedir", b"${basedir}", b"$(dirname $0)")
"""How the launchers of npm and pnpm that are shell scripts write the folder they lie in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """An installed OpenClaw: the program on PATH, its package, its release, and the Nodes that may run it."""

    program: str
    package: str
    release: str
    """As the package says it, e.g. `2026.6.5-beta.1`."""
    version: tuple[int, ...] | None
    """The release as numbers, e.g. (2026, 6, 5); None for one that does not read."""
    nodes: tuple[str, ...]
    """The likeliest first. Which of them is new enough, only running it says."""

    @property
    def era(self) -> str | None:
        """Where this release keeps credentials; None if its version does not read."""
        return None if self.version is None else era_of(self.version)

    @property
    def prefix(self) -> str:
        """What this release calls the provider in its profile ids."""
        return CURRENT_PREFIX if self.version is not None and self.version >= _RENAMED else LEGACY_PREFIX

    @property
    def has_sdk(self) -> bool:
        """Whether this release brings the functions that we deliver with."""
        return self.version is not None and self.version >= _OLDEST_SDK


def era_of(version: tuple[int, ...]) -> str:
    """Return where a release keeps credentials."""
    if version < _FIRST_OF_SQLITE:
        return JSON_ERA
    return AGENT_ERA if version < _FIRST_OF_SHARED else SHARED_ERA


def installation(env: Mapping[str, str]) -> Installation | None:
    """Return the OpenClaw that PATH finds, or None. Nothing is run; it reads two small files."""
    program = _on_path("openclaw", env)
    if program is None:
        return None
    found = package_of(program, name="openclaw")
    if found is None:
        return None
    folder, package = found
    release = str(package.get("version", ""))
    return Installation(
        program=program,
        package=folder,
        release=release,
        version=read_version(release),
        nodes=tuple(dict.fromkeys(_nodes(program, _launcher_words(program), env))),
    )


def package_of(program: str, *, name: str = "") -> tuple[str, dict[str, object]] | None:
    """Return the folder of the npm package that a program is of, and what its `package.json` says.

    Without a `name` it is the nearest that has one; None if there is none.
    """
    for folder in _package_folders(program, _launcher_words(program)):
        package = _read_package(folder)
        if package is not None and package.get("name") and name in {"", package["name"]}:
            return folder, package
    return None


def profile_prefix(env: Mapping[str, str]) -> str:
    """Return what the installed OpenClaw calls the provider in its profile ids; the old name if none is found."""
    found = installation(env)
    return LEGACY_PREFIX if found is None else found.prefix


def version_on_path(env: Mapping[str, str]) -> tuple[int, ...] | None:
    """Return the release of the `openclaw` that PATH finds, e.g. (2026, 6, 1); None if there is none that says."""
    found = installation(env)
    return None if found is None else found.version


def _on_path(name: str, env: Mapping[str, str]) -> str | None:
    for entry in env.get("PATH", "").split(os.pathsep):
        program = os.path.join(entry, name)
        if os.path.isabs(program) and os.path.isfile(program) and os.access(program, os.X_OK):
            return program
    return None


def _launcher_words(program: str) -> list[str]:
    """Return the paths that a launcher names which is a shell script of npm, pnpm or the installer; none for others."""
    try:
        with open(program, "rb") as file:
            text = file.read(_LAUNCHER_LIMIT)
    except OSError:
        return []
    first, _, rest = text.partition(b"\n")
    if not first.startswith(b"#!") or b"node" in first:
        return []
    folder = os.fsencode(os.path.dirname(os.path.realpath(program)))
    words = [next(filter(None, match.groups())) for match in _QUOTED.finditer(rest)]
    for marker in _OWN_FOLDER:
        words = [word.replace(marker, folder) for word in words]
    return [os.path.normpath(os.fsdecode(word)) for word in words if word.startswith(b"/")]


def _package_folders(program: str, launcher: list[str]) -> Iterator[str]:
    for start in (os.path.realpath(program), *launcher):
        folder = start
        for _ in range(_LEVELS):
            folder = os.path.dirname(folder)
            yield folder


def _read_package(folder: str) -> dict[str, object] | None:
    """Return the package file in a folder, if there is one that reads."""
    try:
        with open(os.path.join(folder, "package.json"), "rb") as file:
            package = json.loads(file.read(_LIMIT))
    except (OSError, ValueError, RecursionError):
        return None
    return package if isinstance(package, dict) else None


def _nodes(program: str, launcher: list[str], env: Mapping[str, str]) -> Iterator[str]:
    """Yield the Nodes that may run it: the launcher's own, the one its first line finds, the one beside it."""
    for word in launcher:
        if os.path.basename(word) == "node" and os.access(word, os.X_OK):
            yield word
    found = _on_path("node", env)
    if found:
        yield found
    for folder in (os.path.dirname(program), os.path.dirname(os.path.realpath(program))):
        node = os.path.join(folder, "node")
        if os.path.isfile(node) and os.access(node, os.X_OK):
            yield node


def read_version(text: object) -> tuple[int, ...] | None:
    """Return a release as numbers, without what follows a hyphen; None for one that does not read."""
    parts = str(text).partition("-")[0].split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None
