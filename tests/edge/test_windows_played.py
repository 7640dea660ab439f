"""Where nothing of POSIX is there, the main job is done all the same: every verb by the doors that Windows has."""

import json
import re
import subprocess
import sys
from pathlib import Path

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve

ROOT = Path(__file__).parents[2]


class Played:
    """`codex-auth` in a home of its own, on a Windows that is played."""

    def __init__(self, home: Path) -> None:
        """Remember the home."""
        self.home = home

    def __call__(self, *words: str, given: str = "", status: int = 0) -> str:
        """Run a command, which must end as it should, and return what it printed on stdout."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.edge.windows_played", *words],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.home), "CODEX_AUTH_STATE_DIR": str(self.home / "state")},
            cwd=ROOT,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Something unexpected" not in done.stdout + done.stderr
        assert done.returncode == status, done.stderr
        return done.stdout


def test_the_main_job_without_posix(tmp_path: Path, callback_ports: None) -> None:
    """Signed in, renewed by whoever asks for a token, run, moved, leased to Codex, taken back, logged out."""
    played = Played(tmp_path)
    with Sandbox() as sandbox:
        begun = json.loads(played("start", "work", "--issuer", sandbox.issuer, "--json"))
        played("finish", "work", "--callback-url", "-", given=approve(begun["login_url"], account="work"))
        first = played("token", "work")
        store = tmp_path / ".local/share/codex-auth/auth-profiles.json"
        store.write_text(re.sub(r'("(?:expires|refreshed|signedIn)": )\d+', r"\g<1>1700000000000", store.read_text()))

        assert played("token", "work") != first
        assert len(sandbox.log(grant_type="refresh_token")) == 1

        played("refresh", "work")
        for verb in ("status", "list", "usage"):
            assert "work" in played(verb)
        played("doctor", "--offline")
        played("move", "work", "--to", "vault")
        assert played("run", "work", "--", sys.executable, "-c", "print(1)") == "1\n"
        played("keep", "--once")
        played("deliver", "codex", "work")
        played("deliver", "codex", "work", "--take-back")
        played("login", "other", "--issuer", sandbox.issuer, "--browser", "--no-open", "--timeout", "1s", status=3)
        played("login", "other", "--issuer", sandbox.issuer, "--device", "--timeout", "1s", status=3)
        played("logout", "work", "--yes")
    assert "No profiles" in played("status")
