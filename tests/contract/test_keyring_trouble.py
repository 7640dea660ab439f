"""What the keyring store does when things go wrong in the middle, and what can be seen of it from outside."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.model import Credential
from codex_auth.core.store_errors import (
    IndexDamaged,
    KeyringDamaged,
    KeyringLocked,
    KeyringSilent,
    KeyringUnavailable,
    KeyringUnfaithful,
    StoreError,
    StoreNewer,
)
from codex_auth.keys.keyrings import Keyring
from codex_auth.stores import slots
from codex_auth.stores.index import Index
from codex_auth.stores.os_keyring import OsKeyring
from tests.contract.folder_keyring import LIMIT, FolderKeyring
from tests.contract.store_contract import credential, identity
from tests.secret_service_bed import Desktop

OLD, NEW = credential(number=1, size=900), credential(number=2, size=700)
"""Two logins that take three items each, more or less."""


class Stopped(BaseException):
    """The process ends here."""


class Bed:
    """A store over a keyring in a folder, and what a test may do to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.backend = FolderKeyring(str(folder / "items"))

    def store(self, **options: Any) -> OsKeyring:
        """Open the store as a new process would."""
        index = Index(str(self.folder / "data" / "index.json"), locks=str(self.folder / "locks"), kind="keyring")
        keyring = Keyring(self.backend, limit=LIMIT, **options)
        return OsKeyring(keyring, index, locks=str(self.folder / "locks"))

    def stop_after(self, operations: int, error: Callable[[], BaseException]) -> None:
        """Let the keyring work for so many operations, and then never again."""
        done: list[str] = []

        def count(operation: str) -> None:
            done.append(operation)
            if len(done) > operations:
                raise error()

        self.backend.before = count

    def heal(self) -> None:
        """Let the keyring work again."""
        self.backend.before = lambda _operation: None


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """Return an empty store."""
    return Bed(tmp_path)


def operations_of(bed: Bed, act: Callable[[], object]) -> int:
    """Return how many operations of the keyring something takes."""
    seen: list[str] = []
    bed.backend.before = seen.append
    act()
    bed.heal()
    return len(seen)


# --- stopping --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Stopped, lambda: ConnectionResetError("gone")], ids=["killed", "vanished"])
@pytest.mark.parametrize("before", [None, OLD], ids=["first", "replacing"])
def test_a_save_that_stops_anywhere(tmp_path: Path, before: Credential | None, error: Any) -> None:
    """After every single operation of a save there is the old credential or the new one, and the next save works."""
    for stop in range(1000):
        bed = Bed(tmp_path / str(stop))
        if before:
            bed.store().save(before)
        bed.stop_after(stop, error)
        try:
            bed.store().save(NEW)
        except (Stopped, StoreError):
            bed.heal()
        else:
            break
        assert bed.store().load("work") in (before, NEW)
        bed.store().save(NEW)
        assert bed.store().load("work") == NEW
        assert bed.store().names() == ["work"]
        assert {name[:-1] for name in bed.backend.items()} in ({"work#a"}, {"work#b"})
    assert stop > 8


@pytest.mark.parametrize("error", [Stopped, lambda: ConnectionResetError("gone")], ids=["killed", "vanished"])
def test_a_delete_that_stops_anywhere(tmp_path: Path, error: Any) -> None:
    """After every single operation of a delete there is the whole credential or none; deleting again leaves nothing."""
    for stop in range(1000):
        bed = Bed(tmp_path / str(stop))
        bed.store().save(OLD)
        bed.stop_after(stop, error)
        try:
            bed.store().delete("work")
        except (Stopped, StoreError):
            bed.heal()
        else:
            break
        assert bed.store().load("work") in (OLD, None)
        assert bed.store().delete("work") is True
        assert bed.backend.items() == {}
        assert bed.store().names() == []
    assert stop > 4


def test_a_refresh_after_every_stop_never_mixes(tmp_path: Path) -> None:
    """Stopped saves of different lengths, one after the other, never leave parts of two credentials as one."""
    bed = Bed(tmp_path)
    bed.store().save(credential(number=0, size=3000))
    possible = [credential(number=0, size=3000)]
    for round_ in range(1, 60):
        renewed = credential(number=round_, size=100 * (1 + round_ % 40))
        bed.stop_after(round_ % 29, Stopped)
        try:
            bed.store().save(renewed)
        except Stopped:
            possible.append(renewed)
        else:
            possible = [renewed]
        bed.heal()
        held = bed.store().load("work")
        assert held in possible
        possible = [held]


# --- lies ------------------------------------------------------------------------------------------------------

LIES: dict[str, Callable[[str], str | None]] = {
    "drops": lambda _text: None,
    "truncates": lambda text: text[:1000],
    "cuts the last": lambda text: text[:-1],
    "lower-cases": str.lower,
    "swaps": lambda text: text[::-1],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_keyring_that_lies_from_some_moment_on(tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever write is the first that is not kept, the old credential is still there, and the words say why."""
    old = credential(number=1, size=900, scope="Openid Offline")
    new = credential(number=2, size=900, scope="Openid Offline")
    for honest in range(100):
        bed = Bed(tmp_path / str(honest))
        bed.store().save(old)
        real, writes = bed.backend.set_password, []

        def write(
            service: str, name: str, text: str, honest: int = honest, real: Any = real, writes: Any = writes
        ) -> None:
            writes.append(name)
            kept = text if len(writes) <= honest else LIES[lie](text)
            if kept is not None:
                real(service, name, kept)

        monkeypatch.setattr(bed.backend, "set_password", write)
        try:
            bed.store().save(new)
        except KeyringUnfaithful:
            assert bed.store().load("work") == old
        else:
            assert bed.store().load("work") == new
            break
    assert honest > 1


def test_a_keyring_that_keeps_what_was_removed(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting is not claimed while anything is left."""
    bed.store().save(OLD)
    monkeypatch.setattr(bed.backend, "delete_password", lambda *_: None)

    with pytest.raises(KeyringUnfaithful):
        bed.store().delete("work")

    assert bed.store().names() == ["work"]


def test_a_sleeping_keyring(bed: Bed) -> None:
    """A save into a keyring that waits for a person ends with words and exit status 7; the old login stays."""
    import threading

    bed.store().save(OLD)
    over = threading.Event()
    bed.backend.before = lambda operation: None if operation == "get" else over.wait(20) and None

    with pytest.raises(KeyringSilent) as caught:
        bed.store(seconds=0.2).save(NEW)

    assert caught.value.status == 7
    bed.heal()
    assert bed.store().load("work") == OLD
    over.set()


@pytest.mark.parametrize(("error", "kind"), [("KeyringLocked", KeyringLocked), ("Odd", KeyringUnavailable)])
def test_trouble_is_said(bed: Bed, error: str, kind: type[StoreError]) -> None:
    """Every act on a keyring in trouble says so; `status` does not need it."""
    bed.store().save(OLD)
    bed.stop_after(0, type(error, (Exception,), {}))
    store = bed.store()

    for act in (
        lambda: store.load("work"),
        lambda: store.save(NEW),
        lambda: store.delete("work"),
        store.prove_writable,
        store.rebuild,
    ):
        with pytest.raises(kind):
            act()
    assert [card.profile for card in store.cards()] == ["work"]


# --- damage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("how", ["gone", "stale", "swapped", "empty"])
def test_parts_that_do_not_fit(bed: Bed, number: int, how: str) -> None:
    """A part that is missing, from an older save, or of another profile is never read as a login."""
    bed.store().save(credential("home", 5, size=900))
    bed.store().save(OLD)
    keyring = Keyring(bed.backend, limit=LIMIT)
    stale = keyring.read([f"work#a{number}"])[f"work#a{number}"]
    bed.store().save(NEW)
    name = f"work#b{number}"
    if how == "gone":
        keyring.remove(name)
    else:
        swapped = keyring.read([f"home#a{number}"])[f"home#a{number}"]
        keyring.write(name, {"stale": stale, "swapped": swapped, "empty": ""}[how])

    if number == 1 and how == "gone":
        assert bed.store().load("work") is None
    else:
        with pytest.raises(KeyringDamaged) as caught:
            bed.store().load("work")
        assert "codex-auth login work" in caught.value.hint
        with pytest.raises(KeyringDamaged):
            bed.store().save(NEW, expecting=identity(2))
    bed.store().save(NEW)
    assert bed.store().load("work") == NEW
    assert bed.store().load("home") == credential("home", 5, size=900)


@pytest.mark.parametrize(
    "head",
    ["", "x", "codex-auth/1", "codex-auth/1 1 0 x y", "codex-auth/1 x 1 x y", "codex-auth/1 1 99999999 x y",
     "codex-auth/2 1 1 x y", "codex-auth/1 ² 1 x y", "codex-auth/1 " + "9" * 99 + " 1 x y"],
)  # fmt: skip
def test_odd_heads(bed: Bed, head: str) -> None:
    """An item that is no head of ours is damage, and nothing is counted or looked up by it."""
    Keyring(bed.backend).write("work#a1", head)

    with pytest.raises(slots.SlotDamaged):
        slots.newest("work", Keyring(bed.backend).read)


def test_a_whole_text_that_is_no_entry(bed: Bed) -> None:
    """Somebody else's text in our form is damage as well."""
    Keyring(bed.backend, limit=LIMIT).write("work#a1", slots.split("[]", 1, None)[0])

    with pytest.raises(KeyringDamaged, match="not a JSON object"):
        bed.store().load("work")


@pytest.mark.parametrize("size", [0, 1, 1159, 1160, 1161, 5000])
@pytest.mark.parametrize("limit", [None, LIMIT])
def test_no_item_is_too_long(size: int, limit: int | None) -> None:
    """Every text fits, whatever its length, and comes back."""
    items = slots.split("x" * size, 12345, limit)
    held = {f"work#a{number}": text for number, text in enumerate(items, start=1)}

    assert all(len(text) <= (limit or 10_000) for text in items)
    found = slots.newest("work", lambda names: {name: held[name] for name in names if name in held})
    assert found is not None
    assert (found.slot, found.generation, found.text) == ("a", 12345, "x" * size)


# --- the index -------------------------------------------------------------------------------------------------


def test_the_index_holds_no_secret(bed: Bed) -> None:
    """What `status` reads has no text of a token."""
    bed.store().save(OLD)
    text = (bed.folder / "data" / "index.json").read_text()

    assert not any(secret.reveal() in text for secret in (OLD.access, OLD.refresh, OLD.id_token) if secret)
    assert (bed.folder / "data" / "index.json").stat().st_mode & 0o777 == 0o600


def test_looking_does_not_ask_the_keyring(bed: Bed) -> None:
    """Names and cards come from the index alone, so `status` never makes a prompt appear."""
    bed.store().save(OLD)

    assert operations_of(bed, lambda: (bed.store().names(), list(bed.store().cards()))) == 0


def test_a_lost_index_is_made_anew(bed: Bed) -> None:
    """A login is found without the index, and the index by those who know the names."""
    bed.store().save(OLD)
    bed.store().save(credential("home", 2))
    before = sorted(bed.store().cards(), key=lambda card: card.profile)
    (bed.folder / "data" / "index.json").unlink()

    assert bed.store().load("work") == OLD
    assert bed.store().names() == []
    assert bed.store().rebuild(["home", "nobody", "work", "No Name"]) == ["home", "work"]
    assert list(bed.store().cards()) == before


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"keyring": {}, "keyring": {}}', b"\xff"])
def test_a_damaged_index(bed: Bed, text: bytes) -> None:
    """It is said, the logins are there all the same, and the next save keeps it aside and makes another."""
    bed.store().save(OLD)
    path = bed.folder / "data" / "index.json"
    path.write_bytes(text)

    with pytest.raises(IndexDamaged):
        bed.store().names()
    assert bed.store().load("work") == OLD
    bed.store().save(NEW)

    assert bed.store().names() == ["work"]
    (kept,) = [each for each in path.parent.iterdir() if ".damaged-" in each.name]
    assert kept.read_bytes() == text


def test_a_newer_index_is_not_written(bed: Bed) -> None:
    """What a later version keeps there is not thrown away."""
    bed.store().save(OLD)
    path = bed.folder / "data" / "index.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))

    with pytest.raises(StoreNewer):
        bed.store().save(credential("home"))


def test_others_parts_of_the_index_stay(bed: Bed) -> None:
    """Another store's part, and what we do not know, survive our changes."""
    bed.store().save(OLD)
    path = bed.folder / "data" / "index.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "vault": {"x": {"type": "oauth"}}, "later": [1]}))
    bed.store().save(credential("home"))
    bed.store().delete("work")

    found = json.loads(path.read_text())
    assert (found["vault"], found["later"], list(found["keyring"])) == ({"x": {"type": "oauth"}}, [1], ["home"])


def test_an_index_that_cannot_be_written(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof finds a folder that is read-only before anything is spent."""
    bed.store().save(OLD)
    (bed.folder / "data").chmod(0o777)
    try:
        with pytest.raises(StoreError):
            bed.store().prove_writable()
    finally:
        (bed.folder / "data").chmod(0o700)


# --- the real keyring ------------------------------------------------------------------------------------------


@pytest.fixture
def gnome(tmp_path: Path, desktop: Desktop) -> OsKeyring:
    """Return an empty store over the real keyring."""
    desktop.clear()
    index = Index(str(tmp_path / "data" / "index.json"), locks=str(tmp_path / "locks"), kind="keyring")
    return OsKeyring(Keyring(), index, locks=str(tmp_path / "locks"))


def test_labels_and_attributes_are_harmless(gnome: OsKeyring, desktop: Desktop) -> None:
    """`secret-tool` finds service, profile and slot, and neither an e-mail address, an account nor a token."""
    gnome.save(OLD)

    command = ["secret-tool", "search", "--all", "service", "codex-auth"]
    done = subprocess.run(command, env=desktop.env, capture_output=True, text=True, check=True)
    shown = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("secret = ")]

    assert {line for line in shown if line.startswith(("label", "attribute"))} == {
        "label = Password for 'work#a1' on 'codex-auth'",
        "attribute.application = Python keyring library",
        "attribute.service = codex-auth",
        "attribute.username = work#a1",
    }


def test_one_item_for_each_login(gnome: OsKeyring, desktop: Desktop) -> None:
    """Where items are large, a login is one item, before and after a refresh, and none after a logout."""
    gnome.save(OLD)
    gnome.save(NEW)
    assert [attributes["username"] for _, attributes, _ in desktop.items()] == ["work#b1"]
    gnome.prove_writable()
    gnome.delete("work")

    assert desktop.items() == []


def test_the_index_is_found_in_the_keyring(gnome: OsKeyring, tmp_path: Path) -> None:
    """The Secret Service lists our items, so that the next save finds every login again."""
    gnome.save(credential("work", 1))
    gnome.save(credential("home", 2))
    (tmp_path / "data" / "index.json").unlink()

    gnome.save(credential("lab", 3))

    assert gnome.names() == ["home", "work", "lab"]


def test_a_locked_keyring_keeps_its_index(gnome: OsKeyring, tmp_path: Path) -> None:
    """Nothing is forgotten because nothing could be read."""
    from tests.secret_service_bed import running_desktop

    with running_desktop(tmp_path / "home") as other:
        gnome.save(OLD)
        other.lock()
        for act in (lambda: gnome.load("work"), lambda: gnome.save(NEW), lambda: gnome.delete("work"), gnome.rebuild):
            with pytest.raises(KeyringLocked):
                act()

        assert gnome.names() == ["work"]
