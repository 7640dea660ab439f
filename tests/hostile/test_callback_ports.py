"""A port is ours on both loopback addresses or not at all, and whoever has it is named and left alone."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from codex_auth.callback import ports as ports_module
from codex_auth.callback.loopback import Callback, open_callback
from codex_auth.callback.ports import listen_on_loopback
from codex_auth.core.errors import PortInUse
from tests.hostile.callback_bed import PATH

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

HOLDER = """
import socket, sys
address, port = sys.argv[1], int(sys.argv[2])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
held = socket.socket(family)
held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
if address == "::1":
    held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
held.bind((address, port))
held.listen()
print("held", flush=True)
held.settimeout(30)
visitor, _ = held.accept()
print("disturbed", flush=True)
"""


@pytest.fixture
def free() -> tuple[int, int]:
    """Return two ports that nobody uses."""
    with open_callback([0], PATH, profile="work") as one, open_callback([0], PATH, profile="work") as other:
        return one.port, other.port


@contextlib.contextmanager
def held(address: str, port: int, *, as_nobody: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Let another program, of another user if asked, listen there; it must not have been visited in the end.

    Raises `AssertionError` with its last words when it cannot.
    """
    # The interpreter's own path may be closed to other users; its system twin never is.
    command = [*AS_NOBODY, _system_python()] if as_nobody else [sys.executable]
    with subprocess.Popen(
        [*command, "-I", "-c", HOLDER, address, str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as holder:
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "held\n":
            raise AssertionError(holder.stderr.read())
        try:
            yield holder
        finally:
            assert holder.poll() is None
            holder.kill()
            assert holder.stdout.read() == ""


def _system_python() -> str:
    return shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or sys.executable


def _can_be_nobody() -> bool:
    """Whether another user can be played here: not as an ordinary user, nor in a namespace that has only one."""
    if not shutil.which("setpriv"):
        return False
    return subprocess.run([*AS_NOBODY, _system_python(), "-V"], capture_output=True, check=False).returncode == 0


other_user = pytest.mark.skipif(not _can_be_nobody(), reason="needs the right to change user, and setpriv")
ADDRESSES = ["127.0.0.1", "::1", "0.0.0.0", "::"]
WHO = [pytest.param(False, id="own"), pytest.param(True, id="another user's", marks=other_user)]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("as_nobody", WHO)
def test_the_next_port_is_used_when_one_address_is_held(
    free: tuple[int, int], address: str, *, as_nobody: bool
) -> None:
    """A holder of either address, or of all, is enough; it is neither replaced nor visited (CB-2, finding 1)."""
    with held(address, free[0], as_nobody=as_nobody), open_callback(free, PATH, profile="work") as callback:
        assert callback.port == free[1]


@pytest.mark.parametrize("first", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("second", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("as_nobody", WHO)
def test_all_ports_held_is_an_error_that_names_the_holders(
    free: tuple[int, int], first: str, second: str, *, as_nobody: bool
) -> None:
    """Port, address and program of each; the other way to sign in is the remedy (CB-2)."""
    with (
        held(first, free[0], as_nobody=as_nobody) as one,
        held(second, free[1], as_nobody=as_nobody) as other,
        pytest.raises(PortInUse) as refusal,
    ):
        open_callback(free, PATH, profile="work")

    message = str(refusal.value)
    for port, address, holder in ((free[0], first, one), (free[1], second, other)):
        assert f"{port} on {address} by " in message
        assert f"(pid {holder.pid})" in message
    assert refusal.value.hint.endswith("`codex-auth login work --paste`, which needs no port.")


def test_a_program_that_may_not_be_looked_into_is_another_users(
    free: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without root, `/proc` shows that somebody listens, and not who."""
    tmp_path.joinpath("net").symlink_to("/proc/net")
    monkeypatch.setattr(ports_module, "_PROC", tmp_path)

    with held("::1", free[0]), pytest.raises(PortInUse) as refusal:
        listen_on_loopback(free[:1], profile="work")

    assert f"{free[0]} on ::1 by another user's program." in str(refusal.value)


def test_where_the_system_tells_nothing_the_holder_has_no_name(
    free: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """There is no `/proc` on macOS and Windows."""
    monkeypatch.setattr(ports_module, "_PROC", tmp_path)

    with held("127.0.0.1", free[0]), pytest.raises(PortInUse) as refusal:
        listen_on_loopback(free[:1], profile="work")

    assert f"{free[0]} on 127.0.0.1 by another program." in str(refusal.value)


def test_only_listeners_are_holders(free: tuple[int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A connection that happens to have the port at its end does not hold it."""
    table = "header\n" + f"0: 0100007F:{free[0]:04X} 0100007F:0050 01 0:0 0:0 0 0 0 4711\n"
    tmp_path.joinpath("net").mkdir()
    tmp_path.joinpath("net", "tcp").write_text(table)
    monkeypatch.setattr(ports_module, "_PROC", tmp_path)

    with held("127.0.0.1", free[0]), pytest.raises(PortInUse) as refusal:
        listen_on_loopback(free[:1], profile="work")

    assert f"{free[0]} on 127.0.0.1 by another program." in str(refusal.value)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::ffff:127.0.0.1"])
def test_who_listens_on_every_address_is_named(free: tuple[int, int], address: str) -> None:
    """A wildcard takes loopback's visitors too."""
    with held(address, free[0]) as holder, pytest.raises(PortInUse) as refusal:
        listen_on_loopback(free[:1], profile="work")

    assert f"{free[0]} on 127.0.0.1 by " in str(refusal.value)
    assert f"(pid {holder.pid})" in str(refusal.value)


def test_our_own_second_login_is_a_holder_too(free: tuple[int, int]) -> None:
    """Two logins at once: the second takes the next port, a third is told (CB-3)."""
    with (
        open_callback(free, PATH, profile="work") as first,
        open_callback(free, PATH, profile="home") as second,
        pytest.raises(PortInUse),
    ):
        open_callback(free, PATH, profile="work")

    assert (first.port, second.port) == free


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("as_nobody", WHO)
def test_nobody_can_listen_where_we_do(address: str, *, as_nobody: bool) -> None:
    """Not with every option that shares ports, not on all addresses, not as another user (CB-3)."""
    with (
        open_callback([0], PATH, profile="work") as callback,
        pytest.raises(AssertionError, match="Address already in use"),
        held(address, callback.port, as_nobody=as_nobody),
    ):
        pass


def test_a_bound_port_that_is_not_listened_on_is_no_way_in(free: tuple[int, int]) -> None:
    """Somebody who bound first with SO_REUSEADDR cannot begin to listen later."""
    with socket.socket(socket.AF_INET6) as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("::1", free[0]))
        with open_callback(free[:1], PATH, profile="work"), pytest.raises(OSError, match="in use"):
            squatter.listen()


def test_a_port_of_a_moment_ago_is_free(free: tuple[int, int]) -> None:
    """Connections in TIME_WAIT, which we closed first, do not keep the next login out."""
    for _ in range(3):
        with (
            open_callback(free[:1], PATH, profile="work") as callback,
            socket.create_connection(("127.0.0.1", callback.port)),
        ):
            callback.wait(time.monotonic() + 0.05, ticks=time.monotonic)
            callback.close()


def test_only_the_two_loopback_addresses_are_bound() -> None:
    """No wildcard: other addresses of this machine are refused, even other loopback ones (CB-1)."""
    with open_callback([0], PATH, profile="work") as callback:
        assert _listening(callback) == {"0100007F", "00000000000000000000000001000000"}
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", callback.port))


def _listening(callback: Callback) -> set[str]:
    lines = [*Path("/proc/net/tcp").read_text().splitlines(), *Path("/proc/net/tcp6").read_text().splitlines()]
    locals_ = [line.split()[1] for line in lines if " 0A " in line]
    return {
        address for address, _, port in (local.partition(":") for local in locals_) if int(port, 16) == callback.port
    }


@pytest.mark.parametrize("missing", ["no family", "no address"])
def test_a_machine_without_ipv6_listens_on_ipv4(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the absence of IPv6 excuses one address; nobody can hold what does not exist."""
    if missing == "no address":
        monkeypatch.setattr(ports_module, "ADDRESSES", _addresses("2001:db8::1"))
    else:
        monkeypatch.setattr(socket, "socket", _without_ipv6)

    port, listeners = listen_on_loopback([0], profile="work")
    for listener in listeners:
        listener.close()

    assert [listener.family for listener in listeners] == [socket.AF_INET]
    assert port > 0


def _addresses(ipv6: str) -> Sequence[tuple[int, str]]:
    return ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, ipv6))


_socket = socket.socket


def _without_ipv6(family: int, kind: int) -> socket.socket:
    if family == socket.AF_INET6:
        raise OSError(97, "Address family not supported by protocol")
    return _socket(family, kind)


def test_the_ipv6_socket_takes_ipv6_only() -> None:
    """Each address has its own socket (RFC 3493 section 5.3)."""
    _, listeners = listen_on_loopback([0], profile="work")
    is_only = listeners[1].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    for listener in listeners:
        listener.close()

    assert is_only == 1


def test_windows_asks_for_exclusive_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """SO_REUSEADDR means there what SO_REUSEPORT means elsewhere."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_KEEPALIVE, raising=False)

    _, listeners = listen_on_loopback([0], profile="work")
    options = [
        [listener.getsockopt(socket.SOL_SOCKET, option) for option in (socket.SO_KEEPALIVE, socket.SO_REUSEADDR)]
        for listener in listeners
    ]
    for listener in listeners:
        listener.close()

    assert options == [[1, 0]] * 2
