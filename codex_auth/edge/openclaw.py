"""Which OpenClaw is installed, read from its package and never by running it: that takes seconds."""

import json
import os
from collections.abc import Iterator, Mapping

from codex_auth.core.names import CURRENT_PREFIX, LEGACY_PREFIX

_RENAMED = (2026, 5, 30)
"""The release that renamed the provider from `openai-codex` to `openai` (2026.5.30-beta.1)."""
_LEVELS = 4
"""How far above the program its package may lie: `openclaw/dist/…` or `openclaw/openclaw.mjs`."""
_LIMIT = 1024 * 1024


def profile_prefix(env: Mapping[str, str]) -> str:
    """Return what the installed OpenClaw calls the provider in its profile ids; the old name if none is found."""
    version = version_on_path(env)
    return CURRENT_PREFIX if version is not None and version >= _RENAMED else LEGACY_PREFIX


def version_on_path(env: Mapping[str, str]) -> tuple[int, ...] | None:
    """Return the release of the `openclaw` that PATH finds, e.g. (2026, 6, 1); None if there is none that says."""
    for folder in _package_folders(env):
        try:
            with open(os.path.join(folder, "package.json"), "rb") as file:
                package = json.loads(file.read(_LIMIT))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(package, dict) and package.get("name") == "openclaw":
            return _read_version(package.get("version"))
    return None


def _package_folders(env: Mapping[str, str]) -> Iterator[str]:
    for entry in env.get("PATH", "").split(os.pathsep):
        program = os.path.join(entry, "openclaw")
        if os.path.isabs(program) and os.access(program, os.X_OK):
            folder = os.path.realpath(program)
            for _ in range(_LEVELS):
                folder = os.path.dirname(folder)
                yield folder
            return


def _read_version(text: object) -> tuple[int, ...] | None:
    parts = str(text).partition("-")[0].split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None
