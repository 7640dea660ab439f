"""Leasing a login to the real OpenClaw, of either era."""

import json

import pytest

from codex_auth.neighbours.openclaw import AGENT_ERA, JSON_ERA, SHARED_ERA
from tests.real_openclaw.claw import Claw, access_token, put_login

STATE_OF = {
    JSON_ERA: "auth-state.json",
    AGENT_ERA: "openclaw-agent.sqlite",
    SHARED_ERA: "state/openclaw.sqlite",
}
"""Each era, and what OpenClaw of it says of where it keeps the state of its credentials."""


def test_a_lease_lives(claw: Claw) -> None:
    """OpenClaw gets an access token, lists it, gets the next one, keeps its own logins, and gives ours back."""
    program = claw.program
    first = put_login(program)

    would = program.json("deliver", "openclaw", "work", "--dry-run")
    assert (would["dry_run"], would["replaced"], would["profile_id"]) == (True, None, claw.profile_id)
    assert claw.held() is None
    assert not (program.home / "state/deliveries").exists()

    done = program("deliver", "openclaw", "work")
    assert done.returncode == 0, done.stderr
    assert "codex-auth deliver openclaw work --take-back" in done.stderr
    held = claw.seen() or {}
    assert held.items() <= (claw.held() or {}).items()
    assert (held["type"], held["token"], held["email"]) == ("token", first, "work@example.com")
    assert "refresh" not in held
    listed = claw.json("models", "auth", "list")
    assert [(row["id"], row["type"], row["email"]) for row in listed["profiles"]] == [
        (claw.profile_id, "token", "work@example.com")
    ]
    era = program.json("status", "--why")["why"]["openclaw"]["era"]  # told by files and package metadata alone
    assert listed["authStatePath"].endswith(STATE_OF[era])
    assert list(claw.state.rglob("auth-profiles.json*")) == ([claw.json_file] if claw.is_json_era else [])

    shown = program.json("status")["profiles"][0]["delivered"]
    assert [(each["target"], each["mode"], each["profile_id"]) for each in shown] == [
        ("openclaw", "lease", claw.profile_id)
    ]

    second = put_login(program, "two")
    assert program("keep", "--once", "--quiet").returncode == 0
    assert (claw.held() or {})["token"] == second

    removed = program.json("deliver", "openclaw", "work", "--take-back")
    assert removed["removed"] is True
    assert claw.held() is None
    assert program.json("status")["profiles"][0]["delivered"] == []


@pytest.mark.long_openclaw
def test_what_is_not_ours_is_not_replaced(claw: Claw) -> None:
    """Another account's profile and a login that OpenClaw refreshes stay, until somebody says --replace."""
    program = claw.program
    ours = put_login(program)
    theirs = {"type": "oauth", "provider": claw.profile_id.partition(":")[0], "expires": 1999999999000}
    other = {
        **theirs,
        "access": access_token("account-other", "x"),
        "refresh": "rt-other",
        "accountId": "account-other",
    }
    same = {**theirs, "access": access_token("account-work", "x"), "refresh": "rt-same", "accountId": "account-work"}

    claw.hold(claw.profile_id, other)
    refused = program.json("deliver", "openclaw", "work")
    assert (refused["error"], refused["exit_code"]) == ("openclaw_other_account", 5)

    claw.hold(claw.profile_id, same)
    refused = program.json("deliver", "openclaw", "work")
    assert (refused["error"], refused["exit_code"]) == ("openclaw_has_login", 5)
    assert (claw.held() or {})["refresh"] == "rt-same"

    done = program.json("deliver", "openclaw", "work", "--replace")
    assert done["replaced"]["type"] == "oauth"
    assert (claw.held() or {})["token"] == ours


@pytest.mark.long_openclaw
def test_the_configuration_is_asked(claw: Claw) -> None:
    """A mode that OpenClaw would stumble over is refused before anything is written; an order gets ours appended."""
    program = claw.program
    put_login(program)
    settings = json.loads(claw.config.read_text())
    provider = claw.profile_id.partition(":")[0]
    wrong = {**settings, "auth": {"profiles": {claw.profile_id: {"provider": provider, "mode": "api_key"}}}}
    claw.config.write_text(json.dumps(wrong))

    refused = program.json("deliver", "openclaw", "work")

    assert refused["error"] == "openclaw_mode_conflict"
    assert claw.held() is None

    claw.config.write_text(json.dumps(settings))
    claw.hold(f"{provider}:first", {"type": "token", "provider": provider, "token": "t", "expires": 1999999999000})
    assert claw.run("models", "auth", "order", "set", "--provider", provider, f"{provider}:first").returncode == 0
    before = claw.config.read_text()

    done = program.json("deliver", "openclaw", "work")

    assert done["orders"] == {"main": [f"{provider}:first", claw.profile_id]}
    assert claw.json("models", "auth", "order", "get", "--provider", provider)["order"] == done["orders"]["main"]
    assert claw.config.read_text() == before


@pytest.mark.long_openclaw
def test_a_configuration_that_openclaw_refuses(claw: Claw) -> None:
    """It is said that it is that, and nothing is delivered."""
    program, settings = claw.program, json.loads(claw.config.read_text())
    put_login(program)
    claw.config.write_text(json.dumps(settings | {"models": {"providers": {"openai": {"api": "none such"}}}}))

    refused = program.json("deliver", "openclaw", "work")

    assert refused["error"] == "openclaw_failed"
    assert "its own configuration" in refused["message"]
    claw.config.write_text(json.dumps(settings))
    assert claw.held() is None


@pytest.mark.long_openclaw
def test_an_agents_own_profile_is_not_hidden_behind(sqlite_claw: Claw) -> None:
    """Where an agent would use a profile of its own instead of the shared one, we say so and write nothing."""
    program, claw = sqlite_claw.program, sqlite_claw
    token = put_login(program)
    folder = claw.state / "agents/news/agent"
    claw.sdk(
        "const updater = (store) => { store.profiles[facts.id] = facts.held; return true; };"
        "await sdk.updateAuthProfileStoreWithLock({ updater, agentDir: facts.folder });",
        id=claw.profile_id,
        folder=str(folder),
        held={"type": "token", "provider": "openai", "token": "their own", "expires": 1999999999000},
    )

    refused = program.json("deliver", "openclaw", "work")
    assert refused["error"] == "openclaw_hides"
    assert "--agent news" in refused["hint"]
    assert claw.held() is None

    assert program.json("deliver", "openclaw", "work", "--agent", "news", "--replace")["ok"] is True
    seen = claw.sdk(
        "return sdk.ensureAuthProfileStore(facts.folder).profiles[facts.id]", id=claw.profile_id, folder=str(folder)
    )
    assert seen["token"] == token


def without_sdk(claw: Claw) -> None:
    """Let the Node that is found run OpenClaw's command line, and no helper."""
    node = claw.program.home / "bin/node"
    node.unlink()
    node.write_text(f'#!/bin/sh\ncase "$1" in *helper.mjs) exit 1;; esac\nexec "{claw.node}" "$@"\n')
    node.chmod(0o755)


@pytest.mark.long_openclaw
def test_what_our_own_writer_wrote_is_a_login(json_claw: Claw) -> None:
    """Without the SDK we write the JSON file ourselves; OpenClaw lists it as a login that is well and of use."""
    claw, program = json_claw, json_claw.program
    token = put_login(program)
    without_sdk(claw)

    assert program.json("deliver", "openclaw", "work")["ok"] is True

    assert (claw.held() or {})["token"] == token
    assert claw.profiles()[claw.profile_id]["type"] == "token"
    [provider] = claw.json("models", "status")["auth"]["oauth"]["providers"]
    assert [(each["profileId"], each["status"]) for each in provider["profiles"]] == [(claw.profile_id, "ok")]


@pytest.mark.long_openclaw
def test_without_the_sdk_its_own_command_takes_the_token(sqlite_claw: Claw) -> None:
    """Its command line takes the token without a terminal; what it does to the configuration was said before."""
    program, claw = sqlite_claw.program, sqlite_claw
    token = put_login(program)
    without_sdk(claw)
    claw.config.write_text("// a comment\n" + claw.config.read_text())

    done = program("deliver", "openclaw", "work", timeout=400)

    assert done.returncode == 0, done.stderr
    assert "strips the comments" in done.stderr
    held = claw.held() or {}
    assert (held["type"], held["token"]) == ("token", token)
    assert "// a comment" not in claw.config.read_text()
    entry = json.loads(claw.config.read_text())["auth"]["profiles"][claw.profile_id]
    assert entry == {"provider": "openai", "mode": "token"}
    assert not list(claw.state.rglob("auth-profiles.json"))
    assert program("deliver", "openclaw", "work", "--take-back", timeout=400).returncode == 0
    assert claw.held() is None


@pytest.mark.long_openclaw
def test_doctor_sees_what_drifted_there(claw: Claw) -> None:
    """Nothing, as long as it is there; what was removed there is found, and after yes delivered again."""
    program = claw.program
    first = put_login(program)
    assert program("deliver", "openclaw", "work").returncode == 0

    def found() -> list[str]:
        rows = program.json("doctor", "--offline")["findings"]
        return [row["code"] for row in rows if row["code"].startswith(("delivery_", "openclaw_"))]

    assert found() == []
    put_login(program, "two")
    assert found() == []  # of one end: which token it is, `keep` knows
    claw.sdk(
        "const updater = (store) => { delete store.profiles[facts.id]; return true; };"
        "await sdk.updateAuthProfileStoreWithLock({ updater });",
        id=claw.profile_id,
    )
    assert found() == ["delivery_gone"]
    assert "mended delivery_gone: " in program("doctor", "--offline", "--fix", "--yes").stdout
    assert (claw.held() or {})["token"] != first
    assert found() == []
