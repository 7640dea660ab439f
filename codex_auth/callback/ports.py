"""Taking a port on both loopback addresses, and saying who has it when somebody else does."""

import errno
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from codex_auth.core.errors import PortInUse

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
"""Both, always: browsers try `::1` first for `localhost`, and whoever holds it gets the code (RFC 8252 section 7.3)."""
BACKLOG = 1024
"""Visitors that may wait in the kernel; a page that opens hundreds of sockets must not shut the true one out."""

_PROC = Path("/proc")
_LISTEN = "0A"
"""TCP_LISTEN in `/proc/net/tcp` (Linux `include/net/tcp_states.h`)."""
_COVERING = {
    "127.0.0.1": {"127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"},  # noqa: S104 - recognised, never bound
    "::1": {"::1", "::"},
}
"""The addresses on which a listener also takes what is meant for the key."""


def listen_on_loopback(ports: Sequence[int], *, profile: str) -> tuple[int, list[socket.socket]]:
    """Listen on the first of `ports` that is free on both loopback addresses; return it and the sockets.

    Port 0 means any. A machine without IPv6 gives one socket. Raises `PortInUse` when each port is held on either
    address by somebody; they are named, never disturbed.
    """
    holders: list[str] = []
    for port in ports:
        taken = _listen_on_both(port)
        if isinstance(taken, str):
            holders.append(f"{port} on {taken} by {_holder(port, taken)}")
        else:
            return taken[0].getsockname()[1], taken
    raise PortInUse(holders=", ".join(holders), profile=profile)


def holders(ports: Sequence[int]) -> dict[int, str]:
    """Return which of these ports are held on a loopback address, and by whom, as `/proc` tells; none where it is not.

    Nothing is bound for it: a browser may be on its way to a sign-in that is about to listen.
    """
    listening = {(port, where) for _, where, port in _listeners()}
    held = {}
    for port in ports:
        for _, address in ADDRESSES:
            if any((port, covering) in listening for covering in _COVERING[address]):
                held[port] = _holder(port, address)
    return held


def _listen_on_both(port: int) -> list[socket.socket] | str:
    """Return listening sockets, or the address that is held by somebody else."""
    listening: list[socket.socket] = []
    for family, address in ADDRESSES:
        try:
            listening.append(_listen(family, address, port))
        except OSError as refusal:
            if family == socket.AF_INET6 and refusal.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                continue
            for held in listening:
                held.close()
            return address
        port = listening[0].getsockname()[1]
    return listening


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Past connections in TIME_WAIT must not keep us out. A second listener still fails: Linux refuses
            # it whatever its options are, unless both sides ask for SO_REUSEPORT, which we never do.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.setblocking(False)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _holder(port: int, address: str) -> str:
    """Say who listens there, as far as `/proc` tells this user."""
    inodes = {inode for inode, held, where in _listeners() if where == port and held in _COVERING[address]}
    if not inodes:
        return "another program"
    links = {f"socket:[{inode}]" for inode in inodes}
    for process in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if any(str(held.readlink()) in links for held in process.joinpath("fd").iterdir()):
                name = process.joinpath("comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"{name} (pid {process.name})"
    return "another user's program"


def _listeners() -> Iterator[tuple[str, str, int]]:
    """Yield inode, address and port of each listening TCP socket; nothing where there is no `/proc`."""
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        with suppress(OSError):
            for line in _PROC.joinpath("net", table).read_text(encoding="ascii").splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTEN:
                    address, _, port = columns[1].partition(":")
                    yield columns[9], _address(family, address), int(port, 16)


def _address(family: socket.AddressFamily, digits: str) -> str:
    """Turn the kernel's form, 32-bit words in the byte order of the machine, into the usual text."""
    words = [int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8)]
    return socket.inet_ntop(family, b"".join(words))
