"""What `apply` does at OpenClaw: the real hands of its steps."""

import contextlib
from collections.abc import Mapping

from codex_auth.core.gateway_errors import GatewayError, NotVerified
from codex_auth.core.refresh_errors import NotOurs
from codex_auth.deliver.protocol import Target, hash_of
from codex_auth.deliver.targets import open_target
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.gateway import finding, health
from codex_auth.gateway.asking import Asking, Preflight
from codex_auth.gateway.finding import Found
from codex_auth.gateway.health import Health
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import chosen_home
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import LEASE
from codex_auth.notes.queue import Request, Seen
from codex_auth.stores.protocol import Store
from codex_auth.stories import deliver as story


class AtOpenClaw:
    """One login, one state folder of OpenClaw's, and its gateway."""

    def __init__(self, request: Request, *, store: Store, places: Places, world: World) -> None:
        self._request = request
        self._store = store
        self._places = places
        self._world = world
        self._env = environment_for(request, world.env)
        self._installed = installation(self._env)
        self._home = chosen_home(self._env, self._installed)

    def had_lease(self) -> bool:
        """Whether it had this login before: a lease by our own note, or all of it, as its own or in its own file."""
        if self._request.is_there_as or self._is_in_its_file():
            return True
        rows = deliveries.read(self._places, self._request.profile).rows
        mine = (self._request.target, self._request.state, self._request.agent)
        return any((row.place.target, row.place.state, row.place.agent) == mine for row in rows)

    def deliver(self) -> None:
        """Lease the login; one that was handed over, or is kept in OpenClaw's own file, is there already."""
        if self._is_in_its_file():
            return
        try:
            story.deliver(
                self._request.profile,
                story.Order(mode=LEASE),
                target=self._target(),
                store=self._store,
                places=self._places,
                world=self._world,
            )
        except NotOurs as refused:
            if refused.facts.get("owner") != self._request.target:
                raise

    def verify(self) -> None:
        """Read back what is there."""
        held = self._store.load(self._request.profile)
        if held is None or held.owner == self._request.target:
            return
        now = self._target().look().now
        # OpenClaw's own list, where nothing else can be asked, tells kind and end of a token and not which it is.
        if now is None or now.access_hash not in {hash_of(held.access)} | ({""} if now.kind == "token" else set()):
            raise NotVerified(state=self._request.state, profile=self._request.profile)

    def take_back(self) -> None:
        """Remove the lease."""
        story.take_back(self._request.profile, target=self._target(), store=self._store, places=self._places)

    def find(self) -> Found | None:
        """Return the gateway that runs there."""
        return finding.find(self._home, self._env)

    def health(self, found: Found) -> Health:
        """Return how it is."""
        return health.ask(found.port)

    def lives(self, seen: Seen) -> bool:
        """Whether the process that was the gateway is still there."""
        return seen.pid is not None and finding.is_alive(seen.pid, seen.started)

    def reload(self, found: Found) -> None:
        """Let its next turn use what is there."""
        self._ask(found).reload()

    def reread(self, found: Found) -> None:
        """Do the same with fewer rights."""
        self._ask(found).reread()

    def lists(self, found: Found) -> bool:
        """Whether it lists the login."""
        return self._ask(found).lists(self._target().place.profile_id, self._request.agent)

    def look_anew(self, found: Found) -> None:
        """Let it find out anew where logins are kept."""
        self._ask(found).look_anew(self._request.agent)

    def preflight(self, found: Found) -> Preflight:
        """Ask what a restart would cut off.

        It is told to reload before, which its running work uses from the next turn. 2026.6 fixes the rights of a
        command line by its first call, so that must not be one that only reads.
        """
        asking = self._ask(found)
        with contextlib.suppress(GatewayError):
            asking.reload()
        return asking.preflight()

    def restart(self, found: Found) -> str:
        """File a restart."""
        return self._ask(found).restart()

    def _is_in_its_file(self) -> bool:
        """Whether our store for this login is the very file that OpenClaw reads (of the JSON era)."""
        return story.is_in_file_of(self._target().place, self._request.profile, self._store, self._places)

    def _ask(self, found: Found) -> Asking:
        return Asking(self._installed, self._home, found, profile=self._request.profile, env=self._env)

    def _target(self) -> Target:
        return open_target(
            self._request.target,
            self._request.profile,
            agent=self._request.agent,
            env=self._env,
            locks=self._places.locks,
            tell=self._world.tell,
        )


def environment_for(request: Request, env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that means the request's state folder, whatever this one means by now."""
    kept = {name: value for name, value in env.items() if name != "OPENCLAW_PROFILE"}
    named = {"OPENCLAW_STATE_DIR": request.state, "OPENCLAW_CONFIG_PATH": request.config}
    return kept | named | ({"OPENCLAW_PROFILE": request.home_profile} if request.home_profile else {})
