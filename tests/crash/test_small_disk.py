"""Real disks that are full or read-only: the code is not spent, and the same redirect works when there is room."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from tests.crash.calls import ROOT, program

pytestmark = pytest.mark.crash

_SIZE = 256 * 1024
_SET_UP = """\
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
for each in /*; do
  if [ -L "$each" ]; then cp -P "$each" "$1/"
  elif [ -d "$each" ]; then mkdir "$1$each"; mount --rbind "$each" "$1$each"; fi
done
mkdir -m 700 "$1/small"
mount -t tmpfs -o "size=$2,mode=700" tmpfs "$1/small"
cd "$1"
exec chroot . sh -c 'echo ready; exec cat'
"""
"""A root of our own, because in a user namespace the real one belongs to nobody, and such a folder is refused."""


@dataclass
class SmallDisk:
    """A home on a disk of its own that only the commands run here can see."""

    holder: "subprocess.Popen[str]"

    def run(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command on the machine with the small disk."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": "/small",
            "CODEX_AUTH_STATE_DIR": "/small/state",
            "PYTHONPATH": str(ROOT),
        }
        inside = ["nsenter", "-t", str(self.holder.pid), "-U", "-m", "-r", "-w", "--preserve-credentials"]
        return subprocess.run(
            [*inside, *words], check=False, env=env, input=given, capture_output=True, text=True, timeout=60
        )

    def must(self, *words: str) -> str:
        """Run a command that has to work, and return what it printed."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def finish(self, redirect: str) -> "subprocess.CompletedProcess[str]":
        """Run the command that is tested."""
        return self.run(*program("finish", "work", "--callback-url", "-"), given=redirect)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """Return a disk with some room."""
    root = tmp_path / "root"
    root.mkdir()
    holder = subprocess.Popen(
        ["unshare", "-rm", "sh", "-c", _SET_UP, "sh", str(root), str(_SIZE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "ready\n"
        yield SmallDisk(holder)
    finally:
        with contextlib.suppress(BrokenPipeError):
            holder.stdin.close()
        holder.wait()
        holder.stdout.close()


@pytest.fixture
def redirect(disk: SmallDisk, sandbox: Sandbox) -> str:
    """Return the redirect of a sign-in that waits on the small disk."""
    return approve(disk.must(*program("start", "work", "--issuer", sandbox.issuer)))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running provider."""
    with Sandbox() as running:
        yield running


def _stored_when_mended(disk: SmallDisk, redirect: str, sandbox: Sandbox) -> None:
    """Show that the redirect is still good."""
    assert sandbox.log("token") == []
    done = disk.finish(redirect)
    assert done.returncode == 0, done.stderr
    assert "Signed in" in done.stdout
    assert "openai-codex:work" in disk.must("cat", "/small/.local/share/codex-auth/auth-profiles.json")
    assert disk.must("find", "/small", "-name", "*.tmp") == ""
    assert len(sandbox.log("token")) == 1


@pytest.mark.parametrize("left", [0, 4, 32, 64])
def test_a_full_disk_is_told_before_the_code_is_spent(
    disk: SmallDisk, redirect: str, sandbox: Sandbox, left: int
) -> None:
    """With too few KiB left, `finish` stops, exit 1, and asks the provider nothing; later it works."""
    disk.run("dd", "if=/dev/zero", "of=/small/filler", "bs=4k")
    free = disk.must("stat", "-f", "-c", "%f", "/small")
    assert free == "0"
    disk.must("truncate", "-s", f"-{left}K", "/small/filler")

    done = disk.finish(redirect)

    assert done.returncode == 1, done.stderr
    assert "the disk is full" in done.stderr
    assert done.stdout == ""
    assert disk.must("find", "/small", "-name", "*.tmp") == ""
    disk.must("rm", "/small/filler")
    _stored_when_mended(disk, redirect, sandbox)


def test_a_read_only_disk_is_told_before_the_code_is_spent(disk: SmallDisk, redirect: str, sandbox: Sandbox) -> None:
    """On a disk that was mounted read-only `finish` stops, exit 1, and asks the provider nothing; later it works."""
    disk.must("mount", "-o", "remount,ro", "/small")

    done = disk.finish(redirect)

    assert done.returncode == 1
    assert "the disk is read-only" in done.stderr
    disk.must("mount", "-o", "remount,rw", "/small")
    _stored_when_mended(disk, redirect, sandbox)


def test_a_full_disk_leaves_the_stored_login_alone(disk: SmallDisk, redirect: str, sandbox: Sandbox) -> None:
    """Signing in again to a profile on a full disk leaves the login that is there, to the byte."""
    store = "/small/.local/share/codex-auth/auth-profiles.json"
    assert disk.finish(redirect).returncode == 0
    again = approve(disk.must(*program("start", "work", "--issuer", sandbox.issuer)))
    before = disk.must("cat", store)
    disk.run("dd", "if=/dev/zero", "of=/small/filler", "bs=4k")

    done = disk.finish(again)

    assert done.returncode == 1
    assert disk.must("cat", store) == before
    assert "work *" in disk.must(*program("status"))
