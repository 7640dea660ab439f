"""Reading the Secret Service directly: the same as the library reads, or nothing; and quickly."""

import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import secretstorage
from hypothesis import given
from hypothesis import strategies as st
from keyring.backends import SecretService

from codex_auth.keys import secret_service
from codex_auth.keys.dbus import (
    DEPTH_LIMIT,
    HEADER,
    MESSAGE_LIMIT,
    BusTrouble,
    call_message,
    encoded,
    message_size,
    read_message,
)
from codex_auth.keys.session_bus import BusSilent, bus_address
from tests.secret_service_bed import Desktop

ROOT = Path(__file__).parents[2]
TEXTS = ["", "x", "a" * 20_000, "é漢😀", 'line\nline\r\n\t"\\', "x" * 700_000]


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest) -> None:
    """Begin each test that uses the keyring without items of ours."""
    if "desktop" in request.fixturenames:
        request.getfixturevalue("desktop").clear()


# --- the real keyring ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_it_reads_what_the_library_wrote(desktop: Desktop, text: str) -> None:
    """Whatever the library wrote comes back, and is what the library itself reads."""
    library = SecretService.Keyring()
    library.set_password("codex-auth", "work#a1", text)

    assert secret_service.read("codex-auth", ["work#a1"]) == {"work#a1": text}
    assert library.get_password("codex-auth", "work#a1") == text


def test_it_reads_several_at_once(desktop: Desktop) -> None:
    """Names that have no item are left out; other services and longer names are not meant."""
    library = SecretService.Keyring()
    for service, name in [("codex-auth", "a"), ("codex-auth", "b"), ("codex-auth", "ab"), ("other", "c")]:
        library.set_password(service, name, f"{service} {name}")

    assert secret_service.read("codex-auth", ["a", "b", "c"]) == {"a": "codex-auth a", "b": "codex-auth b"}
    assert sorted(secret_service.names("codex-auth") or []) == ["a", "ab", "b"]
    assert secret_service.state() == "open"


def test_nothing_is_nothing(desktop: Desktop) -> None:
    """That there is no such item is known, and not a failure."""
    assert secret_service.read("codex-auth", ["work#a1"]) == {}
    assert secret_service.names("codex-auth") == []


def test_two_items_of_one_name_are_not_decided(desktop: Desktop) -> None:
    """An item of another program under our name leaves the choice to the library."""
    SecretService.Keyring().set_password("codex-auth", "work#a1", "ours")
    bus = secretstorage.dbus_init()
    secretstorage.get_default_collection(bus).create_item(
        "another", {"service": "codex-auth", "username": "work#a1", "xdg:schema": "x"}, b"theirs"
    )
    bus.close()

    assert secret_service.read("codex-auth", ["work#a1"]) is None


def test_what_is_no_text_is_not_read(desktop: Desktop) -> None:
    """Bytes that are not UTF-8 are none of ours."""
    bus = secretstorage.dbus_init()
    secretstorage.get_default_collection(bus).create_item(
        "x", {"service": "codex-auth", "username": "work#a1"}, b"\xff\xfe"
    )
    bus.close()

    assert secret_service.read("codex-auth", ["work#a1"]) is None


def test_a_locked_item_is_not_read(desktop: Desktop, tmp_path: Path) -> None:
    """Reading never unlocks anything and never waits for a person."""
    from tests.secret_service_bed import running_desktop

    with running_desktop(tmp_path / "home") as other:
        SecretService.Keyring().set_password("codex-auth", "work#a1", "text")
        other.lock()

        assert secret_service.state() == "locked"
        assert secret_service.read("codex-auth", ["work#a1"]) is None


def test_a_keyring_without_a_password_opens_by_itself(own_gnome_keyring: None, tmp_path: Path) -> None:
    """Its daemon locks it at every start, and unlocks it for whoever needs it, without asking anybody."""
    from tests.secret_service_bed import running_desktop

    folder = tmp_path / "home" / ".local/share/keyrings"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "default").write_text("plain")
    (folder / "plain.keyring").write_text("[keyring]\ndisplay-name=plain\nctime=0\nmtime=0\n")
    with running_desktop(tmp_path / "home", password=None):
        assert secret_service.state() == "open"
        SecretService.Keyring().set_password("codex-auth", "work#a1", "text")
    with running_desktop(tmp_path / "home", password=None):
        assert secret_service.read("codex-auth", ["work#a1"]) is None

        assert secret_service.state() == "open"
        assert secret_service.read("codex-auth", ["work#a1"]) == {"work#a1": "text"}


def test_a_keyring_with_a_password_stays_locked(own_gnome_keyring: None, tmp_path: Path) -> None:
    """Its daemon says that it would have to ask, and is not let."""
    from tests.secret_service_bed import running_desktop

    with running_desktop(tmp_path / "home"):
        SecretService.Keyring().set_password("codex-auth", "work#a1", "text")
    with running_desktop(tmp_path / "home", password=None):
        assert [secret_service.state() for _ in range(3)] == ["locked"] * 3


# --- speed -----------------------------------------------------------------------------------------------------

READ = (
    "import sys; sys.path.insert(0, {root!r})\n"
    "from codex_auth.keys import secret_service\n"
    "from codex_auth.stores import slots\n"
    "import json\n"
    "found = slots.newest('work', lambda names: secret_service.read('codex-auth', names))\n"
    "assert json.loads(found.text)['access']\n"
)
"""What printing a live token from the keyring has to do."""


def test_a_live_token_costs_four_bare_starts_at_most(
    desktop: Desktop, record_property: Callable[[str, object], None]
) -> None:
    """Reading, joining, checking and decoding one login takes at most four times as long as starting Python."""
    from codex_auth.keys.keyrings import Keyring
    from codex_auth.stores import slots

    entry = json.dumps({"type": "oauth", "access": "a" * 2000, "refresh": "r" * 100, "idToken": "i" * 1500})
    Keyring().write("work#a1", slots.split(entry, 1, None)[0])
    programs = {"bare": "pass", "read": READ.format(root=str(ROOT))}

    def cost(program: str) -> tuple[float, float]:
        """Return time on the wall and time of the processor; only the second stands still while others work."""
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
        after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        return ended - started, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    cost(programs["read"])  # compiles what is not compiled yet
    rounds = [(cost(programs["read"]), cost(programs["bare"])) for _ in range(15)]
    wall, ratio = (min(read[n] for read, _ in rounds) / min(bare[n] for _, bare in rounds) for n in (0, 1))

    record_property("ratio", round(ratio, 2))
    print(f"direct read: {ratio:.2f} bare starts of processor time, {wall:.2f} on the wall")
    assert ratio <= 4


def test_a_direct_read_loads_little(desktop: Desktop) -> None:
    """Neither the library nor anything heavy is imported, which is where the time would go."""
    script = READ.format(root=str(ROOT)).rpartition("found =")[0] + (
        "assert secret_service.read('codex-auth', ['x']) == {}\n"
        "print(sorted({'keyring', 'jeepney', 'socket', 'threading', 'dataclasses', 'typing', 'cryptography'} "
        "& set(sys.modules)))\n"
    )

    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, check=True)

    assert done.stdout == b"[]\n"


# --- a bus that misbehaves -------------------------------------------------------------------------------------


@contextmanager
def false_bus(folder: Path, behave: Callable[[socket.socket], None]) -> Iterator[None]:
    """Listen where the session bus would be, and treat one visitor as `behave` says."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "bus"))
        server.listen()
        server.settimeout(10)

        def serve() -> None:
            visitor, _ = server.accept()
            with visitor:
                visitor.settimeout(10)
                try:
                    behave(visitor)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={folder}/bus")
            yield
        thread.join()


def let_in(visitor: socket.socket) -> None:
    """Do the handshake as a bus does."""
    assert visitor.recv(100).startswith(b"\0AUTH EXTERNAL ")
    visitor.sendall(b"OK 1234\r\n")
    assert visitor.recv(4096).startswith(b"BEGIN\r\n")


def reply(serial: int, signature: str, body: bytes, *, kind: int = 2) -> bytes:
    """Return an answer to the call with this number."""
    fields = bytes([5, 1]) + b"u\0" + serial.to_bytes(4, "little")
    if signature:
        fields += bytes([8, 1]) + b"g\0" + bytes([len(signature)]) + signature.encode() + b"\0"
    head = b"l" + bytes([kind, 0, 1]) + len(body).to_bytes(4, "little") + bytes([9, 0, 0, 0])
    return head + len(fields).to_bytes(4, "little") + fields + bytes(-len(fields) % 8) + body


HELLO = reply(1, "s", encoded("s", ":1.1"))
SESSION = HELLO + reply(2, "vo", encoded("vo", ("s", ""), "/session/1"))
BAD_REPLIES = {
    "nothing": b"",
    "no message": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "cut off": HELLO[:-3],
    "too long": b"l\2\0\1" + (MESSAGE_LIMIT + 1).to_bytes(4, "little") + bytes(8),
    "endless fields": b"l\2\0\1" + bytes(8) + b"\xff\xff\xff\xff",
    "another type": SESSION + reply(3, "s", encoded("s", "/item")),
    "no value": SESSION + reply(3, "", b""),
    "an error": SESSION + reply(3, "s", encoded("s", "secret words"), kind=3),
    "only an error": reply(3, "s", encoded("s", "secret words"), kind=3),
    "a body that is too short": SESSION + reply(3, "ao", b"\xff\0\0\0"),
    "a body that is too long": SESSION + reply(3, "ao", bytes(12)),
    "no path": SESSION + reply(3, "ao", b"\1\0\0\0\0"),
    "no session": HELLO + reply(2, "o", encoded("o", "/session/1")),
    "a hundred signals": SESSION + reply(7, "", b"", kind=4) * 100,
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_an_odd_answer_is_none(tmp_path: Path, name: str) -> None:
    """Whatever a bus sends, nothing is raised and nothing is made up."""

    def behave(visitor: socket.socket) -> None:
        let_in(visitor)
        visitor.sendall(BAD_REPLIES[name])
        visitor.shutdown(socket.SHUT_WR)
        while visitor.recv(4096):
            pass

    with false_bus(tmp_path, behave):
        assert secret_service.read("codex-auth", ["work#a1"]) is None


@pytest.mark.parametrize("line", [b"REJECTED EXTERNAL\r\n", b"ERROR\r\n", b"\r\n", b"x" * 5000, b""])
def test_a_bus_that_refuses_us_is_none(tmp_path: Path, line: bytes) -> None:
    """A handshake that does not end in OK ends the attempt."""

    def behave(visitor: socket.socket) -> None:
        visitor.recv(100)
        visitor.sendall(line)

    with false_bus(tmp_path, behave):
        assert secret_service.state() is None


@pytest.mark.parametrize("drip", [b"", b"x"])
def test_a_slow_bus_is_given_up(tmp_path: Path, drip: bytes) -> None:
    """One deadline covers everything, and silence is said, so that nobody asks in another way and waits again."""

    def behave(visitor: socket.socket) -> None:
        let_in(visitor)
        while True:
            visitor.sendall(drip or b"")
            visitor.settimeout(0.05)
            try:
                if not visitor.recv(4096):
                    return
            except TimeoutError:
                continue

    started = time.monotonic()
    with false_bus(tmp_path, behave), pytest.raises(BusSilent):
        secret_service.read("codex-auth", ["work#a1"], seconds=0.3)
    assert time.monotonic() - started < 3


def test_the_bus_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that somebody else listens on is left at once, before we say who we are."""
    got: list[bytes] = []
    real = os.geteuid()

    with false_bus(tmp_path, lambda visitor: got.append(visitor.recv(100))):
        monkeypatch.setattr(os, "geteuid", lambda: real + 1)
        monkeypatch.setattr("codex_auth.keys.session_bus._ROOT_USER", -1)
        assert secret_service.read("codex-auth", ["work#a1"]) is None

    assert got == [b""]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:path=/run/user/0/bus", "/run/user/0/bus"),
        ("unix:path=/tmp/a%20b,guid=1", "/tmp/a b"),
        ("unix:abstract=/tmp/x,guid=1", "\0/tmp/x"),
        ("tcp:host=x,port=1;unix:path=/b", "/b"),
        ("unix:guid=1;unix:path=/b;unix:path=/c", "/b"),
        ("unix:path=/%zz", "/%zz"),
        ("unix:tmpdir=/tmp", None),
        ("autolaunch:", None),
        ("", None),
        (";;:,=", None),
    ],
)
def test_addresses(text: str, address: str | None) -> None:
    """The first Unix socket that is named is the one; other transports are not for us."""
    assert bus_address(text) == address


# --- the reader of messages ------------------------------------------------------------------------------------


@given(st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.text(max_size=9)))
def test_a_message_reads_as_it_was_written(attributes: dict[str, str]) -> None:
    """What we encode, our reader and the library's decode alike."""
    from jeepney.low_level import Message

    body = encoded("sa{ss}", "name", attributes)
    message = call_message(7, "a.b", "/c", "d.e", "sa{ss}", body)

    assert message_size(message[:HEADER]) == len(message)
    assert read_message(message)[2:] == ("sa{ss}", ["name", attributes])
    assert Message.from_buffer(message).body == ("name", attributes)


def test_variants_and_lists_read_as_written() -> None:
    """The types of the calls we make."""
    from jeepney.low_level import Message

    for signature, values in [("sv", ["plain", ("s", "")]), ("aoo", [["/a", "/bc"], "/d"]), ("ss", ["x", "yz"])]:
        message = call_message(1, "a.b", "/c", "d.e", signature, encoded(signature, *values))
        assert read_message(message)[3] == values
        assert list(Message.from_buffer(message).body) == values


def read_or_refuse(message: bytes) -> None:
    """Read a message; only `BusTrouble` may come out."""
    with suppress(BusTrouble):
        read_message(message)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Nothing but `BusTrouble` is ever raised."""
    read_or_refuse(data)
    read_or_refuse(b"l\2\0\1" + data)


SECRETS = reply(
    3,
    "a{o(oayays)}",
    b"\x48\0\0\0\0\0\0\0\2\0\0\0/i\0\0\0\0\0\0\2\0\0\0/s\0\0\0\0\0\0\6\0\0\0secret\0\0\n\0\0\0text/plain\0" + bytes(19),
)


def test_twenty_thousand_damaged_answers() -> None:
    """Answers with flipped bits, cut short, or with other signatures are read or refused, and quickly."""
    chance = random.Random(1)
    samples = [HELLO, SECRETS, call_message(1, "a.b", "/c", "d.e", "sv", encoded("sv", "plain", ("s", "")))]
    started = time.monotonic()

    for _ in range(20_000):
        message = bytearray(chance.choice(samples))
        for _ in range(chance.randrange(1, 5)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        read_or_refuse(bytes(message))
        read_or_refuse(bytes(message[: chance.randrange(len(message))]))

    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    "signature", ["(", ")", "a", "a{", "a{s}", "a{vs}", "a{sss}", "()", "z", "a" * 100, "(" * 100, "h", "{ss", "a{ass}"]
)
def test_odd_signatures_are_refused(signature: str) -> None:
    """Types that we never read, or that are none, are refused before any value is."""
    with pytest.raises(BusTrouble):
        read_message(reply(1, signature, bytes(64)))


def test_deep_variants_are_refused() -> None:
    """A variant in a variant in a variant does not recurse for ever."""
    body = b"\1v\0" * (DEPTH_LIMIT + 2) + b"\1y\0\1"

    with pytest.raises(BusTrouble, match="deep"):
        read_message(reply(1, "v", body))
