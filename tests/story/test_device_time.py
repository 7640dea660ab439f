"""How often a device code is asked about: a real sandbox whose clock, like ours, only moves when somebody sleeps."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from codex_auth.core.errors import AuthError, ConsentDenied, DeviceCodeExpired, LoginTimedOut
from codex_auth.core.provider import OPENAI_DIALECT, RFC_DIALECT, Provider
from codex_auth.edge.terminal import Countdown
from codex_auth.edge.world import World
from codex_auth.sandbox.faults import Fault
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve_device, deny_device
from codex_auth.stores.memory import Memory
from codex_auth.stories.device import Screen, login_by_device
from codex_auth.stories.sign_in import Wanted
from tests.policy_bed import Machine

DIALECTS = pytest.mark.parametrize("dialect", [OPENAI_DIALECT, RFC_DIALECT])
BEGIN = 1_800_000_000.0
ROUTES = {OPENAI_DIALECT: "device_token", RFC_DIALECT: "token"}


@dataclass
class Bench:
    """One sign-in against one sandbox, in a time that passes only where somebody sleeps."""

    machine: Machine
    now: float = BEGIN
    said: list[str] = field(default_factory=list)
    events: dict[float, Callable[[], None]] = field(default_factory=dict)
    sandbox: Sandbox = field(init=False)
    dialect: str = OPENAI_DIALECT

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what was to happen meanwhile."""
        self.now += seconds
        for due in sorted(at for at in self.events if BEGIN + at <= self.now):
            self.events.pop(due)()

    def login(self, *, timeout: timedelta | None = None) -> Memory:
        """Sign in, and return the store."""
        store = Memory(locks=str(self.machine.home))
        world = World(
            now=lambda: datetime.fromtimestamp(self.now, UTC),
            ticks=lambda: self.now,
            sleep=self.sleep,
            env=self.machine.env,
            tell=self.said.append,
        )
        provider = Provider(issuer=self.sandbox.issuer, device_dialect=self.dialect)
        screen = Screen(countdown=Countdown(io.StringIO(), "", env={}), draw=lambda _: [], timeout=timeout)
        wanted = Wanted(selector="work", provider=provider)
        login_by_device(wanted, screen, store=store, places=self.machine.places, world=world)
        return store

    @property
    def code(self) -> str:
        """The code it showed."""
        return next(line.split()[1] for line in self.said if line.startswith("  Enter"))

    @property
    def page(self) -> str:
        """The page it showed."""
        return next(line.split()[1] for line in self.said if line.startswith("  Open"))

    def polls(self) -> list[float]:
        """When it asked, in seconds since the beginning."""
        grant = "" if self.dialect == OPENAI_DIALECT else "urn:ietf:params:oauth:grant-type:device_code"
        return [entry.at - BEGIN for entry in self.sandbox.log(ROUTES[self.dialect], grant)]

    def approve(self) -> None:
        """Approve on another screen."""
        approve_device(self.page, self.code)

    def fails(self, kind: type[AuthError], *, timeout: timedelta | None = None) -> None:
        """Sign in, and see it fail."""
        with pytest.raises(kind):
            self.login(timeout=timeout)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return a bench with a running sandbox."""
    bench = Bench(Machine(tmp_path))
    with Sandbox(now=lambda: bench.now, device_interval=5) as bench.sandbox:
        yield bench


@DIALECTS
def test_it_asks_once_in_each_interval_and_takes_the_login(bench: Bench, dialect: str) -> None:
    """The first question comes after one interval; the approval is found by the next one."""
    bench.dialect = dialect
    bench.events = {12: bench.approve}

    store = bench.login()

    assert bench.polls() == [5, 10, 15]
    assert store.names() == ["work"]


@DIALECTS
def test_it_stops_when_the_code_ends(bench: Bench, dialect: str) -> None:
    """Nobody comes: it asks for fifteen minutes, never after them, and says so."""
    bench.dialect = dialect

    bench.fails(DeviceCodeExpired)

    assert max(bench.polls()) < 15 * 60
    assert len(bench.polls()) == 15 * 60 / 5 - 1


@DIALECTS
def test_a_denial_ends_it(bench: Bench, dialect: str) -> None:
    """Saying no on the page ends the waiting at the next question."""
    bench.dialect = dialect
    bench.events = {1: lambda: deny_device(bench.page, bench.code)}

    bench.fails(ConsentDenied)

    assert bench.polls() == [5]


def test_a_timeout_of_ones_own_ends_it_sooner(bench: Bench) -> None:
    """`--timeout` is kept where it is shorter than the code's life."""
    bench.fails(LoginTimedOut, timeout=timedelta(seconds=12))

    assert bench.polls() == [5, 10]


@DIALECTS
def test_slow_down_is_for_good(bench: Bench, dialect: str) -> None:
    """HTTP 429 adds five seconds to this pause and to all that follow; a second one is told as a fast clock."""
    bench.dialect = dialect
    for _ in range(2):
        bench.sandbox.add_fault(Fault(name="status", value=429, route=ROUTES[dialect]))
    bench.events = {31: bench.approve}

    bench.login()

    assert bench.polls() == [5, 15, 30, 45]
    assert len([line for line in bench.said if "clock may run fast" in line]) == 1


@pytest.mark.parametrize("fault", ["drop_before", "status"])
def test_a_provider_in_trouble_is_asked_half_as_often(bench: Bench, fault: str) -> None:
    """A connection that fails, or HTTP 503, doubles the pause for good and ends nothing."""
    bench.sandbox.fault(fault, route="device_token")
    bench.events = {16: bench.approve}

    bench.login()

    assert bench.polls()[-2:] == [15, 25]


def test_a_closed_lid_leads_to_one_question(bench: Bench) -> None:
    """After ten minutes of sleep it asks once, not as often as it would have, and goes on at its pace."""

    def lid() -> None:
        bench.now += 600

    bench.events = {12: lid, 613: bench.approve}

    bench.login()

    assert bench.polls() == [5, 10, 612, 617]


def test_a_lid_closed_past_the_end_asks_no_more(bench: Bench) -> None:
    """Sleep counts: a code that ended meanwhile is not asked about again."""

    def lid() -> None:
        bench.now += 3600

    bench.events = {12: lid}

    bench.fails(DeviceCodeExpired)

    assert bench.polls() == [5, 10]


@DIALECTS
def test_pauses_only_grow(bench: Bench, dialect: str) -> None:
    """Through every kind of trouble, no question comes sooner after the last than that one did."""
    bench.dialect = dialect
    for name, value in (("status", 503), ("status", 429), ("slow", 0.0), ("status", 500), ("status", 429)):
        bench.sandbox.add_fault(Fault(name=name, value=value, route=ROUTES[dialect]))
    bench.events = {200: bench.approve}

    bench.login()

    pauses = [later - earlier for earlier, later in pairwise([0, *bench.polls()])]
    assert pauses == sorted(pauses)
