"""The real codex program in a home of its own, pointed at a sandbox and at nothing else."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from filelock import FileLock

VERSION = "0.169.0"
PATIENCE = 60.0
_ROOT = Path(__file__).parents[2]

_CONFIG = """
model = "gpt-5.1-codex"
model_provider = "compat"
chatgpt_base_url = "{issuer}/backend-api"
cli_auth_credentials_store = "file"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.compat]
name = "compat"
base_url = "{issuer}/v1"
wire_api = "responses"
requires_openai_auth = true
request_max_retries = 0
stream_max_retries = 0
"""


@dataclass(frozen=True)
class Ended:
    """How a run of codex ended."""

    code: int
    out: str
    err: str


class Codex:
    """One codex installation with a scratch home and a clean environment."""

    def __init__(self, program: Path, home: Path, issuer: str) -> None:
        self.program = program
        self._home = home
        self.issuer = issuer
        self.more_env: dict[str, str] = {}
        self.codex_home = home / "codex-home"
        self.codex_home.mkdir(parents=True)
        (self.codex_home / "config.toml").write_text(_CONFIG.format(issuer=issuer), encoding="utf-8")

    @property
    def auth(self) -> dict[str, Any]:
        """Return what codex stored."""
        stored: dict[str, Any] = json.loads((self.codex_home / "auth.json").read_text(encoding="utf-8"))
        return stored

    @property
    def signed_in(self) -> bool:
        """Tell whether codex has stored anything."""
        return (self.codex_home / "auth.json").exists()

    def run(self, *words: str, env: Mapping[str, str] | None = None) -> Ended:
        """Run codex to its end. `env` adds to its environment, except for the home."""
        with self.start(*words, env=env) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, out, err)

    @contextmanager
    def start(
        self, *words: str, stdin: int | IO[str] = subprocess.DEVNULL, env: Mapping[str, str] | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Start codex in a session of its own, so that whatever it started ends with it."""
        with subprocess.Popen(
            [self.program, *words],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment() | dict(env or {}),
            cwd=self._home,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        return {
            **self.more_env,
            "PATH": os.environ["PATH"],
            "HOME": self.more_env.get("HOME", str(self._home)),
            "CODEX_HOME": str(self.codex_home),
            "CODEX_REFRESH_TOKEN_URL_OVERRIDE": f"{self.issuer}/oauth/token",
            "CODEX_REVOKE_TOKEN_URL_OVERRIDE": f"{self.issuer}/oauth/revoke",
            "CODEX_APP_SERVER_LOGIN_ISSUER": self.issuer,
            "NO_PROXY": "*",
        }


def installed(version: str) -> Path:
    """Return the program of a release, which is installed where it is missing."""
    prefix = _ROOT / ".tools" / f"codex-{version}"
    program = prefix / "node_modules" / ".bin" / "codex"
    with FileLock(Path(tempfile.gettempdir()) / f"codex-auth-tests-codex-{version}.lock"):
        if not program.exists():
            _install(version, prefix)
    return program


def _install(version: str, prefix: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail("These tests run the real codex. Install npm, or name the program in CODEX_AUTH_TEST_CODEX.")
    subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--prefix", prefix, f"@openai/codex@{version}"],
        check=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
