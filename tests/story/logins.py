"""Logins put straight into the store, for tests in which nobody needs to sign in."""

import json
import time
from typing import Any

from tests.story.conftest import Program

HOUR = 3600


def login(name: str = "work", *, life: float = HOUR, **changes: Any) -> dict[str, Any]:
    """Return the entry of a login of ours whose access token lives for so many seconds, refreshed an hour ago."""
    now = time.time()
    return {
        "type": "oauth",
        "provider": "openai-codex",
        "access": f"access-{name}",
        "refresh": f"refresh-{name}",
        "expires": int((now + life) * 1000),
        "accountId": f"account-{name}",
        "codexAuth": {"owner": "codex-auth", "refreshed": int((now - HOUR) * 1000)},
        **changes,
    }


def put(program: Program, profiles: dict[str, dict[str, Any]]) -> None:
    """Let the store hold exactly these entries, by profile id."""
    program.store.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    program.store.write_text(json.dumps({"version": 1, "profiles": profiles}))
    program.store.chmod(0o600)


def put_login(program: Program, *names: str) -> None:
    """Let the store hold living logins of these names, each of an account of its own."""
    put(program, {f"openai-codex:{name}": login(name) for name in names or ("work",)})


def age(program: Program, *, life: float) -> None:
    """Let every stored login have been refreshed an hour ago, with so many seconds of life left."""
    profiles = program.stored()["profiles"]
    for entry in profiles.values():
        aged = login(life=life)
        entry["expires"] = aged["expires"]
        entry["codexAuth"]["refreshed"] = aged["codexAuth"]["refreshed"]
    put(program, profiles)
