"""Refreshes killed, failed and cut off at their calls; `scripts/sweep --command refresh` does it at every one."""

import dataclasses
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.core.errors import AuthError
from codex_auth.notes.journal import Journal
from codex_auth.sandbox.server import Sandbox
from codex_auth.stories.refresh import Wish, refresh
from tests.crash import refresh_rig, rig
from tests.crash.calls import KILL, PROVIDER, Injection, is_vital
from tests.crash.refresh_scene import LOST, WORKS, RefreshScene
from tests.crash.scene import COMMANDS, PROFILE, Result

pytestmark = pytest.mark.crash

WELL = Result(status=0, out="work: the access token ends in 59m 59s.\n", err="")


@pytest.mark.parametrize(("name", "every"), [("refresh", 160), ("refresh-kind", 1000)])
def test_no_fault_loses_a_login_without_need(name: str, every: int) -> None:
    """After any fault the login works, or was lost in the one gap and said to be; never with a kind provider."""
    chosen = refresh_rig.sample(refresh_rig.calls_of(name), every=every)

    tally = rig.sweep(name, chosen, workers=1, bench_of=refresh_rig.RefreshBench)

    assert [f"{where}: {finding}" for where, finding in tally.found] == []
    assert tally.classes[WORKS] > 10
    assert (tally.classes[LOST] > 0) is (name == "refresh")


def test_the_order_of_steps() -> None:
    """Intent, request, reply, save, note: each is durable before the next, and nothing stands in the gap but the reply.

    What may be lost is decided by this order, so it is looked at by itself.
    """
    calls = refresh_rig.calls_of("refresh")
    folder, notes = "~/.local/share/codex-auth", "~/state/journal"
    new_note = ("rename", f"{notes}/.{PROFILE}.json.*.tmp → {refresh_rig.NOTE}")

    steps = iter([(call.name, call.what) for call in calls if is_vital(call)])
    for step in [
        ("fallocate", f"{folder}/.auth-profiles.json.*.tmp"),
        ("fsync", f"{notes}/.{PROFILE}.json.*.tmp"),
        new_note,
        ("fsync", notes),
        ("connect", PROVIDER),
        ("sendto", PROVIDER),
        ("recvfrom", PROVIDER),
        ("fsync", f"{notes}/.{PROFILE}.json.*.tmp"),
        new_note,
        ("fsync", notes),
        ("fsync", f"{folder}/.auth-profiles.json.*.tmp"),
        ("rename", f"{folder}/.auth-profiles.json.*.tmp → {folder}/auth-profiles.json"),
        ("fsync", folder),
        new_note,
    ]:
        assert step in steps, f"{step} is missing, or out of order"
    assert {call.what.rpartition("/")[0] for call in refresh_rig.gap(calls) if call.changes} <= {
        notes,
        f"{notes}/.{PROFILE}.json.*.tmp → ~/state/journal",
    }


def test_kills_at_random_moments() -> None:
    """Whenever it is killed, the login works afterwards or its loss is explained, and said."""
    tally = refresh_rig.random_kills("refresh", 15, random.Random(7))

    assert [f"{where}: {finding}" for where, finding in tally.found] == []
    assert tally.injections == 15
    assert sum(tally.classes.values()) == 15
    assert len(tally.faults) > 1, "all kills came at one step"


# --- the rig itself -----------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[RefreshScene]:
    """Return a home with a login."""
    with Sandbox() as sandbox:
        yield RefreshScene(COMMANDS["refresh"], tmp_path / "scene", sandbox)


def renew(scene: RefreshScene) -> None:
    """Refresh once."""
    refresh(PROFILE, Wish(is_forced=True), store=scene.store, places=scene.places, world=scene.world)


def lose(scene: RefreshScene) -> None:
    """Let a reply be lost on the way."""
    scene.sandbox.fault("drop")
    with pytest.raises(AuthError):
        renew(scene)


def kinds(scene: RefreshScene, result: Result | None = None) -> set[str]:
    """Return what is found."""
    found = scene.examine(result) if result else []
    return {finding.kind for finding in [*found, *scene.recover(retry=False, by_hand=False)]}


def test_the_rig_is_content_with_a_good_end(scene: RefreshScene) -> None:
    """Nothing is found where nothing is wrong."""
    renew(scene)

    assert kinds(scene, WELL) == set()
    assert scene.ending == WORKS


@pytest.mark.parametrize("by_hand", [False, True])
def test_the_rig_accepts_a_loss_in_the_gap_only(scene: RefreshScene, by_hand: bool) -> None:
    """A lost reply is a class of its own where it may be lost, and a finding where it may not."""
    lose(scene)
    scene.may_lose = by_hand

    found = {finding.kind for finding in scene.recover(retry=False, by_hand=by_hand)}

    assert scene.ending == LOST
    assert found == (set() if by_hand else {"lost"})


def test_the_rig_sees_a_silent_loss(scene: RefreshScene) -> None:
    """A loss without the note that explains it is told in other words, and found."""
    lose(scene)
    scene.may_lose = True
    Journal(scene.places, PROFILE).forget()

    assert kinds(scene) == {"stuck"}


def test_the_rig_sees_a_spent_token(scene: RefreshScene) -> None:
    """A provider that was shown a token twice is found, although the login works again."""
    before = scene.store.load(PROFILE)
    assert before is not None
    renew(scene)
    with scene.store.lock(PROFILE, timeout=5):
        scene.store.save(before)
    with pytest.raises(AuthError):
        renew(scene)
    scene.sign_in(PROFILE)

    assert "lost" in kinds(scene)


def test_the_rig_sees_a_torn_pair(scene: RefreshScene) -> None:
    """A new access token beside the old refresh token is found."""
    before = scene.store.load(PROFILE)
    assert before is not None
    renew(scene)
    held = scene.store.load(PROFILE)
    assert held is not None
    with scene.store.lock(PROFILE, timeout=5):
        scene.store.save(dataclasses.replace(held, refresh=before.refresh))

    assert "corrupt" in kinds(scene, WELL)


def test_the_rig_sees_a_lie(scene: RefreshScene) -> None:
    """Exit status 0 without a new login is found."""
    assert "untrue" in {finding.kind for finding in scene.examine(WELL)}


def test_the_rig_sees_a_secret(scene: RefreshScene) -> None:
    """A token on a stream is found."""
    renew(scene)
    token = scene.program.stored()["profiles"][f"openai-codex:{PROFILE}"]["access"]

    assert "leak" in kinds(scene, dataclasses.replace(WELL, err=json.dumps(token)))


def test_the_rig_knows_where_a_login_may_be_lost() -> None:
    """A kill as the request leaves loses nothing, one as the reply comes in does."""
    with refresh_rig.RefreshBench("refresh") as bench:
        for name, ending in (("sendto", WORKS), ("recvfrom", LOST)):
            [call] = [call for call in bench.calls if (call.name, call.what) == (name, PROVIDER)]
            with bench.scene() as scene:
                assert bench.inject(scene, Injection(call=call, fault=KILL)) is not None
                assert scene.may_lose is (name == "recvfrom")
                assert scene.recover(retry=False, by_hand=False) == []
                assert scene.ending == ending
