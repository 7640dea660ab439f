"""The status report as a table on a terminal. Colour only repeats what the words say."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.text import Text

from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views.columns import drawn
from codex_auth.views.report import COLUMNS, applying, copied, delivered, finishing, forbidden, other_provider, row
from codex_auth.views.screen import Look

_COLOUR = {story.LIVE: "green", story.EXPIRING_SOON: "yellow", story.EXPIRED: "red", story.UNKNOWN: "dim"}


def print_report(report: story.Report, now: datetime, look: Look, *, full: bool) -> None:
    """Draw the profiles and what is waiting. Everything is passed as text, so no markup is ever read."""
    console = Console(highlight=False, width=look.width)
    if report.cards:
        rows = [tuple(map(look.text, row(card, report.unnamed, now, full=full))) for card in report.cards]
        styles = [["bold", *[""] * (len(COLUMNS) - 2), _COLOUR[story.life(card, now)]] for card in report.cards]
        for pieces in drawn(COLUMNS, rows, styles, look.width, missable=("STORE", "PLAN")):
            console.print(Text.assemble(*pieces), overflow="fold")
        for line, style in _below(report, now):
            console.print(Text(line, style=style))
        if len(report.cards) > 1 and any(card.profile == report.unnamed for card in report.cards):
            console.print(Text("* the profile that is meant where none is named", style="dim"))
    elif not report.trouble:
        console.print(Text("No profiles yet. Run `codex-auth login` to sign in."))
    for login in report.waiting:
        waits = Text.assemble(
            ("waiting  ", "yellow"),
            (login.profile, "bold"),
            f"  started {words.duration(now - login.created)} ago, {words.duration(login.expires - now)} left",
        )
        todo = f"  {finishing(login)}"
        fits = waits.cell_len + len(todo) <= look.width
        waits.append(todo if fits else f"\n{todo}", "dim")  # a command that is broken cannot be copied
        console.print(waits)
    for line, style in applying(report, now):
        console.print(Text(line, style=style))


def _below(report: story.Report, now: datetime) -> Iterator[tuple[str, str]]:
    """Return what stands below the table, and the colour of each line."""
    for card in report.cards:
        if other_provider(card):
            yield f"{card.profile}: signed in at {other_provider(card)}", "yellow"
    yield from ((line, "yellow") for line in copied(report) + forbidden(report))
    yield from ((line, "") for line in delivered(report, now))
