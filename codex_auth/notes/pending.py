"""The pending-state file: sign-ins that were started and not finished, for whichever process finishes them.

Two rules hold here:

1. Nothing in the file is usable alone. State, verifier and device code are sealed with a key that lies elsewhere, bound
   to everything else that is said of their login; what is left of an ended login is a hash of its state.
2. A login that was claimed is never used again. The claim is durable before the code is sent, so two
   processes, or one that was killed and one that came after, cannot spend it twice (RFC 6749 section 4.1.2).
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from codex_auth.core import moments
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.model import DeviceGrant, PendingLogin
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import PendingDamaged, SealBroken
from codex_auth.edge import files
from codex_auth.edge.places import FILE, Places, pending_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.keys.seal import Seal
    from codex_auth.notes.queue import Request

LIFETIME = timedelta(minutes=10)
"""How long a started sign-in may wait for its redirect; Codex's app server gives up after the same time."""
_LIMIT = 1024 * 1024
_VERSION = 1
_REMEMBERED = timedelta(hours=24)
_REMEMBERED_AT_MOST = 64
_LOCK_SECONDS = 10.0
_LONGEST_INTERVAL = 24 * 3600.0
_YEARS = (1970, 9998)
"""Moments outside cannot be reckoned with: `datetime` ends at both sides."""

ENDINGS = {
    "finished": "was already finished",
    "replaced": "was replaced by a newer one",
    "cancelled": "was cancelled",
    "expired": "has expired",
    "denied": "was denied in the browser",
    "refused": "was refused by the provider",
    "failed": "failed and nothing was stored",
    "lost": "was sent to the provider, whose answer never came",
    "interrupted": "was interrupted while it was being finished",
}
"""How a login can end, and the words for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingDevice:
    """What the file says openly of a device code: how to ask about it, and when next, whichever process does."""

    dialect: str
    page: str
    interval: float
    slowed: int
    ask_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One pending login as it stands in the file: everything but the secrets, which stay sealed."""

    id: str
    profile: str
    issuer: str
    client_id: str
    scope: str
    redirect_uri: str
    created: datetime
    expires: datetime
    requester: str
    replace_account: bool
    state_hash: str
    sealed: str
    sealed_by: str = FILE
    """The kind of store whose seal it has."""
    claimed: bool = False
    device: WaitingDevice | None = None

    @property
    def bound_to(self) -> str:
        """What the seal is bound to: change any of it and the secrets do not open."""
        facts = [self.id, self.profile, self.issuer, self.client_id, self.redirect_uri, self.requester]
        if self.device:
            facts += [self.device.dialect, self.device.page]
        return "\n".join([*facts, moments.stamp(self.expires), str(self.replace_account), self.state_hash])

    def is_live(self, now: datetime) -> bool:
        """Whether it may still be finished. A clock set back by days must not revive it for days."""
        return self.created - LIFETIME <= now < self.expires

    def is_for(self, state: Secret) -> bool:
        """Whether a redirect with this state belongs to this login."""
        return self.state_hash == state_hash(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is remembered of a login that is over."""

    profile: str
    state_hash: str
    how: str
    at: datetime


@dataclass(slots=True)
class PendingTable:
    """The file's content. Changes are kept when the `change` block that handed it out ends well."""

    waiting: dict[str, Waiting]
    ended: list[Ended]
    queue: "list[Request]" = field(default_factory=list)
    """What is to be applied (`notes.queue`)."""

    def end(self, profile: str, how: str, now: datetime) -> None:
        """Forget the login waiting for `profile`, remembering only how it ended."""
        gone = self.waiting.pop(profile, None)
        if gone is not None:
            self.ended.append(Ended(profile=profile, state_hash=gone.state_hash, how=how, at=now))

    def expire(self, now: datetime) -> None:
        """End every login that has waited too long, or was started in what is now the future."""
        for profile in [name for name, login in self.waiting.items() if not login.is_live(now)]:
            self.end(profile, "expired", now)

    def how_it_ended(self, state: Secret) -> Ended | None:
        """Return what is remembered of the login this state belonged to."""
        wanted = state_hash(state)
        return next((ended for ended in reversed(self.ended) if ended.state_hash == wanted), None)


def state_hash(state: Secret) -> str:
    """Return the name an ended login is remembered by; the 256-bit state cannot be had back from it."""
    import hashlib

    return hashlib.sha256(b"codex-auth state " + state.reveal().encode("utf-8", "surrogatepass")).hexdigest()


class PendingFile:
    """The pending logins of this account of the machine."""

    def __init__(self, places: Places, *, make: bool = False) -> None:
        """Find the file; `make` also makes its folder, for whoever is about to write."""
        self.path = pending_path(places, make=make)
        self._places = places

    def read(self) -> PendingTable:
        """Return what is waiting, without a lock: the file is only ever replaced whole.

        Raises `PendingDamaged` when it does not read (nothing is moved by looking) and `StoreError`.
        """
        return self._parse(files.read_private(self.path, limit=_LIMIT))

    @contextlib.contextmanager
    def change(self) -> Iterator[PendingTable]:
        """Hold the file's lock, hand out its content, and make it durable when the block ends without error.

        A damaged file is moved aside whole before anything is written, and `PendingDamaged` says where.
        """
        from codex_auth.edge.locks import hold

        with hold(
            os.path.join(self._places.locks, "pending.lock"),
            timeout=_LOCK_SECONDS,
            what="The pending-state file",
            verb="pending",
            rank="pending",
        ):
            files.sweep(self.path)
            held = files.read_private(self.path, limit=_LIMIT)
            try:
                table = self._parse(held)
            except PendingDamaged as damage:
                kept = files.quarantine(self.path)
                raise PendingDamaged(**{**damage.facts, "kept": kept}) from None
            before = _write(table)
            yield table
            after = _write(table)
            if after != before or held is None:
                files.replace(self.path, [after])

    def seal(self, login: PendingLogin, seal: "Seal") -> Waiting:
        """Return a login as the file keeps it."""
        waiting = Waiting(
            id=login.id,
            profile=login.profile,
            issuer=login.issuer,
            client_id=login.client_id,
            scope=login.scope,
            redirect_uri=login.redirect_uri,
            created=login.created,
            expires=login.expires,
            requester=login.requester,
            replace_account=login.replace_account,
            state_hash=state_hash(login.state),
            sealed="",
            sealed_by=seal.kind,
            device=_waiting_device(login),
        )
        secrets = [login.state, login.verifier]
        if login.device:
            secrets += [login.device.device_code, login.device.user_code]  # the last one: it may hold a space
        whole = Secret(" ".join(secret.reveal() for secret in secrets))
        return replace(waiting, sealed=seal.close(whole, bound_to=waiting.bound_to))

    def open(self, waiting: Waiting, seal: "Seal") -> PendingLogin:
        """Return a login with its secrets; `seal` is that of `waiting.sealed_by`.

        Raises `SealBroken` when key or file was replaced or edited.
        """
        whole = seal.open(waiting.sealed, bound_to=waiting.bound_to)
        if whole is None:
            raise SealBroken(profile=waiting.profile)
        state, verifier, *codes = whole.reveal().split(" ", 3)
        return PendingLogin(
            id=waiting.id,
            profile=waiting.profile,
            issuer=waiting.issuer,
            client_id=waiting.client_id,
            scope=waiting.scope,
            redirect_uri=waiting.redirect_uri,
            state=Secret(state),
            verifier=Secret(verifier),
            created=waiting.created,
            expires=waiting.expires,
            requester=waiting.requester,
            replace_account=waiting.replace_account,
            device=_grant(waiting, codes),
        )

    def _parse(self, data: bytes | None) -> PendingTable:
        if data is None:
            return PendingTable({}, [])
        try:
            table = read_object(data)
            if table["schema_version"] != _VERSION:
                raise self._damaged(f"it has version {table['schema_version']!s:.10}")
            waiting = {str(row["profile"]): _read_waiting(row) for row in table["pending"]}
            ended = [_read_ended(row) for row in table["ended"]]
            queue = _read_queue(table["queue"])
        except JsonDamaged as damage:
            raise self._damaged(damage.problem) from None
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            raise self._damaged("it does not have the expected form") from None
        return PendingTable(waiting, ended, queue)

    def _damaged(self, problem: str) -> PendingDamaged:
        return PendingDamaged(path=self.path, problem=problem, kept="it is")


def _waiting_device(login: PendingLogin) -> WaitingDevice | None:
    grant = login.device
    if grant is None:
        return None
    ask_after = login.created + timedelta(seconds=grant.interval + 1)  # `created` was cut to whole seconds
    return WaitingDevice(dialect=grant.dialect, page=grant.page, interval=grant.interval, slowed=0, ask_after=ask_after)


def _grant(waiting: Waiting, codes: list[str]) -> DeviceGrant | None:
    if waiting.device is None:
        return None
    device_code, user_code = codes
    return DeviceGrant(
        dialect=waiting.device.dialect,
        device_code=Secret(device_code),
        user_code=Secret(user_code),
        page=waiting.device.page,
        interval=waiting.device.interval,
        lifetime=waiting.expires - waiting.created,
    )


def _read_device(said: object) -> WaitingDevice | None:
    if said is None:
        return None
    if not isinstance(said, dict) or not all(isinstance(said[key], str) for key in ("dialect", "page")):
        raise TypeError
    interval, slowed = said["interval"], said["slowed"]
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= _LONGEST_INTERVAL:
        raise ValueError
    if isinstance(slowed, bool) or not isinstance(slowed, int):
        raise TypeError
    return WaitingDevice(
        dialect=said["dialect"],
        page=said["page"],
        interval=float(interval),
        slowed=slowed,
        ask_after=_moment(said["ask_after"]),
    )


def _write_device(device: WaitingDevice | None) -> dict[str, object]:
    if device is None:
        return {}
    return {
        "device": {
            "dialect": device.dialect,
            "page": device.page,
            "interval": device.interval,
            "slowed": device.slowed,
            "ask_after": device.ask_after.astimezone(UTC).isoformat(timespec="milliseconds"),
        }
    }


def _read_waiting(row: dict[str, object]) -> Waiting:
    texts = ("id", "profile", "issuer", "client_id", "scope", "redirect_uri", "requester", "state_hash", "sealed")
    if not all(isinstance(row[key], str) for key in texts):
        raise TypeError
    return Waiting(
        **{key: str(row[key]) for key in texts},
        sealed_by=str(row.get("sealed_by", FILE)),
        created=_moment(row["created_at"]),
        expires=_moment(row["expires_at"]),
        replace_account=row["replace_account"] is True,
        claimed=row["claimed"] is True,
        device=_read_device(row.get("device")),
    )


def _read_ended(row: dict[str, object]) -> Ended:
    if not all(isinstance(row[key], str) for key in ("profile", "state_hash", "how")) or row["how"] not in ENDINGS:
        raise TypeError
    return Ended(
        profile=str(row["profile"]), state_hash=str(row["state_hash"]), how=str(row["how"]), at=_moment(row["at"])
    )


def _read_queue(rows: list[dict[str, object]]) -> "list[Request]":
    if not rows:  # so that `status` loads nothing for it
        return []
    from codex_auth.notes.queue import read_rows

    return read_rows(rows)


def _written_queue(queue: "list[Request]") -> list[dict[str, object]]:
    if not queue:
        return []
    from codex_auth.notes.queue import written

    return [written(each) for each in queue]


def _write(table: PendingTable) -> bytes:
    newest = max((ended.at for ended in table.ended), default=datetime.min.replace(tzinfo=UTC))
    remembered = [ended for ended in table.ended if newest - ended.at < _REMEMBERED][-_REMEMBERED_AT_MOST:]
    document = {
        "schema_version": _VERSION,
        "pending": [
            {
                "id": login.id,
                "profile": login.profile,
                "issuer": login.issuer,
                "client_id": login.client_id,
                "scope": login.scope,
                "redirect_uri": login.redirect_uri,
                "created_at": moments.stamp(login.created),
                "expires_at": moments.stamp(login.expires),
                "requester": login.requester,
                "replace_account": login.replace_account,
                "claimed": login.claimed,
                "state_hash": login.state_hash,
                "sealed": login.sealed,
                "sealed_by": login.sealed_by,
                **_write_device(login.device),
            }
            for login in table.waiting.values()
        ],
        "ended": [
            {"profile": e.profile, "state_hash": e.state_hash, "how": e.how, "at": moments.stamp(e.at)}
            for e in remembered
        ],
        "queue": _written_queue(table.queue),
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def _moment(text: object) -> datetime:
    moment = moments.read(text)
    if not _YEARS[0] <= moment.year <= _YEARS[1]:
        raise ValueError
    return moment
