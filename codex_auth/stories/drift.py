"""Deliveries to Codex that are not what they were: found by looking, mended by delivering again or by adopting."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from codex_auth.core.card import Card
from codex_auth.core.drift import GONE, OTHER, SAME, drift
from codex_auth.core.errors import AuthError
from codex_auth.neighbours import elsewhere
from codex_auth.neighbours.codex import FILE, CodexHome, keeping
from codex_auth.notes.deliveries import LEASE, Delivery

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from codex_auth.deliver.protocol import Target
    from codex_auth.edge.places import Places
    from codex_auth.edge.world import World
    from codex_auth.stores.protocol import Store
    from codex_auth.stories.deliver import Delivered


_NOTHING: "tuple[str, str, datetime | None]" = ("", "", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifted:
    """One delivery that is not what it was."""

    profile: str
    row: Delivery
    state: str
    """`gone`, `older`, `newer` or `other`."""
    kind: str
    """What is there: `token`, `oauth`, `api_key`, another kind by Codex's name, `command`, or nothing."""
    account: str


def find(cards: Iterable[Card], delivered: "Mapping[str, tuple[Delivery, ...]]") -> Iterator[Drifted]:
    """Yield what drifted, by reading one small file for each delivery to a Codex that keeps its login in a file.

    Of a model provider that is Codex's configuration: it asks for that profile, or for another, or is gone.

    What cannot be read, and what is in a keyring, is left to `look`, which takes longer. The private homes of `run` are
    left out: every run delivers anew.
    """
    ours = {card.profile: card for card in cards}
    for profile, rows in delivered.items():
        for row in rows:
            drifted = None
            if profile in ours and row.place.provider_id:
                drifted = look_at_provider(ours[profile], row)
            elif profile in ours and _is_login(row):
                found = _read(CodexHome(path=row.place.state))
                drifted = found and _compare(ours[profile], row, *found)
            if drifted:
                yield drifted


def look(card: Card, row: Delivery, target: "Target") -> Drifted | None:
    """Return how one delivery drifted, asking the target, wherever it keeps its login. Raises `DeliveryError`."""
    held = target.look().now
    return _compare(card, row, *((held.kind, held.account, held.expires) if held else _NOTHING))


def look_at_provider(card: Card, row: Delivery) -> Drifted | None:
    """Return how a model provider of Codex's drifted; None also where its configuration cannot be read."""
    from codex_auth.core.codex_toml import ForeignProvider, TomlRefused, provider_in

    path = row.place.config
    document = elsewhere.peek(path)
    if document is None and os.path.lexists(path):
        return None
    try:
        there = provider_in((document or b"").decode(), row.place.provider_id)
    except ForeignProvider:
        return Drifted(profile=card.profile, row=row, state=OTHER, kind="", account="")
    except (TomlRefused, UnicodeDecodeError):
        return None
    if there is None:
        return Drifted(profile=card.profile, row=row, state=GONE, kind="", account="")
    account = "" if card.kind == "api_key" else card.identity.account_id
    if (there.profile, there.account_id) == (card.profile, account):
        return None
    return Drifted(profile=card.profile, row=row, state=OTHER, kind="command", account=there.account_id)


def mend(drifted: Drifted, *, store: "Store", places: "Places", world: "World") -> "Delivered":
    """Deliver again; a login of the same account that somebody signed in to there is adopted first.

    Raises what `deliver` raises: what is there of another account is refused, with what to type.
    """
    from codex_auth.deliver.targets import reopen
    from codex_auth.stories.deliver import Order, deliver

    target = reopen(drifted.row.place, world.env, locks=places.locks)
    card = next((card for card in store.cards() if card.profile == drifted.profile), None)
    is_ours = card is not None and drifted.kind == "oauth" and drifted.account == card.identity.account_id
    order = Order(mode=LEASE, keep_as=drifted.profile if is_ours else "")
    return deliver(drifted.profile, order, target=target, store=store, places=places, world=world)


def _is_login(row: Delivery) -> bool:
    place = row.place
    return place.target == "codex" and place.profile_id == "auth.json" and not place.home_profile and row.is_settled


def _read(home: CodexHome) -> "tuple[str, str, datetime | None] | None":
    """Return kind, account and end of what a home's file holds; None where that is not known."""
    from codex_auth.core.codex_json import read_login
    from codex_auth.core.jsontext import JsonDamaged

    try:
        if keeping(home).store != FILE:
            return None
        document = elsewhere.peek(home.auth)
        if document is None:
            return None if os.path.lexists(home.auth) else _NOTHING
        login = read_login(document)
    except (JsonDamaged, AuthError):
        return None
    return login.kind, login.identity.account_id, login.expires


def _compare(card: Card, row: Delivery, kind: str, account: str, expires: "datetime | None") -> Drifted | None:
    state = drift(
        kind=kind,
        account=account,
        expires=expires,
        wanted="token" if row.mode == LEASE else "oauth",
        our_account=card.identity.account_id,
        our_expires=card.expires,
    )
    if state == SAME:
        return None
    return Drifted(profile=card.profile, row=row, state=state, kind=kind, account=account)
