"""A person's hook: what it gets, and that nothing it does matters."""

import json
import os
import sys
from pathlib import Path

import pytest

from codex_auth.core.errors import UsageError
from codex_auth.edge.hooks import Hook

FACTS = {"schema_version": 1, "event": "failed", "message": "naïve “quotes” 🙂"}
SECRETS = dict.fromkeys(
    ("CODEX_ACCESS_TOKEN", "OPENAI_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "ANY"),
    "canary-Xq7",
)


def script(folder: Path, body: str, name: str = "hook") -> str:
    """Write a hook in Python and return its path."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\nos.chdir({str(folder)!r})\n{body}\n")
    path.chmod(0o700)
    return str(path)


def env(folder: Path) -> dict[str, str]:
    """Return an environment with a home and a good many secrets."""
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(folder), "LC_TIME": "C", "DISPLAY": ":9", **SECRETS}


def test_a_hook_gets_the_facts_and_no_secret(tmp_path: Path) -> None:
    """One line of JSON on stdin, its own arguments, a session of its own, and an environment without secrets."""
    hook = script(
        tmp_path,
        "facts = [json.loads(line) for line in sys.stdin]\n"
        "session = [os.getsid(0), os.getpid()]\n"
        "json.dump([facts, sys.argv[1:], dict(os.environ), session], open('seen', 'w'))\n"
        "print('canary-Xq7')",
    )

    assert Hook(f"{hook} 'one word' $HOME *", env(tmp_path)).run(FACTS) == ""

    facts, words, seen, session = json.loads((tmp_path / "seen").read_text())
    assert facts == [FACTS]
    assert words == ["one word", "$HOME", "*"]
    assert {"PATH", "HOME", "LC_TIME", "DISPLAY"} <= seen.keys()
    assert "canary-Xq7" not in json.dumps(seen)
    assert session[0] == session[1]


def test_a_hook_is_found_on_the_path(tmp_path: Path) -> None:
    """A bare name is looked up in the environment's own PATH."""
    script(tmp_path, "open('ran', 'w').close()")

    assert Hook("hook", env(tmp_path)).run(FACTS) == ""
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["missing-program", "./hook", "bin/hook", "'unfinished", "   ", "/etc/passwd"])
def test_what_is_no_command_is_refused(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, relative, not executable, or not even words: said at once, without repeating it."""
    monkeypatch.chdir(tmp_path)
    script(tmp_path, "")
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin", "")

    with pytest.raises(UsageError) as refused:
        Hook(text, env(tmp_path))

    assert text.strip() not in str(refused.value) or not text.strip()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("sys.exit(3)", "it ended with status 3"),
        ("os.kill(os.getpid(), 15)", "it ended with status -15"),
        ("sys.stdin.close()", ""),
        ("print('canary-Xq7' * 100_000); print('canary-Xq7', file=sys.stderr)", ""),
        ("raise RuntimeError('canary-Xq7')", "it ended with status 1"),
    ],
)
def test_what_a_hook_does_is_its_own_affair(
    tmp_path: Path, body: str, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A hook that fails, closes its stdin or prints secrets is described in fixed words, and its output is lost."""
    assert Hook(script(tmp_path, body), env(tmp_path)).run(FACTS) == problem
    assert capfd.readouterr() == ("", "")


def test_a_hook_that_cannot_be_started(tmp_path: Path) -> None:
    """An interpreter that is missing is said in words, not raised."""
    (tmp_path / "hook").write_text("#!/missing/interpreter\n")
    (tmp_path / "hook").chmod(0o700)

    assert Hook("hook", env(tmp_path)).run(FACTS) == "it could not be started"


def test_a_hook_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    """After its time the whole session is killed: nobody is left who holds the pipe that all of it inherited."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\nexec 3>{tmp_path}/pipe\necho here >&3\nsleep 60 &\nsleep 60\n")
    hook.chmod(0o700)

    problem = Hook(str(hook), env(tmp_path)).run(FACTS, seconds=1)

    assert problem == "it took longer than 1 seconds and was ended"
    os.set_blocking(reader, True)
    with open(reader, "rb") as pipe:
        assert pipe.read() == b"here\n"
