"""`apply` killed and failed at its steps; `scripts/sweep --command apply-reload --command apply-node` does at each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.notes import queue
from codex_auth.sandbox.server import Sandbox
from tests.crash import rig
from tests.crash.calls import KILL, Injection, is_vital
from tests.crash.claw_rig import ClawBench
from tests.crash.claw_scene import ClawScene, Gateway
from tests.crash.scene import COMMANDS, Result

pytestmark = pytest.mark.crash

STEPS = ("~/state/codex-auth-pending.json", "~/state/applies.json", "~/state/deliveries/work.json")
"""The files whose new content makes a step, its outcome, or a delivery known."""


@pytest.mark.parametrize(("name", "every"), [("apply-reload", 3), ("apply-node", 1)])
def test_killed_at_a_step_it_is_applied_once(name: str, every: int) -> None:
    """Whoever comes after it ends it: one restart where one was asked for, nothing lost, nothing left, nothing told."""
    with ClawBench(name) as bench:
        made = [call for call in bench.calls if call.name == "rename" and call.what.endswith(STEPS)]
        others = [call for call in bench.calls if is_vital(call) and call.name in {"write", "fsync"}][9::24]
        chosen = [Injection(call=call, fault=KILL) for call in made[1::every]]
        chosen += [Injection(call=call, fault="EIO") for call in others]
        found = {str(each): bench.try_one(each, turn=turn)[1] for turn, each in enumerate(chosen)}

    assert {where: findings for where, findings in found.items() if findings} == {}
    assert len(found) > 2


# --- the rig itself -----------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[ClawScene]:
    """Return a home in which a login was applied by a restart."""
    gateway = Gateway()
    with Sandbox() as sandbox:
        made = ClawScene(COMMANDS["apply-node"], tmp_path / "scene", sandbox, gateway=gateway)
        result = rig.run(made, made.command_line)
        assert result.status == 0, result.err
        assert made.examine(result) == []
        yield made
    gateway.shutdown()
    gateway.server_close()


def _restart_again(scene: ClawScene) -> None:
    with (scene.claw / "asked").open("a") as file:
        file.write("restart\n")


def _use_another(scene: ClawScene) -> None:
    used = scene.claw / "used"
    used.write_text(used.read_text().replace(scene.login.access.reveal(), "another"))


def _forget(scene: ClawScene) -> None:
    Path(scene.places.applies).unlink()


def _tell(scene: ClawScene) -> None:
    with (scene.claw / "asked").open("a") as file:
        file.write(f"paste {scene.login.access.reveal()}\n")


@pytest.mark.parametrize(
    ("damage", "kind"), [(_restart_again, "untrue"), (_use_another, "lost"), (_forget, "lost"), (_tell, "leak")]
)
def test_the_rig_sees_damage(scene: ClawScene, damage: Callable[[ClawScene], None], kind: str) -> None:
    """Each kind of damage is found by its name."""
    [row] = scene.over()
    assert row.step == queue.DONE
    damage(scene)

    found = (
        scene.examine(Result(status=0, out="", err="")) if damage is _tell else scene.recover(retry=True, by_hand=False)
    )

    assert kind in {finding.kind for finding in found}
