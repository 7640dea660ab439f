"""The real program behind a proxy and a private authority: every request of a login's life goes that way."""

import os
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from codex_auth.core.openai import OPENAI_HOST, OPENAI_ISSUER
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from tests.edge.test_wire import Authority, authority
from tests.network_bed import Listener, connect_proxy, tls_front
from tests.story.conftest import Program
from tests.story.logins import age

__all__ = ["authority"]

PASSWORD = "pW7-qXzKvTnR"


@dataclass
class Office:
    """A network that reaches OpenAI (a sandbox of that name) only through its proxy, which wants a password."""

    program: Program
    sandbox: Sandbox
    proxy: Listener

    @property
    def heads(self) -> list[str]:
        """What the proxy was asked for so far."""
        return [head.decode().partition("\r\n")[0] for head in self.proxy.heads]

    def sign_in(self, account: str = "work", profile: str = "work") -> dict[str, object]:
        """Sign in to OpenAI itself, as every command does by default."""
        link = str(self.program.json("start", profile)["login_url"])
        address = approve(link.replace(OPENAI_ISSUER, self.sandbox.address), account=account)
        return self.program.json("finish", profile, "--callback-url", "-", given=address)


@pytest.fixture
def office(program: Program, authority: Authority) -> Iterator[Office]:
    """Return a home in such a network."""
    ca = authority.folder / "house.pem"
    ca.write_text(authority.pem)
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(public_issuer=OPENAI_ISSUER))
        port = int(sandbox.address.rpartition(":")[2])
        front = stack.enter_context(tls_front(authority.server(OPENAI_HOST), port))
        wanted = "Basic " + b64encode(f"me:{PASSWORD}".encode()).decode()
        proxy = stack.enter_context(connect_proxy({f"{OPENAI_HOST}:443": front.port}, asks_for=wanted))
        program.env |= {
            "HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}",
            "CODEX_CA_CERTIFICATE": str(ca),
        }
        yield Office(program, sandbox, proxy)


def test_the_usage_of_openais_logins_is_asked_of_its_backend_alone(office: Office) -> None:
    """The one other host that is ever named: `chatgpt.com`, by the same way, and only when somebody asks."""
    office.sign_in()
    before = office.heads

    row = office.program.json("usage", "work")["profiles"][0]

    assert row["trouble"]["error"] == "proxy_failed"
    assert office.heads[len(before) :] == ["CONNECT chatgpt.com:443 HTTP/1.1"]
    assert set(before) == {f"CONNECT {OPENAI_HOST}:443 HTTP/1.1"}


def test_a_whole_life_goes_through_the_proxy(office: Office) -> None:
    """Signing in, refreshing, a token fetched in the background, and giving back: all by the same way."""
    said: list[str] = []
    assert (office.sign_in()["ok"], office.sign_in("personal", "home")["ok"]) == (True, True)
    age(office.program, life=1200)
    for words in ("token work --min-validity 2h", "refresh home", "keep --once", "status --why"):
        done = office.program(*words.split())
        said += [done.stdout, done.stderr]
        assert done.returncode == 0, done.stderr
    refused = office.sign_in("personal")  # another account: its fresh tokens are given back

    assert refused["error"] == "identity_mismatch"
    assert set(office.heads) == {f"CONNECT {OPENAI_HOST}:443 HTTP/1.1"}
    assert [entry.outcome for entry in office.sandbox.log("revoke")] == ["ok"]
    assert len(office.heads) == len(office.sandbox.log()) - 6  # each approval is two pages, fetched directly
    assert len(office.sandbox.log("token", "refresh_token")) == 2
    assert PASSWORD not in "".join(said) + str(refused)
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in files(office.program.home))


def files(home: Path) -> Iterator[Path]:
    """Yield every file of a home. A home of `run` has links to files of the user's that may not be there yet."""
    paths = (Path(folder) / name for folder, _, names in os.walk(home) for name in names)
    return (path for path in paths if path.is_file())


def test_status_names_what_counts(office: Office) -> None:
    """`status --why` names the variables that won, masked, as text and as JSON."""
    text = office.program("status", "--why").stdout
    shown = f"http://***@127.0.0.1:{office.proxy.port}"
    network = office.program.json("status", "--why")["network"]

    assert f"proxy to {OPENAI_HOST}: {shown}\n  because HTTPS_PROXY names it\n" in text
    assert "  because CODEX_CA_CERTIFICATE names it\n" in text
    assert (network["proxy"], network["proxy_variable"]) == (shown, "HTTPS_PROXY")
    assert (network["ca"], network["ca_variable"]) == (
        office.program.env["CODEX_CA_CERTIFICATE"],
        network["ca_variable"],
    )
    assert network["ca_variable"] == "CODEX_CA_CERTIFICATE"


@pytest.mark.parametrize(
    ("env", "error", "status"),
    [
        ({"CODEX_CA_CERTIFICATE": "/nonexistent.pem"}, "ca_unusable", 1),
        ({"HTTPS_PROXY": "socks5://127.0.0.1:1080"}, "proxy_unusable", 1),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "proxy_failed", 8),
    ],
)
def test_a_refresh_that_cannot_leave_costs_nothing(
    office: Office, env: dict[str, str], error: str, status: int
) -> None:
    """It fails in words, nothing is asked, and with the setting mended the next one works at once."""
    office.sign_in()
    before = len(office.heads)
    refused = office.program.json("refresh", "work", env=env)

    assert (refused["error"], refused["exit_code"]) == (error, status)
    assert PASSWORD not in str(refused)
    assert len(office.heads) == before
    assert office.program.json("refresh", "work")["ok"] is True


@pytest.mark.parametrize("verb", ["start", "login"])
def test_nobody_approves_what_cannot_be_finished(office: Office, verb: str) -> None:
    """A setting that no request could use is told before a link is given out."""
    refused = office.program.json(verb, "work", env={"HTTPS_PROXY": "socks://127.0.0.1:1080"})

    assert refused["error"] == "proxy_unusable"
    assert "login_url" not in refused


def test_a_pending_sign_in_survives_a_bad_setting(office: Office) -> None:
    """A proxy that is mistyped at `finish` leaves the sign-in waiting."""
    link = str(office.program.json("start", "work")["login_url"])
    address = approve(link.replace(OPENAI_ISSUER, office.sandbox.address), account="work")
    words = ("finish", "work", "--callback-url", "-")

    assert office.program.json(*words, given=address, env={"HTTPS_PROXY": "socks5://x"})["error"] == "proxy_unusable"
    assert office.program.json(*words, given=address, env={"HTTPS_PROXY": "http://127.0.0.1:1"})["exit_code"] == 8
    assert office.program.json(*words, given=address)["ok"] is True


WATCHED = ("strace", "-f", "-qq", "-s", "4096", "-e", "trace=execve", "-v", "-e", "signal=none", "-o")
EVERY = (
    "start home",
    "status home --why",
    "cancel home",
    "start home --device",
    "finish home",
    "finish home --wait --timeout 1s",
    "login third --device --timeout 1s",
    "login third --browser --no-open --timeout 1s",
    "status --why --full --json",
    "token work --min-validity 2h --json",
    "refresh work --json",
    "run work -- true",
    "keep --once",
    "keep --status",
    "keep --install",
    "move work --to vault",
    "vault rekey",
    "move work --to file",
    "cancel home",
    "demo",
)
IN_TROUBLE = ("start home", "start home --device", "status --why --json", "refresh work")
PROXIES = {
    "good": "http://me:{password}@127.0.0.1:{port}",
    "refused": "http://me:{password}x@127.0.0.1:{port}",
    "closed": "http://me:{password}@127.0.0.1:1",
    "odd": "http://me:{password}%zz@127.0.0.1:{port}",
    "wrong": "socks5://me:{password}@127.0.0.1:1080",
    "no address": "http://me:{password}@@:x",
}


@pytest.mark.usefixtures("callback_ports")
@pytest.mark.parametrize("kind", PROXIES)
def test_no_verb_shows_the_password_of_the_proxy(office: Office, kind: str, tmp_path: Path) -> None:
    """Whatever the proxy is like: no stream, no file, no argument of any program that is started has the password."""
    office.sign_in()
    proxy = PROXIES[kind].format(password=PASSWORD, port=office.proxy.port)
    trace, said = tmp_path / "trace", b""
    for words in EVERY if kind == "good" else IN_TROUBLE:
        command = [*WATCHED, str(trace), sys.executable, "-m", "codex_auth", *words.split()]
        env = {**office.program.env, "HTTPS_PROXY": proxy}
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        said += done.stdout + done.stderr
        arguments = re.findall(rb'execve\("[^"]*", (\[.*?\]), \[', trace.read_bytes())
        assert arguments
        said += b"".join(arguments)

    assert b"unexpected" not in said
    assert PASSWORD.encode() not in said
    assert PASSWORD.encode() not in b"".join(path.read_bytes() for path in files(office.program.home))
