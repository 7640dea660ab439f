"""Keyring and vault: whether what is listed can be had."""

import os
from collections.abc import Iterator

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.stores import open_kind
from codex_auth.stores.index import Index

_KINDS = ("keyring", "vault")


def missing_vault(patient: Patient) -> Iterator[Finding]:
    """Find logins that are listed as in the vault while there is no vault."""
    places = patient.places
    listed = [card.profile for card in Index(places.index, locks=places.locks, kind="vault").cards()]
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
    for kind in _KINDS:
        if kind in kinds and not (kind == "vault" and not os.path.exists(patient.places.vault)):
            try:
                open_kind(patient.places, kind).prove_writable()
            except AuthError as error:
                yield of_error(error, subject=kind)


def full(patient: Patient) -> Iterator[Finding]:
    """Find a file store that could not be written now."""
    if any(card.store == "file" for card in patient.report.cards):
        try:
            open_kind(patient.places, "file").prove_writable()
        except AuthError as error:
            yield of_error(error, subject=patient.places.auth_path)


CHECKS = (missing_vault, unreachable, full)
