"""What other programs were given: whether it is still there, and theirs to use."""

from collections.abc import Iterator
from functools import partial

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.card import Card
from codex_auth.core.drift import GONE, NEWER, OLDER
from codex_auth.core.errors import AuthError
from codex_auth.deliver.codex import CodexAuth
from codex_auth.deliver.targets import reopen
from codex_auth.edge.trouble import typed
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
            if profile in cards and row.place.provider_id:
                found = drift.look_at_provider(cards[profile], row)
                yield from [_provider_finding(found)] if found else []
            elif profile in cards and (target := _codex_of(row, patient)) is not None:
                yield from _at_login(cards[profile], row, target, patient)


def _at_login(card: Card, row: Delivery, target: CodexAuth, patient: Patient) -> Iterator[Finding]:
    try:
        found = drift.look(card, row, target)
    except AuthError as error:
        yield of_error(error, subject=card.profile)
    else:
        if found is not None:
            yield _finding(found, patient)


def _provider_finding(found: Drifted) -> Finding:
    """Say it only: which address its tokens went to is not known any more."""
    place = found.row.place
    again = f"codex-auth deliver codex {found.profile} --provider-id {place.provider_id}"
    again += f" --codex-home {typed(place.state)}"
    said = "is gone" if found.state == GONE else "is another one by now"
    return Finding(
        code=f"delivery_{found.state}",
        what=f"The provider {place.provider_id} of {found.profile} {said} in {place.config}.",
        todo=f"Run `{again}` with its --base-url, or the same with `--take-back`.",
        subject=found.profile,
    )


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
