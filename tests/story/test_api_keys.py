"""Keys and personal tokens as profiles: kept, listed, printed for programs, run with, moved and removed."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.story.conftest import Person, Program
from tests.story.logins import put_login

KEY = "sk-canary-5f1e"
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def environment(program: Program, name: str) -> dict[str, str]:
    """Return the environment of a command that runs with a key, from a shell that has others."""
    noise = {"OPENAI_API_KEY": "sk-shell", "CODEX_API_KEY": "sk-shell", "CODEX_ACCESS_TOKEN": "at-shell"}
    done = program("run", name, "--", sys.executable, "-c", SHOW, env=noise)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def add(program: Program, *words: str, key: str = KEY) -> dict[str, Any]:
    """Keep a key and return what was said."""
    return program.json("key", "add", *words, given=key + "\n")


@pytest.mark.parametrize(
    ("key", "words", "kind", "variables"),
    [
        (KEY, (), "platform", {"OPENAI_API_KEY", "CODEX_API_KEY"}),
        ("sk-admin-1", (), "admin", {"OPENAI_ADMIN_KEY"}),
        ("at-1", (), "personal", {"CODEX_ACCESS_TOKEN"}),
        (KEY, ("--kind", "analytics"), "analytics", {"OPENAI_API_KEY"}),
        (KEY, ("--kind", "compliance"), "compliance", {"OPENAI_API_KEY"}),
        (KEY, ("--kind", "glm"), "glm", {"GLM_API_KEY"}),
        (KEY, ("--kind", "modelscope"), "modelscope", {"MODELSCOPE_API_KEY"}),
        (KEY, ("--kind", "other", "--env-key", "MY_KEY"), "other", {"MY_KEY"}),
    ],
)
def test_a_command_finds_it_where_it_looks(
    program: Program, key: str, words: tuple[str, ...], kind: str, variables: set[str]
) -> None:
    """Each kind is in the variables of its kind, and in no other; the shell's own keys are gone."""
    assert add(program, "k", *words, key=key)["kind"] == kind

    found = environment(program, "k")

    assert {name for name, value in found.items() if value == key} == variables
    assert "sk-shell" not in found.values()
    assert "at-shell" not in found.values()


@pytest.mark.parametrize("store", ["file", "vault"])
def test_every_store_keeps_one(program: Program, store: str) -> None:
    """It is printed for a program as it was given, from whatever store, and goes with `move`."""
    add(program, "k", "--store", store, "--label", "reports", "--scope", "codex.enterprise.analytics.read")
    other = {"file": "vault", "vault": "file"}[store]

    first = program("token", "k").stdout
    assert program("move", "k", "--to", other).returncode == 0

    assert [first, program("token", "k").stdout] == [KEY + "\n"] * 2
    [row] = program.json("key", "list")["keys"]
    assert (row["store"], row["label"], row["scope"]) == (other, "reports", "codex.enterprise.analytics.read")


def test_nothing_shows_it(program: Program) -> None:
    """No list, status or error has a key in it, and an argument is not taken for one."""
    add(program, "k")
    said = [
        program(*words, given=given)
        for words, given in [
            (("key", "list"), None),
            (("key", "list", "--json"), None),
            (("status",), None),
            (("status", "--json", "--full", "--why"), None),
            (("key", "add", "k"), KEY + "x"),
            (("key", "add", "new"), f"{KEY} {KEY}"),
            (("key", "add", "new", KEY), None),
            (("key", "remove", "k"), None),
        ]
    ]

    assert not [done for done in said if KEY in done.stdout + done.stderr]


def test_a_key_of_that_name_stays(program: Program) -> None:
    """Another key takes the place only with --replace; the same key again is no trouble."""
    add(program, "k")

    refused = program("key", "add", "k", given="sk-2")
    again = program("key", "add", "k", "--label", "named now", given=KEY)

    assert (refused.returncode, again.returncode) == (5, 0)
    assert program("token", "k").stdout == KEY + "\n"
    assert program("key", "add", "k", "--replace", given="sk-2").returncode == 0
    assert program("token", "k").stdout == "sk-2\n"


def test_a_sign_in_of_that_name_stays(program: Program) -> None:
    """A key takes no sign-in's place, and `key remove` removes none."""
    put_login(program)

    assert program.json("key", "add", "work", given=KEY)["error"] == "key_name_taken"
    assert program.json("key", "remove", "work")["error"] == "not_a_key"
    assert program.stored()["profiles"]["openai-codex:work"]["refresh"] == "refresh-work"


def test_a_sign_in_takes_no_keys_place(person: Person) -> None:
    """A key can often be seen once only where it was made: a sign-in of its name is refused, and it stays."""
    add(person.program, "work", "--store", "vault")

    assert person.sign_in()["error"] == "key_name_taken"
    assert person.program("token", "work").stdout == KEY + "\n"


@pytest.mark.parametrize("given", ["", "\n", "two words", "kéy", "k" * 9000])
def test_what_is_no_key(program: Program, given: str) -> None:
    """Nothing, spaces, other alphabets and whole files are refused, and nothing is kept."""
    assert program.json("key", "add", "k", given=given)["error"] == "bad_key"
    assert program.json("key", "list")["keys"] == []


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "CODEX_HOME", "lower", "CODEX_AUTH_TOKEN", "A=B"])
def test_a_variable_that_means_more(program: Program, name: str) -> None:
    """`--env-key` cannot change what command runs or whose login it has."""
    assert program.json("key", "add", "k", "--env-key", name, given=KEY)["error"] == "bad_key"


def test_openclaws_file_gets_none(program: Program) -> None:
    """OpenClaw tries every key of the provider that it finds: another service's must not be among them."""
    agent = program.home / ".openclaw/agents/main/agent"
    agent.mkdir(parents=True)
    store = agent / "auth-profiles.json"
    store.write_text('{"version": 1, "profiles": {}}')
    store.chmod(0o600)

    refused = program.json("key", "add", "k", "--auth-path", str(store), given=KEY)

    assert refused["error"] == "key_store_refused"
    assert KEY not in store.read_text()


def test_removing(program: Program, tmp_path: Path) -> None:
    """A removed key is nowhere below the home, and the words say that it still works elsewhere."""
    add(program, "k")

    done = program("key", "remove", "k")

    assert "revoked where it was made" in done.stderr
    held = [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == []


def test_a_key_never_ends(program: Program) -> None:
    """`status` and `list` say so, where a login's end would stand."""
    assert program("key", "add", "plat", given=KEY).returncode == 0

    for verb in ("status", "list"):
        row = next(line for line in program(verb).stdout.splitlines() if line.startswith("plat"))
        assert " never" in row
