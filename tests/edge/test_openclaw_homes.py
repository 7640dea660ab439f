"""State folders of OpenClaw: which there are, which one is meant, what they hold."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.neighbours.openclaw import AGENT_ERA, JSON_ERA, SHARED_ERA, installation
from codex_auth.neighbours.openclaw_homes import chosen_home, gateway_of, homes
from tests.edge.test_openclaw import install


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return an empty home folder."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def living() -> Iterator[int]:
    """Return the number of a process that lives."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.communicate(b"\n")


def env(home: Path, **more: str) -> dict[str, str]:
    """Return an environment with this home."""
    return {"HOME": str(home), **more}


def agent(state: Path, name: str = "main") -> Path:
    """Make an agent and return its folder."""
    folder = state / "agents" / name / "agent"
    folder.mkdir(parents=True)
    return folder


def database(path: Path, schema: int) -> None:
    """Write the head of an SQLite file with a schema number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"SQLite format 3\0".ljust(60, b"\0") + schema.to_bytes(4, "big") + bytes(36))


def test_without_openclaw_there_is_none(home: Path) -> None:
    """No folder, no home of OpenClaw's; the one it would use is known all the same."""
    assert homes(env(home), None) == []
    assert chosen_home(env(home), None).state == str(home / ".openclaw")


def test_every_profile_of_openclaws_is_found(home: Path) -> None:
    """`~/.openclaw` and each `~/.openclaw-NAME`, with their agents; the one meant comes first."""
    for name in (".openclaw", ".openclaw-bot", ".openclaw-work"):
        agent(home / name)
    agent(home / ".openclaw-bot", "news")

    found = homes(env(home, OPENCLAW_PROFILE="bot"), None)

    assert [(each.profile, each.agents, each.is_chosen) for each in found] == [
        ("bot", ("main", "news"), True),
        ("", ("main",), False),
        ("work", ("main",), False),
    ]


def test_the_profile_named_default_is_no_profile(home: Path) -> None:
    """As in OpenClaw, `default` means the plain folder."""
    assert chosen_home(env(home, OPENCLAW_PROFILE="Default"), None).state == str(home / ".openclaw")


def test_a_state_folder_that_is_named_goes_before_a_profile(home: Path, tmp_path: Path) -> None:
    """`OPENCLAW_STATE_DIR` wins, and `~` in it is the home folder."""
    agent(tmp_path / "other")
    named = env(home, OPENCLAW_STATE_DIR=str(tmp_path / "other"), OPENCLAW_PROFILE="bot")

    assert [each.state for each in homes(named, None)] == [str(tmp_path / "other")]
    assert chosen_home(env(home, OPENCLAW_STATE_DIR="~/oc"), None).state == str(home / "oc")


def test_openclaw_home_replaces_the_home_folder(home: Path, tmp_path: Path) -> None:
    """`OPENCLAW_HOME` moves all of OpenClaw."""
    agent(tmp_path / "elsewhere/.openclaw")

    assert [each.state for each in homes(env(home, OPENCLAW_HOME=str(tmp_path / "elsewhere")), None)] == [
        str(tmp_path / "elsewhere/.openclaw")
    ]


def test_two_names_of_one_folder_are_one_home(home: Path) -> None:
    """A link to a state folder is not another one."""
    agent(home / ".openclaw")
    (home / ".openclaw-same").symlink_to(".openclaw")

    assert len(homes(env(home), None)) == 1


@pytest.mark.parametrize(
    ("release", "era"),
    [
        ("2026.5.28", JSON_ERA),
        ("2026.6.1", JSON_ERA),
        ("2026.6.2", AGENT_ERA),
        ("2026.6.5-beta.1", AGENT_ERA),
        ("2026.7.35", AGENT_ERA),
        ("2026.8.1", SHARED_ERA),
        ("2026.9.6", SHARED_ERA),
    ],
)
def test_the_release_says_where_credentials_are(home: Path, tmp_path: Path, release: str, era: str) -> None:
    """The package decides, whatever an older release left in the folder."""
    (agent(home / ".openclaw") / "auth-profiles.json").write_text("{}")
    found = installation(install(tmp_path, {"name": "openclaw", "version": release}))

    there = chosen_home(env(home), found)

    assert there.era == era
    assert bool(there.leftover_files) is (era != JSON_ERA)


def test_without_a_package_the_files_are_asked(home: Path) -> None:
    """A database of an agent, one for all beside it, a JSON file, or nothing that says."""
    state = home / ".openclaw"
    folder = agent(state)
    assert chosen_home(env(home), None).era is None

    (folder / "auth-profiles.json").write_text("{}")
    database(state / "state/openclaw.sqlite", 1)
    assert chosen_home(env(home), None).era == JSON_ERA

    database(folder / "openclaw-agent.sqlite", 1)
    assert chosen_home(env(home), None).era == AGENT_ERA

    database(state / "state/openclaw.sqlite", 18)
    assert chosen_home(env(home), None).era == SHARED_ERA


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs /proc")
def test_a_running_gateway_is_known_by_its_lock(home: Path, living: int) -> None:
    """The first JSON object counts, what pads the file does not; a process that is gone runs nothing."""
    state = home / ".openclaw"
    agent(state)
    lock = state / "tmp" / f"openclaw-{os.getuid()}" / "gateway.state.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": living, "port": 18789}) + " " * 500)
    there = chosen_home(env(home), None)

    found = gateway_of(there)
    assert found is not None
    assert (found.pid, found.port, found.node) == (living, 18789, "")

    for text in (json.dumps({"pid": 2**22 + 1}), "{", "", "[]", json.dumps({"pid": "x"}), "{}"):
        lock.write_text(text)
        assert gateway_of(there) is None
