"""The profiles as `list` shows them: a table where there is room, a few lines for each where there is not."""

from collections.abc import Iterator
from datetime import datetime

from codex_auth.core.card import Card
from codex_auth.core.text import printable
from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views.report import ends, profile_row
from codex_auth.views.screen import Line, Look

COLUMNS = ("PROFILE", "ACCOUNT", "PLAN", "OWNER", "STORE", "ENDS", "REFRESHED", "DELIVERED TO")
_LEFT_OUT = ("REFRESHED", "STORE", "PLAN")
"""What a terminal that is a little too narrow does without, in this order; `--json` has it."""
_LEGEND = "* the profile that is meant where none is named"
_GAP = "  "
_COLOUR = {story.LIVE: "green", story.EXPIRING_SOON: "yellow", story.EXPIRED: "red", story.UNKNOWN: "dim"}
_NOTHING = "-"


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
    shown = _fitting([COLUMNS, *rows], None if may_be_long else look.width)
    if shown:
        widths = [max(len(row[at]) for row in [COLUMNS, *rows]) for at in shown]
        drawn = [_line([COLUMNS[at] for at in shown], widths, ["bold"] * len(shown))]
        for card, row in zip(report.cards, rows, strict=True):
            styles = _styles(card, now)
            drawn.append(_line([row[at] for at in shown], widths, [styles[at] for at in shown]))
    else:
        drawn = [line for card, row in zip(report.cards, rows, strict=True) for line in _block(card, row, now)]
    if len(report.cards) > 1 and any(card.profile == report.unnamed for card in report.cards):
        drawn += [[(part, "dim")] for part in _wrapped(_LEGEND, look.width)]
    return drawn


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    from textwrap import wrap

    return wrap(text, max(width, 1))


def _fitting(rows: list[tuple[str, ...]], width: int | None) -> list[int]:
    """Return the columns that have room beside each other: all, else without those that can be missed; [] for none."""
    every = list(range(len(COLUMNS)))
    said = [at for at in every if any(row[at] != _NOTHING for row in rows[1:])]
    fewer = [[at for at in said if COLUMNS[at] not in _LEFT_OUT[: count + 1]] for count in range(len(_LEFT_OUT))]
    for shown in (every, said, *fewer):
        wide = sum(max(len(row[at]) for row in rows) + len(_GAP) for at in shown) - len(_GAP)
        if width is None or wide <= width:
            return shown
    return []


def _cells(card: Card, report: story.Report, now: datetime, *, full: bool) -> tuple[str, ...]:
    delivered = ", ".join(dict.fromkeys(each.place.target for each in report.delivered.get(card.profile, ())))
    return (
        card.profile + (" *" if card.profile == report.unnamed else ""),
        words.account(card.identity, full=full) if card.identity.account_id else _NOTHING,
        printable(card.identity.plan) or _NOTHING,
        printable(card.owner),
        card.store,
        ends(card, now),
        f"{words.duration(now - card.refreshed)} ago" if card.refreshed else _NOTHING,
        printable(delivered) or _NOTHING,
    )


def _styles(card: Card, now: datetime) -> list[str]:
    special = {"PROFILE": "bold", "ENDS": _COLOUR[story.life(card, now)]}
    return [special.get(name, "") for name in COLUMNS]


def _line(cells: list[str], widths: list[int], styles: list[str]) -> Line:
    padded = [f"{cell:<{width}}{_GAP}" for cell, width in zip(cells[:-1], widths, strict=False)]
    return list(zip([*padded, cells[-1]], styles, strict=True))


def _block(card: Card, cells: tuple[str, ...], now: datetime) -> Iterator[Line]:
    """Return a profile as lines of its own, without what there is nothing to say about."""
    (name, *rest), styles = cells, _styles(card, now)
    yield [(name, styles[0])]
    widest = max(map(len, COLUMNS))
    for label, cell, style in zip(COLUMNS[1:], rest, styles[1:], strict=True):
        if cell != _NOTHING:
            yield [(f"  {label.lower():<{widest}}  ", "dim"), (cell, style)]
