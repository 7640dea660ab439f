"""What has to be shown of the real OpenClaw is shown by tests that are there."""

from pathlib import Path

from tests.real_openclaw.recipes import RECIPES

FOLDER = Path(__file__).parents[1] / "real_openclaw"


def test_every_recipe_has_its_tests() -> None:
    """The list names no test that was renamed or removed."""
    named = {shown for tests in RECIPES.values() for shown in tests}

    files = {shown: (FOLDER / shown.partition("::")[0]).read_text() for shown in named}

    assert [shown for shown, text in files.items() if f"def {shown.partition('::')[2]}(" not in text] == []
