"""Private files: what may be read, and how one is replaced."""

import errno
import itertools
import os
import shutil
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.store_errors import SaveUnconfirmed, StoreError, StoreNotDurable, UnsafeFile
from codex_auth.edge import files
from codex_auth.edge.folders import openclaw_folder, private_folder, resolve
from codex_auth.edge.trouble import words

OLD, NEW = b'{"old": 1}', [b'{"new": ', memoryview(b"2"), b"", b"}"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a private file with known content."""
    path = tmp_path / "auth.json"
    path.write_bytes(OLD)
    path.chmod(0o600)
    return path


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def leftovers(path: Path) -> list[str]:
    """List what lies beside a file, its backup excepted."""
    return sorted(each.name for each in path.parent.iterdir() if each.name not in {path.name, path.name + ".bak"})


@contextmanager
def umask(value: int) -> Iterator[None]:
    """Run a block under another umask."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


# --- replacing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 0o022, 0o077, 0o777])
def test_a_new_file_is_private_under_any_umask(tmp_path: Path, value: int) -> None:
    """Mode 0600, whatever the umask gives or takes."""
    with umask(value):
        files.replace(str(tmp_path / "new"), [b"x"])

    assert mode(tmp_path / "new") == 0o600


def test_pieces_follow_each_other(file: Path) -> None:
    """The new content is the pieces, one after the other, and nothing lies beside it."""
    files.replace(str(file), NEW)

    assert file.read_bytes() == b'{"new": 2}'
    assert leftovers(file) == []


def test_replacing_closes_a_file_that_was_open_to_others(file: Path) -> None:
    """The mode of the old file is not taken over."""
    file.chmod(0o644)

    files.replace(str(file), NEW)

    assert mode(file) == 0o600


def test_the_backup_is_the_old_file(file: Path) -> None:
    """The old file itself becomes the backup, so it costs no copy."""
    inode = file.stat().st_ino

    files.replace(str(file), NEW, backup=True)

    backup = file.with_name("auth.json.bak")
    assert (backup.read_bytes(), backup.stat().st_ino, mode(backup)) == (OLD, inode, 0o600)
    assert backup.stat().st_nlink == file.stat().st_nlink == 1


def test_the_backup_rolls(file: Path) -> None:
    """There is one backup, and it is one save old."""
    files.replace(str(file), [b"2"], backup=True)
    files.replace(str(file), [b"3"], backup=True)

    assert file.with_name("auth.json.bak").read_bytes() == b"2"
    assert leftovers(file) == []


def test_a_first_save_has_no_backup(tmp_path: Path) -> None:
    """There is no old file to keep."""
    files.replace(str(tmp_path / "new"), [b"x"], backup=True)

    assert [each.name for each in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_without_links_the_backup_is_a_copy(file: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """File systems without hard links get a backup all the same."""
    monkeypatch.setattr(os, "link", raising(number))

    files.replace(str(file), NEW, backup=True)

    assert file.with_name("auth.json.bak").read_bytes() == OLD
    assert leftovers(file) == []


def test_a_file_that_changed_is_not_replaced(file: Path) -> None:
    """What another program wrote after our reading stays; ours must be made anew."""
    seen = files.snapshot(str(file))
    file.write_bytes(b"somebody else's")

    with pytest.raises(files.FileChanged):
        files.replace(str(file), NEW, expected=seen)

    assert file.read_bytes() == b"somebody else's"
    assert leftovers(file) == []


def test_a_file_that_was_swapped_is_not_replaced(file: Path) -> None:
    """Another file of the same name, size and time is still another file."""
    seen = files.snapshot(str(file))
    twin = file.with_name("twin")
    twin.write_bytes(OLD)
    os.utime(twin, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    twin.rename(file)

    with pytest.raises(files.FileChanged):
        files.replace(str(file), NEW, expected=seen)


def test_a_change_within_one_tick_of_the_clock_is_noticed(file: Path) -> None:
    """Same file, same size, same time, another content."""
    seen = files.snapshot(str(file))
    file.write_bytes(b'{"odd": 1}')
    os.utime(file, ns=(seen.mark[3], seen.mark[3]) if seen.mark else None)

    with pytest.raises(files.FileChanged):
        files.replace(str(file), NEW, expected=seen)


def test_a_large_file_is_known_by_its_mark(file: Path) -> None:
    """Comparing a large file byte by byte would cost another reading."""
    file.write_bytes(b"x" * 2_000_000)

    files.replace(str(file), NEW, expected=files.snapshot(str(file)))

    assert file.read_bytes() == b'{"new": 2}'


def test_a_file_that_appeared_is_not_replaced(tmp_path: Path) -> None:
    """A file that was missing when we looked must still be missing."""
    seen = files.snapshot(str(tmp_path / "new"))
    (tmp_path / "new").write_bytes(b"somebody else's")

    with pytest.raises(files.FileChanged):
        files.replace(str(tmp_path / "new"), NEW, expected=seen)


@pytest.mark.parametrize("number", [0, errno.EPERM])
def test_a_name_is_taken_by_one_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file is made where none is, and never in the place of one, with hard links and without."""
    if number:
        monkeypatch.setattr(os, "link", raising(number))
    path = tmp_path / "new.json"
    (tmp_path / ".new.json.0123456789abcdef.tmp").write_bytes(b"left by a kill")

    assert files.create(str(path), OLD) is True
    assert files.create(str(path), b"other") is False

    assert (path.read_bytes(), mode(path), leftovers(path)) == (OLD, 0o600, [])


def test_a_link_to_nothing_is_a_name_that_is_taken(tmp_path: Path) -> None:
    """Nothing is made where a link leads."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    assert files.create(str(tmp_path / "link"), OLD) is False
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("call", "said"), [("link", StoreNotDurable), ("fsync", StoreNotDurable)])
def test_a_file_that_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, said: type[Exception]
) -> None:
    """An error at any call leaves no file and no temporary one."""
    monkeypatch.setattr(os, call, raising(errno.EIO))

    with pytest.raises(said):
        files.create(str(tmp_path / "new"), OLD)
    assert list(tmp_path.iterdir()) == []


def test_a_second_name_that_stays_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is not taken for made while its temporary name is there, which the next run removes."""
    with monkeypatch.context() as broken:
        broken.setattr(os, "unlink", raising(errno.EIO))
        with pytest.raises(StoreNotDurable):
            files.create(str(tmp_path / "new"), OLD)

    assert files.create(str(tmp_path / "new"), OLD) is False
    assert [each.name for each in tmp_path.iterdir()] == ["new"]


def test_a_file_that_was_made_and_not_confirmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is there, and that its folder was not synced is said."""
    monkeypatch.setattr(files, "fsync_folder", raising(errno.EIO))

    with pytest.raises(SaveUnconfirmed):
        files.create(str(tmp_path / "new"), OLD)
    assert (tmp_path / "new").read_bytes() == OLD


def test_our_own_backup_is_no_change(file: Path) -> None:
    """Linking the old file does not look like somebody's change."""
    files.replace(str(file), NEW, backup=True, expected=files.snapshot(str(file)))

    assert file.read_bytes() == b'{"new": 2}'


def raising(number: int) -> Callable[..., Any]:
    """Return a function that fails with this error."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


CALLS = ["open", "write", "fsync", "close", "link", "replace", "fchmod", "lstat", "listdir"]
FAULTS = [OSError(errno.ENOSPC, ""), OSError(errno.EIO, ""), OSError(errno.EDQUOT, ""), KeyboardInterrupt()]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS, ids=["ENOSPC", "EIO", "EDQUOT", "interrupt"])
@pytest.mark.parametrize("backup", [False, True])
def test_an_error_at_any_call_leaves_old_or_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: BaseException, backup: bool
) -> None:
    """Every system call of a save fails once: the file is old or new, whole, and nothing lies beside it."""
    real = getattr(os, call)
    for failing in range(1, 30):
        file = tmp_path / str(failing) / "auth.json"
        file.parent.mkdir()
        files.replace(str(file), [OLD])
        count = 0

        def once(*args: Any, at: int = failing, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == at:
                if call == "close":
                    real(*args)
                raise fault
            return real(*args, **kwargs)

        outcome = None
        with monkeypatch.context() as patch:
            patch.setattr(os, call, once)
            try:
                files.replace(str(file), NEW, backup=backup)
            except (StoreNotDurable, KeyboardInterrupt) as error:
                outcome = error

        held = files.read_private(str(file))
        assert leftovers(file) == []
        if outcome is None or isinstance(outcome, SaveUnconfirmed):
            assert held == b'{"new": 2}'
        elif isinstance(outcome, StoreNotDurable):
            assert held == OLD
        else:
            assert held in {OLD, b'{"new": 2}'}
        if count < failing:
            return
    pytest.fail("a save makes more calls than anyone can count")


def test_short_writes_are_continued(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes three bytes at a time gets all of them."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:3])))

    files.replace(str(file), [b"0123456789" * 10, b"end"])

    assert file.read_bytes() == b"0123456789" * 10 + b"end"


def test_a_name_that_is_taken_is_not_written_to(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something planted under the temporary name is left alone, and another name is used."""
    numbers = iter([b"\0" * 8, b"\1" * 8])
    planted = file.with_name(f".auth.json.{'00' * 8}.tmp")
    planted.symlink_to("/etc/passwd")
    monkeypatch.setattr(os, "urandom", lambda size: next(numbers))

    files.replace(str(file), NEW)

    assert planted.is_symlink()
    assert file.read_bytes() == b'{"new": 2}'


def test_errors_are_said_in_fixed_words(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is called that, with the path and what to do."""
    monkeypatch.setattr(os, "write", raising(errno.ENOSPC))

    with pytest.raises(StoreNotDurable) as caught:
        files.replace(str(file), NEW)

    assert str(caught.value) == f"{file} could not be saved: the disk is full. What was there before is unchanged."
    assert caught.value.hint


def test_every_error_has_words() -> None:
    """Errors we have no words for are named by their symbol, never by a text from outside."""
    assert words(OSError(errno.EXDEV, "secret text")) == "the system answered EXDEV"
    assert words(OSError("secret text")) == "the system answered an unknown error"


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    """Saving into a folder that does not exist is an error of the store."""
    with pytest.raises(StoreNotDurable, match="the folder does not exist"):
        files.replace(str(tmp_path / "no" / "auth.json"), NEW)


# --- proving, sweeping, removing, quarantine ---------------------------------------------------------------------


def test_proving_leaves_nothing(file: Path) -> None:
    """The proof touches neither the file nor its folder."""
    files.prove_writable(str(file), size=1_000_000)

    assert file.read_bytes() == OLD
    assert leftovers(file) == []


def test_proving_finds_a_full_disk(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that cannot promise the room is found out, and nothing is left on it."""
    monkeypatch.setattr(os, "posix_fallocate", raising(errno.ENOSPC))

    with pytest.raises(StoreNotDurable, match="the disk is full"):
        files.prove_writable(str(file), size=1)

    assert leftovers(file) == []


def test_proving_accepts_a_disk_that_cannot_promise(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without preallocation is not a full one."""
    monkeypatch.setattr(os, "posix_fallocate", raising(errno.EOPNOTSUPP))

    files.prove_writable(str(file), size=1)


def test_sweep_removes_only_our_temporaries(file: Path) -> None:
    """What a dead run left goes; everything that merely looks like it stays."""
    ours = file.with_name(f".auth.json.{'ab' * 8}.tmp")
    others = [".auth.json.tmp", ".auth.json.short.tmp", f".other.json.{'ab' * 8}.tmp", "auth.json.bak", "a.tmp"]
    for path in [ours, *(file.with_name(name) for name in others)]:
        path.write_bytes(b"left")
    file.with_name(f".auth.json.{'cd' * 8}.tmp").mkdir()

    files.sweep(str(file))

    assert not ours.exists()
    assert all(file.with_name(name).exists() for name in others)
    assert file.read_bytes() == OLD


def test_sweeping_nowhere_is_no_error(tmp_path: Path) -> None:
    """A folder that does not exist has nothing to sweep."""
    files.sweep(str(tmp_path / "no" / "auth.json"))


def test_removing(file: Path) -> None:
    """A removed file is gone, and removing it again says that there was none."""
    assert files.remove(str(file)) is True
    assert files.remove(str(file)) is False


def test_quarantine_keeps_the_whole_file(file: Path) -> None:
    """The damaged file has a new name, is private, and its old name is free."""
    file.chmod(0o644)

    kept = Path(files.quarantine(str(file)))

    assert kept.name.startswith("auth.json.damaged-2")
    assert (kept.read_bytes(), mode(kept), file.exists()) == (OLD, 0o600, False)


def test_quarantine_never_overwrites(file: Path) -> None:
    """Two damaged files of one second are both kept."""
    first = files.quarantine(str(file))
    file.write_bytes(b"second")
    second = files.quarantine(str(file))

    assert (Path(first).read_bytes(), Path(second).read_bytes()) == (OLD, b"second")


def test_a_quarantine_that_fails_is_said(tmp_path: Path) -> None:
    """A file that is gone by now cannot be moved."""
    with pytest.raises(StoreError):
        files.quarantine(str(tmp_path / "gone"))


# --- reading -----------------------------------------------------------------------------------------------------


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    """No file is not an error, and neither is no folder."""
    assert files.read_private(str(tmp_path / "none")) is None
    assert files.read_private(str(tmp_path / "no" / "none")) is None
    assert files.read_private(str(tmp_path / "no" / "none"), foreign=True) is None


@pytest.mark.parametrize("size", [0, 1, 65_536, 1_000_000])
def test_a_private_file_is_read(file: Path, size: int) -> None:
    """The content comes back, whatever its size."""
    file.write_bytes(b"x" * size)

    assert files.read_private(str(file)) == b"x" * size


def test_the_limit_is_a_limit(file: Path) -> None:
    """A file of the limit is read, one byte more is not."""
    assert files.read_private(str(file), limit=len(OLD)) == OLD
    with pytest.raises(StoreError, match="larger than"):
        files.read_private(str(file), limit=len(OLD) - 1)


def test_reading_beside_a_busy_writer(file: Path) -> None:
    """While another thread replaces the file all the time, every reading is one of its states."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            files.replace(str(file), [str(number).encode() * 2000], backup=True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            held = files.read_private(str(file))
            assert held is not None
            assert held == OLD or held == held[: len(held) // 2000] * 2000
    finally:
        stop.set()
        writer.join()


def test_a_crash_between_backup_and_rename_can_be_read(file: Path) -> None:
    """The second name that our own save gave the file is no reason to refuse it."""
    os.link(file, file.with_name("auth.json.bak"))
    os.link(file, file.with_name(f".auth.json.{'ab' * 8}.tmp"))

    assert files.read_private(str(file)) == OLD
    files.replace(str(file), NEW, backup=True)
    files.sweep(str(file))
    assert files.read_private(str(file)) == b'{"new": 2}'
    assert leftovers(file) == []


def test_a_file_that_never_rests_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is another one at every look cannot be read."""
    times = itertools.count()
    monkeypatch.setattr(files, "_mark", lambda _found: next(times))

    with pytest.raises(StoreError, match="keeps changing"):
        files.read_private(str(file))


def test_short_reads_are_continued(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gives three bytes at a time gives them all."""
    read = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: read(fd, min(size, 3)))

    assert files.read_private(str(file)) == OLD


def test_a_file_that_grows_while_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading stops beyond the size that was promised, and looks again."""
    read, grown = os.read, []

    def growing(fd: int, size: int) -> bytes:
        if not grown:
            grown.append(file.write_bytes(OLD * 3))
            return read(fd, 4)
        return read(fd, size)

    monkeypatch.setattr(os, "read", growing)

    assert files.read_private(str(file)) == OLD * 3


def test_a_removal_that_fails_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be removed is still there."""
    monkeypatch.setattr(os, "unlink", raising(errno.EROFS))

    with pytest.raises(StoreNotDurable, match="read-only"):
        files.remove(str(file))


# --- systems that lack something ---------------------------------------------------------------------------------


def test_without_nofollow_links_are_looked_for(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot refuse a link, we do."""
    file.with_name("link").symlink_to(file)
    monkeypatch.delattr(os, "O_NOFOLLOW")

    assert files.read_private(str(file)) == OLD
    with pytest.raises(StoreError, match="symbolic link"):
        files.read_private(str(file.with_name("link")))


@pytest.mark.parametrize("lacking", ["fchmod", "posix_fallocate", "O_DIRECTORY", "geteuid"])
def test_saving_where_something_is_lacking(file: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    """Windows has neither modes nor owners nor folders that can be opened."""
    monkeypatch.delattr(os, lacking)

    private_folder(str(file.parent))
    files.prove_writable(str(file), size=10)
    files.replace(str(file), NEW, backup=True)

    assert files.read_private(str(file)) == b'{"new": 2}'


@pytest.mark.parametrize(("refusals", "saved"), [(2, True), (1000, False)])
def test_windows_renames_are_tried_again(
    file: Path, monkeypatch: pytest.MonkeyPatch, refusals: int, saved: bool
) -> None:
    """A scanner that has the file open for a moment does not fail a save; one that never lets go does."""
    rename, refused = os.replace, []

    def refuse(source: str, target: str) -> None:
        if len(refused) < refusals:
            refused.append(target)
            raise PermissionError(errno.EACCES, "")
        rename(source, target)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    if saved:
        files.replace(str(file), NEW)
    else:
        with pytest.raises(StoreNotDurable):
            files.replace(str(file), NEW)
    assert file.read_bytes() == (b'{"new": 2}' if saved else OLD)


# --- folders -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 0o022, 0o077, 0o777])
def test_a_folder_is_made_private_with_its_parents(tmp_path: Path, value: int) -> None:
    """Every folder that had to be made has mode 0700, whatever the umask."""
    with umask(value):
        private_folder(str(tmp_path / "a" / "b" / "c"))

    assert [mode(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    """A folder that others may look into, but not change, is accepted as it is."""
    tmp_path.chmod(0o755)

    private_folder(str(tmp_path))

    assert mode(tmp_path) == 0o755


@pytest.mark.parametrize("bits", [0o777, 0o1777, 0o702])
def test_a_folder_that_others_can_change_is_refused(tmp_path: Path, bits: int) -> None:
    """With the command that mends it; a sticky one is no place for secrets either."""
    tmp_path.chmod(bits)

    with pytest.raises(UnsafeFile) as caught:
        private_folder(str(tmp_path))

    assert f"chmod go-w {tmp_path}" in caught.value.hint


def test_a_file_is_no_folder(file: Path) -> None:
    """A file in the way is said to be one."""
    with pytest.raises(StoreError, match="not a folder"):
        private_folder(str(file))
    with pytest.raises(StoreError, match="not a folder"):
        private_folder(str(file / "inside"))


def test_openclaws_folder_is_made(tmp_path: Path) -> None:
    """Where it is missing it is created for whoever writes, and absent for whoever looks."""
    root = tmp_path / "openclaw"

    assert openclaw_folder(str(root)) is None
    assert openclaw_folder(str(root), make=True) == str(root)
    assert mode(root) == 0o700
    assert openclaw_folder(str(root)) == str(root)


def test_openclaws_folder_is_accepted_with_0755(tmp_path: Path) -> None:
    """Others may look, as OpenClaw's rule has it."""
    tmp_path.chmod(0o755)

    assert openclaw_folder(str(tmp_path)) == str(tmp_path)


def test_openclaws_folder_is_closed_if_it_is_ours(tmp_path: Path) -> None:
    """One of ours that others could write to is closed, and the user is told."""
    tmp_path.chmod(0o777)
    told: list[str] = []

    assert openclaw_folder(str(tmp_path)) is None
    assert openclaw_folder(str(tmp_path), make=True, tell=told.append) == str(tmp_path)
    assert mode(tmp_path) == 0o700
    assert len(told) == 1


def test_openclaws_folder_is_not_trusted(tmp_path: Path) -> None:
    """A link, a file and a folder that cannot be made are not trusted."""
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").write_bytes(b"")

    assert openclaw_folder(str(tmp_path / "link"), make=True) is None
    assert openclaw_folder(str(tmp_path / "file"), make=True) is None
    assert openclaw_folder(str(tmp_path / "no" / "such"), make=True) is None


def test_links_of_ours_are_followed_once(tmp_path: Path) -> None:
    """A dotfile manager's links lead to the real file, through folders and with relative steps."""
    target = tmp_path / "dotfiles" / "openclaw" / "auth.json"
    target.parent.mkdir(parents=True)
    target.write_bytes(OLD)
    target.chmod(0o600)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "agent").symlink_to("../dotfiles/openclaw")
    (tmp_path / "home" / "auth.json").symlink_to("agent/auth.json")

    assert resolve(str(tmp_path / "home" / "auth.json")) == str(target)
    assert files.read_private(str(tmp_path / "home" / "auth.json"), foreign=True) == OLD


def test_a_missing_file_behind_a_linked_folder(tmp_path: Path) -> None:
    """The last part may be missing; where it would be is known."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert resolve(str(tmp_path / "link" / "new" / "auth.json")) == str(tmp_path / "real" / "new" / "auth.json")


def test_a_path_through_a_file_or_too_long_is_refused(file: Path) -> None:
    """Neither can be followed."""
    with pytest.raises(StoreError, match="not a folder"):
        resolve(str(file / "inside"))
    with pytest.raises(StoreError, match="too long"):
        resolve(str(file.with_name("x" * 300)))


def test_rings_and_dangling_links_are_refused(tmp_path: Path) -> None:
    """Neither leads anywhere."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to("nowhere")

    with pytest.raises(StoreError, match="ring"):
        resolve(str(tmp_path / "a"))
    with pytest.raises(StoreError, match="link to nothing"):
        resolve(str(tmp_path / "c"))


@pytest.mark.skipif(not shutil.which("unshare") or os.geteuid() != 0, reason="needs mount namespaces")
def test_a_real_full_disk(tmp_path: Path) -> None:
    """On a disk of 64 KiB a save that does not fit changes nothing."""
    import subprocess

    script = (
        "import os, sys\n"
        "from codex_auth.core.store_errors import StoreNotDurable\n"
        "from codex_auth.edge import files\n"
        "path = sys.argv[1] + '/auth.json'\n"
        "files.replace(path, [b'old'])\n"
        "save = lambda: files.replace(path, [b'x' * 100_000])\n"
        "prove = lambda: files.prove_writable(path, size=100_000)\n"
        "for act in (save, prove):\n"
        "    try:\n"
        "        act()\n"
        "    except StoreNotDurable as error:\n"
        "        assert 'the disk is full' in str(error)\n"
        "    else:\n"
        "        raise SystemExit('it fitted')\n"
        "    assert os.listdir(sys.argv[1]) == ['auth.json'] and files.read_private(path) == b'old'\n"
    )
    command = 'mount -t tmpfs -o size=64k none "$1" && chmod 700 "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command, "sh", str(tmp_path), sys.executable, script],
        capture_output=True,
        check=False,
    )
    if b"permission denied" in done.stderr.lower() or b"not permitted" in done.stderr.lower():
        pytest.skip("mounting is not allowed here")

    assert (done.returncode, done.stderr) == (0, b"")
