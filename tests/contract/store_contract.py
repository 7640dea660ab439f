"""What every store promises. A store's own test module inherits `StoreContract` and says how to open it."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import pytest

from codex_auth.core.card import Identity
from codex_auth.core.errors import AuthError, IdentityMismatch, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import ForeignFileDamaged, LockBusy, StoreDamaged, StoreError, VaultUnreadable
from codex_auth.stores.protocol import Store
from tests.contract import raw

EXPIRES = datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def identity(number: int = 1, **changes: Any) -> Identity:
    """Return the identity of some account."""
    return replace(
        Identity(
            issuer="https://auth.openai.com",
            subject=f"auth0|{number}",
            account_id=f"account-{number:04}",
            user_id=f"user-{number}",
            email=f"person{number}@example.com",
            plan="plus",
        ),
        **changes,
    )


def credential(profile: str = "work", number: int = 1, *, size: int = 40, **changes: Any) -> Credential:
    """Return a whole credential; `number` tells two of them apart in every field."""
    return replace(
        Credential(
            profile=profile,
            identity=identity(number),
            access=Secret(f"access-{number}-".ljust(size, "a")),
            refresh=Secret(f"refresh-{number}-".ljust(size, "r")),
            id_token=Secret(f"id-{number}-".ljust(size, "i")),
            expires=EXPIRES + timedelta(seconds=number),
            client_id=f"client-{number}",
            scope="openid offline_access",
            signed_in=EXPIRES - timedelta(days=10),
            refreshed=EXPIRES - timedelta(days=number),
        ),
        **changes,
    )


class StoreContract:
    """The tests. `opening` is Python text that binds `store`, so that another process can open the same place."""

    @pytest.fixture
    def opening(self) -> str:
        """Return the text that opens the store."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, opening: str) -> Store:
        """Return the store that the text opens."""
        return opened_with(opening)

    # --- nothing there ---

    def test_an_empty_store_has_no_names(self, store: Store) -> None:
        """A store that was never written is empty, not broken."""
        assert store.names() == []
        assert list(store.cards()) == []

    def test_loading_nothing_is_none(self, store: Store) -> None:
        """A name that is not there loads as None."""
        assert store.load("work") is None

    def test_deleting_nothing_is_false(self, store: Store) -> None:
        """A name that is not there cannot be deleted, and that is no error."""
        assert store.delete("work") is False

    def test_reading_creates_nothing(self, store: Store) -> None:
        """Looking twice finds the same nothing."""
        store.load("work")
        list(store.cards())

        assert store.names() == []

    def test_an_empty_store_is_writable(self, store: Store) -> None:
        """Proving that a save could work leaves no profile behind."""
        store.prove_writable()

        assert store.names() == []

    # --- one profile ---

    def test_a_saved_credential_loads_whole(self, store: Store) -> None:
        """Every field comes back, to the millisecond."""
        store.save(credential())

        assert store.load("work") == credential()

    @pytest.mark.parametrize("name", [each.name for each in fields(Credential)])
    def test_each_field_comes_back(self, store: Store, name: str) -> None:
        """No field is mixed up with another."""
        store.save(credential("only", 7))

        held = store.load("only")

        assert getattr(held, name) == getattr(credential("only", 7), name)

    def test_unknown_parts_stay_unknown(self, store: Store) -> None:
        """What the provider did not say is empty again after loading, not invented."""
        bare = credential(
            identity=identity(subject="", user_id="", email="", plan=""),
            id_token=None,
            client_id="",
            scope="",
            signed_in=None,
            refreshed=None,
        )

        store.save(bare)

        assert store.load("work") == bare

    def test_another_owner_is_kept(self, store: Store) -> None:
        """Who may spend the refresh token survives saving."""
        store.save(credential(owner="codex"))

        held = store.load("work")
        assert held is not None
        assert held.owner == "codex"

    def test_another_issuer_is_kept(self, store: Store) -> None:
        """A login at a sandbox does not become one at OpenAI."""
        store.save(credential(identity=identity(issuer="http://127.0.0.1:8000")))

        held = store.load("work")
        assert held is not None
        assert held.identity.issuer == "http://127.0.0.1:8000"

    def test_a_card_shows_what_was_saved(self, store: Store) -> None:
        """The card agrees with the credential."""
        saved = credential()
        store.save(saved)

        (card,) = store.cards()

        assert (card.profile, card.identity, card.owner) == ("work", saved.identity, saved.owner)
        assert (card.expires, card.refreshed, card.signed_in) == (saved.expires, saved.refreshed, saved.signed_in)
        assert card.has_refresh_token
        assert card.store == store.kind

    def test_cards_hold_no_secret(self, store: Store) -> None:
        """No text of a token is anywhere in a card."""
        saved = credential()
        store.save(saved)

        (card,) = store.cards()

        shown = repr([getattr(card, each.name) for each in fields(card)])
        assert not any(secret.reveal() in shown for secret in (saved.access, saved.refresh, saved.id_token) if secret)

    def test_saving_again_replaces(self, store: Store) -> None:
        """The second save wins in every field, and there is still one profile."""
        store.save(credential(number=1))
        store.save(credential(number=2))

        assert store.load("work") == credential(number=2)
        assert store.names() == ["work"]

    def test_a_missing_part_removes_the_old_one(self, store: Store) -> None:
        """Never half a credential: an old id token does not survive beside a new access token."""
        store.save(credential(number=1))
        store.save(credential(number=2, id_token=None))

        assert store.load("work") == credential(number=2, id_token=None)

    def test_a_handed_over_login_keeps_no_refresh_token(self, store: Store) -> None:
        """Saving without a refresh token forgets the old one."""
        store.save(credential(number=1))
        store.save(credential(number=1, refresh=None))

        held = store.load("work")
        assert held is not None
        assert held.refresh is None
        assert [card.has_refresh_token for card in store.cards()] == [False]

    def test_saving_the_same_twice_changes_nothing(self, store: Store) -> None:
        """A repeated save is harmless."""
        store.save(credential())
        store.save(credential())

        assert store.load("work") == credential()

    def test_a_deleted_profile_is_gone(self, store: Store) -> None:
        """After a delete neither names nor cards nor load know it."""
        store.save(credential())

        assert store.delete("work") is True
        assert store.load("work") is None
        assert store.names() == []
        assert list(store.cards()) == []
        assert store.delete("work") is False

    def test_a_deleted_profile_can_come_back(self, store: Store) -> None:
        """A new login under an old name starts afresh."""
        store.save(credential(number=1))
        store.delete("work")
        store.save(credential(number=2, id_token=None, scope=""))

        assert store.load("work") == credential(number=2, id_token=None, scope="")

    # --- several profiles ---

    def test_profiles_do_not_touch_each_other(self, store: Store) -> None:
        """Saving and deleting one leaves the others as they are."""
        for number, name in enumerate(["work", "home", "lab"], start=1):
            store.save(credential(name, number))

        store.save(credential("home", 9))
        store.delete("work")

        assert store.load("home") == credential("home", 9)
        assert store.load("lab") == credential("lab", 3)
        assert store.load("work") is None

    def test_names_are_in_the_order_of_saving(self, store: Store) -> None:
        """The first login stays the first; saving it again does not move it."""
        for name in ["zeta", "alpha", "mid"]:
            store.save(credential(name))
        store.save(credential("alpha", 2))

        assert store.names() == ["zeta", "alpha", "mid"]
        assert [card.profile for card in store.cards()] == ["zeta", "alpha", "mid"]

    def test_many_profiles(self, store: Store) -> None:
        """Sixty profiles are kept apart."""
        for number in range(60):
            store.save(credential(f"p{number}", number))

        assert store.names() == [f"p{number}" for number in range(60)]
        assert all(store.load(f"p{number}") == credential(f"p{number}", number) for number in range(60))

    @pytest.mark.parametrize(
        "name", ["default", "a", "a" * 64, "alice@example.com", "x+y", "a.b", "a-b_c", "0", "con", "nul.txt", "bak"]
    )
    def test_odd_names(self, store: Store, name: str) -> None:
        """Every name that is allowed can be kept, locked and deleted."""
        store.save(credential(name))
        with store.lock(name, timeout=5):
            held = store.load(name)

        assert held == credential(name)
        assert store.names() == [name]
        assert store.delete(name)

    def test_names_that_start_alike(self, store: Store) -> None:
        """A name is not its prefix."""
        store.save(credential("a", 1))
        store.save(credential("ab", 2))

        store.delete("a")

        assert store.names() == ["ab"]
        assert store.load("ab") == credential("ab", 2)

    # --- sizes and characters ---

    @pytest.mark.parametrize("size", [1_280, 2_560, 4_096, 20_000, 200_000])
    def test_long_tokens(self, store: Store, size: int) -> None:
        """Tokens of every length come back unchanged."""
        store.save(credential(size=size))

        assert store.load("work") == credential(size=size)

    @pytest.mark.parametrize(
        "text", ["naïve", "漢字", "😀", '"\\/\b\f\n\r\t', "\x00\x1f\x7f", "{}[]:,", "\u2028\u2029"]
    )
    def test_any_character(self, store: Store, text: str) -> None:
        """Claims may hold any text; it comes back as it was."""
        odd = credential(identity=identity(email=text, plan=text), scope=text, access=Secret("a" + text))
        store.save(odd)

        assert store.load("work") == odd

    @pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)])
    def test_any_moment(self, store: Store, moment: datetime) -> None:
        """Times far from now come back."""
        store.save(credential(expires=moment, refreshed=moment))

        assert store.load("work") == credential(expires=moment, refreshed=moment)

    # --- whom a save may replace ---

    def test_expecting_the_same_account(self, store: Store) -> None:
        """A refresh of the login that is there is saved."""
        store.save(credential(number=1))
        renewed = replace(credential(number=1), access=Secret("renewed"))

        store.save(renewed, expecting=identity(1))

        assert store.load("work") == renewed

    def test_expecting_another_account(self, store: Store) -> None:
        """A login that was replaced meanwhile is not overwritten."""
        store.save(credential(number=1))

        with pytest.raises(IdentityMismatch) as caught:
            store.save(credential(number=2), expecting=identity(2))

        assert store.load("work") == credential(number=1)
        assert "account-0001" not in str(caught.value) + caught.value.hint

    def test_expecting_what_is_gone(self, store: Store) -> None:
        """A logout during a refresh stays a logout."""
        with pytest.raises(ProfileNotFound):
            store.save(credential(), expecting=identity())

        assert store.names() == []

    def test_replacing_another_account_when_nothing_is_expected(self, store: Store) -> None:
        """Whether another account may take the name is the caller's decision."""
        store.save(credential(number=1))
        store.save(credential(number=2))

        assert store.load("work") == credential(number=2)

    # --- locks ---

    def test_the_lock_keeps_other_processes_out(self, store: Store, opening: str) -> None:
        """While another process holds a profile, waiting for it ends in `LockBusy`, which names the process."""
        with other_process_holding(opening, "work") as pid:
            with pytest.raises(LockBusy) as caught, store.lock("work", timeout=0.1):
                pass
            with store.lock("home", timeout=0.1):
                pass

        assert str(pid) in str(caught.value)
        with store.lock("work", timeout=5):
            pass

    def test_a_killed_holder_frees_the_lock(self, store: Store, opening: str) -> None:
        """A lock dies with its process."""
        with other_process_holding(opening, "work", kill=True):
            pass

        with store.lock("work", timeout=1):
            pass

    def test_the_lock_keeps_other_threads_out(self, store: Store) -> None:
        """Threads of one process take turns."""
        inside: list[int] = []
        most: list[int] = []

        def visit() -> None:
            with store.lock("work", timeout=20):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

        threads = [threading.Thread(target=visit) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert most == [1] * 12

    def test_the_lock_ends_with_an_error(self, store: Store) -> None:
        """An error inside the block frees the lock."""
        with pytest.raises(RuntimeError), store.lock("work", timeout=1):
            raise RuntimeError

        with store.lock("work", timeout=1):
            pass

    def test_saving_inside_the_lock(self, store: Store) -> None:
        """The way a refresh does it: hold, read, save."""
        store.save(credential(number=1))

        with store.lock("work", timeout=5):
            store.save(replace(credential(number=1), access=Secret("new")), expecting=identity(1))

        held = store.load("work")
        assert held is not None
        assert held.access == Secret("new")

    def test_threads_lose_nothing(self, store: Store) -> None:
        """Saves of different profiles at the same time all arrive."""
        threads = [threading.Thread(target=store.save, args=(credential(f"p{n}", n),)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(store.names()) == sorted(f"p{n}" for n in range(16))

    # --- what leaves everything as it is ---

    def test_a_proof_changes_nothing(self, store: Store) -> None:
        """Proving that a save could work leaves what is there."""
        store.save(credential())
        before = list(store.cards())

        store.prove_writable()

        assert store.load("work") == credential()
        assert list(store.cards()) == before

    def test_a_refused_save_changes_nothing(self, store: Store) -> None:
        """Neither the profile nor its neighbours nor what is shown of them."""
        store.save(credential("home", 1))
        store.save(credential("work", 2))
        before = list(store.cards())

        with pytest.raises(IdentityMismatch):
            store.save(credential("work", 3), expecting=identity(3))
        with pytest.raises(ProfileNotFound):
            store.save(credential("lab", 3), expecting=identity(3))

        assert list(store.cards()) == before
        assert store.load("work") == credential("work", 2)

    def test_deleting_nothing_changes_nothing(self, store: Store) -> None:
        """A name that is not there takes no neighbour with it."""
        store.save(credential())

        assert store.delete("wor") is False
        assert store.load("work") == credential()

    def test_holding_a_name_makes_no_profile(self, store: Store) -> None:
        """A login holds a name before there is anything under it."""
        with store.lock("work", timeout=5):
            assert store.load("work") is None

        assert store.names() == []

    def test_saving_while_cards_are_read(self, store: Store) -> None:
        """Whoever takes time over the cards sees those that were there when the reading began."""
        store.save(credential("work", 1))
        store.save(credential("home", 2))
        seen = []

        for card in store.cards():
            seen.append(card.profile)
            store.save(credential(f"new-{card.profile}", 3))

        assert seen == ["work", "home"]
        assert store.names() == ["work", "home", "new-work", "new-home"]

    # --- lives of a login ---

    def test_expecting_an_account_known_in_part(self, store: Store) -> None:
        """A side that does not know the subject or the issuer is no other account."""
        store.save(credential(identity=identity(subject="")))

        store.save(credential(number=1), expecting=identity(1))
        store.save(credential(number=1), expecting=identity(issuer="", subject=""))

        assert store.load("work") == credential(number=1)

    def test_a_handed_over_login_can_come_back(self, store: Store) -> None:
        """A refresh token that returns is kept as at first."""
        store.save(credential(number=1))
        store.save(credential(number=1, refresh=None))
        store.save(credential(number=2))

        assert store.load("work") == credential(number=2)
        assert [card.has_refresh_token for card in store.cards()] == [True]

    def test_a_profile_that_comes_back_is_the_last(self, store: Store) -> None:
        """After a delete a name is added anew, at the end."""
        for name in ["a", "b", "c"]:
            store.save(credential(name))
        store.delete("a")
        store.save(credential("a"))

        assert store.names() == ["b", "c", "a"]


class LastingStoreContract(StoreContract):
    """What a store promises that outlives a process, and that other processes see.

    `damaged` is given by each store: a function that spoils what is stored of a profile. `operations` are the
    functions before which a crash is tried, and `fewest` how many calls of them a save makes at least.
    """

    operations: ClassVar[list[tuple[Any, str]]] = [
        (os, name) for name in ("open", "write", "replace", "rename", "link", "unlink", "fsync", "ftruncate")
    ]
    fewest = 10

    @pytest.fixture
    def damaged(self) -> Callable[[str], None]:
        """Return what spoils a stored profile from outside."""
        raise NotImplementedError

    @pytest.fixture
    def buried(self) -> Callable[[], None]:
        """Return what lets a process be dead that only dies in a test."""
        return lambda: None

    def test_another_process_sees_it(self, store: Store, opening: str) -> None:
        """What was saved here is loaded there, and the other way round."""
        store.save(credential("here", 1))

        ran(opening, MAKE + "assert store.load('here') == made('here', 1)\nstore.save(made('there', 2))")

        assert store.load("there") == credential("there", 2)
        assert store.names() == ["here", "there"]

    def test_opening_again_finds_everything(self, store: Store, opening: str) -> None:
        """Nothing is kept only in memory."""
        store.save(credential("a", 1))
        store.save(credential("b", 2))
        store.delete("a")
        opened = opened_with(opening)

        assert opened.names() == ["b"]
        assert opened.load("b") == credential("b", 2)

    def test_eight_processes_lose_nothing(self, store: Store, opening: str) -> None:
        """Processes that save different profiles at the same moment all find theirs afterwards."""
        script = MAKE + "input()\nstore.save(made(f'p{NUMBER}', NUMBER))"
        herd = [
            subprocess.Popen([sys.executable, "-c", f"NUMBER = {n}\n{opening}\n{script}"], stdin=subprocess.PIPE)
            for n in range(8)
        ]
        for each in herd:
            each.communicate(b"\n", timeout=60)

        assert [each.returncode for each in herd] == [0] * 8
        assert sorted(store.names()) == [f"p{n}" for n in range(8)]
        assert all(store.load(f"p{n}") == credential(f"p{n}", n) for n in range(8))

    def test_a_reader_sees_old_or_new(self, store: Store, opening: str) -> None:
        """While another process saves again and again, a reader without a lock always finds one whole credential."""
        store.save(credential("work", 0, size=3000))
        script = MAKE + "for n in range(1, 13):\n    store.save(made('work', n, size=3000))"
        seen = []
        with subprocess.Popen([sys.executable, "-c", f"{opening}\n{script}"]) as writer:
            while writer.poll() is None:
                seen.append(store.load("work"))

        assert writer.returncode == 0
        whole = [credential("work", n, size=3000) for n in range(13)]
        assert all(each in whole for each in seen)
        assert store.load("work") == whole[12]

    def test_a_killed_save_leaves_old_or_new(self, store: Store, opening: str) -> None:
        """A process that is killed while it saves leaves one whole credential, and the next save works."""
        script = MAKE + "for n in range(1, 1000):\n    print(n, flush=True)\n    store.save(made('work', n, size=3000))"
        store.save(credential("work", 0, size=3000))
        for lines in (1, 2, 4):
            with subprocess.Popen([sys.executable, "-c", f"{opening}\n{script}"], stdout=subprocess.PIPE) as writer:
                assert writer.stdout is not None
                number = [int(writer.stdout.readline()) for _ in range(lines)][-1]
                writer.kill()

            held = store.load("work")
            assert held is not None
            assert held in [credential("work", n, size=3000) for n in (0, number - 1, number, number + 1)]
            store.save(credential("work", 0, size=3000))
            assert store.load("work") == credential("work", 0, size=3000)

    def test_unknown_fields_stay(self, store: Store) -> None:
        """What a later version of us has written into an entry is kept by a save that knows nothing of it."""
        store.save(credential("work", 1))
        raw.put(store, "work", {**raw.entry(store, "work"), "later": {"a": [1, "é"]}})

        assert store.load("work") == credential("work", 1)
        store.save(credential("work", 2))

        assert raw.entry(store, "work")["later"] == {"a": [1, "é"]}
        assert store.load("work") == credential("work", 2)

    def test_a_crash_between_any_two_operations(
        self, store: Store, opening: str, buried: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A save that dies before any of its operations leaves the old login or the new one, and can be done again."""
        store.save(credential("home", 9))
        store.save(credential("work", 0, size=3000))
        for number in range(1, 500):
            with monkeypatch.context() as patch:
                came = dies_at(number, self.operations, patch, partial(store.save, credential("work", 1, size=3000)))
            buried()
            opened = opened_with(opening)
            held = opened.load("work")
            assert held in [credential("work", 0, size=3000), credential("work", 1, size=3000)], number
            assert opened.load("home") == credential("home", 9), number
            store = opened_with(opening)
            store.save(credential("work", 0, size=3000))
            assert store.load("work") == credential("work", 0, size=3000), number
            if not came:
                break
        else:
            pytest.fail("it never came to an end")
        assert number > self.fewest

    def test_a_read_only_disk(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither a proof nor a save says that all is well; what is there is read as before, and is not torn."""
        store.save(credential("work", 1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", read_only(os.open))
            with pytest.raises(AuthError):
                store.prove_writable()
            with pytest.raises(AuthError) as caught:
                store.save(credential("work", 2))
            held, names = store.load("work"), store.names()

        assert held in [credential("work", 1), credential("work", 2)]
        assert names == ["work"]
        assert "access-" not in str(caught.value) + caught.value.hint
        store.save(credential("work", 3))
        assert store.load("work") == credential("work", 3)

    def test_files_of_another_owner(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        """What belongs to another user is neither believed nor written over."""
        somebody = os.geteuid() + 1
        store.save(credential("work", 1))
        with monkeypatch.context() as patch:
            patch.setattr(os, "geteuid", lambda: somebody)
            with pytest.raises(AuthError):
                store.names()
            with pytest.raises(AuthError):
                store.save(credential("work", 2))

        assert store.load("work") == credential("work", 1)
        assert store.names() == ["work"]

    def test_damage_is_said_and_not_hidden(self, store: Store, damaged: Callable[[str], None]) -> None:
        """A spoiled profile is an error with words, neither nothing nor something made up."""
        store.save(credential("work"))
        damaged("work")

        with pytest.raises((StoreError, StoreDamaged, ForeignFileDamaged, VaultUnreadable)) as caught:
            store.load("work")

        assert "access-1" not in str(caught.value) + caught.value.hint


class Died(BaseException):
    """The process ends here."""


def dies_at(
    number: int, operations: list[tuple[Any, str]], patch: pytest.MonkeyPatch, act: Callable[[], object]
) -> bool:
    """Do something that dies at its n-th operation, and does none after it; return whether it came that far."""
    count = 0

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count >= number:
                raise Died
            return real(*arguments, **options)

        return call

    for module, name in operations:
        patch.setattr(module, name, watched(getattr(module, name)))
    try:
        act()
    except Died:
        return True
    return False


def read_only(real: Callable[..., int]) -> Callable[..., int]:
    """Return an `os.open` for a disk on which only lock files can be written."""

    def opened(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) and not str(path).endswith(".lock"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        return real(path, flags, *arguments, **options)

    return opened


def opened_with(opening: str) -> Store:
    """Return the store that a text opens."""
    names: dict[str, Any] = {}
    exec(opening, names)
    opened: Store = names["store"]
    return opened


MAKE = "from tests.contract.store_contract import credential as made\n"
"""Lets a script make the credentials of these tests."""


def ran(opening: str, script: str) -> None:
    """Run a script over the store in a process of its own."""
    subprocess.run([sys.executable, "-c", f"{opening}\n{script}"], check=True, timeout=60)


@contextmanager
def other_process_holding(opening: str, profile: str, *, kill: bool = False) -> Iterator[int]:
    """Run a process that holds a profile's lock until the block ends; its number is yielded."""
    script = f"{opening}\nwith store.lock({profile!r}, timeout=5):\n    print('held', flush=True)\n    input()\n"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process.pid
        finally:
            if kill:
                process.kill()
            else:
                process.stdin.write(b"\n")
