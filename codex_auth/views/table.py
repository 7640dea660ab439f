"""The status report as a table on a terminal. Colour only repeats what the words say."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views.report import COLUMNS, applying, copied, delivered, finishing, forbidden, other_provider, row

_COLOUR = {story.LIVE: "green", story.EXPIRING_SOON: "yellow", story.EXPIRED: "red", story.UNKNOWN: "dim"}


def print_report(report: story.Report, now: datetime, *, full: bool) -> None:
    """Draw the profiles and what is waiting. Everything is passed as text, so no markup is ever read."""
    console = Console(highlight=False)
    if report.cards:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in COLUMNS:
            table.add_column(column, overflow="fold")
        for card in report.cards:
            *cells, ends = row(card, report.unnamed, now, full=full)
            style = _COLOUR[story.life(card, now)]
            table.add_row(Text(cells[0], style="bold"), *map(Text, cells[1:]), Text(ends, style=style))
        console.print(table)
        for line, style in _below(report, now):
            console.print(Text(line, style=style))
        if len(report.cards) > 1:
            console.print(Text("* the profile that is meant where none is named", style="dim"))
    elif not report.trouble:
        console.print(Text("No profiles yet. Run `codex-auth login` to sign in."))
    for login in report.waiting:
        console.print(
            Text.assemble(
                ("waiting  ", "yellow"),
                (login.profile, "bold"),
                f"  started {words.duration(now - login.created)} ago, {words.duration(login.expires - now)} left",
                (f"  {finishing(login)}", "dim"),
            )
        )
    for line, style in applying(report, now):
        console.print(Text(line, style=style))


def _below(report: story.Report, now: datetime) -> Iterator[tuple[str, str]]:
    """Return what stands below the table, and the colour of each line."""
    for card in report.cards:
        if other_provider(card):
            yield f"{card.profile}: signed in at {other_provider(card)}", "yellow"
    yield from ((line, "yellow") for line in copied(report) + forbidden(report))
    yield from ((line, "") for line in delivered(report, now))
