"""The encrypted vault, with a key file and with a passphrase."""

from pathlib import Path

import pytest

from tests.contract.store_contract import StoreContract


class TestKeyFile(StoreContract):
    """A vault that opens with a key file."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a vault that does not exist yet."""
        return (
            "from pathlib import Path\n"
            "from tests.contract.vault_bed import open_vault\n"
            f"store = open_vault(Path({str(tmp_path)!r}))"
        )


class TestPassphrase(StoreContract):
    """A vault that opens with a passphrase."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a vault that does not exist yet."""
        return (
            "from pathlib import Path\n"
            "from tests.contract.vault_bed import open_vault, with_passphrase\n"
            f"folder = Path({str(tmp_path)!r})\n"
            "store = open_vault(folder, with_passphrase(folder))"
        )
