"""The way through a proxy: which one the environment names for a host, and the tunnel it is asked for.

The variables mean what they mean to Codex 0.169 (measured): `HTTPS_PROXY`, then `ALL_PROXY`; `NO_PROXY` exempts.
Upper case wins where it is set at all, even empty. Unlike there, loopback is never proxied, and a value that cannot
be used is an error: going direct in silence would go a way that somebody forbade.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codex_auth.core.errors import ProxyUnusable
from codex_auth.core.provider import LOOPBACK_HOSTS
from codex_auth.core.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from ipaddress import IPv4Address, IPv6Address

HEAD_LIMIT = 16 * 1024
"""What a proxy may say before the tunnel stands."""

_NAMED_BY = (("HTTPS_PROXY", "https_proxy"), ("ALL_PROXY", "all_proxy"))
_EXEMPTED_BY = ("NO_PROXY", "no_proxy")
_PROXY = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:([!-.0-~]*)@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?/?"
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: [^\r\n]*)?")
_LAST_PORT = 65535
_KINDS = {
    "https": "a proxy that is spoken to over https is not supported, name its http:// address",
    "pac": "automatic proxy configuration (PAC) is not supported",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy, and the variable that names it. `login` is what it wants to know (RFC 7617 section 2)."""

    variable: str
    host: str
    port: int
    login: Secret | None = None

    @property
    def shown(self) -> str:
        """Its address for people, without user name and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'***@' if self.login else ''}{host}:{self.port}"


class TunnelRefused(Exception):
    """The proxy did not lead to the host; `problem` says why in fixed words."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def proxy_for(host: str, env: Mapping[str, str]) -> Proxy | None:
    """Return the proxy on the way to a host; None if the way is direct. Raises `ProxyUnusable`."""
    if is_loopback(host) or exempted_by(host, env):
        return None
    for names in _NAMED_BY:
        variable, value = _first(names, env)
        if value:
            return _read(variable, value)
    return None


def exempted_by(host: str, env: Mapping[str, str]) -> str:
    """Return the variable that exempts a host from any proxy; empty if none does.

    Its entries, between commas, are `*`, a name (it and all below it, with a dot in front or not), an address, or a
    network such as 10.0.0.0/8.
    """
    variable, value = _first(_EXEMPTED_BY, env)
    return variable if any(_covers(entry.strip(), host) for entry in value.split(",")) else ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very spelling."""
    address = _address(host)
    return host in LOOPBACK_HOSTS or host.endswith(".localhost") or (address is not None and address.is_loopback)


def open_tunnel(
    connection: "socket.socket", proxy: Proxy, host: str, port: int, *, agent: str, left: Callable[[], float]
) -> None:
    """Have the proxy connect to a host (RFC 9110 section 9.3.6); from then on every byte is between it and us.

    `left` returns the seconds that remain. Raises `TunnelRefused`, and `OSError` for a connection that fails.
    """
    connection.settimeout(left())
    connection.sendall(_connect_head(proxy, host, port, agent))
    status = _read_status(connection, left)
    if not 200 <= status <= 299:  # noqa: PLR2004 - RFC 9110 section 9.3.6
        raise TunnelRefused(_refusal(status, proxy))


def _connect_head(proxy: Proxy, host: str, port: int, agent: str) -> bytes:
    from base64 import b64encode

    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", f"User-Agent: {agent}"]
    if proxy.login is not None:
        lines.append(f"Proxy-Authorization: Basic {b64encode(proxy.login.reveal().encode()).decode('ascii')}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _read_status(connection: "socket.socket", left: Callable[[], float]) -> int:
    """Read the head of the proxy's answer and return its status; nothing else of it is looked at."""
    received = b""
    while b"\r\n\r\n" not in received:
        connection.settimeout(left())
        piece = connection.recv(HEAD_LIMIT)
        received += piece
        if len(received) > HEAD_LIMIT:
            raise TunnelRefused("its answer is too large")
        if not piece:
            raise TunnelRefused("it closed the connection without an answer")
    head, _, more = received.partition(b"\r\n\r\n")
    status = _STATUS.fullmatch(head.partition(b"\r\n")[0])
    if status is None:
        raise TunnelRefused("its answer is not HTTP")
    if more and status[1].startswith(b"2"):  # TLS begins with us: whatever came is not the host's
        raise TunnelRefused("it sent something of its own into the tunnel")
    return int(status[1])


def _refusal(status: int, proxy: Proxy) -> str:
    if status == 407:  # noqa: PLR2004 - RFC 9110 section 15.5.8
        return (
            "it does not accept that user name and password" if proxy.login else "it asks for a user name and password"
        )
    if status in {502, 503, 504}:
        return f"it could not reach that host (HTTP {status})"
    return f"it refused the connection (HTTP {status})"


# --- reading the variables -----------------------------------------------------------------------------------


def _first(names: tuple[str, ...], env: Mapping[str, str]) -> tuple[str, str]:
    return next(((name, env[name].strip()) for name in names if name in env), (names[0], ""))


def _read(variable: str, value: str) -> Proxy:
    parts = _PROXY.fullmatch(value)
    scheme = value.partition("://")[0].lower() if "://" in value else "http"
    if scheme != "http":
        raise ProxyUnusable(variable=variable, problem=_unsupported(scheme))
    port = int((parts and parts[4]) or 80)
    if parts is None or not 0 < port <= _LAST_PORT:
        raise ProxyUnusable(variable=variable, problem="it is not an address such as http://proxy.example:3128")
    login = None if parts[2] is None else Secret(_login(variable, parts[2]))
    return Proxy(variable=variable, host=parts[3].strip("[]"), port=port, login=login)


def _unsupported(scheme: str) -> str:
    if scheme.startswith("socks"):
        return "SOCKS proxies are not supported, only http:// ones"
    return _KINDS.get(scheme.partition("+")[0], "it is not an http:// address")


def _login(variable: str, userinfo: str) -> str:
    from urllib.parse import unquote_to_bytes

    user, _, password = userinfo.partition(":")
    problem = "its user name or password is not percent-encoded as an address needs it"
    if _BAD_PERCENT.search(userinfo):
        raise ProxyUnusable(variable=variable, problem=problem)
    octets = [unquote_to_bytes(part) for part in (user, password)]
    text = [part.decode("utf-8", "replace") for part in octets]
    if [part.encode() for part in text] != octets or ":" in text[0] or not "".join(text).isprintable():
        raise ProxyUnusable(variable=variable, problem=problem)
    return ":".join(text)


def _covers(entry: str, host: str) -> bool:
    if entry == "*":
        return True
    address = _address(host)
    if address is not None:
        return _in_network(entry, host)
    name = entry.lstrip(".").lower()
    return bool(name) and (host.lower() == name or host.lower().endswith(f".{name}"))


def _in_network(entry: str, host: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _address(host: str) -> "IPv4Address | IPv6Address | None":
    from ipaddress import ip_address

    try:
        return ip_address(host)
    except ValueError:
        return None
