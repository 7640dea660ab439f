"""Many processes that all want one login at once, and what the provider saw of them."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import BrokenBarrierError
from typing import Any

from codex_auth.core import renewal
from codex_auth.core.errors import AuthError
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_SCOPE
from codex_auth.core.provider import Provider
from codex_auth.core.secret import Secret
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.net import wire
from codex_auth.notes.journal import Journal
from codex_auth.sandbox.record import fingerprint
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve
from codex_auth.stores import open_store
from codex_auth.stories import two_step
from codex_auth.stories.refresh import Wish, refresh
from codex_auth.stories.sign_in import Wanted

PROFILE = "work"
ROOT = Path(__file__).resolve().parents[2]
_BUS = "DBUS_SESSION_BUS_ADDRESS"
_PATIENCE = 120.0
"""How long anybody waits for the others, in seconds."""


class Home:
    """A scratch home with one login, at a provider that takes each refresh token once."""

    def __init__(self, folder: Path, sandbox: Sandbox, store: str = "file") -> None:
        folder.mkdir(mode=0o700)
        self.sandbox = sandbox
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "TMPDIR", _BUS}}
        self.env = {**kept, "HOME": str(folder), "PYTHONPATH": str(ROOT)}
        self.env["CODEX_AUTH_STATE_DIR"] = str(folder / "state")
        self.env["CODEX_AUTH_STORE"] = store
        self.places = find_places(self.env)
        self.store = open_store(self.places)
        self.world = quiet(self.env)
        self._sign_in()
        [card] = self.store.cards()
        assert card.store == store

    def _sign_in(self) -> None:
        provider = Provider(issuer=self.sandbox.issuer, client_id=OPENAI_CLIENT_ID, scope=OPENAI_SCOPE)
        wanted = Wanted(selector=PROFILE, provider=provider)
        started = two_step.start(wanted, store=self.store, places=self.places, world=self.world)
        address = Secret(approve(started.login_url))
        two_step.finish(PROFILE, address, store=self.store, places=self.places, world=self.world)

    def expire(self) -> None:
        """Let an hour pass for the stored login: its access token has just ended, as far as anybody here can tell."""
        now = datetime.now(UTC)
        with self.store.lock(PROFILE, timeout=5):
            held = self.store.load(PROFILE)
            assert held is not None
            self.store.save(replace(held, expires=now - timedelta(milliseconds=1), refreshed=now - timedelta(hours=1)))
            Journal(self.places, PROFILE).forget()

    def token(self) -> str:
        """Return the stored access token."""
        held = self.store.load(PROFILE)
        assert held is not None
        return held.access.reveal()

    def outcomes(self) -> list[str]:
        """Return how each refresh request ended at the provider."""
        return [entry.outcome for entry in self.sandbox.log("token", "refresh_token")]


def quiet(env: dict[str, str]) -> World:
    """Return the real world without its streams."""
    return World(env=env, tell=lambda _line: None, out=lambda _line: None)


# --- rounds: processes that refresh at the same moment --------------------------------------------------------


@dataclass(kw_only=True)
class Rounds:
    """What became of rounds in which every process wanted a token that was due."""

    processes: int
    rounds: int = 0
    requests: int = 0
    rotations: int = 0
    reuse_errors: int = 0
    answers: int = 0
    wrong_answers: int = 0
    """Answers that are not the token the provider has made in this round."""
    uneven_rounds: int = 0
    """Rounds in which the provider was not asked exactly once."""
    failures: int = 0
    seconds: float = 0.0
    longest_round: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether each round was one request, and everybody had the token it brought."""
        wrong = self.reuse_errors or self.wrong_answers or self.uneven_rounds or self.failures
        return self.requests == self.rotations == self.rounds > 0 and not wrong

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return {**asdict(self), "seconds": round(self.seconds, 1), "longest_round": round(self.longest_round, 3)}


def run_rounds(folder: Path, *, processes: int, rounds: int, seconds: float = 600.0, store: str = "file") -> Rounds:
    """Let the token end before each round, let all processes refresh at once, and count; stop after so many seconds."""
    context = multiprocessing.get_context("forkserver")  # nothing with threads is forked
    context.set_forkserver_preload(["tests.story.herd"])
    barrier = context.Barrier(processes + 1)
    tally = Rounds(processes=processes)
    with Sandbox() as sandbox:
        home = Home(folder, sandbox, store)
        pipes = [context.Pipe(duplex=False) for _ in range(processes)]
        children = [context.Process(target=_work, args=(home.env, barrier, pipe[1]), daemon=True) for pipe in pipes]
        for child in children:
            child.start()
        try:
            begun = time.monotonic()
            while tally.rounds < rounds and time.monotonic() - begun < seconds:
                _one_round(home, barrier, [pipe[0] for pipe in pipes], tally)
            tally.seconds = time.monotonic() - begun
        finally:
            barrier.abort()
            for child in children:
                child.join(_PATIENCE)
    outcomes = home.outcomes()
    tally.requests, tally.rotations = len(outcomes), outcomes.count("ok")
    tally.reuse_errors = outcomes.count("refresh_token_reused")
    return tally


def _one_round(home: Home, barrier: Barrier, pipes: Sequence[Connection], tally: Rounds) -> None:
    home.expire()
    before, asked = fingerprint(home.token()), len(home.outcomes())
    barrier.wait(_PATIENCE)
    begun = time.monotonic()
    answers = []
    for pipe in pipes:
        if not pipe.poll(_PATIENCE):
            raise TimeoutError("a process of the herd does not answer")
        answers.append(pipe.recv())
    tally.longest_round = max(tally.longest_round, time.monotonic() - begun)
    now = fingerprint(home.token())
    tally.rounds += 1
    tally.answers += sum(ok for ok, _ in answers)
    tally.failures += sum(not ok for ok, _ in answers)
    tally.wrong_answers += sum(ok and (token != now or token == before) for ok, token in answers)
    tally.uneven_rounds += len(home.outcomes()) - asked != 1


def _work(env: dict[str, str], barrier: Barrier, pipe: Connection) -> None:
    """Refresh once a round, and say what it brought: the fingerprint of a token, or the code of an error."""
    os.environ.pop(_BUS, None)  # of whoever began the server that we are forked from
    os.environ.update({_BUS: env[_BUS]} if _BUS in env else {})
    places, world = find_places(env), quiet(env)
    store = open_store(places)
    with contextlib.suppress(BrokenBarrierError):
        while True:
            barrier.wait(_PATIENCE)
            try:
                held = refresh(PROFILE, Wish(), store=store, places=places, world=world)
            except AuthError as error:
                pipe.send((False, error.code))
            else:
                pipe.send((True, fingerprint(held.access.reveal())))


# --- tokens: programs that ask at the moment of expiry ---------------------------------------------------------


@dataclass(kw_only=True)
class Asked:
    """What became of many `codex-auth token` that were started together."""

    processes: int
    answers: int = 0
    """How many ended with exit status 0."""
    distinct: int = 0
    """How many different things they printed."""
    is_right: bool = False
    """Whether that was the stored token, and a new one exactly when it was due."""
    requests: int = 0
    seconds: float = 0.0


@dataclass(kw_only=True)
class Tokens:
    """The same processes with a token that lives and with one that has just ended."""

    live: Asked
    due: Asked
    provider_seconds: float
    """How long the provider takes for one refresh, by itself."""

    @property
    def is_well(self) -> bool:
        """Whether one request served everybody, and nobody asked for a token that lives."""
        right = all(asked.is_right and asked.answers == asked.processes for asked in (self.live, self.due))
        return right and (self.live.requests, self.due.requests) == (0, 1)

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain data."""
        return asdict(self)


def run_tokens(folder: Path, processes: int, store: str = "file") -> Tokens:
    """Start so many `codex-auth token work` at once, first while the token lives, then as it has just ended."""
    with Sandbox() as sandbox:
        home = Home(folder, sandbox, store)
        alone = _provider_seconds(home)
        live = _ask(home, processes, is_due=False)
        home.expire()
        due = _ask(home, processes, is_due=True)
    return Tokens(live=live, due=due, provider_seconds=alone)


def _provider_seconds(home: Home) -> float:
    """Return how long one request takes, by a refresh of our own."""
    held = home.store.load(PROFILE)
    assert held is not None
    assert held.refresh is not None
    provider = Provider(issuer=home.sandbox.issuer, client_id=OPENAI_CLIENT_ID, scope=OPENAI_SCOPE)
    send = wire.sender(provider, now=home.world.now, env=home.world.env)
    request = renewal.request(provider, held.refresh, reason="scheduled")
    begun = time.monotonic()
    reply = send(request)
    seconds = time.monotonic() - begun
    renewed = renewal.read(reply, held, provider)
    with home.store.lock(PROFILE, timeout=5):
        home.store.save(renewed.credential)
    return seconds


def _ask(home: Home, processes: int, *, is_due: bool) -> Asked:
    command = [sys.executable, "-m", "codex_auth", "token", PROFILE]
    before, earlier = home.token(), len(home.outcomes())
    begun = time.monotonic()
    children = [
        subprocess.Popen(command, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(processes)
    ]
    printed = [child.communicate(timeout=_PATIENCE)[0].decode().strip() for child in children]
    seconds = time.monotonic() - begun
    now = home.token()
    return Asked(
        processes=processes,
        answers=sum(child.returncode == 0 for child in children),
        distinct=len(set(printed)),
        is_right=set(printed) == {now} and (now != before) is is_due,
        requests=len(home.outcomes()) - earlier,
        seconds=round(seconds, 3),
    )
