"""What is left of a login's rate limits, as the ChatGPT backend says it (`wham/usage`, as Codex 0.169 reads it).

Every part of the reply may be missing or null, and keys that mean nothing here are ignored. A part that is there
and is not what it should be makes the whole reply unusable: half a truth about a limit is worth nothing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from codex_auth.core.errors import ProviderReplyUnusable
from codex_auth.core.idtoken import moment
from codex_auth.core.text import printable

FIVE_HOURS = timedelta(hours=5)
WEEK = timedelta(days=7)

_FULL = 100.0
_LONGEST = timedelta(days=3660).total_seconds()
_MOST_USED = 1e6
"""Percent: more than all can be used, where work that had begun went on, but not ten thousand times as much."""
_NAME_LIMIT = 80
_MOST_LIMITS = 50
"""Codex has a handful of limits besides the two windows."""


class _Odd(Exception):
    """A part of the reply is not what it should be; says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One span of time in which only so much may be used."""

    left: float
    """What is left of it, in percent from 0 to 100."""
    length: timedelta | None = None
    resets_at: datetime | None = None

    def left_at(self, now: datetime) -> float:
        """Return what is left now: all of it, once it was reset."""
        return _FULL if self.resets_at is not None and self.resets_at <= now else self.left


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A further limit, of one model or feature."""

    name: str
    feature: str = ""
    allowed: bool | None = None
    limit_reached: bool | None = None
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credits:
    """What was bought besides the plan."""

    has_credits: bool = False
    unlimited: bool = False
    balance: str = ""
    """As the provider writes it; empty where it does not."""

    @property
    def are_there(self) -> bool:
        """Whether work can be paid from them."""
        return self.has_credits or self.unlimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one reply said, and when it was asked for."""

    asked_at: datetime
    plan: str = ""
    allowed: bool | None = None
    limit_reached: bool | None = None
    five_hour: Window | None = None
    week: Window | None = None
    others: tuple[Window, ...] = ()
    """Windows of another length, or of one that is not said."""
    additional: tuple[Limit, ...] = ()
    credits: Credits | None = None
    spend_reached: bool = False
    """Whether a limit of spending, which a workspace sets, is reached."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """Every window of the plan, the short one first."""
        named = (self.five_hour, self.week)
        return (*(window for window in named if window is not None), *self.others)

    def limited(self, now: datetime) -> bool:
        """Whether a limit is reached, one that was not reset since."""
        return self.spend_reached or any(self._is_spent(window, now) for window in self.windows) or self._is_shut(now)

    def usable(self, now: datetime) -> bool:
        """Whether work would be accepted: not at a limit, or at one that credits carry over."""
        if self.spend_reached:
            return False
        return not self.limited(now) or bool(self.credits and self.credits.are_there and self.allowed is not False)

    def left_at(self, now: datetime) -> float | None:
        """Return what the tightest window has left, in percent; None where nothing is said of any."""
        return min((window.left_at(now) for window in self.windows), default=None)

    def resets_at(self, now: datetime) -> datetime | None:
        """Return when the last of the windows that are used up is reset, if that is known."""
        ends = [each.resets_at for each in self.windows if self._is_spent(each, now) and each.resets_at is not None]
        return max(ends, default=None)

    def _is_spent(self, window: Window, now: datetime) -> bool:
        return window.left_at(now) <= 0

    def _is_shut(self, now: datetime) -> bool:
        """Whether the reply said so itself, and no window was reset since it did."""
        was_reset = any(each.resets_at is not None and each.resets_at <= now for each in self.windows)
        return not was_reset and (self.limit_reached is True or self.allowed is False)


def read_usage(given: Mapping[str, object], *, asked_at: datetime, host: str) -> Usage:
    """Return what a reply says. Raises `ProviderReplyUnusable`, which holds nothing of it."""
    try:
        return _usage(given, asked_at)
    except _Odd as odd:
        problem = f"its {odd} is not what it should be"
    raise ProviderReplyUnusable(host=host, problem=problem)


def write_usage(usage: Usage) -> dict[str, object]:
    """Return what `read_usage` makes the same record of: the reply in what of it means something here."""
    return {
        "plan_type": usage.plan,
        "rate_limit": {
            "allowed": usage.allowed,
            "limit_reached": usage.limit_reached,
            **dict(zip(_WINDOWS, map(_window_row, usage.windows), strict=False)),
        },
        "additional_rate_limits": [_limit_row(each) for each in usage.additional],
        "credits": usage.credits
        and {
            "has_credits": usage.credits.has_credits,
            "unlimited": usage.credits.unlimited,
            "balance": usage.credits.balance,
        },
        "spend_control": {"reached": usage.spend_reached},
    }


_WINDOWS = ("primary_window", "secondary_window")


def _usage(given: Mapping[str, object], asked_at: datetime) -> Usage:
    limit = _part(given, "rate_limit")
    windows = _windows(limit, asked_at)
    five_hour = next((each for each in windows if _lasts(each, FIVE_HOURS)), None)
    week = next((each for each in windows if _lasts(each, WEEK)), None)
    return Usage(
        asked_at=asked_at,
        plan=_text(given, "plan_type"),
        allowed=_flag(limit, "allowed"),
        limit_reached=_flag(limit, "limit_reached"),
        five_hour=five_hour,
        week=week,
        others=tuple(each for each in windows if each is not five_hour and each is not week),
        additional=_limits(given, asked_at),
        credits=_credits(_part(given, "credits")) if given.get("credits") is not None else None,
        spend_reached=_flag(_part(given, "spend_control"), "reached") is True,
    )


def _lasts(window: Window, length: timedelta) -> bool:
    return window.length is not None and abs(window.length - length) < timedelta(minutes=1)


def _windows(limit: Mapping[str, object], asked_at: datetime) -> tuple[Window, ...]:
    found = [_window(_part(limit, name), asked_at) for name in _WINDOWS if limit.get(name) is not None]
    return tuple(each for each in found if each is not None)


def _window(given: Mapping[str, object], asked_at: datetime) -> Window | None:
    """Return a window, or None for one that does not say how much of it is used."""
    used = _number(given, "used_percent", least=-_MOST_USED, most=_MOST_USED)
    length = _number(given, "limit_window_seconds", least=0, most=_LONGEST)
    after = _number(given, "reset_after_seconds", least=-_LONGEST, most=_LONGEST)
    at = _number(given, "reset_at", least=0, most=math.inf)
    resets_at = moment(at)
    if at and resets_at is None:
        raise _Odd("reset_at")
    if resets_at is None and after is not None:
        resets_at = (asked_at + timedelta(seconds=after)).astimezone(UTC)
    if used is None:
        return None
    return Window(
        left=min(max(_FULL - used, 0.0), _FULL),
        length=timedelta(seconds=length) if length else None,
        resets_at=resets_at,
    )


def _limits(given: Mapping[str, object], asked_at: datetime) -> tuple[Limit, ...]:
    rows = given.get("additional_rate_limits")
    if rows is None:
        return ()
    if not isinstance(rows, list) or len(rows) > _MOST_LIMITS or not all(isinstance(row, dict) for row in rows):
        raise _Odd("additional_rate_limits")
    return tuple(_limit(row, asked_at) for row in rows)


def _limit(row: Mapping[str, object], asked_at: datetime) -> Limit:
    limit, feature = _part(row, "rate_limit"), _text(row, "metered_feature")
    return Limit(
        name=_text(row, "limit_name") or feature or "?",
        feature=feature,
        allowed=_flag(limit, "allowed"),
        limit_reached=_flag(limit, "limit_reached"),
        windows=_windows(limit, asked_at),
    )


def _credits(given: Mapping[str, object]) -> Credits:
    balance = given.get("balance")
    if not isinstance(balance, str | None):
        raise _Odd("balance")
    return Credits(
        has_credits=_flag(given, "has_credits") is True,
        unlimited=_flag(given, "unlimited") is True,
        balance=printable(balance or "", limit=_NAME_LIMIT),
    )


def _part(given: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _Odd(name)
    return value


def _flag(given: Mapping[str, object], name: str) -> bool | None:
    value = given.get(name)
    if not isinstance(value, bool | None):
        raise _Odd(name)
    return value


def _text(given: Mapping[str, object], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str | None):
        raise _Odd(name)
    return printable(value or "", limit=_NAME_LIMIT)


def _number(given: Mapping[str, object], name: str, *, least: float, most: float) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise _Odd(name)
    return value


def _window_row(window: Window) -> dict[str, object]:
    return {
        "used_percent": _FULL - window.left,
        "limit_window_seconds": window.length and window.length.total_seconds(),
        "reset_at": window.resets_at and window.resets_at.timestamp(),
    }


def _limit_row(limit: Limit) -> dict[str, object]:
    return {
        "limit_name": limit.name,
        "metered_feature": limit.feature,
        "rate_limit": {
            "allowed": limit.allowed,
            "limit_reached": limit.limit_reached,
            **dict(zip(_WINDOWS, map(_window_row, limit.windows), strict=False)),
        },
    }
