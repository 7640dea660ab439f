"""The way to the provider: which proxy and which authorities the environment names, and what a proxy may do to us."""

import os
import socket
import traceback
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from codex_auth.core.errors import AuthError, CaUnusable, ProviderUnreachable, ProxyFailed, ProxyUnusable
from codex_auth.core.flow import Request
from codex_auth.core.openai import OPENAI_HOST
from codex_auth.core.provider import Provider
from codex_auth.edge.timers import carried
from codex_auth.net import wire
from codex_auth.net.authorities import find_authorities, trust
from codex_auth.net.network import network_facts, route_to
from codex_auth.net.proxies import HEAD_LIMIT, exempted_by, proxy_for
from tests.edge.test_wire import NOW, OK, SECRET, Authority, authority, says, serving
from tests.network_bed import Answer, connect_proxy, odd_proxy

__all__ = ["authority"]

PASSWORD = "pW7-qXzKvTnR"
PLACE = f"{OPENAI_HOST}:443"


def ask(env: dict[str, str], *, timeout: float = 5) -> int:
    """Make one request to OpenAI by this environment and return its status."""
    request = Request(method="POST", url=Provider().token_url, purpose="test", body=f"code={SECRET}".encode())
    route = route_to(OPENAI_HOST, env)
    return wire.send(
        request, allowed=frozenset({Provider().issuer}), now=lambda: NOW, route=route, timeout=timeout
    ).status


def trusting(authority: Authority, **env: str) -> dict[str, str]:
    """Return an environment in which an authority is trusted."""
    path = authority.folder / "authority.pem"
    path.write_text(authority.pem)
    return {"CODEX_CA_CERTIFICATE": str(path), **env}


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect every name that is looked up."""
    names: list[object] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: object, *rest: object, **more: object) -> object:
        names.append(host)
        return real(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names


# --- through a proxy -----------------------------------------------------------------------------------------


def test_a_request_goes_through_the_proxy(authority: Authority, looked_up: list[object]) -> None:
    """The proxy is asked for the provider by name; nobody here looks the name up, and TLS is with the provider."""
    with (
        serving(says(OK), tls=authority.server(OPENAI_HOST)) as server,
        connect_proxy({PLACE: server.port}) as proxy,
    ):
        assert ask(trusting(authority, HTTPS_PROXY=proxy.url)) == 200

    assert set(looked_up) == {"127.0.0.1"}  # the proxy, and by the proxy of this test
    assert proxy.heads == [
        f"CONNECT {PLACE} HTTP/1.1\r\nHost: {PLACE}\r\nUser-Agent: {wire.USER_AGENT}\r\n\r\n".encode()
    ]
    assert server.heard[0].startswith(b"POST /oauth/token HTTP/1.1\r\nHost: auth.openai.com\r\n")


def test_a_proxy_is_told_who_asks(authority: Authority) -> None:
    """User name and password go to the proxy, percent-decoded, and to nobody else."""
    wanted = "Basic " + b64encode(f"a user:{PASSWORD}@é".encode()).decode()
    with (
        serving(says(OK), tls=authority.server(OPENAI_HOST)) as server,
        connect_proxy({PLACE: server.port}, asks_for=wanted) as proxy,
    ):
        env = trusting(authority, HTTPS_PROXY=f"http://a%20user:{PASSWORD}%40%C3%A9@127.0.0.1:{proxy.port}")

        assert ask(env) == 200
    assert b"roxy-" not in server.heard[0]


def test_the_proxy_cannot_pose_as_the_provider(authority: Authority) -> None:
    """A proxy that ends TLS itself with a certificate nobody vouches for gets nothing."""
    with (
        serving(says(OK), tls=authority.server(OPENAI_HOST)) as server,
        connect_proxy({PLACE: server.port}) as proxy,
        pytest.raises(ProviderUnreachable, match="CODEX_CA_CERTIFICATE") as caught,
    ):
        ask({"HTTPS_PROXY": proxy.url})

    assert (caught.value.sent, server.heard) == (False, [])


def big(visitor: socket.socket) -> None:
    """Send ten megabytes of head."""
    visitor.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(160):
        visitor.sendall(b"X-Filler: " + b"x" * 65526)


def silent(visitor: socket.socket) -> None:
    """Say nothing for as long as the visitor waits."""
    visitor.recv(1)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (says(b"HTTP/1.1 407 Who\r\n\r\n"), "it does not accept that user name and password"),
        (says(f"HTTP/1.1 403 {PASSWORD}\r\n\r\n{PASSWORD}".encode()), "it refused the connection (HTTP 403)"),
        (says(b"HTTP/1.1 502 No\r\n\r\n"), "it could not reach that host (HTTP 502)"),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n"), "it refused the connection (HTTP 100)"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: https://evil/\r\n\r\n"), "it refused the connection (HTTP 302)"),
        (says(b""), "it closed the connection without an answer"),
        (says(b"HTTP/1.1 200 OK\r\nX"), "it closed the connection without an answer"),
        (says(b"220 mail ready\r\n\r\n"), "its answer is not HTTP"),
        (says(b"\x16\x03\x01" + os.urandom(64) + b"\r\n\r\n"), "its answer is not HTTP"),
        (says(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}"), "it sent something of its own into the tunnel"),
        (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_LIMIT), "its answer is too large"),
        (big, "its answer is too large"),
        (silent, "it did not answer in time"),
    ],
)  # fmt: skip
def test_a_proxy_that_fails_is_told_in_words(answer: Answer, problem: str) -> None:
    """Whatever a proxy does, nothing of the request has left, and neither its words nor the password are shown."""
    with odd_proxy(answer) as proxy, pytest.raises(ProxyFailed) as caught:
        ask({"HTTPS_PROXY": f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"}, timeout=0.5)

    error = caught.value
    assert str(error).endswith(f"which HTTPS_PROXY names: {problem}.")
    assert error.sent is False
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error.facts) + error.hint
    assert PASSWORD not in shown
    assert SECRET not in shown
    assert SECRET.encode() not in b"".join(proxy.heads)


def test_a_proxy_that_is_not_there_is_told(authority: Authority) -> None:
    """A proxy that refuses the connection is named; the request does not go past it."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(ProxyFailed, match="the connection was refused") as caught:
        ask({"ALL_PROXY": f"http://127.0.0.1:{port}"})

    assert (caught.value.sent, caught.value.facts["variable"]) == (False, "ALL_PROXY")


# --- which proxy ---------------------------------------------------------------------------------------------

A, B = "http://a.example:1", "http://b.example:2"


@pytest.mark.parametrize(
    ("env", "host"),
    [
        ({"HTTPS_PROXY": A, "https_proxy": B}, "a.example"),
        ({"https_proxy": B}, "b.example"),
        ({"HTTPS_PROXY": "", "https_proxy": B}, ""),
        ({"HTTPS_PROXY": A, "ALL_PROXY": B}, "a.example"),
        ({"ALL_PROXY": B, "all_proxy": A}, "b.example"),
        ({"HTTPS_PROXY": "", "ALL_PROXY": B}, "b.example"),
        ({"HTTP_PROXY": A, "http_proxy": A, "FTP_PROXY": A, "CODEX_PROXY": A}, ""),
        ({"HTTPS_PROXY": "a.example:3128"}, "a.example"),
        ({"HTTPS_PROXY": A, "NO_PROXY": "openai.com"}, ""),
        ({}, ""),
    ],
)
def test_the_variables_mean_what_they_mean_to_codex(env: dict[str, str], host: str) -> None:
    """Measured with codex 0.169.0: upper case wins where it is set, `ALL_PROXY` comes last, the others say nothing."""
    proxy = proxy_for(OPENAI_HOST, env)

    assert (proxy.host if proxy else "") == host


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "127.8.9.1", "sandbox.localhost"])
def test_loopback_is_never_proxied(host: str) -> None:
    """What is meant for this machine stays on it, even where the proxy is unusable."""
    assert proxy_for(host, {"HTTPS_PROXY": A}) is None
    assert proxy_for(host, {"HTTPS_PROXY": "socks5://x:1"}) is None


@pytest.mark.parametrize(
    ("value", "host", "is_exempt"),
    [
        ("openai.com", OPENAI_HOST, True),
        (".openai.com", OPENAI_HOST, True),
        (".auth.openai.com", OPENAI_HOST, True),
        ("AUTH.openai.COM", OPENAI_HOST, True),
        ("x.example, auth.openai.com", OPENAI_HOST, True),
        ("*", OPENAI_HOST, True),
        ("x, *", OPENAI_HOST, True),
        ("penai.com", OPENAI_HOST, False),
        ("*.openai.com", OPENAI_HOST, False),
        ("auth.openai.com:443", OPENAI_HOST, False),
        ("x auth.openai.com", OPENAI_HOST, False),
        ("", OPENAI_HOST, False),
        (",.,", OPENAI_HOST, False),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("10.0.0.0/8", "fd00::1", False),
        ("nonsense/99", "10.1.2.3", False),
    ],
)
def test_no_proxy_exempts_as_in_codex(value: str, host: str, is_exempt: bool) -> None:
    """Names cover what is below them, addresses and networks cover addresses; ports and patterns cover nothing."""
    assert exempted_by(host, {"NO_PROXY": value}) == ("NO_PROXY" if is_exempt else "")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("socks5://proxy.example:1080", "SOCKS proxies are not supported"),
        ("socks://proxy.example:1080", "SOCKS proxies are not supported"),
        ("https://proxy.example", "spoken to over https is not supported"),
        ("pac+http://wpad.example/wpad.dat", "PAC"),
        ("http://wpad.example/wpad.dat", "not an address"),
        ("ftp://proxy.example", "not an http:// address"),
        ("http://", "not an address"),
        ("::::", "not an address"),
        ("http://proxy.example:0", "not an address"),
        ("http://proxy.example:65536", "not an address"),
        (f"http://u:{PASSWORD}%zz@proxy.example", "percent-encoded"),
        (f"http://u%3a:{PASSWORD}@proxy.example", "percent-encoded"),
        (f"http://u:{PASSWORD}%0a@proxy.example", "percent-encoded"),
        (f"http://u:{PASSWORD}@proxy.example\r\nX: y", "not an address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_refused(value: str, problem: str) -> None:
    """It is refused by the name of its variable before anything is sent; nobody goes past it."""
    with pytest.raises(ProxyUnusable, match=problem) as caught:
        wire.sender(Provider(), now=lambda: NOW, env={"HTTPS_PROXY": value})

    assert "HTTPS_PROXY" in str(caught.value)
    assert PASSWORD not in str(caught.value) + repr(caught.value.facts)


def test_a_proxy_shows_no_password() -> None:
    """Neither its record nor what `status --why` says has the user name or the password in it."""
    env = {"HTTPS_PROXY": f"http://somebody:{PASSWORD}@proxy.example:3128"}
    facts = network_facts(OPENAI_HOST, env)

    assert (facts["proxy"], facts["proxy_variable"]) == ("http://***@proxy.example:3128", "HTTPS_PROXY")
    for shown in (repr(facts), repr(route_to(OPENAI_HOST, env))):
        assert PASSWORD not in shown
        assert "somebody" not in shown


def test_a_timer_gets_the_settings_but_no_password() -> None:
    """`keep --install` hands on what says how to reach the provider; a unit file is no place for a password."""
    env = {
        "HTTPS_PROXY": f"http://u:{PASSWORD}@p.example",
        "https_proxy": B,
        "NO_PROXY": "x@y",
        "CODEX_CA_CERTIFICATE": "/ca",
    }

    assert carried(env) == {"https_proxy": B, "NO_PROXY": "x@y", "CODEX_CA_CERTIFICATE": "/ca"}


# --- which authorities ---------------------------------------------------------------------------------------


def stores(env: dict[str, str]) -> set[bytes]:
    """Return the authorities that are loaded by this environment."""
    return set(trust(find_authorities(env)).get_ca_certs(binary_form=True))


def der(authority: Authority) -> bytes:
    """Return an authority's certificate."""
    return b64decode("".join(authority.pem.split("-----")[2].split()))


def test_codex_ca_certificate_adds(authority: Authority) -> None:
    """It adds to the machine's authorities, and a stale SSL_CERT_FILE beside it does no harm."""
    env = trusting(authority, SSL_CERT_FILE="/nonexistent", SSL_CERT_DIR="/nonexistent")

    assert stores(env) == stores({}) | {der(authority)}


def test_ssl_cert_file_replaces(authority: Authority) -> None:
    """It takes the place of the machine's file, as OpenSSL has it."""
    path = trusting(authority)["CODEX_CA_CERTIFICATE"]

    assert stores({"SSL_CERT_FILE": path}) == {der(authority)}
    assert stores({"SSL_CERT_FILE": path, "CODEX_CA_CERTIFICATE": ""}) == {der(authority)}


def test_other_variables_name_no_authority(authority: Authority) -> None:
    """The variables of other programs say nothing to us."""
    path = trusting(authority)["CODEX_CA_CERTIFICATE"]
    names = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "AWS_CA_BUNDLE")

    assert stores(dict.fromkeys(names, path)) == stores({})


def test_a_bundle_may_have_remarks(authority: Authority) -> None:
    """Comments and OpenSSL's TRUSTED CERTIFICATE, which has more in it than the certificate, are understood."""
    trusted = b64encode(der(authority) + b"\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01").decode()
    path = authority.folder / "bundle.pem"
    path.write_text(
        f"# the house\r\n-----BEGIN TRUSTED CERTIFICATE-----\r\n{trusted}\r\n-----END TRUSTED CERTIFICATE-----\r\n"
        f"subject=x\n{authority.pem}"
    )

    assert stores({"SSL_CERT_FILE": str(path)}) == {der(authority)}


DAMAGE = {
    "missing": ("it does not exist", None),
    "folder": ("it is not a file", "folder"),
    "fifo": ("it is not a file", "fifo"),
    "empty": ("there is no certificate in it", b""),
    "a key": ("there is no certificate in it", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    "cut": ("a certificate in it is damaged", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
    "no end": ("there is no certificate in it", b"-----BEGIN CERTIFICATE-----\nMIIB\n"),
    "not base64": ("there is no certificate in it", b"-----BEGIN CERTIFICATE-----\n?!\n-----END CERTIFICATE-----\n"),
    "no DER": (
        "a certificate in it is damaged",
        b"-----BEGIN CERTIFICATE-----\n" + b64encode(b"\x30\x81\x80" + b"x" * 128) + b"\n-----END CERTIFICATE-----\n",
    ),
}


@pytest.mark.parametrize("variable", ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_authorities_that_cannot_be_read_are_an_error(kind: str, variable: str, tmp_path: Path) -> None:
    """The error names the variable and comes before any connection, not as a bad certificate later."""
    problem, content = DAMAGE[kind]
    path = tmp_path / "ca.pem"
    if content == "folder":
        path.mkdir()
    elif content == "fifo":
        os.mkfifo(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)

    with pytest.raises(CaUnusable, match=problem) as caught:
        wire.sender(Provider(), now=lambda: NOW, env={variable: str(path)})
    assert str(caught.value).startswith(f"{variable} names {path}")
    assert caught.value.status == 1


def test_a_folder_of_authorities_is_looked_at(tmp_path: Path) -> None:
    """Each folder of SSL_CERT_DIR must be there."""
    assert find_authorities({"SSL_CERT_DIR": str(tmp_path)}).folder == str(tmp_path)
    with pytest.raises(AuthError, match="SSL_CERT_DIR"):
        find_authorities({"SSL_CERT_DIR": f"{tmp_path}:{tmp_path}/gone"})
