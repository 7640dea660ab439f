"""Commands on PATH: which there are of a name, what runs them, and whose they are. Read from files; nothing is run."""

import glob
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.neighbours.openclaw import package_of, read_version

OURS = "codex-auth"
DISTRIBUTION = "codex-auth-profiles"
_DATA = "codex_auth_profiles-"
"""What the folder of its package data begins with."""
_HEAD = 4096
_OUR_DOOR = b"codex_auth.cli"
_CODEX_PACKAGE = "@openai/codex"
_EXEC = re.compile(rb"^'''exec' \"?([^\"\n]+?)\"? \"\$0\"", re.MULTILINE)
"""How pip starts a Python whose path is too long for a first line, or has a space in it."""
_RELEASE_IN_PATH = re.compile(r"/\.?codex[^/]*/(?:[^/]+/)*?(\d+\.\d+\.\d+)[^/]*/")
"""Homebrew's Cellar and Caskroom, and Codex's own installer, keep each release in a folder of its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexProgram:
    """A `codex` on PATH."""

    path: str
    release: str = ""
    """As its package says it, e.g. `0.169.0`; empty where nothing says it."""
    is_another: bool = False
    """Whether it is known to be another program of that name."""

    @property
    def version(self) -> tuple[int, ...] | None:
        """The release as numbers; None for one that is not known."""
        return read_version(self.release) if self.release else None


def on_path(name: str, env: Mapping[str, str]) -> list[str]:
    """Return the programs of this name, in the order of PATH, each once however it is linked."""
    found: dict[str, str] = {}
    endings = env.get("PATHEXT", ".EXE;.CMD").lower().split(";") if os.name == "nt" else [""]
    for folder in env.get("PATH", "").split(os.pathsep):
        for path in (os.path.join(folder, name + ending) for ending in endings):
            if os.path.isabs(folder) and os.access(path, os.X_OK) and os.path.isfile(path):
                found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def is_ours(path: str) -> bool:
    """Whether a command starts this package. One that cannot be read is nobody's that we know."""
    if _OUR_DOOR in _head(path):
        return True
    try:
        with zipfile.ZipFile(path) as packed:  # all of it as one file, or what pip makes on Windows
            names = packed.namelist()
            starts = packed.read("__main__.py")[:_HEAD] if "__main__.py" in names else b""
            return _OUR_DOOR in starts or any(name.startswith("codex_auth/cli/") for name in names)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def release_of_ours(path: str) -> str:
    """Return the release that a command of ours starts, as its environment's package data say it; "" if unknown."""
    top = os.path.dirname(os.path.dirname(os.path.realpath(path)))
    found = glob.glob(os.path.join(glob.escape(top), "lib", "python3*", "site-packages", f"{_DATA}*.dist-info"))
    return os.path.basename(found[0]).removeprefix(_DATA).removesuffix(".dist-info") if found else ""


def interpreter(path: str) -> str:
    """Return the program that runs a script, by its first line; "" for what is no script, or leaves it to PATH."""
    head = _head(path)
    if not head.startswith(b"#!"):
        return ""
    program = os.fsdecode(head[2:].partition(b"\n")[0].split(maxsplit=1)[0] if head[2:].strip() else b"")
    if os.path.basename(program) == "sh" and (by_exec := _EXEC.search(head)):
        return os.fsdecode(by_exec[1])
    return "" if os.path.basename(program) == "env" else program


def codexes(env: Mapping[str, str]) -> list[CodexProgram]:
    """Return every `codex` on PATH, the one that counts first."""
    return [_codex(path) for path in on_path("codex", env)]


def _codex(path: str) -> CodexProgram:
    package = package_of(path)
    if package is not None:
        name, release = str(package[1].get("name", "")), str(package[1].get("version", ""))
        return CodexProgram(path=path, release=release, is_another=not name.startswith(_CODEX_PACKAGE))
    in_path = _RELEASE_IN_PATH.search(os.path.realpath(path))
    is_python = os.path.basename(interpreter(path)).startswith("python")
    return CodexProgram(path=path, release=in_path[1] if in_path else "", is_another=is_python)


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
