"""Logins that are ended, copied, forbidden, or half handed over."""

from collections.abc import Iterator

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import HandOverUnclear
from codex_auth.core.refresh_errors import TwoCopies
from codex_auth.stories.status import EXPIRED, life


def trouble(patient: Patient) -> Iterator[Finding]:
    """Hand on what `status` could not read."""
    for error in patient.report.trouble:
        yield of_error(error)


def copies(patient: Patient) -> Iterator[Finding]:
    """Find refresh tokens that lie in a second place: whoever spends one first logs the other out."""
    for profile, others in patient.report.copies.items():
        yield of_error(TwoCopies(profile=profile, place=", ".join(others)), subject=profile)


def ended(patient: Patient) -> Iterator[Finding]:
    """Find logins of ours that have ended and that nothing can renew."""
    now = patient.world.now()
    for card in patient.report.cards:
        if card.owner == OWNER_SELF and life(card, now) == EXPIRED and not card.has_refresh_token:
            yield Finding(
                code="login_ended",
                what=f"The login {card.profile} has ended, and nothing can renew it.",
                todo=f"Run `codex-auth login {card.profile}`, or `codex-auth logout {card.profile}`.",
                subject=card.profile,
            )


def forbidden(patient: Patient) -> Iterator[Finding]:
    """Find logins that a rule here forbids."""
    for profile, refusal in patient.report.refused.items():
        yield of_error(refusal, subject=profile)


def unclear(patient: Patient) -> Iterator[Finding]:
    """Find hand-overs that were cut off: it is not known who may spend the refresh token."""
    for profile, rows in patient.report.delivered.items():
        for row in rows:
            if not row.is_settled:
                yield of_error(HandOverUnclear(profile=profile, target=row.place.target), subject=profile)


CHECKS = (trouble, copies, ended, forbidden, unclear)
