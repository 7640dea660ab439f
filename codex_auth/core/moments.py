"""Moments as text: RFC 3339 in UTC, to the microsecond in our own notes and to the second in what is shown."""

from datetime import UTC, datetime


def written(moment: datetime | None) -> str | None:
    """Return a moment as our notes have it; none stays none."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


def stamp(moment: datetime) -> str:
    """Return a moment as documents and messages show it, e.g. `2026-11-27T02:00:00Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read(text: object) -> datetime:
    """Return the moment that a note names. Raises `ValueError` for what is none, or has no time zone."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError
    return moment


def maybe(text: object) -> datetime | None:
    """Return the moment that a note names, if it names one. Raises `ValueError` as `read` does."""
    return None if text is None else read(text)
