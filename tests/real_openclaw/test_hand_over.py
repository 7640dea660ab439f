"""Giving a whole login to the real OpenClaw, and reading back what it keeps."""

import json

import pytest

from tests.real_openclaw.claw import Claw, access_token, put_login

FENCE = "openclaw-oauth-refresh-fence:v1:" + "a" * 32


def test_a_login_has_one_owner(claw: Claw) -> None:
    """After a hand-over OpenClaw has the refresh token and we have none; what it makes of it is read back."""
    program = claw.program
    put_login(program)

    done = program.json("deliver", "openclaw", "work", "--hand-over")

    assert done["mode"] == "hand-over"
    held = claw.held() or {}
    assert (held["type"], held["refresh"]) == ("oauth", "refresh-work")
    assert "refresh-work" not in "".join(path.read_text() for path in program.store.parent.glob("*"))
    entry = program.stored()["profiles"]["openai-codex:work"]
    assert entry["codexAuth"]["owner"] == "openclaw"
    assert program.json("refresh", "work")["error"] == "owned_elsewhere"

    newer = access_token("account-work", "newer")
    claw.hold(claw.profile_id, {**held, "access": newer, "refresh": "rt-newer"})
    read = program.json("import", "openclaw", "work")
    assert read["owner"] == "openclaw"
    text = program.store.read_text()
    assert newer in text
    assert "rt-newer" not in text
    assert (claw.held() or {})["refresh"] == "rt-newer"


@pytest.mark.long_openclaw
def test_a_fence_is_never_imported(sqlite_claw: Claw) -> None:
    """A running refresh is waited for, the mark of a failed one is told apart, and neither becomes a token."""
    program, claw = sqlite_claw.program, sqlite_claw
    put_login(program)
    marks = {"type": "oauth", "provider": "openai", "expires": 1, "accountId": "account-work"}
    for step, mark, delivering, importing in (
        ("running", FENCE + ":", "openclaw_refreshing", "openclaw_refreshing"),
        ("failed", FENCE + ":failed:", None, "openclaw_refresh_failed"),
    ):
        held = {**marks, "access": f"{mark}access:{'0' * 64}", "refresh": f"{mark}refresh:{'0' * 64}"}
        claw.hold(claw.profile_id, held)
        kept = claw.held() or {}

        read = program.json("import", "openclaw", "copy", "--profile-id", claw.profile_id)
        assert read.get("error") == importing, step
        assert claw.held() == kept

        done = program.json("deliver", "openclaw", "work")
        assert done.get("error") == delivering, step


@pytest.mark.long_openclaw
def test_a_newer_login_takes_the_place_of_the_one_it_has(sqlite_claw: Claw) -> None:
    """OpenClaw's plain way to put a login refuses another refresh token; ours is asked for first, and then replaces."""
    program, claw = sqlite_claw.program, sqlite_claw
    put_login(program)
    assert program.json("deliver", "openclaw", "work", "--hand-over")["ok"] is True
    newer = put_login(program, "newer", refresh="refresh-newer")
    plain = "return await sdk.upsertAuthProfileWithLock({ profileId: facts.id, credential: facts.held });"
    assert claw.sdk(plain, id=claw.profile_id, held={**(claw.held() or {}), "refresh": "refresh-plain"}) is None

    refused = program.json("deliver", "openclaw", "work", "--hand-over")
    assert refused["error"] == "openclaw_has_login"
    assert (claw.held() or {})["refresh"] == "refresh-work"

    assert program.json("deliver", "openclaw", "work", "--hand-over", "--replace")["replaced"]["type"] == "oauth"
    held = claw.held() or {}
    assert (held["access"], held["refresh"]) == (newer, "refresh-newer")


def test_openclaws_old_files_are_not_touched(sqlite_claw: Claw) -> None:
    """A JSON file of an older release makes OpenClaw refuse; we say so, and change nothing."""
    program, claw = sqlite_claw.program, sqlite_claw
    put_login(program)
    claw.json_file.parent.mkdir(parents=True)
    old = json.dumps({"version": 1, "profiles": {"openai:old": {"type": "token", "provider": "openai", "token": "t"}}})
    claw.json_file.write_text(old)

    refused = program.json("deliver", "openclaw", "work")

    assert refused["error"] == "openclaw_migration_pending"
    assert claw.json_file.read_text() == old
