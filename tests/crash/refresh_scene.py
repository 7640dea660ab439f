"""A home whose login is being refreshed when the fault strikes, and what may have become of the login.

After any fault the refresh is run again. Either the login works and the provider saw no token twice; or it is lost,
which may only be where the request had left and its reply was not safe yet, and then we must have said so.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import RefreshLost
from codex_auth.notes.journal import ASKING, REPLIED, Journal, Note
from codex_auth.sandbox.record import Entry
from codex_auth.stories.refresh import Wish, refresh
from tests.crash.scene import PROFILE, Finding, Result, Scene

WORKS, LOST = "works", "lost, and said so"
LOST_SENTENCE = (
    "A refresh of work was cut off between request and reply, and the provider has spent the token: "
    "the reply is lost. This is the one gap that cannot be closed."
)
LOST_STATUS = RefreshLost.status
_TOKENS = ("access", "refresh")
_NOW = Wish(is_forced=True)
_PATIENCE = 10.0


@dataclass
class RefreshScene(Scene):
    """One home before and after one refresh that met a fault."""

    may_lose: bool = False
    """The fault comes after the request has left and before its reply is safe."""
    ending: str = ""
    """How it ended, once it was recovered."""
    told: list[str] = field(default_factory=list)
    _earlier: int = 0
    _ahead: timedelta = timedelta()

    def _furnish(self) -> None:
        super()._furnish()
        self.world = replace(self.world, now=self._now, sleep=self._sleep, tell=self.told.append)
        self._earlier = len(self._log())

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def _sleep(self, seconds: float) -> None:
        """Let the wait for a request that was cut off pass: by the clock at once, at the provider really."""
        self._ahead += timedelta(seconds=seconds)
        self.let_the_provider_finish()

    def let_the_provider_finish(self) -> None:
        """Return when every request that has reached the provider is done with.

        Connections are taken in turn: when one of ours was answered, all before it have threads of their own.
        """
        with urlopen(f"{self.sandbox.issuer}/.well-known/openid-configuration") as reply:  # loopback
            reply.read()
        deadline = time.monotonic() + _PATIENCE
        while any("process_request_thread" in thread.name for thread in threading.enumerate()):
            assert time.monotonic() < deadline, "the provider does not come to rest"
            time.sleep(0.002)

    # --- what is there --------------------------------------------------------------------------------------

    @property
    def note(self) -> Note:
        """The note of the profile's refreshes."""
        return Journal(self.places, PROFILE).read()

    def requests(self) -> list[Entry]:
        """Return what the provider was asked since the home was furnished."""
        return self._log()[self._earlier :]

    def _log(self) -> list[Entry]:
        return self.sandbox.log("token", "refresh_token")

    def rotated(self) -> bool:
        """Whether the provider has spent the token that was stored before."""
        return any(entry.outcome == "ok" for entry in self.requests())

    def reused(self) -> int:
        """Return how often the provider was shown a token that was spent."""
        return sum(entry.outcome == "refresh_token_reused" for entry in self.requests())

    def stage(self) -> str:
        """Return how far the refresh came, by what stands on the disk and in the provider's record."""
        if self.has_new_login():
            return "saved"
        step = self.note.step
        if step == REPLIED:
            return "reply safe"
        if step == ASKING:
            return "request under way" if self.rotated() else "intent noted"
        return "nothing begun"

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the refresh."""
        self.let_the_provider_finish()
        return [*super().examine(result), *self._torn(), *self._unsaid(result)]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Refresh again, with the real program if `by_hand`; return what is wrong, and say how it `ending` was."""
        try:
            findings = [*self._again(by_hand=by_hand)]
            findings += [*self._torn(), *self._damage(), *self._after(), *self._leaks(self._told())]
        except Exception as error:  # noqa: BLE001 - whatever a user would see as a bug
            self.ending = self.ending or "stuck"
            return [Finding("stuck", f"{self.ending}, and going on failed: {type(error).__name__} {error}")]
        return findings

    def _again(self, *, by_hand: bool) -> Iterator[Finding]:
        before, stage = self._tokens(), self.stage()
        try:
            self._refresh_by_hand() if by_hand else self._refresh()
        except RefreshLost as lost:
            self.ending = LOST
            yield from self._loss(lost, before, stage)
        except AuthError as error:
            self.ending = "stuck"
            yield Finding("stuck", f"after {stage}: {type(error).__name__} {error}")
        else:
            self.ending = WORKS
            yield from self._health()

    def _health(self) -> Iterator[Finding]:
        """Yield what is wrong with a login that should work, now and once more."""
        for _ in range(2):
            held = self.entry() or {}
            ledger = self.sandbox._provider.ledger
            if ledger.bearer(held["access"], time.time()) is None:
                yield Finding("lost", "the stored access token is not good")
            if self.reused():
                yield Finding("lost", "the provider saw a spent token")
            if not self.requests():
                yield Finding("stuck", "nobody has asked the provider")
            self._refresh()

    def _loss(self, lost: RefreshLost, before: dict[str, Any], stage: str) -> Iterator[Finding]:
        """Yield what is wrong with a login that is lost: by whose fault, in which words, and what is left of it."""
        if not self.may_lose:
            yield Finding("lost", f"lost after {stage}, although nothing had to be")
        if self.command.kind:
            yield Finding("lost", "lost, although the provider takes a token twice")
        if str(lost) != LOST_SENTENCE or lost.status != LOST_STATUS:
            yield Finding("lost", f"lost in other words: {lost}")
        if self._tokens() != before:
            yield Finding("corrupt", "the tokens that were there are not there any more")
        asked = len(self.requests())
        try:
            self._refresh()
        except RefreshLost:
            pass
        else:
            yield Finding("untrue", "said to be lost, and then not")
        if self.reused() != 1 or len(self.requests()) != asked:
            yield Finding("untrue", f"the spent token was shown {self.reused()} times")
        self.sign_in(PROFILE)
        self._refresh()

    def _torn(self) -> Iterator[Finding]:
        """Yield what says that tokens of two replies stand beside each other."""
        old = self._tokens_before()
        changed = {name for name, token in self._tokens().items() if token != old[name]}
        if changed and len(changed) != len(_TOKENS):
            yield Finding("corrupt", f"only {', '.join(sorted(changed))} changed")

    def _unsaid(self, result: Result) -> Iterator[Finding]:
        if result.status == 0 and not self.has_new_login():
            yield Finding("untrue", "exit status 0, but nothing new is stored")
        if result.status == LOST_STATUS:
            yield Finding("untrue", f"told to sign in before anything was lost: {result.err.strip()}")

    def _tokens_before(self) -> dict[str, Any]:
        return self._tokens(self.before["auth-profiles.json"])

    def _tokens(self, document: bytes | None = None) -> dict[str, Any]:
        entries = self.program.stored() if document is None else json.loads(document)
        return {name: entries["profiles"][f"openai-codex:{PROFILE}"][name] for name in _TOKENS}

    # --- going on -------------------------------------------------------------------------------------------

    def _refresh(self) -> Credential:
        return refresh(PROFILE, _NOW, store=self.store, places=self.places, world=self.world)

    def _refresh_by_hand(self) -> None:
        """Refresh with the real program, after the wait for a request that was cut off is over by its note."""
        journal, note = Journal(self.places, PROFILE), self.note
        if note.step == ASKING and note.asked_at is not None:
            journal.asking(note, note.token, at=note.asked_at - timedelta(minutes=1), attempt=note.attempt)
        done = self.program("refresh", PROFILE)
        self.told += [done.stdout, done.stderr]
        if done.returncode:
            outcome = self.note.outcome
            assert outcome is not None, done.stderr
            assert str(outcome.error) in done.stderr, done.stderr
            raise outcome.error

    def _told(self) -> Result:
        return Result(status=0, out="", err="\n".join(self.told))
