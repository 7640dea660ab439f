"""Replies and pending sign-ins are sealed with a key that is kept as the login is, and found where it moves."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from codex_auth.core.model import Credential
from codex_auth.core.policy import Policy
from codex_auth.core.store_errors import StoreError, VaultLocked
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.keys.seal import Seal, SealFile
from codex_auth.notes.journal import IDLE, REPLIED, Journal, Note
from codex_auth.stores import open_kind
from codex_auth.stores.seals import SealInVault
from codex_auth.stores.shelves import Shelves
from codex_auth.stores.vault import Vault
from codex_auth.stories.move import move
from codex_auth.stories.refresh import Wish, refresh
from tests.story.conftest import Person
from tests.story.test_stores import sign_in

SAVES = {
    "file": "codex_auth.stores.auth_profiles.AuthProfiles.save",
    "vault": "codex_auth.stores.vault.Vault.save",
    "keyring": "codex_auth.stores.os_keyring.OsKeyring.save",
}


class Home:
    """A home with one login, `work`, in a store of this kind; each look opens everything anew, as a process would."""

    def __init__(self, person: Person, kind: str) -> None:
        self.person, self.kind = person, kind
        sign_in(person, "work", "work", "--store", kind)

    @property
    def places(self) -> Places:
        return find_places(self.person.program.env)

    @property
    def store(self) -> Shelves:
        return Shelves(self.places, begin="file")

    @property
    def note(self) -> Note:
        return Journal(self.places, "work").read()

    @property
    def held(self) -> Credential:
        held = self.store.load("work")
        assert held is not None
        return held

    @property
    def requests(self) -> int:
        return len(self.person.sandbox.log("token", "refresh_token"))

    def refresh(self, wish: Wish) -> Credential:
        world = World(env=self.person.program.env)
        return refresh("work", wish, store=self.store, places=self.places, world=world)

    def leave_a_reply(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Refresh, and let the store fail when the reply has come."""

        def fail(*_words: object, **_more: object) -> None:
            raise StoreError(path="/x", problem="the disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(SAVES[self.kind], fail)
            with pytest.raises(StoreError):
                self.refresh(Wish(is_forced=True))
        assert self.note.step == REPLIED

    def move(self, target: str) -> None:
        move("work", target, policy=Policy(), store=self.store, places=self.places)

    def opens_with_the_key_file(self) -> bool:
        """Whether somebody who has only the files opens the reply in the journal."""
        bound_to = f"reply\nwork\n{self.note.token}"
        return Seal(SealFile(self.places.seal_key)).open(self.note.sealed, bound_to=bound_to) is not None

    def finishes(self) -> None:
        """Check that the next refresh takes the reply, and asks nobody."""
        before, asked = self.held, self.requests
        after = self.refresh(Wish(margin=timedelta()))
        assert self.requests == asked
        assert self.held.refresh == after.refresh != before.refresh
        assert self.note.step == IDLE


@pytest.fixture
def home(person: Person) -> Callable[[str], Home]:
    """Return what furnishes a home with its login in a store of some kind."""
    return lambda kind: Home(person, kind)


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_a_reply_is_no_easier_to_open_than_its_login(
    home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The refresh token in a kept reply opens with the key file for a login in a file only; it is finished anyway."""
    here = home(kind)

    here.leave_a_reply(monkeypatch)

    assert here.note.sealed_by == kind
    assert here.opens_with_the_key_file() is (kind == "file")
    here.finishes()


@pytest.mark.parametrize(("source", "target"), [("file", "vault"), ("vault", "file")])
def test_a_reply_is_finished_after_a_move(
    home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    """Moved between reply and save, it is sealed as the new store seals, and nothing is lost."""
    here = home(source)
    here.leave_a_reply(monkeypatch)

    here.move(target)

    assert here.note.sealed_by == target
    assert here.opens_with_the_key_file() is (target == "file")
    here.finishes()


def test_a_reply_opens_with_the_seal_it_names(home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch) -> None:
    """A move that was stopped before it sealed the reply anew loses nothing: the note says whose seal it has."""
    here = home("vault")
    here.leave_a_reply(monkeypatch)
    open_kind(here.places, "file").save(here.held)
    open_kind(here.places, "vault").delete("work")

    here.finishes()


def test_an_older_note_was_sealed_with_the_key_file(
    home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier version left behind is finished."""
    here = home("file")
    here.leave_a_reply(monkeypatch)
    path = Path(here.places.journals) / "work.json"
    note = json.loads(path.read_text())
    del note["sealed_by"]
    path.write_text(json.dumps(note))

    here.finishes()


def test_a_seal_that_is_locked_costs_no_reply(home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found out before the request leaves; a kept reply waits for it, and its token is not spent again."""
    here = home("vault")

    def locked(_self: object) -> bytes:
        raise VaultLocked(path="/x", problem="it is locked", todo="Unlock it")

    with monkeypatch.context() as patch:
        patch.setattr(SealInVault, "held", locked)
        with pytest.raises(VaultLocked):
            here.refresh(Wish(is_forced=True))
    assert (here.requests, here.note.step) == (0, IDLE)
    here.leave_a_reply(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(SealInVault, "held", locked)
        with pytest.raises(VaultLocked):
            here.refresh(Wish(is_forced=True))

    assert here.requests == 1
    here.finishes()


def test_a_seal_that_locks_while_we_ask_costs_no_reply(
    home: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key is at hand by then, so the reply is kept all the same."""
    here = home("vault")
    held, asked = SealInVault.held, []

    def once(self: SealInVault) -> bytes | None:
        asked.append(self)
        if len(asked) > 1:
            raise VaultLocked(path="/x", problem="it is locked", todo="Unlock it")
        return held(self)

    with monkeypatch.context() as patch:
        patch.setattr(SealInVault, "held", once)
        here.leave_a_reply(monkeypatch)

    here.finishes()


def test_the_seal_of_a_vault_is_no_profile(home: Callable[[str], Home]) -> None:
    """It stands in no list, stays through a change of the vault's key, and stays when the last profile goes."""
    here = home("vault")
    here.refresh(Wish(is_forced=True))
    vault = open_kind(here.places, "vault")
    assert isinstance(vault, Vault)
    key = SealInVault(vault).held()
    assert key is not None
    assert vault.names() == ["work"]
    assert "#seal" not in Path(here.places.index).read_text()
    Path(here.places.index).unlink()
    assert vault.names() == ["work"]

    vault.rekey()
    vault.delete("work")

    assert (SealInVault(vault).held(), vault.names()) == (key, [])


def sealed_by(person: Person) -> str:
    """Return whose seal the one pending sign-in has."""
    (row,) = json.loads(person.program.pending.read_text())["pending"]
    return str(row["sealed_by"])


@pytest.mark.parametrize("target", ["file", "vault"])
@pytest.mark.parametrize("kind", ["file", "vault"])
def test_a_pending_sign_in_is_sealed_as_its_login_will_be(person: Person, kind: str, target: str) -> None:
    """`finish` opens it with the seal it names, also where the login is then put elsewhere."""
    person.program.env["CODEX_AUTH_STORE"] = kind
    address = person.redirect()
    assert sealed_by(person) == kind

    done = person.program("finish", "work", "--callback-url", "-", "--store", target, given=address)

    assert (done.returncode, done.stderr) == (0, f"It is kept in the {target}, because --store names it.\n")


def test_an_older_pending_sign_in_is_finished(person: Person) -> None:
    """A row that names no seal has the key file's."""
    address = person.redirect()
    pending = json.loads(person.program.pending.read_text())
    del pending["pending"][0]["sealed_by"]
    person.program.pending.write_text(json.dumps(pending))

    assert person.program("finish", "work", "--callback-url", "-", given=address).returncode == 0


def test_starting_asks_for_no_passphrase(person: Person) -> None:
    """Where the vault has a passphrase, `start` seals with the key file: it returns at once, and nobody is there."""
    (person.program.home / "secret").write_text("correct horse")
    config = person.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'passphrase_command = "cat {person.program.home}/secret"\nvault_key = "passphrase"\n')
    sign_in(person, "work", "work", "--store", "vault")
    config.unlink()

    person.redirect("work", "work")

    assert sealed_by(person) == "file"
