"""A GNOME Keyring beside a script: in a process of its own, so that the script loads and weighs nothing by it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def desktop_apart(folder: Path) -> Iterator[str]:
    """Run a desktop in a folder, and return the address of its bus."""
    words = [sys.executable, "-m", "tests.secret_service_bed", str(folder)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.stdout.readline().strip()
        finally:
            child.stdin.close()
