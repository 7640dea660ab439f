"""One lock per thing, one order for all locks.

A lock is the kernel's (`flock`), on a file of its own that is never deleted: it ends with the process that holds
it, however that process ends, so there is nothing stale to judge. What the file says about its holder is for
people only. Locks are taken in the order of `RANKS`, and within a rank in the order of their paths; whoever tries
another order is stopped at once instead of waiting for somebody who waits for him.
"""

import contextlib
import math
import os
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, get_args

from codex_auth.core.store_errors import LockBusy, StoreError
from codex_auth.core.text import printable
from codex_auth.edge.folders import is_ours, private_folder
from codex_auth.edge.trouble import words

if TYPE_CHECKING:
    from filelock import BaseFileLock

Rank = Literal[
    "chat",
    "apply",
    "round",
    "profile",
    "store",
    "index",
    "target",
    "target_file",
    "pending",
    "journal",
    "seal",
    "usage",
    "label",
]
RANKS: tuple[Rank, ...] = get_args(Rank)
"""The order in which one thread may take locks."""

_POLL_SECONDS = 0.02
_NOTE_LIMIT = 200
_TRIES = 10
"""How often a lock file may lose its name while we wait for it."""


class LockOrder(AssertionError):
    """A lock was asked for in an order that could deadlock; a mistake of ours, not of the user."""


class _Held(threading.local):
    """What this thread holds, in the order it was taken."""

    def __init__(self) -> None:
        self.locks: list[tuple[int, str]] = []

    def forget(self) -> None:
        """Hold nothing."""
        self.locks.clear()


_held = _Held()
# A forked child holds nothing: its copies of the descriptors are closed, and so is its memory of them.
getattr(os, "register_at_fork", lambda **_: None)(after_in_child=_held.forget)


@contextlib.contextmanager
def hold(path: str, *, timeout: float, what: str, verb: str, rank: Rank) -> Iterator[None]:
    """Hold the lock of this file for the length of a block.

    `what` is the thing locked, and `verb` what we do with it: others who wait too long are shown both. Raises
    `LockBusy` after `timeout` seconds, `StoreError` where the file system has no locks, and `LockOrder`.
    """
    if not 0 <= timeout < math.inf:
        raise ValueError("a lock needs a deadline")
    path = os.path.abspath(path)
    place = (RANKS.index(rank), path)
    if _held.locks and place <= _held.locks[-1]:
        raise LockOrder(f"{path} ({rank}) asked for while holding {_held.locks[-1][1]}")
    private_folder(os.path.dirname(path))
    try:
        lock = _acquire(path, timeout, what, verb)
    except OSError as error:
        raise StoreError(path=path, problem=words(error)) from None
    _held.locks.append(place)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # forgotten already in a forked child
            _held.locks.remove(place)
        with contextlib.suppress(OSError):  # it ends with this process, and what was done under it is done
            lock.release()


def _acquire(path: str, timeout: float, what: str, verb: str) -> "BaseFileLock":
    """Take the lock, on the file that has this name when we have it."""
    from filelock import Timeout

    lock, deadline = _file_lock(path), time.monotonic() + timeout
    for _ in range(_TRIES):
        with _lock_file(path) as fd:
            try:
                lock.acquire(timeout=max(0, deadline - time.monotonic()), poll_interval=_POLL_SECONDS)
            except Timeout:
                raise LockBusy(what=what, holder=_holder(fd)) from None
            except (OSError, NotImplementedError) as error:
                problem = words(error) if isinstance(error, OSError) else "it has no locks"
                raise StoreError(path=path, problem=f"no lock can be taken there: {problem}") from None
            try:
                if _has_name(fd, path):
                    _write_note(fd, verb)
                    return lock
            except BaseException:
                lock.release()
                raise
        lock.release()  # somebody replaced the file while we waited; the lock of a nameless file guards nothing
    raise StoreError(path=path, problem="its lock file keeps being replaced")


def _file_lock(path: str) -> "BaseFileLock":
    import filelock

    kind = filelock.WindowsFileLock if os.name == "nt" else filelock.UnixFileLock
    options: dict[str, Any] = {"mode": 0o600}
    if "fallback_to_soft" in kind.__init__.__annotations__:
        options["fallback_to_soft"] = False  # a weaker kind of lock would be worse than none that is noticed
    return kind(path, **options)


@contextlib.contextmanager
def _lock_file(path: str) -> Iterator[int]:
    """Open the lock file, which is ours and 0600, and create it where it is missing."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        fd = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreError(path=path, problem=words(error)) from None
    try:
        if not is_ours(os.fstat(fd)):
            raise StoreError(path=path, problem="the lock file belongs to somebody else")
        if hasattr(os, "fchmod"):
            os.fchmod(fd, 0o600)
        yield fd
    finally:
        with contextlib.suppress(OSError):  # the file itself says nothing, the lock on it does
            os.close(fd)


def _has_name(fd: int, path: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    return False


def _write_note(fd: int, verb: str) -> None:
    """Say who holds the lock. Nothing is decided by it, so nothing depends on its being written."""
    with contextlib.suppress(OSError):
        os.ftruncate(fd, 0)
        os.write(fd, f"{verb} (process {os.getpid()})\n".encode())


def _holder(fd: int) -> str:
    with contextlib.suppress(OSError):  # Windows lets nobody read a locked file
        os.lseek(fd, 0, os.SEEK_SET)
        note = printable(os.read(fd, _NOTE_LIMIT).decode("utf-8", "replace")).strip()
        if note:
            return f"codex-auth {note}"
    return "another program"
