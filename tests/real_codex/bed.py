"""Our program and the real codex beside one sandbox, each with a home of its own."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codex_auth.sandbox.record import fingerprint
from codex_auth.sandbox.server import Sandbox
from tests.real_codex.codex import Codex, Ended
from tests.story.conftest import Person, Program


@dataclass
class Bed:
    """Somebody who has profiles with us, and a Codex."""

    program: Program
    codex: Codex
    sandbox: Sandbox

    def sign_in(self, profile: str = "work", account: str = "bot") -> None:
        """Sign in with us."""
        assert Person(self.program, self.sandbox).sign_in(profile, account)["ok"] is True

    def deliver(self, *words: str) -> dict[str, Any]:
        """Deliver to this Codex and return the document that was printed."""
        return self.program.json("deliver", "codex", *words, "--codex-home", str(self.codex.codex_home))

    def exec(self) -> Ended:
        """Let Codex answer something."""
        return self.codex.run("exec", "--skip-git-repo-check", "hi")

    def access(self, profile: str = "work") -> str:
        """Return the fingerprint of the access token that we have."""
        return fingerprint(self.entry(profile)["access"])

    def entry(self, profile: str = "work") -> dict[str, Any]:
        """Return what our store has of a profile."""
        entry = self.program.stored()["profiles"][f"openai-codex:{profile}"]
        assert isinstance(entry, dict)
        return entry

    def change_auth(self, **tokens: object) -> None:
        """Write other tokens into what Codex has."""
        document = self.codex.auth
        document["tokens"] |= tokens
        self.auth_file.write_text(json.dumps(document))

    @property
    def auth_file(self) -> Path:
        """What Codex keeps."""
        return self.codex.codex_home / "auth.json"
