"""A redirect of one's own: another port, and an ingress through which the browser comes back."""

from http.client import HTTPConnection
from socket import create_server
from urllib.parse import urlsplit

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from tests.story.conftest import Program
from tests.story.test_login import logging_in, visit

BASE = "https://devbox.example/codex"
REDIRECT = f"{BASE}/auth/callback"


def free_port() -> int:
    """Return a port that nobody has."""
    with create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def come(port: int, path: str, query: str, host: str) -> int:
    """Come as an ingress would that sends this Host, and return the status."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", f"{path}?{query}", headers={"Host": host, "X-Forwarded-Host": "devbox.example"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_another_port_is_used_everywhere(program: Program) -> None:
    """The port is listened on, and is in the redirect of the link and of the exchange."""
    port = free_port()
    with Sandbox(redirect_ports=(port,)) as sandbox:
        words = ("work", "--no-open", "--issuer", sandbox.issuer, "--callback-port", str(port))
        with logging_in(program, *words) as login:
            address = approve(login.link(), account="work")
            status, _ = visit(address)
            ended, _ = login.end()

    assert address.startswith(f"http://localhost:{port}/auth/callback?")
    assert (status, ended) == (200, 0)


@pytest.mark.parametrize("path", ["/codex/auth/callback", "/auth/callback"])
@pytest.mark.parametrize("keeps_host", [True, False])
def test_the_browser_comes_back_through_an_ingress(program: Program, path: str, keeps_host: bool) -> None:
    """An ingress may keep the host or not, and hand on the whole path or ours; any other host or path is refused."""
    port = free_port()
    with Sandbox(redirect_uris=(REDIRECT,)) as sandbox:
        words = ("work", "--no-open", "--issuer", sandbox.issuer, "--callback-port", str(port))
        with logging_in(program, *words, "--callback-url-base", BASE) as login:
            address = approve(login.link(), account="work")
            query = urlsplit(address).query
            strangers = [
                *(come(port, path, query, host) for host in ("devbox.example:443", "evil.example", "x.devbox.example")),
                come(port, "/codex", query, "devbox.example"),
                come(port, "/codex/auth/callback/", query, "devbox.example"),
                come(port, "/auth", query, "devbox.example"),
            ]
            came = come(port, path, query, "devbox.example" if keeps_host else f"127.0.0.1:{port}")
            ended, _ = login.end()

    assert address.startswith(f"{REDIRECT}?")
    assert strangers == [421, 421, 421, 404, 404, 404]
    assert (came, ended) == (200, 0)


def test_without_an_ingress_its_host_is_a_stranger(program: Program, sandbox: Sandbox) -> None:
    """Only the sign-in that asked for an ingress answers to its name."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        address = urlsplit(approve(login.link(), account="work"))

        assert come(address.port or 0, address.path, address.query, "devbox.example") == 421


def test_two_steps_keep_the_redirect(program: Program) -> None:
    """`finish` takes the address of the ingress and no other, and says the same redirect to the provider."""
    with Sandbox(redirect_uris=(REDIRECT,)) as sandbox:
        started = program.json("start", "work", "--issuer", sandbox.issuer, "--callback-url-base", BASE + "/")
        address = approve(started["login_url"], account="work")
        finish = ("finish", "work", "--callback-url", "-")
        wrong = [
            address.replace("https://", "http://"),
            address.replace("devbox.example", "devbox.example:444"),
            address.replace("devbox.example", "localhost"),
            address.replace("devbox.example", "devbox.example.evil.example"),
            address.replace("/codex/", "/"),
        ]

        assert started["redirect_uri"] == REDIRECT
        assert {program.json(*finish, given=text)["error"] for text in wrong} == {"redirect_refused"}
        assert program.json(*finish, given=address)["ok"] is True


def test_the_configuration_may_name_the_ingress(program: Program) -> None:
    """It counts for other providers than OpenAI, and the command line before it."""
    folder = program.home / ".config/codex-auth"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'callback_url_base = "{BASE}"\ncallback_port = 8123\n')
    issuer = "http://127.0.0.1:1"

    assert program.json("start", "work", "--issuer", issuer)["redirect_uri"] == REDIRECT
    other = program.json("start", "work", "--issuer", issuer, "--callback-url-base", "https://other.example")
    assert other["redirect_uri"] == "https://other.example/auth/callback"
    assert program.json("start", "work")["redirect_uri"] == "http://localhost:1455/auth/callback"


@pytest.mark.parametrize("option", [("--callback-port", "8000"), ("--callback-url-base", BASE)])
@pytest.mark.parametrize("verb", ["start", "login"])
def test_openai_has_an_exact_list(program: Program, verb: str, option: tuple[str, str]) -> None:
    """A redirect that OpenAI would refuse is refused here, and the message says why."""
    refused = program.json(verb, "work", *option)

    assert (refused["error"], refused["exit_code"]) == ("callback_refused", 2)
    assert "its list is exact" in refused["message"]


def test_openai_takes_its_second_port(program: Program) -> None:
    """The two ports that are registered may be chosen."""
    assert program.json("start", "work", "--callback-port", "1457")["redirect_uri"].startswith("http://localhost:1457/")


@pytest.mark.parametrize(
    "base",
    [
        "http://devbox.example",
        "https://devbox.example:443",
        "https://Devbox.example",
        "https://user@devbox.example",
        "https://devbox.example/a/../b",
        "https://devbox.example/a?b=c",
        "https://devbox.example/#a",
        "https://devbox.example//",
        "https://devbox.example:99999",
        "devbox.example",
        "javascript:alert(1)",
        "https://devbox.example/a\r\nX: y",
    ],
)
def test_a_base_that_is_not_plain_is_refused(program: Program, base: str) -> None:
    """What two programs could read differently is no base: the provider compares the redirect letter by letter."""
    refused = program.json("start", "work", "--issuer", "http://127.0.0.1:1", "--callback-url-base", base)

    assert (refused["error"], refused["exit_code"]) == ("callback_refused", 2)
