"""Locks: one holder at a time, in one order, with a deadline."""

import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filelock
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.store_errors import LockBusy, StoreError
from codex_auth.edge import locks
from codex_auth.edge.locks import RANKS, LockOrder, Rank, hold


def holding(
    path: Path, *, timeout: float = 5, rank: Rank = "profile", verb: str = "refresh"
) -> AbstractContextManager[None]:
    """Hold a lock with the parts that a test does not care about filled in."""
    return hold(str(path), timeout=timeout, what="The profile work", verb=verb, rank=rank)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """Return the path of a lock in a folder that does not exist yet."""
    return tmp_path / "locks" / "work.lock"


@contextmanager
def child_holding(path: Path, *, then: str = "input()") -> Iterator[subprocess.Popen[bytes]]:
    """Run another process that holds a lock until it is told to go."""
    script = (
        "import os, sys\n"
        "from codex_auth.edge.locks import hold\n"
        f"with hold({str(path)!r}, timeout=5, what='x', verb='keep', rank='profile'):\n"
        "    print('held', flush=True)\n"
        f"    {then}\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        try:
            yield child
        finally:
            child.kill()


def test_the_lock_file_is_private_and_stays(lock: Path) -> None:
    """It is made with its folder, 0600, and not removed."""
    before = os.umask(0)
    try:
        with holding(lock):
            pass
    finally:
        os.umask(before)

    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700


def test_busy_says_who(lock: Path) -> None:
    """Whoever waits too long is told what is held, by which process and for what."""
    with child_holding(lock) as child, pytest.raises(LockBusy) as caught, holding(lock, timeout=0):
        pass

    assert str(caught.value) == f"The profile work is in use by codex-auth keep (process {child.pid})."
    assert caught.value.status == 8


def test_a_holder_without_a_note_is_another_program(lock: Path) -> None:
    """Somebody else's lock on our file is respected, and not guessed about."""
    lock.parent.mkdir(mode=0o700)
    with lock.open("wb") as file:
        lock.chmod(0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LockBusy, match="another program"), holding(lock, timeout=0.05):
            pass


def test_a_note_is_shown_without_its_tricks(lock: Path) -> None:
    """What the lock file says is only printed, and only what is printable of it."""
    lock.parent.mkdir(mode=0o700)
    lock.write_bytes(b"\x1b[2Jclear\xff\x00")
    lock.chmod(0o600)
    with lock.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LockBusy) as caught, holding(lock, timeout=0):
            pass

    assert "\x1b" not in str(caught.value)


def test_a_wait_ends_at_its_deadline(lock: Path) -> None:
    """Neither much earlier nor much later."""
    with child_holding(lock):
        start = time.monotonic()
        with pytest.raises(LockBusy), holding(lock, timeout=0.3):
            pass

    assert 0.29 < time.monotonic() - start < 2


@pytest.mark.parametrize("timeout", [-1, float("inf"), float("nan")])
def test_a_wait_without_a_deadline_is_refused(lock: Path, timeout: float) -> None:
    """Every wait ends."""
    with pytest.raises(ValueError, match="deadline"), holding(lock, timeout=timeout):
        pass


def test_a_killed_holder_frees_the_lock_at_once(lock: Path) -> None:
    """Nothing is left to clean up after kill -9."""
    with child_holding(lock) as child:
        child.kill()
        child.wait()
        start = time.monotonic()
        with holding(lock):
            pass

    assert time.monotonic() - start < 0.1


def test_a_child_does_not_inherit_the_lock(lock: Path) -> None:
    """A program started while the lock is held, and living on, does not hold it."""
    script = "import subprocess; subprocess.Popen(['sleep', '5'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)"
    with child_holding(lock, then=script) as child:
        child.wait()
        with holding(lock, timeout=1):
            pass


def test_a_forked_child_holds_nothing(lock: Path) -> None:
    """A fork leaves the lock with its parent, and the child may not free it."""
    forking = (
        "pid = os.fork()\n"
        "    if not pid:\n"
        "        from codex_auth.edge.locks import _held\n"
        "        os._exit(len(_held.locks))\n"
        "    print(os.waitpid(pid, 0)[1], flush=True)\n"
        "    input()"
    )
    with child_holding(lock, then=forking) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"0\n"
        with pytest.raises(LockBusy), holding(lock, timeout=0.05):
            pass


def test_threads_take_turns(lock: Path) -> None:
    """Thirty-two threads, one at a time, and none is left out."""
    inside, most, lasts = [0], [0], []

    def visit() -> None:
        with holding(lock, timeout=30):
            inside[0] += 1
            most.append(inside[0])
            time.sleep(0.001)
            inside[0] -= 1
            lasts.append(1)

    threads = [threading.Thread(target=visit) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (max(most), len(lasts)) == (1, 32)


def test_taking_the_same_lock_twice_is_a_mistake(lock: Path) -> None:
    """It raises instead of waiting for itself, and the lock is still held and then freed."""
    with holding(lock):
        with pytest.raises(LockOrder), holding(lock):
            pass
        with child_busy(lock):
            pass

    with holding(lock, timeout=0):
        pass


@contextmanager
def child_busy(path: Path) -> Iterator[None]:
    """Check that another process finds the lock held."""
    script = (
        "from codex_auth.core.store_errors import LockBusy\n"
        "from codex_auth.edge.locks import hold\n"
        "try:\n"
        f"    with hold({str(path)!r}, timeout=0, what='x', verb='y', rank='profile'): pass\n"
        "except LockBusy: print('busy')\n"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout == b"busy\n"
    yield


@given(first=st.sampled_from(RANKS), second=st.sampled_from(RANKS))
def test_locks_are_taken_in_one_order(first: Rank, second: Rank, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A higher rank may be taken inside a lower one; the other way round is stopped at once."""
    folder = tmp_path_factory.mktemp("locks")
    folder.chmod(0o700)
    goes = RANKS.index(first) < RANKS.index(second)

    with holding(folder / "b", rank=first):
        if goes:
            with holding(folder / "a", rank=second):
                pass
        else:
            with pytest.raises(LockOrder), holding(folder / "a", rank=second):
                pass


def test_two_locks_of_one_rank_are_taken_by_path(lock: Path) -> None:
    """Two profiles may be held at once, by whoever takes them in the order of their paths."""
    with holding(lock.with_name("a")), holding(lock.with_name("b")):
        pass
    with holding(lock.with_name("b")), pytest.raises(LockOrder), holding(lock.with_name("a")):
        pass


def test_a_lock_file_that_was_replaced_is_noticed(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file loses its name while we wait, the lock is taken again on the one that has it."""
    acquire = filelock.UnixFileLock.acquire
    replaced = []

    def replacing(self: filelock.UnixFileLock, *args: object, **kwargs: object) -> object:
        result = acquire(self, *args, **kwargs)  # type: ignore[arg-type]
        if not replaced:
            replaced.append(lock.unlink())
            lock.touch(0o600)
        return result

    monkeypatch.setattr(filelock.UnixFileLock, "acquire", replacing)
    with holding(lock):
        monkeypatch.undo()
        with child_busy(lock):
            pass


def test_a_lock_file_that_never_stays_is_said(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who keeps removing the lock file is told about, not waited for."""
    acquire = filelock.UnixFileLock.acquire

    def removing(self: filelock.UnixFileLock, *args: object, **kwargs: object) -> object:
        result = acquire(self, *args, **kwargs)  # type: ignore[arg-type]
        lock.unlink()
        return result

    monkeypatch.setattr(filelock.UnixFileLock, "acquire", removing)
    with pytest.raises(StoreError, match="keeps being replaced"), holding(lock):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said(lock: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """There is no weaker kind of lock to fall back to."""

    def flock(_fd: int, _operation: int) -> None:
        raise OSError(number, "")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(StoreError, match="no lock can be taken there"), holding(lock):
        pass


def test_a_planted_lock_file_is_refused(lock: Path) -> None:
    """A link in the place of the lock file is not followed, and a folder is no lock."""
    lock.parent.mkdir(mode=0o700)
    lock.symlink_to("/etc/passwd")
    lock.with_name("folder").mkdir()

    with pytest.raises(StoreError), holding(lock):
        pass
    with pytest.raises(StoreError), holding(lock.with_name("folder")):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_owners_lock_file_is_refused(lock: Path) -> None:
    """Its owner could take its name away."""
    lock.parent.mkdir(mode=0o700)
    lock.touch()
    os.chown(lock, 65534, 65534)

    with pytest.raises(StoreError, match="somebody else"), holding(lock):
        pass


def test_a_full_disk_costs_only_the_note(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock holds although nobody can read who holds it."""

    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(os, "write", write)
    with holding(lock):
        monkeypatch.undo()
        with child_busy(lock):
            pass


def test_eight_processes_count_together(lock: Path, tmp_path: Path) -> None:
    """A number that eight processes raise under the lock misses no step."""
    counter = tmp_path / "counter"
    counter.write_text("0")
    script = (
        "import pathlib\n"
        "from codex_auth.edge.locks import hold\n"
        f"counter = pathlib.Path({str(counter)!r})\n"
        "for _ in range(25):\n"
        f"    with hold({str(lock)!r}, timeout=30, what='x', verb='y', rank='store'):\n"
        "        counter.write_text(str(int(counter.read_text()) + 1))\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(8)]

    assert [child.wait() for child in children] == [0] * 8
    assert counter.read_text() == "200"


def test_an_interrupt_while_taking_the_lock_frees_it(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between the kernel's yes and the block leaves nothing held."""

    def interrupt(_fd: int, _path: str) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(locks, "_has_name", interrupt)
    with pytest.raises(KeyboardInterrupt), holding(lock):
        pass
    monkeypatch.undo()

    with holding(lock, timeout=0):
        pass


def test_forgetting_inside_the_block(lock: Path) -> None:
    """What a forked child forgot it does not miss when its block ends."""
    with holding(lock):
        locks._held.forget()

    with holding(lock, timeout=0):
        pass


def test_without_fchmod_the_mode_is_the_systems(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no modes."""
    monkeypatch.delattr(os, "fchmod")
    with holding(lock):
        pass


def test_an_older_filelock_is_asked_for_what_it_knows(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions that never fall back to weaker locks have no option against it."""

    class Older:
        def __init__(self, path: str, *, mode: int) -> None:
            self.options = (path, mode)

    monkeypatch.setattr(filelock, "UnixFileLock", Older)

    assert locks._file_lock("x").options == ("x", 0o600)  # type: ignore[attr-defined]


def test_the_deadline_counts_from_the_beginning(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock file that loses its name while we wait does not give us the whole wait again."""
    asked: list[float] = []
    acquire = filelock.UnixFileLock.acquire

    def late(self: filelock.UnixFileLock, *, timeout: float, poll_interval: float) -> object:
        asked.append(timeout)
        time.sleep(0.02)
        return acquire(self, timeout=timeout, poll_interval=poll_interval)

    answers = iter([False, False, True])
    monkeypatch.setattr(filelock.UnixFileLock, "acquire", late)
    monkeypatch.setattr(locks, "_has_name", lambda _fd, _path: next(answers))
    with holding(lock, timeout=1):
        pass

    assert 1 >= asked[0] > asked[1] + 0.015 > asked[2] + 0.03
