"""The crash sweep: one command, one fault at one system call, then a look and a fresh sign-in; again and again."""

import contextlib
import os
import platform
import pty
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from codex_auth.sandbox.server import Sandbox
from tests.crash.calls import KILL, SHORT, Call, Injection, program, read_trace, shortened, strace_word, traced
from tests.crash.scene import COMMANDS, KINDS, Command, Finding, Result, Scene

_BY_HAND = 16
"""Every so many recoveries use the real program from start to end."""
_PATIENCE = 60
_LOGIN_REQUIRED = 3
_READ = 0 if platform.machine() == "x86_64" else 63
"""The number of read(2), as /proc shows it."""


@dataclass
class Tally:
    """What a sweep came to."""

    command: str
    calls: int = 0
    injections: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    """How it went on afterwards, in a word, where that differs."""
    found: list[tuple[str, Finding]] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Return how many injections had a finding of a kind."""
        return len({where for where, finding in self.found if finding.kind == kind})

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {
            "command": self.command,
            "calls": self.calls,
            "injections": self.injections,
            "seconds": round(self.seconds, 1),
            **{kind: self.count(kind) for kind in KINDS},
            "faults": dict(self.faults),
            "endings": dict(self.endings),
            "classes": dict(self.classes),
            "findings": [f"{where}: {finding}" for where, finding in self.found],
        }

    def add(self, where: str, fault: str, result: Result, findings: Sequence[Finding]) -> None:
        """Count one run."""
        self.injections += 1
        self.faults[fault] += 1
        self.endings["killed" if result.status == -signal.SIGKILL else f"exit {result.status}"] += 1
        self.found += [(f"{self.command}: {where} [{result.status}]", finding) for finding in findings]


class Bench:
    """A provider and a folder for scenes; one per thread."""

    is_alone = False
    """Whether faults keep away from the programs that the command starts."""

    def __init__(self, name: str) -> None:
        self.command: Command = COMMANDS[name]
        self.calls: list[Call] = []
        self.classes: Counter[str] = Counter()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="codex-auth-sweep-")))
            self.sandbox = stack.enter_context(Sandbox(honour_previous_once=self.command.kind))
            self.trace()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def scene(self) -> Iterator[Scene]:
        """Set up a home, and take it down again."""
        folder = self.folder / "scene"
        try:
            yield self.furnished(folder)
        finally:
            shutil.rmtree(folder)

    def furnished(self, folder: Path) -> Scene:
        """Return a home as the command finds it."""
        return Scene(self.command, folder, self.sandbox)

    def read(self, log: Path, scene: Scene) -> list[Call]:
        """Return the calls that are of interest here."""
        return read_trace(log.read_text(), str(scene.program.home))

    def trace(self) -> None:
        """List the command's calls, after a run that leaves nothing to compile."""
        for _ in range(2):
            with self.scene() as scene:
                log = scene.folder / "trace"
                result = run(scene, traced(scene.command_line, log, self.command.always, is_alone=self.is_alone))
                assert result.status == 0, result.err
                self.calls = self.read(log, scene)

    def inject(self, scene: Scene, injection: Injection) -> Result | None:
        """Run the scene's command with a fault; None if the fault was never met."""
        call = next((each for each in self.calls if each.is_same(injection.call)), None)
        if call is None:
            return None
        if injection.fault == SHORT:
            writes = [
                each for each in self.calls if each.name == "write" and each.what != "stdout" and not each.is_keyring
            ]
            mark = scene.folder / "met"
            result = run(scene, shortened(scene.words, writes.index(call) + 1, mark, scene.prelude))
            return result if mark.exists() else None
        log = scene.folder / "trace"
        faults = [*self.command.always, strace_word(injection, call.number)]
        result = run(scene, traced(scene.command_line, log, faults, is_alone=self.is_alone))
        met = self.read(log, scene)
        return result if call in met else None  # the same call at the same place in strace's count

    def try_one(self, injection: Injection, *, turn: int) -> tuple[Result, list[Finding]]:
        """Inject one fault, look at what is left, and go on from there."""
        for _ in range(3):
            with self.scene() as scene:
                result = self.inject(scene, injection)
                if result is not None:
                    findings = scene.examine(result)
                    if injection.fault.startswith("SIG") and injection.fault != KILL:
                        findings += stopped_well(scene, result, signal.Signals[injection.fault])
                    return result, findings + scene.recover(retry=turn % 2 == 0, by_hand=turn % _BY_HAND == 0)
            self.trace()  # the count has moved: somebody changed the program
        return Result(status=0, out="", err=""), [Finding("missed", "the fault was not met")]


def sweep(name: str, injections: Sequence[Injection], *, workers: int = 2, bench_of: type[Bench] = Bench) -> Tally:
    """Try every injection in a home of its own."""
    tally, lock, begun = Tally(name), threading.Lock(), time.monotonic()
    turns = iter(list(enumerate(injections)))

    def work() -> None:
        with bench_of(name) as bench:
            tally.calls = len(bench.calls)
            while True:
                with lock:
                    turn, injection = next(turns, (-1, None))
                    if injection is None:
                        tally.classes += bench.classes
                        return
                result, findings = bench.try_one(injection, turn=turn)
                with lock:
                    tally.add(str(injection), injection.fault, result, findings)

    with ThreadPoolExecutor(workers) as pool:
        for worker in [pool.submit(work) for _ in range(workers)]:
            worker.result()
    tally.seconds = time.monotonic() - begun
    return tally


def calls_of(name: str) -> list[Call]:
    """Return the calls of a command."""
    with Bench(name) as bench:
        return bench.calls


def run(scene: Scene, words: Sequence[str]) -> Result:
    """Run the scene's command with its redirect, from stdin or typed into a terminal."""
    if scene.command.pasted:
        return _run_in_terminal(scene, words)
    done = subprocess.run(
        words,
        env=scene.program.env,
        input=scene.redirect,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        check=False,
    )
    return Result(status=done.returncode, out=done.stdout, err=done.stderr)


def _run_in_terminal(scene: Scene, words: Sequence[str]) -> Result:
    """Wait for the link, approve it, and paste; whatever happens to the program meanwhile."""
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            words,
            env=scene.program.env,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert child.stderr is not None
        shown = ""
        for line in child.stderr:
            shown += line
            if line.strip().startswith(scene.sandbox.issuer):
                scene.redirect = scene.approve(line.strip())
            if line.startswith("Paste"):
                os.write(ours, scene.redirect.encode() + b"\n")
                break
        out, err = child.communicate(timeout=_PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    return Result(status=child.returncode, out=out, err=shown + err)


# --- moments of the clock, and two at once ------------------------------------------------------------------


def interrupt(scene: Scene, number: int, delay: float) -> tuple[Result, float]:
    """Send `finish` a signal this long after it got its redirect; return the result and how long it ran."""
    with _finishing(scene) as child:
        begun = time.monotonic()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(delay)
        child.send_signal(number)
        out, err = child.communicate(timeout=_PATIENCE)
        return Result(status=child.returncode, out=out, err=err), time.monotonic() - begun


def finish_together(scene: Scene, count: int = 2) -> list[Result]:
    """Give the same redirect to several `finish` that have all started and wait for it."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(_finishing(scene, hand_over=False)) for _ in range(count)]
        for child in children:
            _hand_over(scene, child)
        ended = [(child, *child.communicate(timeout=_PATIENCE)) for child in children]
    return [Result(status=child.returncode, out=out, err=err) for child, out, err in ended]


def stopped_well(scene: Scene, result: Result, number: signal.Signals) -> Iterator[Finding]:
    """Yield what is wrong with how a signal was taken: the sign-in is whole or not begun, and the status says it."""
    after_the_end = result.status == -number and "Signed in" in result.out  # Python had put its handlers away
    if result.status not in {0, 128 + number} and not after_the_end:
        yield Finding("untrue", f"{number.name} ended in exit status {result.status}: {result.err.strip()}")
    if scene.spent() and not scene.has_new_login():
        yield Finding("stuck", f"{number.name} came between the exchange and the save")


def one_won(scene: Scene, results: Sequence[Result]) -> Iterator[Finding]:
    """Yield what is wrong after several `finish` had one redirect."""
    won = [result for result in results if result.status == 0]
    if len(won) != 1 or scene.spent() != 1:
        yield Finding("untrue", f"{len(won)} won, and the code was presented {scene.spent()} times")
    for result in results:
        if result.status == 0:
            yield from scene.examine(result)
        elif result.status != _LOGIN_REQUIRED or "already finished" not in result.err:
            yield Finding("untrue", f"the loser was told {result.status}: {result.err.strip()}")


@contextlib.contextmanager
def _finishing(scene: Scene, *, hand_over: bool = True) -> Iterator["subprocess.Popen[str]"]:
    """Start `finish` and wait until it reads stdin: its signal handlers are in place then."""
    child = subprocess.Popen(
        program(*scene.words),
        env=scene.program.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        state = Path(f"/proc/{child.pid}/syscall")
        while not state.read_text().startswith(f"{_READ} 0x0 "):
            assert child.poll() is None, "finish ended before it was given anything"
            time.sleep(0.002)
        if hand_over:
            _hand_over(scene, child)
        yield child
    finally:
        child.kill()
        child.wait()


def _hand_over(scene: Scene, child: "subprocess.Popen[str]") -> None:
    assert child.stdin is not None
    child.stdin.write(scene.redirect)
    child.stdin.close()
    child.stdin = None  # so that `communicate` leaves it alone
