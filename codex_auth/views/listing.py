"""The profiles as `list` shows them: a table where there is room, a few lines for each where there is not."""

from collections.abc import Iterator
from datetime import datetime

from codex_auth.core.card import Card
from codex_auth.core.text import columns, fitting, printable
from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views.report import ends, profile_row
from codex_auth.views.screen import Line, Look

COLUMNS = ("PROFILE", "ACCOUNT", "PLAN", "OWNER", "STORE", "ENDS", "REFRESHED", "DELIVERED TO", "LABEL")
_LEFT_OUT = ("REFRESHED", "STORE", "PLAN", "LABEL")
"""What a terminal that is a little too narrow does without, in this order; `--json` has it."""
_LEGEND = "* the profile that is meant where none is named"
_GAP = "  "
_LABEL_WIDTHS = (30, 16)
"""What a table shows of a label, and what it shows where there is little room; `--json` has all of it."""
_ALWAYS = {name for name in COLUMNS if name != "LABEL"}
_COLOUR = {story.LIVE: "green", story.EXPIRING_SOON: "yellow", story.EXPIRED: "red", story.UNKNOWN: "dim"}
_NOTHING = "-"


Cells = tuple[str, ...]


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
    shown, rows = _placed(rows, look, may_be_long=may_be_long)
    if shown:
        widths = [max(columns(row[at]) for row in [COLUMNS, *rows]) for at in shown]
        drawn = [_line([COLUMNS[at] for at in shown], widths, ["bold"] * len(shown))]
        for card, row in zip(report.cards, rows, strict=True):
            styles = _styles(card, now)
            drawn.append(_line([row[at] for at in shown], widths, [styles[at] for at in shown]))
    else:
        drawn = [line for card, row in zip(report.cards, rows, strict=True) for line in _block(card, row, now, look)]
    if len(report.cards) > 1 and any(card.profile == report.unnamed for card in report.cards):
        drawn += [[(part, "dim")] for part in _wrapped(_LEGEND, look.width)]
    return drawn


def _wrapped(text: str, width: int) -> list[str]:
    if len(text) <= width:
        return [text]
    from textwrap import wrap

    return wrap(text, max(width, 1))


def _placed(rows: list[Cells], look: Look, *, may_be_long: bool) -> tuple[list[int], list[Cells]]:
    """Return the columns that are shown, and the rows; a label is cut short before it is left out."""
    if may_be_long:
        return _fitting([COLUMNS, *rows], None), rows
    label = COLUMNS.index("LABEL")
    placed: tuple[list[int], list[Cells]] = ([], rows)
    for width in _LABEL_WIDTHS:
        cut = [(*row[:label], _cut(row[label], width, look)) for row in rows]
        shown = _fitting([COLUMNS, *cut], look.width)
        placed = (shown, cut) if shown else placed
        if label in shown or all(row[label] == _NOTHING for row in rows):
            break
    return placed


def _fitting(rows: list[tuple[str, ...]], width: int | None) -> list[int]:
    """Return the columns that have room beside each other: all, else without those that can be missed; [] for none."""
    said = [at for at in range(len(COLUMNS)) if any(row[at] != _NOTHING for row in rows[1:])]
    every = [at for at, name in enumerate(COLUMNS) if at in said or name in _ALWAYS]
    fewer = [[at for at in said if COLUMNS[at] not in _LEFT_OUT[: count + 1]] for count in range(len(_LEFT_OUT))]
    if width is None:
        return every
    for shown in (every, said, *fewer):
        wide = sum(max(columns(row[at]) for row in rows) + len(_GAP) for at in shown) - len(_GAP)
        if wide <= width:
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
        printable(report.labels.get(card.profile, "")) or _NOTHING,
    )


def _styles(card: Card, now: datetime) -> list[str]:
    special = {"PROFILE": "bold", "ENDS": _COLOUR[story.life(card, now)]}
    return [special.get(name, "") for name in COLUMNS]


def _line(cells: list[str], widths: list[int], styles: list[str]) -> Line:
    padded = [cell + " " * (width - columns(cell)) + _GAP for cell, width in zip(cells[:-1], widths, strict=False)]
    return list(zip([*padded, cells[-1]], styles, strict=True))


def _cut(text: str, width: int, look: Look) -> str:
    """Return a text that needs no more columns than these."""
    dots = look.text("…")
    return text if columns(text) <= width else fitting(text, width - len(dots)) + dots


def _block(card: Card, cells: tuple[str, ...], now: datetime, look: Look) -> Iterator[Line]:
    """Return a profile as lines of its own, without what there is nothing to say about."""
    (name, *rest), styles = cells, _styles(card, now)
    yield [(name, styles[0])]
    widest = max(map(len, COLUMNS))
    for label, cell, style in zip(COLUMNS[1:], rest, styles[1:], strict=True):
        if cell != _NOTHING:
            room = max(1, look.width - widest - 2 * len(_GAP))
            text = _cut(cell, room, look) if label == "LABEL" else cell
            yield [(f"{_GAP}{label.lower():<{widest}}{_GAP}", "dim"), (text, style)]
