"""What other programs were given: whether it is still there, and theirs to use."""

from collections.abc import Iterator
from functools import partial

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.drift import GONE, NEWER, OLDER
from codex_auth.core.errors import AuthError
from codex_auth.deliver.codex import CodexAuth
from codex_auth.deliver.targets import reopen
from codex_auth.notes.deliveries import Delivery
from codex_auth.stories import drift
from codex_auth.stories.drift import Drifted

_SAID = {
    GONE: "is gone from {place}: somebody signed out there",
    OLDER: "is older at {place} than the one here",
    NEWER: "at {place} is another token than ours, and ends later",
}
_OTHER = "at {place} has given way to another login"


def drifted(patient: Patient) -> Iterator[Finding]:
    """Find deliveries to Codex that are not what they were; unlike `status`, this also asks the keyring."""
    cards = {card.profile: card for card in patient.report.cards}
    for profile, rows in patient.report.delivered.items():
        for row in rows:
            target = _codex_of(row, patient)
            if target is None or profile not in cards:
                continue
            try:
                found = drift.look(cards[profile], row, target)
            except AuthError as error:
                yield of_error(error, subject=profile)
            else:
                if found is not None:
                    yield _finding(found, patient)


def _codex_of(row: Delivery, patient: Patient) -> CodexAuth | None:
    """Return the Codex home of a delivery. The private homes of `run` are left out: every run delivers anew."""
    if row.place.home_profile or not row.is_settled:
        return None
    target = reopen(row.place, patient.world.env, locks=patient.places.locks)
    return target if isinstance(target, CodexAuth) else None


def _finding(found: Drifted, patient: Patient) -> Finding:
    said = _SAID.get(found.state, _OTHER).format(place=found.row.place.state)
    what = "lease" if found.row.mode == "lease" else "login"
    again = f"codex-auth deliver codex {found.profile} --codex-home {found.row.place.state}"
    return Finding(
        code=f"delivery_{found.state}",
        what=f"The {what} of {found.profile} {said}.",
        todo=f"Run `{again}`, or the same with `--take-back`."
        if found.row.mode == "lease"
        else f"Codex owns it. Sign in there again, or here with `codex-auth login {found.profile}`.",
        subject=found.profile,
        mend=partial(_mend, found, patient) if found.row.mode == "lease" else None,
    )


def _mend(found: Drifted, patient: Patient) -> str:
    drift.mend(found, store=patient.store, places=patient.places, world=patient.world)
    return f"{found.profile} is delivered to {found.row.place.state} again."


CHECKS = (drifted,)
