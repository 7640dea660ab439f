"""Our own files and folders: whose they are, who else can open them, and what lies there that should not."""

import glob
import os
import stat
from collections.abc import Iterator
from functools import partial

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.store_errors import StoreError, StoreNotDurable
from codex_auth.edge import files, where
from codex_auth.edge.folders import is_ours, my_uid, openclaw_folder, others_may_write, resolve
from codex_auth.edge.places import PENDING_NAME, pending_path
from codex_auth.edge.trouble import typed, words
from codex_auth.keys.seal import KEY_BYTES
from codex_auth.neighbours import elsewhere
from codex_auth.stores.damaged import damaged_beside

OPENCLAW_FOLDER = "/tmp/openclaw"  # noqa: S108 - OpenClaw's own fixed path
_OTHERS, _OTHERS_WRITE = 0o077, 0o022
_PRIVATE = 0o700


def whose_home(patient: Patient) -> Iterator[Finding]:
    """Find a home folder of somebody else's: then this runs with `sudo`, or in a container of another user."""
    home = where.home(patient.world.env)
    found = _look(home)
    if found is not None and not is_ours(found):
        yield Finding(
            code="home_of_another",
            what=f"The home folder {home} belongs to user {found.st_uid}, and this runs as user {my_uid()}.",
            todo="Run it as that user, without `sudo`; or set HOME to a folder of yours.",
            subject=home,
        )


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
            yield _to_close(path, "open_to_others", 0o700 if stat.S_ISDIR(found.st_mode) else 0o600)


def settings(patient: Patient) -> Iterator[Finding]:
    """Find a configuration file that others can write: commands stand in it."""
    path = patient.places.config_file
    found = _look(path)
    if found is None or my_uid() is None or not stat.S_ISREG(found.st_mode):
        return
    if not is_ours(found, or_root=True):
        yield Finding(
            code="not_ours",
            what=f"{path} belongs to user {found.st_uid}.",
            todo=f"Run `sudo chown {my_uid()} {typed(path)}`.",
            subject=path,
        )
    elif others_may_write(found):
        mode = stat.S_IMODE(found.st_mode) & ~_OTHERS_WRITE
        yield _to_close(path, "settings_open", mode, said="can be written by others")


def neighbours(patient: Patient) -> Iterator[Finding]:
    """Find files in which Codex or OpenClaw keep logins, and that others can read."""
    for path in elsewhere.find(patient.places, patient.world.env):
        found = _look(path)
        if found is not None and is_ours(found) and found.st_mode & _OTHERS and stat.S_ISREG(found.st_mode):
            yield _to_close(path, "neighbour_open", 0o600, said="can be read by others")


def ways(patient: Patient) -> Iterator[Finding]:
    """Find folders on the way to our files that others can change."""
    places = patient.places
    for path in dict.fromkeys((places.state, places.data, os.path.dirname(places.auth_path))):
        try:
            resolve(path)
        except StoreError as error:
            yield of_error(error, subject=path)


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
                what=f"{kept} was moved aside because it was damaged.",
                todo=f"See whether a login is missing in `codex-auth status`; then run `rm {typed(kept)}`.",
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
                mend=partial(_remove, path),
                ask="Remove it? No other codex-auth must be saving just now.",
            )


def torn_key(patient: Patient) -> Iterator[Finding]:
    """Find a key file of seals that is no key."""
    path = patient.places.seal_key
    found = _look(path)
    if found is not None and stat.S_ISREG(found.st_mode) and found.st_size != KEY_BYTES:
        yield Finding(
            code="seal_key_damaged",
            what=f"{path} is torn: it has {found.st_size} bytes, and a key has {KEY_BYTES}.",
            todo=f"Run `rm {typed(path)}`; what waits in `codex-auth status` has to be started again.",
            subject=path,
            mend=partial(_remove, path),
        )


def pending_folder(patient: Patient) -> Iterator[Finding]:
    """Find what keeps sign-ins in progress out of OpenClaw's folder, where the former skill had them."""
    path, places = OPENCLAW_FOLDER, patient.places
    found = _look(path)
    if found is None or places.state_is_ours:
        return
    if not stat.S_ISDIR(found.st_mode) or not is_ours(found):
        what = f"belongs to user {found.st_uid}" if stat.S_ISDIR(found.st_mode) else "is not a folder"
        yield Finding(
            code="pending_folder_unsafe",
            what=f"{path} {what}.",
            todo=f"Remove it (`ls -ld {path}` shows whose it is), or set CODEX_AUTH_STATE_DIR.",
            subject=path,
        )
    elif found.st_mode & _OTHERS_WRITE:
        yield _to_close(path, "pending_folder_open", _PRIVATE, said="can be written by others")
    other = os.path.join(places.state, PENDING_NAME)
    if openclaw_folder(path) and os.path.exists(os.path.join(path, PENDING_NAME)) and os.path.exists(other):
        yield Finding(
            code="pending_twice",
            what=f"Sign-ins in progress are in {path}, and older ones in {other}.",
            todo=f"Begin them again with `codex-auth start`, then run `rm {typed(other)}`.",
            subject=other,
        )


def _to_close(path: str, code: str, mode: int, *, said: str = "can be opened by others") -> Finding:
    return Finding(
        code=code,
        what=f"{path} {said}.",
        todo=f"Run `chmod {mode:o} {typed(path)}`.",
        subject=path,
        mend=partial(_close, path, mode),
    )


def _ours(patient: Patient) -> list[str]:
    places = patient.places
    folders = [places.state, places.data, places.locks, places.journals, places.deliveries, places.codex_homes]
    names = [places.vault, places.vault_key, places.index, places.seal_key, places.applies, places.alerts]
    return [*folders, *names, places.auth_path, f"{places.auth_path}.bak", pending_path(places)]


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
    others = "written" if mode & _OTHERS else "opened"
    return f"{path} can be {others} by you alone now."


def _remove(path: str) -> str:
    files.remove(path)
    return f"{path} is removed."


CHECKS = (
    *(whose_home, open_to_others, settings, neighbours, ways, planted, damaged, unfinished, torn_key),
    pending_folder,
)
