"""The installed OpenClaw is known by its package."""

import json
from pathlib import Path

import pytest

from codex_auth.neighbours.openclaw import installation, profile_prefix, version_on_path


def install(folder: Path, package: object) -> dict[str, str]:
    """Lay an `openclaw` out as npm does, and return the environment that finds it."""
    home = folder / "lib/node_modules/openclaw"
    home.mkdir(parents=True)
    program = home / "openclaw.mjs"
    program.write_text("#!/usr/bin/env node\n")
    program.chmod(0o755)
    (home / "package.json").write_text(package if isinstance(package, str) else json.dumps(package))
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "openclaw").symlink_to(program)
    return {"PATH": f"/nonexistent:{bin_folder}"}


@pytest.mark.parametrize(
    ("version", "prefix"),
    [
        ("2026.3.13", "openai-codex:"),
        ("2026.5.28", "openai-codex:"),
        ("2026.5.30-beta.1", "openai:"),
        ("2026.6.1", "openai:"),
        ("2026.9.6", "openai:"),
        ("2027.1.1", "openai:"),
    ],
)
def test_the_provider_is_called_what_the_release_calls_it(tmp_path: Path, version: str, prefix: str) -> None:
    """Up to 2026.5.28 it is `openai-codex`, from 2026.5.30 on `openai`."""
    assert profile_prefix(install(tmp_path, {"name": "openclaw", "version": version})) == prefix


@pytest.mark.parametrize(
    "package",
    ["{", "[]", {"name": "other", "version": "2026.9.6"}, {"name": "openclaw"}, {"name": "openclaw", "version": "x"}],
)
def test_what_does_not_say_is_unknown(tmp_path: Path, package: object) -> None:
    """A package that is damaged, another's, or without a version says nothing, and the old name is used."""
    env = install(tmp_path, package)

    assert version_on_path(env) is None
    assert profile_prefix(env) == "openai-codex:"


def test_no_openclaw_is_no_trouble(tmp_path: Path) -> None:
    """Nothing on PATH, or no PATH at all."""
    assert version_on_path({"PATH": str(tmp_path)}) is None
    assert version_on_path({}) is None


def test_the_node_of_the_first_line_is_found(tmp_path: Path) -> None:
    """A launcher that asks `env` for Node gets the one on PATH."""
    env = install(tmp_path, {"name": "openclaw", "version": "2026.9.6"})
    node = executable(tmp_path / "bin/node")

    found = installation(env)

    assert found is not None
    assert (found.release, found.nodes) == ("2026.9.6", (str(node),))
    assert found.package == str(tmp_path / "lib/node_modules/openclaw")


@pytest.mark.parametrize(
    "script",
    [
        '#!/bin/sh\nbasedir=$(dirname "$0")\nexec "$basedir/tools/node" "$basedir/x/node_modules/openclaw/cli.mjs"\n',
        '#!/usr/bin/env bash\nset -e\nexec {folder}/tools/node {folder}/x/node_modules/openclaw/dist/entry.js "$@"\n',
    ],
    ids=["pnpm", "the installer"],
)
def test_a_launcher_that_is_a_script_names_package_and_node(tmp_path: Path, script: str) -> None:
    """What pnpm and OpenClaw's own installer put on PATH is a shell script; its paths are read, it is not run."""
    package = tmp_path / "x/node_modules/openclaw"
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": "2026.6.1"}))
    node = executable(tmp_path / "tools/node")
    executable(tmp_path / "openclaw", script.replace("{folder}", str(tmp_path)))

    found = installation({"PATH": str(tmp_path)})

    assert found is not None
    assert (found.version, found.package, found.nodes) == ((2026, 6, 1), str(package), (str(node),))


def executable(path: Path, text: str = "") -> Path:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
