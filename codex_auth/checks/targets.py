"""What other programs were given: whether it is still there, and theirs to use."""

import os
from collections.abc import Iterator
from functools import partial

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.drift import GONE, NEWER, OLDER
from codex_auth.core.errors import AuthError
from codex_auth.deliver.codex import NAME as CODEX
from codex_auth.deliver.targets import reopen
from codex_auth.edge import files
from codex_auth.edge.trouble import typed
from codex_auth.neighbours.codex import AUTH
from codex_auth.notes.deliveries import LEASE, Delivery
from codex_auth.stories import drift
from codex_auth.stories.drift import Drifted

_SAID = {
    GONE: "is gone from {place}: somebody signed out there",
    OLDER: "is older at {place} than the one here",
    NEWER: "at {place} is another token than ours, and ends later",
}
_OTHER = "at {place} has given way to another login"


def drifted(patient: Patient) -> Iterator[Finding]:
    """Find deliveries that are not what they were; unlike `status`, this also asks keyrings, and OpenClaw's own SDK."""
    cards = {card.profile: card for card in patient.report.cards}
    for profile, row in _rows(patient):
        if profile not in cards or not os.path.isdir(row.place.state):
            continue
        if row.place.provider_id:
            found = drift.look_at_provider(cards[profile], row)
            yield from [_provider_finding(found)] if found else []
            continue
        try:
            target = reopen(row.place, patient.world.env, locks=patient.places.locks)
            found = drift.look(cards[profile], row, target)
        except AuthError as error:
            yield of_error(error, subject=profile)
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


def _finding(found: Drifted, patient: Patient) -> Finding:
    place, is_codex = found.row.place, found.row.place.target == CODEX
    said = _SAID.get(found.state, _OTHER).format(place=place.state if is_codex else place.spoken)
    what = "lease" if found.row.mode == LEASE else "login"
    chosen = f" --codex-home {typed(place.state)}" if is_codex else f" --agent {place.agent}" if place.agent else ""
    again = f"codex-auth deliver {place.target} {found.profile}{chosen}"
    is_lease = found.row.mode == LEASE
    return Finding(
        code=f"delivery_{found.state}",
        what=f"The {what} of {found.profile} {said}.",
        todo=f"Run `{again}`, or the same with `--take-back`."
        if is_lease
        else f"{place.target} owns it. Sign in there again, or here with `codex-auth login {found.profile}`.",
        subject=found.profile,
        mend=partial(_mend, found, patient) if is_lease else None,
        ask="" if is_codex or not is_lease else "Deliver it there again?",
    )


def _mend(found: Drifted, patient: Patient) -> str:
    drift.mend(found, store=patient.store, places=patient.places, world=patient.world)
    where = found.row.place.state if found.row.place.target == CODEX else found.row.place.spoken
    return f"{found.profile} is delivered to {where} again."


def ended(patient: Patient) -> Iterator[Finding]:
    """Find leases that have ended where they are, while the login itself can be renewed."""
    now = patient.world.now()
    renewable = {card.profile for card in patient.report.cards if card.has_refresh_token}
    for profile, row in _rows(patient):
        is_over = row.mode == LEASE and row.expires is not None and row.expires <= now
        if is_over and profile in renewable and os.path.isdir(row.place.state):
            yield Finding(
                code="lease_ended",
                what=f"The lease of {profile} at {row.place.spoken} has ended.",
                todo="Run `codex-auth keep --once`, which renews it.",
                subject=profile,
            )


def gone(patient: Patient) -> Iterator[Finding]:
    """Find deliveries whose folder is gone, and deliveries of profiles that are."""
    known = _known(patient)
    for profile, row in _rows(patient):
        back = f"codex-auth deliver {row.place.target} {profile} --take-back"
        if profile not in known:
            yield Finding(
                code="delivery_of_nobody",
                what=f"{profile} was delivered to {row.place.spoken}, and there is no such profile any more.",
                todo=f"Run `{back}`, or sign in again with `codex-auth login {profile}`.",
                subject=profile,
            )
        elif not os.path.isdir(row.place.state):
            yield Finding(
                code="target_gone",
                what=f"{profile} was delivered to {row.place.target}, and its folder {row.place.state} is gone.",
                todo=f"Put it back, or run `{back}`.",
                subject=profile,
            )


def strangers(patient: Patient) -> Iterator[Finding]:
    """Find private Codex homes of profiles that do not exist."""
    folder = patient.places.codex_homes
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    known = _known(patient)
    for name in names:
        path = os.path.join(folder, name, AUTH)
        if name not in known and os.path.lexists(path):
            yield Finding(
                code="home_of_nobody",
                what=f"{path} is left of the profile {name}, which does not exist any more.",
                todo=f"Run `rm {typed(path)}`.",
                subject=path,
                mend=partial(_remove, path),
                ask="Remove it?",
            )


def _known(patient: Patient) -> set[str]:
    """Return the profiles there are. Raises why they cannot be told, where they cannot: then none is missing."""
    report = patient.report
    return set(patient.store.names()) if report.trouble else {card.profile for card in report.cards}


def _remove(path: str) -> str:
    files.remove(path)
    return f"{path} is removed."


def _rows(patient: Patient) -> Iterator[tuple[str, Delivery]]:
    """Yield each delivery that is settled; the private homes of `run` are left out: every run delivers anew."""
    for profile, rows in patient.report.delivered.items():
        for row in rows:
            if row.is_settled and not (row.place.target == CODEX and row.place.home_profile):
                yield profile, row


CHECKS = (drifted, ended, gone, strangers)
