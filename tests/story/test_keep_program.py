"""`codex-auth keep` as it is run: by hand, from timers, with hooks, and stopped in the middle."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codex_auth.core.schedule import MARK
from tests.story.conftest import Person, Program

HOOK = """\
import json, os, sys
with open({seen!r}, "a") as file:
    json.dump({{"stdin": sys.stdin.read(), "argv": sys.argv, "env": dict(os.environ)}}, file)
    file.write("\\n")
"""


def age(program: Program, *, left: int = 240, has_refresh: bool = True) -> None:
    """Make every stored login an hour old, with `left` seconds to live."""
    content = program.stored()
    now = int(time.time() * 1000)
    for entry in content["profiles"].values():
        entry["expires"] = now + left * 1000
        [ours] = [value for value in entry.values() if isinstance(value, dict)]
        ours["refreshed"] = ours["signedIn"] = now - 3_600_000
        if not has_refresh:
            del entry["refresh"]
    program.store.write_text(json.dumps(content))


def hook(program: Program) -> str:
    """Return the command of a hook that writes down what it gets."""
    path = program.home / "hook.py"
    path.write_text(HOOK.format(seen=str(program.home / "seen")))
    return f"{sys.executable} {path}"


def seen(program: Program) -> list[dict[str, object]]:
    """Return what the hook was given, so far."""
    path = program.home / "seen"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def events(program: Program) -> list[str]:
    """Return the events the hook was told of, so far."""
    return [json.loads(str(call["stdin"]))["event"] for call in seen(program)]


def test_a_round_renews_what_is_due(person: Person) -> None:
    """A live login is left alone; one at its margin is renewed, once, and the hook hears of it, without any secret."""
    person.sign_in()
    command = hook(person.program)
    secret_env = {"OPENAI_API_KEY": "canary-1", "CODEX_ACCESS_TOKEN": "canary-2", "GITHUB_TOKEN": "canary-3"}

    early = person.program("keep", "--once", "--hook", command, env=secret_env)
    age(person.program)
    before = person.program.store.read_text()
    due = person.program("keep", "--once", "--hook", command, env=secret_env)
    again = person.program("keep", "--once", env={**secret_env, "CODEX_AUTH_HOOK": command})

    assert re.fullmatch(r"Nothing is due; the next login will be in (29m \d+s|30m)\.\n", early.stdout)
    assert re.fullmatch(r"work: the access token ends in 59m \d+s\.\n", due.stdout)
    assert again.stdout.startswith("Nothing is due")
    assert [done.returncode for done in (early, due, again)] == [0, 0, 0]
    assert len(person.sandbox.log(grant_type="refresh_token")) == 1
    [call] = seen(person.program)
    facts = json.loads(str(call["stdin"]))
    assert facts.keys() == {
        *("schema_version", "event", "profile", "profile_id", "owner", "expires_at", "message", "hint", "at")
    }
    assert (facts["schema_version"], facts["event"], facts["profile"]) == (1, "refreshed", "work")
    assert (facts["profile_id"], facts["owner"]) == ("openai-codex:work", "codex-auth")
    said = json.dumps(call)
    tokens = re.findall(r'"(?:access|refresh|idToken)": ?"([^"]+)"', before + person.program.store.read_text())
    assert len(tokens) == 6
    assert not [token for token in [*tokens, "canary", "ada@acme", "acct-sandbox-acme"] if token in said]


def test_json_is_one_document(person: Person) -> None:
    """`--json` has each profile that was due, each alert, and when the next is due."""
    person.sign_in()
    person.program("keep", "--once")
    age(person.program)

    document = person.program.json("keep", "--once")

    assert [(row["profile"], row["ok"]) for row in document["profiles"]] == [("work", True)]
    assert [alert["event"] for alert in document["alerts"]] == ["refreshed"]
    assert document["next_due_at"].endswith("Z")


def test_quiet_says_each_thing_once(person: Person) -> None:
    """For cron, which mails what is printed: a login that somebody revoked is one mail, and exit 3 each time."""
    person.sign_in()
    command = hook(person.program)
    config = person.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"hook = '{command}'\n")
    person.program("keep", "--once", "--quiet")
    age(person.program)
    person.sandbox.revoke_all()

    first, second = [person.program("keep", "--once", "--quiet") for _ in range(2)]
    aloud = person.program("keep", "--once")

    assert (first.stdout, second.stdout, second.stderr) == ("", "", "")
    assert first.stderr == aloud.stderr
    assert "codex-auth login work" in first.stderr
    assert [done.returncode for done in (first, second, aloud)] == [3, 3, 3]
    assert events(person.program) == ["failed"]
    assert len(person.sandbox.log(grant_type="refresh_token")) == 1


def test_a_failure_is_said_once_in_a_round(person: Person) -> None:
    """Aloud, too, what the alert said is not said again at the end."""
    person.sign_in()
    age(person.program)
    person.sandbox.revoke_all()

    assert person.program("keep", "--once").stderr.count("codex-auth: ") == 1


def test_a_login_without_a_refresh_token(person: Person) -> None:
    """It is reminded of while it lives, and told to be over when it is; each once, across processes."""
    person.sign_in()
    command = hook(person.program)
    age(person.program, left=20_000, has_refresh=False)
    person.program("keep", "--once", "--hook", command)
    done = person.program("keep", "--once", "--hook", command)
    assert events(person.program) == ["expiring"]
    assert (done.returncode, done.stdout) == (0, "There is no login that we could renew ahead of its end.\n")

    content = person.program.stored()
    content["profiles"]["openai-codex:work"]["expires"] = int(time.time() * 1000) - 1
    person.program.store.write_text(json.dumps(content))
    for _ in range(2):
        person.program("keep", "--once", "--hook", command)
    assert "needs_login" in events(person.program)
    assert events(person.program).count("needs_login") == events(person.program).count("expiring") == 1


def test_a_hook_that_fails_changes_nothing(person: Person) -> None:
    """Two logins are renewed, the hook fails for both, and that is said once."""
    person.sign_in()
    person.sign_in("home", "personal")
    person.program("keep", "--once")
    age(person.program)

    done = person.program("keep", "--once", "--hook", "false")

    assert done.returncode == 0
    assert sorted(line.partition(":")[0] for line in done.stdout.splitlines()) == ["home", "work"]
    assert done.stderr == "codex-auth: The hook failed: it ended with status 1. The logins are not affected.\n"


# --- stopping ------------------------------------------------------------------------------------------------


def running(program: Program, *words: str) -> "subprocess.Popen[str]":
    """Start `keep` without waiting for it."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "codex_auth", "keep", *words],
        env=program.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_stopped_between_refreshes(person: Person) -> None:
    """SIGTERM ends `keep` at once while it sleeps."""
    person.sign_in()
    age(person.program)
    with running(person.program) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline().startswith("work: the access token ends in")
        keeper.send_signal(signal.SIGTERM)
        _, errors = keeper.communicate(timeout=10)

    assert keeper.returncode == 143
    assert errors.lstrip().startswith("codex-auth: Stopped.")


def test_stopped_during_a_refresh(person: Person) -> None:
    """SIGTERM while the provider takes its time: the new tokens are stored, and then `keep` ends."""
    person.sign_in()
    age(person.program)
    before = person.program.stored()["profiles"]["openai-codex:work"]["refresh"]
    note = person.program.home / "state/journal/work.json"
    person.sandbox.fault("slow", value=1.5)
    with running(person.program) as keeper:
        while not note.exists():
            assert keeper.poll() is None
            time.sleep(0.02)
        keeper.send_signal(signal.SIGTERM)
        output, errors = keeper.communicate(timeout=20)

    assert keeper.returncode == 143
    assert output == ""
    assert errors.startswith("A refresh is being stored; this takes a moment.\n")
    assert person.program.stored()["profiles"]["openai-codex:work"]["refresh"] != before
    assert json.loads(note.read_text())["step"] == "idle"


# --- timers --------------------------------------------------------------------------------------------------

SYSTEMCTL = """\
#!/bin/sh
echo "$@" >> "$FAKE_LOG"
case "$FAKE_FAILS" in *"$2"*) exit 1 ;; esac
"""


@pytest.fixture
def machine(program: Program, tmp_path: Path) -> Program:
    """Return the program on a machine whose systemd is a script that writes down what it is asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o700)
    program.env |= {
        "PATH": f"{folder}:{program.env['PATH']}",
        "FAKE_LOG": str(tmp_path / "asked"),
        "FAKE_FAILS": "none",
    }
    return program


def asked(program: Program) -> list[str]:
    """Return what systemd was asked to do, but for questions."""
    lines = Path(program.env["FAKE_LOG"]).read_text().splitlines()
    return [line for line in lines if not line.endswith("show-environment")]


def coverage(program: Program) -> dict[str, str]:
    """Return what measures the tests themselves."""
    return {name: value for name, value in program.env.items() if "COVERAGE" in name}


def units(program: Program) -> Path:
    """Return the folder of the user's units."""
    return program.home / ".config/systemd/user"


def test_a_timer_comes_and_goes(machine: Program) -> None:
    """Installed, shown, installed again, removed: two files, started by fixed commands, and nothing is left."""
    installed = machine("keep", "--install", "--hook", "/bin/echo 100% $HOME")
    service = (units(machine) / "codex-auth-keep.service").read_text()
    state = machine.json("keep", "--status")
    said = machine("keep", "--status")
    machine("keep", "--install")
    removed = machine("keep", "--uninstall")

    assert (installed.returncode, removed.returncode) == (0, 0)
    assert installed.stdout.startswith("Installed: codex-auth-keep.timer")
    assert service.startswith(MARK)
    line = next(line for line in service.splitlines() if line.startswith("ExecStart="))
    assert line == (
        f'ExecStart="{sys.executable}" "-P" "-m" "codex_auth" "keep" "--once" "--quiet" '
        '"--hook" "/bin/echo 100%% $$HOME"'
    )
    assert f'Environment="CODEX_AUTH_STATE_DIR={machine.home}/state"' in service
    assert (state["installed"], state["active"], state["last_run_at"]) == (True, True, None)
    assert state["next_run_at"].endswith("Z")
    assert said.stdout.splitlines()[:2] == ["timer: installed, and runs", "last round: none yet"]
    assert asked(machine) == [
        *["--user daemon-reload", "--user enable --now codex-auth-keep.timer"],
        *["--user is-active --quiet codex-auth-keep.timer"] * 2,
        *["--user daemon-reload", "--user enable --now codex-auth-keep.timer"],
        *["--user disable --now codex-auth-keep.timer", "--user daemon-reload"],
    ]
    assert list(units(machine).iterdir()) == []
    assert machine("keep", "--uninstall").stdout == "No timer of ours was installed.\n"


def test_the_service_runs(machine: Program) -> None:
    """The very words of the unit, in a bare environment and another folder, do a round; `--status` knows of it."""
    machine("keep", "--install")
    service = (units(machine) / "codex-auth-keep.service").read_text()
    settings = dict(
        shlex.split(line.partition("=")[2])[0].split("=", 1)
        for line in service.splitlines()
        if line.startswith("Environment=")
    )
    command = shlex.split(re.findall(r"^ExecStart=(.*)$", service, re.MULTILINE)[0])
    bare = {"HOME": machine.env["HOME"], **settings, **coverage(machine)}

    done = subprocess.run(command, env=bare, cwd="/", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.json("keep", "--status")["last_run_at"] is not None


@pytest.mark.parametrize("fails", ["enable", "daemon-reload"])
def test_a_timer_that_systemd_refuses_is_taken_back(machine: Program, fails: str) -> None:
    """Nothing is left of it, and the command that failed is named."""
    machine.env["FAKE_FAILS"] = fails

    done = machine("keep", "--install")

    assert done.returncode == 1
    assert f"`systemctl --user {fails}" in done.stderr
    assert list(units(machine).iterdir()) == []


def test_a_unit_of_somebody_else_is_left_alone(machine: Program) -> None:
    """A unit of our name that we did not write is neither replaced nor removed."""
    units(machine).mkdir(parents=True)
    theirs = units(machine) / "codex-auth-keep.timer"
    theirs.write_text("[Timer]\n")

    refused = machine("keep", "--install")
    removed = machine("keep", "--uninstall")

    assert refused.returncode == 1
    assert "codex-auth did not write it" in refused.stderr
    assert removed.stdout == "No timer of ours was installed.\n"
    assert [path.name for path in units(machine).iterdir()] == [theirs.name]


@pytest.mark.parametrize("there", [True, False], ids=["no manager", "no systemctl"])
def test_without_systemd_there_is_a_line_for_cron(machine: Program, tmp_path: Path, there: bool) -> None:
    """Nothing is written; stdout is the line alone, and running it does a round."""
    machine.env["FAKE_FAILS"] = "show-environment"
    if not there:
        machine.env["PATH"] = str(tmp_path)

    done = machine("keep", "--install")

    assert done.returncode == 0
    assert "crontab -e" in done.stderr
    assert not units(machine).exists()
    minute, command = done.stdout.split(" * * * * ")
    assert minute == "*/5"
    bare = {"HOME": machine.env["HOME"], "PATH": "/usr/bin:/bin"}
    coverage = {name: value for name, value in machine.env.items() if "COVERAGE" in name}
    ran = subprocess.run(
        ["/bin/sh", "-c", command], env={**bare, **coverage}, cwd="/", capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
    state = machine.json("keep", "--status")
    assert (state["installed"], state["active"]) == (False, None)
    assert state["last_run_at"] is not None


def test_removing_a_timer_where_systemd_is_gone(machine: Program) -> None:
    """Files and the link that `enable` made are removed without its help."""
    machine("keep", "--install")
    wants = units(machine) / "timers.target.wants"
    wants.mkdir()
    (wants / "codex-auth-keep.timer").symlink_to(units(machine) / "codex-auth-keep.timer")
    machine.env["FAKE_FAILS"] = "show-environment"

    assert machine("keep", "--uninstall").stdout == "Removed: codex-auth-keep.timer.\n"
    assert [path.name for path in units(machine).rglob("*")] == ["timers.target.wants"]


def test_the_installed_command_names_itself(machine: Program) -> None:
    """A console script is started by its own path, also from a folder with a space, through a link."""
    folder = machine.home / "my bin"
    folder.mkdir()
    link = folder / "codex-auth"
    link.symlink_to(Path(sys.executable).with_name("codex-auth"))

    subprocess.run([os.fspath(link), "keep", "--install"], env=machine.env, check=True, capture_output=True)

    assert f'ExecStart="{link}" "keep"' in (units(machine) / "codex-auth-keep.service").read_text()


def test_one_thing_at_a_time(program: Program) -> None:
    """Two of the options that say what to do are a mistake, and so is a hook that cannot be run."""
    assert program("keep", "--once", "--install").returncode == 2
    assert "not a command" in program("keep", "--once", "--hook", "no-such-program").stderr
