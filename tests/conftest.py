"""Fixtures that every folder of tests may use."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from tests.secret_service_bed import Desktop


@pytest.fixture
def callback_ports() -> Iterator[None]:
    """Keep the ports 1455 and 1457 for one test at a time, across the processes of a parallel run."""
    with FileLock(Path(tempfile.gettempdir()) / "codex-auth-tests-callback-ports.lock"):
        yield


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Desktop"]:
    """Run a session bus and an unlocked GNOME Keyring for one module of tests."""
    from tests.secret_service_bed import running_desktop  # its libraries are there on Linux only

    with running_desktop(tmp_path_factory.mktemp("desktop")) as running:
        yield running
