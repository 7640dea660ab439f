"""Which of our refresh tokens lie in a second place as well: whoever spends one first logs the other out.

Tokens are compared as fingerprints with a salt of this run alone, so nothing that stays behind could test a guess,
and looking changes nothing.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from codex_auth.core.card import OWNER_SELF, Card
from codex_auth.core.foreign import Held, codex_tokens, profile_tokens
from codex_auth.core.secret import Secret
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours import elsewhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.stores.protocol import Store

_SALT_BYTES = 32


def copies(cards: Iterable[Card], files: Iterable[str], *, store: "Store", world: World) -> dict[str, list[str]]:
    """Return, for each profile of ours whose refresh token lies elsewhere too, the other places as people say them.

    `cards` are all of the store's, and `files` what `elsewhere.find` found. A profile is loaded only if somebody
    else holds a login of its account, or of one that is not known. Raises what `store.load` raises.
    """
    holding = [card for card in cards if card.has_refresh_token]
    foreign = [(elsewhere.short(path, world.env), held) for path in files for held in _tokens_in(path)]
    accounts = Counter(card.identity.account_id for card in holding)
    accounts.update(account for _, (account, _) in foreign)
    suspects = [card for card in holding if accounts[card.identity.account_id] > 1 or "" in accounts]
    if not suspects:
        return {}
    salt = world.random(_SALT_BYTES)
    places: dict[bytes, list[str]] = {}
    for place, (_, token) in foreign:
        places.setdefault(_fingerprint(salt, token), []).append(place)
    ours: dict[str, bytes] = {}
    for card in suspects:
        held = store.load(card.profile)
        if held is not None and held.refresh is not None:
            fingerprint = _fingerprint(salt, held.refresh)
            places.setdefault(fingerprint, []).append(_said(card.profile))
            if held.owner == OWNER_SELF:
                ours[card.profile] = fingerprint
    others = {
        profile: [place for place in dict.fromkeys(places[fingerprint]) if place != _said(profile)]
        for profile, fingerprint in ours.items()
    }
    return {profile: found for profile, found in others.items() if found}


def copies_of(profile: str, *, store: "Store", places: Places, world: World) -> list[str]:
    """Return where else the refresh token of one profile lies."""
    files = elsewhere.find(places, world.env)
    return copies(store.cards(), files, store=store, world=world).get(profile, [])


def _tokens_in(path: str) -> Iterator[Held]:
    document = elsewhere.peek(path)
    if document is not None:
        is_codex = os.path.basename(path) == elsewhere.CODEX_NAME
        yield from codex_tokens(document) if is_codex else profile_tokens(document)


def _said(profile: str) -> str:
    return f"the profile {profile}"


def _fingerprint(salt: bytes, token: Secret) -> bytes:
    import hmac  # it loads OpenSSL, and most runs compare nothing

    return hmac.digest(salt, token.reveal().encode("utf-8", "surrogatepass"), "sha256")
