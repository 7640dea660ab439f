"""OpenClaw's own lock on its `auth-profiles.json`, as its releases of the JSON era take it.

The lock is a file beside the profiles that says who holds it. OpenClaw (2026.5.28, 6.1) takes it over when that
process is gone or its number belongs to another one by now, and waits for ever on a file it cannot parse. So the
file must appear complete: it is written under another name and published with `link`, which fails if it exists.
Older releases also take over a lock of thirty seconds' age: hold it for milliseconds.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from codex_auth.core.store_errors import LockBusy, StoreNotDurable
from codex_auth.edge import files
from codex_auth.edge.trouble import words

WAIT_SECONDS = 150.0
"""OpenClaw 6.1 refreshes tokens inside this lock, for up to 120 seconds."""
_POLL_SECONDS = 0.02
_NAMELESS_AGE_SECONDS = 30.0
"""After this time OpenClaw takes over a lock that names no process."""
_LIMIT = 4096


@contextlib.contextmanager
def hold_openclaw(path: str, *, timeout: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold OpenClaw's lock on a profiles file for the length of a block.

    The caller holds our own lock on the same file, so only OpenClaw competes. Raises `LockBusy` with the
    process that holds it, and `StoreNotDurable` when the folder cannot be written.
    """
    lock = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path) + ".lock")
    deadline = time.monotonic() + timeout
    files.sweep(lock)
    try:
        while not (ours := _publish(lock)):
            holder = _read(lock)
            if holder is not None and _is_stale(holder):
                _take_away(lock, holder)
            elif time.monotonic() > deadline:
                raise LockBusy(what=path, holder=_name_of(holder))
            else:
                time.sleep(_POLL_SECONDS)
    except OSError as error:
        raise StoreNotDurable(path=lock, problem=words(error)) from None
    try:
        yield
    finally:
        if _read(lock) == ours:
            os.unlink(lock)


def _publish(lock: str) -> bytes | None:
    """Let a complete lock file of ours appear, and return its bytes; None if there is one already."""
    text = (json.dumps(_payload(), indent=2) + "\n").encode()
    aside = files.temporary_name(lock)
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        try:
            os.write(fd, text)
        finally:
            os.close(fd)
        os.link(aside, lock)
    except FileExistsError:
        return None
    finally:
        os.unlink(aside)
    return text


def _payload() -> dict[str, object]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    started = _start_time(os.getpid())
    return {"pid": os.getpid(), "createdAt": now} | ({} if started is None else {"starttime": started})


def _read(lock: str) -> bytes | None:
    try:
        fd = os.open(lock, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return None
    try:
        return os.read(fd, _LIMIT)
    finally:
        os.close(fd)


def _parse(text: bytes | None) -> dict[str, object]:
    """Return what a lock file says; nothing for one that cannot be parsed."""
    try:
        held = json.loads(text or b"")
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def _is_stale(text: bytes) -> bool:
    """Whether OpenClaw 2026.5.28 and 6.1 would take this lock over. One that cannot be parsed is never stale."""
    held = _parse(text)
    pid, started, created = held.get("pid"), held.get("starttime"), held.get("createdAt")
    if isinstance(pid, int) and pid > 0:
        now = _start_time(pid)
        return not _is_alive(pid) or (isinstance(started, int) and now is not None and now != started)
    if isinstance(created, str):
        with contextlib.suppress(ValueError, TypeError):
            age = datetime.now(UTC) - datetime.fromisoformat(created)
            return age.total_seconds() > _NAMELESS_AGE_SECONDS
    return False


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # there, os.kill ends the process it asks about
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _start_time(pid: int) -> int | None:
    """Return field 22 of `/proc/PID/stat`, which tells two processes of one number apart (Linux only)."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as file:
        # The second field is the program's name in brackets and may itself hold brackets and spaces.
        return int(file.read().rpartition(b")")[2].split()[19])
    return None


def _take_away(lock: str, stale: bytes) -> None:
    """Remove a stale lock, unless it is another one by now: moved aside, it is looked at before it goes."""
    aside = files.temporary_name(lock)
    with contextlib.suppress(FileNotFoundError):
        os.rename(lock, aside)
        if _read(aside) != stale:
            with contextlib.suppress(FileExistsError):
                os.link(aside, lock)
        os.unlink(aside)


def _name_of(text: bytes | None) -> str:
    pid = _parse(text).get("pid")
    return f"OpenClaw (process {pid})" if isinstance(pid, int) else "OpenClaw"
