"""Vault, moves and rekeys killed and failed at their calls; `scripts/sweep --command stores` does it at every one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.core.policy import Policy
from codex_auth.sandbox.server import Sandbox
from codex_auth.stores.os_keyring import OsKeyring
from codex_auth.stories.move import move
from tests.crash import store_rig
from tests.crash.refresh_rig import gap
from tests.crash.scene import COMMANDS, OTHER, PROFILE, Result
from tests.crash.store_scene import KeepingScene

pytestmark = pytest.mark.crash

WELL = Result(status=0, out="work is moved", err="")


@pytest.mark.parametrize(
    ("name", "every"),
    [
        *(("finish-vault", 34), ("refresh-vault", 34), ("rekey", 16)),
        *(("move-file-vault", 24), ("move-vault-file", 24), ("move-file-keyring", 24)),
        *(("move-keyring-file", 24), ("move-vault-keyring", 30), ("move-keyring-vault", 30)),
    ],
)
def test_no_fault_loses_what_is_kept(name: str, every: int) -> None:
    """After any fault each login is whole in one store or two, no token stands in clear, and doing it again ends it."""
    with store_rig.BENCHES[name](name) as bench:
        chosen = store_rig.sample(bench.calls, every=every)
        found = {str(each): bench.try_one(each, turn=turn)[1] for turn, each in enumerate(chosen)}

    assert {where: findings for where, findings in found.items() if findings} == {}
    assert len(found) > 2


# --- the rig itself -----------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[KeepingScene]:
    """Return a home in which a login was moved from the keyring to the vault."""
    with Sandbox() as sandbox:
        made = KeepingScene(COMMANDS["move-keyring-vault"], tmp_path / "scene", sandbox)
        move(PROFILE, "vault", policy=Policy(), store=made.shelves(), places=made.places)
        yield made


def test_the_rig_is_content_with_a_good_end(scene: KeepingScene) -> None:
    """Nothing is found where nothing is wrong."""
    assert scene.examine(WELL) == []
    assert scene.recover(retry=False, by_hand=True) == []


def _lose(scene: KeepingScene) -> None:
    scene.shelves().shelf("vault").delete(PROFILE)


def _swap(scene: KeepingScene) -> None:
    scene.sign_in(PROFILE)


def _tell(scene: KeepingScene) -> None:
    path = scene.program.home / "state" / ".vault.cav.0123456789abcdef.tmp"
    path.write_text(scene.logins[PROFILE].access.reveal())
    path.chmod(0o600)


def _put_back(scene: KeepingScene) -> None:
    scene.shelves().shelf("keyring").save(scene.logins[PROFILE])
    scene.shelves().shelf("vault").delete(PROFILE)


@pytest.mark.parametrize(
    ("damage", "kind"), [(_lose, "lost"), (_swap, "corrupt"), (_tell, "leak"), (_put_back, "untrue")]
)
def test_the_rig_sees_damage(scene: KeepingScene, damage: Callable[[KeepingScene], None], kind: str) -> None:
    """Each kind of damage is found by its name."""
    damage(scene)

    assert kind in {finding.kind for finding in scene.examine(WELL)}


def test_a_removal_that_was_cut_off_hides_no_login(scene: KeepingScene) -> None:
    """A profile that the keyring only lists still is found where it is, and moving again ends it."""
    keyring = scene.shelves().shelf("keyring")
    assert isinstance(keyring, OsKeyring)
    keyring.save(scene.logins[PROFILE])
    for slot in "ab":
        keyring._clear(PROFILE, slot)
    assert scene.shelves().kinds_with(PROFILE) == ["keyring", "vault"]

    found = scene.shelves().load(PROFILE)

    assert found is not None
    assert found.access == scene.logins[PROFILE].access
    assert scene.recover(retry=False, by_hand=False) == []
    assert scene.shelves().load(OTHER) == scene.logins[OTHER]


def test_the_refresh_of_a_vault_has_the_same_gap() -> None:
    """A login in the vault may be lost at the same few calls as one in the file, and at no other."""
    with store_rig.BENCHES["refresh-vault"]("refresh-vault") as bench:
        inside = [call for call in gap(bench.calls) if call.changes and "vault" in call.what]

    assert inside == []
