"""The real program in a scratch home, and the real sandbox beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from tests import documents


@dataclass
class Program:
    """`codex-auth`, run as a user would, with everything it may write below one scratch folder."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(
        self, *words: str, given: str | None = None, env: Mapping[str, str] | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run one command and return what it printed and its status; a document is held against its schema."""
        done = subprocess.run(
            [sys.executable, "-m", "codex_auth", *words],
            env={**self.env, **(env or {})},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        documents.check_output(words, done.stdout)
        return done

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start one command and return the process."""
        return subprocess.Popen(
            [sys.executable, "-m", "codex_auth", *words],
            env={**self.env, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str, given: str | None = None, env: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run one command with `--json` and return its single document, whatever the status."""
        done = self(*words, "--json", given=given, env=env)
        document = json.loads(done.stdout)
        assert isinstance(document, dict)
        assert document["schema_version"] == 1
        assert document["ok"] is (done.returncode == 0)
        return document

    @property
    def store(self) -> Path:
        """The file that holds the credentials."""
        return self.home / ".local/share/codex-auth/auth-profiles.json"

    @property
    def pending(self) -> Path:
        """The pending-state file."""
        return self.home / "state/codex-auth-pending.json"

    def stored(self) -> dict[str, Any]:
        """Return the store's whole content."""
        content = json.loads(self.store.read_text())
        assert isinstance(content, dict)
        return content


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return the program in an empty home."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "TMPDIR"} or "COVERAGE" in key}
    return Program(home, {**kept, "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")})


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a running provider."""
    with Sandbox() as running:
        yield running


@dataclass
class Person:
    """Somebody who signs in: starts, approves in the sandbox, pastes."""

    program: Program
    sandbox: Sandbox

    def redirect(self, profile: str = "work", account: str = "work", *more: str) -> str:
        """Start a sign-in, approve it, and return the address the browser ended on."""
        started = self.program.json("start", profile, "--issuer", self.sandbox.issuer, *more)
        return approve(started["login_url"], account=account)

    def sign_in(self, profile: str = "work", account: str = "work", *more: str) -> dict[str, Any]:
        """Do the whole thing and return what `finish` answered."""
        address = self.redirect(profile, account, *more)
        return self.program.json("finish", profile, "--callback-url", "-", given=address)


@pytest.fixture
def person(program: Program, sandbox: Sandbox) -> Person:
    """Return somebody with an empty home and a provider."""
    return Person(program, sandbox)
