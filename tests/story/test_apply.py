"""The queue and its steps, with a gateway that behaves; and the same, killed at every point."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from codex_auth.core.delivery_errors import OpenClawHasOther
from codex_auth.core.errors import AuthError
from codex_auth.core.gateway_errors import (
    ApplyUnfinished,
    GatewayError,
    GatewayScope,
    GatewayUnauthorized,
    NoSuchRequest,
    NotVerified,
    RequestUnderWay,
)
from codex_auth.edge import files
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.neighbours.openclaw_homes import OpenClawHome
from codex_auth.notes import queue as steps
from codex_auth.notes.pending import PendingFile
from codex_auth.notes.queue import Request
from codex_auth.stories import apply as story
from codex_auth.stories import restarting
from tests.story.claw_site import Clock, Killed, Machine, slow

FACTS = {
    "state": "s",
    "profile": "work",
    "step": "reload",
    "port": 1,
    "target": "openclaw",
    "profile_id": "openai:work",
}


class Bed:
    """A state folder, a clock, a machine."""

    def __init__(self, folder: Path) -> None:
        env = {"HOME": str(folder), "CODEX_AUTH_STATE_DIR": str(folder / "state")}
        self.places: Places = find_places(env)
        self.clock = Clock()
        self.told: list[str] = []
        self.world: World = self.clock.world(self.told)
        self.machine = Machine(self.clock)
        self.shown: list[str] = []
        self.waits: list[tuple[str, float]] = []
        """What each step shown waited for, and when."""
        state = str(folder / ".openclaw")
        self.home = OpenClawHome(state=state, config=f"{state}/openclaw.json", profile="", era=None, agents=("main",))

    def ask(self, profile: str = "work", *, restart: bool = False) -> Request:
        """Queue a login."""
        new = story.drafted(profile, self.home, reason="test", wants_restart=restart, world=self.world)
        return story.enqueue(new, places=self.places, world=self.world)

    def work(self, *, is_now: bool = False, only: str = "", seconds: float = 600) -> list[Request]:
        """Do what is queued."""
        return story.work(
            places=self.places,
            world=self.world,
            opener=lambda _: self.machine,
            show=self._show,
            is_now=is_now,
            only=only,
            seconds=seconds,
        )

    def _show(self, request: Request) -> None:
        self.shown.append(request.step)
        self.waits.append((request.waits_for, self.clock.seconds))

    @property
    def queue(self) -> list[Request]:
        """What is queued."""
        return story.waiting(self.places)


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """Return a bed in an empty folder."""
    return Bed(tmp_path)


def test_deliver_reload_verify(bed: Bed) -> None:
    """A login is delivered, the gateway reloads and never restarts; the record is durable at each step, then over."""
    asked = bed.ask()

    [done] = bed.work()

    assert (done.id, done.step, done.effect) == (asked.id, steps.DONE, steps.NOW)
    assert bed.shown == ["delivering", "reloading", "verifying", "done"]
    assert (bed.machine.used, bed.machine.restarts) == ("new", 0)
    assert bed.queue == []
    assert story.look_up(asked.id, bed.places) == done


def test_the_record_holds_no_secret_and_is_private(bed: Bed) -> None:
    """The file has mode 0600 and only what is known of the request."""
    bed.ask()
    file = PendingFile(bed.places).path

    [row] = json.loads(Path(file).read_text())["queue"]

    assert Path(file).stat().st_mode & 0o777 == 0o600
    assert {name for name in row if "token" in name or "mail" in name} == set()
    assert set(row) == set(steps.written(bed.queue[0]))


def test_no_gateway(bed: Bed) -> None:
    """Where none runs the login is delivered for the next start, whatever was asked for; nothing is started."""
    bed.machine.born = None
    bed.ask(restart=True)

    [done] = bed.work()

    assert (done.step, done.effect, bed.machine.held) == ("done", "next_start", "new")
    assert bed.machine.calls == ["deliver", "verify"]


def test_a_restart_is_proven_by_age(bed: Bed) -> None:
    """Preflight, filed once, waited for; done when the gateway is younger than the asking."""
    bed.ask(restart=True)

    [done] = bed.work()

    assert (done.step, done.filed, done.effect) == ("done", "scheduled", "now")
    assert bed.machine.restarts == 1
    assert bed.machine.calls == ["deliver", "preflight", "restart", "verify", "lists"]
    assert done.seen
    assert done.seen.uptime_ms


def test_a_busy_gateway_is_waited_for(bed: Bed) -> None:
    """What keeps it is in the record while it lasts; its work ends before it restarts."""
    bed.machine.busy = 200.0
    seen: list[str] = []
    bed.ask(restart=True)
    bed.machine.at_call = lambda _: seen.extend(each.waits_for for each in bed.queue)

    [done] = bed.work()

    assert "agent runs: 1" in seen
    assert (done.filed, done.step, bed.machine.restarts) == ("deferred", "done", 1)
    begun = next(at for (before, _), (after, at) in pairwise(bed.waits) if before and not after)
    assert begun < (bed.machine.born or 0.0), "that it waits for nothing any more is said while the gateway is away"


def test_restarts_keep_their_distance(bed: Bed) -> None:
    """Thirty seconds lie between two, and after three in ten minutes there is no fourth."""
    for _ in range(3):
        bed.ask(restart=True)
        before = bed.machine.born or 0.0
        assert bed.work()[0].step == "done"
        assert (bed.machine.born or 0.0) - before > restarting.SPACING

    bed.ask(restart=True)
    [refused] = bed.work()

    assert refused.outcome
    assert refused.outcome.code == "restarts_too_often"
    assert bed.machine.restarts == 3


def test_sixteen_requesters_one_restart(bed: Bed) -> None:
    """Requests for one place are one while it waits, and one that came too late for that finds the restart done."""
    ids = {bed.ask(restart=True).id for _ in range(8)}
    assert len(ids) == 1
    late: list[str] = []

    def come_late(call: str) -> None:
        if call == "before restart" and not late:
            late.extend(bed.ask(restart=True).id for _ in range(8))

    bed.machine.at_call = come_late
    ended = bed.work()

    assert [each.step for each in ended] == ["done", "done"]
    assert len(set(late)) == 1
    assert bed.machine.restarts == 1


def test_two_logins_are_two_requests(bed: Bed) -> None:
    """Each is applied, in the order they came."""
    bed.ask("work")
    bed.ask("home")

    assert [each.profile for each in bed.work()] == ["work", "home"]


def test_fewer_rights_are_enough_to_reread(bed: Bed) -> None:
    """Where the command line may only read, the gateway is told by what may be read; if not that either, it is said."""
    bed.machine.refusals = {"reload": [GatewayScope(**FACTS)]}
    bed.ask()
    assert bed.work()[0].effect == "now"
    assert bed.machine.calls == ["deliver", "reload", "reread", "verify", "lists"]

    bed.machine.refusals = {"reload": [GatewayScope(**FACTS)], "reread": [GatewayScope(**FACTS)]}
    bed.ask()
    [refused] = bed.work()
    assert refused.outcome
    assert (refused.outcome.code, refused.outcome.status) == ("gateway_scope", 7)
    assert "Control UI" in refused.outcome.hint


@pytest.mark.parametrize("restart", [False, True])
def test_a_gateway_that_looks_elsewhere(bed: Bed, restart: bool) -> None:
    """One that was told and does not list the login finds out anew where logins are; only then it is done."""
    bed.machine.is_blind = True
    bed.ask(restart=restart)

    [done] = bed.work()

    assert (done.step, done.effect) == ("done", "now")
    assert bed.machine.calls[-4:] == ["verify", "lists", "look_anew", "lists"]


def test_a_gateway_that_stays_blind(bed: Bed) -> None:
    """It is never called done: what to type is said, and the login stays for the gateway's next start."""
    bed.machine.is_blind = True
    bed.machine.refusals = {"look_anew": [GatewayError(**FACTS)]}
    bed.ask()

    [failed] = bed.work()

    assert failed.outcome
    assert (failed.step, failed.outcome.code, failed.outcome.status) == ("failed", "gateway_blind", 8)
    assert "`openclaw gateway start`" in failed.outcome.hint
    assert bed.machine.held == "new"

    bed.machine.refusals = {"look_anew": [GatewayScope(**FACTS)]}
    bed.ask()
    [failed] = bed.work()
    assert failed.outcome
    assert failed.outcome.code == "gateway_scope"


def test_a_gateway_without_a_list(bed: Bed) -> None:
    """Where it refuses to list logins, what it was told and what was read back has to do."""
    bed.machine.refusals = {"lists": [GatewayError(**{**FACTS, "step": "models.authStatus"})]}
    bed.ask()

    assert bed.work()[0].step == "done"


def test_passing_trouble_is_tried_again(bed: Bed) -> None:
    """With pauses, four times; meanwhile the record says what happened; `--now` does not wait."""
    bed.machine.refusals = {"reload": [slow(), slow()]}
    bed.ask()
    begun = bed.clock.seconds
    [done] = bed.work()
    assert (done.step, done.attempts, bed.machine.used) == ("done", 3, "new")
    assert bed.clock.seconds - begun >= 12

    bed.machine.refusals = {"reload": [slow() for _ in range(9)]}
    bed.ask()
    begun = bed.clock.seconds
    [failed] = bed.work(is_now=True)
    assert failed.outcome
    assert (failed.attempts, failed.outcome.code, failed.outcome.status) == (4, "gateway_slow", 8)
    assert bed.clock.seconds == begun


@pytest.mark.parametrize("error", [GatewayUnauthorized, OpenClawHasOther, GatewayError])
def test_lasting_trouble_ends_it(bed: Bed, error: type[AuthError]) -> None:
    """What a person must mend is said at once, with what to type."""
    call = "deliver" if error is OpenClawHasOther else "reload"
    bed.machine.refusals = {call: [error(**FACTS)], "reread": [GatewayScope(**FACTS)]}
    bed.ask()

    [failed] = bed.work()

    assert failed.outcome
    assert (failed.step, failed.outcome.code, failed.attempts) == ("failed", error.code, 1)
    assert failed.outcome.hint


def test_what_cannot_be_verified_is_taken_back(bed: Bed) -> None:
    """A lease that was not there before goes again; one in place of an older lease stays."""
    bed.machine.refusals = {"verify": [NotVerified(**FACTS) for _ in range(4)]}
    bed.ask()
    [failed] = bed.work()
    assert failed.outcome
    assert (failed.step, bed.machine.held) == ("failed", "")
    assert "taken back" in failed.outcome.message

    bed.machine.held = "old"
    bed.machine.refusals = {"verify": [NotVerified(**FACTS) for _ in range(4)]}
    bed.ask()
    assert bed.work()[0].step == "failed"
    assert bed.machine.held == "new"


def test_a_gateway_that_does_not_come_back(bed: Bed) -> None:
    """Ninety seconds after its process is gone it is said, the new lease is gone again, and nothing is started."""
    bed.machine.dies = True
    bed.machine.busy = 1.0
    bed.ask(restart=True)
    begun = bed.clock.seconds

    [failed] = bed.work()

    assert failed.outcome
    assert failed.outcome.code == "gateway_stays_down"
    assert "within 90 seconds" in failed.outcome.message
    assert bed.clock.seconds - begun == pytest.approx(90, abs=10)
    assert bed.machine.held == ""


@pytest.mark.parametrize("drops_lock", [True, False], ids=["the same process", "another one, by its lock"])
def test_a_gateway_on_a_slow_machine(bed: Bed, drops_lock: bool) -> None:
    """One that takes minutes to come back is waited for as long as a process of it is there."""
    bed.machine.away = 240.0
    bed.machine.drops_lock = drops_lock
    bed.ask(restart=True)

    [done] = bed.work()

    assert (done.step, done.effect, done.outcome) == ("done", "now", None)
    assert bed.machine.restarts == 1


@pytest.mark.parametrize("drops_lock", [True, False], ids=["the same process", "another one, by its lock"])
def test_a_gateway_that_hangs_as_it_starts(bed: Bed, drops_lock: bool) -> None:
    """One whose process is there and never answers is given up after five minutes, and the new lease is gone again."""
    bed.machine.away = float("inf")
    bed.machine.drops_lock = drops_lock
    bed.ask(restart=True)

    [failed] = bed.work()

    assert failed.outcome
    assert failed.outcome.code == "gateway_stays_down"
    assert "within 300 seconds" in failed.outcome.message
    assert bed.machine.held == ""


def test_a_gateway_that_crashes_as_it_starts(bed: Bed) -> None:
    """One that is young again and again after its restart is no success: the lease goes again, and it is said."""
    bed.machine.crashes = True
    bed.ask(restart=True)

    [failed] = bed.work()

    assert failed.outcome
    assert (failed.step, failed.outcome.code) == ("failed", "gateway_crash_loops")
    assert "`openclaw gateway start`" in failed.outcome.hint
    assert bed.machine.held == ""
    assert bed.machine.restarts == 1


def test_cancelling(bed: Bed) -> None:
    """What was not begun is forgotten, what is under way is not, and nothing else is known."""
    first = bed.ask()
    assert story.cancel(first.id, places=bed.places, world=bed.world).step == "cancelled"
    assert bed.work() == []
    assert bed.machine.delivered == 0
    with pytest.raises(NoSuchRequest):
        story.cancel(first.id, places=bed.places, world=bed.world)

    second = bed.ask()
    refused: list[AuthError] = []

    def try_to_cancel(_: str) -> None:
        with pytest.raises(RequestUnderWay) as raised:
            story.cancel(second.id, places=bed.places, world=bed.world)
        refused.append(raised.value)

    bed.machine.at_call = try_to_cancel
    assert bed.work()[0].step == "done"
    assert "--take-back" in refused[0].hint


def test_one_at_a_time(bed: Bed) -> None:
    """While another process works for the folder it is shown how that goes on, and at last that it is not over."""
    bed.ask()
    with story._alone(bed.home.state, bed.places), pytest.raises(ApplyUnfinished) as raised:
        _in_thread(lambda: bed.work(seconds=5))

    assert raised.value.status == 8
    assert bed.machine.calls == []
    assert set(bed.shown) == {"queued"}


def _in_thread(act: Callable[[], object]) -> None:
    """Locks are remembered for each thread; another process would be another."""
    import threading

    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - it is raised again where it belongs
            raised.append(error)

    worker = threading.Thread(target=run)
    worker.start()
    worker.join()
    if raised:
        raise raised[0]


@pytest.mark.parametrize("step", [*steps.NEXT])
def test_every_step_is_read_back(bed: Bed, step: str) -> None:
    """What is written of a request is what is read."""
    held = bed.ask(restart=True)
    outcome = steps.Outcome(code="c", message="m", hint="h", status=8)
    seen = steps.Seen(pid=1, port=2, uptime_ms=3)
    now = datetime.now(UTC)
    full = replace(
        held, step=step, outcome=outcome, seen=seen, asked=1.5, filed="deferred", not_before=now, had_before=True
    )

    assert steps.read_rows([json.loads(json.dumps(steps.written(full)))]) == [full]


def test_history_is_bounded_and_may_be_damaged(bed: Bed) -> None:
    """Fifty are remembered; a file that does not read counts as none."""
    for number in range(52):
        steps.remember(bed.places, replace(bed.ask(), id=f"{number}", step="done"))
    assert [each.id for each in steps.history(bed.places)][::49] == ["2", "51"]

    Path(bed.places.applies).write_text("{")
    assert steps.history(bed.places) == []


def test_a_damaged_file_is_moved_aside(bed: Bed) -> None:
    """A request is queued all the same, and the person is told where the damaged file is."""
    bed.ask()
    Path(PendingFile(bed.places).path).write_text("{")

    bed.ask()

    assert len(bed.queue) == 1
    assert "damaged" in bed.told[0]


def test_a_clock_set_back_holds_nothing_up(bed: Bed) -> None:
    """A pause that would last days because of it is over."""
    held = bed.ask()
    with PendingFile(bed.places).change() as table:
        table.queue[:] = [replace(held, not_before=bed.world.now() + timedelta(days=3))]

    assert bed.work()[0].step == "done"


# --- killed at every point -----------------------------------------------------------------------------------


class Reaper:
    """Ends the process at the nth moment: before and after each durable write and each effect."""

    def __init__(self, bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count, self.at = 0, -1
        real = files.replace

        def replace_file(*args: object, **options: object) -> None:
            self.moment("before a write")
            real(*args, **options)  # type: ignore[arg-type]
            self.moment("after a write")

        monkeypatch.setattr(files, "replace", replace_file)
        bed.machine.at_call = self.moment

    def moment(self, _: str) -> None:
        """Count, and end it if it is time."""
        self.count += 1
        if self.count == self.at:
            raise Killed


@pytest.mark.parametrize("restart", [False, True], ids=["reload", "restart"])
@pytest.mark.parametrize("busy", [0.0, 100.0], ids=["idle", "busy"])
def test_killed_at_every_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restart: bool, busy: float) -> None:
    """Whoever comes after goes on: the login is in use, one outcome is remembered, a restart happened exactly once."""
    moment, killed = 1, 0
    while True:
        bed = Bed(tmp_path / str(moment))
        os.mkdir(tmp_path / str(moment))
        bed.machine.busy = busy
        asked = bed.ask(restart=restart)
        with monkeypatch.context() as patched:
            reaper = Reaper(bed, patched)
            reaper.at = moment
            try:
                bed.work()
            except Killed:
                killed += 1
            else:
                break
            reaper.at = -1
            bed.clock.sleep(0.1)
            bed.machine.busy = max(0.0, bed.machine.busy - 0.1)
            bed.work()
        remembered = [each for each in steps.history(bed.places) if each.id == asked.id]
        assert [each.step for each in remembered] == ["done"], moment
        assert bed.queue == [], moment
        assert bed.machine.used == "new", moment
        assert bed.machine.restarts == int(restart), moment
        moment += 1

    assert killed >= 14
    assert reaper.count == killed


def test_a_lock_is_held_while_it_works(bed: Bed) -> None:
    """Nobody else gets the folder's lock before the queue is empty."""
    bed.ask()
    tried: list[str] = []

    def try_it(_: str) -> None:
        def other() -> None:
            with story._alone(bed.home.state, bed.places):
                tried.append("had it")

        with pytest.raises(AuthError):
            _in_thread(other)
        tried.append("refused")

    bed.machine.at_call = try_it
    bed.work()

    assert set(tried) == {"refused"}
