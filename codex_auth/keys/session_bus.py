"""A connection to the session bus, with one deadline for everything that is asked over it.

The handshake is that of the D-Bus Specification 0.43, "Authentication Protocol", mechanism EXTERNAL. The bus is the
one `DBUS_SESSION_BUS_ADDRESS` names, as for the keyring library, but only if it runs under our own account.
"""

import os
import sys
import time

from codex_auth.keys.dbus import (
    ERROR,
    HEADER,
    REPLY,
    BusTrouble,
    call_message,
    encoded,
    message_size,
    read_message,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LINE_LIMIT = 512
_OTHERS_LIMIT = 64
"""Messages for somebody else that may come before our answer; usually there is one."""
_ROOT_USER = 0
_BUS, _BUS_PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"


class BusError(BusTrouble):
    """The other side answered with an error; `name` is what D-Bus calls it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class BusSilent(BusTrouble):
    """The deadline passed without an answer."""


class Call:
    """A call of `interface.member` of somebody on the bus.

    `takes` is the signature of the values, and `gives` the only one that the answer may have.
    """

    __slots__ = ("_body", "_method", "_path", "_takes", "_to", "gives")

    def __init__(self, to: str, path: str, method: str, *values: object, takes: str = "", gives: str) -> None:
        self.gives = gives
        self._to = to
        self._path = path
        self._method = method
        self._takes = takes
        self._body = encoded(takes, *values)

    def message(self, serial: int) -> bytes:
        """Return the call as it is sent, under this number."""
        return call_message(serial, self._to, self._path, self._method, self._takes, self._body)


class SessionBus:
    """An open connection. Raises `BusError` for refusals, `BusSilent`, and `BusTrouble` for all that goes wrong."""

    def __init__(self, *, seconds: float) -> None:
        # `socket` takes as long as the interpreter itself does: it makes enums of every constant there is.
        import _socket

        self._deadline = time.monotonic() + seconds
        self._serial = 0
        self._buffer = b""
        address = bus_address(os.environ.get("DBUS_SESSION_BUS_ADDRESS", ""))
        if address is None or sys.platform == "win32":
            raise BusTrouble("no bus")
        try:
            self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        except OSError:
            raise BusTrouble("no socket") from None
        try:
            self._begin(address)
        except BaseException:
            self.close()
            raise

    def ask(self, *calls: Call) -> "list[Any]":
        """Make these calls at once and return the answers in their order: for each, the list of its values."""
        waiting = {self._serial + number: call for number, call in enumerate(calls, start=1)}
        self._serial += len(calls)
        self._send(b"".join(call.message(serial) for serial, call in waiting.items()))
        answers: dict[int, list[Any]] = {}
        for _ in range(len(calls) + _OTHERS_LIMIT):
            head = self._receive(HEADER)
            kind, serial, signature, found = read_message(head + self._receive(message_size(head) - HEADER))
            if serial in waiting and kind == ERROR:
                raise BusError(str(found[0]))
            if serial in waiting and kind == REPLY:
                if signature != waiting[serial].gives:
                    raise BusTrouble("an odd answer")
                answers[serial] = found
            if len(answers) == len(calls):
                return [answers[serial] for serial in waiting]
        raise BusTrouble("no answer among many messages")

    def close(self) -> None:
        """End the connection; what the bus kept for it goes with it."""
        self._socket.close()

    def _begin(self, address: str) -> None:
        """Connect, say who we are, and ask for a name."""
        self._guarded(lambda: self._socket.connect(address))
        self._check_peer()
        self._send(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
        if not self._line().startswith(b"OK "):
            raise BusTrouble("the bus refused us")
        # Our name on the bus is the answer to Hello; nobody needs it, so nobody waits for it.
        self._serial += 1
        self._send(b"BEGIN\r\n" + Call(_BUS, _BUS_PATH, f"{_BUS}.Hello", gives="s").message(self._serial))

    def _check_peer(self) -> None:
        """Refuse a bus of another user: whoever runs it would be handed secrets."""
        import _socket

        if hasattr(_socket, "SO_PEERCRED"):
            ucred = self._socket.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
            if int.from_bytes(ucred[4:8], sys.byteorder) not in {os.geteuid(), _ROOT_USER}:  # pid, uid, gid: unix(7)
                raise BusTrouble("the bus is another user's")

    def _send(self, data: bytes) -> None:
        self._guarded(lambda: self._socket.sendall(data))

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if len(self._buffer) > _LINE_LIMIT:
                raise BusTrouble("too long a line")
            self._buffer += self._some()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _receive(self, size: int) -> bytes:
        pieces, held = [self._buffer], len(self._buffer)
        while held < size:
            pieces.append(self._some())
            held += len(pieces[-1])
        whole = b"".join(pieces)
        self._buffer = whole[size:]
        return whole[:size]

    def _some(self) -> bytes:
        data: bytes = self._guarded(lambda: self._socket.recv(65536))
        if not data:
            raise BusTrouble("the bus hung up")
        return data

    def _guarded(self, act: "Callable[[], Any]") -> "Any":
        """Do something with the socket before the deadline."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise BusSilent
        self._socket.settimeout(left)
        try:
            return act()
        except TimeoutError:
            raise BusSilent from None
        except OSError:
            raise BusTrouble("the bus cannot be reached") from None


def bus_address(text: str) -> str | None:
    """Return the first Unix socket in a list of D-Bus addresses; an abstract one starts with a zero byte."""
    for address in text.split(";"):
        transport, _, rest = address.partition(":")
        pairs = [pair.partition("=") for pair in rest.split(",")]
        values = {key: _unescaped(value) for key, _, value in pairs}
        if transport == "unix" and values.get("path"):
            return values["path"]
        if transport == "unix" and values.get("abstract"):
            return "\0" + values["abstract"]
    return None


def _unescaped(text: str) -> str:
    """Undo `%20` and the like. What is no such escape stays as it is: then there is no such socket."""
    first, *rest = text.split("%")
    raw = first.encode()
    for piece in rest:
        try:
            raw += bytes.fromhex(piece[:2]) + piece[2:].encode()
        except ValueError:
            raw += b"%" + piece.encode()
    return os.fsdecode(raw)
