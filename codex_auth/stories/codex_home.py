"""A Codex of one profile: a private home in which this login is a lease of ours, and the rest is the user's."""

import os
from collections.abc import Sequence
from datetime import timedelta

from codex_auth.core.codex_errors import CodexAsksForAnother
from codex_auth.core.codex_json import lacking
from codex_auth.core.delivery_errors import DeliveryError
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import NotOurs
from codex_auth.core.store_errors import LockBusy, StoreError, StoreNotDurable
from codex_auth.deliver.codex import NAME, CodexAuth
from codex_auth.edge.places import FILE, Places
from codex_auth.edge.world import World
from codex_auth.neighbours.codex import CodexHome, asked_for, chosen_home
from codex_auth.neighbours.codex_private import environment, furnish, origin
from codex_auth.stores.protocol import Store
from codex_auth.stories.deliver import Order, deliver

PRIVATE = "run"
"""How the note of a delivery names such a home."""


def private_home(
    credential: Credential, words: Sequence[str], *, for_codex: bool, store: Store, places: Places, world: World
) -> dict[str, str]:
    """Return the variables with which a Codex that the command is, or starts, has this login and no other.

    The lease is a file with an access token in clear, so a login that is kept in a keyring or vault is put there only
    where the command is Codex, or is said to start one. Where it cannot be had, such a command is refused, and another
    one is told; a Codex that it starts finds itself signed out. Raises `DeliveryError`, `NotOurs` and the store's.
    """
    users = origin(chosen_home(world.env), places.codex_homes)
    home = CodexHome(path=os.path.join(os.path.realpath(places.codex_homes), credential.profile))
    is_codex = os.path.basename(words[0]).startswith("codex")
    is_plain = store.choice(credential.profile).kind == FILE
    if is_codex or for_codex or (is_plain and not lacking(credential, is_whole=False)):
        try:
            refuse_another(users, credential.profile)
            furnish(home, users)
            order, target = Order(at_least=timedelta()), CodexAuth(home, kind=PRIVATE)
            deliver(credential.profile, order, target=target, store=store, places=places, world=world)
        except (DeliveryError, NotOurs, StoreError, StoreNotDurable, LockBusy) as error:
            if is_codex or for_codex:
                raise
            world.tell(f"Note: a Codex that this starts does not get this login. {error}")
    return environment(home, users, world.env)


def refuse_another(home: CodexHome, profile: str) -> None:
    """Raise `CodexAsksForAnother` where this home's configuration would make Codex another profile than this."""
    provider, other = asked_for(home)
    if other and other != profile:
        facts = {"profile": profile, "other": other, "provider": provider, "target": NAME}
        raise CodexAsksForAnother(path=home.config, **facts)
