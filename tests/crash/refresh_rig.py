"""The crash sweep of `refresh`: every call of it, those that wait for the provider too, and moments by chance."""

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from codex_auth.sandbox.server import Sandbox
from tests.crash.calls import KILL, PROVIDER, ROOT, SHORT, Call, Injection, is_vital, plan, read_trace
from tests.crash.refresh_scene import RefreshScene
from tests.crash.rig import Bench, Tally
from tests.crash.scene import PROFILE, Result, Scene

NOTE = f"~/state/journal/{PROFILE}.json"
_BROKEN_LINES = {
    "connect": ("ECONNREFUSED", "ETIMEDOUT"),
    "sendto": ("EPIPE", "ECONNRESET"),
    "recvfrom": ("ECONNRESET", "ETIMEDOUT"),
}
_SLOW = 0.15
"""How long the provider takes its time in every second of the random rounds, in seconds."""
_BY_HAND = 16


class RefreshBench(Bench):
    """A provider and a folder for homes in which a refresh is cut off."""

    @contextlib.contextmanager
    def scene(self) -> Iterator[RefreshScene]:
        """Set up a home, take it down again, and count how it ended."""
        with super().scene() as scene:
            assert isinstance(scene, RefreshScene)
            yield scene
            if scene.ending:
                self.classes[scene.ending] += 1

    def furnished(self, folder: Path) -> RefreshScene:
        """Return a home with a login to refresh."""
        return RefreshScene(self.command, folder, self.sandbox)

    def read(self, log: Path, scene: Scene) -> list[Call]:
        """Return the calls, with those that wait for the provider."""
        return read_trace(log.read_text(), str(scene.program.home), waits=True)

    def inject(self, scene: Scene, injection: Injection) -> Result | None:
        """Run the refresh with a fault, and note whether the login may be lost by it."""
        assert isinstance(scene, RefreshScene)
        scene.may_lose = any(each.is_same(injection.call) for each in gap(self.calls, injection.fault))
        return super().inject(scene, injection)


def gap(calls: Sequence[Call], fault: str = KILL) -> list[Call]:
    """Return the calls at which a fault may lose a login, from when the request has left.

    A killed process loses it until the reply has a name on disk; one that lives, only until it has the reply.
    """
    start = max(at for at, call in enumerate(calls) if (call.name, call.what) == ("sendto", PROVIDER)) + 1
    is_end = is_rename_to_note if fault == KILL else is_receipt
    end = next(at for at, call in enumerate(calls) if at >= start and is_end(call)) + 1
    return list(calls[start:end])


def is_receipt(call: Call) -> bool:
    """Whether it takes the reply in."""
    return (call.name, call.what) == ("recvfrom", PROVIDER)


def is_rename_to_note(call: Call) -> bool:
    """Whether it puts a new note in its place."""
    return call.name.startswith("rename") and call.what.endswith(f"→ {NOTE}")


def calls_of(name: str) -> list[Call]:
    """Return the calls of a refresh."""
    with RefreshBench(name) as bench:
        return bench.calls


def everything(calls: Sequence[Call]) -> list[Injection]:
    """Return every fault of every call, and every way in which the line can break."""
    broken = [
        Injection(call=call, fault=fault)
        for call in calls
        if call.what == PROVIDER
        for fault in _BROKEN_LINES.get(call.name, ())
    ]
    return [*plan(calls), *broken]


def sample(calls: Sequence[Call], *, every: int) -> list[Injection]:
    """Return a kill on each side of each step's border, a note that the disk refuses, and every so-manieth other."""
    inside = gap(calls)
    vital = [call for call in calls if is_vital(call)]
    sent = next(call for call in reversed(calls) if (call.name, call.what) == ("sendto", PROVIDER))
    received = next(filter(is_receipt, inside))
    renames = [call for call in vital if call.name.startswith("rename")]
    after = [calls[calls.index(call) + 1] for call in renames]
    chosen = [Injection(call=call, fault=KILL) for call in [sent, received, *renames, *after]]
    chosen += [Injection(call=call, fault=SHORT) for call in vital if call.name == "write" and call in inside]
    chosen += [Injection(call=call, fault="EIO") for call in renames if is_rename_to_note(call)]
    rest = [each for each in everything(calls) if each not in chosen]
    return chosen + rest[::every]


# --- moments by chance ---------------------------------------------------------------------------------------


class Nursery:
    """A process in which everything is loaded already; its children are real refreshes, quickly begun."""

    def __enter__(self) -> Self:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._child.communicate()

    def run(self, scene: Scene, delay: float | None = None) -> tuple[Result, float]:
        """Refresh, and kill the process after so many seconds; return the result and how long it ran."""
        files = [scene.folder / name for name in ("out", "err")]
        for file in files:
            file.touch(mode=0o600)  # the child may die before it comes to that
        asked: dict[str, Any] = {"env": scene.program.env, "words": scene.words, "folder": str(scene.folder)}
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({**asked, "delay": delay}) + "\n")
        self._child.stdin.flush()
        ended = json.loads(self._child.stdout.readline())
        out, err = (file.read_text() for file in files)
        return Result(status=ended["status"], out=out, err=err), ended["seconds"]


def random_kills(name: str, count: int, rng: random.Random) -> Tally:
    """Kill refreshes at random moments and recover; in every second round the provider takes its time."""
    tally, begun = Tally(f"{name} at random"), time.monotonic()
    with RefreshBench(name) as bench, Nursery() as nursery:
        length = min(_length(bench, nursery) for _ in range(4))
        for turn in range(count):
            with bench.scene() as scene:
                slow = _SLOW if turn % 2 else 0.0
                if slow:
                    bench.sandbox.fault("slow", value=slow)
                delay = rng.uniform(0, 1.1 * length + slow)
                result, _ = nursery.run(scene, delay)
                scene.let_the_provider_finish()
                _forget_faults(bench.sandbox)
                stage = scene.stage()
                scene.may_lose = stage == "request under way"
                found = [*scene.examine(result), *scene.recover(retry=False, by_hand=turn % _BY_HAND == 0)]
            tally.add(f"{KILL} after {delay:.3f} s", stage, result, found)
        tally.classes += bench.classes
    tally.seconds = time.monotonic() - begun
    return tally


def _length(bench: RefreshBench, nursery: Nursery) -> float:
    """Return how long a refresh takes that nobody stops."""
    with bench.scene() as scene:
        result, seconds = nursery.run(scene)
        assert result.status == 0, result.err
        return seconds


def _forget_faults(sandbox: Sandbox) -> None:
    """Take back a fault that was never met, because the refresh was killed before it asked."""
    while sandbox._provider.faults.take("token"):
        pass
