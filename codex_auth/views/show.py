"""How things look: durations, and a person's account in few words. Plain functions, no I/O."""

from datetime import datetime, timedelta

from codex_auth.core import moments
from codex_auth.core.card import Identity
from codex_auth.core.text import mask_account, mask_email, printable


def duration(span: timedelta) -> str:
    """Return a span in its two largest units: `9d 23h`, `4m 10s`."""
    seconds = abs(int(span.total_seconds()))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def stamp(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC, for JSON."""
    return None if moment is None else moments.stamp(moment)


def milliseconds(moment: datetime) -> int:
    """Return a time as Unix milliseconds, the form OpenClaw uses."""
    return round(moment.timestamp() * 1000)


def account(identity: Identity, *, full: bool = False) -> str:
    """Return whose login it is: the account id and e-mail, both masked unless `full`."""
    email = email_of(identity, full=full)
    return f"{email} ({account_id(identity, full=full)})" if email else account_id(identity, full=full)


def email_of(identity: Identity, *, full: bool = False) -> str:
    """Return the e-mail address, masked unless `full`; empty when unknown."""
    return (printable(identity.email) if full else mask_email(identity.email)) if identity.email else ""


def account_id(identity: Identity, *, full: bool = False) -> str:
    """Return the account id, masked unless `full`."""
    return printable(identity.account_id) if full else mask_account(identity.account_id)
