"""The restart of a gateway: preflight, its own safe restart filed once, and the proof that it happened.

Nothing is signalled or killed. A gateway that is younger than the moment at which the restart was asked for has
restarted, whatever became of clocks and process numbers.
"""

from collections.abc import Callable
from datetime import timedelta

from codex_auth.core.gateway_errors import (
    GatewayCrashLoops,
    GatewayDidNotRestart,
    GatewaySlow,
    GatewayStaysDown,
    GatewayUnreachable,
    RestartsTooOften,
)
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.gateway.asking import DEFERRED
from codex_auth.gateway.finding import START, Found
from codex_auth.gateway.health import DOWN, SILENT, UP, Health
from codex_auth.notes import queue as steps
from codex_auth.notes.queue import Request
from codex_auth.stories.site import Site, facts, rest, sighting

SPACING = 30.0
"""Seconds between two restarts of one gateway, as OpenClaw itself keeps them apart."""
CAP, CAP_SPAN = 3, timedelta(minutes=10)
"""So many restarts within so long; then something else is wrong, and one more does not mend it."""
GRACE = 35.0
"""How long after a crash we look whether the restart that was perhaps asked for comes: the spacing, and a little."""
IDLE_SECONDS, BUSY_SECONDS = 90.0, 420.0
"""How long a restart may take: at once, or after the five minutes that OpenClaw gives running work at most."""
DOWN_SECONDS = 90.0
"""How long no process of a gateway may be there, before we say that nobody starts it again."""
AWAY_SECONDS = 300.0
"""How long a gateway may be away whose process is there: 8 seconds on an idle machine, 90 seen on a busy one (9.6)."""
STEADY_SECONDS = 3.0
"""A gateway that crashes as it starts does so within this time, or too late for us to see."""
_POLL = 0.25

Save = Callable[..., Request]
"""Makes a step of a request durable before its effect: the request, the step, and what changes with it."""


class Restarting:
    """The restarts of one state folder's gateway."""

    def __init__(self, state: str, places: Places, world: World, save: Save) -> None:
        self._state = state
        self._places = places
        self._world = world
        self._save = save

    def ask(self, request: Request, site: Site) -> Request:
        """Wait until the gateway may restart, see what it would cut off, and file the restart."""
        found = site.find()
        if found is None:
            return self._save(request, steps.VERIFYING, effect=steps.NEXT_START)
        health = site.health(found)
        if health.state == SILENT:
            raise GatewaySlow(**facts(request), seconds="2", step="health")
        if health.state != UP:
            raise GatewayUnreachable(**facts(request), port=found.port)
        if self.has_happened(request, health, request.ticks):
            return self._save(request, steps.RELOADING)
        self._refuse_too_many(request)
        young = SPACING - (health.uptime_ms or 0) / 1000 if health.uptime_ms is not None else 0
        if young > 0:
            request = self._save(request, steps.WAITING, waits_for="the 30 seconds between two restarts")
            rest(self._world, young)
            return request
        preflight = site.preflight(found)
        waits = "" if preflight.is_safe else preflight.waits_for
        before, asked = sighting(found, health), self._world.ticks()
        request = self._save(request, steps.RESTARTING, waits_for=waits, seen=before, asked=asked)
        return self._file_restart(request, site, found)

    def _file_restart(self, request: Request, site: Site, found: Found) -> Request:
        try:
            filed = site.restart(found)
        except (GatewaySlow, GatewayUnreachable):
            return request  # perhaps it was heard; the next step finds out
        return self._save(request, steps.RESTARTING, filed=filed)

    def watch(self, request: Request, site: Site) -> Request:
        """Watch for the restart that was asked for; where nobody knows whether it was, first see whether it comes."""
        if not request.filed:
            if self._comes(request, site, GRACE):
                return self._save(request, steps.VERIFYING, effect=steps.NOW, waits_for="")
            found = site.find()
            if found is None:
                raise GatewayStaysDown(**facts(request), seconds=f"{GRACE:g}", start=START["nobody"])
            request = self._save(request, steps.RESTARTING, filed=site.restart(found))
        limit = BUSY_SECONDS if request.filed == DEFERRED or request.waits_for else IDLE_SECONDS
        if self._comes(request, site, limit):
            return self._save(request, steps.VERIFYING, effect=steps.NOW, waits_for="")
        waits = f" (it waits for {request.waits_for})" if request.waits_for else ""
        raise GatewayDidNotRestart(**facts(request), minutes=f"{limit / 60:g}", waits=waits)

    def _comes(self, request: Request, site: Site, seconds: float) -> bool:
        """Return whether the gateway is one that began after the restart was asked for, within a time."""
        begun = self._world.ticks()
        away_since: float | None = None
        last_sign = begun
        found = self._where(request, site)
        while True:
            health = site.health(found)
            now = self._world.ticks()
            if health.state == UP:
                if self.has_happened(request, health, request.asked or 0.0):
                    return True
                if health.uptime_ms is None and away_since is not None:
                    return True
                away_since = None
            elif health.state == DOWN and away_since is None:
                away_since = last_sign = now
                request = self._save(request, steps.RESTARTING, waits_for="")
            if away_since is None and now - begun >= seconds:
                return False
            if away_since is not None:
                last_sign = now if health.state != DOWN or _is_there(request, site) else last_sign
                if now - last_sign >= DOWN_SECONDS or now - away_since >= AWAY_SECONDS:
                    away = f"{now - away_since:.0f}"
                    raise GatewayStaysDown(**facts(request), seconds=away, start=START[found.supervisor])
            rest(self._world, _POLL)

    def prove_steady(self, request: Request, site: Site) -> None:
        """Look at a gateway that just restarted for a moment: it grows older, or it crashes as it starts."""
        found = self._where(request, site)
        age, end = -1, self._world.ticks() + STEADY_SECONDS
        while self._world.ticks() < end:
            health = site.health(found)
            if health.state == DOWN or (health.uptime_ms is not None and health.uptime_ms < age):
                raise GatewayCrashLoops(**facts(request), start=START[found.supervisor])
            age = health.uptime_ms if health.uptime_ms is not None else age
            rest(self._world, _POLL)

    def has_happened(self, request: Request, health: Health, moment: float) -> bool:
        """Whether the gateway is younger than a moment. Its own age says so, whatever became of wall clock or pid."""
        if health.state != UP or health.uptime_ms is None:
            return False
        return health.uptime_ms / 1000 < request.since(moment, self._world.ticks())

    def _where(self, request: Request, site: Site) -> Found:
        """Return where to look for the gateway while it may be down: where it was."""
        found = site.find()
        if found is not None:
            return found
        port = request.seen.port if request.seen and request.seen.port else 0
        return Found(pid=None, port=port, supervisor="nobody")

    def _refuse_too_many(self, request: Request) -> None:
        now = self._world.now()
        lately = [
            each
            for each in steps.history(self._places)
            if each.state == self._state and each.asked is not None and timedelta() <= now - each.updated < CAP_SPAN
        ]
        if len(lately) >= CAP:
            minutes = int(CAP_SPAN.total_seconds() // 60)
            raise RestartsTooOften(**facts(request), count=len(lately), minutes=minutes)


def _is_there(request: Request, site: Site) -> bool:
    """Whether a process is there for a gateway that is away: the same one, or one that holds its lock by now."""
    if request.seen is not None and site.lives(request.seen):
        return True
    found = site.find()
    return found is not None and found.pid is not None
