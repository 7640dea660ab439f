"""A program's `codex app-server`, signed in by us: its lines pass through, and its tokens are ours to renew."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import IO

from codex_auth.core.app_server import Dialogue, Heard, Kind
from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import ApiKeyStays
from codex_auth.edge import child
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours.codex import CodexHome, chosen_home
from codex_auth.neighbours.codex_private import environment as home_variables
from codex_auth.neighbours.codex_private import furnish, origin
from codex_auth.stores.protocol import Store
from codex_auth.stories.refresh import MARGIN, Wish, refresh
from codex_auth.stories.run import environment, living

ANSWER_SECONDS = 9.0
"""Codex waits ten for a fresh token."""
_LOGIN_SECONDS = 20.0
"""How long the program's first requests wait for the sign-in: Codex asks its backend once."""
_LOOK_SECONDS = 30.0
"""How often is looked whether the token is due: a timer does not count while the machine sleeps."""


class AppServer:
    """One profile, one app server, and the program whose it is."""

    def __init__(self, profile: str, *, store: Store, places: Places, world: World) -> None:
        self._profile = profile
        self._store = store
        self._places = places
        self._world = world
        self._dialogue = Dialogue(f"codex-auth-{world.random(8).hex()}-")
        self._writing = threading.Lock()
        self._renewing = threading.Lock()
        self._signed_in = threading.Event()
        self._over = threading.Event()
        self._given = self._living()

    def environment(self) -> dict[str, str]:
        """Return the environment of the app server: nothing in it, or in its home, is another login."""
        users = origin(chosen_home(self._world.env), self._places.codex_homes)
        home = CodexHome(path=f"{self._places.codex_homes}/{self._profile}")
        furnish(home, users)
        return {**environment(self._given, self._world.env), **home_variables(home, users, self._world.env)}

    def serve(self, program: str, words: list[str], env: Mapping[str, str], source: IO[bytes], sink: IO[bytes]) -> int:
        """Run it until it ends, and return its exit status. Raises `CommandNotRunnable`."""
        with child.attended(program, words, env) as server:
            assert server.stdin is not None  # noqa: S101 - `attended` makes both pipes
            assert server.stdout is not None  # noqa: S101
            to_server = server.stdin
            for task in (lambda: self._from_program(source, to_server), lambda: self._keep_fresh(to_server)):
                threading.Thread(target=task, daemon=True).start()
            for line in server.stdout:
                self._from_server(line, to_server, sink)
            self._over.set()
            status = server.wait()
        return status if status >= 0 else 128 - status

    # --- from the program --------------------------------------------------------------------------------------

    def _from_program(self, source: IO[bytes], to_server: IO[bytes]) -> None:
        for line in source:
            self._write(to_server, self._dialogue.introduced(line))
            if self._dialogue.is_introduction_over(line):
                self._write(to_server, self._dialogue.login(self._given))
                self._signed_in.wait(_LOGIN_SECONDS)
        with self._writing:
            _close(to_server)

    # --- from Codex --------------------------------------------------------------------------------------------

    def _from_server(self, line: bytes, to_server: IO[bytes], sink: IO[bytes]) -> None:
        heard = self._dialogue.heard(line)
        if heard.kind is Kind.PASS:
            sink.write(line)
            sink.flush()
        elif heard.kind is Kind.ASKED:
            threading.Thread(target=self._answer, args=(heard, to_server), daemon=True).start()
        elif heard.kind in {Kind.DONE, Kind.FAILED}:
            if heard.kind is Kind.FAILED:
                self._world.tell(f"codex-auth: Codex did not take the login {self._profile}.")
            self._signed_in.set()

    def _answer(self, asked: Heard, to_server: IO[bytes]) -> None:
        """Answer with a fresh token, or that there is none, before Codex gives up."""
        found: list[Credential] = []

        def ask() -> None:
            try:
                found.append(self._renewed())
            except AuthError as error:
                self._world.tell(f"codex-auth: {error}")

        worker = threading.Thread(target=ask, daemon=True)
        worker.start()
        worker.join(ANSWER_SECONDS)
        self._write(to_server, self._dialogue.answer(asked, found[0]) if found else self._dialogue.refusal(asked))

    def _renewed(self) -> Credential:
        """Return a token other than the one that Codex has: what somebody else had meanwhile, or a new one."""
        with self._renewing:
            held = self._store.load(self._profile)
            if held is None:
                raise ProfileNotFound(profile=self._profile)
            if held.access == self._given.access or held.expires <= self._world.now():
                wish = Wish(is_forced=True, may_wait=False, reason="unauthorized_recovery")
                held = refresh(self._profile, wish, store=self._store, places=self._places, world=self._world)
            self._given = held
            return held

    def _keep_fresh(self, to_server: IO[bytes]) -> None:
        """Sign Codex in again before its token ends: it does not ask ahead of that."""
        while not self._over.wait(_LOOK_SECONDS):
            if not self._signed_in.is_set() or self._given.expires - self._world.now() > MARGIN:
                continue
            try:
                with self._renewing:
                    held = self._living()
                    is_new, self._given = held.access != self._given.access, held
            except AuthError as error:
                self._world.tell(f"codex-auth: {error}")
                continue
            if is_new:
                self._write(to_server, self._dialogue.login(held))

    def _living(self, margin: timedelta = MARGIN) -> Credential:
        found = living(self._profile, margin, store=self._store, places=self._places, world=self._world)
        if found.is_api_key:
            raise ApiKeyStays(profile=self._profile)
        return found

    def _write(self, to_server: IO[bytes], line: bytes) -> None:
        with self._writing:
            try:
                to_server.write(line)
                to_server.flush()
            except (OSError, ValueError):  # it has ended; its exit status says so
                self._over.set()


def _close(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except OSError:
        return
