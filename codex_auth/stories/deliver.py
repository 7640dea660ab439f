"""Giving another program a login: a lease that we renew, or the whole of it; and always exactly one owner.

A lease needs no journal: the note says which access token the target has, and where that is not the one in the
store, `keep` delivers again. A hand-over goes

    mark → give → verify → destroy our refresh token → settle the mark

with each step durable before the next. From the mark on, nobody here spends the refresh token; a crash anywhere
leaves the mark, and the next run asks the target: if it has the login, ours is destroyed, else the login stays ours.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from codex_auth.core import codex_errors
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import (
    AlreadyOpenClaws,
    DeliveryError,
    HandOverUnclear,
    ImportInTheWay,
    KeyNotDelivered,
    NothingLeased,
)
from codex_auth.core.errors import AuthError, IdentityMismatch, PolicyRefused, PolicyUnusable, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.policy import Policy
from codex_auth.core.refresh_errors import ApiKeyStays, NothingToRefresh, NotOurs
from codex_auth.core.secret import Secret
from codex_auth.core.text import mask_account
from codex_auth.deliver import openclaw
from codex_auth.deliver.codex import NAME as CODEX
from codex_auth.deliver.codex import CodexAuth
from codex_auth.deliver.protocol import Gift, Given, Target, hash_of
from codex_auth.deliver.targets import reopen
from codex_auth.edge.places import Places
from codex_auth.edge.signals import deferred
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import HAND_OVER, LEASE, Choice, Deliveries, Delivery, Place
from codex_auth.notes.journal import Journal
from codex_auth.stores.protocol import Store
from codex_auth.stories.adopt import adopt, is_held
from codex_auth.stories.refresh import LOCK_SECONDS, Wish, refresh

CLEAN = (*openclaw.CLEAN, *codex_errors.CLEAN)
"""The refusals after which it is certain that nothing was written."""
AT_LEAST = timedelta(minutes=30)
"""How much life a login shall have when it is leased, unless the caller knows better."""

Opener = Callable[[Place], Target]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the caller wants delivered, and how."""

    mode: str = LEASE
    may_replace: bool = False
    dry_run: bool = False
    at_least: timedelta = AT_LEAST
    """A login with less life than this is refreshed first, if that brings more."""
    keep_as: str = ""
    """The profile as which a login of Codex's own is kept before ours takes its place."""
    issuer: str = ""
    """The provider of that login, where it is not OpenAI and the profile does not know it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a delivery did, or would do."""

    place: Place
    mode: str
    credential: Credential
    given: Given
    new_orders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    dry_run: bool = False
    kept: Credential | None = None
    """The login that was there and is a profile now."""


def deliver(profile: str, order: Order, *, target: Target, store: Store, places: Places, world: World) -> Delivered:
    """Give the target a login of ours, and return what it held before and holds now.

    Raises `PolicyRefused`, `ProfileNotFound`, `KeyNotDelivered`, `NotOurs`, `NothingToRefresh`, `AlreadyOpenClaws`,
    `HandOverUnclear`, what a refresh raises, and every `DeliveryError` of the target; then the owner is who it was.
    """
    policy = rules_at(target.place, places, world)
    finished = settle(profile, lambda _: target, store=store, places=places, world=world)
    if finished is not None and order.mode == HAND_OVER:
        return finished
    if profile != order.keep_as:
        _deliverable(store.load(profile), profile, order.mode, target.place)
    kept = _keep_first(order, target=target, store=store, places=places, world=world)
    if not order.dry_run:
        _refresh_if_short(profile, max(order.at_least, policy.minimum_lease()), store=store, places=places, world=world)
    with store.lock(profile, timeout=LOCK_SECONDS):
        held = _deliverable(store.load(profile), profile, order.mode, target.place)
        _permit(policy, held, order.mode, target.place, world)
        if is_in_file_of(target.place, profile, store, places):  # the lease would take the place of the login
            raise AlreadyOpenClaws(profile=profile, target=target.place.target)
        gift = Gift(
            credential=held,
            is_whole=order.mode == HAND_OVER,
            may_replace=order.may_replace,
            is_ours=lambda account, spent: (
                bool(order.keep_as and order.dry_run) or is_held(account, spent, store=store)
            ),
            was_leased=deliveries.read(places, profile).at(target.place) is not None,
        )
        if order.dry_run:
            given = target.check(gift)
            return Delivered(place=target.place, mode=order.mode, credential=held, given=given, dry_run=True)
        hand = _Hand(profile, target, store=store, places=places, world=world)
        given = hand.over(gift) if gift.is_whole else hand.lease(gift)
    _supersede(profile, target.place, store=store, places=places)
    orders = target.let_use(given)
    return Delivered(place=target.place, mode=order.mode, credential=held, given=given, new_orders=orders, kept=kept)


def take_back(profile: str, *, target: Target, store: Store, places: Places) -> Given:
    """Remove a lease from its target. Raises `NothingLeased`, `ProfileNotFound` and the target's errors."""
    with store.lock(profile, timeout=LOCK_SECONDS):
        note = deliveries.read(places, profile)
        row = note.at(target.place)
        if row is None or row.mode != LEASE:
            raise NothingLeased(profile=profile, target=target.place.target)
        held = store.load(profile)
        if held is None:
            raise ProfileNotFound(profile=profile)
        given = target.take_back(held, row.choice)
        deliveries.write(places, note.without(target.place))
        return given


def take_all_back(held: Credential, opener: Opener, *, places: Places) -> list[tuple[Place, DeliveryError | None]]:
    """Remove every lease of a login; return where there were any, and why one could not be removed.

    The caller holds the profile's lock, and writes the note.
    """
    outcomes: list[tuple[Place, DeliveryError | None]] = []
    for row in deliveries.read(places, held.profile).rows:
        if row.mode == LEASE:
            try:
                opener(row.place).take_back(held, row.choice)
            except DeliveryError as error:
                outcomes.append((row.place, error))
            else:
                outcomes.append((row.place, None))
    return outcomes


def renew_leases(
    *, store: Store, places: Places, world: World, only: str | None = None, opener: Opener | None = None
) -> Iterator[tuple[str, Delivery | AuthError]]:
    """Bring every target the access token that the store has by now; one that fails keeps no other from it."""
    opener = opener or (lambda place: reopen(place, world.env, locks=places.locks))
    for profile in deliveries.delivered_profiles(places):
        if only in {None, profile}:
            try:
                settle(profile, opener, store=store, places=places, world=world)
                yield from _renewed(profile, opener, store=store, places=places, world=world)
            except AuthError as error:
                yield profile, error


def settle(profile: str, opener: Opener, *, store: Store, places: Places, world: World) -> Delivered | None:
    """Finish a hand-over that was cut off: the target has the login and ours is destroyed, or it stays ours.

    Returns the hand-over that is now complete, if there is one. Raises `HandOverUnclear` when the target cannot be
    asked.
    """
    if deliveries.read(places, profile).unsettled is None:
        return None
    with store.lock(profile, timeout=LOCK_SECONDS):
        row = deliveries.read(places, profile).unsettled
        if row is None:
            return None
        given = _Hand(profile, opener(row.place), store=store, places=places, world=world).settle(row)
        held = store.load(profile)
    if given is None or held is None:
        return None
    return Delivered(place=row.place, mode=HAND_OVER, credential=held, given=given)


def bring_in(profile: str, *, target: Target, store: Store) -> Credential:
    """Read the login that the target keeps, and keep its access token here; the target stays its owner.

    Raises `ImportInTheWay` and `IdentityMismatch` where a profile of that name is something else, and the target's
    errors; a refresh fence is never imported.
    """
    with store.lock(profile, timeout=LOCK_SECONDS):
        held = store.load(profile)
        if held is not None and (held.owner == OWNER_SELF or held.is_api_key):
            raise ImportInTheWay(profile=profile, target=target.place.target, profile_id=target.place.profile_id)
        found = target.export(profile)
        if held is not None and not held.identity.is_same_account(found.identity):
            raise IdentityMismatch(
                profile=profile,
                found=mask_account(found.identity.account_id),
                expected=mask_account(held.identity.account_id),
            )
        if held is not None:
            found = replace(found, identity=held.identity, signed_in=held.signed_in, scope=held.scope)
        store.prove_writable()
        store.save(found)
        return found


class _Hand:
    """One holder of a profile's lock, who gives it to one target."""

    def __init__(self, profile: str, target: Target, *, store: Store, places: Places, world: World) -> None:
        self._profile = profile
        self._target = target
        self._store = store
        self._places = places
        self._world = world
        self._journal = Journal(places, profile)

    def lease(self, gift: Gift) -> Given:
        """Give the access token, and note which one it was; and before, what the user had chosen there instead."""
        row = self._row(gift.credential, LEASE)
        begun: list[Delivery] = []

        def note_first() -> None:
            if self._note().at(row.place) is None:
                begun.append(replace(row, access="", expires=None))
                self._write(begun[0])

        if self._target.place.provider_id:
            gift = replace(
                gift,
                choices=_choices(self._target.place, self._places),
                remember=lambda choice: self._write(replace(row, choice=choice)),
            )
        try:
            given = self._target.give(replace(gift, note_first=note_first))
        except DeliveryError:
            for each in begun:
                self._forget(each)
            raise
        there = self._note().at(row.place)
        self._write(replace(row, choice=there.choice if there else None))
        return given

    def over(self, gift: Gift) -> Given:
        """Give the whole login, and destroy our refresh token when it is certain that the target has it."""
        before = self._target.check(gift).before
        row = replace(
            self._row(gift.credential, HAND_OVER),
            refresh=self._journal.fingerprint(gift.credential.refresh),
            before=self._mark(before.refresh_hash if before else ""),
            is_settled=False,
        )
        self._store.prove_writable()
        with deferred(lambda: self._world.tell("A login is being handed over; this takes a moment.")):
            self._write(row)
            try:
                given = self._target.give(gift)
            except CLEAN:
                self._forget(row)
                raise
            except DeliveryError:
                taken = self.settle(row)
                if taken is None:  # it is ours still, and the caller learns why
                    raise
                return taken
            self._destroy(row)
        return given

    def settle(self, row: Delivery) -> Given | None:
        """Ask the target who has the login; return what it holds if it has it, None if it stays ours."""
        held = self._store.load(self._profile)
        if held is None or held.refresh is None or self._journal.fingerprint(held.refresh) != row.refresh:
            self._settled(row)  # it was destroyed before the crash, or another sign-in took its place
            return None
        try:
            given = self._target.look()
        except DeliveryError:
            raise HandOverUnclear(profile=self._profile, target=row.place.target) from None
        if not self._has_taken(given, held, row):
            self._forget(row)
            return None
        self._destroy(row)
        return given

    def _has_taken(self, given: Given, held: Credential, row: Delivery) -> bool:
        """Whether the target has the login: ours, or what its own refresh made of it, or the mark of that refresh."""
        now = given.now
        if now is None or now.kind != "oauth":
            return False
        if now.refresh_hash == hash_of(held.refresh):
            return True
        is_same = not now.account or now.account == held.identity.account_id
        return is_same and self._mark(now.refresh_hash) != row.before

    def _destroy(self, row: Delivery) -> None:
        held = self._store.load(self._profile)
        if held is not None and held.refresh is not None:
            self._store.save(
                replace(held, refresh=None, id_token=None, owner=row.place.target), expecting=held.identity
            )
        self._settled(row)

    def _settled(self, row: Delivery) -> None:
        self._write(replace(row, refresh="", before="", is_settled=True))

    def _row(self, credential: Credential, mode: str) -> Delivery:
        return Delivery(
            place=self._target.place,
            mode=mode,
            at=self._world.now(),
            access=self._journal.fingerprint(credential.access),
            expires=None if self._target.place.provider_id else credential.expires,
        )

    def _mark(self, digest: str) -> str:
        return self._journal.fingerprint(Secret(digest)) if digest else ""

    def _write(self, row: Delivery) -> None:
        deliveries.write(self._places, self._note().with_row(row))

    def _forget(self, row: Delivery) -> None:
        deliveries.write(self._places, self._note().without(row.place))

    def _note(self) -> Deliveries:
        return deliveries.read(self._places, self._profile)


def _renewed(
    profile: str, opener: Opener, *, store: Store, places: Places, world: World
) -> Iterator[tuple[str, Delivery | AuthError]]:
    with store.lock(profile, timeout=LOCK_SECONDS):
        held = store.load(profile)
        rows = [row for row in deliveries.read(places, profile).rows if row.mode == LEASE]
        if held is None or held.owner != OWNER_SELF:
            return
        access = Journal(places, profile).fingerprint(held.access)
        for row in rows:
            if row.access != access and held.expires > world.now() and not _is_superseded(profile, row, places):
                try:
                    _permit(rules_at(row.place, places, world), held, LEASE, row.place, world)
                    hand = _Hand(profile, opener(row.place), store=store, places=places, world=world)
                    hand.lease(Gift(credential=held, check_settings=False, was_leased=True))
                except (DeliveryError, PolicyRefused, PolicyUnusable) as error:
                    yield profile, error
                else:
                    yield profile, replace(row, access=access, expires=held.expires)


def rules_at(place: Place, places: Places, world: World) -> Policy:
    """Return the rules in force for this place: a Codex home has some of its own."""
    env = {**world.env, "CODEX_HOME": place.state} if place.target == CODEX else world.env
    return policies.in_force(places, env)


def _keep_first(order: Order, *, target: Target, store: Store, places: Places, world: World) -> Credential | None:
    """Keep what the home holds of its own as a profile, if that was asked for. It may be the very profile."""
    if not order.keep_as or order.dry_run or not isinstance(target, CodexAuth):
        return None
    return adopt(order.keep_as, issuer=order.issuer, target=target, store=store, places=places, world=world)


def _supersede(profile: str, place: Place, *, store: Store, places: Places) -> None:
    """Forget what other profiles had at a place that holds one login, and now holds this one."""
    for other in deliveries.delivered_profiles(places):
        if other != profile and deliveries.read(places, other).at(place) is not None:
            with store.lock(other, timeout=LOCK_SECONDS):
                note = deliveries.read(places, other)
                row = note.at(place)
                if row is not None and row.is_settled:
                    deliveries.write(places, note.without(place))


def _is_superseded(profile: str, row: Delivery, places: Places) -> bool:
    """Whether the place was given to another profile since, by a run that was cut off before it noted that here."""
    others = (
        deliveries.read(places, name).at(row.place) for name in deliveries.delivered_profiles(places) if name != profile
    )
    return any(other is not None and other.at > row.at for other in others)


def _choices(place: Place, places: Places) -> dict[str, Choice]:
    """Return what the user of this home had chosen before deliveries of ours did, by the ids of their places."""
    notes = [deliveries.read(places, name) for name in deliveries.delivered_profiles(places)]
    rows = sorted((row for note in notes for row in note.rows), key=lambda row: row.at)
    here = [row for row in rows if (row.place.target, row.place.state) == (place.target, place.state)]
    return {row.place.profile_id: row.choice for row in here if row.choice is not None}


def _deliverable(held: Credential | None, profile: str, mode: str, place: Place) -> Credential:
    if held is None:
        raise ProfileNotFound(profile=profile)
    if held.is_api_key and place.provider_id:
        return held
    if held.is_api_key:
        raise KeyNotDelivered(profile=profile)
    if held.owner != OWNER_SELF:
        raise NotOurs(profile=profile, owner=held.owner)
    if mode == HAND_OVER and held.refresh is None:
        raise NothingToRefresh(profile=profile)
    return held


def _permit(policy: Policy, held: Credential, mode: str, place: Place, world: World) -> None:
    """Refuse what a rule forbids. Raises `PolicyRefused`."""
    refusal = policy.use_refusal(held)
    if mode == HAND_OVER:
        refusal = refusal or policy.hand_over_refusal() or policy.owner_refusal(place.target)
    else:
        refusal = refusal or policy.lease_refusal(held.expires - world.now())
    if refusal is not None:
        raise refusal


def _refresh_if_short(profile: str, margin: timedelta, *, store: Store, places: Places, world: World) -> None:
    """Refresh a login that has little life left, before anybody is given it; one that cannot be is given as it is."""
    try:
        refresh(profile, Wish(margin=margin), store=store, places=places, world=world)
    except (NothingToRefresh, ApiKeyStays):
        return
    except AuthError:
        held = store.load(profile)
        if held is None or held.expires <= world.now():
            raise


def is_in_file_of(place: Place, profile: str, store: Store, places: Places) -> bool:
    """Whether a login is kept in the very file that this place reads."""
    import os

    if not places.is_openclaw_file:
        return False
    kind = next((card.store for card in store.cards() if card.profile == profile), "")
    ours = os.path.realpath(os.path.dirname(places.auth_path))
    theirs = os.path.realpath(os.path.join(place.state, "agents", place.agent or "main", "agent"))
    return kind == "file" and ours == theirs
