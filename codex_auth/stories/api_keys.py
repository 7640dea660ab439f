"""Keys and personal tokens as profiles: put here, listed, removed. Nothing renews one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from codex_auth.core.api_keys import kind_by
from codex_auth.core.card import Card, Identity, KeyNote
from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.key_errors import KeyInTheWay, KeyStoreRefused, NotAKey
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.secret import Secret
from codex_auth.deliver.protocol import Target
from codex_auth.deliver.targets import reopen
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import Deliveries, Place
from codex_auth.stores.protocol import Store
from codex_auth.stories.deliver import take_all_back

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_LOCK_SECONDS = 75.0
_BEGINNING = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What removing a key did."""

    profile: str
    taken_back: tuple[Place, ...] = ()
    """The places that ask for it no more."""
    still_there: tuple[tuple[Place, AuthError], ...] = ()
    """Those that do, and why they could not be changed."""

    @property
    def status(self) -> int:
        """The exit status: that of the first thing that could not be done."""
        return next((error.status for _, error in self.still_there), 0)


def add(
    profile: str, key: Secret, note: KeyNote, *, store: Store, places: Places, world: World, may_replace: bool
) -> Credential:
    """Keep a key under a name, and return it as it was kept.

    Raises `KeyInTheWay` where the name is a sign-in, or another key and that may not be replaced; `KeyStoreRefused`,
    `PolicyRefused`, `LockBusy` and what `store.save` raises.
    """
    kind = note.kind or kind_by(key.reveal()[:_BEGINNING])
    with store.lock(profile, timeout=_LOCK_SECONDS):
        held = store.load(profile)
        _check_free(profile, held, key, may_replace=may_replace)
        choice = store.choice(profile)
        if choice.kind == "file" and places.is_openclaw_file:
            raise KeyStoreRefused
        kept = Credential(
            profile=profile,
            identity=Identity(issuer=OPENAI_ISSUER, subject="", account_id=""),
            access=key,
            refresh=None,
            id_token=None,
            expires=NEVER,
            signed_in=world.now(),
            is_api_key=True,
            key=KeyNote(kind=kind, label=note.label, scope=note.scope, env_key=note.env_key),
            store_why=choice.why,
        )
        policy = policies.in_force(places, world.env)
        refusal = policy.use_refusal(kept) or policy.store_refusal(choice.kind)
        if refusal is not None:
            raise refusal
        store.save(kept)
    return kept


def keys(store: Store) -> Iterator[Card]:
    """Return a card for each key there is, ours and those of other programs."""
    return (card for card in store.cards() if card.kind == "api_key")


def remove(profile: str, *, store: Store, places: Places, world: World) -> Removed:
    """Remove a key, and the model providers of Codex's that ask for it; they first, so that doing it again ends it.

    Raises `ProfileNotFound`, `NotAKey` for a sign-in, and the store's errors.
    """
    with store.lock(profile, timeout=_LOCK_SECONDS):
        card = next((card for card in store.cards() if card.profile == profile), None)
        if card is None:
            raise ProfileNotFound(profile=profile)
        if card.kind != "api_key":
            raise NotAKey(profile=profile)
        held = store.load(profile)

        def opener(place: Place) -> Target:
            return reopen(place, world.env, locks=places.locks)

        outcomes = [] if held is None else take_all_back(held, opener, places=places)
        deliveries.write(places, Deliveries(profile=profile))
        store.delete(profile)
    return Removed(
        profile=profile,
        taken_back=tuple(place for place, error in outcomes if error is None),
        still_there=tuple((place, error) for place, error in outcomes if error is not None),
    )


def _check_free(profile: str, held: Credential | None, key: Secret, *, may_replace: bool) -> None:
    if held is None or (held.is_api_key and (may_replace or held.access == key)):
        return
    what = "another key" if held.is_api_key else "a sign-in"
    todo = "Say --replace to put this one in its place" if held.is_api_key else "Choose another name"
    raise KeyInTheWay(profile=profile, what=what, todo=todo)
