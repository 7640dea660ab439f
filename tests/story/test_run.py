"""`codex-auth run`: the command gets one login, nothing that contradicts it, and our place."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.card import Identity
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.stories.run import environment
from tests.story.conftest import Person, Program
from tests.story.logins import age, put, put_login

SHOW = "import json, os, sys; print(json.dumps({'env': dict(os.environ), 'argv': sys.argv[1:]}))"
REMOVED = (
    "CODEX_ACCESS_TOKEN",
    "CODEX_API_KEY",
    "OPENAI_API_KEY",
    "CODEX_REFRESH_TOKEN_URL_OVERRIDE",
    "CODEX_REVOKE_TOKEN_URL_OVERRIDE",
    "CODEX_AUTHAPI_BASE_URL",
    "CODEX_APP_SERVER_LOGIN_ISSUER",
    "CODEX_APP_SERVER_LOGIN_CLIENT_ID",
    "CODEX_AUTH_STATE_DIR",
    "CODEX_AUTH_PATH",
    "CODEX_AUTH_ANYTHING",
)
LOGIN = Credential(
    profile="work",
    identity=Identity(issuer="https://auth.openai.com", subject="s", account_id="account-1"),
    access=Secret("access-1"),
    refresh=Secret("refresh-1"),
    id_token=Secret("id-1"),
    expires=datetime(2030, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
)


def seen(program: Program, *words: str, env: dict[str, str] | None = None) -> tuple[dict[str, Any], str]:
    """Run a command that shows its environment and arguments; return them, and what was said on stderr."""
    done = program("run", *words, "--", sys.executable, "-c", SHOW, env=env)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return document, done.stderr


def stored(program: Program, name: str = "work") -> dict[str, Any]:
    """Return one stored entry."""
    entry = program.stored()["profiles"][f"openai-codex:{name}"]
    assert isinstance(entry, dict)
    return entry


def put_key(program: Program, **entry: str) -> None:
    """Store an API key as OpenClaw does."""
    put(program, {"openai:platform": {"type": "api_key", "provider": "openai", **entry}})


# --- the environment -----------------------------------------------------------------------------------------


def test_a_sign_in_as_environment() -> None:
    """The access token, its account, its end and its profile; the rest of the environment stays."""
    assert environment(LOGIN, {"PATH": "/bin", "CODEX_HOME": "/c"}) == {
        "PATH": "/bin",
        "CODEX_HOME": "/c",
        "CODEX_AUTH_PROFILE": "work",
        "CODEX_AUTH_ACCOUNT_ID": "account-1",
        "CODEX_AUTH_TOKEN": "access-1",
        "CODEX_AUTH_EXPIRES_AT": "2030-01-02T03:04:05Z",
    }


def test_an_account_that_is_not_known_is_not_there() -> None:
    """An empty account id would look like one."""
    nobody = replace(LOGIN, identity=replace(LOGIN.identity, account_id=""))

    assert "CODEX_AUTH_ACCOUNT_ID" not in environment(nobody, {"CODEX_AUTH_ACCOUNT_ID": "somebody"})


def test_an_api_key_as_environment() -> None:
    """A key is where OpenAI's libraries and Codex look for one, and no token is beside it."""
    key = replace(LOGIN, access=Secret("sk-1"), refresh=None, is_api_key=True)

    assert environment(key, {"OPENAI_API_KEY": "another", "CODEX_AUTH_TOKEN": "stale"}) == {
        "CODEX_AUTH_PROFILE": "work",
        "OPENAI_API_KEY": "sk-1",
        "CODEX_API_KEY": "sk-1",
    }


@pytest.mark.parametrize("name", REMOVED)
def test_what_would_contradict_the_login_is_removed(name: str) -> None:
    """Variables of Codex that override a login or send it elsewhere, and our own settings, do not reach the command."""
    assert name not in environment(LOGIN, {name: "x"})


def test_the_command_gets_it(person: Person) -> None:
    """The real child of a real sign-in sees the stored access token, and neither our settings nor the refresh token."""
    person.sign_in()
    noise = dict.fromkeys(REMOVED[:8], "x")

    document, said = seen(person.program, "work", env={**noise, "KEPT": "ü\n"})

    env, entry = document["env"], stored(person.program)
    assert env["CODEX_AUTH_TOKEN"] == entry["access"]
    assert env["CODEX_AUTH_ACCOUNT_ID"] == entry["accountId"]
    assert env["CODEX_AUTH_PROFILE"] == "work"
    assert datetime.fromisoformat(env["CODEX_AUTH_EXPIRES_AT"]).timestamp() == entry["expires"] // 1000
    assert env["KEPT"] == "ü\n"
    assert not {*noise, "CODEX_AUTH_STATE_DIR"} & env.keys()
    assert entry["refresh"] not in env.values()
    assert said == ""
    assert person.sandbox.log("token", "refresh_token") == []


def test_an_api_key_profile(program: Program) -> None:
    """A key is handed over as it is; refreshing it is refused with what to do instead."""
    put_key(program, key="sk-1")

    document, said = seen(program, "platform")
    refused = program("refresh", "platform")

    assert document["env"]["OPENAI_API_KEY"] == "sk-1"
    assert "CODEX_AUTH_TOKEN" not in document["env"]
    assert said == ""
    assert refused.returncode == 2
    assert "is an API key" in refused.stderr
    assert "codex-auth run platform --" in refused.stderr


def test_an_api_key_that_is_kept_elsewhere(program: Program) -> None:
    """A reference to a key is none."""
    put_key(program, keyRef="env:KEY")

    assert program("run", "platform", "--", "true").returncode == 3


def test_a_sign_in_beside_an_api_key(person: Person) -> None:
    """A key of the same name is no other account: the sign-in gets an entry of its own, and the key stays."""
    put_key(person.program, key="sk-1")

    assert person.sign_in("platform")["ok"] is True

    entries = person.program.stored()["profiles"]
    login = entries["openai-codex:platform"]
    assert entries["openai:platform"]["key"] == "sk-1"
    assert login["type"] == "oauth"
    assert seen(person.program, "platform")[0]["env"]["CODEX_AUTH_TOKEN"] == login["access"]


# --- a token with life left ----------------------------------------------------------------------------------


def test_an_expired_token_is_refreshed_first(person: Person) -> None:
    """The command gets the new token, after one refresh."""
    person.sign_in()
    old = stored(person.program)["access"]
    age(person.program, life=-60)

    document, _ = seen(person.program, "work")

    assert document["env"]["CODEX_AUTH_TOKEN"] == stored(person.program)["access"] != old
    assert len(person.sandbox.log("token", "refresh_token")) == 1


def test_min_validity_asks_for_more_life(person: Person) -> None:
    """A token that lives, but not for as long as was asked, is refreshed."""
    person.sign_in()
    age(person.program, life=1800)

    seen(person.program, "work", "--min-validity", "20m")
    assert person.sandbox.log("token", "refresh_token") == []
    seen(person.program, "work", "--min-validity", "40m")
    assert len(person.sandbox.log("token", "refresh_token")) == 1


def test_a_living_token_is_served_when_the_provider_is_down(person: Person) -> None:
    """A refresh that fails is a note on stderr while the token that is there lives."""
    person.sign_in()
    age(person.program, life=1800)
    person.sandbox.fault("status", count=5)

    document, said = seen(person.program, "work", "--min-validity", "2h")

    assert document["env"]["CODEX_AUTH_TOKEN"] == stored(person.program)["access"]
    assert said.startswith("Note: ")
    assert len(said.splitlines()) == 1


def test_a_dead_token_is_not_served(person: Person) -> None:
    """When the refresh fails and nothing lives, the command is not started, and the reason is the exit status."""
    person.sign_in()
    age(person.program, life=-60)
    person.sandbox.fault("status", count=5)

    done = person.program("run", "work", "--", "echo", "started")

    assert (done.returncode, done.stdout) == (8, "")


def test_a_token_with_a_copy_is_not_spent(program: Program) -> None:
    """`run` keeps to what `refresh` refuses: it serves what lives, and says why there is no newer one."""
    put_login(program)
    entry = stored(program)
    codex = program.home / ".codex"
    codex.mkdir()
    tokens = {"refresh_token": entry["refresh"], "account_id": entry["accountId"]}
    (codex / "auth.json").write_text(json.dumps({"tokens": tokens}))

    document, said = seen(program, "work", "--min-validity", "2h")

    assert document["env"]["CODEX_AUTH_TOKEN"] == entry["access"]
    assert "also lies in ~/.codex/auth.json" in said


# --- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [[], ["--json"], ["--help"], ["--", "--profile", "x"], ["", " ", "a b", "*", "$HOME", "\\", "ü", "\udcff"]],
    ids=["none", "--json", "--help", "another --", "odd"],
)
def test_everything_after_the_mark_is_the_commands(program: Program, words: list[str]) -> None:
    """No word of the command is read, changed or dropped, whatever it looks like."""
    put_login(program)
    script = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(map(os.fsencode, sys.argv[1:])))"

    done = subprocess.run(
        [sys.executable, "-m", "codex_auth", "run", "work", "--", sys.executable, "-c", script, *words],
        env=program.env,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"\0".join(map(os.fsencode, words))


def test_without_a_name_the_default_is_meant(program: Program) -> None:
    """`run -- COMMAND` takes the default profile, or the one that CODEX_AUTH_PROFILE names."""
    put_login(program, "home", "work")

    assert seen(program)[0]["env"]["CODEX_AUTH_PROFILE"] == "home"
    assert seen(program, env={"CODEX_AUTH_PROFILE": "work"})[0]["env"]["CODEX_AUTH_PROFILE"] == "work"
    assert seen(program, "--profile", "work")[0]["env"]["CODEX_AUTH_PROFILE"] == "work"


@pytest.mark.parametrize("words", [["work"], ["work", "--"], [], ["--"], ["work", "true"]], ids=" ".join)
def test_a_command_must_follow_the_mark(program: Program, words: list[str]) -> None:
    """What is missing is said; nothing is guessed to be a command."""
    done = program("run", *words)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 2


# --- taking our place ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [0, 1, 3, 126, 127, 130, 255])
def test_the_exit_status_is_the_commands(program: Program, status: int) -> None:
    """Whatever it ends with is what we end with, and its streams are its own."""
    put_login(program)

    done = program("run", "work", "--", "sh", "-c", f"cat; echo err >&2; exit {status}", given="in")

    assert (done.returncode, done.stdout, done.stderr) == (status, "in", "err\n")


def unrunnable(folder: Path) -> dict[str, str]:
    """Return names of commands that cannot be run, each with the reason."""
    for name, content in {"plain": "echo hi\n", "nobody": "#!/nonexistent/python\n", "text": "echo hi\n"}.items():
        (folder / name).write_text(content)
    (folder / "nobody").chmod(0o700)
    (folder / "text").chmod(0o700)
    return {name: str(folder / name) for name in ("plain", "nobody", "text")}


@pytest.mark.parametrize(
    ("name", "status"),
    [("plain", 126), ("nobody", 126), ("text", 126), ("missing", 127), ("", 127), ("/no/such/file", 127)],
)
def test_a_command_that_cannot_be_run(program: Program, tmp_path: Path, name: str, status: int) -> None:
    """127 when it is not there, 126 when it is and does not run; two lines that repeat nothing that was typed."""
    put_login(program)
    command = unrunnable(tmp_path).get(name, name)

    done = program("run", "work", "--", command, "--json", "ac_secret")

    first, second = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (status, "")
    assert first.startswith("codex-auth: The command to run ")
    assert second.startswith("  ")
    assert "ac_secret" not in done.stderr
    assert name == "" or name not in done.stderr
    assert ("interpreter that its first line names" in first) is (name == "nobody")


def test_a_missing_command_spends_no_token(person: Person) -> None:
    """The command is looked for before anything is refreshed."""
    person.sign_in()
    age(person.program, life=-60)

    assert person.program("run", "work", "--", "no-such-command-here").returncode == 127
    assert person.sandbox.log("token", "refresh_token") == []


WAIT = "import signal, sys, time\n{handlers}\nprint('ready', flush=True)\nwhile True: time.sleep(60)"
HANDLE = "signal.signal({number}, lambda *_: sys.exit(42))"


def started(program: Program, words: Sequence[str]) -> subprocess.Popen[str]:
    """Start a command and wait until it says that it is ready."""
    running = subprocess.Popen(words, env=program.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return running


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
@pytest.mark.parametrize("is_handled", [True, False])
def test_signals_reach_the_command(program: Program, number: signal.Signals, is_handled: bool) -> None:
    """A signal to the process that was started is the command's own, handled or deadly; we say nothing about it."""
    put_login(program)
    default = f"signal.signal({int(number)}, signal.SIG_DFL)" if number == signal.SIGINT else ""
    script = WAIT.format(handlers=HANDLE.format(number=int(number)) if is_handled else default)
    words = [sys.executable, "-m", "codex_auth", "run", "work", "--", sys.executable, "-c", script]

    with started(program, words) as running:
        running.send_signal(number)
        _, said = running.communicate(timeout=30)

    assert (running.returncode, said) == (42 if is_handled else -number, "")


def test_a_new_program_finds_signals_as_they_were(program: Program) -> None:
    """What we or Python ignore or handle is as usual again for the command; what `nohup` ignores stays ignored."""
    put_login(program)
    names = ["SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE", "SIGXFSZ"]
    # A shell shows its own dispositions; Python itself would change them first.
    shell = "while read name mask; do case $name in SigIgn:|SigBlk:) echo $mask;; esac; done < /proc/self/status"

    done = program("run", "work", "--", "sh", "-c", shell)
    blocked, ignored = (int(mask, 16) for mask in done.stdout.split())

    assert blocked == 0
    assert [name for name in names if ignored & 1 << (getattr(signal, name) - 1)] == []

    ignoring = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh"]
    words = [*ignoring, sys.executable, "-m", "codex_auth", "run", "work", "--", "sh", "-c", shell]
    kept = subprocess.run(words, env=program.env, capture_output=True, text=True, timeout=60, check=True)
    assert int(kept.stdout.split()[1], 16) & 1 << (signal.SIGHUP - 1)


def test_nothing_secret_is_in_any_command_line(program: Program) -> None:
    """The running process shows exactly the command's own words, and is the process that was started."""
    put_login(program)
    script = WAIT.format(handlers="")
    words = [sys.executable, "-c", script, "an argument"]

    with started(program, [sys.executable, "-m", "codex_auth", "run", "work", "--", *words]) as running:
        shown = Path(f"/proc/{running.pid}/cmdline").read_bytes()
        running.kill()

    assert shown.decode().split("\0")[:-1] == words
    assert stored(program)["access"] not in shown.decode()


# --- where no program can take our place ---------------------------------------------------------------------

ATTEND = (
    "import os, sys; from codex_auth.edge.child import attend; sys.exit(attend(sys.argv[1], sys.argv[1:], os.environ))"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
@pytest.mark.parametrize("is_handled", [True, False])
def test_signals_are_handed_on_to_a_child(program: Program, number: signal.Signals, is_handled: bool) -> None:
    """Beside us, the command gets what we get; its status is ours, and a death by signal what shells make of it."""
    handler = HANDLE if is_handled else "signal.signal({number}, signal.SIG_DFL)"
    script = WAIT.format(handlers=handler.format(number=int(number)))

    with started(program, [sys.executable, "-c", ATTEND, sys.executable, "-c", script]) as running:
        running.send_signal(number)
        _, said = running.communicate(timeout=30)

    assert (running.returncode, said) == (42 if is_handled else 128 + number, "")
