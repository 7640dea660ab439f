"""Our own files and folders: whose they are, who else can open them, and what lies there that should not."""

import glob
import os
import stat
from collections.abc import Iterator
from functools import partial

from codex_auth.checks.finding import Finding, Patient
from codex_auth.core.store_errors import StoreNotDurable
from codex_auth.edge.folders import is_ours, my_uid
from codex_auth.edge.places import pending_path
from codex_auth.edge.trouble import typed, words
from codex_auth.stores.damaged import damaged_beside

_OTHERS = 0o077


def open_to_others(patient: Patient) -> Iterator[Finding]:
    """Find folders and files of ours that others can open."""
    for path in _ours(patient):
        found = _look(path)
        if found is None or stat.S_ISLNK(found.st_mode):
            continue
        if not is_ours(found):
            yield Finding(
                code="not_ours",
                what=f"{path} belongs to user {found.st_uid}.",
                todo=f"Run `sudo chown {my_uid()} {typed(path)}`.",
                subject=path,
            )
        elif found.st_mode & _OTHERS and my_uid() is not None:
            mode = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
            yield Finding(
                code="open_to_others",
                what=f"{path} can be opened by others.",
                todo=f"Run `chmod {mode:o} {typed(path)}`.",
                subject=path,
                mend=partial(_close, path, mode),
            )


def planted(patient: Patient) -> Iterator[Finding]:
    """Find links where files of ours should be: somebody else decides what is written there."""
    for path in (patient.places.state, patient.places.data, pending_path(patient.places)):
        found = _look(path)
        if found is not None and stat.S_ISLNK(found.st_mode):
            yield Finding(
                code="link_in_place",
                what=f"{path} is a link.",
                todo="Remove it, or name the real folder with CODEX_AUTH_STATE_DIR, XDG_DATA_HOME or XDG_STATE_HOME.",
                subject=path,
            )


def damaged(patient: Patient) -> Iterator[Finding]:
    """Find files of ours that were damaged and moved aside; they may hold tokens."""
    places = patient.places
    for path in (places.auth_path, places.vault, places.index, pending_path(places)):
        for kept in damaged_beside(path):
            yield Finding(
                code="damaged_kept",
                what=f"{kept} was moved aside because it was damaged; it may hold tokens.",
                todo="See whether a login is missing in `codex-auth status`; then remove that file.",
                subject=kept,
            )


def unfinished(patient: Patient) -> Iterator[Finding]:
    """Find temporary files of a killed run: until the next save there removes them they may hold tokens."""
    for folder in (patient.places.data, patient.places.state):
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), ".*.tmp"))):
            yield Finding(
                code="temporary_left",
                what=f"{path} was left by a run that was killed.",
                todo=f"Run `rm {typed(path)}` when nothing of ours runs.",
                subject=path,
            )


def _ours(patient: Patient) -> list[str]:
    places = patient.places
    folders = [places.state, places.data, places.locks, places.journals, places.deliveries]
    files = [places.vault, places.vault_key, places.index, places.seal_key, places.applies, places.alerts]
    return [*folders, *files, places.auth_path, f"{places.auth_path}.bak", pending_path(places)]


def _look(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _close(path: str, mode: int) -> str:
    try:
        os.chmod(path, mode)
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None
    return f"{path} can be opened by you alone now."


CHECKS = (open_to_others, planted, damaged, unfinished)
