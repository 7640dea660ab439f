"""A refresh token in two places: `status` names both, and `refresh` spends it only when told to."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.story.conftest import Person, Program
from tests.story.logins import login, put, put_login


def entry(program: Program, name: str = "work") -> dict[str, Any]:
    """Return one stored entry."""
    found = program.stored()["profiles"][f"openai-codex:{name}"]
    assert isinstance(found, dict)
    return found


def codex_file(path: Path, refresh: str, account: str | None, *, mode: int = 0o600) -> Path:
    """Write an `auth.json` as Codex does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tokens = {"id_token": "x.y.z", "access_token": "a", "refresh_token": refresh, "account_id": account}
    path.write_text(json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens}))
    path.chmod(mode)
    return path


def profiles_file(path: Path, refresh: str, account: str) -> Path:
    """Write an `auth-profiles.json` as OpenClaw does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    login = {"type": "oauth", "provider": "openai", "access": "a", "refresh": refresh, "accountId": account}
    path.write_text(json.dumps({"version": 1, "profiles": {"openai:mine": login}}))
    return path


def copies(program: Program, env: dict[str, str] | None = None) -> dict[str, list[str]]:
    """Return what `status` says of each profile that has a copy."""
    document = program.json("status", env=env)
    return {row["profile"]: row["copies"] for row in document["profiles"] if row["copies"]}


def config(program: Program, text: str) -> None:
    """Write the configuration file."""
    path = program.home / ".config/codex-auth/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_a_copy_in_codex_is_named_and_not_spent(person: Person) -> None:
    """`status` names the file, `--check` is 9, `refresh` refuses before anything is sent; told to, it refreshes."""
    program = person.program
    person.sign_in()
    held = entry(program)
    codex_file(program.home / ".codex/auth.json", held["refresh"], held["accountId"], mode=0o644)

    shown = program("status")
    refused = program("refresh", "work")

    line = "work: the same refresh token also lies in ~/.codex/auth.json; whoever refreshes first logs the other out"
    assert line in shown.stdout.splitlines()
    assert (shown.returncode, shown.stderr) == (0, "")
    assert program("status", "--check").returncode == 9
    assert copies(program) == {"work": ["~/.codex/auth.json"]}
    assert refused.returncode == 9
    assert refused.stderr.splitlines()[0] == "codex-auth: The refresh token of work also lies in ~/.codex/auth.json."
    assert "--despite-copies" in refused.stderr
    assert person.sandbox.log("token", "refresh_token") == []
    assert entry(program) == held
    assert held["refresh"] not in shown.stdout + refused.stdout + refused.stderr

    assert program("refresh", "work", "--despite-copies").returncode == 0
    assert len(person.sandbox.log("token", "refresh_token")) == 1
    assert copies(program) == {}
    assert program("status", "--check").returncode == 0


PlaceIt = Callable[[Program, str, str], Path]

PLACES: dict[str, tuple[PlaceIt, dict[str, str], str]] = {
    "CODEX_HOME": (
        lambda program, refresh, account: codex_file(program.home / "c/auth.json", refresh, account),
        {"CODEX_HOME": "{home}/c"},
        "~/c/auth.json",
    ),
    "the usual Codex home beside CODEX_HOME": (
        lambda program, refresh, account: codex_file(program.home / ".codex/auth.json", refresh, account),
        {"CODEX_HOME": "{home}/c"},
        "~/.codex/auth.json",
    ),
    "no account id": (
        lambda program, refresh, _account: codex_file(program.home / ".codex/auth.json", refresh, None),
        {},
        "~/.codex/auth.json",
    ),
    "another OpenClaw agent": (
        lambda program, refresh, account: profiles_file(
            program.home / ".openclaw/agents/shop/agent/auth-profiles.json", refresh, account
        ),
        {},
        "~/.openclaw/agents/shop/agent/auth-profiles.json",
    ),
    "OPENCLAW_STATE_DIR": (
        lambda program, refresh, account: profiles_file(
            program.home / "claw/agents/shop/agent/auth-profiles.json", refresh, account
        ),
        {"OPENCLAW_STATE_DIR": "{home}/claw"},
        "~/claw/agents/shop/agent/auth-profiles.json",
    ),
}


@pytest.mark.parametrize(("lay", "env", "place"), PLACES.values(), ids=PLACES)
def test_every_place_is_looked_at(program: Program, lay: PlaceIt, env: dict[str, str], place: str) -> None:
    """A copy is found wherever Codex and OpenClaw keep theirs, whatever the variables say."""
    put_login(program)
    held = entry(program)
    lay(program, held["refresh"], held["accountId"])
    env = {name: value.format(home=program.home) for name, value in env.items()}

    assert copies(program, env) == {"work": [place]}
    assert program("refresh", "work", env=env).returncode == 9


def test_further_codex_homes_are_configured(program: Program) -> None:
    """`codex_homes` names more of them; what is no list of absolute folders is refused by name."""
    put_login(program)
    held = entry(program)
    codex_file(program.home / "two/auth.json", held["refresh"], held["accountId"])
    assert copies(program) == {}

    config(program, 'codex_homes = ["~/one", "~/two"]\n')

    assert copies(program) == {"work": ["~/two/auth.json"]}


@pytest.mark.parametrize("value", ['"~/one"', "[1]", '["one"]'])
def test_odd_codex_homes_are_refused(program: Program, value: str) -> None:
    """A value that names no folders stops with one sentence."""
    config(program, f"codex_homes = {value}\n")

    done = program("status")

    assert done.returncode == 1
    assert "codex_homes must be" in done.stderr


def test_a_store_of_our_own_that_is_not_used_now(program: Program) -> None:
    """A copy of our own file counts when another one is in use: it would be used the next time."""
    put_login(program)
    elsewhere = program.home / "elsewhere/auth-profiles.json"
    elsewhere.parent.mkdir(mode=0o700)
    elsewhere.write_bytes(program.store.read_bytes())
    elsewhere.chmod(0o600)

    document = program.json("status", "--auth-path", str(elsewhere))

    assert document["profiles"][0]["copies"] == ["~/.local/share/codex-auth/auth-profiles.json"]


def test_another_name_of_the_store_is_no_copy(program: Program) -> None:
    """A link to the file in use holds nothing of its own."""
    put_login(program)
    linked = program.home / ".openclaw/agents/shop/agent/auth-profiles.json"
    linked.parent.mkdir(parents=True)
    linked.symlink_to(program.store)

    assert copies(program) == {}


def test_two_of_our_profiles_with_one_token(program: Program) -> None:
    """Both are named, each at the other, and neither is refreshed."""
    put(program, {f"openai-codex:{name}": login() for name in ("work", "twin")})

    assert copies(program) == {"work": ["the profile twin"], "twin": ["the profile work"]}
    assert "also lies in the profile twin" in program("status", "work").stdout
    assert "profile work" not in program("status", "work").stdout
    done = program("refresh", "--all")
    assert done.returncode == 9
    assert done.stderr.count("also lies in") == 2


def test_two_logins_of_one_account_are_fine(person: Person) -> None:
    """The same account in another profile and in Codex, each with a token of its own, is nothing to mention."""
    program = person.program
    person.sign_in("work")
    person.sign_in("twin")
    codex_file(program.home / ".codex/auth.json", "another-token", entry(program)["accountId"])

    assert copies(program) == {}
    assert program("status", "--check").returncode == 0
    assert program("refresh", "--all").returncode == 0


def test_a_copy_of_what_is_not_ours_is_not_our_business(program: Program) -> None:
    """Who owns the login elsewhere may keep it where it likes."""
    put(program, {"openai-codex:work": login(codexAuth={"owner": "codex"})})
    held = entry(program)
    codex_file(program.home / ".codex/auth.json", held["refresh"], held["accountId"])

    assert copies(program) == {}


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _ring(path: Path) -> None:
    path.symlink_to(path)


ODD: dict[str, Callable[[Path], object]] = {
    "a fifo": _fifo,
    "a folder": _folder,
    "a ring of links": _ring,
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "empty": lambda path: path.write_bytes(b""),
    "too large": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 65 * 1024 * 1024),
}


def test_odd_files_in_their_places_say_nothing(person: Person) -> None:
    """Another program's trouble changes nothing for us: no word, no waiting, and the refresh goes on."""
    person.sign_in()
    homes = [person.program.home / name.replace(" ", "-") for name in ODD]
    for home, make in zip(homes, ODD.values(), strict=True):
        home.mkdir()
        make(home / "auth.json")
    config(person.program, f"codex_homes = {json.dumps([str(home) for home in homes])}\n")

    shown = person.program("status")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert copies(person.program) == {}
    assert person.program("refresh", "work").returncode == 0


def test_looking_leaves_nothing_behind(program: Program) -> None:
    """`status` compares and writes nothing, whatever it finds."""
    put_login(program)
    held = entry(program)
    codex_file(program.home / ".codex/auth.json", held["refresh"], held["accountId"])
    before = {path: path.stat().st_mtime_ns for path in program.home.rglob("*")}

    program("status")

    assert {path: path.stat().st_mtime_ns for path in program.home.rglob("*")} == before


def test_looking_costs_little(program: Program) -> None:
    """Without another file nothing is loaded to compare with; with one of another account, no OpenSSL."""
    put_login(program)
    env = {name: value for name, value in program.env.items() if "COVERAGE" not in name}

    def loaded() -> set[str]:
        words = [sys.executable, "-X", "importtime", "-m", "codex_auth", "status"]
        done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=True)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    assert "codex_auth.stories.copies" not in loaded()
    codex_file(program.home / ".codex/auth.json", "refresh-other", "account-other")
    assert "codex_auth.stories.copies" in loaded()
    assert not {"hmac", "_hashlib", "typing"} & loaded()
