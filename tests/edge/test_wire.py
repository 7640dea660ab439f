"""One request goes to the provider and nowhere else, once, and comes back in time or not at all."""

import contextlib
import gzip
import os
import socket
import ssl
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from codex_auth.core.errors import AuthError, HostNotAllowed, ProviderReplyUnusable, ProviderUnreachable
from codex_auth.core.flow import Ask, Flow, Request
from codex_auth.core.provider import Provider
from codex_auth.core.replies import Reply
from codex_auth.net import wire
from codex_auth.net.authorities import trust

SECRET = "JqXvZkWpYhTtLs"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Answer = Callable[[socket.socket], None]


@dataclass
class Server:
    """A server on loopback: what it heard, and how often it was called."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    calls: int = 0

    @property
    def origin(self) -> str:
        """Return its address."""
        return f"http://127.0.0.1:{self.port}"


def says(*pieces: bytes, pause: float = 0.0) -> Answer:
    """Return an answer of these bytes, then the end."""

    def answer(visitor: socket.socket) -> None:
        for piece in pieces:
            visitor.sendall(piece)
            time.sleep(pause)

    return answer


def read_request(visitor: socket.socket) -> bytes:
    """Receive a whole request."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += visitor.recv(65536) or b"\r\n\r\n"
    head, _, body = heard.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += visitor.recv(65536)
    return head + b"\r\n\r\n" + body


@contextlib.contextmanager
def serving(answer: Answer, *, tls: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> Iterator[Server]:
    """Serve every visitor with one answer after its request was read."""
    listener = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0), family=family)
    server = Server(listener.getsockname()[1])

    def visit() -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = listener.accept()
                server.calls += 1
                visitor.settimeout(5)
                with visitor, contextlib.suppress(OSError):
                    wrapped = tls.wrap_socket(visitor, server_side=True) if tls else visitor
                    with wrapped:
                        server.heard.append(read_request(wrapped))
                        answer(wrapped)

    thread = threading.Thread(target=visit, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def post(url: str, **headers: str) -> Request:
    """Return a request with a secret in its body."""
    return Request(method="POST", url=url, purpose="test", headers=headers, body=f"code={SECRET}".encode())


def send(
    server: Server, *, path: str = "/oauth/token", timeout: float = 5, context: ssl.SSLContext | None = None
) -> Reply:
    """Send a request to a server that is allowed."""
    origin = server.origin if context is None else f"https://localhost:{server.port}"
    return wire.send(
        post(origin + path), allowed=frozenset({origin}), now=lambda: NOW, timeout=timeout, context=context
    )


def failure(
    server: Server, *, timeout: float = 5, context: ssl.SSLContext | None = None
) -> ProviderUnreachable | ProviderReplyUnusable:
    """Return how a request fails, having looked that the failure shows nothing of it."""
    with pytest.raises((ProviderUnreachable, ProviderReplyUnusable)) as caught:
        send(server, timeout=timeout, context=context)
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error)) + repr(error.args) + repr(error.facts) + error.hint
    assert error.__context__ is None
    return error


# --- a request and its reply ---------------------------------------------------------------------------------


def test_a_reply_is_brought_back_whole() -> None:
    """Status, headers in lower case, body, and when it was asked."""
    with serving(says(OK)) as server:
        reply = send(server)

    assert reply == Reply(
        status=200, headers={"content-type": "application/json", "content-length": "2"}, body=b"{}", asked_at=NOW
    )


def test_the_request_says_who_we_are_and_no_more() -> None:
    """Exactly these headers leave, with the body whole and no compression asked for."""
    with serving(says(OK)) as server:
        wire.send(
            post(server.origin + "/oauth/token?x=1", Accept="application/json"),
            allowed=frozenset({server.origin}),
            now=lambda: NOW,
        )

    assert server.heard == [
        (
            f"POST /oauth/token?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUser-Agent: {wire.USER_AGENT}\r\n"
            "Accept-Encoding: identity\r\nConnection: close\r\nAccept: application/json\r\n"
            f"Content-Length: {5 + len(SECRET)}\r\n\r\ncode={SECRET}"
        ).encode()
    ]


def test_a_get_has_no_body() -> None:
    """A request that fetches says nothing of a length."""
    with serving(says(OK)) as server:
        wire.send(
            Request(method="GET", url=f"{server.origin}/keys", purpose="test"),
            allowed=frozenset({server.origin}),
            now=lambda: NOW,
        )

    assert server.heard[0].startswith(b"GET /keys HTTP/1.1\r\n")
    assert b"Content-Length" not in server.heard[0]


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 429, 500, 503])
def test_errors_are_replies_too(status: int) -> None:
    """Every status but a redirect is for the reader to judge."""
    with serving(says(f"HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\nabc".encode())) as server:
        assert (send(server).status, server.calls) == (status, 1)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n{}",
    ],
)
def test_every_form_of_body_is_read(reply: bytes) -> None:
    """Chunks, a body that ends with the connection, an older version, and an interim reply."""
    with serving(says(reply)) as server:
        assert send(server).body == b"{}"


def test_the_largest_body_is_read() -> None:
    """A megabyte is still read."""
    body = b"x" * 1024 * 1024
    with serving(says(b"HTTP/1.1 200 OK\r\n\r\n" + body)) as server:
        assert send(server).body == body


# --- where it may go -----------------------------------------------------------------------------------------


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect every name that is looked up, and let none be found."""
    names: list[object] = []

    def getaddrinfo(host: object, *_: object, **__: object) -> None:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "not found")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/oauth/token",
        "http://auth.openai.com/oauth/token",
        "https://auth.openai.com.evil.example/oauth/token",
        "https://auth.openai.com@evil.example/oauth/token",
        "https://auth.openai.com:444/oauth/token",
        "https://auth.openai.com:443/oauth/token",
        "https://AUTH.openai.com/oauth/token",
        "https://auth.openai.com./oauth/token",
        "https://evil.example#@auth.openai.com/",
        "https://evil.example\\@auth.openai.com/",
        "https://auth.openai.com\\.evil.example/",
        "https://auth.openai.com",
        "https://auth.openai.com?x",
        "https://auth.openai.com/a b",
        "https://auth.openai.com/a\r\nHost: evil.example",
        "https://auth.openai.com/\u00e9",
        "//auth.openai.com/",
        "file:///etc/passwd",
        "ftp://auth.openai.com/",
        "HTTPS://auth.openai.com/",
        "",
    ],
)
def test_another_host_is_never_looked_up(url: str, looked_up: list[object]) -> None:
    """Anything but the provider's exact origin is stopped before a name is resolved."""
    with pytest.raises(HostNotAllowed) as caught:
        wire.sender(Provider(), now=lambda: NOW, env={})(post(url))

    assert looked_up == []
    assert SECRET not in str(caught.value)


def test_plain_http_is_for_loopback_only(looked_up: list[object]) -> None:
    """An allowed origin that is http and not loopback is stopped all the same."""
    origin = "http://auth.example"
    with pytest.raises(HostNotAllowed):
        wire.send(post(f"{origin}/x"), allowed=frozenset({origin}), now=lambda: NOW)

    assert looked_up == []


def test_the_provider_itself_is_looked_up(looked_up: list[object]) -> None:
    """Only the provider's name is resolved; a name that is unknown is told, and nothing was sent."""
    with pytest.raises(ProviderUnreachable, match="its name could not be resolved") as caught:
        wire.sender(Provider(), now=lambda: NOW, env={})(post("https://auth.openai.com/oauth/token"))

    assert looked_up == ["auth.openai.com"]
    assert caught.value.sent is False


def test_an_issuer_with_a_path_allows_its_origin() -> None:
    """A provider below a path is reached at its host."""
    with serving(says(OK)) as server:
        provider = Provider(issuer=f"{server.origin}/tenant")

        assert wire.sender(provider, now=lambda: NOW, env={})(post(provider.token_url)).status == 200


def test_an_issuer_that_is_none_allows_nothing(looked_up: list[object]) -> None:
    """A damaged issuer reaches nobody."""
    with pytest.raises(HostNotAllowed):
        wire.sender(Provider(issuer="nonsense"), now=lambda: NOW, env={})(post("https://auth.openai.com/"))

    assert looked_up == []


def test_the_environment_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: "Authority"
) -> None:
    """Neither proxies nor override addresses nor a key log in the environment have any effect."""
    key_log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(key_log))
    with serving(says(OK)) as trap, serving(says(OK), tls=authority.server()) as server:
        for name in (
            "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE", "CODEX_REVOKE_TOKEN_URL_OVERRIDE", "CODEX_APP_SERVER_LOGIN_ISSUER",
            "OPENAI_BASE_URL",
        ):  # fmt: skip
            monkeypatch.setenv(name, trap.origin)
        ours = trust()
        ours.load_verify_locations(cadata=authority.pem)

        assert send(server, context=ours).status == 200
        assert trap.calls == 0
    assert not key_log.exists()


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    """A reply that leads elsewhere is no reply, and nobody else hears of the code."""
    with serving(says(OK)) as evil:
        reply = f"HTTP/1.1 {status} X\r\nLocation: {evil.origin}/{SECRET}\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(says(reply)) as server:
            error = failure(server)

    assert isinstance(error, ProviderReplyUnusable)
    assert "leads to another address" in str(error)
    assert (server.calls, evil.calls) == (1, 0)


# --- time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n",
    ],
    ids=["status", "body", "chunk"],
)
def test_a_dripping_reply_is_left(start: bytes) -> None:
    """Bytes that keep coming one by one do not hold us beyond the deadline."""
    began = time.monotonic()
    with serving(says(start, *[b"H"] * 60, pause=0.05)) as server:
        error = failure(server, timeout=0.5)

        assert time.monotonic() - began < 1.5
    assert isinstance(error, ProviderUnreachable)
    assert "did not answer in time" in str(error)
    assert error.sent is True


def test_silence_is_left() -> None:
    """A server that takes the request and says nothing is left at the deadline; the request may have arrived."""
    with serving(says(b"", pause=1)) as server:
        error = failure(server, timeout=0.3)

    assert isinstance(error, ProviderUnreachable)
    assert (error.sent, error.status) == (True, 8)


def test_a_handshake_that_does_not_come_is_left() -> None:
    """A server that never speaks TLS has not been sent anything of the request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = failure(Server(listener.getsockname()[1]), timeout=0.3, context=trust())

    assert isinstance(error, ProviderUnreachable)
    assert "did not answer in time" in str(error)
    assert error.sent is False


def test_no_time_is_too_little() -> None:
    """A deadline that has passed is one, before anything is sent."""
    with serving(says(OK)) as server:
        error = failure(server, timeout=0)

    assert isinstance(error, ProviderUnreachable)
    assert error.sent is False


# --- addresses -----------------------------------------------------------------------------------------------


def test_nobody_there() -> None:
    """A closed port refuses the connection, and nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = failure(Server(port))

    assert isinstance(error, ProviderUnreachable)
    assert "the connection was refused" in str(error)
    assert error.sent is False


def addresses(monkeypatch: pytest.MonkeyPatch, *hosts: str, port: int) -> None:
    """Let every name have these addresses."""
    found = [
        (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_a_dead_first_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several addresses, the first that takes the connection is used."""
    with serving(says(OK)) as server:
        addresses(monkeypatch, "::1", "127.0.0.2", "127.0.0.1", port=server.port)

        assert send(server).status == 200


def test_an_ipv6_only_server_is_reached() -> None:
    """A server on `::1` is reached by its address in brackets."""
    with serving(says(OK), family=socket.AF_INET6) as server:
        origin = f"http://[::1]:{server.port}"

        assert wire.send(post(f"{origin}/x"), allowed=frozenset({origin}), now=lambda: NOW).status == 200


def test_no_address_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that resolves to nothing is a failed connection."""
    addresses(monkeypatch, port=1)

    assert "the connection failed" in str(failure(Server(1)))


def test_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a route there is a sentence about the network."""
    addresses(monkeypatch, "255.255.255.255", "2001:db8::1", port=1)

    assert "there is no network to it" in str(failure(Server(1)))


# --- size and form -------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b"", "closed the connection without an answer"),
        (b"\r\n", "not HTTP"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not HTTP"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 99 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/3.0 200 OK\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "not HTTP"),
        (HEAD + b"A: b\r\n" * 200 + b"\r\n", "not HTTP"),
        (HEAD + b"A: " + b"x" * 70_000 + b"\r\n\r\n", "not HTTP"),
        (HEAD + b"Content-Length: 10\r\n\r\n{}", "ended too early"),
        (CHUNKED + b"10\r\n{}", "ended too early"),
        (CHUNKED + b"xyz\r\n{}", "ended too early"),
        (CHUNKED + b"-5\r\n{}", "not HTTP"),
        (CHUNKED, "ended too early"),
        (HEAD + b"Content-Length: 1073741824\r\n\r\n", "too large"),
        (HEAD + b"Content-Length: 1048577\r\n\r\n", "too large"),
        (HEAD + b"\r\n" + b"x" * 1_048_577, "too large"),
        (CHUNKED + 2 * (b"80000\r\n" + b"x" * 0x80000 + b"\r\n") + b"1\r\nx\r\n0\r\n\r\n", "too large"),
        (CHUNKED + b"-1\r\n" + b"x" * 3_000_000, "too large"),
        (CHUNKED + b"1;ext=" + b"x" * 50_000 + b"\r\nx\r\n", "ended too early"),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 50_000_000, 1, mtime=0), "compressed"),
        (HEAD + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "compressed"),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else value,
)  # fmt: skip
def test_a_reply_out_of_bounds_is_refused(reply: bytes, problem: str) -> None:
    """What is no HTTP, too large, too short or compressed is refused in fixed words, without waiting for more."""
    with serving(says(reply)) as server:
        assert problem in str(failure(server))
        assert server.calls == 1


def test_a_flood_of_chunk_extensions_is_refused() -> None:
    """What surrounds the body is limited as well as the body."""
    chunk = b"1;" + b"x" * 60_000 + b"\r\nx\r\n"
    with serving(says(CHUNKED + chunk * 40)) as server:
        assert "too large" in str(failure(server))


def test_a_reset_connection_is_told() -> None:
    """A connection that is reset under way may have brought the request across."""

    def reset(visitor: socket.socket) -> None:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with serving(reset) as server:
        error = failure(server)

    assert isinstance(error, ProviderUnreachable)
    assert "closed the connection" in str(error)
    assert error.sent is True


def test_a_header_of_ours_is_one_line() -> None:
    """A header that would smuggle another is a mistake of ours and never leaves."""
    with serving(says(OK)) as server, pytest.raises(ValueError, match="line of ASCII") as caught:
        wire.send(
            post(f"{server.origin}/x", Authorization=f"Bearer {SECRET}\r\nX: y"),
            allowed=frozenset({server.origin}),
            now=lambda: NOW,
        )

    assert SECRET not in str(caught.value)
    assert server.calls == 0


# --- TLS -----------------------------------------------------------------------------------------------------


@dataclass
class Authority:
    """A certificate authority of our own."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    folder: Path

    @property
    def pem(self) -> str:
        """Return its certificate for trust stores."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server(
        self, name: str = "localhost", *, days: tuple[int, int] = (-1, 1), signed: bool = True
    ) -> ssl.SSLContext:
        """Return a server's side with a certificate for a name, valid between these days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, key, self if signed else None, days)
        path = self.folder / f"{name}-{os.urandom(4).hex()}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def trusted(self) -> ssl.SSLContext:
        """Return our side, believing this authority too."""
        context = trust()
        context.load_verify_locations(cadata=self.pem)
        return context


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, authority: Authority | None, days: tuple[int, int]
) -> x509.Certificate:
    """Return a certificate, signed by an authority or by itself."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.certificate.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    return builder.sign(authority.key if authority else key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make an authority that only these tests know."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Authority(key, certificate("Test authority", key, None, (-2, 2)), tmp_path_factory.mktemp("certificates"))


def test_https_is_spoken(authority: Authority) -> None:
    """A server with a good certificate is talked to, by TLS 1.2 or later."""
    with serving(says(OK), tls=authority.server()) as server:
        assert send(server, context=authority.trusted()).body == b"{}"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "evil.example"}, "not valid for that name"),
        ({"days": (-3, -2)}, "has expired"),
        ({"days": (2, 3)}, "not valid yet"),
        ({"signed": False}, "from nobody this machine trusts"),
    ],
    ids=["another name", "expired", "not yet valid", "self-signed"],
)
def test_a_bad_certificate_ends_it(authority: Authority, options: dict[str, object], problem: str) -> None:
    """A certificate that is not this host's, not of this time or from nobody known gets nothing of the request."""
    with serving(says(OK), tls=authority.server(**options)) as server:  # type: ignore[arg-type]
        error = failure(server, context=authority.trusted())

    assert problem in str(error)
    assert isinstance(error, ProviderUnreachable)
    assert error.sent is False
    assert server.heard == []


def test_an_unknown_authority_is_not_believed(authority: Authority) -> None:
    """Without the authority in the trust store, its certificates mean nothing."""
    with serving(says(OK), tls=authority.server()) as server:
        assert "nobody this machine trusts" in str(failure(server, context=trust()))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_not_spoken(authority: Authority, version: ssl.TLSVersion) -> None:
    """A server that only knows TLS 1.0 or 1.1 is not talked to."""
    old = authority.server()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = version
    old.set_ciphers("ALL:@SECLEVEL=0")
    ours = authority.trusted()
    ours.set_ciphers("ALL:@SECLEVEL=0")

    with serving(says(OK), tls=old) as server:
        error = failure(server, context=ours)

    assert "no secure connection could be agreed on" in str(error)
    assert server.heard == []


def test_plain_text_on_a_tls_port() -> None:
    """A server that answers TLS with plain text gets nothing of the request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            visitor, _ = listener.accept()
            with visitor:
                visitor.sendall(b"220 mail.example ESMTP ready for you\r\n" * 3)
                visitor.recv(4096)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        error = failure(Server(listener.getsockname()[1]), context=trust())
        thread.join(5)

    assert "no secure connection" in str(error)


def test_the_trust_store_checks_everything() -> None:
    """Names and chains are checked, nothing older than TLS 1.2 is spoken, and no session key is written."""
    context = trust()

    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.keylog_filename is None


# --- conversations -------------------------------------------------------------------------------------------


def asking(count: int) -> Flow[list[int]]:
    """Ask some times, noting a failed request as 0."""
    found = []
    for number in range(count):
        try:
            reply = yield Ask(post(f"https://auth.openai.com/{number}"))
        except ProviderUnreachable:
            found.append(0)
        else:
            found.append(reply.status)
    return found


def test_a_conversation_runs_to_its_end() -> None:
    """Every request is sent once, in order, and the flow's result comes back."""
    sent: list[str] = []

    def answer(request: Request) -> Reply:
        sent.append(request.url[-1])
        if len(sent) == 2:
            raise ProviderUnreachable(host="h", problem="p")
        return Reply(status=200 + len(sent), headers={}, body=b"", asked_at=NOW)

    assert wire.converse(asking(3), answer) == [201, 0, 203]
    assert sent == ["0", "1", "2"]


def test_a_failure_the_flow_does_not_expect_ends_it() -> None:
    """An error that the flow lets pass reaches the caller."""

    def answer(_: Request) -> Reply:
        raise HostNotAllowed(host="h")

    with pytest.raises(AuthError, match="was stopped"):
        wire.converse(asking(1), answer)
