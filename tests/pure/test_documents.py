"""What the documents name is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_risk_names_exists() -> None:
    """Each row of RISK.md that names a test or script names one there is."""
    named = set(re.findall(r"`((?:\w+/)+[\w.]*)`", (ROOT / "RISK.md").read_text()))
    tests = {path for path in named if not path.startswith("stories/")}

    assert len(tests) > 20
    assert [path for path in sorted(tests) if not (ROOT / "tests" / path).exists() and not (ROOT / path).exists()] == []
