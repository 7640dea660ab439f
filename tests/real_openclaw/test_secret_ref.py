"""The real OpenClaw asks `codex-auth token` for its token, by the SecretRef in docs, and keeps none itself."""

import json
import re
import stat
import sys
from pathlib import Path

import pytest

from tests.real_openclaw.claw import Claw
from tests.real_openclaw.gateway import Gateway, Model
from tests.story.conftest import Person

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/openclaw.md"


def plan(claw: Claw) -> Path:
    """Write the plan of the docs, with a command that is here: a file of ours that nobody else may write."""
    command = claw.program.home / "bin/codex-auth"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m codex_auth "$@"\n')
    command.chmod(stat.S_IRWXU)
    [shown] = re.findall(
        r"```json\n(\{[^`]*providerUpserts[^`]*)```", (ROOT / "docs/reference/openclaw.md").read_text()
    )
    wanted = json.loads(shown)
    provider = wanted["providerUpserts"]["codexauth"]
    provider |= {"command": str(command), "passEnv": [*provider["passEnv"], "CODEX_AUTH_STATE_DIR"]}
    provider["timeoutMs"] *= 6  # for a busy machine
    path = claw.program.home / "plan.json"
    path.write_text(json.dumps(wanted))
    return path


@pytest.mark.long_openclaw
def test_openclaw_asks_for_the_token(sqlite_claw: Claw, person: Person) -> None:
    """It has the token of now at each reload, which a hook of `keep` causes after a renewal; nothing is at rest."""
    claw, program, model = sqlite_claw, sqlite_claw.program, Model()
    person.sign_in()

    def stored() -> str:
        return str(program.stored()["profiles"]["openai-codex:work"]["access"])

    first = stored()
    with Gateway(claw, model) as gateway:
        applied = claw.run("secrets", "apply", "--from", str(plan(claw)), "--allow-exec")
        assert applied.returncode == 0, applied.stderr
        assert claw.run("secrets", "reload").returncode == 0
        gateway.turn()
        assert model.tokens[-1] == first

        hooked = ["keep", "--once", "--hook", "openclaw secrets reload"]
        assert program(*hooked).returncode == 0  # its first round sees how things are, and a later one what changed
        assert program.json("refresh", "work")["ok"] is True
        assert stored() != first
        gateway.turn()
        assert model.tokens[-1] == first, "it asked by itself; its page says that it does not"
        kept = program(*hooked)
        assert kept.returncode == 0, kept.stderr
        gateway.turn()
        assert model.tokens[-1] == stored()

    assert {account for _, account in model.ways} == {model.ways[0][1]}
    secrets = [first.encode(), stored().encode()]
    files = [path for path in claw.state.rglob("*") if path.is_file()]
    assert len(files) > 3
    assert [path for path in files if any(secret in path.read_bytes() for secret in secrets)] == []
