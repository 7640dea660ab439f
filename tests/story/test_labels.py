"""What logins are called in their owner's words: shown wherever profiles are, kept with the name, never a secret."""

import json

import pytest

from codex_auth.core.labels import read_label
from codex_auth.core.profile_errors import BadLabel
from tests.story.conftest import Person, Program
from tests.story.logins import login, put, put_login
from tests.story.test_profiles import deliver
from tests.story.test_usage import on_a_terminal, plain

LABEL = "the night build, do not touch"


def test_a_label_is_said_and_shown(program: Program) -> None:
    """In `label`, `list` and both documents; `""` takes it away, and nothing of it is left."""
    put_login(program, "work", "home")

    set_it = program("label", "work", LABEL)
    listed = program("list").stdout
    rows = program.json("status")["profiles"]
    shown = program("label", "work")
    gone = program.json("label", "work", "")

    assert (set_it.returncode, set_it.stdout) == (0, f"work: {LABEL}\n")
    assert listed.splitlines()[0].endswith("DELIVERED TO  LABEL")
    assert listed.splitlines()[1].endswith(f"-             {LABEL}")
    assert [row["label"] for row in rows] == [LABEL, None]
    assert shown.stdout == set_it.stdout
    assert gone["label"] is None
    assert "LABEL" not in program("list").stdout
    assert LABEL not in (program.store.parent / "labels.json").read_text()


def test_a_label_goes_with_its_login(person: Person) -> None:
    """To another name and another store; it ends with the login, and `export` does not carry it."""
    program = person.program
    person.sign_in("work")
    program("label", "work", LABEL)

    program("rename", "work", "job")
    program("move", "job", "--to", "vault")
    moved = program.json("list")["profiles"][0]
    program("export", "job", "--whole", "--plain", "--output", str(program.home / "job.json"))
    carried = (program.home / "job.json").read_text()
    program("logout", "job", "--yes")
    left = json.loads((program.store.parent / "labels.json").read_text())

    assert (moved["profile"], moved["store"], moved["label"]) == ("job", "vault", LABEL)
    assert LABEL not in carried
    assert left["labels"] == {}


def test_a_login_of_others_and_a_key_have_labels_too(program: Program) -> None:
    """The label of `key add` is shown where `label` gave none, and ends with the key."""
    put(program, {"openai-codex:theirs": login("theirs", codexAuth={"owner": "openclaw"})})
    program("key", "add", "glm", "--kind", "glm", "--label", "of the key", given="k" * 30)
    program("label", "theirs", "the bot")

    def said() -> dict[str, str]:
        return {row["profile"]: row["label"] for row in program.json("list")["profiles"]}

    assert said() == {"theirs": "the bot", "glm": "of the key"}
    program("label", "glm", "mine")
    assert said()["glm"] == "mine"
    program("key", "remove", "glm")
    program("key", "add", "glm", "--kind", "glm", given="k" * 30)
    assert said()["glm"] is None


def test_who_is_not_there_has_no_label(program: Program) -> None:
    """Exit 3 with those that may be meant, and nothing is written."""
    none = program("label", "work", LABEL)
    put_login(program, "work")
    near = program("label", "wrok", LABEL)

    assert (none.returncode, near.returncode) == (3, 3)
    assert "Did you mean work?" in near.stderr
    assert not (program.store.parent / "labels.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        "two\nlines",
        "\x1b[31mred",
        "hidden\u202eedih",
        "zero\u200bwidth",
        "x" * 81,
        "sk-proj-abcdefgh12345678",
        "key is sk-abcdefgh1234",
        "rt_a1b2c3d4e5f6",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "Bearer abcdefghijkl",
        "http://localhost:1455/auth/callback?code=ac_x",
        "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6",
        "pw QmFzZTY0IGlzIGhlcmUgMTIz",
    ],
)
def test_what_is_no_label(text: str) -> None:
    """Line breaks, what a terminal obeys or nobody sees, more than 80 characters, and what looks like a secret."""
    with pytest.raises(BadLabel) as refused:
        read_label(text)

    assert text not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "text",
    [
        "the night build",
        "Ada @ Acme, seat 3 of 12 (renews 2027-01-01)",
        "日本語のラベル",
        "task-force-retry-2026",
        "naïve 🚀",
        "x" * 80,
        "",
        "donaudampfschifffahrtsgesellschaft",
        "acct-sandbox-acme-0001",
    ],
)
def test_what_is_a_label(text: str) -> None:
    """Words in any language, dates, numbers and long names."""
    assert read_label(f" {text} ") == text


def test_a_refused_label_changes_nothing(program: Program) -> None:
    """The one before stays, and the refusal does not repeat what was typed."""
    put_login(program, "work")
    program("label", "work", LABEL)

    refused = program("label", "work", "sk-proj-abcdefgh12345678")

    assert refused.returncode == 2
    assert "sk-proj" not in refused.stdout + refused.stderr
    assert program.json("label", "work")["label"] == LABEL


def test_damaged_labels_are_not_written_over(program: Program) -> None:
    """`label` says so and changes nothing; nothing else minds: they are no part of a login."""
    put_login(program, "work", "home")
    file = program.store.parent / "labels.json"
    file.write_text('{"schema_version": 1, "labels": {"work"')
    file.chmod(0o600)

    refused = program.json("label", "work", LABEL)

    assert refused["error"] == "labels_damaged"
    assert program.json("status")["ok"]
    assert program("rename", "home", "house").returncode == 0
    assert program("logout", "work", "--yes").returncode == 8  # the provider cannot be told, as in every such test
    assert file.read_text() == '{"schema_version": 1, "labels": {"work"'


def test_labels_of_another_hand_obey_nothing(program: Program) -> None:
    """What stands in the file and would be refused is not shown; it stays there."""
    put_login(program, "work", "home")
    file = program.store.parent / "labels.json"
    file.write_text(json.dumps({"schema_version": 1, "labels": {"work": "\x1b[2Jgone", "x": {"later": 1}}}))
    file.chmod(0o600)

    assert program.json("list")["profiles"][0]["label"] is None
    program("label", "home", LABEL)
    assert json.loads(file.read_text())["labels"] == {"work": "\x1b[2Jgone", "x": {"later": 1}, "home": LABEL}


@pytest.mark.parametrize("columns", [50, 80, 140])
def test_a_list_with_labels_fits(program: Program, columns: int) -> None:
    """A table cuts a long one, whose wide letters count two; the narrow form has what the line has room for."""
    put_login(program, "work", "home")
    deliver(program, "work")
    program("label", "work", "夜間ビルド " * 9)

    lines = plain(on_a_terminal(program, "list", columns=columns)[1])

    assert max(len(line) + sum(character > "⺀" for character in line) for line in lines) <= columns
    assert any("夜間" in line for line in lines)
