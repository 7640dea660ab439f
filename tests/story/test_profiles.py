"""Living with several profiles: the list of them, and which one is meant where none is named."""

import json
from contextlib import chdir
from pathlib import Path

import pytest

from tests.story.conftest import Person, Program
from tests.story.logins import login, put, put_login
from tests.story.test_usage import on_a_terminal, plain

# --- list ----------------------------------------------------------------------------------------------------


def deliver(program: Program, profile: str) -> None:
    """Note that a profile was leased to OpenClaw."""
    folder = program.home / "state/deliveries"
    folder.mkdir(parents=True, mode=0o700)
    row = {
        **dict.fromkeys(("config", "home_profile", "agent", "access", "refresh", "before"), ""),
        "target": "openclaw",
        "state": "/x",
        "profile_id": f"openai:{profile}",
        "mode": "lease",
        "expires": None,
        "at": "2026-01-01T00:00:00+00:00",
        "settled": True,
    }
    note = folder / f"{profile}.json"
    note.write_text(json.dumps({"schema_version": 1, "deliveries": [row]}))
    note.chmod(0o600)


def test_the_list_says_what_there_is_to_know(person: Person) -> None:
    """Name, account masked, plan, owner, store, end, last refresh and deliveries, in words and in JSON."""
    person.sign_in()
    deliver(person.program, "work")

    heads, cells = person.program("list").stdout.splitlines()
    (row,) = person.program.json("list")["profiles"]

    assert heads.split() == ["PROFILE", "ACCOUNT", "PLAN", "OWNER", "STORE", "ENDS", "REFRESHED", "DELIVERED", "TO"]
    assert cells.startswith("work *   a…a@a…e.example (…acme)  team  codex-auth  file   in 59m ")
    assert cells.endswith(" ago     openclaw")
    assert (row["profile"], row["account_id"], row["plan"], row["store"]) == ("work", "…acme", "team", "file")
    assert row["refreshed_at"]
    assert row["delivered"][0]["target"] == "openclaw"
    assert person.program.json("list", "--full")["profiles"][0]["email"] == "ada@acme.example"


def test_an_empty_list_says_how_to_begin(program: Program) -> None:
    """And is no failure."""
    assert program("list").stdout == "No profiles yet. Run `codex-auth login` to sign in.\n"
    assert program.json("list")["profiles"] == []


@pytest.mark.parametrize(("columns", "is_table"), [(120, True), (80, True), (40, False)])
def test_the_list_fits_the_terminal(person: Person, columns: int, is_table: bool) -> None:
    """A table while it fits, without what can be missed; else a few lines for each. Nothing is cut or wraps."""
    for name in ("work", "home"):
        person.sign_in(name)

    _, shown = on_a_terminal(person.program, "list", columns=columns)

    lines = plain(shown)
    assert max(map(len, lines)) <= columns
    assert ("PROFILE" in shown) is is_table
    assert shown.count("a…a@a…e.example (…acme)") == 2


def test_a_list_without_unicode(person: Person) -> None:
    """Nothing is turned into question marks."""
    person.sign_in()

    _, shown = on_a_terminal(person.program, "list", PYTHONIOENCODING="ascii")

    assert shown.isascii()
    assert "a...a@a...e.example (...acme)" in shown
    assert "?" not in shown


def test_what_cannot_be_read_is_said_beside_the_rest(program: Program) -> None:
    """A note that others can open is no reason not to list."""
    put_login(program, "work")
    deliver(program, "work")
    (program.home / "state/deliveries/work.json").chmod(0o644)

    done = program("list")

    assert done.returncode == 1
    assert "work *" in done.stdout
    assert "others can open it" in done.stderr


# --- which one is meant --------------------------------------------------------------------------------------


def meant(program: Program, folder: Path, **env: str) -> tuple[str, str]:
    """Return the profile whose token is printed in a folder without a name, and why `status --why` says so."""
    with chdir(folder):
        token = program("token", env=env).stdout.strip()
        why = program.json("status", "--why", env=env)
    assert token == f"access-{why['unnamed']}"
    assert why["why"]["unnamed"] == why["unnamed"]
    return why["unnamed"], why["why"]["unnamed_rule"]


@pytest.fixture
def folder(program: Program) -> Path:
    """Return a folder three deep, and logins to choose from."""
    put_login(program, "first", "default", "outer", "inner", "configured", "variable")
    made = program.home / "a/b/c"
    made.mkdir(parents=True)
    return made


def name_in(folder: Path, text: str) -> Path:
    """Let a folder name a profile."""
    path = folder / ".codex-auth"
    path.write_text(text)
    return path


def test_the_nearest_folder_file_wins(program: Program, folder: Path) -> None:
    """The one in the working folder, else in the nearest folder above it."""
    outer = name_in(folder.parents[1], "outer\n")
    assert meant(program, folder) == ("outer", f"{outer} names it")

    inner = name_in(folder, "  openai-codex:Inner \r\n")
    assert meant(program, folder) == ("inner", f"{inner} names it")


def test_the_order_of_the_rules(program: Program, folder: Path) -> None:
    """The variable, the folder, the configuration, and then `default`."""
    assert meant(program, folder) == ("default", "nothing names another")

    config = program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('profile = "configured"\n')
    assert meant(program, folder) == ("configured", "profile in the configuration file names it")

    name_in(folder, "inner")
    assert meant(program, folder)[0] == "inner"
    assert meant(program, folder, CODEX_AUTH_PROFILE="variable") == ("variable", "CODEX_AUTH_PROFILE names it")


def test_a_name_that_is_given_counts_most(program: Program, folder: Path) -> None:
    """Whatever the folder says; and `default` means what it always means."""
    name_in(folder, "inner")

    with chdir(folder):
        assert program("token", "outer").stdout == "access-outer\n"
        assert program("token", "default").stdout == "access-default\n"


def test_the_first_is_said_to_be_the_first(program: Program) -> None:
    """Where there is no profile named default, `status --why` says that the first one there is is meant."""
    put_login(program, "first", "second")

    assert (
        "without a name: first\n  because nothing names another, and it is the first"
        in program("status", "--why").stdout
    )


@pytest.mark.parametrize("text", ["", "two names", "x" * 300])
def test_a_folder_file_that_names_nothing_is_said(program: Program, folder: Path, text: str) -> None:
    """Exit 2 and what to write; never another profile than was meant. `status` shows the rest all the same."""
    path = name_in(folder, text)
    with chdir(folder):
        refused, named, status = program("token"), program("token", "first"), program("status")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert str(path) in refused.stderr
    assert named.stdout == "access-first\n"
    assert "first" in status.stdout
    assert "does not name a profile" in status.stderr


def test_a_folder_file_that_anybody_may_write_does_not_count(program: Program, folder: Path) -> None:
    """In a shared folder somebody else would choose whose login is used; a link and a folder are none either."""
    name_in(folder, "inner").chmod(0o666)
    name_in(folder.parent, "outer").rename(folder.parent / "kept")
    (folder.parent / ".codex-auth").symlink_to("kept")
    (folder.parents[1] / ".codex-auth").mkdir()

    assert meant(program, folder)[0] == "default"


def test_a_folder_that_is_gone_names_nothing(program: Program, folder: Path) -> None:
    """Whoever stands in a folder that was removed is served as everywhere."""
    with chdir(folder):
        folder.rmdir()
        assert program("token").stdout == "access-default\n"


def test_the_mark_is_on_the_profile_that_is_meant(program: Program, folder: Path) -> None:
    """In `status` and `list`, in this folder."""
    name_in(folder, "inner")
    put(program, {f"openai-codex:{name}": login(name) for name in ("default", "inner")})
    with chdir(folder):
        shown = program("status").stdout + program("list").stdout

    assert shown.count("inner *") == 2
    assert "default *" not in shown
