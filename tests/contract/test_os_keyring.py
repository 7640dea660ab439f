"""Profiles in a keyring: one with the limit of Windows, and the real GNOME Keyring."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from codex_auth.keys.keyrings import Keyring
from codex_auth.stores.index import Index
from tests.contract.folder_keyring import FolderKeyring
from tests.contract.store_contract import LastingStoreContract
from tests.secret_service_bed import Desktop


def opening_of(folder: Path) -> str:
    """Return the text that opens a store over a keyring in a folder."""
    return (
        "from codex_auth.keys.keyrings import Keyring\n"
        "from codex_auth.stores.index import Index\n"
        "from codex_auth.stores.os_keyring import OsKeyring\n"
        "from tests.contract.folder_keyring import LIMIT, FolderKeyring\n"
        f"backend = FolderKeyring({str(folder / 'items')!r})\n"
        f"index = Index({str(folder / 'data' / 'index.json')!r}, locks={str(folder / 'locks')!r}, kind='keyring')\n"
        f"store = OsKeyring(Keyring(backend, limit=LIMIT), index, locks={str(folder / 'locks')!r})"
    )


class TestSmallItems(LastingStoreContract):
    """A keyring whose items hold 1,280 characters."""

    operations: ClassVar = [*LastingStoreContract.operations, (Keyring, "write"), (Keyring, "remove")]

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open an empty one."""
        return opening_of(tmp_path)

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Put another text into the head of the profile."""
        backend = FolderKeyring(str(tmp_path / "items"))
        return lambda profile: spoil(Keyring(backend, limit=backend.limit), profile)


class TestGnomeKeyring(LastingStoreContract):
    """The keyring of a GNOME desktop, over its own session bus."""

    operations: ClassVar = [(Keyring, "write"), (Keyring, "remove"), (Index, "put")]
    fewest = 3

    @pytest.fixture
    def opening(self, tmp_path: Path, desktop: Desktop) -> str:
        """Open it with none of our items in it."""
        desktop.clear()
        return (
            "from codex_auth.keys.keyrings import Keyring\n"
            "from codex_auth.stores.index import Index\n"
            "from codex_auth.stores.os_keyring import OsKeyring\n"
            f"index = Index({str(tmp_path / 'data' / 'index.json')!r}, locks={str(tmp_path / 'locks')!r}, "
            "kind='keyring')\n"
            f"store = OsKeyring(Keyring(), index, locks={str(tmp_path / 'locks')!r})"
        )

    @pytest.fixture
    def damaged(self) -> Callable[[str], None]:
        """Put another text into the item of the profile."""
        return lambda profile: spoil(Keyring(), profile)


def spoil(keyring: Keyring, profile: str) -> None:
    """Change one character of a profile's first item."""
    ((name, text),) = keyring.read([f"{profile}#a1", f"{profile}#b1"]).items()
    keyring.write(name, text[:-1] + ("y" if text[-1] == "x" else "x"))
