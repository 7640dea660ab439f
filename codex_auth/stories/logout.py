"""Logging out: the targets lose their leases, the provider is told, and then the login is deleted everywhere here.

Each step may be done twice, so that one which was cut off is finished by logging out again. Deleting never depends
on the provider: one that cannot be told is said, for the login then lives on there until it ends by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from codex_auth.core import flow
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.errors import AuthError, ProfileNotFound, ProviderUnreachable
from codex_auth.core.gateway_errors import NoSuchRequest, RequestUnderWay
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_SCOPE
from codex_auth.core.provider import Provider, read_issuer
from codex_auth.core.refresh_errors import KeyNotLoggedOut
from codex_auth.deliver.targets import reopen
from codex_auth.edge import chosen
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.net import wire
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import HAND_OVER, LEASE, Deliveries, Place
from codex_auth.notes.journal import Journal
from codex_auth.notes.pending import PendingFile
from codex_auth.stores.damaged import blot_out
from codex_auth.stores.protocol import Store
from codex_auth.stories import apply
from codex_auth.stories.deliver import Opener, settle, take_all_back
from codex_auth.stories.refresh import LOCK_SECONDS

_TRIES = 3
"""How often a provider that asks for patience is asked; revoking twice does no harm (RFC 7009 section 2.2)."""
_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """What logging out did."""

    profile: str
    owner: str
    revoked: bool = False
    """Whether the provider said that the login is over."""
    not_revoked: AuthError | None = None
    """Why it did not, where it was asked."""
    taken_back: tuple[Place, ...] = ()
    """The leases that were removed from other programs."""
    still_leased: tuple[tuple[Place, AuthError | None], ...] = ()
    """The leases that are still there, and why they could not be removed; None where nobody wanted that."""
    kept_by: tuple[Place, ...] = ()
    """The programs that own the login, and keep it."""

    @property
    def status(self) -> int:
        """The exit status: that of the first thing that could not be done."""
        troubles = [self.not_revoked, *(error for _, error in self.still_leased)]
        return next((trouble.status for trouble in troubles if trouble is not None), 0)


def logout(
    profile: str,
    *,
    keep_target: bool = False,
    store: Store,
    places: Places,
    world: World,
    opener: Opener | None = None,
) -> LoggedOut:
    """End a login, here and at the provider, and return what could be done.

    A login that another program owns is only forgotten here: revoking it would log that program out. Raises
    `ProfileNotFound`, `KeyNotLoggedOut`, `HandOverUnclear` and the store's errors.
    """
    opener = opener or (lambda place: reopen(place, world.env, locks=places.locks))
    settle(profile, opener, store=store, places=places, world=world)
    with store.lock(profile, timeout=LOCK_SECONDS):
        held, rows = store.load(profile), deliveries.read(places, profile).rows
        if held is None:
            raise ProfileNotFound(profile=profile)
        if held.is_api_key:
            raise KeyNotLoggedOut(profile=profile)
        _stop_what_waits(profile, places, world)
        leased = [(row.place, None) for row in rows if row.mode == LEASE]
        outcomes = leased if keep_target else take_all_back(held, opener, places=places)
        is_ours = held.owner == OWNER_SELF
        trouble = _revoke(held, places, world) if is_ours else None
        _delete(held, store, places)
    return LoggedOut(
        profile=profile,
        owner=held.owner,
        revoked=is_ours and trouble is None,
        not_revoked=trouble,
        taken_back=() if keep_target else tuple(place for place, failed in outcomes if failed is None),
        still_leased=tuple((place, failed) for place, failed in outcomes if keep_target or failed is not None),
        kept_by=tuple(row.place for row in rows if row.mode == HAND_OVER),
    )


def logout_all(
    *, keep_target: bool = False, store: Store, places: Places, world: World, opener: Opener | None = None
) -> Iterator[tuple[str, LoggedOut | AuthError]]:
    """End every login; one that cannot be ended keeps no other from it. API keys are no logins, and stay."""
    for card in list(store.cards()):
        if card.kind == "api_key":
            continue
        try:
            done = logout(card.profile, keep_target=keep_target, store=store, places=places, world=world, opener=opener)
        except AuthError as error:
            yield card.profile, error
        else:
            yield card.profile, done


def _stop_what_waits(profile: str, places: Places, world: World) -> None:
    """Forget the sign-in that waits for this profile, and what is queued for it; what was begun is left to its end."""
    queued = [request.id for request in apply.waiting(places) if request.profile == profile]
    for each in queued:
        try:
            apply.cancel(each, places=places, world=world)
        except (NoSuchRequest, RequestUnderWay):
            continue
    with PendingFile(places, make=True).change() as table:
        table.end(profile, "cancelled", world.now())


def _revoke(held: Credential, places: Places, world: World) -> AuthError | None:
    """Tell the provider that the login is over, and return why it could not be told."""
    try:
        issuer = read_issuer(held.identity.issuer, listed=places.config.issuers, config=places.config_file)
        provider = Provider(
            issuer=issuer, client_id=held.client_id or OPENAI_CLIENT_ID, scope=held.scope or OPENAI_SCOPE
        )
        send = wire.sender(provider, now=world.now, env=world.env)
        for left in reversed(range(_TRIES)):
            try:
                wire.converse(flow.revoke_login(provider, held), send)
            except ProviderUnreachable as busy:
                if not left or not busy.answered:
                    raise
                world.sleep(min(busy.retry_after or _PAUSE, _LONGEST_PAUSE).total_seconds())
            else:
                break
    except AuthError as error:
        return error
    return None


def _delete(held: Credential, store: Store, places: Places) -> None:
    """Delete the login, its backup, its notes, and what a damaged file that was moved aside still has of it."""
    store.delete(held.profile)
    Journal(places, held.profile).forget()
    deliveries.write(places, Deliveries(profile=held.profile))
    if chosen.read(places) == held.profile:
        chosen.forget(places)
    blot_out(places.auth_path, [held.access, held.refresh, held.id_token])
