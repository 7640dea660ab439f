"""Reading one chat message, opening what its answer needs, and writing the reply.

The message comes from a pipe, or from a terminal: OpenClaw's `exec` leaves stdin open for an agent with `pty` only.
What is written there is not echoed, for an address may be in it.
"""

import json
import os
import select
import sys
import time
from dataclasses import replace
from importlib import resources

import click

from codex_auth.chat import talk
from codex_auth.chat.message import LIMIT
from codex_auth.chat.room import Room
from codex_auth.cli.doors import write
from codex_auth.cli.opening import chosen_callback, chosen_provider, open_for_sign_in
from codex_auth.core.errors import Stop
from codex_auth.edge.terminal import unseen
from codex_auth.edge.world import World
from codex_auth.stories.usage import usage_of

_STDIN = 0
_ENDS = b"\r\n\x04"
_READ_SECONDS = 30.0
"""How long a message may take to arrive. An agent may leave its end of the pipe open."""


def schema_text(name: str) -> str:
    """Return a published schema."""
    return resources.files("codex_auth.chat").joinpath("schemas", f"{name}.json").read_text("utf-8")


def converse(ctx: click.Context, *, issuer: str, store: str, auth_path: str) -> int:
    """Read a message, write the reply, and return the exit status."""
    data = b""

    def open_room() -> Room:
        world = replace(World(), tell=_say_nothing)
        places, shelves = open_for_sign_in(ctx, world, auth_path, store=store)
        provider = chosen_provider(issuer, "", "", places)
        callback = chosen_callback(None, "", provider, places)
        return Room(
            places=places,
            store=shelves,
            world=world,
            provider=provider,
            callback=callback,
            auth_path=auth_path,
            usage=lambda names: usage_of(names, store=shelves, places=places, world=world),
        )

    try:
        data = read_one(_READ_SECONDS)
        return _write(talk.answer(data, open_room))
    except KeyboardInterrupt as stop:
        status = 128 + (stop.number if isinstance(stop, Stop) else 2)
        return _write(talk.stopped(data, status)) or status


def read_one(seconds: float) -> bytes:
    """Return what stdin holds up to the end of one JSON document and its line, or all; or what came in that time."""
    data, end = b"", time.monotonic() + seconds
    with unseen(_STDIN):
        while len(data) <= LIMIT and not _is_whole(data):
            ready, _, _ = select.select([_STDIN], [], [], max(0.0, end - time.monotonic()))
            piece = os.read(_STDIN, LIMIT + 1 - len(data)) if ready else b""
            if not piece:
                break
            data += piece
    return data.rstrip(_ENDS)


def _is_whole(data: bytes) -> bool:
    """Whether a document has ended: its line, or on a terminal Ctrl-D, comes after it."""
    document = data.rstrip(_ENDS)
    if document == data or not document.endswith(b"}"):
        return False
    try:
        json.loads(document)
    except (ValueError, RecursionError):
        return False
    return True


def _write(reply: dict[str, object]) -> int:
    # Chinese spelled in escapes costs an agent three times as much to read.
    shows_all = "utf" in (getattr(sys.stdout, "encoding", "") or "").lower()
    return write(json.dumps(reply, ensure_ascii=not shows_all) + "\n")


def _say_nothing(_line: str) -> None:
    """Keep stderr empty: who started us may have joined it to stdout."""
