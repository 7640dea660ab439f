"""Showing a sign-in that waits once more, to whoever started it: the same link or the same code, and nothing new."""

from codex_auth.core.policy import DEVICE, PASTE
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.notes.pending import PendingFile
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stories.device import granted, may_paste
from codex_auth.stories.sign_in import link, permit
from codex_auth.stories.two_step import Started, refuse_stranger


def shown_again(profile: str, *, requester: str, store: Store, places: Places, world: World) -> Started | None:
    """Return the sign-in waiting for a profile as `start` returned it; None where nothing waits.

    Raises `ForeignPendingLogin`, `PolicyRefused` and `SealBroken`.
    """
    file = PendingFile(places)
    table = file.read()
    table.expire(world.now())
    waiting = table.waiting.get(profile)
    if waiting is None:
        return None
    refuse_stranger(waiting, requester)
    way = DEVICE if waiting.device else PASTE
    policy = permit(way, profile=profile, issuer=waiting.issuer, store=store, places=places, world=world)
    login = file.open(waiting, Seals(places, store).of(waiting.sealed_by))
    if login.device is None:
        return Started(login=login, login_url=link(login, policy), replaced=False)
    grant = granted(login)
    return Started(
        login=login,
        login_url=grant.page,
        replaced=False,
        user_code=grant.user_code.reveal(),
        may_paste=may_paste(policy),
    )
