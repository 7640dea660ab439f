"""A session bus and a real GNOME Keyring of our own, in a scratch home; nobody else's keyring is ever touched."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import secretstorage

PASSWORD = b"not a secret"
_INSIDE = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface"
"""What GNOME Keyring calls the interface of its own prompts."""


class Desktop:
    """What a test may do to the keyring from outside. Its environment is `env`."""

    def __init__(self, env: dict[str, str], daemon: "subprocess.Popen[bytes]") -> None:
        self.env = env
        self._daemon = daemon
        self._is_locked_by_us = False

    def sleep(self) -> None:
        """Stop the keyring; the bus goes on."""
        self._daemon.send_signal(signal.SIGSTOP)

    def items(self) -> list[tuple[str, dict[str, str], str]]:
        """Return label, attributes and secret of every item of ours."""
        with closing(secretstorage.dbus_init()) as bus:
            found = secretstorage.get_default_collection(bus).search_items({"service": "codex-auth"})
            return [(item.get_label(), item.get_attributes(), item.get_secret().decode()) for item in found]

    def shown(self) -> list[str]:
        """Return every label and attribute of every item in every collection: what is readable while all is locked."""
        with closing(secretstorage.dbus_init()) as bus:
            items = [item for each in secretstorage.get_all_collections(bus) for item in each.get_all_items()]
            return [text for item in items for text in (item.get_label(), *sum(item.get_attributes().items(), ()))]

    def clear(self) -> None:
        """Remove every item of ours."""
        with closing(secretstorage.dbus_init()) as bus:
            for item in list(secretstorage.get_default_collection(bus).search_items({"service": "codex-auth"})):
                item.delete()

    def lock(self) -> None:
        """Lock the collection, as a screen lock may."""
        self._is_locked_by_us = True
        with closing(secretstorage.dbus_init()) as bus:
            secretstorage.get_default_collection(bus).lock()

    def open_again(self) -> None:
        """Unlock a daemon that locked itself, and say so beside the failure that it may have caused.

        `test_gnome_keyring.py` then gives that test another run; those after it find the keyring open.
        """
        from codex_auth.keys import secret_service

        self._daemon.send_signal(signal.SIGCONT)
        if not self._is_locked_by_us and secret_service.state() == "locked":
            print("The daemon has locked its collection, and nobody asked it to.")
            self._unlock()

    def _unlock(self) -> None:
        """Give the daemon the password as its own prompt would."""
        from secretstorage.util import DBusAddressWrapper, format_secret, open_session

        with closing(secretstorage.dbus_init()) as bus:
            path = secretstorage.get_default_collection(bus).collection_path
            secret = format_secret(open_session(bus), PASSWORD, "text/plain")
            inside = DBusAddressWrapper("/org/freedesktop/secrets", _INSIDE, bus)
            inside.call("UnlockWithMasterPassword", "o(oayays)", path, secret)


@contextmanager
def running_desktop(home: Path, *, password: bytes | None = PASSWORD) -> Iterator[Desktop]:
    """Start a bus and a keyring in this home; with None nobody gives it a password, as after a login by SSH key.

    A new home then has no collection, and one that has a password stays locked.

    The environment of this process points to them for the length of the block.
    """
    runtime = home / "run"
    runtime.mkdir(parents=True, mode=0o700, exist_ok=True)
    kept = ("PATH", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")
    env = {key: os.environ[key] for key in kept if key in os.environ}
    env |= {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)}
    with subprocess.Popen(
        ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as bus:  # fmt: skip
        assert bus.stdout is not None
        env["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()
        command = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
        with subprocess.Popen(
            command if password is None else [*command, "--unlock"],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as daemon:  # fmt: skip
            assert daemon.stdin is not None
            daemon.stdin.write(password or b"")
            daemon.stdin.close()
            try:
                with pytest.MonkeyPatch.context() as patch:
                    patch.setenv("DBUS_SESSION_BUS_ADDRESS", env["DBUS_SESSION_BUS_ADDRESS"])
                    _wait_for_service()
                    # As on every desktop, somebody else is connected all the time.
                    with closing(secretstorage.dbus_init()) as bus_of_somebody:
                        if password:
                            list(secretstorage.get_default_collection(bus_of_somebody).get_all_items())
                        desktop = Desktop(env, daemon)
                        yield desktop
                        if password:
                            desktop.open_again()
            finally:
                daemon.send_signal(signal.SIGCONT)
                daemon.terminate()
                bus.terminate()


def _wait_for_service() -> None:
    """Wait until the keyring has its name on the bus; asking for it would start a second one."""
    deadline = time.monotonic() + 20
    with closing(secretstorage.dbus_init()) as bus:
        while not _has_owner(bus):
            assert time.monotonic() < deadline, "the keyring did not start"
            time.sleep(0.02)


def _has_owner(bus: "secretstorage.DBusConnection") -> bool:
    from jeepney import DBusAddress, new_method_call

    address = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
    call = new_method_call(address, "NameHasOwner", "s", ("org.freedesktop.secrets",))
    return bool(bus.send_and_get_reply(call).body[0])


def main() -> None:
    """Run a desktop in the folder that is named, say how its bus is reached, and end when stdin does."""
    with running_desktop(Path(sys.argv[1])) as desktop:
        print(desktop.env["DBUS_SESSION_BUS_ADDRESS"], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
