"""What is known of usage, for programs (schema_version 1)."""

from datetime import datetime

from codex_auth.core.errors import AuthError
from codex_auth.core.text import printable
from codex_auth.core.usage import Limit, Usage, Window
from codex_auth.stories.usage import Found
from codex_auth.views import show as words
from codex_auth.views.document import SCHEMA_VERSION


def document(found: list[Found], now: datetime, *, full: bool) -> dict[str, object]:
    """Return the whole answer of `usage`; `ok` is whether all of it is known."""
    return {
        "ok": all(each.trouble is None for each in found),
        "schema_version": SCHEMA_VERSION,
        "profiles": [row(each, now, full=full) for each in found],
    }


def suggestion(chosen: Found, found: list[Found], now: datetime, *, full: bool) -> dict[str, object]:
    """Return the answer of `best`: the profile, and all that it was chosen from."""
    return {
        "ok": True,
        "schema_version": SCHEMA_VERSION,
        "profile": chosen.profile,
        "left_percent": _percent(chosen.usage.left_at(now) if chosen.usage else None),
        "profiles": [row(each, now, full=full) for each in found],
    }


def row(found: Found, now: datetime, *, full: bool) -> dict[str, object]:
    """Return one profile: what is known here, then what was said, then why nothing was."""
    return {
        "profile": found.profile,
        "account_id": words.account_id(found.identity, full=full) if found.identity.account_id else None,
        "email": words.email_of(found.identity, full=full) or None,
        "owner": found.owner or None,
        "expires_at": words.stamp(found.expires),
        "plan": plan(found) or None,
        "usage": None if found.usage is None else _usage(found.usage, now),
        "cached": found.is_cached,
        "trouble": None if found.trouble is None else _trouble(found.trouble),
    }


def plan(found: Found) -> str:
    """Return the plan as the backend says it, which is newer than what the sign-in said."""
    return (found.usage.plan if found.usage else "") or printable(found.identity.plan)


def _usage(usage: Usage, now: datetime) -> dict[str, object]:
    return {
        "asked_at": words.stamp(usage.asked_at),
        "usable": usage.usable(now),
        "limited": usage.limited(now),
        "left_percent": _percent(usage.left_at(now)),
        "five_hour": None if usage.five_hour is None else _window(usage.five_hour, now),
        "week": None if usage.week is None else _window(usage.week, now),
        "other_windows": [_window(each, now) for each in usage.others],
        "additional": [_limit(each, now) for each in usage.additional],
        "credits": None
        if usage.credits is None
        else {
            "has_credits": usage.credits.has_credits,
            "unlimited": usage.credits.unlimited,
            "balance": usage.credits.balance or None,
        },
        "spend_limit_reached": usage.spend_reached,
    }


def _window(window: Window, now: datetime) -> dict[str, object]:
    ends = window.resets_at
    return {
        "left_percent": _percent(window.left_at(now)),
        "length_seconds": None if window.length is None else int(window.length.total_seconds()),
        "resets_at": words.stamp(ends),
        "resets_in": None if ends is None else max(0, int((ends - now).total_seconds())),
    }


def _limit(limit: Limit, now: datetime) -> dict[str, object]:
    return {
        "name": limit.name,
        "feature": limit.feature or None,
        "limit_reached": limit.limit_reached,
        "windows": [_window(each, now) for each in limit.windows],
    }


def _percent(left: float | None) -> float | None:
    return None if left is None else round(left, 1)


def _trouble(error: AuthError) -> dict[str, object]:
    return {"error": error.code, "message": str(error), "hint": error.hint, "exit_code": error.status}
