"""Where logins are kept: whether what is listed can be had, and what is had could be saved again."""

import os
from collections.abc import Iterator

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.core.store_errors import StoreError
from codex_auth.stores import open_kind
from codex_auth.stores.index import Index

_LISTED = ("keyring", "vault")
_ITEMS = 100
"""So many items of a keyring are looked at: each is a question to another process."""


def missing_vault(patient: Patient) -> Iterator[Finding]:
    """Find logins that are listed as in the vault while there is no vault."""
    places, listed = patient.places, _listed(patient, "vault")
    if listed and not os.path.exists(places.vault):
        yield Finding(
            code="vault_gone",
            what=f"There is no vault at {places.vault}, and {', '.join(listed)} should be in it.",
            todo="Put the file back from a backup, or sign in to these profiles again.",
            subject=places.vault,
        )


def unreachable(patient: Patient) -> Iterator[Finding]:
    """Find stores with logins in them that cannot be written now: locked, silent, damaged, or without room."""
    kinds = {card.store for card in patient.report.cards} | {patient.places.store}
    for kind in _LISTED:
        if kind in kinds and not (kind == "vault" and not os.path.exists(patient.places.vault)):
            try:
                open_kind(patient.places, kind).prove_writable()
                yield from _missing_items(patient) if kind == "keyring" else ()
            except AuthError as error:
                yield of_error(error, subject=kind)


def full(patient: Patient) -> Iterator[Finding]:
    """Find a file store that could not be written now."""
    if any(card.store == "file" for card in patient.report.cards):
        try:
            open_kind(patient.places, "file").prove_writable()
        except AuthError as error:
            yield of_error(error, subject=patient.places.auth_path)


def kept_twice(patient: Patient) -> Iterator[Finding]:
    """Find logins that two stores have: a move that was cut off."""
    listed = {profile: kind for kind in _LISTED for profile in _listed(patient, kind)}
    names = open_kind(patient.places, "file").names() if listed else []
    for profile in sorted(listed.keys() & set(names)):
        yield Finding(
            code="kept_twice",
            what=f"The login {profile} is in the {listed[profile]} and in the file: a move was cut off.",
            todo=f"Run `codex-auth move {profile} --to {listed[profile]}`.",
            subject=profile,
        )


def _missing_items(patient: Patient) -> Iterator[Finding]:
    """Yield what the index lists and the keyring, which answers, does not have."""
    store = open_kind(patient.places, "keyring")
    for profile in _listed(patient, "keyring")[:_ITEMS]:
        try:
            is_there = store.load(profile) is not None
        except StoreError as error:
            yield of_error(error, subject=profile)
            continue
        if not is_there:
            yield Finding(
                code="keyring_item_gone",
                what=f"The login {profile} should be in the keyring, and is not.",
                todo=f"Open the keyring that has it, or run `codex-auth login {profile}`.",
                subject=profile,
            )


def _listed(patient: Patient, kind: str) -> list[str]:
    """Return the profiles that the index lists. Raises `IndexDamaged`."""
    places = patient.places
    return [card.profile for card in Index(places.index, locks=places.locks, kind=kind).cards()]


CHECKS = (missing_vault, unreachable, full, kept_twice)
