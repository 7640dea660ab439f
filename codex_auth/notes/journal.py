"""The note that a refresh leaves behind, so that a crash at any point can be told apart from every other.

    idle → asking → replied → idle

1. `asking` is durable before the request leaves. Found later, it means: perhaps the token was spent.
2. `replied` holds the sealed raw reply, durable before anything of it is read. Found later, nothing is lost.
3. `idle` keeps how the last refresh ended, so that nobody asks again with a token that is known to be dead.

There is one note for each profile; whoever writes it holds the profile's lock. No token is ever in it in clear. The
reply, which holds a refresh token, is sealed with a key that is kept like the profile itself; the note says which.
"""

import base64
import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from codex_auth.core import moments
from codex_auth.core.errors import AuthError
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.refresh_errors import remembered
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret
from codex_auth.edge import files
from codex_auth.edge.places import FILE, Places
from codex_auth.keys.seal import Seal, SealFile

IDLE, ASKING, REPLIED = "idle", "asking", "replied"

_LIMIT = 4 * 1024 * 1024
_VERSION = 1
_KEPT_HEADERS = ("date", "content-type", "retry-after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a refresh ended, in what may be shown. `token` is the fingerprint of the refresh token it was about."""

    error: AuthError
    token: str
    at: datetime
    rest_until: datetime | None = None
    """Nobody asks before this. None with a final outcome: then nobody asks with this token ever again."""
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What is known of a profile's refreshes."""

    step: str = IDLE
    token: str = ""
    """Fingerprint of the refresh token that was being spent."""
    asked_at: datetime | None = None
    attempt: int = 0
    sealed: str = ""
    sealed_by: str = FILE
    """The kind of store whose seal the reply has; the profile may have moved since."""
    outcome: Outcome | None = None
    access: str = ""
    """Fingerprint of the access token that `alive_from` and `alive_until` speak of, by this machine's clock."""
    alive_from: datetime | None = None
    alive_until: datetime | None = None


class Journal:
    """The note of one profile."""

    def __init__(self, places: Places, profile: str) -> None:
        self._path = os.path.join(places.journals, f"{profile}.json")
        self._profile = profile
        # It names tokens and opens nothing, so it is the key file's wherever the profile is: names stay as it moves.
        self._naming = Seal(SealFile(places.seal_key))

    def fingerprint(self, token: Secret | None) -> str:
        """Return the name a token has on this machine."""
        return "" if token is None else self._naming.fingerprint(token)

    def read(self) -> Note:
        """Return the note; an empty one if there is none, or none that reads: then nothing is known."""
        data = files.read_private(self._path, limit=_LIMIT)
        if data is None:
            return Note()
        try:
            return _read(read_object(data))
        except (JsonDamaged, KeyError, TypeError, ValueError, OverflowError, AttributeError):
            return Note()

    def asking(self, note: Note, token: str, *, at: datetime, attempt: int) -> Note:
        """Say durably that a request with this token is about to leave."""
        return self._write(replace(note, step=ASKING, token=token, asked_at=at, attempt=attempt, sealed=""))

    def replied(self, note: Note, reply: Reply, seal: Seal) -> Note:
        """Keep the raw reply, sealed, before anything of it is read."""
        kept = {
            "status": reply.status,
            "headers": {name: reply.headers[name] for name in _KEPT_HEADERS if name in reply.headers},
            "body": base64.b64encode(reply.body).decode(),
            "asked_at": moments.written(reply.asked_at),
        }
        sealed = seal.close(Secret(json.dumps(kept)), bound_to=self._bound_to(note))
        return self._write(replace(note, step=REPLIED, sealed=sealed, sealed_by=seal.kind))

    def reply_in(self, note: Note, seal: Seal) -> Reply | None:
        """Return the kept reply, or None if its key or itself was replaced. `seal` is that of `note.sealed_by`."""
        text = seal.open(note.sealed, bound_to=self._bound_to(note))
        if text is None:
            return None
        kept = json.loads(text.reveal())
        return Reply(
            status=kept["status"],
            headers=kept["headers"],
            body=base64.b64decode(kept["body"]),
            asked_at=moments.read(kept["asked_at"]),
        )

    def renewed(self, access: Secret, *, alive_from: datetime, alive_until: datetime) -> Note:
        """Say that the newest tokens are in the store."""
        note = Note(access=self.fingerprint(access), alive_from=alive_from, alive_until=alive_until)
        return self._write(note)

    def failed(
        self, note: Note, error: AuthError, token: str, *, at: datetime, rest: timedelta | None, is_final: bool
    ) -> Note:
        """Remember how a refresh ended that brought nothing."""
        outcome = Outcome(
            error=error,
            token=token,
            at=at,
            rest_until=None if rest is None else at + rest,
            is_final=is_final,
        )
        return self._write(replace(note, step=IDLE, sealed="", attempt=0, outcome=outcome))

    def clear(self, note: Note) -> Note:
        """Forget a request that certainly did not happen, or whose token is no longer the one in the store."""
        return self._write(replace(note, step=IDLE, sealed="", attempt=0))

    def forget(self) -> None:
        """Remove the note, with its profile."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)

    def _bound_to(self, note: Note) -> str:
        return f"reply\n{self._profile}\n{note.token}"

    def _write(self, note: Note) -> Note:
        files.private_folder(os.path.dirname(self._path))
        files.sweep(self._path)
        files.replace(self._path, [(json.dumps(_written(note), indent=2) + "\n").encode()])
        return note


def _written(note: Note) -> dict[str, object]:
    outcome = note.outcome
    return {
        "schema_version": _VERSION,
        "step": note.step,
        "token": note.token,
        "asked_at": moments.written(note.asked_at),
        "attempt": note.attempt,
        "sealed": note.sealed,
        "sealed_by": note.sealed_by,
        "access": note.access,
        "alive_from": moments.written(note.alive_from),
        "alive_until": moments.written(note.alive_until),
        "outcome": outcome
        and {
            "code": outcome.error.code,
            "facts": outcome.error.facts,
            # For readers that know no codes: the quick path of `token` shows these as they are.
            "message": str(outcome.error),
            "hint": outcome.error.hint,
            "exit_code": outcome.error.status,
            "token": outcome.token,
            "at": moments.written(outcome.at),
            "rest_until": moments.written(outcome.rest_until),
            "is_final": outcome.is_final,
        },
    }


def _read(row: Mapping[str, object]) -> Note:
    if row["schema_version"] != _VERSION or row["step"] not in {IDLE, ASKING, REPLIED}:
        raise ValueError
    told = row["outcome"]
    outcome = None
    if isinstance(told, dict):
        outcome = Outcome(
            error=remembered(str(told["code"]), {str(key): str(fact) for key, fact in told["facts"].items()}),
            token=str(told["token"]),
            at=moments.read(told["at"]),
            rest_until=moments.maybe(told["rest_until"]),
            is_final=told["is_final"] is True,
        )
    attempt = row["attempt"]
    if not isinstance(attempt, int):
        raise TypeError
    return Note(
        step=str(row["step"]),
        token=str(row["token"]),
        asked_at=moments.maybe(row["asked_at"]),
        attempt=attempt,
        sealed=str(row["sealed"]),
        sealed_by=str(row.get("sealed_by", FILE)),
        outcome=outcome,
        access=str(row["access"]),
        alive_from=moments.maybe(row["alive_from"]),
        alive_until=moments.maybe(row["alive_until"]),
    )
