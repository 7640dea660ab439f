"""Whether logins are kept alive: the timer, how its last round went, and what waits to be applied."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from codex_auth.checks.finding import Finding, Patient
from codex_auth.core.card import OWNER_SELF
from codex_auth.edge import timers
from codex_auth.notes.deliveries import LEASE
from codex_auth.notes.rounds import read_last

_OVERDUE = timedelta(hours=6)
_STUCK = timedelta(hours=1)
"""An apply waits for minutes at most where somebody works on it; a gateway's work is waited for that long."""
_RUN = "Run `codex-auth keep --once` to see why."
_ANEW = "Run `codex-auth keep --install` again."
_VERB = "keep"


def unkept(patient: Patient) -> Iterator[Finding]:
    """Find leases that nothing renews: without `keep` they end at the program that uses them.

    A model provider of Codex's asks for each token, and so needs nobody.
    """
    delivered = patient.report.delivered.items()
    leased = [name for name, rows in delivered if any(row.mode == LEASE and not row.place.provider_id for row in rows)]
    timer, last = timers.look(patient.places, patient.world.env), read_last(patient.places)
    is_kept = last is not None and patient.world.now() - last.at < _OVERDUE
    if leased and not timer.units and not is_kept:
        yield _of_timer(
            patient,
            timer,
            code="nobody_keeps",
            what=f"{', '.join(leased)}: leased to other programs, and nothing renews that.",
            todo="Run `codex-auth keep --install`, or let `codex-auth keep` run.",
            subject=", ".join(leased),
        )


def broken_timer(patient: Patient) -> Iterator[Finding]:
    """Find a timer that is there and does nothing."""
    timer = timers.look(patient.places, patient.world.env)
    if timer.units and not timer.is_installed:
        what, subject = f"Of the timer of `keep` only {timer.units[0]} is there.", timer.units[0]
        yield _of_timer(patient, timer, code="timer_half", what=what, subject=subject)
    elif timer.is_installed and timer.command and not _can_run(timer.command[0]):
        what, subject = f"The timer of `keep` starts {timer.command[0]}, which is not there.", timer.command[0]
        yield _of_timer(patient, timer, code="timer_program_gone", what=what, subject=subject)
    elif timer.is_installed and timer.is_active is False:
        what = "The timer of `keep` is installed and does not run."
        yield _of_timer(patient, timer, code="timer_stopped", what=what)
    elif timer.is_installed:
        yield from _silent(patient, timer)


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


def stuck(patient: Patient) -> Iterator[Finding]:
    """Find logins that wait to be applied for longer than anybody would work on it."""
    for request in patient.report.queue:
        if patient.world.now() - request.updated > _STUCK:
            yield Finding(
                code="apply_stuck",
                what=f"{request.profile} waits to be applied to {request.target} ({request.step}), and nobody does it.",
                todo="Run `codex-auth apply`, or `codex-auth apply --cancel`.",
                subject=request.profile,
            )


def _silent(patient: Patient, timer: timers.Timer) -> Iterator[Finding]:
    last, now = read_last(patient.places), patient.world.now()
    since = max([datetime.fromtimestamp(timer.since, UTC), *([last.at] if last else [])])
    if now - since > _OVERDUE:
        hours = (now - since) // timedelta(hours=1)
        said = "the last round ended" if last else "no round ended since it was installed,"
        yield Finding(
            code="timer_silent",
            what=f"The timer of `keep` is installed, and {said} {hours} hours ago.",
            todo=_RUN if timer.is_active is not None else f"{_RUN} No systemd of yours answers here.",
        )


def _of_timer(
    patient: Patient, timer: timers.Timer, *, code: str, what: str, todo: str = _ANEW, subject: str = ""
) -> Finding:
    """Return what `--fix` mends by installing the timer, where a systemd runs timers for this user."""
    can = timer.is_active is not None
    return Finding(
        code=code,
        what=what,
        todo=todo,
        subject=subject,
        mend=partial(_install, patient, timer) if can else None,
        ask="Install the timer of `keep`, and start it?" if can else "",
    )


def _install(patient: Patient, timer: timers.Timer) -> str:
    words = list(timer.command)
    options = words[words.index(_VERB) + 1 :] if _VERB in words else ["--once", "--quiet"]
    timers.install([*timers.own_command(), _VERB, *options], patient.places, patient.world.env)
    return "The timer of `keep` is installed, and runs."


def _can_run(program: str) -> bool:
    return os.path.isfile(program) and os.access(program, os.X_OK)


CHECKS = (unkept, broken_timer, overdue, failed, stuck)
