"""The note of where a profile was delivered, and how. It holds no secret, only fingerprints with this machine's key.

There is one note for each profile that was ever delivered; whoever writes it holds the profile's lock. A hand-over is
marked in it before the target is given anything, so that a crash at any point leaves one owner: until the mark is
settled, nobody here spends the refresh token.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from codex_auth.core import moments
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.store_errors import StoreError
from codex_auth.edge import files
from codex_auth.edge.places import Places

LEASE, HAND_OVER = "lease", "hand-over"
PROVIDER = "model_providers."
"""What the id of a place in Codex's `config.toml` begins with; a provider there runs `codex-auth token NAME`."""
_LIMIT = 1024 * 1024
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place at a target that holds this login: what to know to reach it again."""

    target: str
    state: str
    config: str
    home_profile: str
    agent: str
    """Empty for what all agents share."""
    profile_id: str

    @property
    def provider_id(self) -> str:
        """The model provider of Codex's that asks for the login by its name; empty for every other place."""
        is_provider = self.target == "codex" and self.profile_id.startswith(PROVIDER)
        return self.profile_id.removeprefix(PROVIDER) if is_provider else ""

    @property
    def spoken(self) -> str:
        """The place as people say it."""
        if self.provider_id:
            return f"codex in {self.state} (provider {self.provider_id})"
        if self.target == "codex":
            return "codex, as `run` starts it" if self.home_profile else f"codex in {self.state}"
        return f"{self.target} ({self.profile_id}{f', agent {self.agent}' if self.agent else ''})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the user of a Codex had chosen before a delivery chose its own provider; empty where that was nothing."""

    provider: str
    model: str
    ours: tuple[str, ...] = ()
    """The models that were chosen with ours; the user's comes back only in place of one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one place was given."""

    place: Place
    mode: str
    at: datetime
    access: str
    """Fingerprint of the access token it was given."""
    expires: datetime | None = None
    refresh: str = ""
    """Fingerprint of the refresh token, while a hand-over is under way."""
    before: str = ""
    """Fingerprint of the refresh token that was there before."""
    is_settled: bool = True
    """False from before the target is given a refresh token until we have destroyed ours."""
    choice: Choice | None = None
    """What a model provider of ours took the place of; written before it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Everything one profile was delivered to."""

    profile: str
    rows: tuple[Delivery, ...] = field(default=())

    def at(self, place: Place) -> Delivery | None:
        """Return what this place was given."""
        return next((row for row in self.rows if _same(row.place, place)), None)

    def with_row(self, row: Delivery) -> "Deliveries":
        """Return the same with this row in place of the one for its place."""
        return replace(self, rows=(*self.without(row.place).rows, row))

    def without(self, place: Place) -> "Deliveries":
        """Return the same without this place."""
        return replace(self, rows=tuple(row for row in self.rows if not _same(row.place, place)))

    @property
    def unsettled(self) -> Delivery | None:
        """The hand-over that was begun and not finished."""
        return next((row for row in self.rows if not row.is_settled), None)


def is_given_away(rows: Iterable[Delivery], owner: str) -> bool:
    """Whether the owner got the login from us: then that our copy of its access token ends concerns nobody."""
    return any(row.mode == HAND_OVER and row.is_settled and row.place.target == owner for row in rows)


def delivered_profiles(places: Places) -> list[str]:
    """Return the profiles that were ever delivered; it costs one look where none was."""
    try:
        names = os.listdir(places.deliveries)
    except OSError:
        return []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith("."))


def read(places: Places, profile: str) -> Deliveries:
    """Return the note of a profile; an empty one if there is none.

    Raises `StoreError` for one that does not read: it might be the mark of a hand-over.
    """
    data = files.read_private(_path(places, profile), limit=_LIMIT)
    if data is None:
        return Deliveries(profile=profile)
    try:
        return Deliveries(profile=profile, rows=_rows(read_object(data)))
    except (JsonDamaged, KeyError, TypeError, ValueError, AttributeError):
        raise StoreError(path=_path(places, profile), problem="it does not read as a note of deliveries") from None


def write(places: Places, note: Deliveries) -> None:
    """Keep the note, durably; one without rows is removed."""
    path = _path(places, note.profile)
    if not note.rows:
        files.remove(path)
        return
    files.private_folder(os.path.dirname(path))
    files.sweep(path)
    document = {"schema_version": _VERSION, "deliveries": [_written(row) for row in note.rows]}
    files.replace(path, [(json.dumps(document, indent=2) + "\n").encode()])


def _path(places: Places, profile: str) -> str:
    return os.path.join(places.deliveries, f"{profile}.json")


def _same(one: Place, other: Place) -> bool:
    return (one.target, one.state, one.agent, one.profile_id) == (
        other.target,
        other.state,
        other.agent,
        other.profile_id,
    )


def _written(row: Delivery) -> dict[str, object]:
    place = row.place
    return {
        "target": place.target,
        "state": place.state,
        "config": place.config,
        "home_profile": place.home_profile,
        "agent": place.agent,
        "profile_id": place.profile_id,
        "mode": row.mode,
        "at": moments.written(row.at),
        "access": row.access,
        "expires": moments.written(row.expires),
        "refresh": row.refresh,
        "before": row.before,
        "settled": row.is_settled,
        "choice": row.choice and {"provider": row.choice.provider, "model": row.choice.model, "ours": row.choice.ours},
    }


def _rows(document: Mapping[str, object]) -> tuple[Delivery, ...]:
    listed = document["deliveries"]
    if document["schema_version"] != _VERSION or not isinstance(listed, list):
        raise ValueError
    return tuple(_read(each) for each in listed)


def _read(row: Mapping[str, object]) -> Delivery:
    words = {name: str(row[name]) for name in ("target", "state", "config", "home_profile", "agent", "profile_id")}
    if row["mode"] not in {LEASE, HAND_OVER}:
        raise ValueError
    return Delivery(
        place=Place(**words),
        mode=str(row["mode"]),
        at=moments.read(row["at"]),
        access=str(row["access"]),
        expires=moments.maybe(row["expires"]),
        refresh=str(row["refresh"]),
        before=str(row["before"]),
        is_settled=row["settled"] is not False,
        choice=_choice(row.get("choice")),
    )


def _choice(said: object) -> Choice | None:
    if said is None:
        return None
    if not isinstance(said, Mapping) or not isinstance(said["ours"], list):
        raise TypeError
    return Choice(provider=str(said["provider"]), model=str(said["model"]), ours=tuple(map(str, said["ours"])))
