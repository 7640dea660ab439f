"""Which keyring is used, what it may not do, and how long it may take."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from keyring.backends import Windows

from codex_auth.core.store_errors import KeyringLocked, KeyringSilent, KeyringUnavailable, KeyringUnfaithful
from codex_auth.keys import keyrings, secret_service
from codex_auth.keys.keyrings import ALLOWED, WINDOWS_LIMIT, Keyring, check_open, choose
from tests.contract.folder_keyring import FolderKeyring
from tests.secret_service_bed import Desktop, running_desktop

REFUSED = [
    "keyring.backends.null.Keyring",
    "keyring.backends.fail.Keyring",
    "keyring.backends.chainer.ChainerBackend",
    "keyring.backends.libsecret.Keyring",
    "keyrings.alt.file.PlaintextKeyring",
    "keyrings.alt.file.EncryptedKeyring",
    "planted.Keyring",
]
"""What the environment or a configuration file could choose in the library."""

CHOOSE = (
    "import sys\n"
    "from codex_auth.core.store_errors import KeyringUnavailable\n"
    "from codex_auth.keys.keyrings import choose\n"
    "try:\n"
    "    kind = type(choose()).__mro__[1]\n"
    "    print(kind.__module__ + '.' + kind.__name__, vars(choose()))\n"
    "except KeyringUnavailable:\n"
    "    print('none')\n"
    "print(any(name.partition('.')[0] in {'planted', 'keyrings'} for name in sys.modules))\n"
)
"""Says which keyring is chosen, with which settings, and whether anything foreign was imported."""


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """Write a folder of keyrings that keep everything in the clear, and leave a mark when they are imported."""
    folder = tmp_path / "planted"
    (folder / "keyrings" / "alt").mkdir(parents=True)
    text = (
        "import pathlib\n"
        f"pathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
        "from keyring.backend import KeyringBackend\n"
        "class Keyring(KeyringBackend):\n"
        "    priority = 99\n"
        "    def get_password(self, service, username): return None\n"
        "    def set_password(self, service, username, password): pass\n"
        "PlaintextKeyring = EncryptedKeyring = Keyring\n"
    )
    (folder / "planted.py").write_text(text)
    (folder / "keyrings" / "alt" / "file.py").write_text(text)
    return folder


def chosen(env: dict[str, str]) -> list[str]:
    """Return what `CHOOSE` says in this environment."""
    return subprocess.run(
        [sys.executable, "-c", CHOOSE], env=env, capture_output=True, text=True, check=True
    ).stdout.splitlines()


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("way", ["environment", "configuration"])
def test_nobody_else_chooses(desktop: Desktop, tmp_path: Path, plant: Path, name: str, way: str) -> None:
    """Neither the environment nor the library's configuration file leads us to another keyring or folder."""
    env = {**desktop.env, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    if way == "environment":
        env |= {"PYTHON_KEYRING_BACKEND": name, "PYTHONPATH": str(plant)}
    else:
        (tmp_path / "config" / "python_keyring").mkdir(parents=True)
        (tmp_path / "config" / "python_keyring" / "keyringrc.cfg").write_text(
            f"[backend]\ndefault-keyring={name}\nkeyring-path={plant}\n"
        )

    assert chosen(env) == ["keyring.backends.SecretService.Keyring {}", "False"]
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("name", REFUSED)
def test_none_is_better_than_those(tmp_path: Path, plant: Path, name: str) -> None:
    """Where no trusted keyring works, what the environment names is still not used."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(plant), "PYTHON_KEYRING_BACKEND": name}

    assert chosen(env) == ["none", "False"]
    assert not (tmp_path / "imported").exists()


def test_no_settings_from_the_environment(desktop: Desktop) -> None:
    """`KEYRING_PROPERTY_*` could send the secrets to a collection that is gone after logout."""
    session = "/org/freedesktop/secrets/collection/session"

    found = chosen({**desktop.env, "KEYRING_PROPERTY_PREFERRED_COLLECTION": session, "KEYRING_PROPERTY_SCHEME": "x"})

    assert found == ["keyring.backends.SecretService.Keyring {}", "False"]


def test_the_list_is_short() -> None:
    """Secret Service, KWallet, macOS Keychain and Windows Credential Manager, each the library's own class."""
    assert {f"{module}.{name}" for line in ALLOWED.values() for module, name in line.items()} == {
        "keyring.backends.SecretService.Keyring",
        "keyring.backends.kwallet.DBusKeyring",
        "keyring.backends.macOS.Keyring",
        "keyring.backends.Windows.WinVaultKeyring",
    }


@pytest.mark.parametrize("platform", ["linux", "freebsd14", "darwin", "win32"])
def test_the_wrong_platforms_keyring_is_none(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each platform asks for its own keyring only, and says so when it is not there."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)

    with pytest.raises(KeyringUnavailable) as caught:
        choose()

    assert caught.value.status == 1


# --- waiting ---------------------------------------------------------------------------------------------------


def test_no_bus_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over SSH or in a container nothing is loaded and nobody is waited for."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setattr(keyrings, "choose", lambda: pytest.fail("the library was asked"))
    started = time.monotonic()

    with pytest.raises(KeyringUnavailable, match="D-Bus") as caught:
        Keyring().read(["work#a1"])

    assert time.monotonic() - started < 0.5
    assert caught.value.status == 1


@pytest.mark.parametrize("address", ["unix:path=/nonexistent/bus", "tcp:host=127.0.0.1,port=1", "autolaunch:", "?"])
def test_a_dead_bus_is_no_keyring(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that leads nowhere is said in words, and soon."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)

    with pytest.raises(KeyringUnavailable):
        Keyring().read(["work#a1"])


@pytest.fixture
def asleep(tmp_path: Path) -> Iterator[FolderKeyring]:
    """Return a keyring that answers nothing until the test is over."""
    backend, over = FolderKeyring(str(tmp_path / "items")), threading.Event()
    backend.before = lambda _operation: over.wait() and None
    yield backend
    over.set()


@pytest.mark.parametrize(
    "act",
    [lambda keyring: keyring.read(["x"]), lambda keyring: keyring.write("x", "y"), lambda keyring: keyring.remove("x")],
    ids=["read", "write", "remove"],
)
def test_a_silent_keyring_is_left_behind(asleep: FolderKeyring, act: Callable[[Keyring], Any]) -> None:
    """Whoever waits is told after the limit, with exit status 7."""
    keyring = Keyring(asleep, seconds=0.1)
    started = time.monotonic()

    with pytest.raises(KeyringSilent, match=r"within 0\.1 seconds") as caught:
        act(keyring)

    assert time.monotonic() - started < 2
    assert caught.value.status == 7


def test_a_silent_keyring_is_not_asked_twice(asleep: FolderKeyring) -> None:
    """While a call is still on its way a newer one could be overtaken by it, so there is none."""
    keyring, asked, wait = Keyring(asleep, seconds=0.1), [], asleep.before

    def note(operation: str) -> None:
        asked.append(operation)
        wait(operation)

    asleep.before = note

    for _ in range(3):
        with pytest.raises(KeyringSilent):
            keyring.write("x", "y")

    assert asked == ["set"]


@pytest.mark.usefixtures("own_gnome_keyring")
def test_a_process_ends_while_its_keyring_sleeps(tmp_path: Path) -> None:
    """What was left behind does not keep the program from ending."""
    script = (
        "import time\n"
        "from codex_auth.core.store_errors import KeyringSilent\n"
        "from codex_auth.keys.keyrings import Keyring\n"
        "class Asleep:\n"
        "    def get_password(self, service, username): time.sleep(60)\n"
        "try:\n"
        "    Keyring(Asleep(), seconds=0.1).read(['x'])\n"
        "except KeyringSilent:\n"
        "    print('silent')\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=20, check=True)

    assert done.stdout == b"silent\n"
    assert done.stderr == b""


@pytest.fixture
def locked_desktop(tmp_path: Path) -> Iterator[Desktop]:
    """Run a keyring whose collection exists and is locked."""
    with running_desktop(tmp_path / "home") as desktop:
        Keyring().write("work#a1", "text")
        desktop.lock()
        yield desktop


ACTS: dict[str, Callable[[Keyring], Any]] = {
    "read": lambda keyring: keyring.read(["work#a1"]),
    "write": lambda keyring: keyring.write("home#a1", "text"),
    "overwrite": lambda keyring: keyring.write("work#a1", "text"),
    "remove": lambda keyring: keyring.remove("work#a1"),
    "names": lambda keyring: keyring.names(),
}


def test_a_locked_keyring_says_so_at_once(locked_desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    """No prompt is asked for and nobody is waited for; the words say how to unlock it, and the exit status is 7."""
    monkeypatch.setattr(keyrings, "choose", lambda: pytest.fail("the library would have prompted"))

    for name, act in ACTS.items():
        started = time.monotonic()
        with pytest.raises(KeyringLocked) as caught:
            act(Keyring())
        assert time.monotonic() - started < 1, name
        assert caught.value.status == 7
        assert "gnome-keyring-daemon --unlock" in caught.value.hint


@pytest.mark.usefixtures("own_gnome_keyring")
def test_a_sleeping_service_costs_one_wait(tmp_path: Path) -> None:
    """A Secret Service that does not answer is asked once for each act, not once for each way of asking."""
    with running_desktop(tmp_path / "home") as desktop:
        Keyring().write("work#a1", "text")
        desktop.sleep()
        for act in ACTS.values():
            started = time.monotonic()
            with pytest.raises(KeyringSilent):
                act(Keyring(seconds=0.3))
            assert time.monotonic() - started < 0.6


@pytest.mark.usefixtures("own_gnome_keyring")
def test_a_keyring_without_a_collection_needs_a_person(tmp_path: Path) -> None:
    """A daemon that was started without a password has nothing to write to until somebody makes one."""
    with running_desktop(tmp_path / "home", password=None):
        assert secret_service.state() == "missing"
        with pytest.raises(KeyringLocked, match="asks for a password"):
            Keyring().write("work#a1", "text")


# --- lies and errors -------------------------------------------------------------------------------------------

LIES: dict[str, Callable[[str], str]] = {
    "drops": lambda _text: "",
    "truncates": lambda text: text[:-1],
    "changes newlines": lambda text: text.replace("\n", "\r\n"),
    "lower-cases": str.lower,
    "trims": str.strip,
    "another encoding": lambda text: text.encode().decode("latin-1"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_given_back_was_not_kept(tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring that changes what it is given is found out by reading it back."""
    backend = FolderKeyring(str(tmp_path))
    honest = backend.set_password
    monkeypatch.setattr(backend, "set_password", lambda service, name, text: honest(service, name, LIES[lie](text)))

    with pytest.raises(KeyringUnfaithful) as caught:
        Keyring(backend).write("x", " Token\né ")

    assert caught.value.status == 1
    assert "Token" not in str(caught.value) + caught.value.hint


def test_a_keyring_that_forgets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepting without keeping, as the library's null keyring does, is found out as well."""
    backend = FolderKeyring(str(tmp_path))
    monkeypatch.setattr(backend, "set_password", lambda *_: None)

    with pytest.raises(KeyringUnfaithful):
        Keyring(backend).write("x", "y")


def test_a_keyring_that_removes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What must be gone is looked for."""
    backend = FolderKeyring(str(tmp_path))
    monkeypatch.setattr(backend, "delete_password", lambda *_: None)
    keyring = Keyring(backend)
    keyring.write("x", "y")

    with pytest.raises(KeyringUnfaithful, match="still there"):
        keyring.remove("x")


@pytest.mark.parametrize("error", ["KeyringLocked", "LockedException", "PromptDismissedException"])
def test_dismissed_prompts_are_a_locked_keyring(tmp_path: Path, error: str) -> None:
    """Whatever library says that nobody unlocked it, the words and the exit status are the same."""
    backend = FolderKeyring(str(tmp_path))

    def refuse(_operation: str) -> None:
        raise type(error, (Exception,), {})("secret words")

    backend.before = refuse
    with pytest.raises(KeyringLocked) as caught:
        Keyring(backend).read(["x"])

    assert "secret" not in str(caught.value)


def test_an_item_that_goes_while_it_is_read_is_not_there(tmp_path: Path) -> None:
    """Somebody else removed it between being found and being read, as a save does with the old slot."""
    backend = FolderKeyring(str(tmp_path))

    def vanish(_operation: str) -> None:
        raise type("ItemNotFoundException", (Exception,), {})("Item does not exist!")

    backend.before = vanish

    assert Keyring(backend).read(["x"]) == {}
    with pytest.raises(KeyringUnavailable):
        Keyring(backend).write("x", "y")


@pytest.mark.parametrize("error", [OSError("secret"), RuntimeError("secret"), ConnectionResetError(), KeyError("x")])
def test_other_errors_show_their_kind_only(tmp_path: Path, error: Exception) -> None:
    """What an unknown library says may hold anything, so none of it is repeated."""
    backend = FolderKeyring(str(tmp_path))

    def fail(_operation: str) -> None:
        raise error

    backend.before = fail
    with pytest.raises(KeyringUnavailable, match=type(error).__name__) as caught:
        Keyring(backend).write("x", "y")

    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("own_gnome_keyring")
def test_a_keyring_that_vanishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring that was there a moment ago is reported as gone, in words, and soon."""
    with running_desktop(tmp_path / "home") as desktop:
        keyring = Keyring()
        keyring.write("work#a1", "text")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", desktop.env["DBUS_SESSION_BUS_ADDRESS"])

    with pytest.raises(KeyringUnavailable):
        keyring.write("work#b1", "text")


# --- Windows ---------------------------------------------------------------------------------------------------


class Vault:
    """The functions of Windows's Credential Manager that the library calls, with Windows's limit."""

    CRED_TYPE_GENERIC = 1
    CRED_PERSIST_ENTERPRISE = 3

    class Error(Exception):
        """What these functions raise when an item is not there."""

        winerror = 1168
        funcname = "CredRead"

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []

    def CredRead(self, Type: int, TargetName: str) -> dict[str, Any]:  # noqa: N802, N803 - names of Windows
        """Return an item."""
        self.calls.append("read")
        if TargetName not in self.items:
            raise self.Error
        return self.items[TargetName]

    def CredWrite(self, Credential: dict[str, Any], Flags: int) -> None:  # noqa: N802, N803
        """Keep an item."""
        blob = Credential["CredentialBlob"].encode("utf-16-le")
        assert len(blob) <= 2 * WINDOWS_LIMIT
        self.calls.append("write")
        self.items[Credential["TargetName"]] = {**Credential, "CredentialBlob": blob}

    def CredDelete(self, Type: int, TargetName: str) -> None:  # noqa: N802, N803
        """Remove an item."""
        self.calls.append("delete")
        del self.items[TargetName]


def test_windows_moves_no_item_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each item has a service of its own; else the library would rewrite an older item at each new name."""
    vault = Vault()
    monkeypatch.setattr(Windows, "win32cred", vault, raising=False)
    monkeypatch.setattr(Windows, "pywintypes", type("pywintypes", (), {"error": Vault.Error}), raising=False)
    keyring = Keyring(Windows.WinVaultKeyring(), limit=WINDOWS_LIMIT)

    for name in ("work#a1", "work#a2", "home#a1"):
        keyring.write(name, name * 100)
    keyring.remove("work#a2")

    assert vault.calls.count("write") == 3
    assert set(vault.items) == {"codex-auth/work#a1", "codex-auth/home#a1"}
    assert keyring.read(["work#a1", "home#a1", "work#a2"]) == {"work#a1": "work#a1" * 100, "home#a1": "home#a1" * 100}


def test_windows_has_small_items(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is known from the platform; elsewhere nobody counts."""
    assert Keyring().limit is None
    monkeypatch.setattr(sys, "platform", "win32")
    assert Keyring().limit == 1280
    check_open()
    assert Keyring().names() is None
