"""The key that seals pending logins: made once, whoever comes first."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, local

import pytest

from codex_auth.core.secret import Secret
from codex_auth.edge import files
from codex_auth.keys.seal import Seal, SealFile

CROWD = 8


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return where the key will be."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder / "seal.key"


def test_a_crowd_that_finds_no_key_agrees_on_one(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's first secret can be opened afterwards: nobody sealed with a key that was replaced."""
    looked, together, look = local(), Barrier(CROWD), files.read_private

    def look_together(path: str, *, limit: int) -> bytes | None:
        found = look(path, limit=limit)
        if not hasattr(
            looked, "once"
        ):  # the first look of each; nobody goes on before all have seen that there is none
            looked.once = together.wait(10)
        return found

    monkeypatch.setattr(files, "read_private", look_together)
    seal = Seal(SealFile(str(key)))
    with ThreadPoolExecutor(CROWD) as crowd:
        sealed = list(crowd.map(lambda n: seal.close(Secret(f"secret {n}"), bound_to="it"), range(CROWD)))
    monkeypatch.undo()

    opened = [Seal(SealFile(str(key))).open(text, bound_to="it") for text in sealed]
    assert [text and text.reveal() for text in opened] == [f"secret {n}" for n in range(CROWD)]


def test_a_killed_maker_leaves_nothing(key: Path) -> None:
    """What a killed process left of a key is swept when the key is made."""
    (key.parent / ".seal.key.0123456789abcdef.tmp").touch(mode=0o600)

    Seal(SealFile(str(key))).close(Secret("x"), bound_to="it")

    assert sorted(path.name for path in key.parent.iterdir()) == ["locks", "seal.key"]


@pytest.mark.parametrize("torn", [b"", b"short", b"x" * 33])
def test_a_torn_key_is_replaced(key: Path, torn: bytes) -> None:
    """A key of the wrong size opens nothing, and the next secret gets a good one."""
    sealed = Seal(SealFile(str(key))).close(Secret("old"), bound_to="it")
    key.write_bytes(torn)

    assert Seal(SealFile(str(key))).open(sealed, bound_to="it") is None
    again = Seal(SealFile(str(key))).close(Secret("new"), bound_to="it")
    assert Seal(SealFile(str(key))).open(again, bound_to="it") == Secret("new")
