"""`codex-auth login`: the callback and the terminal race, and either may win."""

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, deny
from tests.story.conftest import Person, Program

pytestmark = pytest.mark.usefixtures("callback_ports")
PATIENCE = 20.0


class Login:
    """A running `codex-auth login`, on pipes or on a terminal."""

    def __init__(
        self, program: Program, *words: str, terminal: bool = False, env: dict[str, str] | None = None
    ) -> None:
        self.terminal, inner = pty.openpty() if terminal else (-1, -1)
        self.child = subprocess.Popen(
            [sys.executable, "-m", "codex_auth", "login", *words],
            env={**program.env, **(env or {})},
            stdin=inner if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=inner if terminal else subprocess.PIPE,
            start_new_session=True,
        )
        if terminal:
            os.close(inner)
        self.said = ""

    def hear(self, pattern: str) -> re.Match[str]:
        """Wait until what it says for people matches, and return the match."""
        source = self.terminal if self.terminal >= 0 else self.child.stderr.fileno()  # type: ignore[union-attr]
        deadline = time.monotonic() + PATIENCE
        while True:
            if found := re.search(pattern, self.said):
                return found
            ready, _, _ = select.select([source], [], [], max(0.0, deadline - time.monotonic()))
            data = b""
            with contextlib.suppress(OSError):
                data = os.read(source, 65536) if ready else b""
            if not data:
                pytest.fail(f"never said {pattern!r}: {self.said!r}")
            self.said += data.decode()

    def link(self) -> str:
        """Return the link it printed."""
        return self.hear(r"(https?://\S+/oauth/authorize\?\S+)\s").group(1)

    def type(self, text: str) -> None:
        """Type or paste into the terminal."""
        os.write(self.terminal, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit status and stdout."""
        assert self.child.stdout is not None
        out = self.child.stdout.read().decode()
        status = self.child.wait(PATIENCE)
        source = self.terminal if self.terminal >= 0 else self.child.stderr.fileno()  # type: ignore[union-attr]
        with contextlib.suppress(OSError):
            while data := os.read(source, 65536):
                self.said += data.decode()
        return status, out

    def close(self) -> None:
        """End it, whatever happened."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        for stream in (self.child.stdout, self.child.stderr):
            if stream is not None:
                stream.close()
        if self.terminal >= 0:
            os.close(self.terminal)


@contextlib.contextmanager
def logging_in(
    program: Program, *words: str, terminal: bool = False, env: dict[str, str] | None = None
) -> Iterator[Login]:
    """Run a login for the length of a block."""
    login = Login(program, *words, terminal=terminal, env=env)
    try:
        yield login
    finally:
        login.close()


def visit(address: str) -> tuple[int, str]:
    """Go to a callback address as a browser would; return status and page."""
    parts = urlsplit(address)
    connection = HTTPConnection("127.0.0.1", parts.port or 0, timeout=PATIENCE)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Host": parts.netloc})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_the_browser_comes_back(program: Program, sandbox: Sandbox) -> None:
    """The callback stores the login; the page says which profile, after it is durable."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        status, page = visit(approve(login.link(), account="work"))
        stored_when_shown = program.store.exists()
        ended, out = login.end()

    assert (status, ended) == (200, 0)
    assert "work" in page
    assert stored_when_shown
    assert out.startswith("Signed in: work is ")


def test_a_paste_into_the_terminal_wins(program: Program, sandbox: Sandbox) -> None:
    """While the callback waits, the pasted redirect is taken and never shown."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer, terminal=True) as login:
        address = approve(login.link(), account="work")
        login.hear("Paste the address here")
        login.type(address + "\r")
        ended, out = login.end()

    assert ended == 0
    assert out.startswith("Signed in: work")
    assert urlsplit(address).query not in login.said


def test_a_bad_paste_is_explained_and_waiting_goes_on(program: Program, sandbox: Sandbox) -> None:
    """Rubbish in the terminal gets a reason; the browser still wins afterwards."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer, terminal=True) as login:
        address = approve(login.link(), account="work")
        login.hear("Paste the address here")
        login.type("https://auth.example/hello\r")
        login.hear("not the redirect of this sign-in")
        visit(address)
        ended, _ = login.end()

    assert ended == 0


def test_a_countdown_runs_on_a_terminal(program: Program, sandbox: Sandbox) -> None:
    """On a terminal the time left is shown, and gone from the line at the end."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer, terminal=True) as login:
        login.hear(r"Waiting for you to approve 0?9:5\d")
        visit(approve(login.link(), account="work"))
        login.end()

    assert login.said.rstrip("\r\n").endswith(("\x1b[K", "\x1b[?2004l"))


def test_no_countdown_when_piped(program: Program, sandbox: Sandbox) -> None:
    """Piped output holds plain lines only."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        visit(approve(login.link(), account="work"))
        login.end()

    assert "\x1b" not in login.said
    assert "\r" not in login.said


def test_denial_ends_it(program: Program, sandbox: Sandbox) -> None:
    """Saying no in the browser ends the command with what to type."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        status, page = visit(deny(login.link()))
        ended, _ = login.end()

    assert ended == 3
    assert "not approved (access_denied)" in login.said
    assert status == 403
    assert "not approved" in page.lower()


def test_a_wrong_state_does_not_end_it(program: Program, sandbox: Sandbox) -> None:
    """A visit with another state, or a forged error, gets a page; the right one still succeeds."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        address = approve(login.link(), account="work")
        forged = re.sub(r"state=[^&]+", "state=" + "A" * 43, address)
        assert visit(forged)[0] == 400
        assert visit(forged.replace("code=", "error=access_denied&x="))[0] == 400
        assert visit(address)[0] == 200
        ended, _ = login.end()

    assert ended == 0


def test_a_failed_exchange_shows_the_failed_page(program: Program, sandbox: Sandbox) -> None:
    """When the login could not be stored, the browser is not told that it was."""
    sandbox.fault("status", value=500)
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login:
        status, page = visit(approve(login.link(), account="work"))
        ended, _ = login.end()

    assert ended == 8
    assert "Signed in" not in page
    assert status >= 400
    assert not program.store.exists()


def test_nobody_comes(program: Program, sandbox: Sandbox) -> None:
    """After --timeout it says so, exits 3, and the port is free again."""
    done = program("login", "work", "--no-open", "--timeout", "1s", "--issuer", sandbox.issuer)

    assert done.returncode == 3
    assert "within 1 seconds" in done.stderr or "within 1 second" in done.stderr
    with socket.create_server(("127.0.0.1", 1455)):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_at_once(program: Program, sandbox: Sandbox, number: signal.Signals) -> None:
    """Stopped while waiting: one sentence, 128 + the signal, port free, terminal as before, nothing stored."""
    with logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer, terminal=True) as login:
        login.hear("Paste the address here")
        login.child.send_signal(number)
        ended, _ = login.end()

    assert ended == 128 + number
    assert "Stopped." in login.said
    assert "\x1b[?2004l" in login.said
    assert not program.store.exists()
    with socket.create_server(("127.0.0.1", 1455)):
        pass


def test_paste_only_needs_no_port(person: Person) -> None:
    """--paste works while another program holds both ports."""
    with (
        socket.create_server(("127.0.0.1", 1455)),
        socket.create_server(("127.0.0.1", 1457)),
        logging_in(person.program, "work", "--paste", "--issuer", person.sandbox.issuer, terminal=True) as login,
    ):
        address = approve(login.link(), account="work")
        login.hear("Paste the address here")
        login.type(address + "\r")
        ended, _ = login.end()

    assert ended == 0


def test_the_second_port_is_used(program: Program, sandbox: Sandbox) -> None:
    """With 1455 held by another program, 1457 is used, in the link and in the exchange."""
    with (
        socket.create_server(("127.0.0.1", 1455)),
        logging_in(program, "work", "--no-open", "--issuer", sandbox.issuer) as login,
    ):
        address = approve(login.link(), account="work")
        assert urlsplit(address).port == 1457
        visit(address)
        ended, _ = login.end()

    assert ended == 0


def test_both_ports_taken_names_the_holder_and_opens_nothing(program: Program, sandbox: Sandbox) -> None:
    """The holder is named and left alone, no browser is started, and --paste is offered."""
    opened = program.home / "opened"
    script = program.home / "browser"
    script.write_text(f"#!/bin/sh\ntouch {opened}\n")
    script.chmod(0o700)
    with socket.create_server(("127.0.0.1", 1455)), socket.create_server(("127.0.0.1", 1457)):
        done = program("login", "work", "--issuer", sandbox.issuer, env={"BROWSER": str(script)})

    assert done.returncode == 1
    assert str(os.getpid()) in done.stderr
    assert "--paste" in done.stderr
    assert not opened.exists()


def test_the_browser_gets_an_address_without_secrets(program: Program, sandbox: Sandbox) -> None:
    """The browser's argument list holds a local address that is spent at the first visit; it leads to the link."""
    script, heard = program.home / "browser", program.home / "heard"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {heard}.new && mv {heard}.new {heard}\n')
    script.chmod(0o700)
    with logging_in(program, "work", "--issuer", sandbox.issuer, env={"BROWSER": str(script)}) as login:
        link = login.link()
        entry = _wait_for(heard)
        parts = urlsplit(entry)
        connection = HTTPConnection("127.0.0.1", parts.port or 0, timeout=PATIENCE)
        connection.request("GET", parts.path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        visit(approve(link, account="work"))
        ended, _ = login.end()

    assert ended == 0
    assert entry.startswith("http://127.0.0.1:1455/login/")
    assert "state=" not in entry
    assert answer.status == 303
    assert answer.headers["Location"] == link


def _wait_for(path: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return path.read_text().strip()


def test_over_ssh_no_browser_is_tried(program: Program, sandbox: Sandbox) -> None:
    """Over SSH with `--browser` nothing is opened; the link, the forward command and the reason are printed."""
    script, opened = program.home / "browser", program.home / "opened"
    script.write_text(f"#!/bin/sh\ntouch {opened}\n")
    script.chmod(0o700)
    env = {"BROWSER": str(script), "SSH_CONNECTION": "10.0.0.1 2 10.0.0.2 22"}
    with logging_in(program, "work", "--browser", "--issuer", sandbox.issuer, env=env) as login:
        visit(approve(login.link(), account="work"))
        ended, _ = login.end()

    assert ended == 0
    assert "this is an SSH session" in login.said
    assert "ssh -L 1455:127.0.0.1:1455" in login.said
    assert not opened.exists()


def test_non_interactive_is_refused(program: Program) -> None:
    """A sign-in needs a person; the message names the command that does not wait."""
    done = program("login", "work", "--non-interactive")

    assert done.returncode == 2
    assert "start" in done.stderr


def test_json_is_one_document(program: Program, sandbox: Sandbox) -> None:
    """With --json stdout holds the result only; the link goes to stderr."""
    with logging_in(program, "work", "--json", "--no-open", "--issuer", sandbox.issuer) as login:
        visit(approve(login.link(), account="work"))
        _, out = login.end()

    assert out.count("\n") == 1
    assert '"ok": true' in out
