"""What is said of requests to apply a login: while they wait, as they go on, and when they are over."""

import sys
import threading
from datetime import datetime
from types import TracebackType
from typing import Self

from codex_auth.core.text import printable
from codex_auth.edge.terminal import Stopwatch
from codex_auth.edge.world import World
from codex_auth.notes import queue as steps
from codex_auth.notes.queue import Request
from codex_auth.views import show as words
from codex_auth.views.document import print_document

_EFFECTS = {
    steps.NOW: "the gateway's next turn uses it",
    steps.NEXT_START: "no gateway runs there; it uses it when it starts (`openclaw gateway start`)",
    steps.SECOND_TURN: "the gateway's second turn uses it",
    "": "",
}
_UNNOTICED = 0.5
"""Seconds that nobody wonders about."""
_SHORT = {
    steps.DELIVERING: "delivering",
    steps.RELOADING: "the gateway reads its logins",
    steps.WAITING: "waiting to restart it",
    steps.RESTARTING: "the gateway restarts (Ctrl-C: `codex-auth apply` goes on)",
    steps.VERIFYING: "looking whether the gateway sees it",
}
"""What stands beside the time on a terminal; with the time it fits into 80 columns."""
_BUSY = "waiting for running work (Ctrl-C: `codex-auth apply` goes on)"
_STEPS = {
    steps.QUEUED: "waits for its turn",
    steps.DELIVERING: "is being delivered",
    steps.RELOADING: "is delivered; the gateway is told",
    steps.WAITING: "is delivered; waits to restart the gateway",
    steps.RESTARTING: "is delivered; the gateway restarts",
    steps.VERIFYING: "is delivered; it is looked whether it is there",
    steps.DONE: "is applied",
    steps.FAILED: "could not be applied",
    steps.CANCELLED: "was cancelled",
}


def document(request: Request) -> dict[str, object]:
    """Return a request as JSON (schema_version 1)."""
    seen, outcome = request.seen, request.outcome
    return {
        "id": request.id,
        "profile": request.profile,
        "target": request.target,
        "state_dir": request.state,
        "agent": request.agent or None,
        "mode": "lease",
        "reason": request.reason,
        "step": request.step,
        "restart": request.wants_restart,
        "restart_result": request.filed or None,
        "waits_for": request.waits_for or None,
        "effect": request.effect or None,
        "attempts": request.attempts,
        "requested_at": words.stamp(request.requested),
        "not_before": words.stamp(request.not_before),
        "updated_at": words.stamp(request.updated),
        "gateway_before": seen and {"pid": seen.pid, "port": seen.port, "uptimeMs": seen.uptime_ms},
        "error": outcome.code if outcome else None,
        "message": outcome.message if outcome else None,
        "hint": outcome.hint if outcome else None,
        "exit_code": outcome.status if outcome else 0,
        "undo": request.revert or None,
    }


def undo(request: Request) -> str:
    """Return the sentence that says how to undo it, or why nothing needs undoing."""
    if request.is_there_as == steps.ITS_LOGIN:
        return f"{request.target} owns {request.profile} already: nothing is delivered, so nothing needs undoing."
    if request.is_there_as == steps.ITS_FILE:
        return (
            f"{request.profile} is in {request.target}'s own file already: nothing is delivered. "
            f"To remove it from there: {request.revert}"
        )
    return f"To undo it afterwards: {request.revert}"


def line(request: Request, now: datetime) -> str:
    """Return a request in one line."""
    said = f"{request.profile} {_STEPS[request.step]} at {request.target}"
    said += _waits(request)
    if request.step == steps.DONE:
        said += f": {_EFFECTS[request.effect]}" if request.effect else ""
    if request.outcome is not None:
        again = " (it is tried again)" if not request.is_over else ""
        said += f": {printable(request.outcome.message, limit=400)}{again}"
    return f"{said} [{request.id}, {words.duration(now - request.updated)} ago]"


class Progress:
    """What a person sees meanwhile: a line for each step, and on a terminal how long it has been going on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._last = ""
        self._since = world.ticks()
        self._clock = Stopwatch(sys.stderr, "beginning", env=world.env)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._clock.clear()

    def show(self, request: Request) -> None:
        """Tell the step that a request has come to, once."""
        said = f"{request.profile} {_STEPS[request.step]}{_waits(request)} …"
        with self._lock:
            self._clock.clear()
            if not request.is_over and said != self._last:
                self._world.tell(said)
                self._last, self._since = said, self._world.ticks()
                is_kept = request.step == steps.RESTARTING and request.waits_for
                short = _BUSY if is_kept else _SHORT.get(request.step, "working")
                self._clock = Stopwatch(sys.stderr, short, env=self._world.env)

    def _tick(self) -> None:
        while not self._over.wait(0.1):
            with self._lock:
                for_so_long = self._world.ticks() - self._since
                if for_so_long > _UNNOTICED:
                    self._clock.draw(for_so_long)


def _waits(request: Request) -> str:
    """Return what a request waits for, as the end of a sentence."""
    if not request.waits_for or request.is_over:
        return ""
    what = printable(request.waits_for, limit=200)
    if request.step == steps.RESTARTING:
        return f" when this is done, in five minutes at the latest: {what}"
    return f"; it waits for {what}"


def print_ended(ended: list[Request], world: World, *, as_json: bool) -> int:
    """Say how requests ended, and return the exit status: that of the first that failed."""
    failed = [each.outcome for each in ended if each.step == steps.FAILED and each.outcome is not None]
    status = failed[0].status if failed else 0
    if as_json:
        print_document(world, ok=not status, applies=[document(each) for each in ended], exit_code=status)
        return status
    for each in ended:
        if each.step == steps.FAILED and each.outcome is not None:
            world.tell(f"codex-auth: {each.outcome.message}")
            world.tell(f"  {each.outcome.hint}")
        else:
            effect = f": {_EFFECTS[each.effect]}" if each.effect and each.step == steps.DONE else ""
            world.out(f"{each.profile} {_STEPS[each.step]} at {each.target} in {each.state}{effect}.")
            if each.effect == steps.NOW and each.filed:
                world.out("  The gateway restarted, and is well.")
    if not ended:
        world.out("Nothing is queued.")
    return status


def print_queue(queue: list[Request], over: list[Request], world: World, *, as_json: bool) -> None:
    """Show what is queued, and how the last ones ended."""
    if as_json:
        print_document(
            world, ok=True, queue=[document(each) for each in queue], applied=[document(each) for each in over]
        )
        return
    for each in [*queue, *over]:
        world.out(line(each, world.now()))
    if not queue and not over:
        world.out("Nothing is queued, and nothing was applied yet.")


def print_queued(request: Request, world: World, *, as_json: bool) -> None:
    """Say that a request is queued and goes on by itself."""
    if as_json:
        print_document(world, queued=True, **document(request))
    else:
        world.out(f"Queued: {request.profile} is delivered to {request.target} in the background [{request.id}].")
        world.tell(f"To see how it goes: codex-auth status {request.profile}. {undo(request)}")


def print_cancelled(request: Request, world: World, *, as_json: bool) -> None:
    """Say which request was forgotten."""
    if as_json:
        print_document(world, cancelled=True, **document(request))
    else:
        world.out(f"The request {request.id} to apply {request.profile} is forgotten; nothing was delivered for it.")
