"""One refresh per expiry, however many processes ask, and nothing lost whenever it is cut off.

The order of steps, and what a crash between any two of them means, is the table "The refresh crash window" in
RISK.md. Everything here happens while the profile's lock is held.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from codex_auth.core import renewal
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import HandOverUnclear
from codex_auth.core.errors import AuthError, ProfileNotFound, ProviderReplyUnusable, ProviderUnreachable
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_SCOPE
from codex_auth.core.provider import Provider, read_issuer
from codex_auth.core.refresh_errors import (
    ApiKeyStays,
    ExpiredOnArrival,
    NothingToRefresh,
    NotOurs,
    RefreshEnded,
    RefreshLost,
    RefreshNotDue,
    RefreshRefused,
    RefreshSlow,
    RefreshStuck,
    RefreshTokenSpent,
    RefreshUncertain,
    TwoCopies,
)
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret
from codex_auth.edge.places import Places
from codex_auth.edge.signals import deferred
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.net import wire
from codex_auth.notes import deliveries
from codex_auth.notes.journal import ASKING, REPLIED, Journal, Note
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stories.copies import copies_of

MARGIN = timedelta(minutes=6)
"""A login is due this long before its access token ends: before Codex's own five minutes."""
LOCK_SECONDS = 75.0
"""Longer than a request and the wait after one that was cut off may take together."""

_SETTLING = timedelta(seconds=wire.TOTAL_SECONDS + 5)
"""How long a request that was cut off may still be under way at the provider."""
_REST = timedelta(minutes=1)
"""After a failure that patience may mend, nobody asks again for this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a caller wants of a refresh."""

    margin: timedelta = MARGIN
    """How much life the access token must have left to be good enough."""
    is_forced: bool = False
    """Refresh even if it is good enough; a refresh that another process did while we waited counts."""
    may_wait: bool = True
    """Whether to wait until a request that was cut off must have arrived."""
    try_again: bool = False
    """Whether a person asks to try a token again whose request was cut off twice."""
    despite_copies: bool = False
    """Whether to spend the token although a copy of it lies elsewhere, which is then worth nothing."""
    reason: str = "proactive_expiry"


def refresh(profile: str, wish: Wish, *, store: Store, places: Places, world: World) -> Credential:
    """Return the profile's credential with life left, asking the provider at most once on this machine.

    Raises `PolicyRefused` and `PolicyUnusable`, `ProfileNotFound`, `ApiKeyStays`, `NotOurs`, `NothingToRefresh`,
    `TwoCopies`, every error of `core.renewal.read` and of the store, `LockBusy`, and `RefreshUncertain`,
    `RefreshStuck` or `RefreshLost` after a refresh that was cut off. The access token there stays in every case.
    """
    before = store.load(profile)
    with store.lock(profile, timeout=LOCK_SECONDS):
        attempt = _Attempt(profile, wish, store=store, places=places, world=world)
        held = attempt.recovered()
        is_new = before is not None and held.access != before.access
        if is_new or (not wish.is_forced and attempt.is_good(held)):
            return held  # a sibling refreshed it while we waited, or before
        return attempt.ask(held)


def refresh_all(wish: Wish, *, store: Store, places: Places, world: World) -> dict[str, Credential | AuthError]:
    """Refresh every profile that is ours to refresh; one that fails does not keep the others from it."""
    results: dict[str, Credential | AuthError] = {}
    for card in list(store.cards()):
        if card.owner == OWNER_SELF and card.has_refresh_token:
            try:
                results[card.profile] = refresh(card.profile, wish, store=store, places=places, world=world)
            except AuthError as error:
                results[card.profile] = error
    return results


def why_not(profile: str, *, store: Store, places: Places, world: World) -> AuthError:
    """Return why a profile has no living token, after a refresh that somebody else ran; nobody is asked."""
    held = store.load(profile)
    if held is None:
        return ProfileNotFound(profile=profile)
    fixed = _not_for_us(held)
    if fixed is not None:
        return fixed
    journal = Journal(places, profile)
    note = journal.read()
    if note.outcome is not None and note.outcome.token == journal.fingerprint(held.refresh):
        return note.outcome.error
    found = copies_of(profile, store=store, places=places, world=world)
    if found:
        return TwoCopies(profile=profile, place=", ".join(found))
    is_stuck = note.step == ASKING and note.attempt > 1
    return RefreshStuck(profile=profile) if is_stuck else RefreshSlow(profile=profile)


def _not_for_us(held: Credential) -> AuthError | None:
    """Return why a login is never ours to refresh, or None if it is."""
    if held.owner != OWNER_SELF:
        return NotOurs(profile=held.profile, owner=held.owner)
    return NothingToRefresh(profile=held.profile) if held.refresh is None else None


class _Attempt:
    """One holder of a profile's lock, and what it finds and does."""

    def __init__(self, profile: str, wish: Wish, *, store: Store, places: Places, world: World) -> None:
        self._profile = profile
        self._wish = wish
        self._store = store
        self._places = places
        self._world = world
        self._journal = Journal(places, profile)
        self._note = self._journal.read()
        self._seals = Seals(places, store)

    def recovered(self) -> Credential:
        """Return what is stored, after finishing what an earlier refresh left unfinished."""
        held = self._store.load(self._profile)
        if held is None:
            raise ProfileNotFound(profile=self._profile)
        if held.is_api_key:
            raise ApiKeyStays(profile=self._profile)
        if self._note.step not in {ASKING, REPLIED}:
            return held
        if self._journal.fingerprint(held.refresh) != self._note.token:
            # A sign-in, or a refresh that was killed after its save: what the note speaks of is over.
            self._note = self._journal.clear(self._note)
            return held
        reply = self._kept_reply()
        if reply is not None:
            return self._settle(held, reply)
        return self._retry(held)

    def _kept_reply(self) -> Reply | None:
        """Return the reply that was kept, by the seal it was kept with.

        Raises when that seal cannot be asked now: the login in the reply is not given up for a locked keyring.
        """
        note = self._note
        return self._journal.reply_in(note, self._seals.of(note.sealed_by)) if note.step == REPLIED else None

    def is_good(self, held: Credential) -> bool:
        """Whether the access token has enough life left, by the clock or in spite of it."""
        now, margin = self._world.now(), self._wish.margin
        if held.expires - now > margin:
            return True
        if held.refreshed is not None and timedelta() <= now - held.refreshed < _REST and held.expires > now:
            return True  # its whole life is shorter than the margin; asking again would bring no more
        note = self._note
        if note.alive_from is None or note.alive_until is None or note.access != self._journal.fingerprint(held.access):
            return False
        # The clock is as it was at the last refresh, so the life measured then still holds.
        rested = min(note.alive_from + _REST, note.alive_until)
        return note.alive_from <= now < max(note.alive_until - margin, rested)

    def ask(self, held: Credential, *, attempt: int = 1) -> Credential:
        """Spend the refresh token: intent, request, sealed reply, save, clear; each durable before the next."""
        token = self._refuse_in_vain(held)
        provider = self._provider_of(held)
        send = wire.sender(provider, now=self._world.now, env=self._world.env)  # first: it may have to refuse
        fingerprint = self._journal.fingerprint(token)
        with deferred(lambda: self._world.tell("A refresh is being stored; this takes a moment.")):
            self._store.prove_writable()
            seal = self._seals.for_profile(self._profile).ready()  # what can be locked must not cost a reply
            self._note = self._journal.asking(self._note, fingerprint, at=self._world.now(), attempt=attempt)
            try:
                reply = send(renewal.request(provider, token, reason=self._wish.reason))
            except ProviderUnreachable as unreachable:
                if unreachable.sent:
                    raise RefreshUncertain(profile=self._profile, wait=_rounded(_SETTLING)) from None
                self._note = self._journal.clear(self._note)
                raise
            self._note_if_possible(lambda: self._journal.replied(self._note, reply, seal))
            return self._settle(held, reply)

    def _settle(self, held: Credential, reply: Reply) -> Credential:
        """Read a reply that is safe on disk, and store what it brings."""
        try:
            renewed = renewal.read(reply, held, self._provider_of(held))
        except RefreshEnded as ended:
            raise self._remember(self._as_lost(ended), held, is_final=True) from None
        except (ProviderUnreachable, ProviderReplyUnusable, RefreshRefused) as failed:
            patience = getattr(failed, "retry_after", None)
            raise self._remember(failed, held, rest=max(patience or _REST, timedelta(seconds=1))) from None
        self._store.save(renewed.credential, expecting=held.identity)
        self._note_if_possible(
            lambda: self._journal.renewed(
                renewed.credential.access, alive_from=reply.asked_at, alive_until=renewed.alive_until
            )
        )
        if renewed.is_expired:
            expired = ExpiredOnArrival(host=self._provider_of(held).host, profile=self._profile)
            raise self._remember(expired, renewed.credential, rest=_REST)
        if renewed.clock_off:
            self._world.tell(f"Note: the clock of this machine is off by about {_rounded(renewed.clock_off)}.")
        return renewed.credential

    def _note_if_possible(self, write: Callable[[], Note]) -> None:
        """Write the note; where the disk refuses it, the new tokens are stored all the same.

        Before they are, only this process knows them. Afterwards, a note that stays behind speaks of a token that
        is gone, and the next refresh clears it.
        """
        with contextlib.suppress(AuthError):
            self._note = write()

    def _retry(self, held: Credential) -> Credential:
        """Ask once more with a token whose request was cut off; after a second such end only a person may."""
        if self._note.attempt > 1 and not self._wish.try_again:
            raise RefreshStuck(profile=self._profile)
        asked_at = self._note.asked_at
        age = _SETTLING if asked_at is None else self._world.now() - asked_at
        left = _SETTLING - age if timedelta() <= age else timedelta()  # a clock that was set back says nothing
        if left > timedelta():
            if not self._wish.may_wait:
                raise RefreshUncertain(profile=self._profile, wait=_rounded(left))
            self._world.sleep(left.total_seconds())
        return self.ask(held, attempt=self._note.attempt + 1)

    def _as_lost(self, ended: RefreshEnded) -> RefreshEnded:
        """Say what "already used" means after a request that was cut off: we used it, and the reply is lost."""
        if isinstance(ended, RefreshTokenSpent) and self._note.attempt > 1:
            return RefreshLost(profile=self._profile)
        return ended

    def _refuse_in_vain(self, held: Credential) -> Secret:
        """Return the refresh token, unless spending it is not ours to do or known to be useless."""
        fixed = _not_for_us(held)
        if fixed is not None or held.refresh is None:
            raise fixed or NothingToRefresh(profile=self._profile)
        refusal = policies.in_force(self._places, self._world.env).use_refusal(held)
        if refusal is not None:
            raise refusal
        outcome = self._note.outcome
        if outcome is not None and outcome.token == self._journal.fingerprint(held.refresh):
            if outcome.is_final:
                raise outcome.error
            rest = (outcome.rest_until or outcome.at) - self._world.now()
            if timedelta() < rest <= timedelta(hours=1):
                host = self._provider_of(held).host
                raise RefreshNotDue(host=host, profile=self._profile, wait=_rounded(rest))
        self._refuse_hand_over(held.refresh)
        if not self._wish.despite_copies:
            self._refuse_copies()
        return held.refresh

    def _refuse_hand_over(self, token: Secret) -> None:
        """Refuse to spend a token that another program may have got, in a hand-over that was cut off."""
        row = deliveries.read(self._places, self._profile).unsettled
        if row is not None and row.refresh == self._journal.fingerprint(token):
            raise HandOverUnclear(profile=self._profile, target=row.place.target)

    def _refuse_copies(self) -> None:
        """Refuse to spend a token that somebody else holds too: it would log them out, or they us."""
        found = copies_of(self._profile, store=self._store, places=self._places, world=self._world)
        if found:
            raise TwoCopies(profile=self._profile, place=", ".join(found))

    def _provider_of(self, held: Credential) -> Provider:
        """Return the provider of a stored login; a file that names another issuer cannot send the token there."""
        issuer = read_issuer(held.identity.issuer, listed=self._places.config.issuers, config=self._places.config_file)
        return Provider(issuer=issuer, client_id=held.client_id or OPENAI_CLIENT_ID, scope=held.scope or OPENAI_SCOPE)

    def _remember(
        self, error: AuthError, held: Credential, *, rest: timedelta | None = None, is_final: bool = False
    ) -> AuthError:
        self._note = self._journal.failed(
            self._note,
            error,
            self._journal.fingerprint(held.refresh),
            at=self._world.now(),
            rest=rest,
            is_final=is_final,
        )
        return error


def _rounded(span: timedelta) -> str:
    seconds = max(1, round(abs(span).total_seconds()))
    if seconds < 120:  # noqa: PLR2004 - two minutes are the first that are said in minutes
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"  # noqa: PLR2004
