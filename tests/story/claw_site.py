"""An OpenClaw that behaves, without one: a place that holds a login, a gateway with a clock, and a hand that kills."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from codex_auth.core.errors import AuthError
from codex_auth.core.gateway_errors import GatewaySlow
from codex_auth.edge.world import World
from codex_auth.gateway.asking import DEFERRED, SCHEDULED, Preflight
from codex_auth.gateway.finding import Found
from codex_auth.gateway.health import DOWN, UP, Health
from codex_auth.notes.queue import Seen

PORT = 18999


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Clock:
    """A clock that goes on only when somebody sleeps."""

    seconds: float = 1000.0

    def world(self, told: list[str]) -> World:
        """Return a world of this clock."""
        start = datetime(2026, 11, 1, tzinfo=UTC)
        return World(
            now=lambda: start + timedelta(seconds=self.seconds),
            ticks=lambda: self.seconds,
            sleep=self.sleep,
            env={},
            out=told.append,
            tell=told.append,
        )

    def sleep(self, seconds: float) -> None:
        """Let time go by."""
        self.seconds += seconds


@dataclass
class Machine:
    """The place and its gateway; `OpenClaw` processes come and go, this stays."""

    clock: Clock
    held: str = ""
    used: str = ""
    born: float | None = 0.0
    """When the gateway began; None if none runs."""
    busy: float = 0.0
    """How long its running work goes on, from now."""
    away: float = 8.0
    pending: float | None = None
    """When the restart that was filed will happen."""
    restarts: int = 0
    delivered: int = 0
    refusals: dict[str, list[AuthError]] = field(default_factory=dict)
    dies: bool = False
    crashes: bool = False
    """Whether it begins anew every two seconds since it restarted."""
    heals: bool = True
    drops_lock: bool = False
    """Whether nothing but its process tells that it is there while it is away."""
    is_blind: bool = False
    """Whether its gateway looks where no login is, until it is told to find out anew."""
    calls: list[str] = field(default_factory=list)
    at_call: Callable[[str], None] = lambda _: None

    def settle(self) -> None:
        """Let happen what is due by now."""
        if self.pending is not None and self.clock.seconds >= self.pending:
            self.restarts += 1
            self.born = None if self.dies else self.pending + self.away
            self.used = self.held
            self.pending = None

    def refuse(self, call: str) -> None:
        """Note a call, and refuse it if it is to be refused."""
        self.settle()
        self.calls.append(call)
        waiting = self.refusals.get(call, [])
        if waiting:
            raise waiting.pop(0)

    # --- a Site ------------------------------------------------------------------------------------------------

    def had_lease(self) -> bool:
        """Whether it holds one."""
        return bool(self.held)

    def deliver(self) -> None:
        """Hold the newest token."""
        self.at_call("before deliver")
        self.refuse("deliver")
        self.held = "new"
        self.delivered += 1
        self.at_call("after deliver")

    def verify(self) -> None:
        """See whether it is held."""
        self.refuse("verify")

    def take_back(self) -> None:
        """Hold nothing."""
        self.refuse("take_back")
        self.held = ""

    def find(self) -> Found | None:
        """Return the gateway."""
        self.settle()
        runs = self.born is not None or self.pending is not None
        runs &= not self.drops_lock or self.pending is not None or self.clock.seconds >= (self.born or 0.0)
        return Found(pid=7, port=PORT, supervisor="systemd", started=70) if runs else None

    def lives(self, seen: Seen) -> bool:
        """Tell whether its process is there; one without a lock restarts in itself, the other has a new process."""
        self.settle()
        is_same = not self.restarts or self.drops_lock
        return (seen.pid, seen.started) == (7, 70) and is_same and self.born is not None

    def health(self, found: Found) -> Health:
        """Tell its age, if it is there."""
        self.settle()
        assert found.port == PORT
        if self.born is None or self.clock.seconds < self.born:
            return Health(DOWN)
        age = self.clock.seconds - self.born
        return Health(UP, int((age % 2 if self.crashes and self.restarts else age) * 1000))

    def reload(self, _found: Found) -> None:
        """Use what is held."""
        self.at_call("before reload")
        self.refuse("reload")
        self.used = self.held
        self.at_call("after reload")

    def reread(self, _found: Found) -> None:
        """Use what is held."""
        self.refuse("reread")
        self.used = self.held

    def lists(self, _found: Found) -> bool:
        """Tell whether the gateway sees what is held."""
        self.refuse("lists")
        return bool(self.held) and not self.is_blind

    def look_anew(self, _found: Found) -> None:
        """See what is held."""
        self.refuse("look_anew")
        self.is_blind = False

    def preflight(self, _found: Found) -> Preflight:
        """Tell what goes on."""
        self.refuse("preflight")
        return Preflight(is_safe=not self.busy, waits_for="agent runs: 1" if self.busy else "")

    def restart(self, _found: Found) -> str:
        """File a restart; one that is filed already stays as it is."""
        self.at_call("before restart")
        self.refuse("restart")
        if self.pending is None:
            self.pending = self.clock.seconds + 0.5 + self.busy
        self.clock.sleep(2.0)
        self.at_call("after restart")
        return DEFERRED if self.busy else SCHEDULED


def slow() -> GatewaySlow:
    """Return a gateway's silence."""
    return GatewaySlow(state="s", profile="work", step="reload", seconds="60")
