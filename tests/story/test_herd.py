"""Many processes, one login: one request each time it is due; `scripts/herd` does it with more of them."""

from pathlib import Path

import pytest

from tests.story import herd


def test_each_round_is_one_request(tmp_path: Path) -> None:
    """Four processes, fifteen times: as many requests as rotations as rounds, and everybody gets the new token."""
    tally = herd.run_rounds(tmp_path / "home", processes=4, rounds=15, seconds=60)

    assert tally.is_well, tally
    assert (tally.requests, tally.rotations, tally.answers) == (15, 15, 60)


def test_one_request_serves_every_waiting_token(tmp_path: Path) -> None:
    """Twelve `codex-auth token` as the token has ended: one request, one new token, twelve times exit 0."""
    tokens = herd.run_tokens(tmp_path / "home", 12)

    assert tokens.is_well, tokens
    assert tokens.due.distinct == 1


def test_each_round_is_one_request_from_the_vault(tmp_path: Path) -> None:
    """The same with the login in the vault."""
    tally = herd.run_rounds(tmp_path / "home", processes=4, rounds=8, seconds=60, store="vault")

    assert tally.is_well, tally
    assert (tally.requests, tally.rotations, tally.answers) == (8, 8, 32)


@pytest.mark.usefixtures("desktop")
def test_each_round_is_one_request_from_a_keyring(tmp_path: Path) -> None:
    """The same with the login in a real GNOME Keyring."""
    tally = herd.run_rounds(tmp_path / "home", processes=4, rounds=6, seconds=60, store="keyring")

    assert tally.is_well, tally
    assert (tally.requests, tally.rotations, tally.answers) == (6, 6, 24)
