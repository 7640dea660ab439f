"""The callback listener: waits on this machine's loopback for the browser to come back (RFC 8252 section 7.3).

One thread and one selector serve every visitor, and one descriptor more (a terminal, a pipe), so that whichever comes
first wins. A visitor gets five seconds and a fixed page; only a plain browser navigation to the callback path becomes
a `Visit`, and its query is for the caller to judge. Nothing of a request is logged or answered back.
"""

import hmac
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from types import TracebackType
from typing import Self

from codex_auth.callback import pages
from codex_auth.callback.pages import Page
from codex_auth.callback.ports import listen_on_loopback
from codex_auth.callback.request_head import Bad, Head, Incomplete, read_head

MAX_CONNECTIONS = 32
"""Open at once. A browser uses up to six; the oldest idle one makes room, so hundreds cannot shut the next one out."""
REQUEST_SECONDS = 5.0
"""For a whole head, however steadily it drips."""
LINGER_SECONDS = 1.0
"""For the visitor to take the page and close; closing first could reset the connection under an unread page."""
FAREWELL_SECONDS = 0.5
"""For the last page to be taken when everything is shut."""
TICK_SECONDS = 0.25

_ACCEPTED_AT_ONCE = 8
"""A small portion, so that between two of them everybody who is already here is read."""
_CHUNK = 16 * 1024


@dataclass(frozen=True, slots=True)
class Readable:
    """The descriptor given as `also` has something to read."""

    descriptor: int


class Visit:
    """Somebody came to the callback path. Not yet judged: the query may be anybody's."""

    def __init__(self, query: str, answer: Callable[[Page], None]) -> None:
        self.query = query
        self._answer = answer

    def answer(self, page: Page) -> None:
        """Send the page and end this connection; no error if the visitor is gone."""
        self._answer(page)


class _Stage(Enum):
    READING = auto()
    HELD = auto()
    """A visit that its caller has not answered; it may take as long as the code exchange does."""
    REPLYING = auto()
    DRAINING = auto()
    """All is said; what the visitor still sends is thrown away until it closes."""
    ENDED = auto()


class _Connection:
    """One visitor's socket, from its first byte to a graceful end."""

    def __init__(self, visitor: socket.socket) -> None:
        visitor.setblocking(False)
        self.socket = visitor
        self.stage = _Stage.READING
        self.patience = time.monotonic() + REQUEST_SECONDS
        self.received = bytearray()
        self._unsent = b""

    def begin_reply(self, reply: bytes) -> None:
        self.stage = _Stage.REPLYING
        self.patience = time.monotonic() + LINGER_SECONDS
        self._unsent = reply

    def send(self) -> bool:
        """Send what the socket takes; return True, and close our half, when that was all."""
        self._unsent = self._unsent[self.socket.send(self._unsent) :]
        if self._unsent:
            return False
        self.socket.shutdown(socket.SHUT_WR)
        self.stage = _Stage.DRAINING
        return True

    def drain(self) -> bool:
        """Throw away what has come; return whether the visitor has closed too."""
        return not self.socket.recv(_CHUNK)


class Callback:
    """The open callback of one login; `open_callback` makes it. Leaving the context ends every connection."""

    def __init__(
        self, port: int, path: str, listeners: list[socket.socket], *, ingress: tuple[str, str] | None = None
    ) -> None:
        self.port = port
        host, ingress_path = ingress or (f"localhost:{port}", path)
        self._paths = {path, ingress_path}
        self._hosts = {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]")} | {host}
        self._entry: tuple[str, str] | None = None
        self._listeners = listeners
        self._connections: list[_Connection] = []
        self._visits: deque[Visit] = deque()
        # Not epoll: it cannot watch a regular file, which standard input may be.
        self._selector: selectors.BaseSelector = getattr(selectors, "PollSelector", selectors.SelectSelector)()
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ, listener)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        patience = time.monotonic() + FAREWELL_SECONDS
        while self._leaving() and (left := patience - time.monotonic()) > 0:
            self._serve(left)
        for connection in list(self._connections):
            self._end(connection)
        self._selector.close()

    def entry_url(self, target: str, nonce: str) -> str:
        """Return a local address that sends its first visitor on to `target`, and is unknown from then on.

        The authorize URL holds `state`; opened by this name, a browser's argument list holds a spent nonce instead.
        A `ValueError` says that `target` cannot be put in a header.
        """
        pages.go_on(target)
        path = f"/login/{nonce}"
        self._entry = (path, target)
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(
        self,
        deadline: float,
        *,
        ticks: Callable[[], float],
        also: int | None = None,
        tick: Callable[[], None] | None = None,
    ) -> Visit | Readable | None:
        """Return the next visit, `Readable` when `also` can be read, or None when `ticks()` reaches the deadline.

        `tick` is called about four times a second, for whoever draws a countdown.
        """
        with self._watching(also):
            due = ticks()
            while not self._visits and (now := ticks()) < deadline:
                if now >= due:
                    due = now + TICK_SECONDS
                    if tick:
                        tick()
                if self._serve(min(due, deadline) - now) and also is not None and not self._visits:
                    return Readable(also)
        return self._visits.popleft() if self._visits else None

    def close(self) -> None:
        """Free the port at once and let everybody go but those whose visit is being judged or answered.

        Visits that nobody has waited for get a page that says so: a browser may come twice.
        """
        for listener in self._listeners:
            self._selector.unregister(listener)
            listener.close()
        self._listeners = []
        while self._visits:
            self._visits.popleft().answer(pages.already())
        for connection in list(self._connections):
            if connection.stage is _Stage.READING:
                self._end(connection)

    @contextmanager
    def _watching(self, also: int | None) -> Iterator[None]:
        if also is None:
            yield
            return
        self._selector.register(also, selectors.EVENT_READ, None)
        try:
            yield
        finally:
            self._selector.unregister(also)

    def _serve(self, patience: float) -> bool:
        """Give every ready socket a turn; return whether the descriptor watched beside them is ready."""
        self._end_the_late()
        ready = False
        newcomers = []
        for key, _ in self._selector.select(max(0.0, min(patience, TICK_SECONDS))):
            match key.data:
                case _Connection() as connection:
                    self._continue(connection)
                case socket.socket() as listener:
                    newcomers.append(listener)
                case _:
                    ready = True
        for listener in newcomers:
            self._accept(listener)
        return ready

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                visitor, _address = listener.accept()
            except OSError:  # nobody is left, or the one who was has gone
                return
            connection = _Connection(visitor)
            self._connections.append(connection)
            self._selector.register(visitor, selectors.EVENT_READ, connection)
            self._continue(connection)
            if len(self._connections) > MAX_CONNECTIONS:
                self._end(next((c for c in self._connections if c.stage is not _Stage.HELD), connection))

    def _continue(self, connection: _Connection) -> None:
        """Read, write or drain as far as the socket allows now."""
        try:
            if connection.stage is _Stage.READING:
                self._read(connection)
            if connection.stage is _Stage.REPLYING and connection.send():
                self._selector.modify(connection.socket, selectors.EVENT_READ, connection)
            if connection.stage is _Stage.DRAINING and connection.drain():
                self._end(connection)
        except BlockingIOError:
            return
        except OSError:  # reset, or gone
            self._end(connection)

    def _read(self, connection: _Connection) -> None:
        data = connection.socket.recv(_CHUNK)
        connection.received += data
        match read_head(bytes(connection.received)):
            case Incomplete() if data:
                return
            case Incomplete():
                self._end(connection)
            case Bad(status):
                self._reply(connection, pages.bad_request(status))
            case head:
                page = self._page_for(head)
                if page:
                    self._reply(connection, page, with_body=head.method != "HEAD")
                else:
                    self._hold(connection, head)

    def _page_for(self, head: Head) -> Page | None:
        """Return the page that answers a request, or None when it is a visit."""
        path, _, _ = head.target.partition("?")
        if head.fields.get("host") not in self._hosts or not path.startswith(("/", "*")):
            return pages.misdirected()
        if head.method != "GET":
            return pages.method_not_allowed()
        entry = self._entry if self._entry and _same(path, self._entry[0]) else None
        if path not in self._paths and not entry:
            return pages.not_found()
        if not _is_navigation(head):
            return pages.bad_request()
        if entry:
            self._entry = None
            return pages.go_on(entry[1])
        return None

    def _hold(self, connection: _Connection, head: Head) -> None:
        connection.stage = _Stage.HELD
        self._selector.unregister(connection.socket)

        def answer(page: Page) -> None:
            if connection.stage is _Stage.HELD:
                self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)
                self._reply(connection, page)
                self._continue(connection)

        self._visits.append(Visit(head.target.partition("?")[2], answer))

    def _reply(self, connection: _Connection, page: Page, *, with_body: bool = True) -> None:
        connection.begin_reply(page.response(with_body=with_body))
        self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)

    def _end(self, connection: _Connection) -> None:
        if connection.stage is not _Stage.HELD:
            self._selector.unregister(connection.socket)
        connection.stage = _Stage.ENDED
        self._connections.remove(connection)
        connection.socket.close()

    def _end_the_late(self) -> None:
        now = time.monotonic()
        for connection in list(self._connections):
            if connection.stage is not _Stage.HELD and now >= connection.patience:
                self._end(connection)

    def _leaving(self) -> bool:
        return any(c.stage in (_Stage.REPLYING, _Stage.DRAINING) for c in self._connections)


def open_callback(ports: Sequence[int], path: str, *, profile: str, ingress: tuple[str, str] | None = None) -> Callback:
    """Listen for the redirect of one login on the first of `ports` that is free on 127.0.0.1 and ::1.

    `ingress` is the host and the path that a browser asks for where something in front of us leads here.
    Raises `PortInUse` when none is; `profile` is for its remedy.
    """
    port, listeners = listen_on_loopback(ports, profile=profile)
    return Callback(port, path, listeners, ingress=ingress)


def _same(path: str, expected: str) -> bool:
    return hmac.compare_digest(path.encode("ascii"), expected.encode("ascii"))


def _is_navigation(head: Head) -> bool:
    """Whether this can be a browser showing the redirect to its person: a plain GET that Fetch Metadata agrees with.

    A navigation has no Origin (Fetch Standard section 3.1). Chromium sends no Fetch Metadata with a WebSocket
    handshake (measured), and a prefetch, which says so in Sec-Purpose, is made before anybody decided to come.
    """
    return (
        head.fields.get("content-length", "0") == "0"
        and head.fields.get("sec-fetch-mode", "navigate") == "navigate"
        and head.fields.get("sec-fetch-dest", "document") == "document"
        and not head.fields.keys() & {"origin", "upgrade", "sec-purpose", "purpose"}
    )
