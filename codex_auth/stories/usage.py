"""What is left of each login's limits. Nothing is asked unless somebody wants to know, and nothing is changed by it."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from codex_auth.core.card import Card, Identity
from codex_auth.core.errors import AuthError, ProfileNotFound, ProviderReplyUnusable
from codex_auth.core.model import Credential
from codex_auth.core.provider import Provider, read_issuer
from codex_auth.core.usage import Usage
from codex_auth.core.usage_errors import NobodyToSuggest, NothingLeft, UsageOfKey, UsageUnreadable
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.notes import usages
from codex_auth.stores.protocol import Store

ASK_SECONDS = 15.0
"""For one answer: a person waits for it."""
AT_ONCE = 8
"""Requests under way at a time: enough that nobody waits for many profiles, few enough for one host."""
_LOOK_SECONDS = 0.1
"""How often somebody who watches is told how far it is."""
_LEAST_PAUSE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of one profile: what is stored here, and what its usage is or why that is not known."""

    profile: str
    identity: Identity
    owner: str = ""
    expires: datetime | None = None
    """When the access token ends that is there; it may have been refreshed to ask."""
    usage: Usage | None = None
    trouble: AuthError | None = None
    is_cached: bool = False
    """Whether the answer was there, from a question less than a minute ago."""

    @property
    def is_known(self) -> bool:
        """Whether there is a sign-in of this name, whatever its usage is."""
        return self.expires is not None


Heard = Callable[[int, int], None]
"""Told now and then how many of how many profiles are known."""


def usage_of(
    profiles: Sequence[str],
    *,
    store: Store,
    places: Places,
    world: World,
    heard: Heard = lambda _known, _all: None,
) -> list[Found]:
    """Return the usage of these profiles, in their order; what goes wrong with one is its `trouble`.

    Tokens are had one after the other, as `run` has them, and used up to eight at a time. A profile whose login
    another program owns is asked for with the token that is there, if that lives.
    """
    asking = _Asking(store, places, world)
    for profile in profiles:
        asking.begin(profile)
        heard(0, len(profiles))
    found = asking.wait(len(profiles), heard)
    fresh = {_key(each): each.usage for each in found.values() if each.usage is not None and not each.is_cached}
    if fresh:
        usages.remember(places, fresh, world.now())
    return [found[profile] for profile in profiles]


def pause(found: Iterable[Found], now: datetime) -> timedelta:
    """Return how long to wait before asking again: until no answer counts any more, or as long as a host asked for."""
    rests = [usages.KEPT - (now - each.usage.asked_at) for each in found if each.usage is not None]
    asked_for = [getattr(each.trouble, "retry_after", None) or usages.KEPT for each in found if each.trouble]
    return max([*rests, *asked_for, _LEAST_PAUSE])


def all_profiles(store: Store) -> list[str]:
    """Return every profile that can have a usage: API keys have none."""
    return [card.profile for card in store.cards() if _has_usage(card)]


def _has_usage(card: Card) -> bool:
    return card.kind != "api_key"


def best(found: Iterable[Found], now: datetime) -> Found:
    """Return the profile whose tightest window has most left; of equals, the first.

    Raises `NothingLeft` when every one is at its limit and `NobodyToSuggest` when nothing is known of any.
    """
    known = [each for each in found if each.usage is not None]
    usable = [each for each in known if each.usage is not None and each.usage.usable(now)]
    if usable:
        return max(usable, key=lambda each: _left(each, now))
    if not known:
        raise NobodyToSuggest
    ends = [each.usage.resets_at(now) for each in known if each.usage is not None]
    first = min((end for end in ends if end is not None), default=None)
    raise NothingLeft(until="" if first is None else f" until {first.astimezone():%Y-%m-%d %H:%M}")


def _left(found: Found, now: datetime) -> float:
    left = found.usage.left_at(now) if found.usage else None
    return -1.0 if left is None else left


def _key(found: Found) -> tuple[str, str]:
    return found.profile, usages.account_key(found.identity)


@dataclass(frozen=True, slots=True)
class _Job:
    """One request, ready to be made in any thread: it touches nothing but the network."""

    known: Found
    ask: Callable[[], Usage]


class _Asking:
    """Requests under way, for profiles that are prepared one after the other in the thread that began."""

    def __init__(self, store: Store, places: Places, world: World) -> None:
        self._store, self._places, self._world = store, places, world
        self._said = usages.read(places, world.now())
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        self._answers: SimpleQueue[Found | BaseException] = SimpleQueue()
        self._threads = 0

    def begin(self, profile: str) -> None:
        """Find out what is known here, and let the rest be asked for."""
        held = None
        try:
            held = self._store.load(profile)
            if held is None:
                raise ProfileNotFound(profile=profile)
            if held.is_api_key:
                raise UsageOfKey(profile=profile)
            self._begin(held)
        except AuthError as trouble:
            self._answers.put(_found(profile, held, trouble=trouble))

    def wait(self, count: int, heard: Heard) -> dict[str, Found]:
        """Return what came of so many profiles."""
        found: dict[str, Found] = {}
        while len(found) < count:
            try:
                answer = self._answers.get(timeout=_LOOK_SECONDS)
            except Empty:
                pass
            else:
                if isinstance(answer, BaseException):
                    raise answer
                found[answer.profile] = answer
            heard(len(found), count)
        return found

    def _begin(self, held: Credential) -> None:
        said = self._said.get((held.profile, usages.account_key(held.identity)))
        if said is not None:
            self._answers.put(_found(held.profile, held, usage=said, is_cached=True))
            return
        from codex_auth.stories.refresh import MARGIN  # here: who finds the answer of a moment ago needs none of it
        from codex_auth.stories.run import living

        live = living(held.profile, MARGIN, store=self._store, places=self._places, world=self._world)
        self._jobs.put(_Job(_found(held.profile, live), self._question(live)))
        if self._threads < AT_ONCE:
            self._threads += 1
            # Daemons: whoever presses Ctrl-C is not kept waiting for answers that nobody wants any more.
            threading.Thread(target=self._work, daemon=True).start()

    def _question(self, held: Credential) -> Callable[[], Usage]:
        from codex_auth.core import usage_talk
        from codex_auth.net import wire

        config = self._places.config
        issuer = read_issuer(held.identity.issuer, listed=config.issuers, config=self._places.config_file)
        provider = Provider(issuer=issuer)
        send = wire.sender_to(provider.backend, now=self._world.now, env=self._world.env, timeout=ASK_SECONDS)
        request = usage_talk.request(provider, held)

        def ask() -> Usage:
            try:
                reply = send(request)
            except ProviderReplyUnusable as odd:
                raise UsageUnreadable(host=provider.backend_host, problem=odd.facts["problem"]) from None
            return usage_talk.read(reply, provider, profile=held.profile)

        return ask

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                self._answers.put(replace(job.known, usage=job.ask()))
            except AuthError as trouble:
                self._answers.put(replace(job.known, trouble=trouble))
            except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits, and not lost here
                self._answers.put(error)


def _found(
    profile: str,
    held: Credential | None,
    *,
    usage: Usage | None = None,
    trouble: AuthError | None = None,
    is_cached: bool = False,
) -> Found:
    return Found(
        profile=profile,
        identity=held.identity if held else Identity(issuer="", subject="", account_id=""),
        owner=held.owner if held else "",
        expires=held.expires if held and not held.is_api_key else None,
        usage=usage,
        trouble=trouble,
        is_cached=is_cached,
    )
