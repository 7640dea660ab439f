"""A proxy and a TLS front of our own, on loopback: what stands between the program and a provider elsewhere."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Answer = Callable[[socket.socket], None]


@dataclass
class Listener:
    """Somebody who listens on loopback; `heads` is what each visitor said first."""

    port: int
    heads: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, as a proxy is named."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def _listening(serve: Callable[[Listener, socket.socket], None]) -> Iterator[Listener]:
    listener = socket.create_server(("127.0.0.1", 0))
    here = Listener(listener.getsockname()[1])

    def visit(visitor: socket.socket) -> None:
        visitor.settimeout(20)
        with visitor, contextlib.suppress(OSError):
            serve(here, visitor)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=visit, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _head(visitor: socket.socket) -> bytes:
    heard = b""
    while not heard.endswith(b"\r\n\r\n"):
        heard += visitor.recv(1) or b"\r\n\r\n"
    return heard


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(other, one), daemon=True)
    back.start()
    _pump(one, other)
    back.join(20)


def connect_proxy(places: Mapping[str, int], *, asks_for: str = "") -> contextlib.AbstractContextManager[Listener]:
    """Be a CONNECT proxy that leads each `host:port` to a local port, and nowhere else.

    `asks_for` is the whole `Proxy-Authorization` it wants.
    """

    def serve(here: Listener, visitor: socket.socket) -> None:
        here.heads.append(head := _head(visitor))
        method, target, _ = head.decode("latin-1").split("\r\n")[0].split(" ")
        if asks_for and f"\r\nProxy-Authorization: {asks_for}\r\n".encode() not in head:
            visitor.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n")
        elif method != "CONNECT" or target not in places:
            visitor.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        else:
            with socket.create_connection(("127.0.0.1", places[target])) as onward:
                visitor.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _join(visitor, onward)

    return _listening(serve)


def odd_proxy(answer: Answer) -> contextlib.AbstractContextManager[Listener]:
    """Be a proxy that hears what it is asked and then does something of its own."""

    def serve(here: Listener, visitor: socket.socket) -> None:
        here.heads.append(_head(visitor))
        answer(visitor)

    return _listening(serve)


def tls_front(context: ssl.SSLContext, port: int) -> contextlib.AbstractContextManager[Listener]:
    """Terminate TLS in front of a local port."""

    def serve(_here: Listener, visitor: socket.socket) -> None:
        with (
            context.wrap_socket(visitor, server_side=True) as plain,
            socket.create_connection(("127.0.0.1", port)) as on,
        ):
            _join(plain, on)

    return _listening(serve)
