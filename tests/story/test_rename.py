"""`codex-auth rename`: the login is the same under its new name, and under one of the two whenever it is stopped."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from codex_auth.core.card import Identity
from codex_auth.core.delivery_errors import HandOverUnclear
from codex_auth.core.model import Credential
from codex_auth.core.profile_errors import NotRenamedNow
from codex_auth.core.secret import Secret
from codex_auth.edge import files
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.notes import deliveries
from codex_auth.notes.journal import Journal
from codex_auth.stores.shelves import Shelves
from codex_auth.stories.copies import copies_of
from codex_auth.stories.rename import rename
from tests.story.conftest import Person, Program
from tests.story.logins import HOUR, login, put, put_login

NOW = datetime.now(UTC).replace(microsecond=0)


def at_openclaw(profile: str) -> deliveries.Delivery:
    """Return the note of a lease at OpenClaw."""
    place = deliveries.Place(
        target="openclaw", state="/x", config="", home_profile="", agent="", profile_id=f"openai:{profile}"
    )
    return deliveries.Delivery(place=place, mode=deliveries.LEASE, at=NOW, access="x")


# --- the real program ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_a_login_gets_another_name(person: Person, kind: str) -> None:
    """Same tokens, same store, refreshed as before; under the old name there is nothing."""
    address = person.redirect("work", "work")
    person.program.json("finish", "work", "--callback-url", "-", "--store", kind, given=address)
    before = person.program("token", "work").stdout

    document = person.program.json("rename", "work", "office")

    assert document["profile"] == "office"
    assert document["renamed_from"] == "work"
    (row,) = person.program.json("status")["profiles"]
    assert (row["profile"], row["store"], row["copies"]) == ("office", kind, [])
    assert person.program("token", "office").stdout == before
    assert person.program("token", "work").returncode == 3
    assert person.program.json("refresh", "office")["ok"]


def test_what_still_names_it_is_said(program: Program) -> None:
    """A configuration that names the old one is the user's to change."""
    put_login(program, "work")
    config = program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('profile = "work"\n')

    done = program("rename", "work", "office")

    assert done.stdout == "work is now office.\n"
    assert "work is still what is meant where no profile is named: profile in the configuration file" in done.stderr


def test_the_same_name_changes_nothing(program: Program) -> None:
    """It is no failure either."""
    put_login(program, "work")
    before = program.store.read_bytes()

    assert program("rename", "work", "openai:Work").returncode == 0
    assert program.store.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("gone", "new"), "profile_not_found", 3),
        (("work", "home"), "name_taken", 2),
        (("theirs", "new"), "name_of_others", 1),
        (("platform", "new"), "name_of_others", 1),
        (("work", "a/b"), "bad_profile_name", 2),
    ],
)
def test_what_keeps_its_name(program: Program, words: tuple[str, str], code: str, status: int) -> None:
    """A name that is taken, a login of others, a name that is none: nothing is changed."""
    put(
        program,
        {
            **{f"openai-codex:{name}": login(name) for name in ("work", "home")},
            "openai-codex:theirs": login("theirs", codexAuth={"owner": "openclaw"}),
            "openai:platform": {"type": "api_key", "provider": "openai", "key": "sk-1"},
        },
    )
    before = program.store.read_bytes()

    document = program.json("rename", *words)

    assert (document["error"], document["exit_code"]) == (code, status)
    assert program.store.read_bytes() == before


def test_not_while_a_sign_in_waits(person: Person) -> None:
    """It would bring the old name back, or find the new one taken."""
    person.sign_in("work")
    for name in ("work", "office"):
        person.program.json("start", name, "--issuer", person.sandbox.issuer)
        document = person.program.json("rename", "work", "office")
        assert document["error"] == "not_renamed_now"
        assert f"codex-auth cancel {name}" in document["hint"]
        person.program.json("cancel", name)

    assert person.program.json("rename", "work", "office")["ok"]


# --- stopped anywhere ----------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


LOGIN = Credential(
    profile="a",
    identity=Identity(issuer="https://auth.openai.com", subject="s", account_id="account-work"),
    access=Secret("access-1"),
    refresh=Secret("refresh-1"),
    id_token=None,
    expires=NOW + timedelta(seconds=HOUR),
    refreshed=NOW,
)


@pytest.fixture(params=["file", "vault"])
def shelves(request: pytest.FixtureRequest, program: Program) -> Callable[[], tuple[Shelves, Places]]:
    """Return what opens the stores anew, in a home with a login named `a` that is leased to OpenClaw."""

    def opened() -> tuple[Shelves, Places]:
        places = find_places(program.env)
        return Shelves(places, begin=request.param), places

    store, places = opened()
    store.save(LOGIN)
    deliveries.write(places, deliveries.Deliveries(profile="a", rows=(at_openclaw("a"),)))
    Journal(places, "a").renewed(LOGIN.access, alive_from=NOW, alive_until=LOGIN.expires)
    return opened


def killed_at(count: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> bool:
    """Do something, and end before the change of a file with this number; return whether it came so far."""
    left = [count]

    def counted(change: Callable[..., None]) -> Callable[..., None]:
        def perform(*arguments: object, **named: object) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            change(*arguments, **named)

        return perform

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", counted(files.replace))
        patch.setattr(os, "unlink", counted(os.unlink))
        try:
            act()
        except Killed:
            return True
    return False


def test_it_may_be_killed_at_any_change(
    shelves: Callable[[], tuple[Shelves, Places]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole under one name or both, the lease noted under one or both; where under both, nobody would spend the token.

    Doing it again ends it. The names are such that their locks are not in the order of their letters.
    """
    names = ["a", "a-b"]
    count = killed = 0
    while True:
        old, new = names
        store, places = shelves()
        world = World(env={"HOME": str(Path(places.state).parent)})
        if not killed_at(count, monkeypatch, partial(rename, old, new, store=store, places=places, world=world)):
            break
        killed += 1
        store, places = shelves()
        there = [name for name in names if store.load(name) is not None]
        assert there
        assert {(store.load(name) or LOGIN).refresh for name in there} == {LOGIN.refresh}
        assert all(copies_of(name, store=store, places=places, world=world) for name in there) is (len(there) == 2)
        assert any(deliveries.read(places, name).rows for name in there)
        if old in there:
            rename(old, new, store=store, places=places, world=world)
        names.reverse()
        count += 1

    store, places = shelves()
    assert killed > 4
    assert store.names() == [names[1]]
    assert deliveries.delivered_profiles(places) == [names[1]]
    assert deliveries.read(places, names[1]).rows == (at_openclaw("a"),)
    assert Journal(places, names[1]).read().access == Journal(places, "x").fingerprint(LOGIN.access)


def test_a_hand_over_that_was_cut_off_comes_first(shelves: Callable[[], tuple[Shelves, Places]]) -> None:
    """Until it is known who has the login, it keeps the name by which that is found out."""
    store, places = shelves()
    row = replace(at_openclaw("a"), mode=deliveries.HAND_OVER, is_settled=False)
    deliveries.write(places, deliveries.Deliveries(profile="a", rows=(row,)))

    with pytest.raises(HandOverUnclear):
        rename("a", "b", store=store, places=places, world=World(env={}))


def test_a_refresh_that_was_cut_off_comes_first(shelves: Callable[[], tuple[Shelves, Places]]) -> None:
    """Its reply, or what became of its token, is bound to the name."""
    store, places = shelves()
    journal = Journal(places, "a")
    journal.asking(journal.read(), "fingerprint", at=NOW, attempt=1)

    with pytest.raises(NotRenamedNow, match="refresh of it was cut off"):
        rename("a", "b", store=store, places=places, world=World(env={}))


def test_what_is_asked_for_by_name_keeps_it(shelves: Callable[[], tuple[Shelves, Places]]) -> None:
    """A provider in Codex's configuration runs `codex-auth token a`: it is taken back first."""
    store, places = shelves()
    row = at_openclaw("a")
    row = replace(row, place=replace(row.place, target="codex", profile_id="model_providers.codex-auth"))
    deliveries.write(places, deliveries.Deliveries(profile="a", rows=(row,)))

    with pytest.raises(NotRenamedNow, match="asks for it by name") as refused:
        rename("a", "b", store=store, places=places, world=World(env={}))

    assert "codex-auth deliver codex a --take-back --provider-id codex-auth --codex-home /x`" in refused.value.hint


def test_what_openclaw_reads_keeps_its_name(program: Program) -> None:
    """In OpenClaw's own file a name may stand in an order of OpenClaw's, which we do not edit."""
    agent = program.home / ".openclaw/agents/main/agent"
    agent.mkdir(parents=True)
    (agent / "auth-profiles.json").write_text(json.dumps({"version": 1, "profiles": {"openai-codex:work": login()}}))
    (agent / "auth-profiles.json").chmod(0o600)

    assert program.json("rename", "work", "office")["error"] == "name_of_others"
