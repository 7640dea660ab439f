"""Whoever polls `status --json` while logins are applied reads one whole document each time, and no request is lost."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.notes import queue as steps
from codex_auth.notes.pending import PendingFile
from codex_auth.stores import open_store
from codex_auth.stories.status import look
from codex_auth.views.report import document
from tests.story.conftest import Program
from tests.story.logins import login, put
from tests.story.test_apply_progress import restarting
from tests.story.test_queue_program import gateway, machine

__all__ = ["gateway"]

IN_PROCESS, WHOLE = 1000, 100
_STATUS = [sys.executable, "-m", "codex_auth", "status", "--json"]


class Reader:
    """Somebody who polls, and remembers what was shown."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.steps: set[str] = set()
        self.last = ""

    def take(self, text: str) -> None:
        """Read one document; the request that was queued last is in it until a newer one is."""
        shown = json.loads(text)
        assert shown["ok"] is True
        assert shown["trouble"] == []
        assert [row["profile"] for row in shown["profiles"]] == ["work"]
        queue, ids = shown["queue"], {row["id"] for row in [*shown["queue"], *shown["applied"]]}
        assert not self.last or self.last in ids or ids - self.known
        self.last = queue[-1]["id"] if queue else self.last
        self.known |= ids
        self.steps |= {row["step"] for row in queue}


def _in_process(program: Program) -> Callable[[], str]:
    """Return what prints the document of `status --json`, without the start of a process."""
    world = World(env=program.env)
    places = find_places(program.env)
    return lambda: json.dumps(document(look(open_store(places), places, world), world.now(), full=False))


def test_every_poll_reads_one_whole_document(program: Program, gateway: "subprocess.Popen[str]") -> None:
    """A thousand polls and a hundred whole processes, while one `apply` follows another."""
    with gateway:
        try:
            assert gateway.stdout
            assert gateway.stdout.readline() == "up\n"
            put(machine(program, seconds=0.2), {"openai-codex:work": login("work", life=9 * 24 * 3600)})
            over, ended = threading.Event(), list[int]()

            def apply() -> None:
                while not over.is_set():
                    ended.append(program("apply", "work", "--json").returncode)

            worker = threading.Thread(target=apply)
            worker.start()
            try:
                ours, others, poll = Reader(), Reader(), _in_process(program)
                for turn in range(IN_PROCESS):
                    ours.take(poll())
                    if turn % (IN_PROCESS // WHOLE) == 0:
                        others.take(
                            subprocess.run(_STATUS, env=program.env, capture_output=True, text=True, check=True).stdout
                        )
            finally:
                over.set()
                worker.join()
        finally:
            gateway.terminate()

    assert set(ended) == {0}
    assert len(ended) > 1
    assert "reloading" in ours.steps | others.steps
    assert others.known


def test_a_later_end_is_not_shown_beside_an_earlier_one_that_waits(program: Program) -> None:
    """The queue is read first, and the history a moment later, when the queue may have gone on."""
    put(program, {"openai-codex:work": login("work")})
    places, now = find_places(program.env), datetime.now(UTC)
    ends = [
        replace(restarting(""), id=name, step=steps.DONE, requested=now + timedelta(seconds=at), updated=now)
        for at, name in enumerate(("first", "second", "third"))
    ]
    for each in ends:
        steps.remember(places, each)
    with PendingFile(places, make=True).change() as table:
        table.queue.append(replace(ends[1], step=steps.DELIVERING))

    shown = program.json("status")

    assert ([row["id"] for row in shown["queue"]], [row["id"] for row in shown["applied"]]) == (["second"], ["first"])
