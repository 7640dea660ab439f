"""What strangers send to the callback: each gets a fixed answer, and the true visitor is still served afterwards."""

from collections.abc import Iterator

import pytest

from codex_auth.callback import pages
from codex_auth.callback.request_head import MAX_FIELDS, MAX_HEAD, MAX_LINE
from tests.hostile.callback_bed import PATH, Bed, body_of, fields_of, open_bed, status_of


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """One callback for all cases: each must leave it usable for the next."""
    with open_bed() as running:
        yield running


def _line(size: int) -> bytes:
    """Return a field line of exactly this many bytes, without its CRLF."""
    return b"X: " + b"a" * (size - 3)


def _head(size: int) -> bytes:
    """Return a whole head of exactly this many bytes, whose Host field is left to be put in."""
    start = b"GET /auth/callback?x HTTP/1.1\r\nHost: {host}\r\n"
    room = size - len(start) - 2
    fields = b""
    while room > 4000:
        fields += b"F%d: " % room + b"a" * (3000 - len(b"F%d: " % room) - 2) + b"\r\n"
        room -= 3000
    return start + fields + b"Z: " + b"a" * (room - 5) + b"\r\n\r\n"


def _fields(count: int) -> bytes:
    """Return `count` different field lines, Host being one of them."""
    return b"Host: {host}\r\n" + b"".join(b"F%d: x\r\n" % n for n in range(count - 1))


GET = b"GET /auth/callback?x HTTP/1.1\r\n"
HOST = b"Host: {host}\r\n"

CASES: dict[str, tuple[bytes, int]] = {
    # -- who is asked for (CB-5)
    "host missing": (GET + b"\r\n", 421),
    "host empty": (GET + b"Host: \r\n\r\n", 421),
    "host without port": (GET + b"Host: localhost\r\n\r\n", 421),
    "host with another port": (GET + b"Host: localhost:1\r\n\r\n", 421),
    "host with a leading zero in the port": (GET + b"Host: localhost:0{port}\r\n\r\n", 421),
    "host in capitals": (GET + b"Host: LOCALHOST:{port}\r\n\r\n", 421),
    "host with trailing dot": (GET + b"Host: localhost.:{port}\r\n\r\n", 421),
    "host with userinfo": (GET + b"Host: localhost@evil.test:{port}\r\n\r\n", 421),
    "host of an attacker (rebinding)": (GET + b"Host: rebind.test:{port}\r\n\r\n", 421),
    "host that begins like ours": (GET + b"Host: localhost:{port}.evil.test\r\n\r\n", 421),
    "host as subdomain": (GET + b"Host: localhost.evil.test:{port}\r\n\r\n", 421),
    "host as short IPv4": (GET + b"Host: 127.1:{port}\r\n\r\n", 421),
    "host as decimal IPv4": (GET + b"Host: 2130706433:{port}\r\n\r\n", 421),
    "host as mapped IPv6": (GET + b"Host: [::ffff:127.0.0.1]:{port}\r\n\r\n", 421),
    "host as unspecified address": (GET + b"Host: 0.0.0.0:{port}\r\n\r\n", 421),
    "host as a list": (GET + b"Host: {host}, evil.test\r\n\r\n", 421),
    "host twice": (GET + HOST + HOST + b"\r\n", 400),
    "host twice, differing": (GET + HOST + b"host: evil.test\r\n\r\n", 400),
    "absolute-form of ours": (b"GET http://{host}/auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "absolute-form of another": (b"GET http://evil.test/auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "authority-form": (b"CONNECT {host} HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "localhost": (GET + b"Host: localhost:{port}\r\n\r\n", 400),
    "127.0.0.1": (GET + b"Host: 127.0.0.1:{port}\r\n\r\n", 400),
    "[::1]": (GET + b"Host: [::1]:{port}\r\n\r\n", 400),
    # -- how it was asked (CB-6)
    "image": (GET + HOST + b"Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n", 400),
    "fetch": (GET + HOST + b"Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\r\n", 400),
    "frame": (GET + HOST + b"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n", 400),
    "navigation of a kind unknown": (GET + HOST + b"Sec-Fetch-Mode: same-origin\r\n\r\n", 400),
    "navigation": (GET + HOST + b"Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n", 400),
    "WebSocket": (GET + HOST + b"Sec-Fetch-Mode: websocket\r\nSec-Fetch-Dest: websocket\r\n\r\n", 400),
    "WebSocket without metadata": (GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400),
    "page of another origin": (GET + HOST + b"Origin: https://evil.test\r\n\r\n", 400),
    "page without origin": (GET + HOST + b"Origin: null\r\n\r\n", 400),
    "prefetch": (GET + HOST + b"Sec-Fetch-Mode: navigate\r\nSec-Purpose: prefetch;prerender\r\n\r\n", 400),
    # -- methods (CB-7)
    "HEAD": (b"HEAD /auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "POST": (b"POST /auth/callback HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\na=b", 405),
    "POST without body": (b"POST /auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "OPTIONS": (b"OPTIONS /auth/callback HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "OPTIONS *": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "PUT": (b"PUT /auth/callback HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "DELETE": (b"DELETE / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "TRACE": (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "get in small letters": (b"get /auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "no method": (b" /auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method of other characters": (b"G(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    # -- paths (CB-7)
    **{
        f"path {path}": (b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n", 404)
        for path in (
            "/",
            "/favicon.ico",
            "/cancel",
            "/success",
            "//auth/callback?x",
            "/auth//callback?x",
            "/auth/callback/",
            "/auth/callback/?x",
            "/auth/./callback?x",
            "/auth/../auth/callback?x",
            "/auth/%63allback?x",
            "/auth%2fcallback?x",
            "/auth/callback%00?x",
            "/auth/callback%3fx",
            "/auth/callback;x=1?x",
            "/AUTH/callback?x",
            "/auth/callbackx?x",
            "/auth/callback&x",
            "/login/",
            "/login/00000000000000000000000000000000",
            "/..%2f..%2fetc/passwd",
        )
    },
    "fragment in the target": (b"GET /auth/callback?x#y HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "backslashes": (b"GET \\auth\\callback HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "empty query": (b"GET /auth/callback? HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no query": (b"GET /auth/callback HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    # -- the request line
    "HTTP/0.9": (b"GET /auth/callback?x\r\n", 400),
    "HTTP/1.0": (b"GET /auth/callback?x HTTP/1.0\r\n" + HOST + b"\r\n", 505),
    "HTTP/1.2": (b"GET /auth/callback?x HTTP/1.2\r\n" + HOST + b"\r\n", 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http in small letters": (b"GET /auth/callback?x http/1.1\r\n" + HOST + b"\r\n", 400),
    "version with more digits": (b"GET /auth/callback?x HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64)), 400),
    "SSH banner": (b"SSH-2.0-OpenSSH_9.6\r\n", 400),
    "two spaces": (b"GET  /auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tab for space": (b"GET\t/auth/callback?x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space in the target": (b"GET /auth/callback?x y HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "trailing space": (b"GET /auth/callback?x HTTP/1.1 \r\n" + HOST + b"\r\n", 400),
    "raw UTF-8 in the target": ("GET /auth/callback?é HTTP/1.1\r\n".encode() + HOST + b"\r\n", 400),
    "empty line first": (b"\r\n" + GET + HOST + b"\r\n", 400),
    "field instead of request line": (HOST + b"\r\n", 400),
    # -- line ends, control characters (CB-8)
    "bare LF everywhere": (b"GET /auth/callback?x HTTP/1.1\nHost: {host}\n\n", 400),
    "one bare LF": (GET + b"A: b\nC: d\r\n" + HOST + b"\r\n", 400),
    "one bare CR": (GET + b"A: b\rC: d\r\n" + HOST + b"\r\n", 400),
    "CR CR LF": (GET + b"A: b\r\r\n" + HOST + b"\r\n", 400),
    "LF CR": (GET + b"A: b\n\r" + HOST + b"\r\n", 400),
    "bare CR at the very end": (GET + b"Host: {host}\r\r\n\r\n", 400),
    "NUL in the target": (b"GET /auth/callback?\x00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "NUL in a value": (GET + HOST + b"A: b\x00c\r\n\r\n", 400),
    "ESC in a value": (GET + HOST + b"User-Agent: \x1b[31mred\r\n\r\n", 400),
    "DEL in a value": (GET + HOST + b"A: \x7f\r\n\r\n", 400),
    "NUL first": (b"\x00" + GET + HOST + b"\r\n", 400),
    # -- fields (CB-8)
    "folded field": (GET + HOST + b"A: b\r\n c\r\n\r\n", 400),
    "folded with a tab": (GET + HOST + b"A: b\r\n\tc\r\n\r\n", 400),
    "folded first field": (GET + b" Host: {host}\r\n\r\n", 400),
    "space before the colon": (GET + b"Host : {host}\r\n\r\n", 400),
    "no colon": (GET + HOST + b"nonsense\r\n\r\n", 400),
    "no name": (GET + HOST + b": b\r\n\r\n", 400),
    "name of other characters": (GET + HOST + b"a(b): c\r\n\r\n", 400),
    "field twice": (GET + HOST + b"Cookie: a\r\nCOOKIE: b\r\n\r\n", 400),
    "many spaces about a value": (GET + b"Host: \t {host} \t \r\n\r\n", 400),
    "Latin-1 in a value": (GET + HOST + b"Cookie: caf\xe9\r\n\r\n", 400),
    # -- bodies and smuggling (CB-8)
    "body": (GET + HOST + b"Content-Length: 4\r\n\r\nabcd", 400),
    "body of no length": (GET + HOST + b"Content-Length: 0\r\n\r\n", 400),
    "negative length": (GET + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "length with plus": (GET + HOST + b"Content-Length: +0\r\n\r\n", 400),
    "length twice": (GET + HOST + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
    "length as a list": (GET + HOST + b"Content-Length: 0, 5\r\n\r\n", 400),
    "chunked": (GET + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked, on POST": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and a length": (GET + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    "strange encoding": (GET + HOST + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    "second request behind the first": (GET + HOST + b"\r\n" + GET + HOST + b"\r\n", 400),
    "megabyte behind the head": (GET + HOST + b"\r\n" + b"a" * 1_000_000, 400),
    # -- sizes (CB-8); 400 is what an accepted but untrue visit gets
    "head one below the limit": (_head(MAX_HEAD - 1), 400),
    "head at the limit": (_head(MAX_HEAD), 400),
    "head one above the limit": (_head(MAX_HEAD + 1), 431),
    "line at the limit": (GET + HOST + _line(MAX_LINE) + b"\r\n\r\n", 400),
    "line one above the limit": (GET + HOST + _line(MAX_LINE + 1) + b"\r\n\r\n", 431),
    "line one below the limit": (GET + HOST + _line(MAX_LINE - 1) + b"\r\n\r\n", 400),
    "request line at the limit": (
        b"GET /auth/callback?" + b"x" * (MAX_LINE - 28) + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
    ),
    "request line one above the limit": (
        b"GET /auth/callback?" + b"x" * (MAX_LINE - 27) + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        414,
    ),
    "request line without end": (b"GET /auth/callback?" + b"x" * 20_000, 414),
    "fields one below the limit": (GET + _fields(MAX_FIELDS - 1) + b"\r\n", 400),
    "fields at the limit": (GET + _fields(MAX_FIELDS) + b"\r\n", 400),
    "fields one above the limit": (GET + _fields(MAX_FIELDS + 1) + b"\r\n", 431),
    "fields without end": (GET + b"".join(b"F%d: x\r\n" % n for n in range(3000)), 431),
    "high bytes without end": (b"\xff" * 20_000, 414),
}

VISITS = {
    "localhost",
    "127.0.0.1",
    "[::1]",
    "navigation",
    "empty query",
    "no query",
    "many spaces about a value",
    "Latin-1 in a value",
    "body of no length",
    "second request behind the first",
    "megabyte behind the head",
    "head one below the limit",
    "head at the limit",
    "line at the limit",
    "line one below the limit",
    "request line at the limit",
    "fields one below the limit",
    "fields at the limit",
}
"""The cases that are well-formed visits; the judge refuses them because their state is not the login's."""


def _filled(case: bytes, port: int) -> bytes:
    """Put the port in, and keep a head's size where that matters."""
    host = b"localhost:%d" % port
    filled = case.replace(b"{host}", host).replace(b"{port}", b"%d" % port)
    if b"\r\nZ: " in filled:
        filled = filled.replace(b"\r\nZ: " + b"a" * (len(filled) - len(case)), b"\r\nZ: ")
    return filled


@pytest.mark.parametrize("name", CASES)
def test_a_stranger_gets_a_fixed_answer_and_the_login_goes_on(bed: Bed, name: str) -> None:
    """Every named request gets its status; only well-formed ones reach the judge; the true visitor still succeeds."""
    case, status = CASES[name]
    bed.seen.clear()

    reply = bed.ask(_filled(case, bed.port))
    seen = list(bed.seen)

    assert status_of(reply) == status
    assert bool(seen) == (name in VISITS)
    assert status_of(bed.true_visit()) == 200


@pytest.mark.parametrize("name", CASES)
def test_no_answer_holds_a_byte_of_the_request(bed: Bed, name: str) -> None:
    """The body is one of the constants, and the head is the fixed set (CB-14, CB-15)."""
    case, status = CASES[name]

    reply = bed.ask(_filled(case, bed.port))
    fields = fields_of(reply)

    page = _page(status, refused=name in VISITS)
    assert body_of(reply) == (b"" if name == "HEAD" else page.body)
    assert fields.pop("Content-Length") == str(len(page.body))
    assert fields.pop("Allow", None) == ("GET" if status == 405 else None)
    assert fields == pages.HEADERS


def _page(status: int, *, refused: bool) -> pages.Page:
    if refused:
        return pages.refused()
    special = {404: pages.not_found, 405: pages.method_not_allowed, 421: pages.misdirected}
    return special[status]() if status in special else pages.bad_request(status)


@pytest.mark.parametrize(
    "junk",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "%E2%80%AE%00%0d%0aX:%20y", "e" * 7000],
)
def test_the_query_never_reaches_a_page(bed: Bed, junk: str) -> None:
    """Script, markup, direction marks and kilobytes in the query leave the page as it is (CB-14)."""
    junk = junk.replace(" ", "+")

    reply = bed.ask(bed.request(f"{PATH}?error={junk}&error_description={junk[:900]}"))

    assert body_of(reply) == pages.refused().body


def test_nothing_of_a_request_is_printed(bed: Bed, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither stream shows that somebody came, let alone what they said (CB-17)."""
    bed.ask(bed.request(f"{PATH}?code=canary-4711", more="User-Agent: canary-4711\r\n"))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_loopback_addresses_answer(bed: Bed, host: str) -> None:
    """A browser that tries ::1 first finds us there (CB-1)."""
    reply = bed.ask(bed.request(), host=host)

    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body_of(reply) == pages.success("work").body
