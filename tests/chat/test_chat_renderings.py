"""Each channel's rendering, letter for letter as in `golden/`; `python -m tests.chat.renderings FOLDER` draws anew."""

from pathlib import Path

import pytest

from tests.chat.renderings import CHANNELS, GOLDEN, drawn


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_a_channel_shows_it_so(name: str, tmp_path: Path) -> None:
    """Selector, ways, code, link, refusals, status, limits and a question, as this channel shows them."""
    assert drawn(CHANNELS[name], tmp_path / "home") == (GOLDEN / f"{name}.txt").read_text()
