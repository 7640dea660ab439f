"""OpenClaw's lock file: published complete, waited for, taken over only from the dead."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.store_errors import LockBusy, StoreNotDurable
from codex_auth.stores import openclaw_lock
from codex_auth.stores.openclaw_lock import hold_openclaw

NOW = datetime.now(UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a profiles file; it need not exist."""
    return tmp_path / "auth-profiles.json"


def lock_of(path: Path) -> Path:
    """Return the lock file of a profiles file."""
    return path.with_name("auth-profiles.json.lock")


def payload(**parts: Any) -> bytes:
    """Return a lock file's text as OpenClaw writes it."""
    return (json.dumps(parts, indent=2) + "\n").encode()


@pytest.fixture
def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_lock_has_openclaws_form(path: Path) -> None:
    """Two-space JSON with number, time and start time, private, and gone afterwards."""
    with hold_openclaw(str(path)):
        text = lock_of(path).read_bytes()
        bits = lock_of(path).stat().st_mode & 0o777

    held = json.loads(text)
    assert text == payload(**held)
    assert list(held)[:2] == ["pid", "createdAt"]
    assert held["pid"] == os.getpid()
    assert datetime.fromisoformat(held["createdAt"]) > NOW - timedelta(seconds=1)
    assert held["createdAt"].endswith("Z")
    assert len(held["createdAt"]) == len("2026-01-01T00:00:00.000Z")
    assert bits == 0o600
    assert os.listdir(path.parent) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_the_start_time_is_the_kernels(path: Path) -> None:
    """Field 22 of the process's stat line, as OpenClaw reads it."""
    with hold_openclaw(str(path)):
        held = json.loads(lock_of(path).read_bytes())

    assert held["starttime"] == int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])


def test_without_proc_there_is_no_start_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not say, the field is left out."""
    monkeypatch.setattr(openclaw_lock, "_start_time", lambda _pid: None)

    with hold_openclaw(str(path)):
        assert "starttime" not in json.loads(lock_of(path).read_bytes())


def test_the_lock_is_beside_the_real_folder(tmp_path: Path) -> None:
    """A linked folder is one folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    with hold_openclaw(str(tmp_path / "link" / "auth-profiles.json")):
        assert os.listdir(tmp_path / "real") == ["auth-profiles.json.lock"]


def test_a_living_holder_is_waited_for(path: Path) -> None:
    """The wait ends when the holder lets go."""
    lock_of(path).write_bytes(payload(pid=os.getpid(), createdAt="2020-01-01T00:00:00.000Z"))
    threading.Timer(0.2, lock_of(path).unlink).start()
    start = time.monotonic()

    with hold_openclaw(str(path), timeout=5):
        assert time.monotonic() - start >= 0.15


def test_a_living_holder_is_named(path: Path) -> None:
    """A wait that is too long says who holds it, and leaves the lock alone."""
    text = payload(pid=os.getppid(), createdAt="2020-01-01T00:00:00.000Z")
    lock_of(path).write_bytes(text)

    with pytest.raises(LockBusy, match=rf"OpenClaw \(process {os.getppid()}\)"), hold_openclaw(str(path), timeout=0.05):
        pass

    assert lock_of(path).read_bytes() == text
    assert os.listdir(path.parent) == [lock_of(path).name]


def test_a_dead_holder_is_not_waited_for(path: Path, dead: int) -> None:
    """A lock of a process that is gone is taken over at once."""
    lock_of(path).write_bytes(payload(pid=dead, createdAt=NOW.isoformat()))

    with hold_openclaw(str(path), timeout=0):
        assert json.loads(lock_of(path).read_bytes())["pid"] == os.getpid()
    assert os.listdir(path.parent) == []


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_a_number_that_was_given_again_is_not_waited_for(path: Path) -> None:
    """A living process that started at another time is another process."""
    lock_of(path).write_bytes(payload(pid=os.getpid(), createdAt=NOW.isoformat(), starttime=1))

    with hold_openclaw(str(path), timeout=0):
        pass


STALE_WITHOUT_A_PID = [
    (payload(createdAt="2020-01-01T00:00:00.000Z"), True),
    (payload(createdAt="2999-01-01T00:00:00.000Z"), False),
    (payload(createdAt="2020-01-01T00:00:00"), False),
    (payload(createdAt="yesterday"), False),
    (payload(createdAt=1), False),
    (payload(pid="12"), False),
    (payload(pid=-1), False),
    (payload(pid=10**30), True),
    (b"[]", False),
    (b"", False),
    (b"{", False),
    (b"\xff", False),
    (b"[" * 4000, False),
]


@pytest.mark.parametrize(("text", "is_stale"), STALE_WITHOUT_A_PID)
def test_a_holder_without_a_number(path: Path, text: bytes, is_stale: bool) -> None:
    """Age counts only without a process, and a lock that cannot be parsed is never taken over."""
    lock_of(path).write_bytes(text)

    if is_stale:
        with hold_openclaw(str(path), timeout=0):
            pass
        assert os.listdir(path.parent) == []
    else:
        with pytest.raises(LockBusy, match="OpenClaw"), hold_openclaw(str(path), timeout=0.03):
            pass
        assert lock_of(path).read_bytes() == text


def test_another_users_process_is_alive(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that we may not signal is there."""

    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    lock_of(path).write_bytes(payload(pid=os.getppid()))

    with pytest.raises(LockBusy), hold_openclaw(str(path), timeout=0.03):
        pass


def test_somebody_elses_lock_is_not_released(path: Path) -> None:
    """If the lock is another one by the end, it stays."""
    with hold_openclaw(str(path)):
        lock_of(path).write_bytes(b"theirs")

    assert lock_of(path).read_bytes() == b"theirs"


def test_a_lock_that_is_gone_by_the_end(path: Path) -> None:
    """If the lock was taken away, there is nothing to release."""
    with hold_openclaw(str(path)):
        lock_of(path).unlink()

    assert os.listdir(path.parent) == []


def test_a_stale_lock_that_was_just_taken_over_is_put_back(path: Path, dead: int) -> None:
    """Another program that takes over the same stale lock first keeps its new one."""
    living = payload(pid=os.getppid(), createdAt=NOW.isoformat())
    lock_of(path).write_bytes(living)

    openclaw_lock._take_away(str(lock_of(path)), payload(pid=dead))

    assert lock_of(path).read_bytes() == living
    assert os.listdir(path.parent) == [lock_of(path).name]


def test_a_stale_lock_that_is_gone_already(path: Path) -> None:
    """Taking away what is not there is no error."""
    openclaw_lock._take_away(str(lock_of(path)), b"")


def test_what_a_killed_process_left_is_swept(path: Path) -> None:
    """A lock that was written and not yet published goes with the next one."""
    lock_of(path).with_name(f".auth-profiles.json.lock.{'ab' * 8}.tmp").write_bytes(b"{}")

    with hold_openclaw(str(path)):
        pass

    assert os.listdir(path.parent) == []


def test_an_error_inside_releases_the_lock(path: Path) -> None:
    """Whatever happens in the block."""
    with pytest.raises(RuntimeError), hold_openclaw(str(path)):
        raise RuntimeError

    assert os.listdir(path.parent) == []


def test_errors_of_the_block_are_not_ours(path: Path) -> None:
    """An operating system error in the block passes unchanged."""
    with pytest.raises(FileNotFoundError), hold_openclaw(str(path)):
        (path / "no").read_bytes()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """No folder, no lock."""
    with (
        pytest.raises(StoreNotDurable, match="the folder does not exist"),
        hold_openclaw(str(tmp_path / "no" / "auth-profiles.json")),
    ):
        pass


def test_windows_processes_are_never_called_dead(monkeypatch: pytest.MonkeyPatch, dead: int) -> None:
    """There, asking with a signal would end the process."""
    monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("a signal was sent"))
    monkeypatch.setattr(os, "name", "nt")
    alive = openclaw_lock._is_alive(dead)
    monkeypatch.undo()

    assert alive
