"""The store that tests use keeps the same promises as the real ones."""

from pathlib import Path

import pytest

from tests.contract.store_contract import StoreContract


class TestMemory(StoreContract):
    """A store in memory."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open an empty one."""
        return f"from codex_auth.stores.memory import Memory\nstore = Memory(locks={str(tmp_path / 'locks')!r})"
