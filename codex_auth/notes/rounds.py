"""What `keep` remembers from one round to the next: which alerts were told, and how the last round went.

Neither file holds a secret. Whoever writes them holds the round's lock.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from codex_auth.core import moments
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.edge import files
from codex_auth.edge.locks import hold
from codex_auth.edge.places import Places

LOCK_SECONDS = 60.0
"""How long a round waits for another to end."""

_LIMIT = 16 * 1024 * 1024
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of one profile."""

    token: str
    """Which access token that was about, by what may be shown of it."""
    marks: frozenset[str] = frozenset()
    """The states that were told while it was the newest one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRound:
    """How a round went."""

    at: datetime
    next_due: datetime | None = None
    """When the next login is due; None if there is none that we renew."""
    refreshed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Profile: the code of its error."""


@contextlib.contextmanager
def one_at_a_time(places: Places) -> Iterator[None]:
    """Hold the lock of rounds. Raises `LockBusy` when another round takes longer than a minute more."""
    path = os.path.join(places.locks, "keep.lock")
    with hold(path, timeout=LOCK_SECONDS, what="The keeper of logins", verb="keep", rank="round"):
        yield


def read_told(places: Places) -> dict[str, Told]:
    """Return what was told of each profile; nothing if the file is missing or damaged, so that all is told again."""
    try:
        rows = _read(places.alerts)["profiles"].items()
        return {profile: Told(str(row["token"]), frozenset(map(str, row["told"]))) for profile, row in rows}
    except _DAMAGED:
        return {}


def write_told(places: Places, told: Mapping[str, Told]) -> None:
    """Remember durably what was told. Raises `StoreNotDurable`."""
    rows = {profile: {"token": each.token, "told": sorted(each.marks)} for profile, each in told.items()}
    _write(places.alerts, {"profiles": rows})


def read_last(places: Places) -> LastRound | None:
    """Return how the last round went; None if there was none, or its record is damaged."""
    try:
        row = _read(places.last_round)
        return LastRound(
            at=moments.read(row["at"]),
            next_due=moments.maybe(row["next_due"]),
            refreshed=[str(profile) for profile in row["refreshed"]],
            failed={profile: str(code) for profile, code in row["failed"].items()},
        )
    except _DAMAGED:
        return None


def write_last(places: Places, last: LastRound) -> None:
    """Record how a round went. Raises `StoreNotDurable`."""
    facts = {"at": moments.written(last.at), "next_due": moments.written(last.next_due)}
    _write(places.last_round, {**facts, "refreshed": last.refreshed, "failed": last.failed})


_DAMAGED = (JsonDamaged, AttributeError, KeyError, TypeError, ValueError)


def _read(path: str) -> dict[str, Any]:
    """Return a record of ours; a missing one, or one of another version, says nothing. Raises `JsonDamaged`."""
    data = files.read_private(path, limit=_LIMIT)
    document = {} if data is None else read_object(data)
    return document if document.get("schema_version") == _VERSION else {}


def _write(path: str, facts: Mapping[str, object]) -> None:
    files.private_folder(os.path.dirname(path))
    files.sweep(path)
    files.replace(path, [(json.dumps({"schema_version": _VERSION, **facts}, indent=2) + "\n").encode()])
