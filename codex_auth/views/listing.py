"""The profiles as `list` shows them: a table where there is room, a few lines for each where there is not."""

from datetime import datetime

from codex_auth.core.card import Card
from codex_auth.core.text import printable
from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views.columns import NOTHING, drawn
from codex_auth.views.look import Line, Look
from codex_auth.views.report import ends, profile_row

COLUMNS = ("PROFILE", "ACCOUNT", "PLAN", "OWNER", "STORE", "ENDS", "REFRESHED", "DELIVERED TO")
_LEFT_OUT = ("REFRESHED", "STORE", "PLAN")
"""What a terminal that is a little too narrow does without, in this order; `--json` has it."""
_COLOUR = {story.LIVE: "green", story.EXPIRING_SOON: "yellow", story.EXPIRED: "red", story.UNKNOWN: "dim"}


def document(report: story.Report, now: datetime, *, full: bool) -> dict[str, object]:
    """Return the list for programs (schema_version 1)."""
    from codex_auth.views.document import SCHEMA_VERSION

    return {
        "ok": not report.trouble,
        "schema_version": SCHEMA_VERSION,
        "default": report.default,
        "unnamed": report.unnamed or None,
        "profiles": [profile_row(card, report, now, full=full) for card in report.cards],
        "trouble": [{"error": e.code, "message": str(e), "hint": e.hint} for e in report.trouble],
    }


def lines(report: story.Report, now: datetime, look: Look, *, may_be_long: bool, full: bool) -> list[Line]:
    """Return the list for people; in a pipe, lines may be as long as they are."""
    if not report.cards:
        return [] if report.trouble else [[("No profiles yet. Run `codex-auth login` to sign in.", "")]]
    rows = [tuple(map(look.text, _cells(card, report, now, full=full))) for card in report.cards]
    styles = [_styles(card, now) for card in report.cards]
    lines = drawn(COLUMNS, rows, styles, None if may_be_long else look.width, missable=_LEFT_OUT)
    if len(report.cards) > 1 and any(card.profile == report.unnamed for card in report.cards):
        lines.append([("* the profile that is meant where none is named", "dim")])
    return lines


def _cells(card: Card, report: story.Report, now: datetime, *, full: bool) -> tuple[str, ...]:
    delivered = ", ".join(dict.fromkeys(each.place.target for each in report.delivered.get(card.profile, ())))
    return (
        card.profile + (" *" if card.profile == report.unnamed else ""),
        words.account(card.identity, full=full) if card.identity.account_id else NOTHING,
        printable(card.identity.plan) or NOTHING,
        printable(card.owner),
        card.store,
        ends(card, now),
        f"{words.duration(now - card.refreshed)} ago" if card.refreshed else NOTHING,
        printable(delivered) or NOTHING,
    )


def _styles(card: Card, now: datetime) -> list[str]:
    special = {"PROFILE": "bold", "ENDS": _COLOUR[story.life(card, now)]}
    return [special.get(name, "") for name in COLUMNS]
