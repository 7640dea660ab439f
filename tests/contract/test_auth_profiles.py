"""`auth-profiles.json`, our own file and OpenClaw's."""

from pathlib import Path

import pytest

from tests.contract.store_contract import StoreContract


def opening_of(folder: Path, *, openclaw: bool) -> str:
    """Return the text that opens a profiles file in a folder."""
    return (
        "from codex_auth.stores.auth_profiles import AuthProfiles\n"
        f"store = AuthProfiles({str(folder / 'data' / 'auth-profiles.json')!r}, "
        f"locks={str(folder / 'locks')!r}, openclaw={openclaw})"
    )


class TestOwnFile(StoreContract):
    """A file of ours."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a file that does not exist yet."""
        return opening_of(tmp_path, openclaw=False)


class TestOpenClawsFile(StoreContract):
    """OpenClaw's file, under its lock."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open a file that does not exist yet."""
        return opening_of(tmp_path, openclaw=True)
