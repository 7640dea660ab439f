"""The wheel, installed the ways that people install it, each into an empty place of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent

Installed = Callable[[str], Path]
"""Returns the `codex-auth` that was installed the named way: `pipx`, `uv`, `lowest` or `single-file`."""


def run(*words: str | Path, **env: str | Path) -> str:
    """Run a tool, with the environment changed, and return what it printed."""
    changed = {**os.environ, "PATH": f"{TOOLS}:/usr/bin:/bin", **{name: str(value) for name, value in env.items()}}
    done = subprocess.run(words, env=changed, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    run(TOOLS / "python", "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install once for each way that is asked for."""
    done: dict[str, Path] = {}

    def by_uv(place: Path, *more: str) -> Path:
        run(TOOLS / "uv", "tool", "install", "-q", *more, wheel, UV_TOOL_DIR=place, UV_TOOL_BIN_DIR=place / "bin")
        return place / "bin/codex-auth"

    def by_pipx(place: Path) -> Path:
        run(TOOLS / "pipx", "install", wheel, PIPX_HOME=place, PIPX_BIN_DIR=place / "bin", HOME=place)
        return place / "bin/codex-auth"

    def as_single_file(place: Path) -> Path:
        run(ROOT / "scripts/single-file", "--here", place / "codex-auth")
        return place / "codex-auth"

    ways = {
        "pipx": by_pipx,
        "uv": by_uv,
        "lowest": lambda place: by_uv(place, "--resolution", "lowest-direct"),
        "single-file": as_single_file,
    }

    def get(way: str) -> Path:
        if way not in done:
            done[way] = ways[way](tmp_path_factory.mktemp(way))
        return done[way]

    return get
