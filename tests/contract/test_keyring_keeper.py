"""Keys of ours in a keyring: old or new, whatever stops the change, even where replacing is removing first."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from codex_auth.core.store_errors import KeyringSilent, KeyringUnavailable, StoreError
from codex_auth.keys.keyrings import Keyring
from codex_auth.keys.seal import KEY_BYTES
from codex_auth.stores.keyring_keeper import KeyringKeeper, SealInKeyring
from tests.contract.folder_keyring import FolderKeyring


class Stopped(BaseException):
    """The process ends here."""


class MacLike(FolderKeyring):
    """Removes an item before it writes the new one, as the library does on macOS."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Leave nothing for a moment, in which a process may end."""
        if self._path(service, username).exists():
            self.delete_password(service, username)
        super().set_password(service, username, password)


@pytest.fixture
def backend(tmp_path: Path) -> MacLike:
    """Return an empty keyring."""
    return MacLike(str(tmp_path / "items"))


def keeper(backend: FolderKeyring, **options: float) -> KeyringKeeper:
    """Open it as a new process would."""
    return KeyringKeeper(Keyring(backend, **options))


def stop_at(backend: FolderKeyring, number: int, error: Callable[[], BaseException]) -> list[str]:
    """Let the keyring work so many times, and then never again; return what it was asked."""
    asked: list[str] = []

    def count(operation: str) -> None:
        asked.append(operation)
        if len(asked) >= number:
            raise error()

    backend.before = count
    return asked


def let_go(backend: FolderKeyring) -> None:
    """Let the keyring work again."""
    backend.before = lambda _operation: None


def test_a_text_is_kept_replaced_and_removed(backend: MacLike) -> None:
    """One item at a time, which belongs to no profile."""
    here = keeper(backend)
    assert here.get("key") is None
    for text in ("one\n", "two\n", "three\n"):
        here.set("key", text)
        assert keeper(backend).get("key") == text
        assert len(backend.items()) == 1
    assert all(name.startswith("#key#") for name in backend.items())

    here.delete("key")
    here.delete("key")

    assert (here.get("key"), backend.items()) == (None, {})


@pytest.mark.parametrize("error", [Stopped, OSError], ids=["killed", "fails"])
def test_a_change_that_is_stopped_anywhere(tmp_path: Path, error: Callable[[], BaseException]) -> None:
    """The newest text there is, is the old one or the new one, and the next change leaves one item."""
    number, is_over = 0, False
    while not is_over:
        number += 1
        backend = MacLike(str(tmp_path / str(number)))
        keeper(backend).set("key", "first\n")
        keeper(backend).set("key", "old\n")
        asked = stop_at(backend, number, error)
        failure: BaseException | None = None
        try:
            keeper(backend).set("key", "new\n")
        except (Stopped, StoreError) as caught:
            failure = caught
        is_over = len(asked) < number
        let_go(backend)
        lines = (keeper(backend).get("key") or "").split()
        assert lines in (["old"], ["new"], ["new", "old"]), number
        assert failure is not None or lines == ["new"]
        keeper(backend).set("key", "next\n")
        assert (keeper(backend).get("key"), len(backend.items())) == ("next\n", 1)
    assert number > 5


def test_what_a_stopped_change_left_is_said(backend: MacLike) -> None:
    """An older text that should be gone is named below the newer one, for whoever has to clear it away."""
    keeper(backend).set("key", "old\n")
    asked = stop_at(backend, 10**6, Stopped)
    keeper(backend).set("key", "new\nold\n")
    stop_at(backend, asked.index("delete") + 1, Stopped)
    with pytest.raises(Stopped):
        keeper(backend).set("key", "new\n")
    let_go(backend)

    assert keeper(backend).get("key") == "new\nold\n"
    assert len(backend.items()) == 2


def test_a_changed_item_is_no_text_of_ours(backend: MacLike) -> None:
    """What somebody put in its place is no key, and is replaced by the next one."""
    Keyring(backend).write("#key#a1", "anything")

    assert keeper(backend).get("key") == "damaged"
    keeper(backend).set("key", "new\n")
    assert keeper(backend).get("key") == "new\n"


def test_the_seal_key_is_made_once(backend: MacLike, tmp_path: Path) -> None:
    """Whoever comes second has the key of the first; a damaged one is made anew."""
    place = SealInKeyring(keeper(backend), str(tmp_path / "locks"))
    assert place.held() is None
    key = place.make()

    again = SealInKeyring(keeper(backend), str(tmp_path / "locks"))
    assert (len(key), again.held(), again.make()) == (KEY_BYTES, key, key)
    (item,) = backend.items()
    Keyring(backend).write(item, os.urandom(4).hex())
    assert again.held() is None
    assert len(again.make()) == KEY_BYTES


def test_a_keyring_that_sleeps_or_is_gone(backend: MacLike) -> None:
    """It is said after one wait, by whichever call comes first."""
    asleep = keeper(backend, seconds=0.05)
    stop_at(backend, 1, OSError)
    with pytest.raises(KeyringUnavailable):
        asleep.get("key")

    awake = threading.Event()
    backend.before = lambda _operation: (awake.wait(5), None)[1]
    try:
        with pytest.raises(KeyringSilent):
            asleep.set("key", "text")
    finally:
        awake.set()
