"""The command line itself: help, usage errors, the quick path, odd surroundings, and the skill's entry."""

import fcntl
import json
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from codex_auth import __version__
from codex_auth.cli import group
from codex_auth.cli.verbs import VERBS
from codex_auth.core.errors import EXIT_CODES
from tests.story.conftest import Person, Program

CANARY = "QzKw7PvXr2Lm9TbN"
SKILL = Path(__file__).parents[2] / "scripts" / "codex_auth.py"
INSTALLED = Path(sys.executable).with_name("codex-auth")


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return all that a command printed."""
    return done.stdout + done.stderr


# --- help and version ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]], ids=lambda words: " ".join(words) or "nothing")
def test_help_lists_every_command_and_exit_code(program: Program, words: list[str]) -> None:
    """All spellings of help print the same text: each verb with its line, each exit code with its meaning."""
    done = program(*words)

    assert (done.returncode, done.stderr) == (0, "")
    for verb, (_, line) in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(line)}$", done.stdout, re.MULTILINE)
    listed = re.findall(r"^  (\d+) +(.+)$", done.stdout.partition("Exit codes:")[2], re.MULTILINE)
    assert {int(number): meaning for number, meaning in listed} == EXIT_CODES


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(program: Program, verb: str) -> None:
    """`VERB --help` says what it is for and names each of its options, and does nothing."""
    done = program(verb, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: codex-auth {verb} ")
    command = group.group.get_command(None, verb)  # type: ignore[arg-type]
    assert command is not None
    for parameter in command.params:
        if not getattr(parameter, "hidden", False):  # what we start ourselves is nobody's to type
            assert all(name in done.stdout for name in parameter.opts if name.startswith("--"))
    assert list(program.home.iterdir()) == []


def test_help_of_a_command_is_asked_for_in_two_ways(program: Program) -> None:
    """`help VERB` prints what `VERB --help` prints, and of a word that is no command says so."""
    assert program("help", "use").stdout == program("use", "--help").stdout != ""

    assert "Did you mean status" in program("help", "statsu").stderr


@pytest.mark.parametrize("columns", [40, 50, 80])
def test_help_fits_the_terminal(program: Program, columns: int) -> None:
    """On a terminal no line of the help is longer than the terminal is wide, and every word is there."""
    shown = on_terminal(program, columns, "--help")

    assert max(map(len, shown.splitlines())) < columns
    assert shown.split() == program("--help").stdout.split()


def on_terminal(program: Program, columns: int, *words: str) -> str:
    """Return what a command shows on a terminal of this width."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    words_of_it = [sys.executable, "-m", "codex_auth", *words]
    process = subprocess.Popen(words_of_it, env=program.env, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while (more := _read(ours)) != b"":
        shown += more
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end was closed
        return b""


def test_version(program: Program) -> None:
    """`--version` prints the name and the version."""
    assert program("--version").stdout == f"codex-auth {__version__}\n"


# --- usage errors --------------------------------------------------------------------------------------------

MISTAKES = {
    "unknown command": ([CANARY], "no such command"),
    "unknown command with an argument": ([CANARY.lower(), CANARY], "no such command"),
    "almost a command": (["statsu"], "Did you mean status"),
    "what another tool calls it": (["whoami"], "Did you mean status"),
    "almost a command of a command": (["key", "lst"], "Did you mean list"),
    "no command of a command": (["key", CANARY], "It is one of add, list, remove"),
    "almost a choice": (["deliver", "codx"], "Did you mean codex"),
    "no choice at all": (["deliver", CANARY], "It is one of openclaw, codex"),
    "almost a choice of an option": (["move", CANARY.lower(), "--to", "kering"], "Did you mean keyring"),
    "almost a choice behind a sign": (["move", "work", "--to=kering"], "Did you mean keyring"),
    "nothing where something must be": (["deliver"], "TARGET is missing. It is one of openclaw, codex"),
    "an option before the command": (["--quiet", "status"], "options stand behind the command"),
    "unknown option": (["status", f"--{CANARY}"], "no such option"),
    "unknown option with a value": (["finish", f"--{CANARY}={CANARY}"], "no such option"),
    "almost an option": (["finish", "--callbak-url", CANARY], "Did you mean --callback-url"),
    "unknown option first": ([f"--{CANARY}", "status"], "no such option"),
    "one argument too many": (["start", "work", CANARY], "argument too many"),
    "three arguments too many": (["cancel", "work", CANARY, CANARY, CANARY], "argument too many"),
    "option without its value": (["finish", "--callback-url"], "needs a value"),
    "value for a switch": (["status", f"--json={CANARY}"], "takes none"),
    "an address for a name": (["finish", f"http://localhost:1455/auth/callback?code={CANARY}"], "not a profile name"),
    "an address to paste": (["login", "--paste", f"http://localhost:1455/?code={CANARY}"], "not a profile name"),
    "an address for --profile": (["cancel", "--profile", f"?code={CANARY}&state={CANARY}"], "not a profile name"),
    "the profile twice": (["start", "work", "--profile", CANARY], "named twice"),
    "no time": (["login", "--timeout", CANARY], "--timeout cannot be used"),
    "no time at all": (["login", "--timeout", "0s"], "--timeout cannot be zero"),
    "no number": (["sandbox", "--port", CANARY], "--port cannot be used"),
    "unknown fault": (["sandbox", "--fault", CANARY], "cannot be used"),
    "no address for an issuer": (["start", "--issuer", f"http://{CANARY}.example"], "issuer cannot be used"),
    "a token for an issuer": (["login", "--issuer", f"eyJ{CANARY}.eyJ{CANARY}"], "issuer cannot be used"),
}


@pytest.mark.parametrize(("words", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_explained_and_not_repeated(program: Program, words: list[str], problem: str) -> None:
    """Two lines on stderr: what is wrong, and what to type; nothing of what was typed, and nothing is done."""
    done = program(*words)

    first, second = done.stderr.splitlines()
    assert done.returncode == (6 if "--issuer" in words else 2)
    assert problem in first
    assert second.startswith("  ")
    assert CANARY.lower()[:8] not in said(done).lower()
    assert not program.store.exists()


@pytest.mark.parametrize(("words", "problem"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_with_json_is_one_document(program: Program, words: list[str], problem: str) -> None:
    """With --json the same error is one document on stdout, with the exit code in it, and stderr is empty."""
    done = program(*words[:1], "--json", *words[1:])

    document = json.loads(done.stdout)
    assert done.stderr == ""
    assert document["ok"] is False
    assert document["exit_code"] == done.returncode
    assert done.returncode in EXIT_CODES
    assert CANARY.lower()[:8] not in done.stdout.lower()


# --- one answer on both paths --------------------------------------------------------------------------------


def through_click(words: Sequence[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run words through the click group, which `main` passes by for some of them."""
    script = "import sys; from codex_auth.cli.group import run; sys.exit(run(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", script, *words], env=env, capture_output=True, text=True, timeout=60, check=False
    )


QUICK = [
    ["--help"],
    ["--version"],
    ["status"],
    ["status", "--json"],
    ["status", "--check"],
    ["status", "--json", "--check"],
]


def test_the_quick_path_answers_as_the_long_one(person: Person) -> None:
    """What `main` answers without click is what click answers, with and without profiles, to the byte."""
    for _ in range(2):
        for words in QUICK:
            quick, long = person.program(*words), through_click(words, person.program.env)
            same = [(done.returncode, done.stderr, _without_seconds(done.stdout)) for done in (quick, long)]
            assert same[0] == same[1], words
        person.sign_in()


def _without_seconds(text: str) -> str:
    return re.sub(r'"expires_in": \d+|\d+[dhms] \d+[hms]', "", text)


LOADED = "import sys; from codex_auth.cli.main import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
HEAVY = {
    "--help": {"click", "json", "dataclasses", "tomllib", "hashlib", "typing"},
    "status": {
        *("click", "authlib", "joserfc", "cryptography", "filelock", "keyring", "rich", "flask", "werkzeug"),
        *("http.client", "http.server", "urllib.request", "socket", "ssl", "logging", "subprocess", "threading"),
    },
}


@pytest.mark.parametrize("verb", HEAVY)
def test_the_quick_path_loads_little(person: Person, verb: str) -> None:
    """`--help` loads nothing; `status` with a profile and one waiting loads no library and nothing of the network."""
    person.sign_in()
    person.redirect("home", "personal")
    # `-S`: what the site packages' own start-up files load is not ours; the package is found by its folder alone.
    done = subprocess.run(
        [sys.executable, "-S", "-c", LOADED, verb],
        env={**_plain(person.program.env), "PYTHONPATH": str(SKILL.parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert HEAVY[verb] & set(done.stderr.split()) == set()


def _plain(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if "COVERAGE" not in name}


# --- odd surroundings ----------------------------------------------------------------------------------------

SURROUNDINGS: dict[str, dict[str, str]] = {
    "the C locale": {"LC_ALL": "C"},
    "ASCII only": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "ASCII streams": {"PYTHONIOENCODING": "ascii"},
    "Turkish": {"LC_ALL": "tr_TR.UTF-8"},
    "no colour": {"NO_COLOR": "1", "TERM": "xterm-256color"},
    "unbuffered": {"PYTHONUNBUFFERED": "1"},
    "Kiritimati": {"TZ": "Pacific/Kiritimati"},
    "Marquesas": {"TZ": "Pacific/Marquesas"},
    "a zone of its own": {"TZ": "XXX+25:61"},
    "warnings as errors": {"PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"},
}


@pytest.mark.parametrize("surroundings", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_surroundings_change_nothing(person: Person, surroundings: dict[str, str]) -> None:
    """A sign-in and its status are the same in every locale and time zone, and in a program that is developed."""
    person.program.env |= surroundings

    answer = person.sign_in()
    status = person.program("status", "--json")
    helped = person.program("--help")

    assert answer["ok"] is True
    assert answer["expires_at"].endswith("Z")
    [card] = json.loads(status.stdout)["profiles"]
    assert card["expires_at"] == answer["expires_at"]
    assert 0 < card["expires_in"] <= 3600
    assert (status.stderr, helped.stderr) == ("", "")
    assert "Exit codes:" in helped.stdout
    assert "\x1b" not in person.program("status").stdout


HOSTILE = ("json", "secrets", "sitecustomize", "usercustomize", "click", "dataclasses", "codex_auth", "pwd", "tomllib")


@pytest.mark.parametrize("words", [["--help"], ["status"], ["start", "work"]], ids=" ".join)
def test_nothing_is_loaded_from_the_current_folder(program: Program, tmp_path: Path, words: list[str]) -> None:
    """The installed command, run in a folder of somebody else's Python files, runs none of them."""
    folder = tmp_path / "download"
    folder.mkdir()
    for name in HOSTILE:
        (folder / f"{name}.py").write_text("open('ran', 'w').close()\nraise SystemExit('hostile')\n")

    done = subprocess.run(
        [INSTALLED, *words], cwd=folder, env=program.env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not (folder / "ran").exists()


STREAMS = {
    "no stdout": (">&-", 1),
    "a full stdout": (">/dev/full", 1),
    "no stderr": ("2>&-", 0),
    "a full stderr": ("2>/dev/full", 0),
    "no stdin": ("<&-", 0),
    "nothing at all": ("<&- >&- 2>&-", 1),
}


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("verb", ["--help", "status", "status --json", "start work", "start work --json", "--version"])
@pytest.mark.parametrize("streams", STREAMS)
def test_streams_that_are_closed_or_full(program: Program, streams: str, verb: str, unbuffered: str) -> None:
    """Output that cannot be written is exit 1 and one sentence; without a stderr everything still works."""
    redirection, status = STREAMS[streams]

    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m codex_auth {verb} {redirection}', sys.executable],
        env={**program.env, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if status == 1 and "2>" not in redirection:
        assert done.stderr.splitlines()[-2] == "codex-auth: The output could not be written."
    if status == 0:
        assert done.stdout


def test_a_reader_that_leaves_is_no_trouble(program: Program) -> None:
    """`codex-auth --help | true` ends quietly: one sentence at most, never a traceback."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "codex_auth", "--help"],
            env=program.env,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)

    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "codex-auth: The output could not be written."


# --- the skill's entry ---------------------------------------------------------------------------------------


def skill(program: Program, *words: str, given: str | None = None) -> tuple[int, dict[str, Any]]:
    """Make one documented call; return its status and its one document."""
    done = subprocess.run(
        [sys.executable, str(SKILL), *words],
        env=program.env,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    document = json.loads(done.stdout)
    assert isinstance(document, dict)
    return done.returncode, document


def test_the_skills_calls_keep_their_keys(person: Person) -> None:
    """start, finish, status and cancel answer with the keys that the skill documents, into OpenClaw's own file."""
    from codex_auth.sandbox.visitor import approve

    status, started = skill(person.program, "start", "--profile", "work", "--issuer", person.sandbox.issuer)
    assert status == 0
    assert {"ok", "profile", "login_url", "redirect_uri", "instructions", "expires_at"} <= started.keys()

    address = approve(started["login_url"])
    status, finished = skill(person.program, "finish", "--profile", "work", "--callback-url", address)
    assert status == 0
    assert {"ok", "profile", "accountId", "expires", "queued", "status_path", "status_command"} <= finished.keys()
    assert (person.program.home / ".openclaw/agents/main/agent/auth-profiles.json").exists()
    assert not person.program.store.exists()

    status, shown = skill(person.program, "status")
    assert [card["profile"] for card in shown["profiles"]] == ["work"]
    assert (shown["pending"], shown["queue"]) == ([], [])

    status, refused = skill(person.program, "cancel", "work")
    assert (status, refused["ok"], refused["exit_code"]) == (3, False, 3)
    assert {"error", "hint"} <= refused.keys()


@pytest.mark.parametrize(
    "words", [[], ["login"], ["demo"], [CANARY], ["--help"], ["finish", "--nope"], ["start", "a b"]]
)
def test_the_skill_answers_mistakes_with_one_document(program: Program, words: list[str]) -> None:
    """Whatever it is called with, the skill's entry answers with one JSON document that repeats nothing."""
    status, document = skill(program, *words)

    assert status == 2
    assert document["error"] in {"usage", "bad_profile_name"}
    assert CANARY not in json.dumps(document)


def test_the_skill_without_the_package_says_how_to_install_it(program: Program) -> None:
    """Where the package is missing there is one line with the command that installs it."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SKILL), "status"],
        env=_plain(program.env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == "codex-auth is not installed. Install it with: pipx install codex-auth-profiles\n"
    assert done.stdout == ""


def test_the_skill_finds_the_package_whatever_the_path_is(program: Program) -> None:
    """Its own folder is left out of the search for modules, and nothing else is: with `-P` and with PYTHONPATH."""
    env = {**program.env, "PYTHONSAFEPATH": "1", "PYTHONPATH": str(SKILL.parents[1])}

    done = subprocess.run(
        [sys.executable, str(SKILL), "status"], env=env, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
