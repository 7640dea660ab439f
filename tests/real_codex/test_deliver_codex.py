"""Giving a login of ours to the real codex: it uses it, and the refresh token has one owner."""

import os
from pathlib import Path

import pytest

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from codex_auth.sandbox.server import Sandbox
from tests.real_codex.bed import Bed
from tests.real_codex.codex import Codex
from tests.story.conftest import Program

ENDED = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.e30"
"""An access token that ended in 1970."""


@pytest.fixture
def bed(codex: Codex, sandbox: Sandbox, tmp_path: Path) -> Bed:
    """Return somebody with one profile, `work`, and a Codex that is signed out."""
    home = tmp_path / "ours"
    home.mkdir(mode=0o700)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")}
    env |= {name: value for name, value in os.environ.items() if "COVERAGE" in name}
    bed = Bed(Program(home, env), codex, sandbox)
    bed.sign_in()
    return bed


def test_codex_works_with_a_lease_and_renews_nothing(bed: Bed) -> None:
    """It sends our access token and the account and asks the token endpoint for nothing, also when the token has ended.

    Signing out forgets the lease and revokes nothing.
    """
    before = len(bed.sandbox.log("token"))

    done = bed.deliver("work")
    assert (done["ok"], done["mode"], done["replaced"]) == (True, "lease", None)
    assert "Logged in using ChatGPT" in bed.codex.run("login", "status").err
    ended = bed.exec()

    assert (ended.code, ANSWER in ended.out) == (0, True), ended.err
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id
    bed.change_auth(access_token=ENDED)
    bed.exec()
    assert bed.codex.run("logout").code == 0
    assert len(bed.sandbox.log("token")) == before
    assert bed.sandbox.log("revoke") == []
    assert not bed.codex.signed_in
