"""Logins that are ended, copied, forbidden, half refreshed or half handed over; and which one is meant."""

from collections.abc import Iterator
from datetime import timedelta

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import HandOverUnclear
from codex_auth.core.names import DEFAULT
from codex_auth.core.refresh_errors import TwoCopies
from codex_auth.edge.trouble import typed
from codex_auth.notes.journal import IDLE, Journal
from codex_auth.stories.status import EXPIRED, life

_CLOCK = timedelta(minutes=5)
_UNDER_WAY = timedelta(minutes=2)
"""A refresh takes seconds; one that was noted longer ago is not under way any more."""


def trouble(patient: Patient) -> Iterator[Finding]:
    """Hand on what `status` could not read."""
    for error in patient.report.trouble:
        yield of_error(error)


def copies(patient: Patient) -> Iterator[Finding]:
    """Find refresh tokens that lie in a second place: whoever spends one first logs the other out."""
    for profile, others in patient.report.copies.items():
        yield of_error(TwoCopies(profile=profile, place=", ".join(others)), subject=profile)


def duplicates(patient: Patient) -> Iterator[Finding]:
    """Find profiles that are one account."""
    accounts: dict[tuple[str, str, str], list[str]] = {}
    for card in patient.report.cards:
        if card.identity.account_id and card.kind == "oauth":
            key = (card.identity.issuer, card.identity.account_id, card.identity.subject)
            accounts.setdefault(key, []).append(card.profile)
    for profiles in accounts.values():
        if len(profiles) > 1:
            yield Finding(
                code="same_account",
                what=f"{' and '.join(profiles)} are the same account.",
                todo=f"If that is not meant, run `codex-auth logout {profiles[-1]}`.",
                subject=", ".join(profiles),
            )


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


def meant(patient: Patient) -> Iterator[Finding]:
    """Find a profile that is meant where none is named, and that does not exist.

    Where a store does not open nobody knows what is in it.
    """
    report = patient.report
    if report.trouble:
        return
    known = {card.profile for card in report.cards} | {login.profile for login in report.waiting}
    if known and report.unnamed not in known | {DEFAULT, ""}:
        yield Finding(
            code="default_unknown",
            what=f"Without a name {typed(report.unnamed)} is meant ({report.unnamed_rule}), and there is none.",
            todo=f"Name another there, e.g. `codex-auth use {report.cards[0].profile if report.cards else 'NAME'}`.",
            subject=report.unnamed,
        )


def cut_off(patient: Patient) -> Iterator[Finding]:
    """Find refreshes that were begun and not finished."""
    now = patient.world.now()
    for card in patient.report.cards:
        if not card.has_refresh_token:
            continue
        note = Journal(patient.places, card.profile).read()
        if note.step != IDLE and (note.asked_at is None or now - note.asked_at > _UNDER_WAY):
            yield Finding(
                code="refresh_unfinished",
                what=f"A refresh of {card.profile} was cut off.",
                todo=f"Run `codex-auth refresh {card.profile}`, which finds out how it ended.",
                subject=card.profile,
            )


def from_the_future(patient: Patient) -> Iterator[Finding]:
    """Find logins that this machine's clock says were refreshed later than now."""
    now = patient.world.now()
    ahead = [card for card in patient.report.cards if card.refreshed and card.refreshed - now > _CLOCK]
    if ahead:
        names = ", ".join(card.profile for card in ahead)
        yield Finding(
            code="refreshed_in_future",
            what=f"By the clock here, {names} will have been refreshed later than now.",
            todo="Set the clock (`timedatectl set-ntp true`), then run `codex-auth refresh --all`.",
            subject=names,
        )


CHECKS = (trouble, copies, duplicates, ended, forbidden, unclear, meant, cut_off, from_the_future)
