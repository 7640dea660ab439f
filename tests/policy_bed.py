"""A machine of its own for rules: a home, and a folder that is its `/etc`."""

import os
from dataclasses import replace
from pathlib import Path

from codex_auth.core.policy import Policy
from codex_auth.edge import where
from codex_auth.edge.places import Places, find_places
from codex_auth.neighbours import policies

OURS = "codex-auth/policy.toml"
REQUIREMENTS, MANAGED, SYSTEM = "codex/requirements.toml", "codex/managed_config.toml", "codex/config.toml"


class Machine:
    """A home, and a folder that is its `/etc`."""

    def __init__(self, root: Path) -> None:
        self.home, self.etc = root / "home", root / "etc"
        self.home.mkdir(mode=0o700)
        self.etc.mkdir(mode=0o755)
        self.env = {"HOME": str(self.home), "CODEX_AUTH_STATE_DIR": str(self.home / "state")}

    @property
    def places(self) -> Places:
        """Return where things are; whoever runs the tests is the administrator here."""
        return replace(find_places(self.env), etc=str(self.etc), administrator=os.geteuid())

    def write(self, name: str, text: str | bytes) -> Path:
        """Write an administrator's file."""
        path = self.etc / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(0o644)
        return path

    def configure(self, folder: str, text: str) -> Path:
        """Write one of the user's files."""
        path = self.home / folder / "config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def policy(self) -> Policy:
        """Return the rules in force."""
        return policies.in_force(self.places, self.env)

    def may_have(self) -> bool:
        """Return what the quick paths find before anything is loaded."""
        return where.may_have_policy(self.env, str(self.home), str(self.etc))
