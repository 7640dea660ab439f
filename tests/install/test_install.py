"""What a newcomer installs is whole: the wheel by pipx and by uv, with the oldest libraries it names, and one file."""

import json
import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from codex_auth import __version__
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from tests.install.conftest import TOOLS, Installed, run

pytestmark = pytest.mark.xdist_group("install")  # each way once for all
WAYS = ("pipx", "uv", "lowest", "single-file")


def started(command: Path, home: Path, *words: str, given: str = "") -> dict[str, object]:
    """Run the installed command in a home of its own, with nothing of ours on the way, and return its document."""
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")}
    done = subprocess.run(
        [command, *words], env=env, cwd=home, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("way", WAYS)
def test_the_main_job_runs_where_it_was_installed(
    way: str, installed: Installed, tmp_path: Path, callback_ports: None
) -> None:
    """Started, approved, finished, a token, and shown; a refresh runs in a process that it starts itself."""
    command = installed(way)
    with Sandbox() as sandbox:
        begun = started(command, tmp_path, "start", "work", "--issuer", sandbox.issuer, "--json")
        address = approve(str(begun["login_url"]), account="work")
        assert started(command, tmp_path, "finish", "work", "--callback-url", "-", "--json", given=address)["ok"]

        first = started(command, tmp_path, "token", "work", "--json")
        store = tmp_path / ".local/share/codex-auth/auth-profiles.json"
        store.write_text(re.sub(r'("(?:expires|refreshed|signedIn)": )\d+', r"\g<1>1700000000000", store.read_text()))
        again = started(command, tmp_path, "token", "work", "--json")

    assert first["token"] != again["token"]
    [row] = started(command, tmp_path, "status", "--json")["profiles"]  # type: ignore[misc]
    assert row["profile"] == "work"  # type: ignore[index]


@pytest.mark.parametrize("way", ["pipx", "uv", "lowest"])
def test_what_it_needs_is_there_and_agrees(way: str, installed: Installed) -> None:
    """No package lacks another or disagrees with it about versions."""
    python = installed(way).resolve().parent / "python"
    assert "compatible" in run(TOOLS / "uv", "pip", "check", "--python", python)


def test_the_single_file_names_itself_in_what_it_leaves_behind(installed: Installed, tmp_path: Path) -> None:
    """A timer, or Codex, is told to start the file, and not what was unpacked and may be cleared away."""
    command = installed("single-file")
    told = started(command, tmp_path, "keep", "--install", "--json")
    assert str(told["cron"]).endswith(f"{command} keep --once --quiet")


def test_the_wheel_has_the_package_and_nothing_else(wheel: Path) -> None:
    """No test, script or scratch file; the license, the entry point and every file of the package are in it."""
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    info = f"codex_auth_profiles-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} <= {"codex_auth", info, f"codex_auth_profiles-{__version__}.data"}
    assert {f"{info}/licenses/LICENSE", f"{info}/entry_points.txt"} <= names
    package = Path(__file__).parents[2] / "codex_auth"
    tracked = run("git", "ls-files", package).split()
    assert {os.path.relpath(name) for name in tracked} <= names
