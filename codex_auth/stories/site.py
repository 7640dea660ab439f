"""One place to which a login is brought, and its gateway, as the steps of `apply` see them."""

from typing import Protocol

from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.world import World
from codex_auth.gateway.asking import Preflight
from codex_auth.gateway.finding import Found
from codex_auth.gateway.health import Health
from codex_auth.notes.queue import Request, Seen

SLICE = 1.0
"""How long nobody looks whether a signal came."""


class Site(Protocol):
    """One place to which one login is brought, and its gateway. Trouble is an `AuthError`."""

    def had_lease(self) -> bool:
        """Whether it holds a lease of this login, by our own note."""
        ...

    def deliver(self) -> None:
        """Put the login there; the same login twice is as good as once."""
        ...

    def verify(self) -> None:
        """Raise `NotVerified` if it is not there."""
        ...

    def take_back(self) -> None:
        """Remove it again."""
        ...

    def find(self) -> Found | None:
        """Return the gateway that runs there."""
        ...

    def health(self, found: Found) -> Health:
        """Return how it is."""
        ...

    def lives(self, seen: Seen) -> bool:
        """Whether the process that was the gateway then is still there."""
        ...

    def reload(self, found: Found) -> None:
        """Let its next turn use what is there."""
        ...

    def reread(self, found: Found) -> None:
        """Do the same with fewer rights."""
        ...

    def lists(self, found: Found) -> bool:
        """Whether the gateway itself lists the login as one that counts."""
        ...

    def look_anew(self, found: Found) -> None:
        """Let it find out anew where logins are kept."""
        ...

    def preflight(self, found: Found) -> Preflight:
        """Ask what a restart would cut off."""
        ...

    def restart(self, found: Found) -> str:
        """File a restart."""
        ...


def sighting(found: Found, health: Health) -> Seen:
    """Return what is kept of a gateway as it was found."""
    return Seen(pid=found.pid, port=found.port, uptime_ms=health.uptime_ms, started=found.started)


def facts(request: Request) -> dict[str, object]:
    """Return what an error at this place may show."""
    return {"state": request.state, "profile": request.profile}


def rest(world: World, seconds: float) -> None:
    """Let time go by, and stop where a signal asks for it."""
    end = world.ticks() + seconds
    while (left := end - world.ticks()) > 0:
        stop_if_asked()
        world.sleep(min(left, SLICE))
