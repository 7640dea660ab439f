"""`auth-profiles.json`, our own file and OpenClaw's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contract.store_contract import LastingStoreContract


def opening_of(folder: Path, *, openclaw: bool) -> str:
    """Return the text that opens a profiles file in a folder."""
    return (
        "from codex_auth.stores.auth_profiles import AuthProfiles\n"
        f"store = AuthProfiles({str(folder / 'data' / 'auth-profiles.json')!r}, "
        f"locks={str(folder / 'locks')!r}, openclaw={openclaw})"
    )


def cut(folder: Path) -> Callable[[str], None]:
    """Return what cuts the end off a profiles file in a folder."""
    path = folder / "data" / "auth-profiles.json"
    return lambda _profile: path.write_bytes(path.read_bytes()[:-20]) and None


class TestOwnFile(LastingStoreContract):
    """A file of ours."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a file that does not exist yet."""
        return opening_of(tmp_path, openclaw=False)

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Cut the file."""
        return cut(tmp_path)


class TestOpenClawsFile(LastingStoreContract):
    """OpenClaw's file, under its lock."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a file that does not exist yet."""
        return opening_of(tmp_path, openclaw=True)

    @pytest.fixture
    def buried(self, tmp_path: Path) -> Callable[[], None]:
        """Remove the lock file of the dead one, which tells by its number that he lives."""
        return lambda: (tmp_path / "data" / "auth-profiles.json.lock").unlink(missing_ok=True)

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Cut the file."""
        return cut(tmp_path)
