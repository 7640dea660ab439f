"""`deliver codex` killed and failed at its calls; `scripts/sweep --command codex` does it at every one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.crash.codex_scene import BENCHES, CodexScene
from tests.crash.scene import COMMANDS, PROFILE, Result
from tests.crash.store_rig import sample

pytestmark = pytest.mark.crash


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("deliver-codex", 12),
        ("deliver-codex-whole", 12),
        ("deliver-codex-kept", 16),
        ("deliver-codex-provider", 20),
        ("take-back-codex-provider", 4),
    ],
)
def test_no_fault_loses_a_login_or_doubles_its_owner(name: str, every: int) -> None:
    """After any fault each login is somewhere, two have it only where a mark says so, and doing it again ends it."""
    with BENCHES[name](name) as bench:
        chosen = sample(bench.calls, every=every)
        found = {str(each): bench.try_one(each, turn=turn)[1] for turn, each in enumerate(chosen)}

    assert {where: findings for where, findings in found.items() if findings} == {}
    assert len(found) > 2


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[CodexScene]:
    """Return a home in which a login was handed over."""
    with Sandbox() as sandbox:
        made = CodexScene(COMMANDS["deliver-codex-whole"], tmp_path / "scene", sandbox)
        made._again()
        yield made


def _double(scene: CodexScene) -> None:
    assert scene.ours is not None
    scene.store.save(scene.ours)


def _lose(scene: CodexScene) -> None:
    scene.file.unlink()


def _tell(scene: CodexScene) -> None:
    assert scene.ours is not None
    path = Path(scene.places.deliveries, f"{PROFILE}.json")
    path.write_text(path.read_text().replace('"agent": ""', f'"agent": "{scene.ours.access.reveal()}"'))


@pytest.mark.parametrize(("damage", "kind"), [(_double, "untrue"), (_lose, "lost"), (_tell, "leak")])
def test_the_rig_sees_damage(scene: CodexScene, damage: Callable[[CodexScene], None], kind: str) -> None:
    """Each kind of damage is found by its name, and nothing where nothing is wrong."""
    well = Result(status=0, out="work is handed over", err="")
    assert scene.examine(well) == []

    damage(scene)

    assert kind in {finding.kind for finding in scene.examine(well)}
