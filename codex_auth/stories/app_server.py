"""A program's `codex app-server`, signed in by us: its lines pass through, and its tokens are ours to renew."""

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import IO

from codex_auth.core.app_server import Dialogue, Heard, Kind
from codex_auth.core.codex_errors import AccountChanged
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
_NEW_SECONDS = 10.0
"""How long a token that was given as an answer is given again. Codex 0.169 asks one question after another and does not
say which token was refused: of two requests that were refused with the old one, the second asks milliseconds after the
new one was given, and would cost another refresh."""
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
        self._answered: float | None = None

    def environment(self) -> dict[str, str]:
        """Return the environment of the app server: nothing in it, or in its home, is another login."""
        users = origin(chosen_home(self._world.env), self._places.codex_homes)
        home = CodexHome(path=f"{self._places.codex_homes}/{self._profile}")
        furnish(home, users)
        return {**environment(self._given, self._world.env), **home_variables(home, users, self._world.env)}

    def serve(
        self,
        program: str,
        words: list[str],
        env: Mapping[str, str],
        source: Iterable[bytes],
        sink: Callable[[bytes], None],
    ) -> int:
        """Run it until it ends, and return its exit status. Raises `CommandNotRunnable`."""
        try:
            with child.attended(program, words, env) as server:
                assert server.stdin is not None  # noqa: S101 - `attended` makes both pipes
                assert server.stdout is not None  # noqa: S101
                self._pass_on(server.stdin, server.stdout, source, sink)
        finally:
            self._over.set()
            with self._renewing:  # a new token that is on its way here is stored before this process ends
                pass
        return child.status(server)

    def _pass_on(
        self, to_server: IO[bytes], from_server: IO[bytes], source: Iterable[bytes], sink: Callable[[bytes], None]
    ) -> None:
        for task in (lambda: self._from_program(source, to_server), lambda: self._keep_fresh(to_server)):
            threading.Thread(target=task, daemon=True).start()
        with contextlib.suppress(OSError):  # the program has hung up; Codex sees it as its pipes are closed
            for line in from_server:
                self._from_server(line, to_server, sink)

    # --- from the program --------------------------------------------------------------------------------------

    def _from_program(self, source: Iterable[bytes], to_server: IO[bytes]) -> None:
        for line in source:
            self._write(to_server, self._dialogue.introduced(line))
            if self._dialogue.is_introduction_over(line):
                self._write(to_server, self._dialogue.login(self._given))
                self._signed_in.wait(_LOGIN_SECONDS)
        with self._writing:
            _close(to_server)

    # --- from Codex --------------------------------------------------------------------------------------------

    def _from_server(self, line: bytes, to_server: IO[bytes], sink: Callable[[bytes], None]) -> None:
        heard = self._dialogue.heard(line)
        if heard.kind is Kind.PASS:
            sink(line)
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
                found.extend(self._renewed())
            except AuthError as error:
                self._world.tell(f"codex-auth: {error}")

        worker = threading.Thread(target=ask, daemon=True)
        worker.start()
        worker.join(ANSWER_SECONDS)
        if found:
            # Not before: what comes too late is stored, and there for the next question.
            self._given, self._answered = found[0], self._world.ticks()
            self._write(to_server, self._dialogue.answer(asked, found[0]))
        else:
            self._write(to_server, self._dialogue.refusal(asked))

    def _renewed(self) -> list[Credential]:
        """Return a token other than the one that Codex was refused with: a stored one, or a new one."""
        with self._renewing:
            if self._over.is_set():  # nobody waits for it, and nobody would wait until it is stored
                return []
            held = self._store.load(self._profile)
            if held is None:
                raise ProfileNotFound(profile=self._profile)
            held = self._same_account(held)
            if self._is_refused(held) or held.expires <= self._world.now():
                wish = Wish(is_forced=True, may_wait=False, reason="unauthorized_recovery")
                held = refresh(self._profile, wish, store=self._store, places=self._places, world=self._world)
            return [held]

    def _is_refused(self, held: Credential) -> bool:
        is_new = self._answered is not None and self._world.ticks() - self._answered < _NEW_SECONDS
        return held.access == self._given.access and not is_new

    def _keep_fresh(self, to_server: IO[bytes]) -> None:
        """Sign Codex in again before its token ends: it does not ask ahead of that."""
        told = ""
        while not self._over.wait(_LOOK_SECONDS):
            if not self._signed_in.is_set() or self._given.expires - self._world.now() > MARGIN:
                continue
            try:
                self._sign_in_again(to_server)
            except AuthError as error:
                if told != str(error):
                    told = str(error)
                    self._world.tell(f"codex-auth: {error}")

    def _sign_in_again(self, to_server: IO[bytes]) -> None:
        with self._renewing:
            if self._over.is_set():
                return
            held = self._same_account(self._living())
            if held.access != self._given.access:
                self._given = held
                self._write(to_server, self._dialogue.login(held))

    def _same_account(self, held: Credential) -> Credential:
        """Return a login if Codex may go on with it: what it has begun as one account ends as that account."""
        if held.identity.is_same_account(self._given.identity):
            return held
        raise AccountChanged(profile=self._profile)

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
