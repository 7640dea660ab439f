"""An open callback that serves in a thread and judges as a login would, and visitors that speak raw bytes to it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from codex_auth.callback import pages
from codex_auth.callback.loopback import Callback, Visit, open_callback

PATH = "/auth/callback"
TRUE_QUERY = "code=true&state=right"


class Bed:
    """A running callback: wrong visits are refused, the true one gets the success page and is remembered."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self.port = callback.port
        self.seen: list[str] = []
        self._stop = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop:
            visit = self.callback.wait(time.monotonic() + 0.1, ticks=time.monotonic)
            if isinstance(visit, Visit):
                self.seen.append(visit.query)
                visit.answer(pages.success("work") if visit.query == TRUE_QUERY else pages.refused())

    def end(self) -> None:
        """Stop serving; the callback itself stays open."""
        self._stop = True
        self._thread.join()

    def ask(self, request: bytes, *, host: str = "127.0.0.1") -> bytes:
        """Send bytes and return all that comes back; an aborted connection counts as silence."""
        with socket.create_connection((host, self.port), timeout=10) as visitor:
            try:
                visitor.sendall(request)
                return read_all(visitor)
            except ConnectionError:
                return b""

    def request(
        self, target: str = f"{PATH}?{TRUE_QUERY}", *, method: str = "GET", host: str = "", more: str = ""
    ) -> bytes:
        """Return the request a browser would send, with parts replaced."""
        host = host or f"localhost:{self.port}"
        return f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode("latin-1")

    def true_visit(self) -> bytes:
        """Come back as the browser does, and return the reply."""
        return self.ask(self.request(more="Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"))


@contextmanager
def open_bed() -> Iterator[Bed]:
    """Serve a callback on any free port while the context lasts."""
    with open_callback([0], PATH, profile="work") as callback:
        bed = Bed(callback)
        try:
            yield bed
        finally:
            bed.end()


def read_all(visitor: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    got = b""
    while chunk := visitor.recv(65536):
        got += chunk
    return got


def status_of(reply: bytes) -> int:
    """Return the status of a reply, 0 for none."""
    return int(reply.split(b" ", 2)[1]) if reply else 0


def fields_of(reply: bytes) -> dict[str, str]:
    """Return the header fields of a reply."""
    head = reply.partition(b"\r\n\r\n")[0].decode("ascii")
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:])


def body_of(reply: bytes) -> bytes:
    """Return what follows the head of a reply."""
    return reply.partition(b"\r\n\r\n")[2]
