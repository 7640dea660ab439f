"""One HTTP request to the provider: the only place that opens a connection to the outside.

What may be contacted is decided here and nowhere else, before any name is looked up. The environment may name a
proxy and further authorities; nothing in it changes whom a request reaches. Redirects are not followed, compressed
replies not accepted, and neither a slow nor an endless reply is waited for beyond a deadline and a size.
"""

import errno
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from codex_auth import __version__
from codex_auth.core.errors import (
    AuthError,
    HostNotAllowed,
    ProviderReplyUnusable,
    ProviderUnreachable,
    ProxyFailed,
    ReplyCutOff,
)
from codex_auth.core.flow import Flow, Request
from codex_auth.core.provider import LOOPBACK_HOSTS, Provider
from codex_auth.core.replies import BODY_LIMIT, Reply
from codex_auth.net.authorities import shared_trust
from codex_auth.net.network import Route, route_to
from codex_auth.net.proxies import Proxy, TunnelRefused, open_tunnel

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONNECT_SECONDS = 10.0
"""For one address to take the connection; a name may have several."""
TOTAL_SECONDS = 30.0
"""For everything from the first connection to the last byte, however steadily it drips."""
USER_AGENT = f"codex-auth/{__version__}"

_HEAD_LIMIT = 128 * 1024
"""What a reply may have besides its body: status line, headers, chunk sizes."""

_CUT_OFF = "it ended too early"
_DIRECT = Route()

T = TypeVar("T")
Send = Callable[[Request], Reply]


def sender(provider: Provider, *, now: Callable[[], datetime], env: Mapping[str, str]) -> Send:
    """Return what makes a sign-in's requests: to this provider and nobody else, by the way that `env` names.

    Raises `ProxyUnusable` and `CaUnusable` here, before anything is asked of anybody.
    """
    return sender_to(provider.issuer, now=now, env=env)


def sender_to(
    base: str, *, now: Callable[[], datetime], env: Mapping[str, str], timeout: float = TOTAL_SECONDS
) -> Send:
    """Return what makes requests to the origin of this address and to no other. Raises as `sender` does."""
    origin = _ORIGIN.match(base)
    allowed = frozenset({origin[0]} if origin else ())
    route = route_to(origin[2].strip("[]") if origin else "", env)
    if origin and origin[1] == "https":
        shared_trust(route.authorities)
    return lambda request: send(request, allowed=allowed, now=now, timeout=timeout, route=route)


def converse(flow: Flow[T], send: Send) -> T:
    """Run a conversation to its end; a request that fails is thrown into it, so that it may go on without."""
    try:
        step = next(flow)
        while True:
            try:
                reply = send(step.request)
            except AuthError as trouble:
                step = flow.throw(trouble)
            else:
                step = flow.send(reply)
    except StopIteration as end:
        outcome: T = end.value
        return outcome


def send(
    request: Request,
    *,
    allowed: frozenset[str],
    now: Callable[[], datetime],
    timeout: float = TOTAL_SECONDS,
    route: Route = _DIRECT,
    context: ssl.SSLContext | None = None,
) -> Reply:
    """Make one request, once, and return the whole reply, whatever its status (but for redirects).

    `allowed` are the origins that may be contacted (RFC 6454 section 6.2): https, or http on loopback. `route` is
    the way to them; `context` takes the place of its authorities.

    Raises `HostNotAllowed` before anything is looked up; `ProviderUnreachable` (`ProxyFailed` is one), whose `sent` is
    False only if nothing of the request left; `ProviderReplyUnusable` for anything that is no complete reply.
    """
    place = _place(request.url, allowed)
    head = _head(request, place)
    deadline = time.monotonic() + timeout
    asked_at = now()
    sent = False
    failure: AuthError
    try:
        with _connect(place, deadline, route, context) as connection:
            connection.settimeout(_left(deadline))
            sent = True
            connection.sendall(head + request.body)
            return _receive(request.method, place, _Incoming(connection, deadline), asked_at)
    except OSError as trouble:
        failure = ProviderUnreachable(host=place.netloc, problem=_unreachable_because(trouble), sent=sent)
    except TunnelRefused as refused:
        failure = _proxy_failed(route.proxy, place, refused.problem)
    except _TooMuch:
        failure = ProviderReplyUnusable(host=place.netloc, problem="it is too large")
    except http.client.IncompleteRead:
        failure = ReplyCutOff(host=place.netloc, problem=_CUT_OFF)
    except (http.client.HTTPException, ValueError):
        failure = ProviderReplyUnusable(host=place.netloc, problem="it is not HTTP")
    raise failure  # out here, because those exceptions hold pieces of the reply


# --- where to ------------------------------------------------------------------------------------------------

_ORIGIN = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?=/|\Z)")
_TARGET = re.compile(r"/[!-~]*")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request goes, taken from its URL."""

    is_tls: bool
    host: str
    port: int
    netloc: str
    target: str


def _place(url: str, allowed: frozenset[str]) -> _Place:
    """Return where a URL leads. Raises `HostNotAllowed` unless its exact origin is allowed."""
    origin = _ORIGIN.match(url)
    target = url[origin.end() :] if origin else ""
    if not origin or not _TARGET.fullmatch(target):
        raise HostNotAllowed(host="an address that is none")
    scheme, host, port = origin.groups()
    place = _Place(
        is_tls=scheme == "https",
        host=host.strip("[]"),
        port=int(port or (443 if scheme == "https" else 80)),
        netloc=origin[0].partition("://")[2],
        target=target,
    )
    if origin[0] not in allowed or not (place.is_tls or place.host in LOOPBACK_HOSTS):
        raise HostNotAllowed(host=place.netloc)
    return place


# --- the connection ------------------------------------------------------------------------------------------


class _TooMuch(Exception):
    """More came in than any reply may have."""


def _left(deadline: float) -> float:
    """Return the seconds until the deadline. Raises `TimeoutError` when there are none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connect(place: _Place, deadline: float, route: Route, context: ssl.SSLContext | None) -> socket.socket:
    """Return a connection to the host itself, secure where it must be. Raises `TunnelRefused`."""
    connection = _through(route.proxy, place, deadline) if route.proxy else _dial(place.host, place.port, deadline)
    if not place.is_tls:
        return connection
    with connection:  # emptied by the wrapper that succeeds, closed if none does
        connection.settimeout(_left(deadline))
        return (context or shared_trust(route.authorities)).wrap_socket(connection, server_hostname=place.host)


def _through(proxy: Proxy, place: _Place, deadline: float) -> socket.socket:
    """Return a tunnel through the proxy. The host's name is for the proxy to look up; here nobody asks for it."""
    connection = None
    try:
        connection = _dial(proxy.host, proxy.port, deadline)
        open_tunnel(connection, proxy, place.host, place.port, agent=USER_AGENT, left=lambda: _left(deadline))
    except (OSError, TunnelRefused) as trouble:
        if connection is not None:
            connection.close()
        problem = trouble.problem if isinstance(trouble, TunnelRefused) else _unreachable_because(trouble)
        raise TunnelRefused(problem) from None
    return connection


def _dial(host: str, port: int, deadline: float) -> socket.socket:
    """Connect to the first of a host's addresses that answers."""
    failure = OSError()
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(min(CONNECT_SECONDS, _left(deadline)))
            connection.connect(address)
        except OSError as trouble:
            connection.close()
            failure = trouble
        else:
            return connection
    raise failure


class _Incoming(io.RawIOBase):
    """What a connection receives, with one deadline for all of it and a limit on its size.

    To `http.client.HTTPResponse` it is the socket: `makefile` is all that asks of one.
    """

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._connection = connection
        self._deadline = deadline
        self._room = _HEAD_LIMIT + BODY_LIMIT

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffer in front of this."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say that this can be read from."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Receive some bytes before the deadline. Raises `_TooMuch`."""
        self._connection.settimeout(_left(self._deadline))
        count = self._connection.recv_into(buffer)
        self._room -= count
        if self._room < 0:
            raise _TooMuch
        return count


def _receive(method: str, place: _Place, incoming: _Incoming, asked_at: datetime) -> Reply:
    """Read the whole reply to what was sent. Raises `ProviderReplyUnusable`."""
    response = http.client.HTTPResponse(incoming, method=method)  # type: ignore[arg-type]  # makefile is enough
    with closing(response):
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        problem = _unusable_because(response, headers)
        body = b"" if problem else response.read(BODY_LIMIT + 1)
        if len(body) > BODY_LIMIT:
            problem = "it is too large"
        elif response.length and not problem:  # `read` with a size does not complain
            problem = _CUT_OFF
    if problem:
        raise (ReplyCutOff if problem == _CUT_OFF else ProviderReplyUnusable)(host=place.netloc, problem=problem)
    return Reply(status=response.status, headers=headers, body=body, asked_at=asked_at)


def _head(request: Request, place: _Place) -> bytes:
    """Return request line and headers (RFC 9112 section 3)."""
    headers = {
        "Host": place.netloc,
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
        **request.headers,
    }
    if request.method == "POST":
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {place.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("a header is more than a line of ASCII")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


# --- what went wrong -----------------------------------------------------------------------------------------

_CERTIFICATE = {  # X509_V_ERR_… of OpenSSL
    9: "its certificate is not valid yet; check the clock of this machine",
    10: "its certificate has expired; check the clock of this machine",
    62: "its certificate is not valid for that name",
    64: "its certificate is not valid for that address",
}
_STRANGER = (
    "its certificate is from nobody this machine trusts; if a proxy here opens TLS, name its authority in "
    "CODEX_CA_CERTIFICATE"
)
_TROUBLE: tuple[tuple[type[OSError], str], ...] = (
    (TimeoutError, "it did not answer in time"),
    (ConnectionRefusedError, "the connection was refused"),
    (socket.gaierror, "its name could not be resolved"),
    (ConnectionError, "it closed the connection without an answer"),
    (ssl.SSLEOFError, "it closed the connection without an answer"),
    (ssl.SSLError, "no secure connection could be agreed on"),
)
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


def _proxy_failed(proxy: Proxy | None, place: _Place, problem: str) -> ProxyFailed:
    return ProxyFailed(
        host=place.netloc,
        proxy=proxy.shown if proxy else "",
        variable=proxy.variable if proxy else "",
        problem=problem,
        sent=False,
    )


def _unreachable_because(trouble: OSError) -> str:
    """Say in fixed words why there is no reply."""
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(trouble.verify_code, _STRANGER)
    if trouble.errno in _NO_WAY:
        return "there is no network to it"
    return next((words for kind, words in _TROUBLE if isinstance(trouble, kind)), "the connection failed")


def _unusable_because(response: http.client.HTTPResponse, headers: dict[str, str]) -> str:
    """Say in fixed words why a reply will not be read; empty if it will."""
    if 300 <= response.status <= 399:  # noqa: PLR2004 - RFC 9110 section 15.4
        return "it leads to another address"
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        return "it is compressed, which was not asked for"
    if (response.length or 0) > BODY_LIMIT:
        return "it is too large"
    return ""
