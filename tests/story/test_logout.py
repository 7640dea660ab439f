"""Logging out: ended at the provider, taken back from other programs, gone from this machine; or said so."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from codex_auth.core.delivery_errors import OpenClawBusy
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.notes import deliveries
from codex_auth.stores.memory import Memory
from codex_auth.stories import logout as story
from codex_auth.stories.deliver import Order
from tests.story.conftest import Person, Program
from tests.story.logins import login, put, put_login
from tests.story.test_deliver import NOW, PLACE, Bed, credential, raising
from tests.story.test_deliver import Program as Target

WHOLE = Order(mode=deliveries.HAND_OVER)


def secrets_of(program: Program, profile: str) -> set[str]:
    """Return every token that the file holds of a profile."""
    row = program.stored()["profiles"][f"openai-codex:{profile}"]
    return {row[key] for key in ("access", "refresh", "idToken")}


def holding(home: Path, secrets: set[str]) -> list[Path]:
    """Return the files below a folder that hold one of these."""
    files = [path for path in home.rglob("*") if path.is_file()]
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def outcome(bed: Bed, *, keep_target: bool = False) -> story.LoggedOut:
    """Log out of the only login there is."""
    return story.logout(
        "work",
        keep_target=keep_target,
        store=bed.store,
        places=bed.places,
        world=bed.world,
        opener=lambda _: bed.target,
    )


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """Return a login of a provider that nobody answers for, and a target that holds nothing."""
    env = {"HOME": str(tmp_path)}
    places = find_places(env)
    store = Memory(locks=places.locks)
    held = credential()
    store.save(replace(held, identity=replace(held.identity, issuer="http://127.0.0.1:9")))
    return Bed(places, store, Target(), World(now=lambda: NOW, env=env, tell=lambda _: None))


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_a_login_is_ended_and_nothing_of_it_is_left(person: Person, kind: str) -> None:
    """Revoked at the provider; no file of ours holds a token of it, not the backup and not a damaged store's copy."""
    program = person.program
    person.sign_in("work")
    person.sign_in("home", "personal")
    ours, others = secrets_of(program, "work"), secrets_of(program, "home")
    damaged = program.store.with_name("auth-profiles.json.damaged-20260101T000000Z")
    damaged.write_bytes(b'{"half": ' + program.store.read_bytes())
    damaged.chmod(0o600)
    if kind == "vault":
        assert program("move", "--all", "--to", "vault").returncode == 0
    assert holding(program.home, ours) != []

    done = program.json("logout", "work", "--yes")

    assert done["profiles"][0]["revoked"] is True
    assert [entry.status for entry in person.sandbox.log("revoke")] == [200]
    assert [row["profile"] for row in program.json("status")["profiles"]] == ["home"]
    assert holding(program.home, ours) == []
    assert holding(program.home, others) == ([damaged] if kind == "vault" else [damaged, program.store])
    assert program("token", "home").returncode == 0


def test_it_asks_first(person: Person) -> None:
    """Where nobody can be asked it does nothing without --yes, and with several logins it wants a name."""
    put_login(person.program, "work", "home")

    silent = person.program("logout", "work")
    vague = person.program("logout", "--yes")

    assert (silent.returncode, vague.returncode) == (2, 2)
    assert "add --yes" in silent.stderr
    assert "name the one to end" in vague.stderr
    assert len(person.program.stored()["profiles"]) == 2


@pytest.mark.parametrize(("answer", "left"), [(b"n\n", 1), (b"y\n", 0)])
def test_a_person_is_asked(person: Person, answer: bytes, left: int) -> None:
    """On a terminal the question names the profile, and no is no."""
    person.sign_in("work")
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [sys.executable, "-m", "codex_auth", "logout", "work"],
        env=person.program.env,
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    os.close(ours)

    assert done.returncode == 0
    assert "Log out work, and delete it here?" in done.stderr
    assert len(person.program.json("status")["profiles"]) == left


def test_a_provider_that_cannot_be_told_does_not_keep_the_login(person: Person) -> None:
    """It is deleted, the status says that revoking failed, and the words say what that means."""
    person.sign_in("work")
    person.sandbox.fault("drop_before", route="revoke", count=9)

    done = person.program("logout", "work", "--yes")

    assert done.returncode == 8
    assert "work is deleted here." in done.stdout
    assert "could not be revoked" in done.stderr
    assert person.program.json("status")["profiles"] == []


def test_a_busy_provider_is_asked_again(person: Person) -> None:
    """503 with Retry-After: up to three times, at its pace."""
    person.sign_in("work")
    person.sandbox.fault("status", route="revoke", count=2)

    done = person.program.json("logout", "work", "--yes")

    assert done["profiles"][0]["revoked"] is True
    assert [entry.status for entry in person.sandbox.log("revoke")] == [503, 503, 200]


def test_what_another_program_owns_is_only_forgotten(person: Person) -> None:
    """Its owner's session is not touched, and who that is is said."""
    person.sign_in("work")
    stored = person.program.stored()["profiles"]
    for row in stored.values():
        row["codexAuth"]["owner"] = "openclaw"
    put(person.program, stored)

    done = person.program("logout", "work", "--yes")

    assert done.returncode == 0
    assert person.sandbox.log("revoke") == []
    assert "openclaw owns the login and keeps it" in done.stderr


def test_all_of_them(person: Person) -> None:
    """Every login, with one document; an API key is none and stays."""
    person.sign_in("work")
    person.sign_in("home", "personal")
    stored = person.program.stored()["profiles"]
    key = {"type": "api_key", "provider": "openai", "key": "sk-kept"}
    put(person.program, {**stored, "openai-codex:key": key})

    one = person.program.json("logout", "key", "--yes")
    done = person.program.json("logout", "--all", "--yes")

    assert one["profiles"][0]["error"] == "key_not_logged_out" if "profiles" in one else one["error"]
    assert [(row["profile"], row["revoked"]) for row in done["profiles"]] == [("work", True), ("home", True)]
    assert [row["profile"] for row in person.program.json("status")["profiles"]] == ["key"]


def test_what_waits_for_it_is_forgotten(person: Person) -> None:
    """A sign-in that was started for it cannot bring it back unseen."""
    person.sign_in("work")
    address = person.redirect("work")

    assert person.program("logout", "work", "--yes").returncode == 0
    late = person.program("finish", "work", "--callback-url", "-", given=address)

    assert late.returncode == 3
    assert person.program.json("status")["profiles"] == []


def test_a_lease_is_taken_back(bed: Bed) -> None:
    """The program does not keep a token of a login that is over."""
    bed.deliver()

    done = outcome(bed)

    assert (done.taken_back, done.still_leased) == ((PLACE,), ())
    assert bed.target.kind == ""
    assert deliveries.delivered_profiles(bed.places) == []


def test_a_lease_stays_where_that_is_wanted(bed: Bed) -> None:
    """--keep-target leaves it, and says so."""
    bed.deliver()

    done = outcome(bed, keep_target=True)

    assert (done.taken_back, done.still_leased) == ((), ((PLACE, None),))
    assert bed.target.kind == "token"


def test_a_target_that_fails_keeps_nobody_from_it(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The login is ended, and where its lease stays is said."""
    bed.deliver()
    monkeypatch.setattr(bed.target, "take_back", lambda *_: raising(OpenClawBusy(state="/s"))())

    done = outcome(bed)

    assert [(place, type(error)) for place, error in done.still_leased] == [(PLACE, OpenClawBusy)]
    assert bed.store.load("work") is None
    assert done.status == 8


def test_a_login_that_was_handed_over_is_its_owners(bed: Bed) -> None:
    """Nothing is taken back and nothing revoked: the owner is not logged out by us."""
    bed.deliver(WHOLE)

    done = outcome(bed)

    assert (done.kept_by, done.revoked, done.not_revoked, done.status) == ((PLACE,), False, None, 0)
    assert bed.target.kind == "oauth"


def test_remove_is_the_same(program: Program) -> None:
    """Either word does it."""
    put(program, {"openai-codex:work": login()})

    assert "--keep-target" in program("remove", "--help").stdout
    assert json.loads(program("remove", "work", "--json").stdout)["error"] == "usage"
