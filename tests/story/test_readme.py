"""The README shows what the program really prints."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_real_output() -> None:
    """Every block of real output in the README is what a run prints today."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/readme", "--check"], capture_output=True, text=True, check=False, timeout=100
    )

    assert done.stderr == ""
    assert done.returncode == 0
