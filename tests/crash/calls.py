"""What a program asks of the kernel about one folder, and what can go wrong with each request.

`strace` lists the calls once; then each is made to fail, or the program is killed as it makes it. strace counts calls
by name over the whole run, so every injection is checked against what strace says was hit.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILL, NOTHING, SHORT = "SIGKILL", "nothing", "short"
"""Besides error names: the process dies, a write writes nothing, a write writes a single byte."""

_READING = (KILL, "EIO")
_CHANGING = (KILL, "EIO", "ENOSPC", "EROFS")
_FAULTS: dict[str, tuple[str, ...]] = {
    "openat": (*_READING, "EINTR"),
    "read": (*_READING, "EINTR"),
    "write": (KILL, "EIO", "ENOSPC", "EDQUOT", "EINTR", NOTHING, SHORT),
    "pwrite64": (KILL, "EIO", "ENOSPC", NOTHING),
    "fsync": (KILL, "EIO", "ENOSPC", "EINTR"),
    "fdatasync": (KILL, "EIO", "ENOSPC", "EINTR"),
    "ftruncate": (KILL, "EIO", "ENOSPC"),
    "fallocate": (KILL, "EIO", "ENOSPC", "EOPNOTSUPP"),
    "flock": (KILL, "EIO", "ENOLCK", "EINTR"),
    **dict.fromkeys(("rename", "renameat", "renameat2", "mkdir", "mkdirat"), _CHANGING),
    **dict.fromkeys(("link", "linkat"), (*_CHANGING, "EPERM")),
    **dict.fromkeys(("unlink", "unlinkat", "chmod", "fchmod", "fchmodat"), (KILL, "EIO", "EROFS")),
    **dict.fromkeys(("close", "fstat", "newfstatat", "lstat", "stat", "statx", "readlink", "getdents64"), _READING),
}
"""A call that is not named here is only ever killed at."""
_IN_PLACE = {"write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate", "fchmod"}
_BY_NAME = {name for name in _FAULTS if name.startswith(("rename", "link", "unlink", "mkdir", "chmod"))}
_WAITING = {"poll", "ppoll", "recvfrom"}
PROVIDER = "the provider"
ITEMS = "items"
"""The folder below the home in which a keyring of ours keeps its items: it is no file of the program's."""
_MAIN = "from codex_auth.cli.main import main\nmain()\n"

_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)")
"""The number of the thread is there only where all are followed."""
_RANDOM = re.compile(r"\.[0-9a-f]{16}\.tmp|store-[0-9a-f]{16}|\.\d+\.new")
_SHORTEN = """\
import os, sys
count, mark = int(sys.argv.pop(1)), sys.argv.pop(1)
write, home = os.write, os.environ["HOME"]
def short(fd, data):
    global count
    if os.readlink(f"/proc/self/fd/{fd}").startswith(home + "/"):
        count -= 1
        if count == 0:
            open(mark, "x").close()
            return write(fd, bytes(data)[:1])
    return write(fd, data)
os.write = short
"""
"""The kernel cannot be asked for a short write through strace, so `os.write` makes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One system call of a run; `what` and `turn` find it again in another run, `number` is strace's count."""

    name: str
    what: str
    turn: int
    number: int
    phase: str
    changes: bool

    def __str__(self) -> str:
        return f"{self.name} {self.what} ({self.turn}, {self.phase})"

    def is_same(self, other: "Call") -> bool:
        """Whether both are one step of the program, whatever their place in the count."""
        return (self.name, self.what, self.turn) == (other.name, other.what, other.turn)

    @property
    def is_keyring(self) -> bool:
        """Whether it is the keyring that makes it."""
        return self.what.startswith(f"~/{ITEMS}")

    @property
    def faults(self) -> tuple[str, ...]:
        """What can go wrong with it."""
        if self.name == "openat" and self.changes:
            return _CHANGING
        if self.what == "stdout":
            return (KILL, "EIO", "ENOSPC")
        if self.what == PROVIDER:
            return (KILL,)
        if self.is_keyring:
            return _READING  # a keyring does what it is asked, or says that it cannot
        return _FAULTS.get(self.name, (KILL,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One fault at one call."""

    call: Call
    fault: str

    def __str__(self) -> str:
        return f"{self.fault} at {self.call}"


def read_trace(text: str, home: str, *, waits: bool = False) -> list[Call]:
    """Return the calls of a run that touch `home`, talk to the provider or print the result.

    With `waits` also those that wait for the provider, up to the first that receives: in how many pieces a reply
    comes after that is chance.

    Raises `AssertionError` if anything but the main thread touches `home`: its calls would be counted apart.
    """
    calls: list[Call] = []
    numbers: Counter[str] = Counter()
    turns: Counter[tuple[str, str]] = Counter()
    main, phase = "", "before the exchange"
    for line in text.splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        thread, name, arguments = found.groups("")
        main = main or thread
        what = _what(name, arguments, home, begun=bool(calls))
        if waits and calls and name in _WAITING and thread == main and turns["recvfrom", PROVIDER] == 0:
            what = PROVIDER
        if thread != main:
            assert not what, f"a second thread calls {name} {what}"
            continue
        numbers[name] += 1
        if not what:
            continue
        if what == PROVIDER:
            phase = "exchange"
        elif phase == "exchange":
            phase = "after the exchange"
        turns[name, what] += 1
        changes = name in _IN_PLACE | _BY_NAME or "O_CREAT" in arguments or what == "stdout"
        calls.append(
            Call(name=name, what=what, turn=turns[name, what], number=numbers[name], phase=phase, changes=changes)
        )
    return calls


def _what(name: str, arguments: str, home: str, *, begun: bool) -> str:
    if name in {"connect", "sendto"} or (name == "close" and "<socket:" in arguments):
        return PROVIDER if begun else ""  # not its receiving: in how many pieces a reply comes is chance
    if name == "write" and arguments.startswith("1<"):
        return "stdout"
    paths = dict.fromkeys(re.findall(re.escape(home) + r'[^">]*', arguments))
    flags = " to write" if paths and "O_CREAT" in arguments else ""
    return " → ".join(_RANDOM.sub(_star, path.replace(home, "~")) for path in paths) + flags


def _star(random: re.Match[str]) -> str:
    kind = random[0][-4:]
    return f".*{kind}" if kind in {".tmp", ".new"} else "store-*"


def program(*words: str, prelude: str = "") -> list[str]:
    """Return the command line of the real program; `prelude` is Python text that is run before it."""
    return [sys.executable, *(["-c", prelude + _MAIN] if prelude else ["-m", "codex_auth"]), *words]


def traced(words: Sequence[str], log: Path, injections: Sequence[str] = (), *, is_alone: bool = False) -> list[str]:
    """Return a command line that runs under strace, with strings left out of the log.

    With `is_alone` nothing strikes the programs that it starts.
    """
    wanted = "%file,%desc,%network"
    options = [option for each in injections for option in ("-e", f"inject={each}")]
    # Not `--seccomp-bpf`: with it strace 6.1 does not deliver the signals.
    return [
        "strace",
        *([] if is_alone else ["-f"]),
        "-y",
        "-s",
        "0",
        "-o",
        str(log),
        "-e",
        f"trace={wanted}",
        *options,
        *words,
    ]


def strace_word(injection: Injection, number: int) -> str:
    """Return the fault in strace's words."""
    fault = injection.fault
    how = {KILL: f"signal={KILL}", NOTHING: "retval=0"}.get(fault)
    if how is None:
        how = f"signal={fault}" if fault.startswith("SIG") else f"error={fault}"
    return f"{injection.call.name}:{how}:when={number}"


def shortened(words: Sequence[str], turn: int, mark: Path, prelude: str = "") -> list[str]:
    """Return a command line in which one write to the home writes a single byte, and makes `mark` to say so."""
    return program(str(turn), str(mark), *words, prelude=_SHORTEN + prelude)


def plan(calls: Sequence[Call]) -> Iterator[Injection]:
    """Yield every fault of every call."""
    for call in calls:
        for fault in call.faults:
            yield Injection(call=call, fault=fault)


def is_vital(call: Call) -> bool:
    """Whether it changes a file that matters (not a lock's), or speaks to the provider."""
    return call.what == PROVIDER or (call.changes and call.what.startswith("~") and ".lock" not in call.what)


def sample(calls: Sequence[Call], *, every: int) -> Iterator[Injection]:
    """Yield a kill at each vital call, and one other fault for every second of them and some of the others.

    The other faults take turns, so that all kinds occur; a write to a vital file is always short once.
    """
    vital = [call for call in calls if is_vital(call)]
    others = [call for call in calls if not is_vital(call)]
    yield from (Injection(call=call, fault=KILL) for call in vital)
    yield from (Injection(call=call, fault=SHORT) for call in vital if call.name == "write")
    for turn, call in enumerate([*vital[::2], *others[::every]]):
        rest = call.faults[1:] or call.faults
        yield Injection(call=call, fault=rest[turn % len(rest)])
