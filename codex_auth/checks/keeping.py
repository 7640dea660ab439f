"""Whether logins are kept alive: the timer, and how its last round went."""

from collections.abc import Iterator
from datetime import timedelta

from codex_auth.checks.finding import Finding, Patient
from codex_auth.core.card import OWNER_SELF
from codex_auth.edge import timers
from codex_auth.notes.deliveries import LEASE
from codex_auth.notes.rounds import read_last

_OVERDUE = timedelta(hours=6)
_RUN = "Run `codex-auth keep --once` to see why."


def unkept(patient: Patient) -> Iterator[Finding]:
    """Find leases that nothing renews: without `keep` they end at the program that uses them.

    A model provider of Codex's asks for each token, and so needs nobody.
    """
    delivered = patient.report.delivered.items()
    leased = [name for name, rows in delivered if any(row.mode == LEASE and not row.place.provider_id for row in rows)]
    timer, last = timers.look(patient.places, patient.world.env), read_last(patient.places)
    is_kept = last is not None and patient.world.now() - last.at < _OVERDUE
    if leased and not timer.is_installed and not is_kept:
        yield Finding(
            code="nobody_keeps",
            what=f"{', '.join(leased)}: leased to other programs, and nothing renews that.",
            todo="Run `codex-auth keep --install`, or let `codex-auth keep` run.",
            subject=", ".join(leased),
        )
    if timer.is_installed and timer.is_active is False:
        yield Finding(
            code="timer_stopped",
            what="The timer of `keep` is installed and does not run.",
            todo="Run `codex-auth keep --install` again.",
        )


def overdue(patient: Patient) -> Iterator[Finding]:
    """Find a round that should have been, and was not."""
    last = read_last(patient.places)
    owned = any(card.owner == OWNER_SELF and card.has_refresh_token for card in patient.report.cards)
    if owned and last and last.next_due and patient.world.now() - last.next_due > _OVERDUE:
        yield Finding(code="round_overdue", what="`keep` should have renewed a login by now, and did not.", todo=_RUN)


def failed(patient: Patient) -> Iterator[Finding]:
    """Find logins that the last round could not renew."""
    last = read_last(patient.places)
    known = {card.profile for card in patient.report.cards}
    for profile, code in ({} if last is None else last.failed).items():
        if profile in known:
            yield Finding(
                code="round_failed",
                what=f"The last round of `keep` could not renew {profile} ({code}).",
                todo=f"Run `codex-auth refresh {profile}` to see why.",
                subject=profile,
            )


CHECKS = (unkept, overdue, failed)
