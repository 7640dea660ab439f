"""What lies beside a vault, the index and the note of the last save, when a save is cut off or comes in between."""

from pathlib import Path

import pytest

from codex_auth.stores.vault import Vault
from tests.contract.store_contract import credential
from tests.contract.vault_bed import open_vault, with_passphrase


class Killed(BaseException):
    """The process ends here."""


def killed(*_: object) -> None:
    """End the process."""
    raise Killed


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """Return a vault that asks for a passphrase, and so believes its index; it holds one login."""
    vault = open_vault(tmp_path, with_passphrase(tmp_path))
    vault.save(credential("work"))
    return vault


def test_a_save_during_a_load_is_no_rollback(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has opened the vault when another process saves gets what was there, and hears of no older vault."""
    real = vault._open

    def overtaken() -> object:
        opened = real()
        open_vault(tmp_path, with_passphrase(tmp_path)).save(credential("home", 2))
        return opened

    monkeypatch.setattr(vault, "_open", overtaken)

    assert vault.load("work") == credential("work")


def test_removing_again_puts_the_list_right(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A removal that was killed before it came to the index is not listed for ever."""
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "_note", killed)
        with pytest.raises(Killed):
            vault.delete("work")
    again = open_vault(tmp_path, with_passphrase(tmp_path))
    assert again.names() == ["work"]

    assert again.delete("work") is False

    assert again.names() == []


def test_a_proof_puts_the_list_right(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A save that was killed before it came to the index is listed by whoever proves that a save could work."""
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "_note", killed)
        with pytest.raises(Killed):
            vault.save(credential("home", 2))
    again = open_vault(tmp_path, with_passphrase(tmp_path))
    assert again.names() == ["work"]

    again.prove_writable()

    assert again.names() == ["work", "home"]
