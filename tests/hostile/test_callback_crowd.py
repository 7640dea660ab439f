"""Hundreds of idle, slow and vanishing visitors do not keep the true one waiting."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.callback import loopback
from codex_auth.callback.loopback import MAX_CONNECTIONS
from tests.hostile.callback_bed import Bed, body_of, open_bed, read_all, status_of

CROWD = 500


@pytest.fixture
def bed() -> Iterator[Bed]:
    """One callback for one crowd."""
    with open_bed() as running:
        yield running


@contextlib.contextmanager
def crowd(bed: Bed, size: int, greeting: bytes = b"") -> Iterator[list[socket.socket]]:
    """Open this many connections and keep them."""
    with contextlib.ExitStack() as stack:
        people = [stack.enter_context(socket.create_connection(("127.0.0.1", bed.port))) for _ in range(size)]
        for person in people:
            with contextlib.suppress(ConnectionError):
                person.sendall(greeting)
        yield people


@contextlib.contextmanager
def drip(bed: Bed, seconds_between: float = 0.05) -> Iterator[None]:
    """Send a head byte by byte, again and again."""
    over = threading.Event()

    def send() -> None:
        while not over.is_set():
            with (
                socket.create_connection(("127.0.0.1", bed.port)) as visitor,
                contextlib.suppress(ConnectionError),
            ):
                for byte in bed.request():
                    if over.wait(seconds_between):
                        return
                    visitor.sendall(bytes([byte]))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("greeting", [b"", b"GET /auth/call"])
def test_a_crowd_and_a_drip_do_not_delay_the_true_visitor(bed: Bed, greeting: bytes) -> None:
    """Five hundred idle sockets and a drip: served within a second (CB-9)."""
    with drip(bed), crowd(bed, CROWD, greeting):
        began = time.monotonic()
        reply = bed.true_visit()
        took = time.monotonic() - began

    assert status_of(reply) == 200
    assert took < 1


def test_only_a_few_sockets_are_kept(bed: Bed) -> None:
    """The oldest idle ones make room: of five hundred no more than the limit is still connected."""
    with crowd(bed, CROWD) as people:
        bed.true_visit()
        for person in people:
            person.setblocking(False)

        connected = sum(_is_connected(person) for person in people)

    assert connected < MAX_CONNECTIONS


def _is_connected(person: socket.socket) -> bool:
    try:
        return bool(person.recv(1))
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_a_stream_of_newcomers_does_not_push_the_true_visitor_out(bed: Bed) -> None:
    """While others keep connecting and leaving, every true visit in turn is answered."""
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with contextlib.suppress(ConnectionError), crowd(bed, 20):
                pass

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        statuses = [status_of(bed.true_visit()) for _ in range(30)]
    finally:
        over.set()
        thread.join()

    assert statuses == [200] * 30


def test_dripping_does_not_buy_time(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline is for the whole head, so a steady drip is cut off like silence."""
    monkeypatch.setattr(loopback, "REQUEST_SECONDS", 0.5)
    began = time.monotonic()

    with socket.create_connection(("127.0.0.1", bed.port)) as dripping, contextlib.suppress(ConnectionError):
        for byte in bed.request():
            dripping.sendall(bytes([byte]))
            dripping.settimeout(0.05)
            with contextlib.suppress(TimeoutError):
                assert dripping.recv(1) == b""
                break
    took = time.monotonic() - began

    assert 0.4 < took < 1.5
    assert bed.seen == []


def test_a_visitor_who_does_not_leave_is_left(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the page a connection is drained for a moment, not for as long as the other side pleases."""
    monkeypatch.setattr(loopback, "LINGER_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", bed.port)) as staying:
        staying.sendall(bed.request())
        reply = read_all(staying)
        for _ in range(3):
            staying.sendall(b"still talking")
            time.sleep(0.03)
        time.sleep(0.8)
        with pytest.raises(ConnectionError):  # noqa: PT012 - the first write after the end still succeeds
            for _ in range(50):
                staying.sendall(b"x")
                time.sleep(0.01)

    assert status_of(reply) == 200


def test_a_browser_that_opens_spare_connections_is_served(bed: Bed) -> None:
    """Chromium connects before it asks, on both addresses, and asks for an icon (measured)."""
    with (
        socket.create_connection(("::1", bed.port)) as spare,
        socket.create_connection(("127.0.0.1", bed.port)) as used,
    ):
        used.sendall(bed.request())
        page = read_all(used)
        spare.sendall(bed.request("/favicon.ico", more="Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"))
        icon = read_all(spare)

    assert (status_of(page), status_of(icon)) == (200, 404)


def test_who_has_sent_too_much_still_gets_the_page(bed: Bed) -> None:
    """Unread bytes at closing would reset the connection under the page; they are drained first."""
    with socket.create_connection(("127.0.0.1", bed.port)) as talker:
        talker.sendall(bed.request(more="Content-Length: 300000\r\n") + b"x" * 300_000)
        reply = read_all(talker)

    assert status_of(reply) == 400
    assert body_of(reply).endswith(b"</html>\n")


def test_descriptors_do_not_leak(bed: Bed) -> None:
    """A thousand visitors later the process has no more open files than a few visitors need."""
    before = _open_files(bed)
    for request in (b"", b"junk\r\n\r\n", bed.request("/"), bed.request()) * 250:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", bed.port)) as visitor:
            visitor.sendall(request)

    assert _open_files(bed) < before + MAX_CONNECTIONS


def _open_files(bed: Bed) -> int:
    bed.true_visit()
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
