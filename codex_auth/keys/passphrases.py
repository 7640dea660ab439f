"""Getting a passphrase: from a terminal, a file descriptor or a command. Never from an argument or the environment.

Those two can be read by other programs of this machine, and stay in the shell's history and in crash reports.
"""

import contextlib
import os

from codex_auth.core.errors import NotATerminal
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import VaultLocked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import Asking

COMMAND_SECONDS = 30.0
_LIMIT = 64 * 1024
_TERMINAL = "/dev/tty"
_REMEDY = "Run it in a terminal, name a `passphrase_command` in the configuration, or say `--passphrase-fd N`"


def from_terminal(vault: str, *, new: bool) -> Secret:
    """Ask on the terminal of this process, without showing what is typed; a new passphrase is typed twice."""
    try:
        terminal = os.open(_TERMINAL, os.O_RDWR | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        raise VaultLocked(path=vault, problem="there is no terminal to ask for its passphrase", todo=_REMEDY) from None
    try:
        typed = _ask(terminal, "New passphrase" if new else "Passphrase", vault)
        if new and _ask(terminal, "The same once more", vault) != typed:
            raise VaultLocked(path=vault, problem="the two passphrases differ", todo="Type the same one twice")
    except NotATerminal:
        raise VaultLocked(path=vault, problem="its passphrase cannot be typed unseen here", todo=_REMEDY) from None
    finally:
        os.close(terminal)
    return typed


def from_descriptor(number: int) -> "Asking":
    """Return a way to read the passphrase from an open file descriptor, all of it but the last line end.

    It is read once and remembered. No program that is started later inherits the descriptor; standard input, which
    they would get, is read to its end at once.
    """
    read: list[bytes | None] = []

    def look() -> bytes | None:
        if not read:
            try:
                with open(number, "rb", closefd=False) as stream:
                    read.append(stream.read(_LIMIT + 1))
            except OSError:
                read.append(None)
        return read[0]

    def ask(vault: str, *, new: bool) -> Secret:  # noqa: ARG001 - whoever wrote it there knows it
        todo = f"Give it there, e.g. `{number}< FILE`"
        typed = look()
        if typed is None:
            problem = f"file descriptor {number} cannot be read"
            raise VaultLocked(path=vault, problem=problem, todo=todo)
        return _read(typed, vault, f"file descriptor {number}", todo)

    if number == 0:
        look()
    else:
        with contextlib.suppress(OSError):  # one that is not open is said when it is needed
            os.set_inheritable(number, False)
    return ask


def chosen(given: "Asking | None", given_new: "Asking | None", command: str) -> "Asking":
    """Return the way to use: what was given for this run, else the configured command, else the terminal."""
    usual = from_command(command) if command else from_terminal

    def ask(vault: str, *, new: bool) -> Secret:
        way = ((given_new or given) if new else given) or usual
        return way(vault, new=new)

    return ask


def from_command(command: str) -> "Asking":
    """Return a way to take what a command prints, without its last line end.

    The command is split as a shell would and started without one. It has 30 seconds, and no input but what it
    opens itself.
    """

    def ask(vault: str, *, new: bool) -> Secret:  # noqa: ARG001 - whatever the command keeps is the passphrase
        import shlex
        import subprocess

        problem = ""
        try:
            done = subprocess.run(
                shlex.split(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            problem = f"the passphrase command did not end within {COMMAND_SECONDS:g} seconds"
        except (OSError, ValueError, IndexError):
            problem = "the passphrase command cannot be started"
        else:
            if done.returncode:
                problem = f"the passphrase command ended with status {done.returncode}"
        todo = "Run that command by itself to see why"
        if problem:  # raised out here, so that no context holds what the command printed
            raise VaultLocked(path=vault, problem=problem, todo=todo)
        return _read(done.stdout, vault, "the passphrase command", todo)

    return ask


def _ask(terminal: int, question: str, vault: str) -> Secret:
    from codex_auth.edge.terminal import HiddenInput

    with HiddenInput(terminal, profile="") as hidden:
        os.write(terminal, f"{question} for {vault}: ".encode())
        typed = None
        while typed is None:
            typed = hidden.read()
    os.write(terminal, b"\n")
    if not typed:
        raise VaultLocked(path=vault, problem="no passphrase was typed", todo="Type it when you are asked")
    return Secret(typed)


def _read(typed: bytes, vault: str, source: str, todo: str) -> Secret:
    """Return a passphrase that a person could also have typed."""
    problem = f"{source} gave more than {_LIMIT} bytes" if len(typed) > _LIMIT else ""
    text = ""
    try:
        text = typed.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        problem = problem or f"{source} gave something that is not UTF-8"
    if not text:
        problem = problem or f"{source} gave no passphrase"
    if problem:
        raise VaultLocked(path=vault, problem=problem, todo=todo)
    return Secret(text)
