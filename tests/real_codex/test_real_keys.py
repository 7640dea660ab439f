"""The real codex with keys of ours: another company's model, and a key for one command."""

import os
import stat
from pathlib import Path

import pytest

from codex_auth.sandbox.backend import ANSWER
from tests.real_codex.codex import PATIENCE, Codex
from tests.real_codex.model_server import serving
from tests.story.conftest import Program

KEY = "glm-canary-77"


@pytest.fixture
def ours(tmp_path: Path) -> Program:
    """Return our program with a key, `glm`, and nothing else."""
    home = tmp_path / "ours"
    home.mkdir(mode=0o700)
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / "state")}
    program = Program(home, env)
    assert program.json("key", "add", "glm", "--kind", "glm", given=KEY)["ok"]
    return program


def test_a_model_of_another_company(codex: Codex, ours: Program) -> None:
    """Codex asks us for the key of the provider that was delivered; its configuration holds no key.

    Taken back, the user's own provider and model are chosen as before.
    """
    config = codex.codex_home / "config.toml"
    config.chmod(0o644)
    before = config.read_text()
    with serving() as server:
        delivered = ours.json(
            *("deliver", "codex", "glm", "--provider-id", "glm", "--base-url", server.base_url),
            *("--model", "glm-4.6", "--codex-home", str(codex.codex_home)),
        )
        ended = codex.run("exec", "--skip-git-repo-check", "hi", env=ours.env)

        assert delivered["ok"] is True
        assert ended.code == 0, ended.err
        assert ANSWER in ended.out
        assert server.bearers == [KEY]
    assert KEY not in config.read_text()
    assert stat.S_IMODE(config.stat().st_mode) == 0o644
    undone = ours.json(
        "deliver", "codex", "glm", "--provider-id", "glm", "--take-back", "--codex-home", str(codex.codex_home)
    )
    assert undone["removed"] is True
    assert config.read_text() == before


def test_a_key_for_one_command(codex: Codex, ours: Program) -> None:
    """`run` with a platform key answers with that key, although the home it finds is signed out."""
    assert ours.json("key", "add", "platform", given="sk-platform-1")["ok"]
    with serving() as server:
        config = codex.codex_home / "config.toml"
        config.write_text(config.read_text().replace(f"{codex.issuer}/v1", server.base_url))

        done = ours(
            *("run", "platform", "--", str(codex.program), "exec", "--skip-git-repo-check", "hi"),
            env={"CODEX_HOME": str(codex.codex_home), "NO_PROXY": "*"},
            timeout=PATIENCE,
        )

        assert ANSWER in done.stdout, done.stderr
        assert server.bearers == ["sk-platform-1"]


def test_a_personal_token_for_one_command(codex: Codex, ours: Program) -> None:
    """`run` with a personal token answers with it. Codex asks whose it is; `env` sends that question to us."""
    assert ours.json("key", "add", "mine", given="at-personal-1")["kind"] == "personal"
    with serving() as server:
        config = codex.codex_home / "config.toml"
        config.write_text(config.read_text().replace(f"{codex.issuer}/v1", server.base_url))
        whose = f"CODEX_AUTHAPI_BASE_URL={server.base_url}"

        done = ours(
            *("run", "mine", "--", "env", whose, str(codex.program), "exec", "--skip-git-repo-check", "hi"),
            env={"CODEX_HOME": str(codex.codex_home), "NO_PROXY": "*"},
            timeout=PATIENCE,
        )

        assert ANSWER in done.stdout, done.stderr
        assert server.bearers == ["at-personal-1"]
