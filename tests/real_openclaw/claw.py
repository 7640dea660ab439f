"""The real OpenClaw of one release, in a state folder of its own, and our program beside it."""

import base64
import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.story.conftest import Program
from tests.story.logins import login, put

RELEASES = ("2026.6.1", "2026.9.6")
"""The last release of the JSON era, and one of the SQLite era; `scripts/openclaw` runs the others too."""
NODE = "24"
"""The Node that every release since 2026.5 accepts."""
PATIENCE = 120.0
_SHARED = (
    "state/openclaw.sqlite",
    "config_machine_state",
    "value_json FROM config_machine_state WHERE state_key = 'authProfiles.store'",
)
_AGENTS = (
    "agents/main/agent/openclaw-agent.sqlite",
    "auth_profile_store",
    "store_json FROM auth_profile_store WHERE store_key = 'primary'",
)
"""Where a release since 2026.8.1 keeps what its agents share, and where those before keep what an agent has."""

_ROOT = Path(__file__).parents[2]
_CONFIG = {
    "gateway": {"mode": "local", "bind": "loopback", "auth": {"mode": "token", "token": "not-a-secret"}},
    "agents": {"defaults": {"skipBootstrap": True}},
    "update": {"checkOnStart": False},
}


def access_token(account: str, mark: str) -> str:
    """Return a token as OpenAI's look: three parts, and the account inside."""
    claims = {"https://api.openai.com/auth": {"chatgpt_account_id": account}, "mark": mark}
    parts = ({"alg": "none"}, claims, {"signed": "not"})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)


def put_login(program: Program, mark: str = "one", *, name: str = "work", **changes: Any) -> str:
    """Let our store hold a login with a token of this mark; return the token."""
    token = access_token(f"account-{name}", mark)
    entry = login(name, access=token, email=f"{name}@example.com", life=9 * 24 * 3600, **changes)
    put(program, {f"openai-codex:{name}": entry})
    return token


@dataclass
class Claw:
    """One release of OpenClaw."""

    release: str
    package: Path
    node: Path
    program: Program

    def __post_init__(self) -> None:
        folder = self.program.home / "bin"
        folder.mkdir()
        (folder / "node").symlink_to(self.node)
        (folder / "openclaw").symlink_to(self.package / "openclaw.mjs")
        self.state = self.program.home / ".openclaw"
        self.state.mkdir(mode=0o700)
        self.config.write_text(json.dumps(_CONFIG))
        self.program.env["PATH"] = f"{folder}:{self.program.env['PATH']}"

    @property
    def config(self) -> Path:
        """Return its configuration file."""
        return self.state / "openclaw.json"

    @property
    def json_file(self) -> Path:
        """Return where a release of the JSON era keeps credentials."""
        return self.state / "agents/main/agent/auth-profiles.json"

    @property
    def is_json_era(self) -> bool:
        """Tell whether this release keeps credentials in JSON."""
        return self.release <= "2026.6.1"

    @property
    def needs_cold_start(self) -> bool:
        """Tell whether its gateway never sees a first login before it is another process."""
        return self.release == "2026.8.1"

    @property
    def way(self) -> tuple[str, str]:
        """Return path and account of a turn where the configuration names a server of its own."""
        return ("/v1/responses", "") if self.release < "2026.8" else ("/v1/codex/responses", "account-work")

    @property
    def profile_id(self) -> str:
        """Return what this release calls the profile `work`."""
        return "openai-codex:work" if self.release < "2026.5.30" else "openai:work"

    @property
    def model_api(self) -> str:
        """Return what this release calls the way to ChatGPT's models."""
        return "openai-codex-responses" if self.release < "2026.5.30" else "openai-chatgpt-responses"

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run OpenClaw's own command line."""
        return subprocess.run(
            ["openclaw", *words],
            executable=self.program.home / "bin/openclaw",
            input=given,
            env={**self.program.env, "OPENCLAW_STATE_DIR": str(self.state)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start OpenClaw's own command line, and let it say what it likes to nobody."""
        return subprocess.Popen(
            [str(self.node), str(self.package / "openclaw.mjs"), *words],
            env={**self.program.env, "OPENCLAW_STATE_DIR": str(self.state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def json(self, *words: str) -> dict[str, Any]:
        """Run OpenClaw with `--json` and return its document; other lines may surround it."""
        done = self.run(*words, "--json")
        text = done.stdout
        document = json.loads(text[text.index("{") :])
        assert isinstance(document, dict)
        return document

    def profiles(self) -> dict[str, dict[str, Any]]:
        """Return the profiles that OpenClaw itself lists."""
        return {row["id"]: row for row in self.json("models", "auth", "list")["profiles"]}

    def sdk(self, body: str, *, seconds: float = PATIENCE, **facts: Any) -> Any:
        """Run a few lines of JavaScript with OpenClaw's SDK as `sdk`, and return what they return."""
        module = self.package / "dist/plugin-sdk/provider-auth.js"
        script = (
            f"const sdk = await import({json.dumps(module.as_uri())}); const facts = {json.dumps(facts)};"
            f"const out = await (async () => {{ {body} }})(); console.log('\\n=>' + JSON.stringify(out ?? null));"
        )
        done = subprocess.run(
            [self.node, "--input-type=module", "-e", script],
            env={**self.program.env, "OPENCLAW_STATE_DIR": str(self.state)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
        return json.loads(done.stdout.rpartition("\n=>")[2])

    def hold(self, profile_id: str, credential: dict[str, Any]) -> None:
        """Let OpenClaw hold a credential, by its own SDK."""
        self.sdk(
            "const updater = (store) => { store.profiles[facts.id] = facts.held; return true; };"
            "await sdk.updateAuthProfileStoreWithLock({ updater });",
            id=profile_id,
            held=credential,
        )

    def held(self, profile_id: str | None = None) -> dict[str, Any] | None:
        """Return the credential that lies in OpenClaw's store under an id: in its file, or a database's only row."""
        found = self.stored().get(profile_id or self.profile_id)
        assert found is None or isinstance(found, dict)
        return found

    def seen(self) -> dict[str, Any] | None:
        """Return the credential that OpenClaw's own SDK reads, in a process of its own."""
        found = self.sdk("return sdk.ensureAuthProfileStoreForLocalUpdate().profiles[facts.id]", id=self.profile_id)
        assert found is None or isinstance(found, dict)
        return found

    def stored(self) -> dict[str, Any]:
        """Return the profiles that lie in its store."""
        if self.is_json_era:
            text = self.json_file.read_text() if self.json_file.exists() else ""
        else:
            text = _first_cell(self.state, *(_SHARED if self.release >= "2026.8" else _AGENTS))
        profiles = json.loads(text or '{"profiles": {}}')["profiles"]
        assert isinstance(profiles, dict)
        return profiles


def _first_cell(state: Path, database: str, table: str, asked: str) -> str:
    """Return the text that a database keeps under a key; nothing where there is no such database or table yet."""
    if not (state / database).exists():
        return ""
    with closing(sqlite3.connect(f"file:{state / database}?mode=ro", uri=True)) as opened:
        if not opened.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone():
            return ""
        return str((opened.execute(f"SELECT {asked}").fetchone() or [""])[0])


def install(name: str, version: str) -> Path:
    """Return the folder of an npm package, installed once for all runs; npm gets a home of its own."""
    prefix = _ROOT / ".tools" / f"{name}-{version}"
    package = prefix / "node_modules" / name
    if not (package / "package.json").exists():
        npm = shutil.which("npm")
        assert npm is not None, "These tests run the real OpenClaw. Install npm."
        (prefix / "home").mkdir(parents=True, exist_ok=True)
        scripts = [] if name == "node" else ["--ignore-scripts"]
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", *scripts, "--prefix", prefix, f"{name}@{version}"],
            check=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(prefix / "home")},
            timeout=600,
        )
    return package
