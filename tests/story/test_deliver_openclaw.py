"""What `deliver openclaw` says where things are not as they should be; the real OpenClaw is in tests/real_openclaw."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from codex_auth.core.secret import Secret
from codex_auth.deliver import openclaw as target
from codex_auth.edge.places import find_places
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import Deliveries, Delivery, Place
from codex_auth.notes.journal import Journal
from tests.story.conftest import Program
from tests.story.logins import login, put, put_login


def installed(program: Program, release: str, node: str = "") -> Path:
    """Lay out an OpenClaw of this release whose Node is a script; return its state folder."""
    package = program.home / "lib/node_modules/openclaw"
    package.mkdir(parents=True)
    (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": release}))
    launcher = package / "openclaw.mjs"
    launcher.write_text("#!/usr/bin/env node\n")
    launcher.chmod(0o755)
    folder = program.home / "bin"
    folder.mkdir()
    (folder / "openclaw").symlink_to(launcher)
    if node:
        (folder / "node").write_text(f"#!/bin/sh\n{node}\n")
        (folder / "node").chmod(0o755)
    program.env["PATH"] = str(folder)
    state = program.home / ".openclaw"
    (state / "agents/main/agent").mkdir(mode=0o700, parents=True)
    return state


CAT = "exec /bin/cat"
"""A Node that answers with what it was given: tokens and all."""


@pytest.mark.parametrize(
    ("node", "error", "status"),
    [
        ("", "openclaw_node_unusable", 1),
        ("exit 1", "openclaw_node_unusable", 1),
        (CAT, "openclaw_node_unusable", 1),
        ("/bin/cat >&2; exit 3", "openclaw_node_unusable", 1),
        ("""/bin/cat >/dev/null; echo '{"ok":false,"code":"no_sdk"}'""", "openclaw_node_unusable", 1),
        ("""/bin/cat >/dev/null; echo '{"ok":false,"code":"unexpected"}'""", "openclaw_failed", 1),
        ("""/bin/cat >/dev/null; echo '{"ok":false,"code":"access-work"}'""", "openclaw_failed", 1),
        ("""/bin/cat >/dev/null; echo '{"ok":false,"code":"store_refused"}'""", "openclaw_busy", 8),
        ("""/bin/cat >/dev/null; echo '{"ok":true,"now":null}'""", "openclaw_kept_other", 1),
        ("""/bin/cat >/dev/null; echo '{"ok":true,"now":{"type":[],"expires":"x"}}'""", "openclaw_kept_other", 1),
    ],
)
def test_whatever_the_helper_does_nothing_is_shown(program: Program, node: str, error: str, status: int) -> None:
    """A Node that dies, answers with the request itself, or says something odd: a code of ours, and no token."""
    put_login(program)
    installed(program, "2026.9.6", node)

    done = program("deliver", "openclaw", "work", "--json")

    answer = json.loads(done.stdout)
    assert (answer["error"], done.returncode) == (error, status)
    assert "access-work" not in done.stdout + done.stderr
    assert "refresh-work" not in done.stdout + done.stderr
    assert not (program.home / "state/deliveries").exists()


def test_a_helper_that_hangs_is_ended(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After its time it is ended with what it started, and the same command may be typed again."""
    from codex_auth.core.delivery_errors import OpenClawSlow
    from codex_auth.deliver.targets import open_target
    from tests.story.test_deliver import credential

    installed(program, "2026.9.6", f"echo $$ > {tmp_path}/pid; /bin/sleep 600")
    monkeypatch.setattr(target, "SECONDS", 0.5)
    opened = open_target("openclaw", "work", agent="", env=program.env, locks=str(tmp_path / "locks"))

    with pytest.raises(OpenClawSlow):
        opened.give(target.Gift(credential=credential()))

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_credential_goes_by_stdin_only(program: Program, tmp_path: Path) -> None:
    """Neither the words nor the environment of the helper hold a token, and nothing of ours that could load code."""
    put_login(program)
    installed(
        program, "2026.9.6", f'echo "$@" >> {tmp_path}/words; /usr/bin/env >> {tmp_path}/env; /bin/cat > /dev/null'
    )

    program(
        "deliver", "openclaw", "work", env={"NODE_OPTIONS": "--require /x", "OPENAI_API_KEY": "k", "LD_PRELOAD": ""}
    )

    seen = (tmp_path / "words").read_text() + (tmp_path / "env").read_text()
    assert "openclaw_helper.mjs" in seen
    assert f"OPENCLAW_STATE_DIR={program.home}/.openclaw" in seen
    for word in ("access-work", "refresh-work", "NODE_OPTIONS", "OPENAI_API_KEY"):
        assert word not in seen


def test_the_package_brings_the_helper(tmp_path: Path) -> None:
    """The wheel that is installed holds the file that Node runs."""
    root = Path(__file__).parents[2]
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(words, cwd=root, check=True, capture_output=True, timeout=100)

    (wheel,) = tmp_path.glob("*.whl")
    assert "codex_auth/deliver/openclaw_helper.mjs" in zipfile.ZipFile(wheel).namelist()


def test_without_openclaw_it_says_so(program: Program) -> None:
    """No program on PATH; a program without a state folder; an agent that is not there; a package that does not say."""
    put_login(program)
    assert program.json("deliver", "openclaw", "work", env={"PATH": "/nonexistent"})["error"] == "no_openclaw"

    state = installed(program, "2026.9.6", CAT)
    elsewhere = {"OPENCLAW_STATE_DIR": str(program.home / "none")}
    assert program.json("deliver", "openclaw", "work", env=elsewhere)["error"] == "no_openclaw"
    assert program.json("deliver", "openclaw", "work", "--agent", "nobody")["error"] == "no_openclaw"

    (program.home / "lib/node_modules/openclaw/package.json").write_text('{"name": "openclaw", "version": "next"}')
    assert program.json("deliver", "openclaw", "work")["error"] == "openclaw_unknown"
    assert not list(state.rglob("*.json"))


def test_without_node_the_json_era_is_written_by_us(program: Program) -> None:
    """A lease and then its removal, the rest of the file as it was; no refresh token of ours is in it."""
    put_login(program)
    state = installed(program, "2026.6.1")
    path = state / "agents/main/agent/auth-profiles.json"
    theirs = {"type": "api_key", "provider": "anthropic", "key": "k"}
    path.write_text(json.dumps({"version": 1, "profiles": {"anthropic:main": theirs}}))
    path.chmod(0o600)

    done = program.json("deliver", "openclaw", "work")

    assert done["ok"] is True
    profiles = json.loads(path.read_text())["profiles"]
    assert profiles["anthropic:main"] == theirs
    entry = profiles["openai:work"]
    assert (entry["type"], entry["provider"], entry["token"]) == ("token", "openai", "access-work")
    assert "refresh-work" not in path.read_text()

    assert program.json("deliver", "openclaw", "work", "--take-back")["removed"] is True
    assert list(json.loads(path.read_text())["profiles"]) == ["anthropic:main"]


def test_without_node_the_same_is_refused(program: Program) -> None:
    """Another account's profile, a login of OpenClaw's own, and an order that only OpenClaw's command may change."""
    put_login(program)
    state = installed(program, "2026.6.1")
    path = state / "agents/main/agent/auth-profiles.json"

    def hold(entry: dict[str, object]) -> None:
        path.write_text(json.dumps({"version": 1, "profiles": {"openai:work": {**entry, "provider": "openai"}}}))
        path.chmod(0o600)

    hold(login("other"))
    assert program.json("deliver", "openclaw", "work")["error"] == "openclaw_other_account"
    hold(login("work", refresh="their own"))
    assert program.json("deliver", "openclaw", "work")["error"] == "openclaw_has_login"

    order = path.with_name("auth-state.json")
    order.write_text(json.dumps({"version": 1, "order": {"openai": ["openai:first"]}}))
    order.chmod(0o600)
    refused = program.json("deliver", "openclaw", "work", "--replace")
    assert refused["error"] == "openclaw_order"
    assert "openclaw models auth order set --provider openai --agent main openai:first openai:work" in refused["hint"]
    assert program.json("status")["profiles"][0]["delivered"][0]["mode"] == "lease"


def test_the_sqlite_era_is_never_written_as_json(program: Program) -> None:
    """Without a usable Node there is no fallback there: the file would break the agent."""
    put_login(program)
    state = installed(program, "2026.6.5")

    assert program.json("deliver", "openclaw", "work")["error"] == "openclaw_node_unusable"
    assert not list(state.rglob("auth-profiles.json*"))


PASTE = """
case "$1" in *helper.mjs) exit 1;; esac
shift
echo "$@" >> "$HOME/asked"
case "$3" in
  paste-token) /bin/cat > "$HOME/given"
    end=$(/bin/date -u -d "+${9%s} seconds" +%Y-%m-%dT%H:%M:%S.000Z)
    echo '{"profiles":[{"id":"openai:work","type":"token","expiresAt":"'$end'"}]}' > "$HOME/list";;
  logout) rm "$HOME/list";;
  list) /bin/cat "$HOME/list" 2>/dev/null || echo 'A line first. {"profiles":[]}';;
esac
"""
"""A Node that runs OpenClaw's command line and not its SDK."""


def test_without_the_sdk_the_sqlite_era_takes_a_token_by_its_own_command(program: Program) -> None:
    """What it does to the configuration is said first; the token goes by stdin; `keep` renews and we take it back."""
    put_login(program)
    installed(program, "2026.9.6", PASTE)

    would = program("deliver", "openclaw", "work", "--dry-run")
    assert "auth.profiles.openai:work (mode: token)" in would.stderr
    assert not (program.home / "given").exists()

    done = program("deliver", "openclaw", "work")

    assert done.returncode == 0, done.stderr
    assert "strips the comments" in done.stderr.splitlines()[0]
    assert (program.home / "given").read_text() == "access-work"
    assert "access-work" not in (program.home / "asked").read_text() + done.stdout + done.stderr
    assert program.json("deliver", "openclaw", "work", "--hand-over")["error"] == "openclaw_node_unusable"
    assert program.json("apply", "work")["applies"][0]["step"] == "done"
    put(program, {"openai-codex:work": login("work", access="access-next", life=9 * 24 * 3600)})
    assert program("keep", "--once", "--quiet").returncode == 0
    assert (program.home / "given").read_text() == "access-next"

    assert program.json("deliver", "openclaw", "work", "--take-back")["removed"] is True


@pytest.mark.parametrize(
    ("held", "error"),
    [
        ({"type": "oauth", "expiresAt": "2099-01-01T00:00:00.000Z"}, "openclaw_has_login"),
        ({"type": "oauth", "expiresAt": "1970-01-01T00:00:00.001Z"}, "openclaw_refreshing"),
        ({"type": "api_key"}, "openclaw_other_account"),
    ],
)
def test_without_the_sdk_nothing_of_others_is_replaced(program: Program, held: dict[str, str], error: str) -> None:
    """A login that OpenClaw refreshes, one whose refresh runs or failed, and a key stay; nothing is pasted."""
    put_login(program)
    installed(program, "2026.9.6", PASTE)
    (program.home / "list").write_text(json.dumps({"profiles": [{"id": "openai:work", **held}]}))

    assert program.json("deliver", "openclaw", "work")["error"] == error
    assert not (program.home / "given").exists()


def test_without_the_sdk_a_token_that_we_did_not_deliver_stays(program: Program) -> None:
    """Nobody says whose it is, so it is asked for first; what was begun here and cut off is known to be ours."""
    put_login(program)
    installed(program, "2026.9.6", PASTE)
    listed = program.home / "list"
    theirs = {"id": "openai:work", "type": "token", "expiresAt": "2099-01-01T00:00:00.000Z"}
    listed.write_text(json.dumps({"profiles": [theirs]}))

    for words in (["deliver", "openclaw", "work"], ["deliver", "openclaw", "work", "--dry-run"]):
        refused = program.json(*words)
        assert (refused["error"], refused["exit_code"]) == ("openclaw_hides_whose", 5)
        assert "--replace" in refused["hint"]
    assert program.json("apply", "work")["applies"][0]["error"] == "openclaw_hides_whose"
    assert not (program.home / "given").exists()
    assert program.json("status")["profiles"][0]["delivered"] == []

    assert program.json("deliver", "openclaw", "work", "--replace")["ok"] is True
    assert (program.home / "given").read_text() == "access-work"
    assert program.json("deliver", "openclaw", "work")["ok"] is True


def test_without_the_sdk_a_delivery_that_was_cut_off_is_done_again(program: Program) -> None:
    """Killed when OpenClaw had the token and before it was noted which: it is ours all the same."""
    put_login(program)
    installed(program, "2026.9.6", PASTE + '[ "$3" != paste-token ] || kill -9 $PPID')
    assert program("deliver", "openclaw", "work").returncode == -signal.SIGKILL
    assert (program.home / "given").read_text() == "access-work"

    (program.home / "bin/node").write_text("#!/bin/sh" + PASTE)
    assert program.json("deliver", "openclaw", "work")["ok"] is True
    assert program.json("deliver", "openclaw", "work", "--take-back")["removed"] is True


def test_without_the_sdk_nobody_says_who_has_a_login_that_was_being_handed_over(program: Program) -> None:
    """OpenClaw lists a login whose token is not shown: it may be ours, so ours is not spent, and both stay."""
    put_login(program)
    state = installed(program, "2026.9.6", PASTE)
    row = {"id": "openai:work", "type": "oauth", "expiresAt": "2099-01-01T00:00:00.000Z"}
    (program.home / "list").write_text(json.dumps({"profiles": [row]}))
    places = find_places(program.env)
    place = Place(
        target="openclaw",
        state=str(state),
        config=str(state / "openclaw.json"),
        home_profile="",
        agent="",
        profile_id="openai:work",
    )
    mark = Journal(places, "work").fingerprint(Secret("refresh-work"))
    begun = Delivery(place=place, mode="hand-over", at=datetime.now(UTC), access="", refresh=mark, is_settled=False)
    deliveries.write(places, Deliveries(profile="work", rows=(begun,)))

    refused = program.json("deliver", "openclaw", "work")

    assert refused["error"] == "hand_over_unclear"
    assert program.stored()["profiles"]["openai-codex:work"]["refresh"] == "refresh-work"
    assert deliveries.read(places, "work").unsettled is not None


def test_a_login_that_openclaw_reads_already_is_not_leased(program: Program) -> None:
    """Where our store is OpenClaw's own file, a lease would take the place of the login."""
    state = installed(program, "2026.6.1")
    path = state / "agents/main/agent/auth-profiles.json"
    entry = {**login(), "provider": "openai"}
    path.write_text(json.dumps({"version": 1, "profiles": {"openai:work": entry}}))
    path.chmod(0o600)

    assert program.json("deliver", "openclaw", "work")["error"] == "openclaw_reads_it"
    assert json.loads(path.read_text())["profiles"]["openai:work"] == entry


def test_a_round_of_keep_tells_what_a_target_refused(program: Program) -> None:
    """The login is fine here; that OpenClaw has an old token is told once, and ends in the exit status."""
    put(program, {"openai-codex:work": login(life=90 * 3600)})
    state = installed(program, "2026.6.1")
    path = state / "agents/main/agent/auth-profiles.json"
    assert program("deliver", "openclaw", "work").returncode == 0
    put(program, {"openai-codex:work": login(life=90 * 3600, access="access-newer")})
    path.write_text("{")

    done = program("keep", "--once")

    assert done.returncode == 1
    assert "OpenClaw" in done.stderr
    path.unlink()
    assert program("keep", "--once").returncode == 0
    assert json.loads(path.read_text())["profiles"]["openai:work"]["token"] == "access-newer"
