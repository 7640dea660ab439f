"""Files that hold secrets: read with suspicion, replaced whole or not at all.

1. What is read is a regular file of ours that nobody else can open, and never reached through a planted link.
2. A file is replaced by writing a new one beside it, syncing it, and renaming it over the old one. Until the
   rename the old file is untouched; an error leaves no half file and no temporary one.
3. A crash leaves at most a temporary file; `sweep` removes it the next time its lock is held.
"""

import contextlib
import errno
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from codex_auth.core.store_errors import SaveUnconfirmed, StoreError, StoreNotDurable, UnsafeFile
from codex_auth.edge.folders import fsync_folder, is_ours, my_uid, openclaw_folder, private_folder, resolve
from codex_auth.edge.trouble import typed, words

__all__ = [
    "FileChanged",
    "Snapshot",
    "create",
    "openclaw_folder",
    "private_folder",
    "prove_writable",
    "quarantine",
    "read_private",
    "remove",
    "replace",
    "snapshot",
    "sweep",
    "temporary_name",
]

READ_LIMIT = 64 * 1024 * 1024
"""Room for some 15,000 logins; a larger file is not one of ours."""
BACKUP = ".bak"
"""What the rolling backup of a file is called: its name and this."""
_PRIVATE = 0o600
_OTHERS, _OTHERS_WRITE = 0o077, 0o022
_SAFE_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFE_OPEN
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _SAFE_OPEN  # non-blocking: opening a FIFO must not wait
_CHEAP = 1024 * 1024
"""A file of this size is compared byte by byte before it is replaced; a larger one by its mark only."""
_RENAME_TRIES = 20
_LOOKS, _LOOK_SECONDS = 10, 0.01
"""A writer that replaces the file while we look is normal, and done in a moment."""
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}


class FileChanged(Exception):
    """The file is not the one that was read any more: read it again and redo the change."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file's content and what to know it by. `path` is where it really is; `raw` is None if it is missing."""

    path: str
    raw: bytes | None
    mark: tuple[int, int, int, int] | None


def read_private(path: str, *, limit: int = READ_LIMIT, foreign: bool = False) -> bytes | None:
    """Return the content of a file that only we can read, or None if it is missing.

    `foreign` files (another program's) may be reached through a link of ours. Raises `UnsafeFile` with the
    command that mends it, and `StoreError`.
    """
    return snapshot(path, limit=limit, foreign=foreign).raw


def snapshot(
    path: str,
    *,
    limit: int = READ_LIMIT,
    foreign: bool = False,
    known: Snapshot | None = None,
    is_open: bool = False,
) -> Snapshot:
    """Read a file as `read_private` does, and remember which file it was, for `replace`.

    One that `is_open` holds no secret, and others may read it.

    `known` is returned instead when the file is still the one it was made of.
    """
    place = resolve(path) if foreign else path
    found = None
    for _ in range(_LOOKS):
        try:
            with _opened(place) as fd:
                found = os.fstat(fd)
                if _is_settled(place, found):
                    _check(place, found, limit, others=_OTHERS_WRITE if is_open else _OTHERS)
                    if known is not None and known.path == place and known.mark == _mark(found):
                        return known
                    raw = _read_all(fd, found.st_size)
                    if _mark(os.fstat(fd)) == _mark(found) and len(raw) == found.st_size:
                        return Snapshot(place, raw, _mark(found))
        except FileNotFoundError:
            return Snapshot(place, None, None)
        except OSError as error:
            raise StoreError(path=path, problem=words(error)) from None
        time.sleep(_LOOK_SECONDS)
    if found and found.st_nlink > 1:
        todo = f"Run `cp -p {typed(place)} {typed(place)}.one && mv {typed(place)}.one {typed(place)}`"
        raise UnsafeFile(path=path, problem="it has a second name (a hard link)", todo=todo)
    raise StoreError(path=path, problem="another program keeps changing it")


def replace(
    path: str,
    pieces: Iterable[bytes | memoryview],
    *,
    backup: bool = False,
    expected: Snapshot | None = None,
    mode: int = _PRIVATE,
) -> None:
    """Replace a file by these bytes, durably, with mode 0600 or this one; the folder exists.

    With `backup` the old file gets a second name before it loses its own. `expected` is what the change was
    made from: when the file is another one by now, `FileChanged` is raised and nothing happened.

    Raises `StoreNotDurable` when the old state is still there, `SaveUnconfirmed` when the new one is in
    place and the disk did not confirm it.
    """
    folder = os.path.dirname(path)
    try:
        temporary = _write_new(path, pieces, mode=mode)
        try:
            if backup and os.path.lexists(path):
                _back_up(path)
                fsync_folder(folder)
            _check_unchanged(path, expected)
            _rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None
    try:
        fsync_folder(folder)
    except OSError as error:
        raise SaveUnconfirmed(path=path, problem=words(error)) from None


def create(path: str, document: bytes) -> bool:
    """Make a file with these bytes, durably, with mode 0600. False, and nothing happened, if that name is taken.

    What a killed run left beside it is removed. Raises `StoreNotDurable`, and `SaveUnconfirmed` where the file is there
    and the disk did not confirm it.
    """
    sweep(path)
    try:
        temporary = _write_new(path, [document])
        try:
            _name_first(temporary, path)
        except FileExistsError:
            return False
        finally:
            with contextlib.suppress(FileNotFoundError):  # any other trouble is told: a second name is a second copy
                os.unlink(temporary)
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None
    try:
        fsync_folder(os.path.dirname(path))
    except OSError as error:
        raise SaveUnconfirmed(path=path, problem=words(error)) from None
    return True


def prove_writable(path: str, *, size: int) -> None:
    """Show that `replace` could write `size` bytes here now, without touching the file.

    Raises `StoreNotDurable`.
    """
    try:
        temporary = _write_new(path, (), size=size)
        os.unlink(temporary)
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None


def remove(path: str) -> bool:
    """Remove a file, durably. False if it was not there. Raises `StoreNotDurable`."""
    try:
        os.unlink(path)
        fsync_folder(os.path.dirname(path))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None
    return True


def temporary_name(path: str) -> str:
    """Return a new name beside a file that nobody can guess, and that `sweep` knows."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{os.urandom(8).hex()}.tmp")


def sweep(path: str) -> None:
    """Remove temporary files that a killed `replace` of this file left. The caller holds the file's lock."""
    folder = os.path.dirname(path)
    for name in _temporaries(path):
        left = os.path.join(folder, name)
        with contextlib.suppress(OSError):
            found = os.lstat(left)
            if stat.S_ISREG(found.st_mode) and is_ours(found):
                os.unlink(left)


def quarantine(path: str) -> str:
    """Move a damaged file aside, whole, and return its new name. Nothing is ever overwritten."""
    stem = f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    try:
        kept = next(name for number in range(1000) if _reserved(name := f"{stem}-{number}" if number else stem))
        os.chmod(path, _PRIVATE)
        _rename(path, kept)
        fsync_folder(os.path.dirname(path))
    except OSError as error:
        raise StoreError(path=path, problem=words(error)) from None
    return kept


def _name_first(temporary: str, path: str) -> None:
    """Give a new file its name, unless somebody has it: a rename would take it from him. Raises `FileExistsError`."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, _NEW, _PRIVATE))
        _rename(temporary, path)


def _reserved(name: str) -> bool:
    """Take a free name with an empty file of ours, for a rename to replace."""
    try:
        os.close(os.open(name, _NEW, _PRIVATE))
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    if not hasattr(os, "O_NOFOLLOW") and os.path.islink(path):
        raise OSError(errno.ELOOP, "link")
    fd = os.open(path, _READ)
    try:
        yield fd
    finally:
        os.close(fd)


def _check(path: str, found: os.stat_result, limit: int, *, others: int) -> None:
    """Refuse a file that is not ours alone."""
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(path=path, problem="it is not a regular file")
    if not is_ours(found):
        todo = "Run it as that user, without sudo" if my_uid() == 0 else f"Run `sudo chown {my_uid()} {typed(path)}`"
        raise UnsafeFile(path=path, problem=f"it belongs to user {found.st_uid}", todo=todo)
    if my_uid() is not None and found.st_mode & others:
        raise UnsafeFile(path=path, problem="others can open it", todo=f"Run `chmod 600 {typed(path)}`")
    if found.st_size > limit:
        raise StoreError(path=path, problem=f"it is larger than {limit} bytes")


def _is_settled(path: str, found: os.stat_result) -> bool:
    """Whether a file has one name, apart from those that a `replace` gives it (its backup, a temporary).

    No name left means that it was just replaced. A foreign second name could be read or written elsewhere.
    """
    if found.st_nlink == 1 or not stat.S_ISREG(found.st_mode):
        return True
    ours = 1
    for name in [os.path.basename(path) + BACKUP, *_temporaries(path)]:
        with contextlib.suppress(OSError):
            ours += os.path.samestat(os.lstat(os.path.join(os.path.dirname(path), name)), found)
    return found.st_nlink == ours


def _read_all(fd: int, size: int) -> bytes:
    raw = os.read(fd, size + 1)  # one call and one buffer: the file may be large
    while raw and (more := os.read(fd, 65536)):
        raw += more
        if len(raw) > size:
            break
    return raw


def _write_new(path: str, pieces: Iterable[bytes | memoryview], *, size: int = 0, mode: int = _PRIVATE) -> str:
    """Write a new file beside `path`, durably, and return its name. An error leaves nothing."""
    temporary, fd = _create(path)
    try:
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(fd, mode)  # the umask may have taken our own access away
            _reserve(fd, size)
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(fd, rest) :]
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return temporary


def _reserve(fd: int, size: int) -> None:
    """Make the disk promise room; where it cannot promise, there is nothing to learn."""
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
                raise


def _create(path: str) -> tuple[str, int]:
    while True:
        temporary = temporary_name(path)
        with contextlib.suppress(FileExistsError):
            return temporary, os.open(temporary, _NEW, _PRIVATE)


def _temporaries(path: str) -> list[str]:
    """List names in the folder that only `temporary_name` makes for this file."""
    folder, name = os.path.split(path)
    start, end = f".{name}.", ".tmp"
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    size = len(start) + 16 + len(end)
    return [each for each in names if len(each) == size and each.startswith(start) and each.endswith(end)]


def _back_up(path: str) -> None:
    """Give the old file its second name; only where the file system has no links it is copied."""
    temporary = temporary_name(path)
    try:
        os.link(path, temporary, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with _opened(path) as fd:
            temporary = _write_new(path, [_read_all(fd, os.fstat(fd).st_size)])
    try:
        _rename(temporary, path + BACKUP)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    # rename(2) of one name of a file over another of the same file does nothing: both names stay.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)


def _mark(found: os.stat_result) -> tuple[int, int, int, int]:
    """Return what tells two states of a file apart. Not ctime: a new link changes it."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _check_unchanged(path: str, expected: Snapshot | None) -> None:
    """Raise `FileChanged` unless the file is still the one that was read."""
    if expected is None:
        return
    mark = None
    with contextlib.suppress(FileNotFoundError):
        mark = _mark(os.lstat(path))
        if mark == expected.mark and mark[2] <= _CHEAP:
            # Two writes within one tick of the file system's clock leave the same mark.
            with _opened(path) as fd:
                mark = mark if _read_all(fd, mark[2]) == expected.raw else None
    if mark != expected.mark:
        raise FileChanged


def _rename(source: str, target: str) -> None:
    """Rename over a file. Windows refuses for the moment in which a scanner has either file open."""
    for _ in range(_RENAME_TRIES if sys.platform == "win32" else 0):
        with contextlib.suppress(PermissionError):
            os.replace(source, target)
            return
        time.sleep(0.05)
    os.replace(source, target)
