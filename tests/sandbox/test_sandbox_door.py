"""The command: what it prints, how it stops, what it says when it cannot start."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.sandbox.program import Program

_COMMAND = "from codex_auth.sandbox.door import command; command()"
_WITHOUT_FLASK = f"import sys; sys.modules['flask'] = None; {_COMMAND}"


@contextmanager
def served(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=20)


def run(source: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-c", source, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def first_line(process: subprocess.Popen[str]) -> dict[str, object]:
    """Return the announcement of a served sandbox."""
    assert process.stdout is not None
    said: dict[str, object] = json.loads(process.stdout.readline())
    return said


def test_the_first_line_says_where_and_how() -> None:
    """`--json` prints one line with the issuer, the control key and the process."""
    with served("--json") as process:
        said = first_line(process)

    assert set(said) == {"schema_version", "issuer", "control_key", "pid"}
    assert said["schema_version"] == 1
    assert said["pid"] == process.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(number: signal.Signals) -> None:
    """A signal ends it with exit code 0 and not a word."""
    with served("--json") as process:
        first_line(process)
        process.send_signal(number)
        process.wait(timeout=20)
        assert process.stderr is not None
        assert process.stderr.read() == ""

    assert process.returncode == 0


def test_options_reach_the_sandbox() -> None:
    """Lifetimes, ports and faults from the command line apply."""
    with served(
        "--json", "--redirect-port", "45555", "--access-lifetime", "7", "--fault", "status=500:usage"
    ) as process:
        program = Program(str(first_line(process)["issuer"]))
        tokens = program.sign_in()

        assert tokens["expires_in"] == 7
        assert program.usage(tokens["access_token"]).status == 500
        assert program.get(program.authorize_url(redirect_uri="http://localhost:45555/auth/callback")).status == 200


def test_people_are_told_on_stderr() -> None:
    """Without `--json` stdout stays empty and the address is on stderr."""
    with served() as process:
        assert process.stderr is not None
        assert "http://127.0.0.1:" in process.stderr.readline()
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_without_flask_it_says_what_to_install() -> None:
    """Where the extra is missing, one sentence says how to get it."""
    ended = run(_WITHOUT_FLASK, "--json")

    assert ended.returncode == 1
    assert ended.stderr == "The sandbox needs the extra: pip install 'codex-auth-profiles[sandbox]'\n"


def test_a_taken_port_is_one_sentence() -> None:
    """A port in use ends with exit code 1 and its number."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = run(_COMMAND, "--port", port)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Port {port} cannot be used:")


def test_an_unknown_fault_is_a_usage_error() -> None:
    """A fault that does not exist ends with exit code 2 and the list of those that do."""
    ended = run(_COMMAND, "--fault", "nope")

    assert ended.returncode == 2
    assert "drop_before" in ended.stderr


def test_faults_can_be_listed() -> None:
    """`--list-faults` says what each one does."""
    ended = run(_COMMAND, "--list-faults")

    assert ended.returncode == 0
    assert "captive portal" in ended.stdout


def test_a_closed_sandbox_leaves_nothing_behind() -> None:
    """After the block neither port nor thread is held."""
    before = threading.active_count()
    with Sandbox() as sandbox:
        port = int(sandbox.issuer.rpartition(":")[2])

    with socket.create_server(("127.0.0.1", port)):
        assert threading.active_count() == before
