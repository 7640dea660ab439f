"""The request reader answers every byte string with one of its three verdicts, and never changes its mind."""

import contextlib
import socket

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codex_auth.callback.request_head import MAX_HEAD, Bad, Head, Incomplete, read_head
from tests.hostile.callback_bed import Bed, open_bed, status_of

FRAGMENTS = st.sampled_from(
    [
        *(b"GET", b"POST", b" ", b"/auth/callback", b"?", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\r", b"\n", b"\t"),
        *(b"Host: localhost:1455", b"Content-Length: 1", b"Transfer-Encoding: chunked", b":", b"\x00", b"\xff", b"#"),
        *(b"\r\n\r\n", b"\x16\x03\x01", b"a" * 9000, b"A: b\r\n" * 70),
    ]
)
HEADS = st.lists(FRAGMENTS, max_size=30).map(b"".join)
STATUSES = {400, 414, 431, 505}
PLAIN = b"GET /auth/callback?code=c&state=s HTTP/1.1\r\nHost: localhost:1455\r\nAccept: */*\r\n\r\n"


@given(st.binary(max_size=200) | HEADS)
@example(b"")
@example(PLAIN)
@settings(max_examples=1000, deadline=None)
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    """Head, Incomplete or Bad: never an exception (CB-20)."""
    verdict = read_head(data)

    assert isinstance(verdict, Head | Incomplete) or verdict.status in STATUSES


@given(HEADS, st.binary(max_size=50))
@settings(max_examples=500, deadline=None)
def test_a_verdict_is_final(data: bytes, more: bytes) -> None:
    """What was bad or complete stays so, whatever follows: nothing depends on how the bytes were cut into packets."""
    verdict = read_head(data)

    assert isinstance(verdict, Incomplete) or isinstance(read_head(data + more), type(verdict))
    assert not isinstance(verdict, Head) or read_head(data + more) == verdict


@given(HEADS.filter(bool).map(lambda data: data * (MAX_HEAD // len(data) + 1)))
@settings(max_examples=100, deadline=None)
def test_no_one_may_go_on_for_ever(data: bytes) -> None:
    """At the limit a head is over or bad."""
    assert not isinstance(read_head(data), Incomplete)


@pytest.mark.parametrize("cut", range(len(PLAIN)))
def test_every_beginning_of_a_good_head_is_incomplete(cut: int) -> None:
    """A head that arrives byte by byte is waited for."""
    assert read_head(PLAIN[:cut]) == Incomplete()


def test_a_head_is_read_to_the_letter() -> None:
    """Method, target and fields; names in small letters; values without the blanks around them."""
    assert read_head(PLAIN + b"rest") == Head(
        "GET", "/auth/callback?code=c&state=s", {"host": "localhost:1455", "accept": "*/*"}
    )
    assert read_head(b"GET / HTTP/1.1\r\nA:\r\nB: \t c d \t\r\n\r\n") == Head("GET", "/", {"a": "", "b": "c d"})


def test_a_head_does_not_show_itself() -> None:
    """A traceback that prints it gives no code away (CB-17)."""
    assert "/auth/" not in repr(read_head(PLAIN))


@pytest.mark.parametrize(
    ("data", "status"),
    [(b"\x16\x03", 400), (b"GET\n", 400), (b"GET /\r\n", 400), (b"GET / HTTP/1.0\r\n", 505), (b"a" * 8193, 414)],
)
def test_what_cannot_become_good_is_not_waited_for(data: bytes, status: int) -> None:
    """A TLS hello or an old version is answered at once, not after five seconds."""
    assert read_head(data) == Bad(status)


def test_any_bytes_on_the_socket_leave_it_serving() -> None:
    """Whatever a connection carried, the next one is served (CB-20)."""

    @given(st.binary(max_size=100) | HEADS)
    @settings(max_examples=100, deadline=None)
    def visit(data: bytes) -> None:
        with socket.create_connection(("127.0.0.1", bed.port)) as visitor, contextlib.suppress(ConnectionError):
            visitor.sendall(data)

        assert status_of(bed.true_visit()) == 200

    with open_bed() as bed:
        visit()


def test_the_bed_is_a_bed() -> None:
    """The judge of these tests tells true from untrue."""
    with open_bed() as bed:
        assert isinstance(bed, Bed)
        assert status_of(bed.ask(bed.request("/auth/callback?code=other"))) == 400
        assert status_of(bed.true_visit()) == 200
