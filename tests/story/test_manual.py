"""Manual pages and examples: made of the commands' own help, and true."""

import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from codex_auth.cli.examples import EXAMPLES
from codex_auth.cli.group import group
from codex_auth.cli.verbs import VERBS
from tests.story.typed import check_typed

ROOT = Path(__file__).parents[2]


def commands() -> Iterator[tuple[str, click.Command]]:
    """Return every command by what is typed for it."""
    for verb in VERBS:
        command = group.get_command(click.Context(group), verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", part) for name, part in command.commands.items())


COMMANDS = dict(commands())


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_shows_examples(path: str) -> None:
    """`--help` ends with examples, each with what it is for, on lines that fit a terminal."""
    command = COMMANDS[path]

    shown = command.get_help(click.Context(command, info_name=path)).partition("Examples:\n")[2].splitlines()

    assert shown == [line for what, typed in EXAMPLES[path] for line in (f"  # {what}", f"  {typed}")]
    assert shown
    assert all(len(line) <= 86 for line in shown)


def test_no_example_is_of_a_command_that_is_gone() -> None:
    """Every example belongs to a command."""
    assert EXAMPLES.keys() == COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_example_can_be_typed(path: str) -> None:
    """Each example is of its command, and has options, choices and arguments that the command takes."""
    for _, typed in EXAMPLES[path]:
        words = shlex.split(re.search(rf"codex-auth {path}\b[^|>)]*", typed)[0].split(" < ")[0])  # type: ignore[index]
        check_typed(words[1:])


def test_the_manual_says_what_the_help_says() -> None:
    """The pages in man/ are what scripts/manual makes of the help today."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/manual", "--check"], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_manual_is_good_roff() -> None:
    """The linter has nothing to say against any page, but that it has no date: a build is the same on any day."""
    pages = sorted((ROOT / "man").glob("*.1"))
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, check=False, timeout=60
    )

    assert [line for line in done.stdout.splitlines() if "missing date" not in line] == []
    shown = subprocess.run(["mandoc", "-Tutf8", *pages], capture_output=True, text=True, check=True, timeout=60).stdout
    words = re.sub(r".\x08", "", shown)  # what is bold is struck twice
    assert [verb for verb in VERBS if f"codex-auth {verb}" not in words] == []


def test_the_wheel_brings_the_manual(tmp_path: Path) -> None:
    """The wheel has each page where `man` looks for it."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True, timeout=100)

    [wheel] = tmp_path.glob("*.whl")
    there = {name.partition(".data/data/")[2] for name in zipfile.ZipFile(wheel).namelist()}
    assert {f"share/man/man1/{page.name}" for page in (ROOT / "man").glob("*.1")} <= there
