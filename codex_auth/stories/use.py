"""Switching: the usual Codex home is leased a login, and that profile is what `default` means from now on."""

from dataclasses import dataclass

from codex_auth.deliver.codex import CodexAuth
from codex_auth.edge import chosen
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours.codex import Running, running
from codex_auth.stores.protocol import Store
from codex_auth.stories.deliver import Delivered, Order, deliver


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a switch did."""

    delivered: Delivered
    stale: list[Running]
    """The Codex processes of that home that go on as whoever they started as."""


def use(
    profile: str, *, keep_as: str, issuer: str = "", target: CodexAuth, store: Store, places: Places, world: World
) -> Used:
    """Lease the login to this home and choose the profile. Raises what `deliver` raises; then nothing has changed.

    `keep_as` and `issuer` are what `Order` says of the login that is there.

    A Codex that runs takes a newer token of its account, and of no other; it is named, never stopped.
    """
    before = running(target.home)
    order = Order(keep_as=keep_as, issuer=issuer)
    done = deliver(profile, order, target=target, store=store, places=places, world=world)
    chosen.write(places, profile)
    held = done.given.before
    is_same = held is not None and held.account == done.credential.identity.account_id
    still = {each.pid for each in running(target.home)}
    return Used(delivered=done, stale=[] if is_same else [each for each in before if each.pid in still])
