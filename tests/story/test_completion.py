"""Tab in real shells: commands, options, choices and profile names; nothing secret, and no keyring."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codex_auth.cli.completion import SCRIPTS
from codex_auth.cli.verbs import VERBS
from tests.story.conftest import Program
from tests.story.logins import login, put
from tests.story.shells import BASH, PRINT_LINE, ZSH, Shell

INSTALLED = Path(sys.executable).with_name("codex-auth")
CANARY = "QzKw7PvXr2Lm9TbN"

TYPED = {
    "logi": "login",
    "doc": "doctor",
    "token wo": "token work",
    "token me@": "token me@home",
    "status --profile wo": "status --profile work",
    "rename me": "rename me@home",
    "deliver op": "deliver openclaw",
    "deliver codex wo": "deliver codex work",
    "key re": "key remove",
    "finish --callback": "finish --callback-url",
    "login --store k": "login --store keyring",
    "login --store=k": "login --store=keyring",
    "login --device-dialect=rf": "login --device-dialect=rfc8628",
    "move work --to va": "move work --to vault",
    "config set codex_h": "config set codex_homes",
    "import sav": "import saved.json",
    "token --auth-path sav": "token --auth-path saved.json",
    "use --codex-home homes-o": "use --codex-home homes-of-codex",
    "run work -- unheard-of-pro": "run work -- unheard-of-program",
    f"finish --callback-url http://localhost:1455/?code={CANARY} --js": (
        f"finish --callback-url http://localhost:1455/?code={CANARY} --json"
    ),
}
"""What is typed after the program's name, and what one Tab makes of it."""
SEVERAL = {
    "login --dev": {"--device", "--device-dialect"},
    "deliver ": {"codex", "openclaw"},
    "key ": {"add", "list", "remove"},
    "completion ": {"bash", "zsh", "fish"},
    "status ": {"work", "me@home", "sealed"},
}


@pytest.fixture
def folder(program: Program, tmp_path: Path) -> Path:
    """Return a folder with things to complete, for somebody with three profiles, one of them in a vault."""
    put(program, {"openai-codex:work": login(), "openai-codex:me@home": login("home")})
    entry = {key: value for key, value in login().items() if key not in {"access", "refresh"}}
    index = program.store.with_name("index.json")
    index.write_text(json.dumps({"version": 1, "vault": {"sealed": {**entry, "hasRefresh": True}}}))
    index.chmod(0o600)
    folder = tmp_path / "here"
    (folder / "homes-of-codex").mkdir(parents=True)
    (folder / "saved.json").write_text("{}")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "unheard-of-program").write_text("#!/bin/sh\n")
    (programs / "codex-auth").write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/arguments\nexec {INSTALLED} "$@"\n')
    for each in programs.iterdir():
        each.chmod(0o755)
    program.env["PATH"] = f"{programs}:{program.env['PATH']}"
    return folder


@contextmanager
def bash(program: Program, folder: Path) -> Iterator[Shell]:
    """Return a bash that completes our commands."""
    setup = [PRINT_LINE, 'eval "$(codex-auth completion bash)"', "bind 'set enable-bracketed-paste off'"]
    env = {**program.env, "TERM": "dumb", "COLUMNS": "500"}
    with Shell(BASH, env=env, folder=folder, setup=[*setup, "stty columns 500"]) as shell:
        yield shell


@contextmanager
def zsh(program: Program, folder: Path) -> Iterator[Shell]:
    """Return a zsh that completes our commands; Ctrl-X Ctrl-A puts all that fits into the line."""
    (folder / "functions").mkdir()
    (folder / "functions" / "_codex-auth").write_text(program("completion", "zsh").stdout)
    setup = [
        *("stty columns 500", "bindkey -e", PRINT_LINE, "fpath=($PWD/functions $fpath)"),
        f"autoload -U compinit; compinit -u -d {folder}/dump",
        "zle -C every complete-word _generic; bindkey '^X^A' every",
        "zstyle ':completion:every:*' completer _all_matches _complete; zstyle ':completion:every:*' insert yes",
    ]
    with Shell(ZSH, env={**program.env, "TERM": "dumb"}, folder=folder, setup=setup) as shell:
        yield shell


def fish(program: Program, folder: Path, typed: str) -> set[str]:
    """Return what fish offers for the last word."""
    script = f"codex-auth completion fish | source; complete -C 'codex-auth {typed}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=program.env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return {line.partition("\t")[0] for line in done.stdout.splitlines()}


def test_bash(program: Program, folder: Path) -> None:
    """One Tab finishes what only one thing fits; Alt-* puts in all that fit."""
    with bash(program, folder) as shell:
        for typed, becomes in TYPED.items():
            assert shell.line(f"codex-auth {typed}").rstrip(" /") == f"codex-auth {becomes}"
        for typed, several in SEVERAL.items():
            line = shell.line(f"codex-auth {typed}", "\x1b*")
            assert set(line.split()[len(typed.rpartition(" ")[0].split()) + 1 :]) == several


def test_zsh(program: Program, folder: Path) -> None:
    """The same in zsh, from a file in a folder of $fpath."""
    with zsh(program, folder) as shell:
        for typed, becomes in TYPED.items():
            assert shell.line(f"codex-auth {typed}").rstrip(" /") == f"codex-auth {becomes}"
        for typed, several in SEVERAL.items():
            line = shell.line(f"codex-auth {typed}", "\x18\x01")
            assert set(line.split()[len(typed.rpartition(" ")[0].split()) + 1 :]) == several


def test_fish(program: Program, folder: Path) -> None:
    """The same in fish."""
    for typed, becomes in [*list(TYPED.items())[::3], ("import sav", "import saved.json")]:
        assert {word.rstrip("/") for word in fish(program, folder, typed)} == {becomes.split()[-1]}
    for typed, several in SEVERAL.items():
        assert fish(program, folder, typed) == several


def test_what_was_typed_is_in_no_argument(program: Program, folder: Path, tmp_path: Path) -> None:
    """A redirect that was pasted before Tab was pressed is told to the program in a pipe, where nobody else reads."""
    pasted = f"finish --callback-url http://localhost:1455/?code={CANARY} --js"
    with bash(program, folder) as shell:
        shell.line(f"codex-auth {pasted}")
    with zsh(program, folder) as shell:
        shell.line(f"codex-auth {pasted}")
    fish(program, folder, pasted)

    told = (tmp_path / "arguments").read_text()
    assert told.count("completion --answer") >= 3
    assert CANARY not in told


def fitting(program: Program, *words: str) -> list[list[str]]:
    """Return what the program itself answers."""
    done = program("completion", "--answer", given="".join(f"{word}\0" for word in words))
    assert done.stderr == ""
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_every_command_is_offered_with_what_it_does(program: Program) -> None:
    """Nothing typed yet: every command, each with its line of help."""
    assert fitting(program, "") == [["plain", verb, line] for verb, (_, line) in VERBS.items()]


def test_a_name_comes_with_whose_it_is_and_nothing_secret(program: Program) -> None:
    """A profile is offered with its masked e-mail address and plan; no token and no whole address."""
    entry = login("work", email="ada@analytical.example", chatgptPlanType="team", access=CANARY, refresh=CANARY)
    put(program, {"openai-codex:work": entry, "openai-codex:../../odd name": login("odd")})

    done = program("completion", "--answer", given="token\0\0")

    assert done.stdout == "plain\twork\ta…a@a…l.example, team\n"


def test_no_keyring_is_asked(program: Program, tmp_path: Path) -> None:
    """What a keyring holds is offered from the list of it; the bus on which the keyring is, is not even dialled."""
    index = program.store.with_name("index.json")
    index.parent.mkdir(parents=True)
    index.write_text(json.dumps({"version": 1, "keyring": {"work": {"type": "oauth"}}, "vault": {"home": {}}}))
    index.chmod(0o600)
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(tmp_path / "bus"))
        bus.listen()
        bus.setblocking(False)
        program.env |= {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={tmp_path}/bus", "CODEX_AUTH_STORE": "keyring"}

        offered = [value for _, value, _ in fitting(program, "use", "")]

        assert offered == ["work", "home"]
        with pytest.raises(BlockingIOError):
            bus.accept()


@pytest.mark.parametrize("damaged", ["auth-profiles.json", "index.json", "config.toml", "nothing"])
def test_a_damaged_file_is_no_message_on_the_line(program: Program, damaged: str) -> None:
    """Tab says nothing about files that cannot be read, and changes none of them."""
    put(program, {"openai-codex:work": login()})
    path = program.home / ".config/codex-auth/config.toml" if ".toml" in damaged else program.store.with_name(damaged)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff{")
    path.chmod(0o600)
    before = sorted(program.home.rglob("*"))

    offered = [value for _, value, _ in fitting(program, "use", "")]

    assert offered == (["work"] if damaged in {"index.json", "nothing"} else [])
    assert path.read_bytes() == b"\xff{"
    assert sorted(program.home.rglob("*")) == before


LOADED = "import sys; from codex_auth.cli.main import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
HEAVY = {"authlib", "joserfc", "cryptography", "filelock", "keyring", "rich", "http.client", "ssl", "subprocess"}


@pytest.mark.parametrize(("words", "heavy"), [("st\0", {*HEAVY, "click"}), ("token\0\0", HEAVY)])
def test_little_is_loaded_for_a_tab(program: Program, words: str, heavy: set[str]) -> None:
    """A command is completed without click, and a profile name without any library but that."""
    put(program, {"openai-codex:work": login()})
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "completion", "--answer"],
        env={name: value for name, value in program.env.items() if "COVERAGE" not in name}
        | {"PYTHONPATH": os.getcwd()},
        input=words,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout
    assert heavy & set(done.stderr.split()) == set()


def test_the_shell_may_be_told_by_the_environment(program: Program) -> None:
    """Without a name it is the script of $SHELL; of a shell that we do not know, the three are named."""
    for shell, script in SCRIPTS.items():
        assert program("completion", env={"SHELL": f"/usr/bin/{shell}"}).stdout == script

    done = program("completion", env={"SHELL": "/bin/tcsh"})

    assert done.returncode == 2
    assert "bash, zsh or fish" in done.stderr
