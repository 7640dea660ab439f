"""What a person sees on a terminal while a login is applied."""

import os
import pty
import sys
import termios
from datetime import UTC, datetime

import pytest

from codex_auth.edge.world import World
from codex_auth.notes import queue as steps
from codex_auth.notes.queue import Request
from codex_auth.views.applied import Progress
from tests.story.claw_site import Clock

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def restarting(waits_for: str) -> Request:
    """Return a request whose restart is filed."""
    return Request(
        id="1234abcd",
        profile="work",
        target="openclaw",
        state="/home/me/.openclaw",
        config="/home/me/.openclaw/openclaw.json",
        home_profile="",
        agent="",
        reason="apply",
        wants_restart=True,
        requested=NOW,
        ticks=1.0,
        updated=NOW,
        step=steps.RESTARTING,
        filed="deferred",
        waits_for=waits_for,
    )


def test_a_line_that_says_what_goes_on_and_for_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole in 80 columns, the time is that since it began, and it changes when the work ended."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    clock, told = Clock(), list[str]()
    world = World(ticks=lambda: clock.seconds, env={"NO_COLOR": "1"}, tell=told.append)
    with os.fdopen(theirs, "w", encoding="utf-8") as screen, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", screen)
        with Progress(world) as progress:
            progress.show(restarting("agent runs: 1"))
            clock.sleep(12)
            read_until(ours, "waiting for running work (Ctrl-C: `codex-auth apply` goes on) 00:12 so far")
            progress.show(restarting(""))
            clock.sleep(5)
            read_until(ours, "the gateway restarts (Ctrl-C: `codex-auth apply` goes on) 00:05 so far")
    os.close(ours)

    assert told == [
        "work is delivered; the gateway restarts when this is done, in five minutes at the latest: agent runs: 1 …",
        "work is delivered; the gateway restarts …",
    ]


def read_until(terminal: int, text: str) -> None:
    """Read what is drawn until it has this in it."""
    seen = b""
    while text.encode() not in seen:
        seen += os.read(terminal, 65536)
