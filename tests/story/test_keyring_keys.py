"""Keys in a real GNOME Keyring: the vault's, and those that seal; the real program on a bus of our own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codex_auth.edge.places import find_places
from codex_auth.stores import open_kind
from codex_auth.stores.vault import Vault
from tests.secret_service_bed import Desktop, running_desktop
from tests.story.conftest import Person
from tests.story.test_seals import Home
from tests.story.test_stores import sign_in

PATIENCE = 3.0
STARTING = 2.0
"""What a busy machine may add for starting the program."""


@pytest.fixture
def at_home(person: Person, desktop: Desktop) -> Person:
    """Return somebody whose program reaches an open keyring with none of our items in it."""
    desktop.clear()
    person.program.env |= {key: desktop.env[key] for key in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")}
    return person


@pytest.fixture
def bus(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """Let this process reach the same keyring."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.env["DBUS_SESSION_BUS_ADDRESS"])
    return desktop


@pytest.fixture
def own(person: Person, own_gnome_keyring: None, tmp_path: Path) -> Iterator[tuple[Person, Desktop]]:
    """Return somebody with a vault whose key is in a keyring that may be locked and stopped."""
    with running_desktop(tmp_path / "desk") as desktop:
        person.program.env |= {key: desktop.env[key] for key in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")}
        person.program.env["CODEX_AUTH_VAULT_KEY"] = "keyring"
        sign_in(person, "work", "work", "--store", "vault")
        yield person, desktop


def keys(desktop: Desktop) -> list[str]:
    """Return the names of the vault's keys in the keyring."""
    return [found["username"] for _, found, _ in desktop.items() if "vault-key" in found["username"]]


def key_file(person: Person) -> Path:
    """Return where the vault's key file would be."""
    return person.program.home / "state/vault.key"


def test_the_key_moves_to_the_keyring_and_back(at_home: Person, bus: Desktop) -> None:
    """Each rekey leaves one key in one place; the token is served all the time."""
    sign_in(at_home, "work", "work", "--store", "vault")
    token = at_home.program("token", "work").stdout
    assert (key_file(at_home).exists(), keys(bus)) == (True, [])

    for target, in_keyring in (("keyring", 1), ("keyring", 1), ("keyfile", 0)):
        done = at_home.program("vault", "rekey", "--to", target)
        assert (done.returncode, done.stderr) == (0, "")
        assert (key_file(at_home).exists(), len(keys(bus))) == (not in_keyring, in_keyring)
        assert at_home.program("token", "work").stdout == token
        assert at_home.program("refresh", "work").returncode == 0
        token = at_home.program("token", "work").stdout


def test_a_new_vault_begins_as_configured(at_home: Person, bus: Desktop) -> None:
    """`vault_key = "keyring"`: no key file is ever made."""
    config = at_home.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('vault_key = "keyring"\nstore = "vault"\n')

    sign_in(at_home, "work", "work")

    assert (key_file(at_home).exists(), len(keys(bus))) == (False, 1)
    assert at_home.program("refresh", "work").returncode == 0
    config.write_text('vault_key = "usb stick"\n')
    assert at_home.program("status").returncode == 2


def test_a_live_token_is_read_without_the_library(at_home: Person, bus: Desktop) -> None:
    """The quick way asks the Secret Service for the key itself; nothing heavy is loaded."""
    at_home.program.env["CODEX_AUTH_VAULT_KEY"] = "keyring"
    sign_in(at_home, "work", "work", "--store", "vault")
    script = (
        "import atexit, sys; sys.argv = ['codex-auth', 'token', 'work']\n"
        "heavy = {'keyring', 'secretstorage', 'jeepney', 'click', 'dataclasses', 'json', 're'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from codex_auth.cli.main import main; main()"
    )
    env = {key: value for key, value in at_home.program.env.items() if "COVERAGE" not in key}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True)

    vault = open_kind(find_places(at_home.program.env), "vault")
    held = vault.load("work")
    assert held is not None
    assert (done.stdout, done.stderr) == (held.access.reveal() + "\n", "[]\n")


@pytest.mark.parametrize("trouble", ["locked", "silent", "absent"])
def test_a_keyring_that_does_not_answer_is_said(own: tuple[Person, Desktop], trouble: str) -> None:
    """In words, with exit 7, after three seconds at most; no other key is tried and none is made."""
    person, desktop = own
    if trouble == "locked":
        desktop.lock()
    elif trouble == "silent":
        desktop.sleep()
    else:
        del person.program.env["DBUS_SESSION_BUS_ADDRESS"]
    for words in (("token", "work"), ("refresh", "work"), ("vault", "rekey", "--to", "keyfile")):
        started = time.monotonic()
        done = person.program(*words)
        took = time.monotonic() - started
        assert (done.returncode, done.stdout) == (7, ""), (words, done.stderr)
        assert "keyring" in done.stderr
        assert "Traceback" not in done.stderr
        assert took < PATIENCE + STARTING, words
    assert not key_file(person).exists()
    assert not person.sandbox.log("token", "refresh_token")
    assert person.program("status").returncode == 0


def test_a_vault_does_not_move_to_a_locked_keyring(person: Person, own_gnome_keyring: None, tmp_path: Path) -> None:
    """It stays under its key file; nothing was changed."""
    with running_desktop(tmp_path / "desk") as desktop:
        person.program.env |= {key: desktop.env[key] for key in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")}
        sign_in(person, "work", "work", "--store", "vault")
        before = (person.program.home / ".local/share/codex-auth/vault.cav").read_bytes()
        desktop.lock()

        done = person.program("vault", "rekey", "--to", "keyring")

        assert done.returncode == 7
        assert (person.program.home / ".local/share/codex-auth/vault.cav").read_bytes() == before
        assert person.program("token", "work").returncode == 0


def test_nobody_is_sent_to_a_browser_for_a_locked_keyring(own: tuple[Person, Desktop]) -> None:
    """`start` needs the keyring's seal, as `finish` will need the keyring: exit 7 now, not after the sign-in."""
    person, desktop = own
    desktop.lock()

    done = person.program("start", "new", env={"CODEX_AUTH_STORE": "keyring"})

    assert (done.returncode, done.stdout) == (7, "")


def test_a_pending_sign_in_is_sealed_in_the_keyring(at_home: Person, bus: Desktop) -> None:
    """The key is an item of ours; `finish` opens with it, and none lies in a file for it."""
    at_home.program.env["CODEX_AUTH_STORE"] = "keyring"
    address = at_home.redirect()
    (row,) = json.loads(at_home.program.pending.read_text())["pending"]
    assert row["sealed_by"] == "keyring"
    assert not (at_home.program.home / "state/seal.key").exists()

    assert at_home.program("finish", "work", "--callback-url", "-", given=address).returncode == 0
    assert at_home.program.json("status")["profiles"][0]["store"] == "keyring"
    assert [found["username"] for _, found, _ in bus.items() if "seal" in found["username"]] == ["#seal#a1"]


@pytest.mark.parametrize("target", [None, "file", "vault"])
def test_a_reply_in_the_keyring_is_finished(
    at_home: Person, bus: Desktop, monkeypatch: pytest.MonkeyPatch, target: str | None
) -> None:
    """Sealed with a key in the keyring, it does not open with the key file, and is finished where the login is then."""
    here = Home(at_home, "keyring")
    here.leave_a_reply(monkeypatch)
    assert here.note.sealed_by == "keyring"
    assert not here.opens_with_the_key_file()

    if target:
        here.move(target)

    assert here.opens_with_the_key_file() is (target == "file")
    here.finishes()


def test_a_reply_that_moves_to_the_keyring(at_home: Person, bus: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From then on the key file opens nothing of it."""
    here = Home(at_home, "file")
    here.leave_a_reply(monkeypatch)
    assert here.opens_with_the_key_file()

    here.move("keyring")

    assert not here.opens_with_the_key_file()
    here.finishes()


def test_a_due_token_is_renewed_from_the_quick_way(at_home: Person, bus: Desktop) -> None:
    """The refresh beside `token` has the vault's key from the keyring by itself."""
    at_home.program.env["CODEX_AUTH_VAULT_KEY"] = "keyring"
    sign_in(at_home, "work", "work", "--store", "vault")
    vault, now = open_kind(find_places(at_home.program.env), "vault"), datetime.now(UTC)
    held = vault.load("work")
    assert isinstance(vault, Vault)
    assert held is not None
    vault.save(replace(held, expires=now - timedelta(minutes=1), refreshed=now - timedelta(hours=1)))

    done = at_home.program("token", "work")

    assert (done.returncode, done.stderr) == (0, "")
    assert len(at_home.sandbox.log("token", "refresh_token")) == 1
