"""Fixtures that every folder of tests may use."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock


@pytest.fixture
def callback_ports() -> Iterator[None]:
    """Keep the ports 1455 and 1457 for one test at a time, across the processes of a parallel run."""
    with FileLock(Path(tempfile.gettempdir()) / "codex-auth-tests-callback-ports.lock"):
        yield
