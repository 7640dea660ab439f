"""The real codex as `run` starts it: each profile has a home of its own, and everything but the login is the user's."""

import subprocess
from pathlib import Path

import pytest

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from tests.real_codex.bed import Bed
from tests.real_codex.codex import PATIENCE
from tests.real_codex.conversation import Conversation
from tests.real_codex.test_real_sign_in import sign_in


@pytest.fixture
def users(bed: Bed) -> Path:
    """Return the user's Codex home, which our program is told of, and which is signed in to yet another account."""
    assert sign_in(bed.codex, "client").code == 0
    bed.program.env["CODEX_HOME"] = str(bed.codex.codex_home)
    return bed.codex.codex_home


def start(bed: Bed, profile: str, *words: str) -> "subprocess.Popen[str]":
    """Start codex with a profile, as in a terminal of its own, from a shell whose variables would override it."""
    return bed.program.start(
        "run", profile, "--", str(bed.codex.program), *words, env={"CODEX_API_KEY": "sk-of-somebody-else"}
    )


def test_two_profiles_work_at_once(bed: Bed, users: Path) -> None:
    """Each answers with its own token and account at the same time; the user's home stays signed in as it was."""
    bed.sign_in("home", "personal")
    theirs = (users / "auth.json").read_bytes()
    renewals = len(bed.sandbox.log("token"))

    both = [start(bed, name, "exec", "--skip-git-repo-check", "hi") for name in ("work", "home")]
    said = [each.communicate(timeout=PATIENCE) for each in both]

    assert [each.returncode for each in both] == [0, 0], said
    assert all(ANSWER in out for out, _ in said)
    asked = {entry.account_header: entry.fingerprints["bearer"] for entry in bed.sandbox.log("responses")}
    assert asked == {
        ACCOUNTS["bot"].account_id: bed.access("work"),
        ACCOUNTS["personal"].account_id: bed.access("home"),
    }
    assert len(bed.sandbox.log("token")) == renewals
    assert (users / "auth.json").read_bytes() == theirs


def test_everything_but_the_login_is_the_users(bed: Bed, users: Path) -> None:
    """Rules, skills and prompts are there, a change of the configuration is the user's, sessions are shared."""
    (users / "prompts").mkdir(exist_ok=True)
    (users / "prompts/mine.md").write_text("mine")
    (users / "themes").mkdir()

    ended = start(bed, "work", "mcp", "add", "tool", "--", "echo", "hi")
    assert ended.communicate(timeout=PATIENCE)[1] is not None
    assert ended.returncode == 0
    answered = start(bed, "work", "exec", "--skip-git-repo-check", "hi")
    answered.communicate(timeout=PATIENCE)

    private = bed.program.home / "state/codex-homes/work"
    assert (private / "prompts/mine.md").read_text() == "mine"
    assert (private / "themes").is_dir()
    assert "[mcp_servers.tool]" in (users / "config.toml").read_text()
    assert (private / "config.toml").is_symlink()
    assert [*users.glob("sessions/*/*/*/rollout-*.jsonl")]
    assert [*users.glob("state_*.sqlite")]
    assert not [*private.glob("*.sqlite")]


def test_signing_out_inside_leaves_the_profile(bed: Bed, users: Path) -> None:
    """`codex logout` there revokes nothing, and the next run is signed in again."""
    start(bed, "work", "logout").communicate(timeout=PATIENCE)

    again = start(bed, "work", "login", "status")

    assert "Logged in using ChatGPT" in again.communicate(timeout=PATIENCE)[1]
    assert bed.sandbox.log("revoke") == []
    assert (users / "auth.json").exists()


def test_use_switches_and_names_who_did_not_hear(bed: Bed, users: Path) -> None:
    """The usual home and our own default change together; a Codex that runs with the former account is named."""
    bed.sign_in("home", "personal")
    assert bed.program.json("use", "work")["error"] == "codex_has_login"
    kept = bed.program.json("use", "work", "--keep-as", "old", "--issuer", bed.sandbox.issuer)
    assert kept["kept_as"] == "old"
    with bed.codex.start("app-server", stdin=subprocess.PIPE) as process:
        Conversation(process)

        switched = bed.program.json("use", "home")
        again = bed.program.json("use", "home")

        assert [each["pid"] for each in switched["stale"]] == [real_pid(process.pid)]
        assert again["stale"] == []
        assert process.poll() is None
    assert bed.exec().code == 0
    assert bed.sandbox.log("responses")[-1].account_header == ACCOUNTS["personal"].account_id
    status = bed.program.json("status")
    assert status["unnamed"] == "home"
    delivered = {each["profile"]: len(each["delivered"]) for each in status["profiles"]}
    assert delivered == {"work": 0, "home": 1, "old": 0}
    assert bed.program("token").stdout == bed.program("token", "home").stdout


def test_a_running_codex_keeps_its_login_to_itself(bed: Bed, users: Path) -> None:
    """What it could still renew is not taken over from under it."""
    with bed.codex.start("app-server", stdin=subprocess.PIPE) as process:
        Conversation(process)

        refused = bed.program.json("use", "work", "--keep-as", "old", "--issuer", bed.sandbox.issuer)

    assert (refused["error"], refused["exit_code"]) == ("codex_running", 8)
    assert bed.codex.auth["tokens"]["refresh_token"]
    assert [each["profile"] for each in bed.program.json("status")["profiles"]] == ["work"]


def real_pid(launcher: int) -> int:
    """Return the process of the program that npm's launcher started."""
    [child] = Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
    return int(child)
