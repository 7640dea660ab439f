"""All stores as one, with new profiles in the file, and in the vault; and moving between them."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from codex_auth.core.errors import AuthError, CopyDiffers, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.policy import Policy
from codex_auth.edge.places import find_places
from codex_auth.stores.shelves import Shelves
from codex_auth.stories.move import Moved, move
from tests.contract.store_contract import StoreContract, credential

OPENING = (
    "from codex_auth.edge.places import find_places\n"
    "from codex_auth.stores.shelves import Shelves\n"
    "store = Shelves(find_places({{'HOME': {home!r}}}), begin={begin!r})"
)


class TestShelvesBeginningWithTheFile(StoreContract):
    """New profiles go to the plain file."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open stores that do not exist yet."""
        return OPENING.format(home=str(tmp_path), begin="file")


class TestShelvesBeginningWithTheVault(StoreContract):
    """New profiles go to the vault."""

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        """Open stores that do not exist yet."""
        return OPENING.format(home=str(tmp_path), begin="vault")


@pytest.fixture
def shelves(tmp_path: Path) -> Shelves:
    """Return all stores of an empty home."""
    return Shelves(find_places({"HOME": str(tmp_path)}), begin="file")


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


@pytest.mark.parametrize(("source", "target"), [("file", "vault"), ("vault", "file")])
def test_a_move_leaves_one_copy(shelves: Shelves, source: str, target: str) -> None:
    """The login is equal, in the target, and gone from the source."""
    shelves.shelf(source).save(credential("work"))

    moved = move("work", target, policy=Policy(), store=shelves)

    assert moved == Moved(profile="work", source=source, target=target)
    assert shelves.load("work") == credential("work")
    assert shelves.kinds_with("work") == [target]
    assert shelves.shelf(source).names() == []


def test_a_dry_run_moves_nothing(shelves: Shelves) -> None:
    """It only says what would be done."""
    shelves.save(credential("work"))

    assert move("work", "vault", policy=Policy(), store=shelves, dry_run=True).is_needed
    assert shelves.kinds_with("work") == ["file"]


def test_nothing_to_move(shelves: Shelves) -> None:
    """A profile that does not exist is an error; one that is there already is not."""
    with pytest.raises(ProfileNotFound):
        move("work", "vault", policy=Policy(), store=shelves)
    shelves.save(credential("work"))

    assert not move("work", "file", policy=Policy(), store=shelves).is_needed


def test_a_store_that_lies_loses_nothing(shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read back is compared; the login stays where it was."""
    shelves.save(credential("work"))
    vault = shelves.shelf("vault")
    monkeypatch.setattr(vault, "load", lambda _profile: credential("work", 2))

    with pytest.raises(CopyDiffers):
        move("work", "vault", policy=Policy(), store=shelves)

    assert shelves.kinds_with("work") == ["file"]
    assert shelves.load("work") == credential("work")


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
        if not _killed_at(number, names, monkeypatch, partial(move, "work", target, policy=Policy(), store=shelves)):
            break
        after = Shelves(places, begin="file")
        assert after.load("work") == credential("work"), number
        move("work", target, policy=Policy(), store=after)
        assert after.kinds_with("work") == [target], number
        assert after.load("work") == credential("work"), number
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
