"""Which profile a command is for: whole names for programs, and a list to choose from for a person at a terminal."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Sequence

import pytest

from tests.edge.test_picker import DOWN, ENTER, ESC, Screen
from tests.edge.test_terminal import SHELL
from tests.story.conftest import Person, Program
from tests.story.logins import put_login

COLUMNS = 80
LEADER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "codex_auth", *sys.argv[1:]])
"""
"""What makes a terminal send Ctrl-C to whom it belongs to."""
REFRESH = "import sys; sys.argv[1:] = ['refresh']; from codex_auth.cli.main import main; main()"


class Terminal:
    """The program on a terminal of its own, as a shell starts it: keys reach it, and Ctrl-C is a signal."""

    def __init__(self, program: Program, *words: str, code: Sequence[str] = (LEADER,)) -> None:
        self.keyboard, inner = pty.openpty()
        self.before = termios.tcgetattr(inner)
        self.inner = inner
        self.child = subprocess.Popen(
            [sys.executable, "-c", *code, *words],
            env={**program.env, "TERM": "xterm", "LC_ALL": "C.UTF-8"},
            stdin=inner,
            stdout=subprocess.PIPE,
            stderr=inner,
            start_new_session=True,
            text=True,
        )
        self.shown = b""

    def hear(self, text: str) -> None:
        """Wait until it has shown this."""
        end = time.monotonic() + 20
        while text.encode() not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.keyboard], [], [], 0.1)[0]:
                self.shown += os.read(self.keyboard, 65536)

    def type(self, keys: bytes) -> None:
        os.write(self.keyboard, keys)

    def end(self) -> tuple[int, str]:
        """Return its status and stdout; the terminal must be as it was."""
        out, _ = self.child.communicate(timeout=30)
        assert termios.tcgetattr(self.inner) == self.before
        while select.select([self.keyboard], [], [], 0)[0]:
            self.shown += os.read(self.keyboard, 65536)
        for each in (self.keyboard, self.inner):
            with contextlib.suppress(OSError):
                os.close(each)
        return self.child.returncode, out

    @property
    def left(self) -> str:
        """What stands on the terminal."""
        return Screen(COLUMNS).write(self.shown.decode().replace("\r\n", "\n\r")).text


def test_a_name_that_is_not_there_names_those_that_may_be_meant(program: Program) -> None:
    """For a program nothing is guessed, whatever the verb: the error has the candidates, and exits 3."""
    put_login(program, "work", "workshop", "home")

    for words in (["status"], ["use"], ["usage"], ["token"], ["logout", "--yes"], ["refresh"], ["export", "--ci"]):
        done = program(*words, "works")
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr == (
            "codex-auth: There is no profile named works.\n  Did you mean workshop? `codex-auth list` shows all.\n"
        )
    assert program.json("refresh", "wrk")["hint"].startswith("Did you mean work or workshop?")
    assert set(program.stored()["profiles"]) == {f"openai-codex:{name}" for name in ("work", "workshop", "home")}


def test_of_many_candidates_some_are_named(program: Program) -> None:
    """The first few, and how many more; where nothing is like it, how to sign in."""
    put_login(program, *(f"p{number}" for number in range(9)))

    assert program.json("usage", "p")["hint"].startswith("Did you mean p0, p1, p2, p3, p4 or 4 more?")
    assert program.json("usage", "zzz")["hint"].startswith("Run `codex-auth login zzz`")


def test_a_person_chooses_where_nothing_is_named(program: Program) -> None:
    """Typing narrows, Enter takes; the list is gone, and the command goes on with what was taken."""
    put_login(program, "work", "workshop", "home")
    with_list = Terminal(program, "run", "--", "sh", "-c", "echo $CODEX_AUTH_PROFILE")

    with_list.hear("up/down")
    with_list.type(b"ho")
    with_list.hear("Which profile? ho")
    with_list.type(ENTER)

    assert with_list.end() == (0, "home\n")
    assert with_list.left == ""


def test_a_wrong_name_begins_the_list(program: Program) -> None:
    """It says so, and shows those that may be meant first."""
    put_login(program, "home", "work", "workshop")
    asked = Terminal(program, "run", "wrk", "--", "sh", "-c", "echo $CODEX_AUTH_PROFILE")

    asked.hear("up/down")
    assert "There is no profile named wrk. Which one? wrk" in asked.left
    assert "home" not in asked.left
    asked.type(DOWN + ENTER)

    assert asked.end() == (0, "workshop\n")


@pytest.mark.parametrize(("key", "status"), [(ESC, 2), (b"\x03", 130)])
def test_leaving_changes_nothing(program: Program, key: bytes, status: int) -> None:
    """Esc and Ctrl-C: no login is ended, and the terminal is as it was."""
    put_login(program, "work", "home")
    asked = Terminal(program, "logout")

    asked.hear("up/down")
    asked.type(key)

    assert asked.end() == (status, "")
    assert len(program.stored()["profiles"]) == 2
    assert "Which profile?" not in asked.left


def test_a_stopped_list_comes_back(program: Program) -> None:
    """Ctrl-Z gives the terminal back as it was; after `fg` the list is drawn anew, and goes on."""
    put_login(program, "work", "home")
    asked = Terminal(program, code=[SHELL, REFRESH])

    asked.hear("up/down")
    asked.type(b"\x1a")
    assert asked.child.stdout is not None
    job = int(asked.child.stdout.readline())
    assert asked.child.stdout.readline() == "stopped\n"
    assert termios.tcgetattr(asked.inner)[3] & termios.ECHO
    asked.shown = b""
    os.kill(job, signal.SIGCONT)
    asked.hear("up/down")
    asked.type(ESC)

    asked.hear("No profile was chosen")
    assert asked.end()[0] == 0


@pytest.mark.parametrize("words", [["--non-interactive"], ["--json"]])
def test_who_asks_for_no_question_gets_none(program: Program, words: list[str]) -> None:
    """On a terminal too: the first profile where none is named, an error where the name is not there."""
    put_login(program, "work", "home")

    shown = Terminal(program, "refresh", "wor", *words)

    assert shown.end()[0] == 3
    assert "up/down" not in shown.left


def test_a_question_that_may_not_be_asked_is_an_error(program: Program) -> None:
    """`logout --non-interactive` ends nothing without --yes, on a terminal too, and wants a name among several."""
    put_login(program, "work", "home")

    for words in ([], ["work"]):
        asked = Terminal(program, "logout", "--non-interactive", *words)
        assert asked.end() == (2, "")
    assert len(program.stored()["profiles"]) == 2


def test_the_beginning_of_a_name_is_enough_to_look(person: Person) -> None:
    """At a terminal, for `status`, `usage` and `use`, where one profile begins so; where several do, it is asked."""
    person.sign_in("work")
    person.sign_in("home", "personal")
    put_more(person.program, "workshop")

    assert Terminal(person.program, "status", "h").end()[1].splitlines()[1].startswith("home")
    assert Terminal(person.program, "usage", "works").end()[1].startswith("workshop")
    several = Terminal(person.program, "status", "wo")
    several.hear("up/down")
    assert "Several begin with wo. Which one? wo" in several.left
    several.type(ENTER)
    assert several.end()[1].splitlines()[1].startswith("work ")
    ending = Terminal(person.program, "logout", "h", "--yes")
    ending.hear("There is no profile named h. Which one? h")
    ending.type(ESC)
    assert ending.end()[0] == 2


def put_more(program: Program, name: str) -> None:
    """Add a copy of an entry under another name."""
    content = program.stored()
    entry = content["profiles"]["openai-codex:work"]
    content["profiles"][f"openai-codex:{name}"] = {**entry, "refresh": "rt-other", "accountId": "other"}
    program.store.write_text(json.dumps(content))


def test_token_asks_nobody(program: Program) -> None:
    """It is for programs, also where one of them has a terminal."""
    put_login(program, "work", "home")

    asked = Terminal(program, "token", "wrk")

    assert asked.end() == (3, "")
    assert "Did you mean work?" in asked.left
