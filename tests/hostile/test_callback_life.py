"""One login's callback from opening to closing: what wakes its owner, what stays open, what is gone."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.callback import pages
from codex_auth.callback.loopback import MAX_CONNECTIONS, Callback, Readable, Visit, open_callback
from tests.hostile.callback_bed import PATH, body_of, fields_of, open_bed, read_all, status_of

NONCE = "0123456789abcdef0123456789abcdef"
AUTHORIZE = "https://auth.openai.com/oauth/authorize?client_id=app&state=s%2Bt"


@pytest.fixture
def callback() -> Iterator[Callback]:
    """Open a callback that nobody serves but the test."""
    with open_callback([0], PATH, profile="work") as opened:
        yield opened


def wait(callback: Callback, seconds: float = 5, also: int | None = None) -> Visit | Readable | None:
    """Wait in real time."""
    return callback.wait(time.monotonic() + seconds, ticks=time.monotonic, also=also)


def visit(callback: Callback, query: str = "code=c&state=s") -> tuple[socket.socket, Visit]:
    """Come to the callback; return the browser's socket and what its owner was given."""
    browser = socket.create_connection(("127.0.0.1", callback.port), timeout=5)
    browser.sendall(f"GET {PATH}?{query} HTTP/1.1\r\nHost: localhost:{callback.port}\r\n\r\n".encode())
    arrived = wait(callback)
    assert isinstance(arrived, Visit)
    return browser, arrived


def is_free(port: int) -> bool:
    """Whether nobody listens on either address."""
    for address in ("127.0.0.1", "::1"):
        try:
            socket.create_connection((address, port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return False
    return True


def test_a_visit_carries_the_query_and_takes_the_page(callback: Callback) -> None:
    """The query is raw text; the page goes to the browser whole."""
    browser, arrived = visit(callback, "code=a%20b&state=%ff")
    arrived.answer(pages.success("work"))

    with browser:
        reply = read_all(browser)

    assert arrived.query == "code=a%20b&state=%ff"
    assert body_of(reply) == pages.success("work").body


def test_nothing_is_answered_before_the_owner_judges(callback: Callback) -> None:
    """While the code is exchanged the browser waits; success is never said too early (CB-11)."""
    browser, arrived = visit(callback)
    with browser:
        browser.settimeout(0.3)
        with pytest.raises(TimeoutError):
            browser.recv(1)
        arrived.answer(pages.failed())

        assert status_of(read_all(browser)) == 500


def test_visits_that_come_together_are_given_one_by_one(callback: Callback) -> None:
    """None is lost, and each gets its own page."""
    browsers = [socket.create_connection(("127.0.0.1", callback.port), timeout=5) for _ in range(5)]
    for number, browser in enumerate(browsers):
        browser.sendall(f"GET {PATH}?{number} HTTP/1.1\r\nHost: localhost:{callback.port}\r\n\r\n".encode())

    arrived = [wait(callback) for _ in browsers]
    for one in arrived:
        assert isinstance(one, Visit)
        one.answer(pages.refused() if one.query != "3" else pages.success("work"))
    replies = [read_all(browser) for browser in browsers]
    for browser in browsers:
        browser.close()

    assert [status_of(reply) for reply in replies] == [400, 400, 400, 200, 400]


def test_who_came_first_is_heard_before_many_more_are_let_in(callback: Callback) -> None:
    """Accepting goes in small portions, so that a queue of idle connections cannot push a visit out unread."""
    address = ("127.0.0.1", callback.port)
    browser = socket.create_connection(address, timeout=5)
    idle = [socket.create_connection(address, timeout=5) for _ in range(3 * MAX_CONNECTIONS)]
    browser.sendall(f"GET {PATH}?first HTTP/1.1\r\nHost: localhost:{callback.port}\r\n\r\n".encode())

    arrived = wait(callback)
    for connection in (browser, *idle):
        connection.close()

    assert isinstance(arrived, Visit)
    assert arrived.query == "first"


def test_unanswered_visits_are_limited_too(callback: Callback) -> None:
    """An owner who never answers holds no more connections than the limit; those beyond it are dropped."""
    browsers = [visit(callback)[0] for _ in range(MAX_CONNECTIONS)]
    late, unheard = visit(callback)

    unheard.answer(pages.success("work"))

    assert late.recv(1) == b""
    for browser in (late, *browsers):
        browser.close()


def test_a_browser_that_left_is_no_error(callback: Callback) -> None:
    """The tab may be closed while the code is exchanged; answering twice does nothing either."""
    browser, arrived = visit(callback)
    browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    browser.close()
    time.sleep(0.05)

    arrived.answer(pages.success("work"))
    arrived.answer(pages.success("work"))

    assert wait(callback, 0.05) is None


def test_the_port_is_free_once_closed_and_the_page_still_arrives(callback: Callback) -> None:
    """The owner closes as soon as a visit is accepted, exchanges the code, and answers then (CB-4)."""
    browser, arrived = visit(callback)
    idle = socket.create_connection(("127.0.0.1", callback.port), timeout=5)
    wait(callback, 0.05)

    callback.close()
    callback.close()
    with idle, browser:
        assert is_free(callback.port)
        assert idle.recv(1) == b""
        arrived.answer(pages.success("work"))
        assert status_of(read_all(browser)) == 200


def test_a_visit_that_came_too_late_is_told_so(callback: Callback) -> None:
    """A browser that loads the redirect twice must not end on a page of its own about a lost connection."""
    late = socket.create_connection(("127.0.0.1", callback.port), timeout=5)
    late.sendall(f"GET {PATH}?second HTTP/1.1\r\nHost: localhost:{callback.port}\r\n\r\n".encode())
    early, arrived = visit(callback, "first")
    if arrived.query != "first":
        late, early = early, late

    callback.close()
    arrived.answer(pages.success("work"))

    with early, late:
        assert body_of(read_all(early)) == pages.success("work").body
        assert body_of(read_all(late)) == pages.already().body


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_leaving_closes_everything_at_once(error: type[BaseException]) -> None:
    """Ctrl-C, SIGTERM's exit, any failure: port and connections are gone within a second (CB-4)."""
    browsers: list[socket.socket] = []
    with pytest.raises(error), open_callback([0], PATH, profile="work") as callback:  # noqa: PT012
        browsers.append(visit(callback)[0])
        left = time.monotonic()
        raise error

    assert is_free(callback.port)
    assert time.monotonic() - left < 1
    with browsers[0] as browser:
        assert browser.recv(1) == b""


def test_leaving_waits_for_the_page_but_not_for_ever() -> None:
    """A browser that never closes its side cannot keep the command from ending."""
    with open_callback([0], PATH, profile="work") as callback:
        browser, arrived = visit(callback)
        arrived.answer(pages.success("work"))
        left = time.monotonic()

    assert time.monotonic() - left < 1
    with browser:
        assert status_of(read_all(browser)) == 200


def test_answering_after_leaving_does_nothing() -> None:
    """The connection is gone; that is not the caller's trouble."""
    with open_callback([0], PATH, profile="work") as callback:
        browser, arrived = visit(callback)

    arrived.answer(pages.failed())

    with browser:
        assert browser.recv(1) == b""


def test_a_page_larger_than_the_socket_takes_is_sent_in_turns(callback: Callback) -> None:
    """Writing never blocks the loop; what is left goes when there is room."""
    browser, arrived = visit(callback)
    arrived.answer(pages.Page(200, b"x" * 8_000_000))
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(read_all(browser)))
    reader.start()

    while reader.is_alive():
        wait(callback, 0.05)
    browser.close()

    assert len(body_of(received[0])) == 8_000_000


def test_the_deadline_is_the_callers_clock(callback: Callback) -> None:
    """None comes when `ticks` says so, whatever real time it is."""
    times = iter([0.0, 0.0, 100.0, 1000.0])

    assert callback.wait(900.0, ticks=lambda: next(times)) is None


def test_the_owner_is_woken_to_draw(callback: Callback) -> None:
    """About four times a second, also while others knock."""
    drawn: list[float] = []
    with open_bed():
        callback.wait(time.monotonic() + 1.1, ticks=time.monotonic, tick=lambda: drawn.append(time.monotonic()))

    assert 4 <= len(drawn) <= 6


def test_whichever_comes_first_wins(callback: Callback) -> None:
    """A pipe with something to read ends the wait, again and again; a visit ends it as well."""
    reading, writing = os.pipe()
    try:
        assert wait(callback, 0.05, also=reading) is None
        os.write(writing, b"x")
        assert wait(callback, also=reading) == Readable(reading)
        assert wait(callback, also=reading) == Readable(reading)
        os.read(reading, 1)
        browser, arrived = visit(callback)
        arrived.answer(pages.refused())
        browser.close()
        os.close(writing)
        assert wait(callback, also=reading) == Readable(reading)
    finally:
        os.close(reading)


def test_a_file_as_standard_input_is_readable_at_once(callback: Callback, tmp_path: Path) -> None:
    """`login < redirect.txt`: what epoll refuses to watch is watched all the same."""
    tmp_path.joinpath("redirect.txt").write_text("http://localhost/")
    with tmp_path.joinpath("redirect.txt").open("rb") as file, Path("/dev/null").open("rb") as nothing:
        assert wait(callback, also=file.fileno()) == Readable(file.fileno())
        assert wait(callback, also=nothing.fileno()) == Readable(nothing.fileno())


def test_the_entry_sends_its_first_visitor_on_and_is_gone() -> None:
    """The address in the browser's argument list is spent by the time anybody else has read it there."""
    with open_bed() as bed:
        url = bed.callback.entry_url(AUTHORIZE, NONCE)
        path = url.removeprefix(f"http://127.0.0.1:{bed.port}")
        first = bed.ask(bed.request(path, host=f"127.0.0.1:{bed.port}"))
        second = bed.ask(bed.request(path, host=f"127.0.0.1:{bed.port}"))

    assert path == f"/login/{NONCE}"
    assert status_of(first) == 303
    fields = fields_of(first)
    assert fields.pop("Location") == AUTHORIZE
    assert fields.pop("Content-Length") == "0"
    assert fields == pages.HEADERS
    assert status_of(second) == 404
    assert bed.seen == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"host": "rebind.test:80"}, 421),
        ({"method": "POST"}, 405),
        ({"method": "HEAD"}, 405),
        ({"more": "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n"}, 400),
        ({"more": "Content-Length: 1\r\n"}, 400),
        ({"target": f"/login/{NONCE[:-1]}"}, 404),
        ({"target": f"/login/{NONCE}0"}, 404),
        ({"target": f"//login/{NONCE}"}, 404),
    ],
)
def test_the_entry_is_spent_by_a_browser_only(change: dict[str, str], status: int) -> None:
    """What is refused does not use it up."""
    with open_bed() as bed:
        target = bed.callback.entry_url(AUTHORIZE, NONCE).removeprefix(f"http://127.0.0.1:{bed.port}")

        assert status_of(bed.ask(bed.request(**{"target": target, **change}))) == status
        assert status_of(bed.ask(bed.request(target))) == 303


@pytest.mark.parametrize("target", ["https://a.test/\r\nX: y", "https://ä.test/", "https://a.test/\n"])
def test_the_entry_cannot_become_a_header(callback: Callback, target: str) -> None:
    """A line end in the target would be response splitting."""
    with pytest.raises(ValueError, match="printable ASCII"):
        callback.entry_url(target, NONCE)
