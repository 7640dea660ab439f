"""Folders in which nobody but us, or root, can put or change a file."""

import contextlib
import os
import stat
from collections.abc import Callable

from codex_auth.core.store_errors import StoreError, UnsafeFile
from codex_auth.edge.trouble import typed, words

PRIVATE_FOLDER = 0o700
_LINKS_AT_MOST = 40
"""What Linux follows on one path before it says ELOOP (path_resolution(7))."""


def my_uid() -> int | None:
    """Return who we are to the file system; None where files have no numbered owner (Windows)."""
    return os.geteuid() if hasattr(os, "geteuid") else None


def is_ours(found: os.stat_result, *, or_root: bool = False) -> bool:
    """Whether a file or folder belongs to us."""
    uid = my_uid()
    return uid is None or found.st_uid == uid or (or_root and found.st_uid == 0)


def others_may_write(found: os.stat_result) -> bool:
    """Whether somebody else could put files into this folder.

    A group whose number is its owner's is that user's own (user private groups: Debian, Fedora), and such
    systems make folders writable by it.
    """
    own_group = found.st_gid == found.st_uid
    return my_uid() is not None and bool(found.st_mode & (stat.S_IWOTH if own_group else stat.S_IWOTH | stat.S_IWGRP))


def resolve(path: str, *, owners: frozenset[int] | None = None) -> str:
    """Follow every link of a path once and return where it leads; the last part may be missing.

    Every folder on the way, and every link, must belong to us or root (or one of `owners`, and nobody else), and no
    folder may be writable by others unless it is sticky, so that nobody can lead us elsewhere between this check and
    the use. Raises `UnsafeFile`, or `StoreError` for a path that leads nowhere.
    """
    here, links = os.path.splitdrive(os.path.abspath(path))[0] + os.sep, 0
    parts = os.path.abspath(path)[len(here) :].split(os.sep)
    while parts:
        step = os.path.join(here, parts.pop(0))
        try:
            found = os.lstat(step)
        except FileNotFoundError:
            if os.path.islink(path):
                raise StoreError(path=path, problem="it is a link to nothing") from None
            return os.path.join(step, *parts)
        except OSError as error:
            raise StoreError(path=path, problem=words(error)) from None
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _LINKS_AT_MOST:
                raise StoreError(path=path, problem="it is a ring of links")
            _check_owner(step, found, owners)
            target = os.readlink(step)
            here = os.sep if os.path.isabs(target) else here
            parts = [part for part in target.split(os.sep) if part] + parts
        elif stat.S_ISDIR(found.st_mode):
            _check_folder(step, found, sticky_is_enough=True, owners=owners)
            here = os.path.dirname(here) if step.endswith(os.sep + "..") else step
        elif parts:
            raise StoreError(path=path, problem="a part of the path is not a folder")
        else:
            here = step
    return here


def private_folder(path: str) -> None:
    """Make sure a folder exists in which only we can put files; what is missing is created with 0700.

    Raises `UnsafeFile` for a folder that others can change and `StoreError` where none can be made.
    """
    missing, existing = [], os.path.abspath(path)
    while not os.path.lexists(existing):
        missing.append(existing)
        existing = os.path.dirname(existing)
    resolve(existing)
    try:
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):  # a sibling was quicker
                os.mkdir(folder, PRIVATE_FOLDER)
                os.chmod(folder, PRIVATE_FOLDER)  # the umask may have taken more away than others' access
                fsync_folder(os.path.dirname(folder))
        found = os.stat(path)
    except OSError as error:
        raise StoreError(path=path, problem=words(error)) from None
    if not stat.S_ISDIR(found.st_mode):
        raise StoreError(path=path, problem="it is not a folder")
    _check_folder(path, found, sticky_is_enough=False)


def openclaw_folder(
    root: str = "/tmp/openclaw",  # noqa: S108 - OpenClaw's own fixed path; the checks below are its own too
    *,
    make: bool = False,
    tell: Callable[[str], None] = lambda _line: None,
) -> str | None:
    """Return OpenClaw's folder for temporary files if it can be trusted, else None.

    It is trusted when it is a real folder of ours that nobody else can write to. With `make` a missing one is
    created, and one of ours that others could write to is closed, which `tell` is told. A link, a file and
    another owner's folder are never trusted (the rule of OpenClaw's own `temp-path`).
    """
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(root, PRIVATE_FOLDER)
                os.chmod(root, PRIVATE_FOLDER)
        found = os.lstat(root)
        if not stat.S_ISDIR(found.st_mode) or not is_ours(found):
            return None
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            if not make:
                return None
            os.chmod(root, PRIVATE_FOLDER)
            tell(f"{root} was writable by others; it is now closed to them.")
    except OSError:
        return None
    return root if os.access(root, os.W_OK | os.X_OK) else None


def fsync_folder(path: str) -> None:
    """Make renames in a folder durable. Nothing to do where folders cannot be opened (Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _check_folder(
    path: str, found: os.stat_result, *, sticky_is_enough: bool, owners: frozenset[int] | None = None
) -> None:
    _check_owner(path, found, owners)
    if others_may_write(found) and not (sticky_is_enough and found.st_mode & stat.S_ISVTX):
        raise UnsafeFile(path=path, problem="others can write to this folder", todo=f"Run `chmod go-w {typed(path)}`")


def _check_owner(path: str, found: os.stat_result, owners: frozenset[int] | None = None) -> None:
    is_good = is_ours(found, or_root=True) if owners is None or my_uid() is None else found.st_uid in owners
    if not is_good:
        raise UnsafeFile(path=path, problem=f"it belongs to user {found.st_uid}", todo="Use a path of your own")
