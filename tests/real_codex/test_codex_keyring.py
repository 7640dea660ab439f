"""The real codex that keeps its login in a real GNOME Keyring, and ours put where it looks."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import secretstorage

from codex_auth.sandbox.accounts import ACCOUNTS
from tests.real_codex.bed import Bed
from tests.real_codex.test_real_sign_in import sign_in
from tests.secret_service_bed import Desktop, running_desktop


@pytest.fixture
def desktop(bed: Bed, tmp_path: Path) -> Iterator[Desktop]:
    """Return a keyring that both programs use."""
    with running_desktop(tmp_path / "desktop") as desktop:
        address = {"DBUS_SESSION_BUS_ADDRESS": desktop.env["DBUS_SESSION_BUS_ADDRESS"]}
        bed.codex.more_env = address
        bed.program.env |= address
        yield desktop


def keep_in(bed: Bed, store: str, more: str = "") -> None:
    """Let the configuration say where Codex keeps its login."""
    config = bed.codex.codex_home / "config.toml"
    old = 'cli_auth_credentials_store = "file"'
    config.write_text(config.read_text().replace(old, f'cli_auth_credentials_store = "{store}"') + more)


def items() -> list[dict[str, str]]:
    """Return the attributes of every item of Codex's, without the one that GNOME Keyring adds when it likes."""
    with closing(secretstorage.dbus_init()) as bus:
        found = secretstorage.get_default_collection(bus).search_items({"service": "Codex Auth"})
        return [{key: said for key, said in item.get_attributes().items() if key != "xdg:schema"} for item in found]


@pytest.mark.usefixtures("desktop")
def test_a_lease_in_codexs_own_item(bed: Bed) -> None:
    """One item with its attributes, whoever wrote first; Codex works with it; taken back, it is gone."""
    keep_in(bed, "keyring")
    assert sign_in(bed.codex, "personal").code == 0
    [theirs] = items()
    assert bed.deliver("work")["error"] == "codex_has_login"

    assert bed.deliver("work", "--keep-as", "home", "--issuer", bed.sandbox.issuer)["kept_as"] == "home"

    assert items() == [theirs]
    assert not bed.codex.signed_in
    ended = bed.exec()
    assert ended.code == 0, ended.err
    assert bed.sandbox.log("responses")[-1].account_header == ACCOUNTS["bot"].account_id
    assert bed.deliver("work", "--take-back")["removed"] is True
    assert items() == []
    assert bed.codex.run("login", "status").code == 1


@pytest.mark.usefixtures("desktop")
def test_a_hand_over_into_the_keyring(bed: Bed) -> None:
    """Codex renews what it finds in a new item of ours, and keeps it there."""
    keep_in(bed, "auto")

    assert bed.deliver("work", "--hand-over")["ok"] is True

    assert bed.codex.run("login", "status").code == 0
    assert bed.exec().code == 0
    assert bed.codex.run("logout").code == 0
    assert items() == []
    assert len(bed.sandbox.log("revoke")) == 1


@pytest.mark.usefixtures("desktop")
def test_a_login_in_the_file_is_no_copy_once_it_is_kept(bed: Bed) -> None:
    """With `auto` Codex falls back to the file; what we took over from there does not stay there."""
    assert sign_in(bed.codex, "personal").code == 0
    keep_in(bed, "auto")
    assert bed.deliver("work")["error"] == "codex_has_login"

    assert bed.deliver("work", "--keep-as", "home", "--issuer", bed.sandbox.issuer)["kept_as"] == "home"

    assert not bed.codex.signed_in
    assert len(items()) == 1
    assert bed.program("refresh", "home").returncode == 0


@pytest.mark.usefixtures("desktop")
def test_what_only_codex_can_write_is_refused(bed: Bed) -> None:
    """The encrypted file of secret_auth_storage, and a store that forgets; nothing is written."""
    keep_in(bed, "keyring", "\n[features]\nsecret_auth_storage = true\n")
    encrypted = bed.deliver("work")
    keep_in(bed, "keyring")
    config = bed.codex.codex_home / "config.toml"
    config.write_text(config.read_text().replace('"keyring"', '"ephemeral"'))
    forgetful = bed.deliver("work")

    assert (encrypted["error"], encrypted["exit_code"]) == ("codex_store_refused", 6)
    assert "secret_auth_storage" in encrypted["message"]
    assert forgetful["error"] == "codex_store_refused"
    assert (items(), bed.codex.signed_in) == ([], False)


def test_a_locked_keyring_is_said(bed: Bed, desktop: Desktop) -> None:
    """Nobody is asked for a password on another screen."""
    keep_in(bed, "keyring")
    desktop.lock()

    refused = bed.deliver("work")

    assert (refused["error"], refused["exit_code"]) == ("codex_keyring_unusable", 7)
