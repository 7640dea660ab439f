"""What the vault's file survives, refuses and hides."""

import errno
import json
import os
import shutil
import stat
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.errors import AuthError
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import (
    StoreError,
    StoreNewer,
    StoreNotDurable,
    UnsafeFile,
    VaultLocked,
    VaultRolledBack,
    VaultUnreadable,
)
from codex_auth.core.vault_header import (
    ARGON2ID,
    KEYRING,
    PASSPHRASE,
    SCRYPT,
    Derivation,
    Header,
    read_header,
    write_header,
)
from codex_auth.core.vault_kdf import STRONG
from codex_auth.core.vault_layout import HEADER_BYTES, NONCE, STEP, TAG_BYTES, key_name
from codex_auth.edge import files, locks
from codex_auth.edge.places import find_places
from codex_auth.keys.keyrings import Keyring
from codex_auth.stores import open_kind
from codex_auth.stores.index import Index
from codex_auth.stores.keyring_keeper import KeyringKeeper
from codex_auth.stores.vault import Vault
from codex_auth.stores.vault_hot import read_entry
from tests.contract.store_contract import credential
from tests.contract.vault_bed import (
    Knowing,
    Ring,
    key_path,
    kinds,
    open_vault,
    places,
    with_key_file,
    with_passphrase,
    with_ring,
)

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_KEY = bytes(range(32)).hex() + "\n"
needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads /proc")


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do without waiting for the disk: what follows kills programs, not machines."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


def put_key(folder: Path, text: str = GOLDEN_KEY) -> Path:
    """Write a key file as a person would."""
    path = key_path(folder)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def put_vault(folder: Path, raw: bytes) -> Path:
    """Put a vault file in its place."""
    path = Path(places(folder).vault)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(raw)
    path.chmod(0o600)
    return path


# --- versions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["keyfile", "argon2id", "scrypt", "keyring"])
def test_golden_files_keep_opening(tmp_path: Path, name: str) -> None:
    """What version 1 wrote, with the parameters it recommends, is read by every later version."""
    put_key(tmp_path, GOLDEN_KEY if name != "keyring" else "")
    raw = (GOLDEN / f"vault-1-{name}.cav").read_bytes()
    put_vault(tmp_path, raw)
    ring = Ring({key_name(read_header(raw, path="").vault_id): GOLDEN_KEY})
    vault = Vault(places(tmp_path), kinds(tmp_path) | {KEYRING: with_ring(tmp_path, ring)})

    assert vault.load("work") == credential("work", 1)
    assert vault.load("home") == credential("home", 2)
    vault.save(credential("lab", 3))
    assert vault.names() == ["work", "home", "lab"]


def test_a_newer_vault_is_left_alone(tmp_path: Path) -> None:
    """What a later version wrote is neither read nor replaced, and the message says which version is needed."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    raw = bytearray(Path(vault.path).read_bytes())
    raw[8] = 2
    path = put_vault(tmp_path, bytes(raw))

    for act in (lambda: vault.load("work"), vault.names, lambda: vault.save(credential()), vault.prove_writable):
        with pytest.raises(StoreNewer, match="has version 2"):
            act()

    assert path.read_bytes() == raw


# --- damage ----------------------------------------------------------------------------------------------------


def test_every_flipped_bit_and_every_cut_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No change of the file, in the header or behind it, gives a credential, and none escapes as another error."""
    vault = open_vault(tmp_path)
    for number in range(3):
        vault.save(credential(f"p{number}", number))
    whole = Path(vault.path).read_bytes()
    disk = {vault.path: whole, str(key_path(tmp_path)): key_path(tmp_path).read_bytes()}
    monkeypatch.setattr(files, "read_private", lambda path, **_options: disk.get(path))
    assert vault.load("p1") == credential("p1", 1)

    def refusal(broken: bytes) -> type[AuthError] | None:
        disk[vault.path] = broken
        try:
            vault.load("p1")
        except AuthError as error:
            return type(error)
        return None

    flipped = [
        refusal(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        for at in range(len(whole))
        for bit in range(8)
    ]
    cut = [
        refusal(broken)
        for size in range(len(whole))
        for broken in (whole[:size], whole[size + 1 :], whole + whole[: size + 1])
    ]

    version, source = flipped[64:72], flipped[72:80]
    assert set(version) == {StoreNewer, VaultUnreadable}
    assert set(source) == {VaultLocked, VaultUnreadable}
    assert {*flipped[:64], *flipped[80:], *cut} == {VaultUnreadable}
    assert len(flipped) + len(cut) > 20_000


@pytest.mark.parametrize("raw", [b"", b"\0" * 5000, b"{}", b"CAUVAULT", b"CAUVAULT\1" + b"\0" * 1106])
def test_a_damaged_vault_is_never_overwritten(tmp_path: Path, raw: bytes) -> None:
    """Nothing is saved over it, moved or deleted: with the right key it might still be saved by a person."""
    vault = open_vault(tmp_path)
    path = put_vault(tmp_path, raw)

    for act in (
        lambda: vault.load("work"),
        lambda: vault.save(credential()),
        lambda: vault.delete("work"),
        vault.names,
        vault.prove_writable,
        vault.rekey,
        vault.accept_rollback,
    ):
        with pytest.raises(VaultUnreadable) as caught:
            act()
        assert caught.value.status == 1

    assert path.read_bytes() == raw
    assert os.listdir(path.parent) == [path.name]


def forged(derivation: Derivation) -> bytes:
    """Return a vault that nobody can open, whose header asks for this."""
    header = Header(source=PASSPHRASE, derivation=derivation, vault_id=b"v" * 16, generation=1)
    return write_header(header) + os.urandom(STEP + TAG_BYTES)


GREEDY = [
    replace(STRONG, memory=64 * 1024 * 1024),
    replace(STRONG, memory=2**32 - 1, passes=2**32 - 1, lanes=2**32 - 1),
    replace(STRONG, passes=2**32 - 1),
    replace(STRONG, lanes=2**24),
    Derivation(name=SCRYPT, memory=2**26, passes=1, lanes=1),
    Derivation(name=SCRYPT, memory=2**31, passes=1, lanes=1),
    Derivation(name=SCRYPT, memory=2**17, passes=1, lanes=2**30),
]


@pytest.mark.parametrize("derivation", GREEDY)
def test_a_forged_header_cannot_ask_for_work(tmp_path: Path, derivation: Derivation) -> None:
    """64 GiB, or years, are refused before anybody is asked and anything is derived."""
    person = Knowing()
    put_vault(tmp_path, forged(derivation))

    with pytest.raises(VaultUnreadable):
        open_vault(tmp_path, with_passphrase(tmp_path, person)).load("work")

    assert person.asked == []


def test_forged_headers_under_a_memory_limit(tmp_path: Path) -> None:
    """With 300 MiB of address space no header ends the program; what is allowed and does not fit is said."""
    fits_not = [
        Derivation(name=ARGON2ID, memory=512 * 1024, passes=1, lanes=1),
        Derivation(name=SCRYPT, memory=512 * 1024, passes=1, lanes=1),
    ]
    for number, derivation in enumerate([*GREEDY, *fits_not]):
        folder = tmp_path / str(number)
        folder.mkdir()
        put_vault(folder, forged(derivation))
    script = (
        "import resource\n"
        "from pathlib import Path\n"
        "from codex_auth.core.errors import AuthError\n"
        "from tests.contract.vault_bed import open_vault, with_passphrase\n"
        "resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))\n"
        f"for number in range({len(GREEDY) + len(fits_not)}):\n"
        f"    folder = Path({str(tmp_path)!r}, str(number))\n"
        "    try:\n"
        "        open_vault(folder, with_passphrase(folder)).load('work')\n"
        "    except AuthError as error:\n"
        "        print(error.code)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["vault_unreadable"] * len(GREEDY) + ["vault_locked"] * len(fits_not)


# --- keys ------------------------------------------------------------------------------------------------------


def test_wrong_passphrase_and_damage_are_one_error(tmp_path: Path) -> None:
    """Nobody learns from the message which of the two it was."""
    open_vault(tmp_path, with_passphrase(tmp_path)).save(credential())
    said = []
    with pytest.raises(VaultUnreadable) as caught:
        open_vault(tmp_path, with_passphrase(tmp_path, Knowing("wrong"))).load("work")
    said.append((str(caught.value), caught.value.hint, caught.value.status))
    raw = bytearray(Path(places(tmp_path).vault).read_bytes())
    raw[-1] ^= 1
    put_vault(tmp_path, bytes(raw))
    with pytest.raises(VaultUnreadable) as caught:
        open_vault(tmp_path, with_passphrase(tmp_path)).load("work")
    said.append((str(caught.value), caught.value.hint, caught.value.status))

    assert said[0] == said[1]
    assert caught.value.status == 1


def test_wrong_passphrase_and_damage_take_as_long(tmp_path: Path) -> None:
    """Both derive once and try once; their processor times are alike."""
    strength = Derivation(name=ARGON2ID, memory=8 * 1024, passes=3, lanes=1)
    open_vault(tmp_path, with_passphrase(tmp_path, strength=strength)).save(credential())
    whole = Path(places(tmp_path).vault).read_bytes()
    damaged = whole[:-1] + bytes([whole[-1] ^ 1])

    def seconds(raw: bytes, passphrase: Knowing) -> float:
        put_vault(tmp_path, raw)
        vault = open_vault(tmp_path, with_passphrase(tmp_path, passphrase))
        started = time.process_time()
        with pytest.raises(VaultUnreadable):
            vault.load("work")
        return time.process_time() - started

    rounds = [(seconds(whole, Knowing("wrong")), seconds(damaged, Knowing())) for _ in range(15)]

    assert 0.5 < statistics.median(wrong / broken for wrong, broken in rounds) < 2


def test_a_passphrase_is_asked_for_once(tmp_path: Path) -> None:
    """A new vault asks for a new passphrase; everything after it in one run asks nothing more."""
    person = Knowing()
    vault = open_vault(tmp_path, with_passphrase(tmp_path, person))
    vault.prove_writable()
    vault.save(credential())
    vault.load("work")
    assert person.asked == [True]

    again = open_vault(tmp_path, with_passphrase(tmp_path, person))
    again.load("work")
    again.save(credential("home"))
    again.delete("work")

    assert person.asked == [True, False]


def test_a_locked_vault_is_listed_without_asking(tmp_path: Path) -> None:
    """`names` and `cards` need no passphrase, but for the one time that makes a lost list anew."""
    open_vault(tmp_path, with_passphrase(tmp_path)).save(credential())
    person = Knowing()
    vault = open_vault(tmp_path, with_passphrase(tmp_path, person))
    assert [card.identity for card in vault.cards()] == [credential().identity]

    assert person.asked == []
    Path(places(tmp_path).index).unlink()
    assert vault.names() == ["work"]

    assert person.asked == [False]
    assert open_vault(tmp_path, with_passphrase(tmp_path, person)).names() == ["work"]
    assert person.asked == [False]


def test_an_index_that_is_behind_is_not_believed(tmp_path: Path) -> None:
    """After a crash between vault and index the vault itself is listed, where that asks nobody."""
    vault = open_vault(tmp_path)
    vault.save(credential("work"))
    before = Path(places(tmp_path).index).read_bytes(), Path(places(tmp_path).seen).read_bytes()
    vault.save(credential("home"))
    Path(places(tmp_path).index).write_bytes(before[0])
    Path(places(tmp_path).seen).write_bytes(before[1])
    assert vault.names() == ["work", "home"]

    vault.save(credential("lab"))

    listed = Index(places(tmp_path).index, locks=places(tmp_path).locks, kind="vault").cards()
    assert [card.profile for card in listed] == ["work", "home", "lab"]


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"version": 2}', b'{"version": 1, "profiles": {"a": 1}}'])
def test_a_damaged_index_is_made_again(tmp_path: Path, text: bytes) -> None:
    """The index is worth nothing by itself."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    Path(places(tmp_path).index).write_bytes(text)

    assert vault.names() == ["work"]


def test_a_lost_key_file_locks_the_vault(tmp_path: Path) -> None:
    """Without its key the vault is locked, not lost: nothing makes a new key over it."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    kept = key_path(tmp_path).read_bytes()
    key_path(tmp_path).unlink()

    for act in (lambda: vault.load("work"), lambda: vault.save(credential()), vault.prove_writable, vault.rekey):
        with pytest.raises(VaultLocked) as caught:
            act()
        assert caught.value.status == 7
    assert not key_path(tmp_path).exists()

    put_key(tmp_path, kept.decode())
    assert vault.load("work") == credential()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o777])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """By reading and writing, by the quick way too; and the message says what to type."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    key_path(tmp_path).chmod(mode)

    for act in (lambda: vault.load("work"), lambda: vault.save(credential())):
        with pytest.raises(UnsafeFile) as caught:
            act()
        assert f"chmod 600 {key_path(tmp_path)}" in caught.value.hint
    assert read_entry(vault.path, str(key_path(tmp_path)), "work", seen=places(tmp_path).seen) is None


@pytest.mark.parametrize("text", ["", "xyz", "00" * 31, "00" * 33, f"{GOLDEN_KEY}{GOLDEN_KEY}{GOLDEN_KEY}", "é" * 64])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    """A key file with anything but a key locks the vault; it is not replaced."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    path = put_key(tmp_path, text)

    with pytest.raises(VaultLocked):
        vault.load("work")

    assert path.read_text() == text
    assert read_entry(vault.path, str(path), "work", seen=places(tmp_path).seen) is None


def test_a_vault_takes_the_key_that_is_there(tmp_path: Path) -> None:
    """Who brings a key file, or deleted the vault, finds that key used and not replaced."""
    put_key(tmp_path)
    open_vault(tmp_path).save(credential())

    assert key_path(tmp_path).read_text() == GOLDEN_KEY


def test_a_vault_with_a_key_elsewhere(tmp_path: Path) -> None:
    """A source that this run does not have is named."""
    open_vault(tmp_path, with_ring(tmp_path, Ring())).save(credential())

    with pytest.raises(VaultLocked, match="keyring"):
        open_vault(tmp_path).load("work")


def test_a_machine_without_argon2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault that was made elsewhere says what this machine lacks."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf import argon2

    def refuse(**_options: object) -> None:
        raise UnsupportedAlgorithm("")

    open_vault(tmp_path, with_passphrase(tmp_path)).save(credential())
    monkeypatch.setattr(argon2, "Argon2id", refuse)

    with pytest.raises(VaultLocked, match="cannot compute argon2id"):
        open_vault(tmp_path, with_passphrase(tmp_path)).load("work")


def test_the_vault_of_a_run(tmp_path: Path) -> None:
    """It lies in the data folder, its key file in the state folder."""
    env = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_STATE_HOME": str(tmp_path / "state")}
    found = find_places(env)

    open_kind(found, "vault").save(credential())

    assert open_kind(found, "vault").load("work") == credential()
    assert read_entry(found.vault, found.vault_key, "work", seen=found.vault_seen)
    assert (tmp_path / "data" / "codex-auth" / "vault.cav").exists()
    assert (tmp_path / "state" / "codex-auth" / "vault.key").exists()


# --- rollback --------------------------------------------------------------------------------------------------


def test_yesterdays_vault_is_noticed(tmp_path: Path) -> None:
    """It is listed, and neither loaded, changed nor overwritten, until a person accepts it."""
    vault = open_vault(tmp_path)
    vault.save(credential(number=1))
    yesterday = Path(vault.path).read_bytes()
    vault.save(credential("home", 2))
    vault.save(credential(number=3))
    put_vault(tmp_path, yesterday)

    for act in (
        lambda: vault.load("work"),
        lambda: vault.save(credential(number=4)),
        lambda: vault.delete("work"),
        vault.prove_writable,
        vault.rekey,
    ):
        with pytest.raises(VaultRolledBack, match="it is save 1, and save 3 was seen") as caught:
            act()
        assert caught.value.status == 9
        assert "accept-rollback" in caught.value.hint
    assert vault.names() == ["work"]
    assert Path(vault.path).read_bytes() == yesterday

    vault.accept_rollback()
    assert vault.load("work") == credential(number=1)
    vault.save(credential(number=5))
    assert vault.load("work") == credential(number=5)


def test_another_vault_is_noticed(tmp_path: Path) -> None:
    """A vault that is not the one seen last is not trusted for refreshing, even if it opens."""
    put_key(tmp_path)
    vault = open_vault(tmp_path)
    vault.save(credential())
    put_vault(tmp_path, (GOLDEN / "vault-1-keyfile.cav").read_bytes())

    with pytest.raises(VaultRolledBack, match="another vault"):
        vault.load("work")


def test_a_vault_that_begins_anew_is_no_rollback(tmp_path: Path) -> None:
    """Who deletes the vault starts afresh."""
    vault = open_vault(tmp_path)
    vault.save(credential(number=1))
    vault.save(credential(number=2))
    Path(vault.path).unlink()

    fresh = open_vault(tmp_path)
    fresh.save(credential(number=3))

    assert fresh.load("work") == credential(number=3)


@pytest.mark.parametrize("note", [None, b"", b"[]", b'{"vault": 1, "generation": 2}', b"\0"])
def test_a_lost_note_is_written_again(tmp_path: Path, note: bytes | None) -> None:
    """Without the note nothing can be compared; the next save makes it again."""
    vault = open_vault(tmp_path)
    vault.save(credential(number=1))
    seen = Path(places(tmp_path).seen)
    if note is None:
        seen.unlink()
    else:
        seen.write_bytes(note)
    assert vault.load("work") == credential(number=1)

    vault.save(credential(number=2))

    assert json.loads(seen.read_bytes())["generation"] == 2


# --- what reaches the disk -------------------------------------------------------------------------------------


def test_no_secret_reaches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a file that stays, not in one that is written for a moment, and not beside the vault."""
    written, real = bytearray(), os.write

    def write(fd: int, data: Any) -> int:
        written.extend(data)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    person = Knowing("passphrase-canary")
    vault = open_vault(tmp_path, with_passphrase(tmp_path, person))
    saved = credential(size=900)
    vault.save(saved)
    vault.save(replace(saved, access=Secret("access-canary")))
    vault.prove_writable()
    vault.rekey(with_key_file(tmp_path))
    vault.save(credential("home"))
    vault.delete("work")
    monkeypatch.undo()

    kept = b"".join(each.read_bytes() for each in tmp_path.rglob("*") if each.is_file())
    canaries = [b"canary", b"access-", b"refresh-", b"id-1-", b"client-1", b"offline_access"]
    assert len(written) > 10_000
    assert [each for each in canaries if each in written + kept] == []
    assert not any(each.name.endswith((".tmp", ".bak")) for each in tmp_path.rglob("*"))


def test_files_are_private(tmp_path: Path) -> None:
    """Everything is 0600, whatever the umask says."""
    old = os.umask(0)
    try:
        open_vault(tmp_path).save(credential())
    finally:
        os.umask(old)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.rglob("*") if each.is_file()}
    assert set(modes.values()) == {0o600}
    assert {"vault.cav", "vault.key", "index.json", "vault-generation.json"} <= set(modes)


def test_sizes_are_steps(tmp_path: Path) -> None:
    """The file grows in steps of 1,024 bytes."""
    vault = open_vault(tmp_path)
    sizes = set()
    for size in range(0, 3000, 100):
        vault.save(credential(size=size))
        sizes.add(os.path.getsize(vault.path))

    assert {(size - HEADER_BYTES - TAG_BYTES) % STEP for size in sizes} == {0}
    assert len(sizes) < 12


def test_no_nonce_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand saves under one key have ten thousand nonces, and count up one by one."""
    disk: dict[str, bytes] = {}
    headers: list[Header] = []

    def replace_file(path: str, pieces: list[bytes], **_options: Any) -> None:
        disk[path] = b"".join(pieces)
        if path == vault.path:
            headers.append(read_header(disk[path], path=path))

    for name, fake in {
        "replace": replace_file,
        "read_private": lambda path, **_options: disk.get(path),
        "private_folder": lambda _path: None,
        "sweep": lambda _path: None,
        "remove": lambda _path: None,
    }.items():
        monkeypatch.setattr(files, name, fake)
    monkeypatch.setattr(locks, "hold", lambda *_args, **_options: nullcontext())
    vault = open_vault(tmp_path)

    for _ in range(10_000):
        vault.save(credential())

    assert len({header.nonce for header in headers}) == 10_000
    assert [header.generation for header in headers] == list(range(1, 10_001))
    assert disk[vault.path][NONCE] == headers[-1].nonce


# --- the quick way ---------------------------------------------------------------------------------------------


def test_the_quick_way_reads_what_the_usual_way_reads(tmp_path: Path) -> None:
    """It returns the same entry, and None for whatever is not there."""
    vault = open_vault(tmp_path)
    key = str(key_path(tmp_path))
    assert read_entry(vault.path, key, "work", seen=places(tmp_path).seen) is None
    vault.save(credential("home", 2))
    vault.save(credential())

    entry = json.loads(read_entry(vault.path, key, "work", seen=places(tmp_path).seen) or b"")

    assert entry["access"] == credential().access.reveal()
    assert read_entry(vault.path, key, "lab", seen=places(tmp_path).seen) is None
    assert read_entry(vault.path, str(tmp_path), "work", seen=places(tmp_path).seen) is None
    assert read_entry(vault.path, vault.path, "work", seen=places(tmp_path).seen) is None


def test_the_quick_way_reads_no_older_vault(tmp_path: Path) -> None:
    """A vault before the one seen last, another one, or one whose note is gone is for the usual way; a newer is not."""
    vault, key, seen = open_vault(tmp_path), str(key_path(tmp_path)), Path(places(tmp_path).seen)
    vault.save(credential())
    yesterday, note = Path(vault.path).read_bytes(), seen.read_bytes()
    vault.save(credential(number=2))
    today = seen.read_bytes()

    def reads() -> bool:
        return read_entry(vault.path, key, "work", seen=str(seen)) is not None

    assert reads()
    seen.write_bytes(note)
    assert reads(), "the note comes after the vault"
    for other in (b"", today[:-2], today[:-1] + b"0}", today.replace(b'"vault": "', b'"vault": "0')):
        seen.write_bytes(other)
        assert not reads(), other
    seen.write_bytes(today)
    put_vault(tmp_path, yesterday)
    assert not reads()


def test_the_quick_way_during_a_change_of_keys(tmp_path: Path) -> None:
    """Either of two keys opens the vault."""
    open_vault(tmp_path).save(credential())
    old = key_path(tmp_path).read_text()

    for text in (GOLDEN_KEY + old, old + GOLDEN_KEY):
        path = put_key(tmp_path, text)
        assert read_entry(places(tmp_path).vault, str(path), "work", seen=places(tmp_path).seen)


def test_the_quick_way_trusts_no_link(tmp_path: Path) -> None:
    """A planted link or second name is left to the usual way, which refuses it."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    path, other = Path(vault.path), tmp_path / "other"
    path.rename(other)
    path.symlink_to(other)
    assert read_entry(vault.path, str(key_path(tmp_path)), "work", seen=places(tmp_path).seen) is None
    with pytest.raises(StoreError):
        vault.load("work")

    path.unlink()
    os.link(other, path)
    assert read_entry(vault.path, str(key_path(tmp_path)), "work", seen=places(tmp_path).seen) is None


def test_the_quick_way_loads_little(tmp_path: Path) -> None:
    """Neither JSON nor regular expressions nor the rest of `cryptography` is loaded, and opening needs two reads."""
    vault = open_vault(tmp_path)
    vault.save(credential())
    script = (
        "import sys\n"
        "from codex_auth.stores.vault_hot import read_entry\n"
        f"assert read_entry({vault.path!r}, {str(key_path(tmp_path))!r}, 'work', seen={places(tmp_path).seen!r})\n"
        "heavy = {'json', 're', 'enum', 'typing', 'dataclasses', 'datetime', 'collections', 'contextlib', 'filelock'}\n"
        "ours = {name for name in sys.modules if name.startswith('codex_auth.')}\n"
        "print(sorted(heavy & set(sys.modules)), len(ours))\n"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}

    done = subprocess.run([sys.executable, "-I", "-c", SELF + script], capture_output=True, check=True, env=env)

    assert done.stdout == b"[] 5\n"


SELF = f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
"""What lets an isolated interpreter find the package under test."""


def test_listing_loads_no_cryptography(tmp_path: Path) -> None:
    """`status` of a vault is as light as that of a file."""
    open_vault(tmp_path).save(credential())
    script = (
        "from pathlib import Path\n"
        "from codex_auth.stores.vault import Vault, VaultPlaces\n"
        "from codex_auth.keys.vault_keys import KeptKey, KeyFile\n"
        f"vault = Vault(VaultPlaces(**{vars_of(places(tmp_path))!r}), {{'keyfile': KeptKey('', KeyFile(''), '')}})\n"
        "import sys\n"
        "assert vault.names() == ['work']\n"
        "print([name for name in ('cryptography', 'filelock', 'click', 'keyring') if name in sys.modules])\n"
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env)

    assert done.stdout == b"[]\n"


def vars_of(record: Any) -> dict[str, Any]:
    """Return the fields of a record with slots."""
    return {name: getattr(record, name) for name in record.__slots__}


# --- trouble while writing -------------------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends here."""


MAY_FAIL = ("open", "write", "fsync", "replace", "link", "unlink", "mkdir", "ftruncate")
OPERATIONS = (*MAY_FAIL, "chmod", "fchmod")


class Fate:
    """Counts what is done to the disk, and strikes at one operation: a kill, after which nothing is done, or an error.

    A kill inside a write leaves half of it.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, strikes_at: int, error: int | None = None) -> None:
        self.count = 0
        self._strikes_at = strikes_at
        self._error = error
        for name in OPERATIONS if error is None else MAY_FAIL:
            monkeypatch.setattr(os, name, self._watched(name, getattr(os, name)))

    def step(self, undone: Callable[[], object] = lambda: None) -> None:
        """Count one operation, and strike if it is its turn."""
        self.count += 1
        if self.count == self._strikes_at:
            undone()
        if self._error is None and self.count >= self._strikes_at:
            raise Killed
        if self._error is not None and self.count == self._strikes_at:
            raise OSError(self._error, "")

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            half = (lambda: real(args[0], bytes(args[1])[: len(args[1]) // 2])) if name == "write" else (lambda: None)
            self.step(half)
            return real(*args, **options)

        return call


class FragileRing:
    """The keyring's keeper over a keyring in memory, each of whose operations is one of fate's."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.fate: Fate | None = None

    @property
    def keeper(self) -> KeyringKeeper:
        """Return it as a new process would open it."""
        return KeyringKeeper(Keyring(self))

    def get_password(self, service: str, username: str) -> str | None:
        """Return an item."""
        self._step()
        return self.items.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep an item, removing the old one first, as the library does on macOS."""
        self._step()
        self.items.pop(username, None)
        self._step()
        self.items[username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Remove an item."""
        self._step()
        del self.items[username]

    def kept(self) -> list[str]:
        """Return the text of every key that is kept."""
        return [text.split(" ", 4)[4] for text in self.items.values()]

    def _step(self) -> None:
        if self.fate:
            self.fate.step()


CHANGES = [
    ("keyfile", "keyfile"),
    ("keyring", "keyring"),
    ("passphrase", "passphrase"),
    ("keyfile", "passphrase"),
    ("passphrase", "keyfile"),
    ("keyring", "keyfile"),
    ("keyfile", "keyring"),
    ("passphrase", "keyring"),
    ("keyring", "passphrase"),
]


class Change:
    """One vault whose key is changed."""

    def __init__(self, folder: Path, old: str, new: str) -> None:
        self.folder, self.old, self.new = folder, old, new
        self.is_same_place = old == new != "passphrase"
        self.ring = FragileRing()
        self.opened_with(old, "old").save(credential(size=1500))
        self.yesterday = Path(places(folder).vault).read_bytes()

    def source(self, kind: str, phrase: str) -> Any:
        """Return a source; a passphrase is told apart by its words."""
        if kind == "keyfile":
            return with_key_file(self.folder)
        if kind == "keyring":
            return with_ring(self.folder, self.ring.keeper)
        return with_passphrase(self.folder, Knowing(phrase))

    def opened_with(self, kind: str, phrase: str) -> Vault:
        """Open the vault as somebody who knows one source."""
        return open_vault(self.folder, self.source(kind, phrase))

    def make(self, fate: Fate | None = None) -> None:
        """Change the key."""
        vault = self.opened_with(self.old, "old")
        self.ring.fate = fate
        try:
            vault.rekey(None if self.is_same_place else self.source(self.new, "new"))
        finally:
            self.ring.fate = None

    def kept(self) -> list[int]:
        """Return how many keys each place keeps."""
        texts = self.ring.kept()
        if key_path(self.folder).exists():
            texts.append(key_path(self.folder).read_text())
        return [len(text.split()) for text in texts]

    def openers(self) -> Iterator[Vault]:
        """Return the vault as each source opens it that does."""
        for kind, phrase in [(self.old, "old"), (self.new, "new")][: 1 if self.is_same_place else 2]:
            vault = self.opened_with(kind, phrase)
            try:
                vault.load("work")
            except (VaultUnreadable, VaultLocked):
                continue
            yield vault


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_after_a_change_of_keys_the_old_file_is_unreadable(tmp_path: Path, old: str, new: str) -> None:
    """Everything is still there; yesterday's file opens with nothing that is kept or known now."""
    change = Change(tmp_path, old, new)
    change.make()

    assert change.kept() == ([] if new == "passphrase" else [1])
    (vault,) = change.openers()
    assert vault.load("work") == credential(size=1500)
    vault.save(credential("home", 2))
    put_vault(tmp_path, change.yesterday)
    Path(places(tmp_path).seen).unlink()
    with pytest.raises((VaultUnreadable, VaultLocked)):
        change.opened_with(new, "new").load("work")
    if old != "passphrase":
        with pytest.raises((VaultUnreadable, VaultLocked)):
            change.opened_with(old, "old").load("work")


@pytest.mark.parametrize("error", [None, errno.ENOSPC])
@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_change_of_keys_that_is_struck_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, error: int | None
) -> None:
    """A kill and a full disk at every operation: the vault opens with the old key or the new one.

    It holds what it held, can be saved to, and its key can be changed after all.
    """
    strikes_at, is_over = 0, False
    while not is_over:
        strikes_at += 1
        folder = tmp_path / str(strikes_at)
        folder.mkdir()
        change = Change(folder, old, new)
        with monkeypatch.context() as patches:
            fate = Fate(patches, strikes_at=strikes_at, error=error)
            with suppress(Killed, AuthError):
                change.make(fate)
        is_over = fate.count < strikes_at
        vault, *_ = change.openers()
        assert vault.load("work") == credential(size=1500)
        vault.save(credential("home", 2))
        assert set(change.kept()) <= {1}
        vault.rekey(change.source(new, "new"))
        assert vault.load("work") == credential(size=1500)
        assert vault.names() == ["work", "home"]
        shutil.rmtree(folder)
    assert strikes_at > 15


@pytest.mark.parametrize("error", [None, errno.ENOSPC, errno.EIO])
def test_a_save_that_is_struck_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int | None) -> None:
    """Old or new, never neither; and what is said to be unsaved is not saved."""
    strikes_at, is_over = 0, False
    while not is_over:
        strikes_at += 1
        folder = tmp_path / str(strikes_at)
        folder.mkdir()
        vault = open_vault(folder)
        vault.save(credential(number=1))
        failure: BaseException | None = None
        with monkeypatch.context() as patches:
            fate = Fate(patches, strikes_at=strikes_at, error=error)
            try:
                vault.save(credential(number=2))
            except (Killed, AuthError) as caught:
                failure = caught
        is_over = fate.count < strikes_at
        held = vault.load("work")
        assert held in (credential(number=1), credential(number=2))
        if failure is None:
            assert held == credential(number=2)
        elif type(failure) is StoreNotDurable:
            assert held == credential(number=1)
        vault.save(credential(number=3))
        assert [card.expires for card in vault.cards()] == [credential(number=3).expires]
        assert not any(each.name.endswith(".tmp") for each in folder.rglob("*"))
        shutil.rmtree(folder)
    assert strikes_at > 20


@pytest.mark.parametrize("error", [None, errno.ENOSPC])
def test_a_first_save_that_is_struck_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int | None
) -> None:
    """A vault that begins is there whole or not at all, and beginning again works, also after an older vault."""
    strikes_at, is_over = 0, False
    while not is_over:
        strikes_at += 1
        folder = tmp_path / str(strikes_at)
        folder.mkdir()
        vault = open_vault(folder)
        vault.save(credential("gone"))
        Path(vault.path).unlink()
        vault = open_vault(folder)
        with monkeypatch.context() as patches:
            fate = Fate(patches, strikes_at=strikes_at, error=error)
            with suppress(Killed, AuthError):
                vault.save(credential())
        is_over = fate.count < strikes_at
        assert open_vault(folder).load("work") in (None, credential())
        open_vault(folder).save(credential(number=2))
        assert open_vault(folder).load("work") == credential(number=2)
        shutil.rmtree(folder)
    assert strikes_at > 20


def test_another_source_begins_with_a_new_key(tmp_path: Path) -> None:
    """One that an interrupted change left in the key file is not taken up again."""
    vault = open_vault(tmp_path, with_passphrase(tmp_path))
    vault.save(credential())
    left = b"ab" * 32 + b"\n"
    key_path(tmp_path).parent.mkdir(parents=True, exist_ok=True)
    key_path(tmp_path).touch(mode=0o600)
    key_path(tmp_path).write_bytes(left)

    vault.rekey(with_key_file(tmp_path))

    assert key_path(tmp_path).read_bytes() != left
    assert open_vault(tmp_path).load("work") == credential()


def test_rekeying_nothing(tmp_path: Path) -> None:
    """Without a vault there is nothing to change, and no key is made."""
    with pytest.raises(StoreError, match="no vault"):
        open_vault(tmp_path).rekey()

    assert not key_path(tmp_path).exists()
