"""What we hold, whose it is, how long it lives, and what is waiting. Local and fast; nothing is changed."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from codex_auth.core.card import Card
from codex_auth.core.errors import AuthError, BadProfileName, PolicyRefused, ProfileNotFound
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.edge import defaults, where
from codex_auth.edge.places import Places, pending_path
from codex_auth.edge.world import World
from codex_auth.neighbours import elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from codex_auth.core.policy import Policy
    from codex_auth.notes.deliveries import Delivery
    from codex_auth.notes.pending import Waiting
    from codex_auth.notes.queue import Request
    from codex_auth.stores.protocol import Store
    from codex_auth.stories.drift import Drifted

    Item = TypeVar("Item")

EXPIRING = timedelta(minutes=10)
"""A login this close to its end counts as expiring: twice the margin at which Codex itself refreshes."""

SHOWN = timedelta(hours=24)
"""How long the outcome of an `apply` is shown."""

UNCERTAIN = 9
"""The exit status where it is not certain who alone has a refresh token, as `TwoCopies` and `HandOverUnclear` have."""

LIVE = "live"
EXPIRING_SOON = "expiring"
EXPIRED = "expired"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `status` shows. `trouble` holds what could not be read; the rest is still true."""

    cards: list[Card]
    waiting: "list[Waiting]"
    default: str
    """What `default` means."""
    unnamed: str
    """What is meant where no profile is named."""
    unnamed_rule: str
    """Why, in words for `status --why`."""
    trouble: list[AuthError]
    copies: dict[str, list[str]]
    """Profile to the other places in which its refresh token lies, for those where there are any."""
    refused: dict[str, PolicyRefused]
    """Profile to why a rule forbids its use, for those where one does."""
    delivered: "dict[str, tuple[Delivery, ...]]" = field(default_factory=dict)
    """Profile to where it was delivered, for those that ever were."""
    drifted: "list[Drifted]" = field(default_factory=list)
    """The deliveries to Codex that are not what they were."""
    labels: dict[str, str] = field(default_factory=dict)
    """Profile to what its owner calls it, for those that have such words."""
    queue: "list[Request]" = field(default_factory=list)
    """What is to be applied, and not yet."""
    applied: "list[Request]" = field(default_factory=list)
    """How the last request of each profile ended, where that was today."""


def look(store: "Store", places: Places, world: World, *, selector: str | None = None) -> Report:
    """Return the state of every profile, or of the one that is named.

    Raises `ProfileNotFound` when the named profile neither exists nor is being signed in to.
    """
    trouble: list[AuthError] = []

    queue: list[Request] = []

    def pending() -> "Iterable[Waiting]":
        if not os.path.lexists(pending_path(places)):  # nothing was ever started, which costs one look
            return ()
        from codex_auth.notes.pending import PendingFile

        table = PendingFile(places).read()
        queue.extend(table.queue)
        return table.waiting.values()

    cards = list(_collect(store.cards, trouble))
    now = world.now()
    waiting = [login for login in _collect(pending, trouble) if login.is_live(now)]
    copies = dict(_collect(lambda: _copies(cards, store, places, world).items(), trouble))
    refused = dict(_collect(lambda: _refused(cards, places, world).items(), trouble))
    delivered = dict(_collect(lambda: _delivered(places), trouble))
    applied = list(_collect(lambda: _applied(places, queue, now), trouble))
    names = [card.profile for card in cards]
    selected, rule = next(_collect(lambda: [defaults.unnamed(places, world.env)], trouble), ("", ""))
    default = DEFAULT if DEFAULT in names or not names else names[0]
    if selector is not None:
        name = read_name(selector)
        name = default if name == DEFAULT else name
        cards = [card for card in cards if card.profile == name]
        copies = {profile: found for profile, found in copies.items() if profile == name}
        refused = {profile: refusal for profile, refusal in refused.items() if profile == name}
        delivered = {profile: rows for profile, rows in delivered.items() if profile == name}
        waiting = [login for login in waiting if login.profile == name]
        queue = [request for request in queue if request.profile == name]
        applied = [request for request in applied if request.profile == name]
        if not cards and not waiting and not trouble:
            raise ProfileNotFound(profile=name)
    drifted = list(_collect(lambda: _drifted(cards, delivered), trouble))
    return Report(
        cards=cards,
        waiting=waiting,
        default=default,
        unnamed=_meant(selected, default),
        unnamed_rule=rule,
        trouble=trouble,
        copies=copies,
        refused=refused,
        delivered=delivered,
        labels=_labels(cards, places),
        drifted=drifted,
        queue=queue,
        applied=applied,
    )


def _meant(selector: str, default: str) -> str:
    """Return the profile that a selector means; "" for one that means none."""
    try:
        name = read_name(selector)
    except BadProfileName:
        return ""
    return default if name == DEFAULT else name


def life(card: Card, now: datetime) -> str:
    """Return `live`, `expiring`, `expired`, or `unknown` for an entry that does not say when it ends."""
    if card.expires is None:
        return UNKNOWN
    left = card.expires - now
    if left <= timedelta():
        return EXPIRED
    return EXPIRING_SOON if left <= EXPIRING else LIVE


def verdict(report: Report, now: datetime) -> int:
    """Return the exit status of `status --check`.

    9 when a refresh token lies in two places or it is not known who has it, 6 when a rule forbids the use of a login,
    3 when a person must sign in (there is no profile, or one has expired and nothing can renew it), 4 when one is
    expiring or waits to be renewed, 1 when something could not be read, 0 otherwise.
    """
    if report.trouble:
        return report.trouble[0].status
    if report.copies or any(not row.is_settled for rows in report.delivered.values() for row in rows):
        return UNCERTAIN
    if report.refused:
        return PolicyRefused.status
    lives = [(life(card, now), card.has_refresh_token) for card in report.cards if not _is_given_away(card, report)]
    if not report.cards or any(state == EXPIRED and not renewable for state, renewable in lives):
        return 3
    return 4 if any(state in {EXPIRED, EXPIRING_SOON} for state, _ in lives) else 0


def policy_of(places: Places, world: World) -> "Policy | None":
    """Return the rules in force, or None where there is none; what it costs to read them is then not spent.

    Raises `PolicyUnusable`.
    """
    if not places.config.policy and not where.may_have_policy(world.env, where.home(world.env), places.etc):
        return None
    from codex_auth.neighbours import policies

    return policies.in_force(places, world.env)


def _refused(cards: list[Card], places: Places, world: World) -> dict[str, PolicyRefused]:
    policy = policy_of(places, world)
    found = ((card.profile, policy.use_refusal(card)) for card in cards if policy is not None)
    return {profile: refusal for profile, refusal in found if refusal is not None}


def _is_given_away(card: Card, report: Report) -> bool:
    """Whether a login was handed over, so that its owner keeps it alive and not we."""
    rows = report.delivered.get(card.profile)
    if not rows:
        return False
    from codex_auth.notes.deliveries import is_given_away

    return is_given_away(rows, card.owner)


def _delivered(places: Places) -> "list[tuple[str, tuple[Delivery, ...]]]":
    """Return what the notes of deliveries say; where nothing was ever delivered it costs one look."""
    if not os.path.isdir(places.deliveries):
        return []
    from codex_auth.notes import deliveries

    return [(name, deliveries.read(places, name).rows) for name in deliveries.delivered_profiles(places)]


def _labels(cards: list[Card], places: Places) -> dict[str, str]:
    """Return what logins are called; where nothing is called anything it costs one look."""
    said = {card.profile: card.key.label for card in cards if card.key is not None and card.key.label}
    if not os.path.lexists(places.labels):
        return said
    from codex_auth.notes import labels

    return {**said, **labels.read(places)}


def _drifted(cards: list[Card], delivered: "dict[str, tuple[Delivery, ...]]") -> "Iterable[Drifted]":
    """Look into the Codex homes that a note names; nothing is loaded where there is none."""
    if not any(row.place.target == "codex" for rows in delivered.values() for row in rows):
        return []
    from codex_auth.stories.drift import find

    return find(cards, delivered)


def _applied(places: Places, queue: "list[Request]", now: datetime) -> "list[Request]":
    """Return how the last request of each profile ended today; one look where nothing was ever applied."""
    if not os.path.exists(places.applies):
        return []
    from codex_auth.notes.queue import history

    queued = {request.id for request in queue}
    last = {
        each.profile: each
        for each in history(places)
        if now - each.updated < SHOWN and each.id not in queued and not _is_later(each, queue)
    }
    return list(last.values())


def _is_later(over: "Request", queue: "list[Request]") -> bool:
    """Whether it came after one that was still in the queue when that was read: the history was read a moment later."""
    return any(held.is_like(over) and held.requested < over.requested for held in queue)


def _copies(cards: list[Card], store: "Store", places: Places, world: World) -> dict[str, list[str]]:
    """Look for copies of our refresh tokens where there can be any: in other files, or in a login of one account."""
    files = elsewhere.find(places, world.env)
    accounts = [card.identity.account_id for card in cards if card.has_refresh_token]
    if not accounts or not (files or len(set(accounts)) < len(accounts)):
        return {}
    from codex_auth.stories.copies import copies

    return copies(cards, files, store=store, world=world)


def _collect(read: "Callable[[], Iterable[Item]]", trouble: list[AuthError]) -> "Iterator[Item]":
    try:
        yield from read()
    except AuthError as error:
        trouble.append(error)
