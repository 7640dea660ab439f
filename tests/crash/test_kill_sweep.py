"""Commands killed and failed at their system calls; `scripts/sweep` does the same at every one of them."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.crash import rig
from tests.crash.calls import KILL, Call, Injection, is_vital, sample
from tests.crash.scene import COMMANDS, Result, Scene

pytestmark = pytest.mark.crash

MOMENTS = 12
"""For the three signals together."""


@pytest.mark.parametrize(
    ("name", "every", "part", "parts"),
    [
        ("finish", 24, 0, 2),
        ("finish", 24, 1, 2),
        ("finish-device", 90, 0, 2),
        ("start", 24, 0, 1),
        ("cancel", 12, 0, 1),
    ],
)
def test_no_fault_breaks_anything(name: str, every: int, part: int, parts: int) -> None:
    """After any fault the other login is intact, nothing leaks, the status is true, and a fresh sign-in works.

    Of the device code, whose saving is that of `finish`, every second one of the sample; `scripts/sweep` does them all.
    """
    tally = rig.sweep(name, list(sample(rig.calls_of(name), every=every))[part::parts], workers=1)

    assert tally.injections > 10
    assert [f"{where}: {finding}" for where, finding in tally.found] == []


def test_the_sweep_reaches_every_phase() -> None:
    """Claim, exchange, save, backup, rename, folder sync and the end of the pending login are among the calls."""
    vital = [(call.phase, call.name, call.what) for call in rig.calls_of("finish") if is_vital(call)]
    folder = "~/.local/share/codex-auth"
    temporary = f"{folder}/.auth-profiles.json.*.tmp"

    steps = iter(vital)
    for step in [
        ("before the exchange", "fallocate", temporary),
        ("before the exchange", "rename", _renamed("~/state", "codex-auth-pending.json")),
        ("before the exchange", "fsync", "~/state"),
        ("exchange", "sendto", "the provider"),
        ("exchange", "close", "the provider"),
        ("after the exchange", "write", temporary),
        ("after the exchange", "fsync", temporary),
        ("after the exchange", "linkat", f"{folder}/auth-profiles.json → {temporary}"),
        ("after the exchange", "rename", f"{temporary} → {folder}/auth-profiles.json.bak"),
        ("after the exchange", "fsync", folder),
        ("after the exchange", "rename", _renamed(folder, "auth-profiles.json")),
        ("after the exchange", "fsync", folder),
        ("after the exchange", "rename", _renamed("~/state", "codex-auth-pending.json")),
        ("after the exchange", "fsync", "~/state"),
    ]:
        assert step in steps, f"{step} is missing, or out of order"


def _renamed(folder: str, name: str) -> str:
    return f"{folder}/.{name}.*.tmp → {folder}/{name}"


def test_a_kill_between_exchange_and_save_is_told() -> None:
    """The code is gone: the same redirect is told that it was interrupted (exit 3), and a fresh sign-in works."""
    with rig.Bench("finish") as bench, bench.scene() as scene:
        result = bench.inject(scene, Injection(call=_first_after_exchange(bench.calls), fault=KILL))
        assert result is not None
        assert result.status == -signal.SIGKILL
        assert scene.spent() == 1
        assert scene.has_new_login() is False

        again = scene.program("finish", "work", "--callback-url", "-", given=scene.redirect)

        assert again.returncode == 3
        assert "was interrupted while it was being finished" in again.stderr
        assert "codex-auth start" in again.stderr
        assert scene.spent() == 1
        scene.sign_in_by_hand()


def _first_after_exchange(calls: list[Call]) -> Call:
    return next(call for call in calls if call.phase == "after the exchange" and call.changes)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_never_cuts_a_sign_in_in_half(number: str) -> None:
    """Whenever it comes, the login is stored or its code unspent, the status says which, and one can go on."""
    with rig.Bench("finish") as bench:
        spread = bench.calls[:: len(bench.calls) // (MOMENTS // 3) + 1]
        exchange = [call for call in bench.calls if call.phase == "exchange"]
        for turn, call in enumerate([*spread, *exchange]):
            result, findings = bench.try_one(Injection(call=call, fault=number), turn=turn)
            assert findings == [], (str(call), result)


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_waits_for_a_slow_provider(number: str) -> None:
    """A signal while the provider thinks about the code is answered after the login is stored, and not before."""
    with rig.Bench("finish") as bench, bench.scene() as scene:
        bench.sandbox.fault("slow", value=0.5)
        sent = [call for call in bench.calls if call.name == "sendto"][-1]

        result = bench.inject(scene, Injection(call=sent, fault=number))

        assert result is not None
        assert result.status == 128 + signal.Signals[number]
        assert "is being stored" in result.err
        assert scene.has_new_login()
        assert [*scene.examine(result), *scene.recover(retry=True, by_hand=True)] == []


def test_two_finish_at_once() -> None:
    """Of two that are given one redirect, one stores the login and the other is told; one code leaves."""
    with rig.Bench("finish") as bench:
        for _ in range(6):
            with bench.scene() as scene:
                assert list(rig.one_won(scene, rig.finish_together(scene))) == []


# --- the rig itself -----------------------------------------------------------------------------------------


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a home in which `finish` ended well."""
    with Sandbox() as sandbox:
        made = Scene(COMMANDS["finish"], tmp_path / "scene", sandbox)
        made.finish(made.redirect)
        yield made


WELL = Result(status=0, out="Signed in: work", err="")


def test_the_rig_is_content_with_a_good_end(scene: Scene) -> None:
    """Nothing is found where nothing is wrong."""
    assert scene.examine(WELL) == []
    assert scene.recover(retry=True, by_hand=False) == []


def _tear(scene: Scene) -> None:
    scene.program.store.write_bytes(scene.program.store.read_bytes()[:-20])


def _change_other(scene: Scene) -> None:
    text = scene.program.store.read_text()
    scene.program.store.write_text(text.replace("bob@", "rob@", 1).replace("rt_sandbox_", "rt_sandbox-", 1))


def _open_to_all(scene: Scene) -> None:
    scene.program.store.chmod(0o640)


def _tear_backup(scene: Scene) -> None:
    backup = scene.program.store.with_name("auth-profiles.json.bak")
    backup.write_bytes(backup.read_bytes()[:100])


def _lose_work(scene: Scene) -> None:
    scene.store.delete("work")


def _tell_state(scene: Scene) -> None:
    (scene.program.home / "state/note.lock").write_text(next(iter(scene.secrets)))
    (scene.program.home / "state/note.lock").chmod(0o600)


def _tear_pending(scene: Scene) -> None:
    scene.program.pending.write_bytes(b"{")


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (_tear, "corrupt"),
        (_change_other, "corrupt"),
        (_open_to_all, "corrupt"),
        (_tear_backup, "corrupt"),
        (_tear_pending, "corrupt"),
        (_lose_work, "untrue"),
        (_tell_state, "leak"),
    ],
)
def test_the_rig_sees_damage(scene: Scene, damage: Callable[[Scene], None], kind: str) -> None:
    """Each kind of damage is found by its name."""
    damage(scene)

    assert kind in {finding.kind for finding in scene.examine(WELL)}


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (Result(status=17, out="", err="codex-auth: what?"), "untrue"),
        (Result(status=1, out="", err="codex-auth: not stored"), "untrue"),
        (Result(status=-11, out="", err=""), "untrue"),
        (Result(status=0, out="", err=""), "untrue"),
        (Result(status=-9, out="", err="Traceback (most recent call last):"), "untrue"),
        (Result(status=0, out="Signed in", err="code=ac_sandbox_x"), "leak"),
        (Result(status=0, out="Signed in eyJhbGciOiJSUzI1NiJ9.e30", err=""), "leak"),
    ],
)
def test_the_rig_sees_wrong_words(scene: Scene, result: Result, kind: str) -> None:
    """A wrong status, a stack trace and a token on a stream are found."""
    assert [finding.kind for finding in scene.examine(result)] == [kind]


def test_the_rig_sees_leftovers(scene: Scene) -> None:
    """A file that nobody will ever remove is found after the recovery."""
    left = scene.program.home / "state/.seal.key.0123456789abcdef.tmp2"
    left.touch(mode=0o600)

    assert [finding.kind for finding in scene.recover(retry=False, by_hand=False)] == ["leftover"]


def test_the_rig_sees_a_dead_end(scene: Scene) -> None:
    """A home in which nobody can sign in any more is found."""
    scene.program.pending.unlink()
    scene.program.pending.mkdir(mode=0o700)

    assert [finding.kind for finding in scene.recover(retry=False, by_hand=False)] == ["stuck"]


def test_the_rig_sees_a_code_that_may_be_used_again(tmp_path: Path) -> None:
    """A login that is not claimed although its code has left is found."""
    with Sandbox() as sandbox:
        scene = Scene(COMMANDS["finish"], tmp_path / "scene", sandbox)
        unclaimed = scene.program.pending.read_bytes()
        scene.finish(scene.redirect)
        scene.program.pending.write_bytes(unclaimed)

        assert [finding.kind for finding in scene.examine(WELL)] == ["untrue"]
