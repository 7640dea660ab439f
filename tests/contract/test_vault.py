"""The encrypted vault, with a key file and with a passphrase."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.store_contract import LastingStoreContract


def flipping(path: Path) -> Callable[[str], None]:
    """Return what flips a bit in the middle of a file."""

    def flip(_profile: str) -> None:
        text = bytearray(path.read_bytes())
        text[len(text) // 2] ^= 1
        path.write_bytes(text)

    return flip


class TestKeyFile(LastingStoreContract):
    """A vault that opens with a key file."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a vault that does not exist yet."""
        return (
            "from pathlib import Path\n"
            "from tests.contract.vault_bed import open_vault\n"
            f"store = open_vault(Path({str(tmp_path)!r}))"
        )

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Flip a bit of the vault."""
        return flipping(tmp_path / "data" / "vault.cav")


class TestPassphrase(LastingStoreContract):
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

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Flip a bit of the vault."""
        return flipping(tmp_path / "data" / "vault.cav")
