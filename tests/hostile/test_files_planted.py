"""Files and folders that somebody else planted, opened or could swap."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.core.store_errors import StoreError, UnsafeFile
from codex_auth.edge import files
from codex_auth.edge.folders import openclaw_folder, private_folder, resolve

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a private file."""
    path = tmp_path / "auth.json"
    path.write_bytes(b"{}")
    path.chmod(0o600)
    return path


@pytest.fixture
def everybodys_folder() -> Iterator[Path]:
    """Return a folder that other users can reach; those of `tmp_path` are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("bits", [0o604, 0o640, 0o644, 0o660, 0o666, 0o777, 0o601, 0o610])
@pytest.mark.parametrize("foreign", [False, True])
def test_a_file_open_to_others_is_refused(file: Path, bits: int, foreign: bool) -> None:
    """With the command that closes it."""
    file.chmod(bits)

    with pytest.raises(UnsafeFile) as caught:
        files.read_private(str(file), foreign=foreign)

    assert f"chmod 600 {file}" in caught.value.hint


def test_the_command_is_safe_to_paste(tmp_path: Path) -> None:
    """A path with shell characters is quoted."""
    file = tmp_path / "a; touch x"
    file.write_bytes(b"")
    file.chmod(0o644)

    with pytest.raises(UnsafeFile) as caught:
        files.read_private(str(file))

    assert f"chmod 600 '{file}'" in caught.value.hint


def test_a_link_is_not_followed(file: Path) -> None:
    """Our own files are never links."""
    link = file.with_name("link")
    link.symlink_to(file)

    with pytest.raises(StoreError, match="symbolic link"):
        files.read_private(str(link))


def test_a_second_name_is_refused(file: Path) -> None:
    """A hard link elsewhere could be read or written there; the command gives the file one name again."""
    os.link(file, file.with_name("elsewhere"))

    with pytest.raises(UnsafeFile) as caught:
        files.read_private(str(file))

    command = caught.value.hint.split("`")[1]
    subprocess.run(["sh", "-c", command], check=True)
    assert files.read_private(str(file)) == b"{}"


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    """Opening returns at once, and a FIFO is no file."""
    os.mkfifo(tmp_path / "fifo", 0o600)

    with pytest.raises(StoreError, match="not a regular file"):
        files.read_private(str(tmp_path / "fifo"))


def test_sockets_folders_and_devices_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a regular file is one."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        (tmp_path / "folder").mkdir(mode=0o700)

        for path in ("socket", "folder", "/dev/null", "/dev/zero"):
            with pytest.raises(StoreError, match="not a regular file"):
                files.read_private(os.path.abspath(path))


@needs_root
@pytest.mark.parametrize("foreign", [False, True])
def test_another_owners_file_is_refused(file: Path, foreign: bool) -> None:
    """Root is told to run as the owner, not to take the file."""
    os.chown(file, NOBODY, NOBODY)

    with pytest.raises(UnsafeFile, match="belongs to user 65534") as caught:
        files.read_private(str(file), foreign=foreign)

    assert "sudo" in caught.value.hint


@needs_root
@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
def test_an_ordinary_user_is_told_to_take_the_file(everybodys_folder: Path) -> None:
    """Somebody who is not root gets the command for it."""
    folder = everybodys_folder
    (folder / "auth.json").write_bytes(b"{}")
    script = (
        "from codex_auth.core.store_errors import UnsafeFile\n"
        "from codex_auth.edge import files\n"
        "try:\n"
        f"    files.read_private({str(folder / 'auth.json')!r})\n"
        "except UnsafeFile as error:\n"
        "    print(error.hint)\n"
    )
    (folder / "auth.json").chmod(0o644)

    done = as_nobody(script)

    assert "sudo chown 65534" in done


def as_nobody(script: str) -> str:
    """Run Python text as another user and return what it printed."""
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c", script]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(command, capture_output=True, check=False, text=True, cwd="/", env={"PYTHONPATH": root})
    if "Permission denied" in done.stderr:
        pytest.skip("another user cannot reach this Python")
    assert done.stderr == ""
    return done.stdout


@needs_root
def test_another_owners_folder_is_refused(tmp_path: Path) -> None:
    """Whoever owns a folder can put another file there."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)

    with pytest.raises(UnsafeFile):
        private_folder(str(folder))
    with pytest.raises(UnsafeFile):
        private_folder(str(folder / "ours"))
    with pytest.raises(UnsafeFile):
        resolve(str(folder / "auth.json"))
    assert openclaw_folder(str(folder), make=True) is None


@needs_root
def test_a_link_somebody_planted_is_not_followed(file: Path) -> None:
    """A link in a sticky folder leads where its owner wants."""
    shared = file.with_name("shared")
    shared.mkdir()
    shared.chmod(0o1777)
    link = shared / "auth.json"
    link.symlink_to(file)
    os.lchown(link, NOBODY, NOBODY)

    with pytest.raises(UnsafeFile):
        files.read_private(str(link), foreign=True)


def test_a_folder_on_the_way_that_others_can_change(file: Path) -> None:
    """Somebody could swap what lies below it; in a sticky one they cannot."""
    open_folder = file.with_name("open")
    (open_folder / "below").mkdir(parents=True)
    inside = open_folder / "below" / "auth.json"
    inside.write_bytes(b"{}")
    inside.chmod(0o600)

    open_folder.chmod(0o777)
    with pytest.raises(UnsafeFile):
        files.read_private(str(inside), foreign=True)
    open_folder.chmod(0o1777)
    assert files.read_private(str(inside), foreign=True) == b"{}"


@needs_root
def test_a_group_of_ones_own_is_not_others(tmp_path: Path) -> None:
    """Where every user has a group of their own, folders are writable by it; another group is others."""
    tmp_path.chmod(0o775)
    private_folder(str(tmp_path))

    os.chown(tmp_path, 0, 100)
    with pytest.raises(UnsafeFile):
        private_folder(str(tmp_path))


def test_swapping_a_file_for_a_link_is_never_followed(tmp_path: Path) -> None:
    """While a file is swapped for a link all the time, a reading gives our file or an error, never the other."""
    ours, secret = tmp_path / "auth.json", tmp_path / "secret"
    secret.write_bytes(b"not yours")
    secret.chmod(0o600)
    stop = threading.Event()

    def swap() -> None:
        spare, link = tmp_path / "spare", tmp_path / "link"
        while not stop.is_set():
            spare.write_bytes(b"ours")
            spare.chmod(0o600)
            spare.replace(ours)
            link.symlink_to(secret)
            link.replace(ours)

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen = set()
    try:
        for _ in range(3000):
            try:
                seen.add(files.read_private(str(ours)))
            except StoreError:
                seen.add(b"refused")
    finally:
        stop.set()
        swapper.join()

    assert seen <= {b"ours", b"refused", None}
