"""What is worth telling about a login, once for each state: renewed, failing, ending, or in need of a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from codex_auth.core import moments
from codex_auth.core.card import Card
from codex_auth.core.errors import AuthError
from codex_auth.notes.rounds import Told

REFRESHED, FAILED, EXPIRING, NEEDS_LOGIN = "refreshed", "failed", "expiring", "needs_login"

REMINDERS = (1, 6, 24)
"""Hours before a login that nothing can renew ends, at which a person is reminded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to tell."""

    event: str
    card: Card
    message: str
    hint: str
    at: datetime

    def facts(self) -> dict[str, object]:
        """Return what a hook is handed (schema_version 1): no secret, no account, no e-mail address."""
        return {
            "schema_version": 1,
            "event": self.event,
            "profile": self.card.profile,
            "profile_id": self.card.profile_id,
            "owner": self.card.owner,
            "expires_at": self.card.expires and moments.stamp(self.card.expires),
            "message": self.message,
            "hint": self.hint,
            "at": moments.stamp(self.at),
        }


def token_mark(card: Card) -> str:
    """Return what tells one access token of a profile from the next, made of what may be shown."""
    moments = (card.refreshed, card.expires)
    return " ".join("-" if moment is None else moment.astimezone(UTC).isoformat() for moment in moments)


def news(
    card: Card, told: Told, *, trouble: AuthError | None, blocked: AuthError | None, now: datetime
) -> Iterator[tuple[Alert, Told]]:
    """Return what was not told yet, and with each alert what counts as told after it.

    `trouble` is why it could not be renewed just now, `blocked` why nothing but a person can renew it.
    """
    if trouble is None and told.token != token_mark(card):
        told = Told(token_mark(card))
        yield _alert(REFRESHED, card, f"{card.profile} has a new access token.", "There is nothing to do.", now), told
    reminder = _reminder(card, now) if blocked else None
    if reminder is not None and reminder <= 0 and blocked:
        alert = _alert(NEEDS_LOGIN, card, f"The access token of {card.profile} has ended.", blocked.hint, now)
        marks = {NEEDS_LOGIN}
    elif trouble is not None and f"{FAILED} {trouble.code}" not in told.marks:
        alert = _alert(FAILED, card, str(trouble), trouble.hint, now)
        # It says that a person is needed, so the reminder that would be due now need not say it again.
        marks = {f"{FAILED} {trouble.code}", *(() if reminder is None else (f"{EXPIRING} {reminder}",))}
    elif reminder is not None and blocked:
        hours = "1 hour" if reminder == 1 else f"{reminder} hours"
        message = f"The access token of {card.profile} ends within {hours}, and nothing can renew it."
        alert = _alert(EXPIRING, card, message, blocked.hint, now)
        marks = {f"{EXPIRING} {reminder}"}
    else:
        return
    if not marks <= told.marks:
        yield alert, Told(told.token, told.marks | marks)


def _reminder(card: Card, now: datetime) -> int | None:
    """Return the last reminder whose hour has come: 24, 6 or 1 hours before the end, 0 after it; None before all."""
    if card.expires is None:
        return None
    left = card.expires - now
    return next((hours for hours in (0, *REMINDERS) if left <= timedelta(hours=hours)), None)


def _alert(event: str, card: Card, message: str, hint: str, now: datetime) -> Alert:
    return Alert(event=event, card=card, message=message, hint=hint, at=now)
