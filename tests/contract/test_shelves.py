"""All stores as one, with new profiles in the file, and in the vault; and moving between them."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.model import Choice, Credential
from codex_auth.core.policy import Policy
from codex_auth.core.store_errors import CopyDiffers, KeyringSilent, StoreError
from codex_auth.edge.places import Places, find_places
from codex_auth.stores.index import Index
from codex_auth.stores.protocol import Store
from codex_auth.stores.shelves import Shelves
from codex_auth.stores.vault import Vault
from codex_auth.stories.move import WHY, Moved, move
from tests.contract.store_contract import LastingStoreContract, credential
from tests.contract.test_vault import flipping

OPENING = (
    "from codex_auth.edge.places import find_places\n"
    "from codex_auth.stores.shelves import Shelves\n"
    "store = Shelves(find_places({{'HOME': {home!r}}}), begin={begin!r})"
)


MOVED = replace(credential("work"), store_why=WHY)


class TestShelvesBeginningWithTheFile(LastingStoreContract):
    """New profiles go to the plain file."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open stores that do not exist yet."""
        return OPENING.format(home=str(tmp_path), begin="file")

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Cut the file."""
        path = tmp_path / ".local/share/codex-auth/auth-profiles.json"
        return lambda _profile: path.write_bytes(path.read_bytes()[:-20]) and None


class TestShelvesBeginningWithTheVault(LastingStoreContract):
    """New profiles go to the vault."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open stores that do not exist yet."""
        return OPENING.format(home=str(tmp_path), begin="vault")

    @pytest.fixture
    def damaged(self, tmp_path: Path) -> Callable[[str], None]:
        """Flip a bit of the vault."""
        return flipping(tmp_path / ".local/share/codex-auth/vault.cav")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Return the places of an empty home."""
    return find_places({"HOME": str(tmp_path)})


@pytest.fixture
def shelves(places: Places) -> Shelves:
    """Return all stores of that home."""
    return Shelves(places, begin="file")


def test_a_profile_stays_where_it_was_put(shelves: Shelves, tmp_path: Path) -> None:
    """What this run would choose for a new profile does not move an old one."""
    shelves.save(credential("work"))
    other = Shelves(find_places({"HOME": str(tmp_path)}), begin="vault")

    other.save(credential("work", 1))
    other.save(credential("home", 2))

    assert {card.profile: card.store for card in other.cards()} == {"work": "file", "home": "vault"}
    assert {card.profile: card.store for card in shelves.cards()} == {"work": "file", "home": "vault"}


def test_auto_takes_the_vault_where_no_keyring_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a bus `auto` puts new profiles into the vault, never into a plain file."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    auto = Shelves(find_places({"HOME": str(tmp_path)}), begin="auto")

    auto.save(credential("work"))

    assert [card.store for card in auto.cards()] == ["vault"]
    assert auto.choice("home").why.startswith("auto (it is the default): the keyring cannot be used: this session has")


def test_the_keyring_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a run asks where new profiles go, a keyring that keeps silent is waited for one time."""
    auto = Shelves(find_places({"HOME": str(tmp_path)}), begin="auto")
    tried: list[str] = []

    def silent() -> None:
        tried.append("keyring")
        raise KeyringSilent(seconds="3")

    monkeypatch.setattr(auto.shelf("keyring"), "prove_writable", silent)

    auto.prove_writable()
    choices = [auto.choice("work"), auto.choice("home")]
    auto.save(credential("work"))
    auto.prove_writable()

    assert tried == ["keyring"]
    why = "auto (it is the default): the keyring did not answer within 3 seconds"
    assert choices == [Choice(kind="vault", why=why)] * 2


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_why_a_profile_is_where_it_is_outlives_the_list(tmp_path: Path, kind: str) -> None:
    """The reason lies in the entry: with the list of profiles gone, it and the kind are as before."""
    places = find_places({"HOME": str(tmp_path)})
    Shelves(places, begin=kind).save(credential("work", store_why="--store names it"))
    Path(places.index).unlink(missing_ok=True)

    assert Shelves(places, begin="file").choice("work") == Choice(kind=kind, why="--store names it")


def test_a_moved_profile_says_that_it_was_moved(shelves: Shelves, places: Places) -> None:
    """The reason of the first store does not go along."""
    shelves.save(credential("work", store_why="it is the default"))

    move("work", "vault", policy=Policy(), store=shelves, places=places)

    assert shelves.choice("work") == Choice(kind="vault", why=WHY)


@pytest.mark.parametrize(("source", "target"), [("file", "vault"), ("vault", "file")])
def test_a_move_leaves_one_copy(shelves: Shelves, places: Places, source: str, target: str) -> None:
    """The login is equal, in the target, and gone from the source."""
    shelves.shelf(source).save(credential("work"))

    moved = move("work", target, policy=Policy(), store=shelves, places=places)

    assert moved == Moved(profile="work", source=source, target=target)
    assert shelves.load("work") == MOVED
    assert shelves.kinds_with("work") == [target]
    assert shelves.shelf(source).names() == []


@pytest.mark.parametrize(("source", "target"), [("file", "vault"), ("vault", "file")])
def test_a_load_during_a_move(
    shelves: Shelves, places: Places, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    """Whoever looks while another process moves the login away finds it where it went."""
    shelves.shelf(source).save(credential("work"))
    reader = Shelves(places, begin="file")
    real = reader.place_of

    def overtaken(profile: str) -> Store:
        place = real(profile)
        if shelves.kinds_with(profile) == [source]:
            move(profile, target, policy=Policy(), store=shelves, places=places)
        return place

    monkeypatch.setattr(reader, "place_of", overtaken)

    assert reader.load("work") == MOVED


def test_a_dry_run_moves_nothing(shelves: Shelves, places: Places) -> None:
    """It only says what would be done."""
    shelves.save(credential("work"))

    assert move("work", "vault", policy=Policy(), store=shelves, places=places, dry_run=True).is_needed
    assert shelves.kinds_with("work") == ["file"]


def test_nothing_to_move(shelves: Shelves, places: Places) -> None:
    """A profile that does not exist is an error; one that is there already is not."""
    with pytest.raises(ProfileNotFound):
        move("work", "vault", policy=Policy(), store=shelves, places=places)
    shelves.save(credential("work"))

    assert not move("work", "file", policy=Policy(), store=shelves, places=places).is_needed


def test_a_store_that_lies_loses_nothing(shelves: Shelves, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read back is compared; the login stays where it was."""
    shelves.save(credential("work"))
    vault = shelves.shelf("vault")
    monkeypatch.setattr(vault, "load", lambda _profile: credential("work", 2))

    with pytest.raises(CopyDiffers):
        move("work", "vault", policy=Policy(), store=shelves, places=places)

    assert shelves.kinds_with("work") == ["file"]
    assert shelves.load("work") == credential("work")


def test_a_move_that_cannot_be_listed_removes_nothing(
    shelves: Shelves, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy would not be found where it is, so the login also stays where it was."""
    shelves.save(credential("work"))
    monkeypatch.setattr(Index, "replace", refusing)
    monkeypatch.setattr(Vault, "cards", lambda vault: Index.cards(vault._index))

    with pytest.raises(StoreError, match="could not be listed"):
        move("work", "vault", policy=Policy(), store=shelves, places=places)

    assert shelves.kinds_with("work") == ["file"]
    assert shelves.shelf("file").load("work") == credential("work")


def refusing(*_: object) -> None:
    """Stand for a disk that takes nothing more."""
    raise StoreError(path="/", problem="no space is left")


def test_of_two_stores_the_newer_tokens_count(shelves: Shelves) -> None:
    """A login that was not seen while its list was lost does not hide the one that took its place."""
    older = replace(credential("work"), refreshed=datetime(2026, 1, 1, tzinfo=UTC))
    newer = replace(older, refreshed=datetime(2026, 1, 2, tzinfo=UTC))
    shelves.shelf("vault").save(older)
    shelves.shelf("file").save(newer)

    assert shelves.load("work") == newer
    shelves.shelf("vault").save(newer)
    shelves.shelf("file").save(older)
    assert shelves.load("work") == newer


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("source", "target"), [("file", "vault"), ("vault", "file")])
def test_a_move_may_be_killed_at_any_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    """After a kill before any call that changes the disk the login is whole, and moving again finishes it."""
    names = ("open", "write", "replace", "rename", "link", "unlink", "fsync", "close")
    for number in range(1, 400):
        home = tmp_path / str(number)
        home.mkdir()
        places = find_places({"HOME": str(home)})
        Shelves(places, begin=source).save(credential("work"))
        shelves = Shelves(places, begin="file")
        moving = partial(move, "work", target, policy=Policy(), store=shelves, places=places)
        if not _killed_at(number, names, monkeypatch, moving):
            break
        after = Shelves(places, begin="file")
        assert after.load("work") in [credential("work"), MOVED], number
        move("work", target, policy=Policy(), store=after, places=places)
        assert after.kinds_with("work") == [target], number
        assert after.load("work") == MOVED, number
    else:
        pytest.fail("it never came to an end")
    assert number > 20


def _killed_at(number: int, names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> bool:
    """Run something until its n-th call of these functions; return whether it came that far."""
    count = 0

    def counting(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            if count >= number:
                raise Killed
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in names:
            if name != "close":  # a killed process closes everything
                patch.setattr(os, name, counting(getattr(os, name)))
        try:
            act()
        except Killed:
            return True
        except AuthError:
            return True
    return False


def test_what_is_loaded_is_what_was_saved(shelves: Shelves) -> None:
    """Loading says None for a profile that no store has."""
    found: Credential | None = shelves.load("nobody")

    assert found is None
