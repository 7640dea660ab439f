"""Taking over the login that a Codex home holds, so that it can be replaced there and nothing is lost.

It is stored here first; only then does a lease take its place there. In between both have it, and whatever cuts that
off, the next run finds the same login in both places and goes on.
"""

from dataclasses import replace

from codex_auth.core.card import OWNER_SELF, Identity
from codex_auth.core.carry_errors import ForeignIssuer
from codex_auth.core.codex_errors import CodexRunning
from codex_auth.core.delivery_errors import KeyNotDelivered
from codex_auth.core.errors import IdentityMismatch
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.provider import read_issuer
from codex_auth.core.text import mask_account
from codex_auth.deliver.codex import NAME, CodexAuth
from codex_auth.deliver.protocol import hash_of
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.neighbours.codex import running
from codex_auth.notes import deliveries
from codex_auth.stores.protocol import Store
from codex_auth.stories.refresh import LOCK_SECONDS


def adopt(
    name: str, *, issuer: str = "", target: CodexAuth, store: Store, places: Places, world: World
) -> Credential | None:
    """Keep the whole login that the home holds as a profile of ours; None if it holds none.

    A profile of that name that is the same account gets the newer login. A login of another provider than OpenAI is
    kept only if the caller names that `issuer`, or the profile has it already. Raises `CodexRunning` while a Codex
    could still spend the refresh token, `IdentityMismatch`, `PolicyRefused`, `ForeignIssuer`, `BadIssuer`, and the
    store's errors.
    """
    with store.lock(name, timeout=LOCK_SECONDS):
        found = target.take_in(name, owner=OWNER_SELF)
        if found is None:
            return None
        held = store.load(name)
        if held is not None and held.refresh is not None and held.refresh == found.refresh:
            return held
        _admit(name, held, found, places=places, world=world)
        known = held.identity.issuer if held is not None else ""
        check_issuer(target.home.path, found.identity, issuer or known, places)
        busy = running(target.home)
        if busy:
            words = ", ".join(each.spoken for each in busy)
            raise CodexRunning(processes=words, profile=name, target=NAME, home=target.home.path)
        store.prove_writable()
        kept = replace(found, store_why=held.store_why if held else store.choice(name).why)
        store.save(kept, expecting=held.identity if held else None)
        note = deliveries.read(places, name)
        if note.at(target.place) is not None:  # it was handed over from here
            deliveries.write(places, note.without(target.place))
        return kept


def check_issuer(path: str, identity: Identity, named: str, places: Places) -> None:
    """Refuse to let a file decide where a refresh token is sent. Raises `ForeignIssuer` and `BadIssuer`.

    `named` is the issuer that the caller, or a profile of ours, says it is.
    """
    issuer = identity.issuer
    if issuer == OPENAI_ISSUER:
        return
    if named.rstrip("/") != issuer.rstrip("/"):
        raise ForeignIssuer(path=path, issuer=issuer)
    read_issuer(issuer, listed=places.config.issuers, config=places.config_file)


def is_held(account: str, refresh_hash: str, *, store: Store) -> bool:
    """Whether a profile of ours holds this very refresh token and owns it. Only logins of that account are opened."""
    cards = [card for card in store.cards() if card.has_refresh_token and card.owner == OWNER_SELF]
    same = [card.profile for card in cards if not account or card.identity.account_id == account]
    loaded = (store.load(profile) for profile in same)
    return any(held is not None and hash_of(held.refresh) == refresh_hash for held in loaded)


def _admit(name: str, held: Credential | None, found: Credential, *, places: Places, world: World) -> None:
    if held is not None and held.is_api_key:
        raise KeyNotDelivered(profile=name)
    if held is not None and not held.identity.is_same_account(found.identity):
        raise IdentityMismatch(
            profile=name,
            found=mask_account(found.identity.account_id),
            expected=mask_account(held.identity.account_id),
        )
    policy = policies.in_force(places, world.env)
    refusal = policy.use_refusal(found) or policy.store_refusal(places.store)
    if refusal is not None:
        raise refusal
