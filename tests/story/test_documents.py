"""Each document that `--json` prints has a published schema, closed where the form is ours, and each form is met."""

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from codex_auth.cli import schema
from codex_auth.cli.doors import guarded
from codex_auth.cli.group import invoke
from codex_auth.cli.verbs import VERBS
from codex_auth.core.errors import ProfileNotFound
from codex_auth.edge.world import World
from codex_auth.notes.queue import Request
from codex_auth.sandbox.door import _announce_json
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from codex_auth.views.applied import print_cancelled, print_queued
from codex_auth.views.ended import print_logged_out
from codex_auth.views.outcome import print_all_moved, print_refreshed
from tests import documents
from tests.story.conftest import Program
from tests.story.test_queue_program import machine

Here = Callable[..., dict[str, Any]]


def with_json(name: str, command: click.Command) -> Iterator[str]:
    """Return the commands that take `--json`, as they are typed."""
    if isinstance(command, click.Group):
        for word, each in command.commands.items():
            yield from with_json(f"{name} {word}", each)
    if any("--json" in parameter.opts for parameter in command.params):
        yield name


def test_every_command_with_json_has_a_schema() -> None:
    """And no schema is of a command that has none."""
    there = {name for verb, (module, _) in VERBS.items() for name in with_json(verb, import_module(module).command)}

    assert set(schema.names()) - {"chat message", "chat reply"} == there


@pytest.mark.parametrize("name", schema.names())
def test_a_schema_is_one_of_the_draft_and_closed(name: str) -> None:
    """Every object names its members, or says what may stand for them; nothing refers outside what is printed."""
    published = schema.bundle(name)

    Draft202012Validator.check_schema(published)
    assert [path for path, each in objects(published) if "additionalProperties" not in each] == []
    assert Draft202012Validator(published).is_valid({"ok": True, "schema_version": 1, "surprise": 1}) is False


def objects(part: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Return what describes an object, wherever it stands in a schema."""
    if isinstance(part, dict):
        if part.get("type") == "object" and not path.endswith("/not"):
            yield path, part
        for key, value in part.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(part, list):
        for at, value in enumerate(part):
            yield from objects(value, f"{path}/{at}")


def test_a_member_that_nobody_described_is_found() -> None:
    """A document with one member more, or less, is refused by name, and none of its values is repeated."""
    whole = {"ok": True, "schema_version": 1, "profile": "new", "renamed_from": "old", "store": "file"}
    documents.check("rename", whole)

    with pytest.raises(AssertionError, match="'extra' was unexpected"):
        documents.check("rename", {**whole, "extra": "secret"})
    with pytest.raises(AssertionError, match="'store' is a required property"):
        documents.check("rename", {key: whole[key] for key in list(whole)[:-1]})


def test_the_schemas_are_printed(program: Program) -> None:
    """`schema` lists the commands, and prints what each document is; there is none of what is no command."""
    listed = program("schema").stdout.splitlines()
    one = json.loads(program("schema", "key", "add").stdout)
    none = program("schema", "kay", "add")

    assert {"status", "key add", "chat reply"} <= set(listed)
    assert one["$id"] == "urn:codex-auth:json:key-add:1"
    assert (none.returncode, none.stdout) == (2, "")
    assert "Did you mean key add?" in none.stderr


@pytest.fixture
def here(program: Program, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Here]:
    """Run commands in this process, and return the document of each after its schema was asked."""
    machine(program)
    for key in os.environ:
        if key not in program.env and "PYTEST" not in key and "COVERAGE" not in key:
            monkeypatch.delenv(key)
    for key, value in {**program.env, "CODEX_HOME": str(program.home / "codex")}.items():
        monkeypatch.setenv(key, value)
    (program.home / "codex").mkdir()
    monkeypatch.chdir(program.home)
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}

    def run(*words: str, given: str = "") -> dict[str, Any]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        capsys.readouterr()
        guarded(invoke, as_json=True, arguments=[*words, "--json"])
        printed = capsys.readouterr().out
        documents.check_output([*words, "--json"], printed)
        document: dict[str, Any] = json.loads(printed)
        return document

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


def test_every_form_is_met(here: Here, program: Program, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    """One life with every command: each form that a schema has is printed by it, and each failure has the one form."""
    documents.met.clear()
    _sign_in(here, sandbox)
    _look_and_change(here)
    _carry(here, sandbox)
    _deliver(here, sandbox)
    _end(here)
    _without_openclaw_or_a_browser(capsys, sandbox)
    for command in set(schema.names()) - {"chat message", "chat reply"}:
        documents.check(command, here(*command.split(), "--no-such-option"))

    missing = {
        f"{command}: {form}"
        for command in set(schema.names()) - {"chat message", "chat reply"}
        for form in set(documents.forms(command)) - documents.met.get(command, set())
    }
    assert missing == set()


def _sign_in(here: Here, sandbox: Sandbox) -> None:
    for name, account in (("work", "work"), ("home", "personal")):
        link = here("start", name, "--issuer", sandbox.issuer)["login_url"]
        stored = here("finish", name, "--callback-url", approve(link, account=account))
        assert stored["ok"]
        documents.check("login", stored)  # both are printed by `print_finished`
    here("start", "device", "--device", "--issuer", sandbox.issuer)
    assert here("status")["pending"]
    here("cancel", "device")


def _look_and_change(here: Here) -> None:
    here("list", "--full")
    here("status", "--why")
    here("token", "work")
    assert here("usage", "--all")["profiles"][0]["usage"]
    here("best")
    here("label", "home", "the second one")
    here("rename", "home", "spare")
    here("refresh", "work")
    assert here("keep", "--once")["profiles"] is not None
    here("keep", "--install")
    here("keep", "--status")
    here("keep", "--uninstall")
    here("key", "add", "glm", "--kind", "glm", given="sk-" + "k" * 40)
    here("key", "list")
    here("key", "remove", "glm")
    here("config")
    here("config", "set", "profile", "work")
    here("config", "get", "profile")
    here("config", "unset", "profile")
    here("leftovers")
    here("doctor", "--offline")
    here("move", "spare", "--to", "vault")
    here("move", "--all", "--to", "vault", "--dry-run")
    here("vault", "rekey", "--to", "keyfile")
    here("vault", "accept-rollback")


def _carry(here: Here, sandbox: Sandbox) -> None:
    assert here("export", "work", "--ci")["env"]
    here("export", "work", "--ci", "--output", "ci.env")
    here("export", "spare", "--whole", "--plain", "--output", "spare.json")
    assert here("import", "spare.json", "again", "--yes", "--issuer", sandbox.issuer)["imported"][0]["ok"]
    assert not here("import", "ci.env", "nothing", "--yes")["ok"]


def _deliver(here: Here, sandbox: Sandbox) -> None:
    here("deliver", "codex", "work", "--dry-run")
    here("use", "work")
    here("deliver", "codex", "work", "--take-back")
    provider = ("deliver", "codex", "work", "--provider-id", "mine")
    here(*provider, "--base-url", "https://api.example/v1", "--model", "m1")
    here(*provider, "--take-back")
    assert here("deliver", "codex", "again", "--hand-over")["mode"] == "hand-over"
    here("import", "codex", "again", "--take-over", "--yes", "--issuer", sandbox.issuer)
    assert here("apply", "work", "--dry-run")["dry_run"]
    assert here("apply", "work")["applies"]
    here("apply", "--list")
    here("import", "openclaw", "seen", "--profile-id", "openai:work")


def _end(here: Here) -> None:
    ended = here("logout", "--all", "--keep-target", "--yes")
    assert {row["profile"] for row in ended["profiles"]} >= {"work", "again"}
    here("remove", "--all", "--yes")


def _without_openclaw_or_a_browser(capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> None:
    """Print what would need a gateway that runs on, a browser, or a provider that refuses."""
    now, world = datetime(2026, 11, 1, tzinfo=UTC), World()
    facts = {"state": "/s", "config": "/c", "home_profile": "", "agent": "", "reason": "apply", "wants_restart": False}
    failed = {"work": ProfileNotFound(profile="work")}
    request = Request(id="a1", profile="work", target="openclaw", requested=now, updated=now, ticks=1.0, **facts)  # type: ignore[arg-type]
    told: list[tuple[str, Callable[[], object]]] = [
        ("apply", lambda: print_queued(request, world, as_json=True)),
        ("apply", lambda: print_cancelled(request, world, as_json=True)),
        ("refresh", lambda: print_refreshed(failed, world, as_json=True)),
        ("move", lambda: print_all_moved(failed, world, dry_run=False, as_json=True)),
        ("logout", lambda: print_logged_out(failed, world, as_json=True)),
        ("sandbox", lambda: _announce_json(sandbox)),
    ]
    for command, print_it in told:
        capsys.readouterr()
        print_it()
        documents.check_output([command, "--json"], capsys.readouterr().out)
