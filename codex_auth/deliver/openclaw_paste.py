"""OpenClaw of the SQLite era as a target where no Node can run its SDK: its own `models auth paste-token`."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from codex_auth.core.delivery_errors import (
    OpenClawFailed,
    OpenClawHasLogin,
    OpenClawHasOther,
    OpenClawHidesWhose,
    OpenClawKeptOther,
    OpenClawRefreshing,
)
from codex_auth.core.model import Credential
from codex_auth.deliver.openclaw import NAME, OpenClaw
from codex_auth.deliver.protocol import Gift, Given, Held
from codex_auth.notes.deliveries import Choice

_NOTICE = (
    "OpenClaw's SDK cannot be run here, so `openclaw models auth paste-token` takes the login: OpenClaw then writes "
    "auth.profiles.{profile_id} (mode: token) into its configuration, and strips the comments there."
)
_LEEWAY = 300.0
"""Seconds between our counting the time left and OpenClaw's adding it to its clock: it takes long to start."""
_FENCED = datetime(1970, 1, 2, tzinfo=UTC)
"""A refresh of OpenClaw's own that runs or failed (2026.9.4 and later) shows as an end at the beginning of time."""


class PasteToken:
    """One profile id, as OpenClaw's command line shows and takes it: a lease only, and nobody's token is shown.

    Whose a token of that id is, the list does not say: our own note does, and one of which it knows nothing stays.
    """

    def __init__(self, opened: OpenClaw, tell: Callable[[str], None]) -> None:
        self.place = opened.place
        self._opened = opened
        self._tell = tell
        self._provider = opened.place.profile_id.partition(":")[0]
        self._agent = ["--agent", opened.place.agent] if opened.place.agent else []

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would."""
        if gift.is_whole:
            raise self._opened.unusable()  # the command line takes no login with a refresh token
        given = self._listed()
        self._refuse(given.now, gift)
        self._tell(_NOTICE.format(profile_id=self.place.profile_id))
        return given

    def give(self, gift: Gift) -> Given:
        """Say what the configuration will get, hand over the token on stdin, and look whether it is listed."""
        before = self.check(gift).now
        gift.note_first()
        credential = gift.credential
        left = math.floor((credential.expires - datetime.now(UTC)).total_seconds())
        words = ["paste-token", "--provider", self._provider, "--profile-id", self.place.profile_id]
        token = credential.access.reveal().encode()
        if self._auth(*words, "--expires-in", f"{max(left, 1)}s", given=token) is None:
            raise OpenClawFailed(step="paste-token", **self._facts)
        now = self._listed().now
        if now is None or now.kind != "token" or not _is_near(now.expires, credential.expires):
            raise OpenClawKeptOther(problem="it lists another kind or end", **self._facts)
        return Given(before=before, now=now)

    def look(self) -> Given:
        """Return what is listed; whose login an `oauth` profile is, nobody can say who does not see its token."""
        given = self._listed()
        if given.now is not None and given.now.kind == "oauth":
            raise self._opened.unusable()
        return given

    def _listed(self) -> Given:
        """Return what is listed; of the tokens nothing is known, not even their hashes."""
        rows = self._rows()
        row = next((each for each in rows if each.get("id") == self.place.profile_id), None)
        now = None if row is None else _held(row)
        return Given(before=now, now=now, ids=tuple(str(each.get("id")) for each in rows))

    def take_back(self, credential: Credential, _choice: Choice | None = None) -> Given:
        """Remove what is there, if it is no login of OpenClaw's own; the entry in its configuration stays."""
        before = self._listed().now
        self._refuse(before, Gift(credential=credential, was_leased=True))
        if before is not None and self._auth("logout", self.place.profile_id, "--yes") is None:
            raise OpenClawFailed(step="logout", **self._facts)
        return Given(before=before, now=self._listed().now)

    def export(self, profile: str) -> Credential:  # noqa: ARG002 - every target's words
        """Refuse: the command line shows no token."""
        raise self._opened.unusable()

    def let_use(self, given: Given) -> dict[str, tuple[str, ...]]:  # noqa: ARG002 - as above
        """Do nothing: the list says nothing of an order."""
        return {}

    def _refuse(self, held: Held | None, gift: Gift) -> None:
        if held is None:
            return
        if held.kind == "oauth" and held.expires is not None and held.expires < _FENCED:
            raise OpenClawRefreshing(**self._facts)
        if held.kind == "oauth" and not gift.may_replace:
            raise OpenClawHasLogin(**self._facts)
        if held.kind != "token" and not gift.may_replace:
            raise OpenClawHasOther(**self._facts)
        if not gift.was_leased and not gift.may_replace:
            raise OpenClawHidesWhose(**self._facts)

    def _rows(self) -> list[dict[str, Any]]:
        text = self._auth("list", "--json") or b""
        try:
            document = json.loads(text[text.index(b"{") :])
        except (ValueError, RecursionError):
            document = {}
        rows = document.get("profiles")
        if not isinstance(rows, list):
            raise self._opened.unusable()  # nothing was written, and neither way can be gone
        return [row for row in rows if isinstance(row, dict)]

    def _auth(self, *words: str, given: bytes = b"") -> bytes | None:
        return self._opened.run(["models", "auth", *words, *self._agent], given)

    @property
    def _facts(self) -> dict[str, object]:
        return {
            "profile": self._opened.profile,
            "target": NAME,
            "profile_id": self.place.profile_id,
            "state": self.place.state,
        }


def _is_near(end: datetime | None, wanted: datetime) -> bool:
    return end is not None and abs((end - wanted).total_seconds()) <= _LEEWAY


def _held(row: dict[str, Any]) -> Held:
    try:
        expires = datetime.fromisoformat(str(row.get("expiresAt")))
    except ValueError:
        expires = None
    return Held(
        kind=str(row.get("type") or ""),
        account="",
        email="",
        expires=expires,
        fence="",
        access_hash="",
        refresh_hash="",
    )
