"""`docs/doctor.md` lists what `doctor` finds, as the table of it says."""

import runpy
from pathlib import Path

from codex_auth.checks.codes import FAMILIES, KINDS

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_table_says() -> None:
    """`scripts/codes` writes it anew."""
    made = runpy.run_path(str(ROOT / "scripts/codes"))["page"]()

    assert (ROOT / "docs/doctor.md").read_text() == made
    assert all(f"| `{code}` |" in made for code in KINDS)


def test_a_row_is_whole() -> None:
    """Every code has a family, and sentences that a person can read: what and what to do in a few words, why in one."""
    assert {kind.family for kind in KINDS.values()} == set(FAMILIES)
    for code, kind in KINDS.items():
        assert code == code.lower()
        assert kind.why.endswith("."), code
        assert not kind.what.endswith("."), code
        assert kind.todo, code
        assert kind.fix in {"", "fix", "ask"}
        assert not (kind.is_note and kind.fix), code
