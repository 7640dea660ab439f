"""What is to be applied: one durable record for each request, without a secret, and the steps it goes through.

    queued → delivering → reloading → verifying → done
                        ↘ waiting → restarting ↗        (waiting → reloading: it restarted by itself meanwhile)
    any step but the last → failed;  queued or waiting → cancelled

1. A step is durable before its effect, and each effect is safe to have twice, but for one: a restart.
2. `asked` is durable before a restart is asked for, `filed` after the gateway took it. Found `asked` without `filed`,
   nobody knows; then the gateway's own age says whether it restarted, and it is asked again only if it did not.
3. Requests for the same login and place are one, as long as the first of them was not begun.
4. What is over moves to the history, which lies in the state folder: the pending-state file may be lost in a reboot.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from codex_auth.core import moments
from codex_auth.core.errors import AuthError
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.edge import files
from codex_auth.edge.places import Places

QUEUED, DELIVERING, RELOADING, WAITING = "queued", "delivering", "reloading", "waiting"
RESTARTING, VERIFYING, DONE, FAILED, CANCELLED = "restarting", "verifying", "done", "failed", "cancelled"
FINAL = frozenset({DONE, FAILED, CANCELLED})
NEXT = {
    QUEUED: {DELIVERING, CANCELLED, FAILED},
    DELIVERING: {QUEUED, RELOADING, WAITING, VERIFYING, FAILED},
    RELOADING: {QUEUED, VERIFYING, FAILED},
    WAITING: {QUEUED, RELOADING, RESTARTING, VERIFYING, CANCELLED, FAILED},
    RESTARTING: {QUEUED, VERIFYING, FAILED},
    VERIFYING: {QUEUED, DONE, FAILED},
}
"""From which step to which others; back to `queued` is another attempt."""

NOW, NEXT_START, SECOND_TURN = "now", "next_start", "second_turn"
"""When the gateway uses what was delivered: at its next turn, when somebody starts it, or one turn late."""
ITS_FILE, ITS_LOGIN = "file", "owner"
"""Why nothing has to be delivered: our store for the login is the target's own file, or the login was handed over."""

_LIMIT = 1024 * 1024
_VERSION = 1
_REMEMBERED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A gateway as it was found before anything was done to it."""

    pid: int | None
    port: int | None
    uptime_ms: int | None
    started: int | None = None
    """When its process began, as `gateway.finding` has it; records of before do not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a request ended that failed, in what may be shown."""

    code: str
    message: str
    hint: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One login that is to be applied in one place."""

    id: str
    profile: str
    target: str
    state: str
    """The target's state folder; with its configuration and its own profile it is reached again."""
    config: str
    home_profile: str
    agent: str
    reason: str
    is_there_as: str = ""
    """`ITS_FILE` or `ITS_LOGIN` where the target had the login when it was requested; empty where it is delivered."""
    wants_restart: bool
    requested: datetime
    ticks: float
    """When it was requested, by the clock that goes on while the machine sleeps and begins anew when it starts."""
    step: str = QUEUED
    updated: datetime
    not_before: datetime | None = None
    attempts: int = 0
    had_before: bool | None = None
    """Whether the place held a lease of this login before; None until that is known."""
    seen: Seen | None = None
    asked: float | None = None
    """When a restart was asked for, by that clock."""
    filed: str = ""
    """What the gateway made of it: `scheduled` or `deferred`."""
    waits_for: str = ""
    """What keeps the gateway, in words."""
    effect: str = ""
    outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be done."""
        return self.step in FINAL

    @property
    def revert(self) -> str:
        """What to type to undo it; empty where nothing needs undoing."""
        if self.is_there_as:
            return f"codex-auth logout {self.profile}" if self.is_there_as == ITS_FILE else ""
        agent = f" --agent {self.agent}" if self.agent else ""
        return f"codex-auth deliver {self.target} {self.profile} --take-back{agent}"

    def is_like(self, other: "Request") -> bool:
        """Whether both bring the same login to the same place."""
        places = [(each.profile, each.target, each.state, each.agent) for each in (self, other)]
        return places[0] == places[1]

    def at(self, step: str, now: datetime, **changes: Any) -> "Request":
        """Return the same at its next step."""
        if step != self.step and step not in NEXT[self.step]:
            raise AssertionError(f"{self.step} does not lead to {step}")
        return replace(self, step=step, updated=now, **changes)

    def since(self, moment: float, ticks: float) -> float:
        """Return the seconds since a moment of that clock; after a reboot, more than any gateway has lived."""
        return ticks - moment if ticks >= moment else float("inf")


def outcome_of(error: AuthError) -> Outcome:
    """Return what is kept of an error."""
    return Outcome(code=error.code, message=str(error), hint=error.hint, status=error.status)


def add(queue: list[Request], new: Request) -> Request:
    """Put a request into the queue, or let one that waits there stand for it; return the one that does."""
    for at, held in enumerate(queue):
        if held.is_like(new) and held.step == QUEUED:
            # It was not begun, so its delivery brings the newest; the earlier moment counts for nothing.
            queue[at] = replace(
                held,
                wants_restart=held.wants_restart or new.wants_restart,
                not_before=None,
                attempts=0,
                is_there_as=new.is_there_as,
                ticks=new.ticks,
            )
            return queue[at]
    queue.append(new)
    return new


def read_rows(rows: Iterable[Mapping[str, Any]]) -> list[Request]:
    """Return the requests of a file. Raises `KeyError`, `TypeError` and `ValueError`."""
    return [_read(row) for row in rows]


def written(request: Request) -> dict[str, object]:
    """Return a request as a file keeps it."""
    seen, outcome = request.seen, request.outcome
    return {
        **{name: getattr(request, name) for name in _TEXTS},
        "is_there_as": request.is_there_as,
        "wants_restart": request.wants_restart,
        "requested_at": moments.written(request.requested),
        "updated_at": moments.written(request.updated),
        "not_before": moments.written(request.not_before),
        "ticks": request.ticks,
        "attempts": request.attempts,
        "had_before": request.had_before,
        "asked": request.asked,
        "seen": seen and asdict(seen),
        "outcome": outcome
        and {"code": outcome.code, "message": outcome.message, "hint": outcome.hint, "exit_code": outcome.status},
    }


def history(places: Places) -> list[Request]:
    """Return what is over, the newest last; nothing if its file is missing or damaged."""
    try:
        data = files.read_private(places.applies, limit=_LIMIT)
        document = {} if data is None else read_object(data)
        return read_rows(document["applies"]) if document.get("schema_version") == _VERSION else []
    except (JsonDamaged, KeyError, TypeError, ValueError, AttributeError):
        return []


def remember(places: Places, over: Request) -> None:
    """Add what is over to the history, once. Raises `StoreNotDurable`."""
    known = [each for each in history(places) if each.id != over.id]
    rows = [written(each) for each in [*known, over][-_REMEMBERED:]]
    files.private_folder(os.path.dirname(places.applies))
    files.sweep(places.applies)
    text = json.dumps({"schema_version": _VERSION, "applies": rows}, indent=2) + "\n"
    files.replace(places.applies, [text.encode()])


_TEXTS = (
    *("id", "profile", "target", "state", "config", "home_profile", "agent", "reason", "step", "filed", "waits_for"),
    "effect",
)


def _read_seen(row: Mapping[str, Any]) -> Seen:
    return Seen(pid=row["pid"], port=row["port"], uptime_ms=row["uptime_ms"], started=row.get("started"))


def _read(row: Mapping[str, Any]) -> Request:
    if not all(isinstance(row[name], str) for name in _TEXTS) or row["step"] not in {*NEXT, *FINAL}:
        raise TypeError
    seen, outcome, had = row["seen"], row["outcome"], row["had_before"]
    return Request(
        **{name: row[name] for name in _TEXTS},
        is_there_as=str(row.get("is_there_as", "")),  # records of before do not say
        wants_restart=row["wants_restart"] is True,
        requested=moments.read(row["requested_at"]),
        updated=moments.read(row["updated_at"]),
        not_before=moments.maybe(row["not_before"]),
        ticks=float(row["ticks"]),
        attempts=int(row["attempts"]),
        had_before=None if had is None else had is True,
        asked=None if row["asked"] is None else float(row["asked"]),
        seen=None if seen is None else _read_seen(seen),
        outcome=None
        if outcome is None
        else Outcome(
            code=str(outcome["code"]),
            message=str(outcome["message"]),
            hint=str(outcome["hint"]),
            status=int(outcome["exit_code"]),
        ),
    )
