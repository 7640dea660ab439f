"""Import, export and keys killed and failed at their calls; `scripts/sweep --command carry` does it at every one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.crash.carry_scene import BENCHES, CarryScene
from tests.crash.scene import CARRYING, Result
from tests.crash.store_rig import sample

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(("name", "every"), [("export-plain", 16), ("import-over", 16), ("key-replace", 8)])
def test_no_fault_loses_what_travels(name: str, every: int) -> None:
    """After any fault a login is in the store or the file, a key is the old or the new one; doing it again ends it."""
    with BENCHES[name](name) as bench:
        chosen = sample(bench.calls, every=every)
        found = {str(each): bench.try_one(each, turn=turn)[1] for turn, each in enumerate(chosen)}

    assert {where: findings for where, findings in found.items() if findings} == {}
    assert len(found) > 2


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[CarryScene]:
    """Return a home from which a login was exported."""
    with Sandbox() as sandbox:
        made = CarryScene(CARRYING["export-plain"], tmp_path / "scene", sandbox)
        made._in_process()
        yield made


def _double(scene: CarryScene) -> None:
    assert scene.login is not None
    scene.store.save(scene.login)


def _lose(scene: CarryScene) -> None:
    scene.file.unlink()


def _halve(scene: CarryScene) -> None:
    scene.file.write_bytes(scene.file.read_bytes()[:200])


def _tell(scene: CarryScene) -> None:
    assert scene.login is not None
    Path(scene.places.state, "note.json").write_text(f'["{scene.login.access.reveal()}"]')
    Path(scene.places.state, "note.json").chmod(0o600)


@pytest.mark.parametrize(
    ("damage", "kind"), [(_double, "untrue"), (_lose, "lost"), (_halve, "corrupt"), (_tell, "leak")]
)
def test_the_rig_sees_damage(scene: CarryScene, damage: Callable[[CarryScene], None], kind: str) -> None:
    """Each kind of damage is found by its name, and nothing where nothing is wrong."""
    well = Result(status=0, out="work is exported", err="")
    assert scene.examine(well) == []

    damage(scene)

    assert kind in {finding.kind for finding in scene.examine(well)}
