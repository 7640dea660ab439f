"""Copies of credentials that nobody reads any more are found by name, and removed with consent only."""

from pathlib import Path

from codex_auth.neighbours import leftovers
from codex_auth.neighbours.openclaw_homes import homes
from tests.story.conftest import Program

NAMES = (
    "auth-profiles.json.sqlite-import.1790000000000.bak",
    "auth-profiles.json.openai-provider-unification.1790000000000.bak",
    "auth-profiles.json.migrated-2026-08-01T00-00-00-000Z-0f0e0d0c-0000-4000-8000-000000000000",
    "auth-profiles.json.bak-20260101",
)
LIVE = ("auth-profiles.json", "auth-profiles.json.bak", "auth-profiles.json.lock", "auth-state.json", "models.json")


def agent(program: Program) -> Path:
    """Make an agent with live files and left ones."""
    folder = program.home / ".openclaw/agents/main/agent"
    folder.mkdir(parents=True)
    for name in (*NAMES, *LIVE):
        (folder / name).write_text("token")
    return folder


def test_they_are_shown_and_stay(program: Program) -> None:
    """Without --remove nothing is changed; where nobody can be asked, --remove alone changes nothing either."""
    folder = agent(program)

    shown = program.json("leftovers", "--staged-in", "/nonexistent")["leftovers"]
    assert {Path(row["path"]).name for row in shown} >= set(NAMES)
    assert not {Path(row["path"]).name for row in shown} & set(LIVE)
    assert program("leftovers", "--remove", "--staged-in", "/nonexistent").returncode == 2
    assert {path.name for path in folder.iterdir()} == {*NAMES, *LIVE}


def test_they_are_removed_with_consent(tmp_path: Path) -> None:
    """The staged folder of the former skill with what is in it, and each old copy; links are not followed."""
    program = Program(tmp_path)
    folder = agent(program)
    temporary = tmp_path / "tmp"
    staged = temporary / "codex-auth-apply-work-1"
    staged.mkdir(parents=True)
    (staged / "profiles.json").write_text("token")
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (staged / "link").symlink_to(outside)
    (temporary / "codex-auth-pending.json").write_text("{}")
    (temporary / "codex-auth-apply-link").symlink_to(outside)

    found = leftovers.find(homes({"HOME": str(tmp_path)}, None), temporary=str(temporary))
    for each in found:
        leftovers.remove(each)

    assert {path.name for path in folder.iterdir()} == set(LIVE)
    assert {path.name for path in temporary.iterdir()} == {"codex-auth-pending.json", "codex-auth-apply-link"}
    assert outside.read_text() == "mine"


def test_the_command_removes_what_it_shows(program: Program) -> None:
    """With --yes, and says which."""
    folder = agent(program)

    done = program("leftovers", "--remove", "--yes", "--staged-in", "/nonexistent")

    assert done.returncode == 0
    assert {path.name for path in folder.iterdir()} == set(LIVE)
    assert str(folder / NAMES[0]) in done.stdout
