"""Fixtures that every folder of tests may use."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings

if TYPE_CHECKING:
    from tests.secret_service_bed import Desktop


settings.register_profile("suite", deadline=None)  # a busy machine is no finding
settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `tests/contract/test_gnome_keyring.py` choose what it runs."""
    parser.addoption("--gnome", action="store_true", help="run the tests that need a real GNOME Keyring, and only them")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what needs a real GNOME Keyring to the one test that runs it all, with patience for its moods."""
    wanted = config.getoption("--gnome")
    chosen = [
        item
        for item in items
        if wanted == bool({"desktop", "own_gnome_keyring"} & set(getattr(item, "fixturenames", ())))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


@pytest.fixture
def own_gnome_keyring() -> None:
    """Mark a test that starts a GNOME Keyring of its own."""


@pytest.fixture
def callback_ports() -> Iterator[None]:
    """Keep the ports 1455 and 1457 for one test at a time, across the processes of a parallel run."""
    with FileLock(Path(tempfile.gettempdir()) / "codex-auth-tests-callback-ports.lock"):
        yield


@pytest.fixture(autouse=True)
def _open_keyring(request: pytest.FixtureRequest) -> Iterator[None]:
    """Find the shared keyring open, whatever moods it had during the test before."""
    running = request.getfixturevalue("desktop") if "desktop" in request.fixturenames else None
    yield
    if hasattr(running, "open_again"):  # and not another fixture of that name
        running.open_again()


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Desktop"]:
    """Run a session bus and an unlocked GNOME Keyring for one module of tests."""
    from tests.secret_service_bed import running_desktop  # its libraries are there on Linux only

    with running_desktop(tmp_path_factory.mktemp("desktop")) as running:
        yield running
