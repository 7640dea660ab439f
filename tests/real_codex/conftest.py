"""The real codex program: found, or installed once for the whole run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.real_codex.bed import Bed
from tests.real_codex.codex import VERSION, Codex, installed
from tests.story.conftest import Program

_ROOT = Path(__file__).parents[2]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and leave an older release to whoever asks for it."""
    if "long_codex" not in config.getoption("-m"):
        long = [item for item in items if item.get_closest_marker("long_codex")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real_codex)


@pytest.fixture(scope="session")
def codex_program() -> Path:
    """Return codex: the one named by CODEX_AUTH_TEST_CODEX, or our own copy, installed on first use."""
    if named := os.environ.get("CODEX_AUTH_TEST_CODEX"):
        return Path(named)
    return installed(VERSION)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a sandbox whose device page is polled every second."""
    with Sandbox(device_interval=1) as running:
        yield running


@pytest.fixture
def codex(codex_program: Path, sandbox: Sandbox, tmp_path: Path) -> Codex:
    """Return codex in a home of its own, pointed at the sandbox."""
    return Codex(codex_program, tmp_path / "home", sandbox.issuer)


@pytest.fixture
def bed(codex: Codex, sandbox: Sandbox, tmp_path: Path) -> Bed:
    """Return somebody with one profile, `work`, and a Codex that is signed out."""
    home = tmp_path / "ours"
    home.mkdir(mode=0o700)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")}
    env |= {name: value for name, value in os.environ.items() if "COVERAGE" in name}
    bed = Bed(Program(home, env), codex, sandbox)
    bed.sign_in()
    return bed
