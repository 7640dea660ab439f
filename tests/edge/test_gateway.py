"""Finding a gateway, its health, and what it is asked; each with real sockets, files and processes."""

import contextlib
import hashlib
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.core.gateway_errors import (
    GatewayError,
    GatewayOfOther,
    GatewayScope,
    GatewaySlow,
    GatewayUnauthorized,
    GatewayUnreachable,
)
from codex_auth.gateway import finding, health
from codex_auth.gateway.asking import Asking, Preflight
from codex_auth.gateway.finding import Found
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import OpenClawHome, chosen_home

PAGES = {"/healthz": (200, {"ok": True, "status": "live"}), "/readyz": (200, {"ready": True, "uptimeMs": 4321})}


@contextlib.contextmanager
def served(pages: dict[str, tuple[int, object]], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve these pages on a port of the loopback; any other is a page of HTML."""

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, document = pages.get(self.path, (200, None))
            body = b"<html>" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of plain HTTP where TLS is spoken."""

    with Server(("127.0.0.1", 0), Pages) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def certified(folder: Path) -> ssl.SSLContext:
    """Return TLS with a certificate that nobody signed."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=gateway", "-days", "1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


# --- health --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (PAGES, health.Health(health.UP, 4321)),
        ({**PAGES, "/readyz": (503, {"ready": False, "uptimeMs": 9})}, health.Health(health.UP, 9)),
        ({**PAGES, "/startupz": (503, {"ok": False})}, health.Health(health.STARTING, 4321)),
        ({**PAGES, "/healthz": (503, {"ok": False})}, health.Health(health.STARTING, 4321)),
        ({**PAGES, "/readyz": (200, None)}, health.Health(health.UP, None)),
        ({}, health.Health(health.STRANGE)),
        ({"/healthz": (200, ["ok"])}, health.Health(health.STRANGE)),
    ],
)
def test_what_it_answers(pages: dict[str, tuple[int, object]], expected: health.Health) -> None:
    """It is up by `/healthz`, older by `uptimeMs`; one broken channel is no matter, a page of HTML is no gateway."""
    with served(pages) as port:
        assert health.ask(port) == expected


def test_tls(tmp_path: Path) -> None:
    """A gateway behind a certificate of its own is as well as any."""
    with served(PAGES, certified(tmp_path)) as port:
        assert health.ask(port) == health.Health(health.UP, 4321)


def test_nobody_and_somebody_silent() -> None:
    """A closed port, a port that takes a connection and says nothing, one that says no HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert health.ask(free.getsockname()[1]).state == health.DOWN
        free.listen()
        assert health.ask(free.getsockname()[1], seconds=0.2).state == health.SILENT


# --- finding -------------------------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path) -> OpenClawHome:
    """Return a state folder."""
    state = tmp_path / ".openclaw"
    state.mkdir()
    return OpenClawHome(
        state=str(state), config=str(state / "openclaw.json"), profile="", era=None, agents=(), is_chosen=True
    )


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment with nothing of OpenClaw's but a temporary folder."""
    (tmp_path / "tmp").mkdir()
    return {"HOME": str(tmp_path), "TMPDIR": str(tmp_path / "tmp"), "OPENCLAW_GATEWAY_PORT": "9"}


def lock(home: OpenClawHome, env: dict[str, str], *, old: bool = False, **facts: object) -> None:
    """Leave the lock file of a gateway, as releases before and since 2026.9 do."""
    folder = Path(env["TMPDIR"] if old else f"{home.state}/tmp") / f"openclaw-{os.getuid()}"
    folder.mkdir(parents=True)
    digest = hashlib.sha256(home.config.encode()).hexdigest()[:8]
    name = f"gateway.{digest}.lock" if old else "gateway.state.lock"
    (folder / name).write_text(json.dumps({"pid": os.getpid(), "configPath": home.config, **facts}) + "\n\t \t")


def started(pid: int) -> int:
    """Return when a process began, as /proc says it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_a_lock_names_process_and_port(home: OpenClawHome, env: dict[str, str]) -> None:
    """One in the state folder names its port; padding behind it is no matter."""
    lock(home, env, port=4711, startTime=started(os.getpid()))

    assert finding.find(home, env) == Found(
        pid=os.getpid(), port=4711, supervisor="nobody", started=started(os.getpid())
    )


def test_an_older_lock_names_no_port(home: OpenClawHome, env: dict[str, str]) -> None:
    """Then it is the one that the process listens on and answers at as a gateway does."""
    lock(home, env, old=True)
    with served(PAGES) as port, socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        found = finding.find(home, env)

    assert found
    assert found.port == port


def test_a_dead_lock_is_none(home: OpenClawHome, env: dict[str, str]) -> None:
    """Neither a process that is gone nor another one that got its number is a gateway."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock(home, env, pid=gone.pid, port=4711)
    lock(home, env, old=True, startTime=started(os.getpid()) + 1)

    assert finding.find(home, env) is None


def test_a_gateway_without_a_lock_is_found_by_its_port(home: OpenClawHome, env: dict[str, str]) -> None:
    """A service may have a temporary folder of its own; what answers on the configured port is it."""
    with served(PAGES) as port:
        Path(home.config).write_text(json.dumps({"gateway": {"port": port}}))
        found = finding.find(home, {**env, "OPENCLAW_GATEWAY_PORT": ""})

    assert found == Found(pid=None, port=port, supervisor="nobody")


def test_another_users_gateway(home: OpenClawHome, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left alone, and said whose it is."""
    lock(home, env, port=4711)
    monkeypatch.setattr(finding, "_uid", lambda: os.getuid() + 1)

    with pytest.raises(GatewayOfOther) as refused:
        finding.find(home, env)

    assert (refused.value.status, refused.value.facts["user"]) == (7, str(os.getuid()))


@pytest.mark.parametrize(
    ("platform", "file", "expected"),
    [
        ("linux", ".config/systemd/user/openclaw-gateway.service", "systemd"),
        ("darwin", "Library/LaunchAgents/ai.openclaw.gateway.plist", "launchd"),
        ("win32", ".openclaw/gateway.cmd", "task"),
        ("linux", "nothing", "nobody"),
        ("darwin", "nothing", "nobody"),
        ("win32", "nothing", "nobody"),
    ],
)
def test_who_starts_it_again(home: OpenClawHome, env: dict[str, str], platform: str, file: str, expected: str) -> None:
    """Each system's installer leaves a file; a gateway that runs in the foreground has none."""
    path = Path(env["HOME"]) / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()

    assert finding.supervisor(home, env, None, platform) == expected


# --- asking --------------------------------------------------------------------------------------------------

OPENCLAW = """#!/bin/sh
printf '%s\\n' "$@" > "{folder}/words"; /usr/bin/env > "{folder}/env"
{does}
"""


def asking(folder: Path, does: str, *, port: int = 4711, **more: str) -> Asking:
    """Return a gateway to ask through an `openclaw` that does this."""
    package = folder / "package"
    package.mkdir()
    (package / "package.json").write_text(json.dumps({"name": "openclaw", "version": "2026.9.6"}))
    program = package / "openclaw"
    program.write_text(OPENCLAW.format(folder=folder, does=does))
    program.chmod(0o755)
    node = folder / "node"
    node.symlink_to("/bin/true")
    env = {"HOME": str(folder), "PATH": f"{package}:{folder}", **more}
    found = installation(env)
    gateway = Found(pid=1, port=port, supervisor="nobody")
    return Asking(found, chosen_home(env, found), gateway, profile="work", env=env)


def test_fixed_words_and_an_environment_of_its_own(tmp_path: Path) -> None:
    """No shell, nothing of our environment but what it needs; a poisoned PATH and odd names change nothing."""
    poison = tmp_path / "$(touch poisoned);"
    poison.mkdir()
    for name in ("sh", "env", "node"):
        (poison / name).write_text("#!/bin/sh\n/bin/touch poisoned\n")
        (poison / name).chmod(0o755)
    secret = {"OPENAI_API_KEY": "canary", "NODE_OPTIONS": "--require /evil.js", "LD_PRELOAD": ""}
    asked = asking(tmp_path, "echo '{}'", **secret)
    asked._env = {**asked._env, "PATH": str(poison)}

    asked.reload()

    assert (tmp_path / "words").read_text().split() == ["secrets", "reload", "--json"]
    got = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert got.keys() - {"PWD", "_", "SHLVL", "OLDPWD", "PATH", "HOME", "TMPDIR", "LANG", "TZ"} == {
        *("OPENCLAW_HIDE_BANNER", "NO_COLOR", "OPENCLAW_GATEWAY_PORT", "OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH")
    }
    assert str(poison) not in got["PATH"]
    assert got["OPENCLAW_GATEWAY_PORT"] == "4711"
    assert not list(tmp_path.rglob("poisoned"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("gateway closed (1008): scope upgrade pending approval (requestId: x)", GatewayScope),
        ("missing scope: operator.admin", GatewayScope),
        ("unauthorized: gateway token mismatch", GatewayUnauthorized),
        ("gateway closed (1006 abnormal closure (no close frame))", GatewayUnreachable),
        ("connect ECONNREFUSED 127.0.0.1:1", GatewayUnreachable),
        ("gateway timeout after 10000ms, Gateway target: ws://127.0.0.1:10081", GatewaySlow),
        ("method not found; url ws://127.0.0.1:51008", GatewayError),
        ("something else with a secret sk-canary", GatewayError),
    ],
)
def test_each_refusal_has_its_own_error(tmp_path: Path, said: str, expected: type[GatewayError]) -> None:
    """By the words that are known; what it said is never repeated."""
    asked = asking(tmp_path, f"echo '{said}' >&2; exit 1", port=51008)

    with pytest.raises(GatewayError) as refused:
        asked.reload()

    assert type(refused.value) is expected
    assert "canary" not in str(refused.value) + refused.value.hint
    assert refused.value.hint


def test_one_that_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not answered in time is given up, and that is said."""
    monkeypatch.setattr("codex_auth.gateway.asking.SECONDS", 0.2)

    with pytest.raises(GatewaySlow, match=r"did not answer within 0\.2 seconds"):
        asking(tmp_path, "exec /bin/sleep 30").reload()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"profileId": "openai:work", "status": "ok"}], True),
        ([{"profileId": "openai:work", "status": "expired"}], False),
        ([{"profileId": "openai:home", "status": "ok"}], False),
        ([], False),
        ([None, "odd"], False),
    ],
)
def test_what_it_lists(tmp_path: Path, rows: list[object], expected: bool) -> None:
    """A login counts under its id while it has not ended; whatever else the list holds is no matter."""
    answer = json.dumps({"providers": [{"provider": "openai", "profiles": rows}, {"provider": "x"}, None]})

    assert asking(tmp_path, f"echo '{answer}'").lists("openai:work", "news") is expected
    words = (tmp_path / "words").read_text().splitlines()
    assert words == [
        "gateway",
        "call",
        "models.authStatus",
        "--params",
        '{"refresh": true, "agentId": "news"}',
        "--timeout",
        "40000",
        "--json",
    ]


def test_looking_anew(tmp_path: Path) -> None:
    """It is told as OpenClaw's own commands tell it."""
    asking(tmp_path, "echo '{}'").look_anew()

    words = (tmp_path / "words").read_text().splitlines()
    assert words == [
        *("gateway", "call", "models.authRefresh", "--params", '{"operation": "update"}'),
        *("--timeout", "40000", "--json"),
    ]


def test_json_among_warnings_on_stderr(tmp_path: Path) -> None:
    """As 2026.6 answers a restart; and what keeps a gateway is said in words."""
    answer = json.dumps({"ok": True, "result": "deferred"}, indent=1)
    assert asking(tmp_path, f"echo Warning: x >&2; echo '{answer}' >&2").restart() == "deferred"


def test_what_keeps_it(tmp_path: Path) -> None:
    """The counts of its preflight, of those that we know."""
    counts = {"embeddedRuns": 2, "queueSize": 0, "totalActive": 2, "new": 5}
    answer = json.dumps({"safe": False, "counts": counts})

    assert asking(tmp_path, f"echo '{answer}'").preflight() == Preflight(is_safe=False, waits_for="agent runs: 2")
