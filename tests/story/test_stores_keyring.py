"""`--store auto` beside a real GNOME Keyring that works, is locked, or keeps silent: the real program."""

import time

import pytest

from tests.secret_service_bed import Desktop
from tests.story.conftest import Person


@pytest.fixture
def at_home(person: Person, desktop: Desktop) -> Person:
    """Return somebody on a desktop without any item of ours."""
    desktop.clear()
    person.program.env["DBUS_SESSION_BUS_ADDRESS"] = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
    return person


def choice(person: Person) -> tuple[str, str]:
    """Sign in with `auto`, and return the store and the reason that are told; `status` must tell the same."""
    address = person.redirect()
    answer = person.program.json("finish", "work", "--callback-url", "-", "--store", "auto", given=address)
    [row] = person.program.json("status", "--why")["profiles"]
    assert (row["store"], row["store_why"]) == (answer["store"], answer["store_why"])
    return answer["store"], answer["store_why"]


def test_auto_takes_a_keyring_that_works(at_home: Person, desktop: Desktop) -> None:
    """The login is an item of the keyring, and the reason says that it works; no trial item stays."""
    assert choice(at_home) == ("keyring", "auto (--store names it): the keyring works")
    assert [attributes["username"] for _, attributes, _ in desktop.items()] == ["work#a1"]
    assert at_home.program("refresh", "work").returncode == 0
    assert "work is in the keyring\n  because auto (--store names it): the keyring works" in (
        at_home.program("status", "--why").stdout
    )


@pytest.mark.usefixtures("own_gnome_keyring")
def test_auto_waits_once_for_a_silent_keyring(person: Person, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One that does not answer costs three seconds once, and the vault says so; the next command waits for nobody."""
    from tests.secret_service_bed import running_desktop

    with running_desktop(tmp_path_factory.mktemp("silent")) as desktop:
        person.program.env["DBUS_SESSION_BUS_ADDRESS"] = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        desktop.sleep()
        begun = time.monotonic()
        chosen = choice(person)
        seconds = time.monotonic() - begun

    assert chosen == ("vault", "auto (--store names it): the keyring did not answer within 3 seconds")
    assert seconds < 3 + 3, "waited more than once"


@pytest.mark.usefixtures("own_gnome_keyring")
def test_auto_leaves_a_locked_keyring_alone(person: Person, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One that is locked is not asked to open; the vault says what is the matter with it."""
    from tests.secret_service_bed import running_desktop

    with running_desktop(tmp_path_factory.mktemp("locked")) as desktop:
        person.program.env["DBUS_SESSION_BUS_ADDRESS"] = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
        desktop.lock()

        assert choice(person) == (
            "vault",
            "auto (--store names it): the keyring is locked: its password has not been given in this session",
        )


def test_a_damaged_index_is_made_anew_from_the_keyring(at_home: Person, desktop: Desktop) -> None:
    """Whoever comes first moves it aside and lists what the keyring has; every command goes on working."""
    assert choice(at_home)[0] == "keyring"
    assert desktop.items()
    index = at_home.program.home / ".local/share/codex-auth/index.json"
    index.write_text("{")

    assert at_home.program("refresh", "work").returncode == 0
    assert [row["store"] for row in at_home.program.json("status")["profiles"]] == ["keyring"]
    assert [each.read_text() for each in index.parent.iterdir() if ".damaged-" in each.name] == ["{"]
