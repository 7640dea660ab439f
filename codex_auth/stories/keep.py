"""Refreshing ahead of expiry, so that nobody who asks for a token ever waits for one, or finds a login dead.

Which logins are due is decided here; refreshing one, and never twice, is `stories.refresh`.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from codex_auth.core.card import OWNER_SELF, Card
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import (
    NothingToRefresh,
    NotOurs,
    RefreshEnded,
    RefreshNotDue,
    RefreshStuck,
    TwoCopies,
)
from codex_auth.core.store_errors import LockBusy
from codex_auth.edge.places import Places
from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.world import World
from codex_auth.notes import deliveries, rounds
from codex_auth.notes.journal import ASKING, Journal
from codex_auth.notes.rounds import LastRound, Told
from codex_auth.stores.protocol import Store
from codex_auth.stories.alerts import Alert, news, token_mark
from codex_auth.stories.deliver import renew_leases
from codex_auth.stories.refresh import MARGIN, Wish, refresh

AHEAD = timedelta(minutes=30)
"""How long before its end a login is renewed, if it lives long enough; the jitter is added."""
JITTER = timedelta(minutes=15)
"""Profiles that were signed in together are renewed up to this far apart."""
ROUND_AT_MOST = timedelta(minutes=5)
"""How long `keep` sleeps at most: what happens in the meantime (a sign-in, a failure) is looked at again then."""
ROUND_AT_LEAST = timedelta(minutes=1)

_SLICE_SECONDS = 10.0

TELLING_SECONDS = 60.0
"""How long a round may go on telling; what is left is told in the next one, so that a slow hook delays no refresh."""

Tell = Callable[[Alert], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round did."""

    at: datetime
    results: dict[str, Credential | AuthError]
    """The profiles that were due: the renewed credential, or why there is none."""
    alerts: list[Alert]
    next_due: datetime | None
    """When the next profile will be; those that just failed are asked again at the next round."""

    @property
    def failures(self) -> dict[str, AuthError]:
        """The profiles that were due and could not be renewed."""
        return {profile: result for profile, result in self.results.items() if isinstance(result, AuthError)}


def margin(card: Card) -> timedelta:
    """Return how long before its end this profile is renewed: the same at every call, for a name and a life."""
    share = int.from_bytes(hashlib.sha256(card.profile.encode()).digest()[:4]) / 2**32
    wanted = AHEAD + JITTER * share
    if card.expires is not None and card.refreshed is not None:
        wanted = min(wanted, (card.expires - card.refreshed) / 2)
    return max(wanted, MARGIN)


def due_in(card: Card, now: datetime) -> timedelta:
    """Return how long until this profile is to be renewed: zero if it is due, or does not say when it ends."""
    return timedelta() if card.expires is None else max(card.expires - now - margin(card), timedelta())


def blocked(card: Card, store: Store, places: Places) -> AuthError | None:
    """Return why nothing but a person can renew this login; None if we can, or the program that owns it.

    Raises the store's errors.
    """
    if not card.has_refresh_token:
        if card.owner == OWNER_SELF:
            return NothingToRefresh(profile=card.profile)
        rows = deliveries.read(places, card.profile).rows
        given_away = deliveries.is_given_away(rows, card.owner)
        return None if given_away else NotOurs(profile=card.profile, owner=card.owner)
    journal = Journal(places, card.profile)
    note = journal.read() if card.owner == OWNER_SELF else None
    is_stuck = note is not None and note.step == ASKING and note.attempt > 1
    ended = note.outcome if note is not None and note.outcome and note.outcome.is_final else None
    if note is None or not (is_stuck or ended):
        return None
    held = store.load(card.profile)
    token = journal.fingerprint(held.refresh if held else None)
    if ended and ended.token == token:
        return ended.error
    return RefreshStuck(profile=card.profile) if is_stuck and note.token == token else None


def keep_once(*, store: Store, places: Places, world: World, tell: Tell) -> Round:
    """Renew every profile that is due, one after another, and then tell what is new about any.

    A profile that fails keeps no other from it. What is told is remembered after it was told, so that a crash
    makes somebody hear a thing twice rather than never. Raises `LockBusy` and the store's errors, if the profiles
    cannot be listed or nothing can be remembered.
    """
    with rounds.one_at_a_time(places):
        now = world.now()
        before = rounds.read_told(places)
        cards = list(store.cards())
        told = {card.profile: before.get(card.profile) or Told(token_mark(card)) for card in cards}
        if told != before:
            rounds.write_told(places, told)
        results = dict(_renewed(cards, now, store=store, places=places, world=world))
        results = _delivered(results, store=store, places=places, world=world)
        standings = [(card, *_standing(card, results.get(card.profile), store, places)) for card in store.cards()]
        alerts: list[Alert] = []
        end = world.ticks() + TELLING_SECONDS
        for card, trouble, why in standings:
            remembered = told.get(card.profile) or Told(token_mark(card))
            for alert, after in news(card, remembered, trouble=trouble, blocked=why, now=world.now()):
                if world.ticks() < end:
                    tell(alert)
                    alerts.append(alert)
                    told[card.profile] = after
                    rounds.write_told(places, told)
        waits = [due_in(card, now) for card, trouble, why in standings if not (trouble or why) and _is_ours(card)]
        done = Round(at=now, results=results, alerts=alerts, next_due=now + min(waits) if waits else None)
        rounds.write_last(places, _record(done))
    return done


def keep_forever(one_round: Callable[[], Round], *, world: World, show: Callable[[Round], None]) -> NoReturn:
    """Do one round after another, and sleep until the next profile is due, at most five minutes.

    A round that could not be done is told once, and tried again. Ends with `Stop`, or with what `show` raises.
    """
    complained = ""
    while True:
        pause = ROUND_AT_MOST
        try:
            done = one_round()
        except AuthError as error:
            if str(error) != complained:
                world.tell(f"codex-auth: {error}")
                world.tell(f"  {error.hint}")
            complained = str(error)
        else:
            complained = ""
            show(done)
            if done.next_due is not None:
                pause = min(max(done.next_due - world.now(), ROUND_AT_LEAST), ROUND_AT_MOST)
        _sleep(pause.total_seconds(), world)


def _renewed(
    cards: list[Card], now: datetime, *, store: Store, places: Places, world: World
) -> Iterator[tuple[str, Credential | AuthError]]:
    """Renew what is ours and due, and return what has a new token or could not get one."""
    for card in cards:
        if _is_ours(card) and not due_in(card, now):
            stop_if_asked()
            wish = Wish(margin=margin(card), may_wait=True, reason="scheduled")
            try:
                held = refresh(card.profile, wish, store=store, places=places, world=world)
            except AuthError as error:
                yield card.profile, error
            else:
                if (held.refreshed, held.expires) != (card.refreshed, card.expires):
                    yield card.profile, held


def _delivered(
    results: dict[str, Credential | AuthError], *, store: Store, places: Places, world: World
) -> dict[str, Credential | AuthError]:
    """Bring the new tokens to where they were leased; a delivery that failed is what is wrong with its profile."""
    failed = {
        profile: outcome
        for profile, outcome in renew_leases(store=store, places=places, world=world)
        if isinstance(outcome, AuthError)
    }
    refused = {profile: result for profile, result in results.items() if isinstance(result, AuthError)}
    return results | failed | refused


def _standing(
    card: Card, result: Credential | AuthError | None, store: Store, places: Places
) -> tuple[AuthError | None, AuthError | None]:
    """Return what is wrong with a profile now, and why only a person can renew it, if that is so."""
    trouble = result if isinstance(result, AuthError) else None
    try:
        why = blocked(card, store, places)
    except AuthError as error:
        return trouble or error, None
    for lasting in (trouble, why):
        if isinstance(lasting, RefreshEnded | RefreshStuck | TwoCopies):
            return lasting, lasting
    # In these two cases nobody asked, so nothing is known that was not known before.
    return None if isinstance(trouble, RefreshNotDue | LockBusy) else trouble, why


def _is_ours(card: Card) -> bool:
    return card.owner == OWNER_SELF and card.has_refresh_token


def _record(done: Round) -> LastRound:
    return LastRound(
        at=done.at,
        next_due=done.next_due,
        refreshed=[profile for profile in done.results if profile not in done.failures],
        failed={profile: error.code for profile, error in done.failures.items()},
    )


def _sleep(seconds: float, world: World) -> None:
    """Sleep by a clock that goes on while the machine sleeps: after a night in the bag everything may be due."""
    end = world.ticks() + seconds
    while (left := end - world.ticks()) > 0:
        stop_if_asked()
        world.sleep(min(left, _SLICE_SECONDS))
