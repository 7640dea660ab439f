"""Bringing a login into a running gateway: deliver it, reload, verify; a restart only where one is asked for.

The steps and their rules are in `notes.queue`. One process at a time works for a state folder, and holds a kernel
lock for as long as it lives; whoever comes after it goes on where the record says it was. What is "back" after a
failure: where the place held no lease of this login, the lease is taken back again when it cannot be verified or
the gateway is worse than before. Where it held an older token of the same login, the newer one stays: we keep no
second copy of any token, and the older one was about to end.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from codex_auth.core.delivery_errors import OpenClawBusy, OpenClawRefreshing, OpenClawSlow
from codex_auth.core.errors import AuthError
from codex_auth.core.gateway_errors import (
    ApplyUnfinished,
    GatewayBlind,
    GatewayCrashLoops,
    GatewayError,
    GatewayScope,
    GatewaySlow,
    GatewayStaysDown,
    GatewayStrange,
    GatewayUnauthorized,
    GatewayUnreachable,
    NoSuchRequest,
    NotVerified,
    RequestUnderWay,
)
from codex_auth.core.store_errors import LockBusy, PendingDamaged
from codex_auth.edge.locks import hold
from codex_auth.edge.places import Places
from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.world import World
from codex_auth.gateway.finding import START, Found
from codex_auth.gateway.health import DOWN, STRANGE, Health
from codex_auth.neighbours.openclaw_homes import OpenClawHome
from codex_auth.notes import queue as steps
from codex_auth.notes.pending import PendingFile, PendingTable
from codex_auth.notes.queue import Request, outcome_of
from codex_auth.stories.restarting import Restarting
from codex_auth.stories.site import SLICE, Site, facts, sighting

ATTEMPTS = 4
PAUSES = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60))
"""Between attempts where trouble may pass by itself."""
_T = TypeVar("_T")
_POLL = 0.25
_PASSING = (OpenClawBusy, OpenClawSlow, OpenClawRefreshing, LockBusy, GatewaySlow, GatewayUnreachable, NotVerified)
_SILENCES = (GatewayUnreachable, GatewaySlow, GatewayUnauthorized)
"""After these no other question is answered either."""
_TAKEN_BACK = (NotVerified, GatewayStaysDown, GatewayCrashLoops)


Opener = Callable[[Request], Site]
Show = Callable[[Request], None]


def drafted(
    profile: str,
    home: OpenClawHome,
    *,
    agent: str = "",
    reason: str,
    is_there_as: str = "",
    wants_restart: bool = False,
    world: World,
) -> Request:
    """Return a request to apply a login in a state folder, which is not queued yet."""
    now = world.now()
    return Request(
        id=world.random(4).hex(),
        profile=profile,
        target="openclaw",
        state=home.state,
        config=home.config,
        home_profile=home.profile,
        agent=agent,
        reason=reason,
        is_there_as=is_there_as,
        wants_restart=wants_restart,
        requested=now,
        updated=now,
        ticks=world.ticks(),
    )


def enqueue(new: Request, *, places: Places, world: World) -> Request:
    """Queue a request, durably, and return the one that stands for it.

    One that waits there for the same is made to stand for both. A damaged pending-state file is moved aside first.
    """
    return _change(PendingFile(places, make=True), world, lambda table: steps.add(table.queue, new))


def waiting(places: Places) -> list[Request]:
    """Return what is not done yet."""
    return PendingFile(places).read().queue


def look_up(request_id: str, places: Places) -> Request | None:
    """Return a request, queued or over."""
    return next((each for each in [*waiting(places), *reversed(steps.history(places))] if each.id == request_id), None)


def cancel(request_id: str, *, places: Places, world: World) -> Request:
    """Forget a request that was not begun. Raises `NoSuchRequest` and `RequestUnderWay`."""
    with PendingFile(places, make=True).change() as table:
        found = next((each for each in table.queue if each.id == request_id), None)
        if found is None:
            raise NoSuchRequest(id=request_id)
        if steps.CANCELLED not in steps.NEXT[found.step]:
            then = f", then undo it with `{found.revert}`" if found.revert else ""
            raise RequestUnderWay(id=request_id, step=found.step, then=then)
        over = found.at(steps.CANCELLED, world.now())
        steps.remember(places, over)
        table.queue.remove(found)
    return over


def work(
    *, places: Places, world: World, opener: Opener, show: Show, is_now: bool = False, only: str = "", seconds: float
) -> list[Request]:
    """Do what is queued, until nothing is, and return how it ended; what another process does is waited for.

    `is_now` passes over the pauses between attempts; `only` waits for one request. Raises `ApplyUnfinished` when
    another process is not done after `seconds`.
    """
    ended: list[Request] = []
    end = world.ticks() + seconds
    while left := [each for each in waiting(places) if each.id == only or not only]:
        for state in dict.fromkeys(each.state for each in left):
            try:
                with _alone(state, places):
                    ended += _Runner(state, places, world, opener, show, is_now=is_now).run()
            except LockBusy:
                if world.ticks() >= end:
                    waits = f", waits for {left[0].waits_for}" if left[0].waits_for else ""
                    raise ApplyUnfinished(
                        id=left[0].id, step=left[0].step, waits=waits, profile=left[0].profile
                    ) from None
                show(_under_way(state, places) or left[0])
                stop_if_asked()
                world.sleep(_POLL)
    done = look_up(only, places) if only and only not in {each.id for each in ended} else None
    return [*ended, done] if done else ended


def _under_way(state: str, places: Places) -> Request | None:
    """Return what another process does for a folder, which is what everybody else there waits for."""
    return next((each for each in waiting(places) if each.state == state and each.step != steps.QUEUED), None)


def _alone(state: str, places: Places) -> Any:
    digest = hashlib.sha256(os.path.realpath(state).encode()).hexdigest()[:16]
    path = os.path.join(places.locks, f"apply-{digest}.lock")
    return hold(path, timeout=0, what="The queue", verb="apply", rank="apply")


class _Gone(Exception):
    """The request was cancelled."""


class _Runner:
    """The only process that works for a state folder."""

    def __init__(self, state: str, places: Places, world: World, opener: Opener, show: Show, *, is_now: bool) -> None:
        self._state = state
        self._places = places
        self._world = world
        self._opener = opener
        self._show = show
        self._is_now = is_now
        self._file = PendingFile(places, make=True)
        self._restarting = Restarting(state, places, world, self._save)

    def run(self) -> Iterator[Request]:
        """Yield each request as it ends, until there is none left for this folder."""
        while queued := [each for each in self._file.read().queue if each.state == self._state]:
            stop_if_asked()
            request = next((each for each in queued if self._is_due(each)), None)
            if request is None:
                self._world.sleep(SLICE)
                continue
            try:
                over = self._advance(request)
            except _Gone:
                continue
            if over is not None:
                yield over

    def _is_due(self, request: Request) -> bool:
        pause = None if request.not_before is None else request.not_before - self._world.now()
        # A clock set back must not make a pause of seconds one of days.
        return self._is_now or pause is None or not timedelta() < pause <= PAUSES[-1]

    def _advance(self, request: Request) -> Request | None:
        """Bring a request to its end, or to another attempt."""
        try:
            site = self._opener(request)
            while not request.is_over:
                request = self._step(request, site)
                if request.step == steps.QUEUED:
                    return None
        except AuthError as error:
            return self._failed(self._current(request), error)
        return request

    def _step(self, request: Request, site: Site) -> Request:
        act = {
            steps.QUEUED: self._begin,
            steps.DELIVERING: self._deliver,
            steps.RELOADING: self._reload,
            steps.WAITING: self._restarting.ask,
            steps.RESTARTING: self._restarting.watch,
            steps.VERIFYING: self._verify,
        }[request.step]
        return act(request, site)

    # --- the steps ---------------------------------------------------------------------------------------------

    def _begin(self, request: Request, site: Site) -> Request:
        found = site.find()
        health = site.health(found) if found else Health(DOWN)
        if found and health.state == STRANGE:
            raise GatewayStrange(**facts(request), port=found.port)
        return self._save(
            request,
            steps.DELIVERING,
            attempts=request.attempts + 1,
            had_before=site.had_lease() if request.had_before is None else request.had_before,
            seen=found and sighting(found, health),
        )

    def _deliver(self, request: Request, site: Site) -> Request:
        site.deliver()
        found = site.find()
        if found is None:
            return self._save(request, steps.VERIFYING, effect=steps.NEXT_START)
        if request.wants_restart and not self._restarting.has_happened(request, site.health(found), request.ticks):
            return self._save(request, steps.WAITING)
        return self._save(request, steps.RELOADING)

    def _reload(self, request: Request, site: Site) -> Request:
        found = site.find()
        if found is None:
            return self._save(request, steps.VERIFYING, effect=steps.NEXT_START)
        try:
            site.reload(found)
        except _SILENCES:
            raise
        except GatewayError as refused:
            try:
                site.reread(found)
            except GatewayScope:
                raise refused from None
        return self._save(request, steps.VERIFYING, effect=steps.NOW)

    def _verify(self, request: Request, site: Site) -> Request:
        if request.filed:
            self._restarting.prove_steady(request, site)
        site.verify()
        found = site.find()
        if found is not None and request.effect == steps.NOW:
            self._is_listed(request, site, found)
        return self._over(request, steps.DONE, outcome=None)

    def _is_listed(self, request: Request, site: Site, found: Found) -> None:
        """See that the gateway sees the login too: that OpenClaw holds it does not say so."""
        try:
            if site.lists(found):
                return
            site.look_anew(found)
            is_listed = site.lists(found)
        except _SILENCES:
            raise
        except GatewayError as refused:
            if refused.facts.get("step") == "models.authStatus":
                return  # no such list, or not for us: what was told and read back has to do
            if isinstance(refused, GatewayScope):
                raise
            is_listed = False
        if not is_listed:
            raise GatewayBlind(**facts(request), start=START[found.supervisor])

    # --- what the steps share ----------------------------------------------------------------------------------

    def _failed(self, request: Request, error: AuthError) -> Request | None:
        """Try again where it may help, or end the request and put back what was there."""
        is_passing = isinstance(error, _PASSING) and request.asked is None and request.attempts < ATTEMPTS
        if is_passing and steps.QUEUED in {*steps.NEXT[request.step], request.step}:
            attempts = max(request.attempts, 1)
            pause = PAUSES[min(attempts, len(PAUSES)) - 1]
            again = self._world.now() + pause
            self._save(request, steps.QUEUED, attempts=attempts, not_before=again, outcome=outcome_of(error))
            return None
        outcome = outcome_of(error)
        if isinstance(error, _TAKEN_BACK) and request.had_before is False:
            outcome = self._put_back(request, outcome)
        return self._over(request, steps.FAILED, outcome=outcome)

    def _put_back(self, request: Request, outcome: steps.Outcome) -> steps.Outcome:
        try:
            self._opener(request).take_back()
        except AuthError:
            return replace(outcome, hint=f"{outcome.hint} To take the lease back: `{request.revert}`.")
        return replace(outcome, message=f"{outcome.message} The lease was taken back; nothing of it is there.")

    def _current(self, request: Request) -> Request:
        """Return the request as it was saved last."""
        return next((each for each in self._file.read().queue if each.id == request.id), request)

    def _save(self, request: Request, step: str, **changes: Any) -> Request:
        """Make a step durable before its effect."""
        after = request.at(step, self._world.now(), **changes)

        def put(table: PendingTable) -> None:
            held = next((each for each in table.queue if each.id == request.id), None)
            if held is None and steps.CANCELLED in steps.NEXT[request.step]:
                raise _Gone
            # What came in for a queued one meanwhile is kept.
            wish = held.wants_restart if held and request.step == steps.QUEUED else after.wants_restart
            ticks = held.ticks if held and request.step == steps.QUEUED else after.ticks
            merged = replace(after, wants_restart=wish, ticks=ticks)
            table.queue[:] = [merged if each.id == request.id else each for each in table.queue]
            if held is None:
                table.queue.append(merged)

        _change(self._file, self._world, put)
        after = self._current(after)
        self._show(after)
        return after

    def _over(self, request: Request, step: str, **changes: Any) -> Request:
        after = request.at(step, self._world.now(), not_before=None, waits_for="", **changes)

        def move(table: PendingTable) -> None:
            steps.remember(self._places, after)
            table.queue[:] = [each for each in table.queue if each.id != request.id]

        _change(self._file, self._world, move)
        self._show(after)
        return after


def _change(file: PendingFile, world: World, act: Callable[[PendingTable], _T]) -> _T:
    """Change the file's content; a damaged one is moved aside whole, which the person is told, and begun anew."""
    try:
        with file.change() as table:
            return act(table)
    except PendingDamaged as damage:
        world.tell(str(damage))
        with file.change() as table:
            return act(table)
