"""Running the sandbox: inside a program for as long as a `with` block, or until a signal."""

import signal
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import WSGIRequestHandler, make_server

from codex_auth.sandbox.app import create_app
from codex_auth.sandbox.faults import Fault
from codex_auth.sandbox.provider import Provider
from codex_auth.sandbox.record import Entry
from codex_auth.sandbox.settings import Settings

_HOST = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Serves without a log line: werkzeug's would show codes and states from the query."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002  # werkzeug's name
        """Write nothing."""

    def connection_dropped(self, *_: object) -> None:
        """Hang up: werkzeug would go on to wait for another request on the connection."""
        self.close_connection = True


class Sandbox:
    """A running sandbox on loopback, stopped at the end of the `with` block.

    Keyword arguments are the fields of `Settings`. Raise OSError when the port is taken.
    """

    def __init__(self, port: int = 0, **settings: Any) -> None:
        with socket.create_server((_HOST, port)) as listener:
            self.address = f"http://{_HOST}:{listener.getsockname()[1]}"
            chosen = Settings(**settings)
            self.issuer = chosen.public_issuer or self.address
            self._provider = Provider(self.issuer, chosen)
            self._server = make_server(
                _HOST,
                listener.getsockname()[1],
                create_app(self._provider, self.address),
                threaded=True,
                request_handler=_QuietHandler,
                fd=listener.fileno(),
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._provider.stopping.set()
        self._server.shutdown()
        self._thread.join()

    @property
    def control_key(self) -> str:
        """Return the key that the control routes ask for."""
        return self._provider.control_key

    def fault(self, name: str, *, route: str = "token", count: int = 1, value: float | None = None) -> None:
        """Let the next `count` requests to a route go wrong; raise BadFault for an unknown name."""
        self.add_fault(Fault(name=name, route=route, count=count, value=value))

    def add_fault(self, fault: Fault) -> None:
        """Let a fault happen, after those already waiting for its route."""
        self._provider.faults.add(fault)

    def log(self, route: str = "", grant_type: str = "") -> list[Entry]:
        """Return the requests so far, all or those of one route or grant type."""
        return self._provider.record.entries(route, grant_type)

    def revoke_all(self) -> int:
        """Revoke every login, as a provider does after an incident; return how many were live."""
        return self._provider.ledger.revoke_all()


def serve(port: int, faults: list[Fault], announce: Callable[[Sandbox], None], **settings: Any) -> None:
    """Serve until SIGINT or SIGTERM, after telling the caller where; raise OSError when the port is taken."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(port, **settings) as sandbox:
        for fault in faults:
            sandbox.add_fault(fault)
        announce(sandbox)
        while not stop.is_set():
            stop.wait(0.5)  # on Windows a wait without end cannot be interrupted
