"""Signing in with a device code: shown here, typed on any screen, and asked about until somebody decides.

An approval is handed out once. So before each time we ask, the store is shown to be writable, and from the question
until the login is saved no signal interrupts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from codex_auth.core import device
from codex_auth.core.device import Pace
from codex_auth.core.device_replies import Approval, Delivery, Pending
from codex_auth.core.errors import (
    DeviceCodeExpired,
    DeviceLoginDisabled,
    DevicePending,
    LoginTimedOut,
    ProviderUnreachable,
    ReplyCutOff,
)
from codex_auth.core.flow import SignedIn
from codex_auth.core.model import Credential, DeviceGrant, PendingLogin
from codex_auth.core.policy import DEVICE, PASTE, Policy
from codex_auth.core.provider import OPENAI_DIALECT
from codex_auth.edge.places import Places
from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.terminal import Countdown
from codex_auth.edge.world import World
from codex_auth.net import wire
from codex_auth.stores.protocol import Store
from codex_auth.stories.sign_in import (
    PROFILE_LOCK_SECONDS,
    Obtain,
    Wanted,
    begin,
    complete,
    meant_profile,
    permit,
    provider_of,
    show_ready,
    spoken,
)

_SLICE_SECONDS = 0.25
"""A wait is slept in slices: the countdown moves, a lost signal is seen, a closed lid shows at once."""
_DRIFT = "The provider says that we ask too often, though we keep its pause: this machine's clock may run fast."
ASKING = "The provider is being asked; its answer may be the login, so this cannot be interrupted. A moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What a person sees while a device code waits."""

    countdown: Countdown
    draw: Callable[[str], list[str]]
    """The lines of a picture of an address; none where it cannot be shown."""
    timeout: timedelta | None = None


def login_by_device(wanted: Wanted, screen: Screen, *, store: Store, places: Places, world: World) -> Credential:
    """Show a code, wait until it is approved elsewhere, and return the stored credential.

    Raises `PolicyRefused`, `DeviceLoginDisabled`, `DeviceCodeExpired`, `LoginTimedOut`, `ConsentDenied`, and what
    `stories.sign_in.complete` raises. Whatever ends it, nothing of it is left behind.
    """
    store.prove_writable()
    profile = meant_profile(wanted.selector, store)

    def permitted() -> Policy:
        return permit(DEVICE, profile=profile, issuer=wanted.provider.issuer, store=store, places=places, world=world)

    policy = permitted()
    show_ready(profile, store)
    asked = world.ticks()
    login = begin_device(wanted, profile=profile, policy=policy, world=world)
    grant = granted(login)
    for line in _shown(login, grant, screen, policy):
        world.tell(line)
    ends = asked + grant.lifetime.total_seconds()
    gives_up = ends if screen.timeout is None else min(ends, asked + screen.timeout.total_seconds())
    try:
        pace = Pace(interval=grant.interval)
        while True:
            rest(pace.interval, until=gives_up, world=world, countdown=screen.countdown)
            if world.ticks() >= gives_up:
                raise _out_of_time(login, screen, is_over=gives_up == ends)
            policy = permitted()
            try:
                with store.lock(login.profile, timeout=PROFILE_LOCK_SECONDS):
                    return complete(login, ask(login), policy=policy, store=store, world=world, explanation=ASKING)
            except NotYet as answer:
                pace = slower(pace, answer.because, world)
    finally:
        screen.countdown.clear()


def begin_device(wanted: Wanted, *, profile: str, policy: Policy, world: World) -> PendingLogin:
    """Ask the provider for a device code and return the login that waits for it. Raises `DeviceLoginDisabled`."""
    send = wire.sender(wanted.provider, now=world.now, env=world.env)
    try:
        grant = wire.converse(device.ask_for_code(wanted.provider, profile=profile), send)
    except DeviceLoginDisabled:
        raise DeviceLoginDisabled(host=wanted.provider.host, profile=profile, may_paste=may_paste(policy)) from None
    login = begin(wanted, profile=profile, port=wanted.callback.ports[0], lifetime=grant.lifetime, world=world)
    return replace(login, redirect_uri=wanted.provider.device_redirect_uri, device=grant)


class NotYet(Exception):
    """A question that brought no login; it may be asked again, and `because` says how soon."""

    def __init__(self, because: Pending | ProviderUnreachable) -> None:
        super().__init__()
        self.because = because


def ask(login: PendingLogin, *, approved: Callable[[], None] = lambda: None) -> Obtain:
    """Return what asks once about a device code, and fetches the login where it was approved.

    `approved` is called in between. Raises `NotYet` and the provider's errors.
    """
    provider, grant = provider_of(login), granted(login)

    def obtain(send: wire.Send) -> SignedIn:
        try:
            answer = wire.converse(device.poll(provider, grant, profile=login.profile), send)
        except ProviderUnreachable as trouble:
            raise NotYet(trouble) from None
        except ReplyCutOff as cut:  # as good as no reply, and no more reason to give up
            raise NotYet(ProviderUnreachable(sent=True, answered=False, retry_after=None, **cut.facts)) from None
        match answer:
            case Pending():
                raise NotYet(answer)
            case Approval() | Delivery():
                approved()
                return wire.converse(device.fetch(provider, answer, profile=login.profile), send)

    return obtain


def slower(pace: Pace, because: Pending | ProviderUnreachable, world: World) -> Pace:
    """Return the pace after an answer, and tell a person who could mend what makes us too fast."""
    after = pace.after(because)
    if after.is_drift and not pace.is_drift:
        world.tell(_DRIFT)
    return after


def rest(seconds: float, *, until: float, world: World, countdown: Countdown | None = None) -> None:
    """Sleep so long, but not past `until`, by a clock that counts the machine's own sleep too."""
    wakes = min(world.ticks() + seconds, until)
    while (left := wakes - world.ticks()) > 0:
        stop_if_asked()
        if countdown is not None:
            countdown.draw(until - world.ticks())
        world.sleep(min(left, _SLICE_SECONDS))


def granted(login: PendingLogin) -> DeviceGrant:
    """Return the device code of a login that has one."""
    assert login.device is not None  # noqa: S101 - whoever calls has looked
    return login.device


def may_paste(policy: Policy) -> bool:
    """Whether a pasted redirect may be named as the other way."""
    return policy.flow_refusal(PASTE) is None


def advice(login: PendingLogin, *, other_way: str) -> list[str]:
    """Return what a person should know before a code is shown: OpenAI has device codes switched off for many."""
    if granted(login).dialect != OPENAI_DIALECT:
        return []
    lines = ["Device codes must be allowed in ChatGPT's security settings, or by your admin."]
    return [*lines, f"If the page refuses the code: {other_way}"] if other_way else lines


def warning(login: PendingLogin) -> str:
    """Return what keeps a person from typing a code that somebody sent them (RFC 8628 section 5.4)."""
    host = granted(login).page.partition("://")[2].partition("/")[0]
    return f"Only enter this code on {host}, and only because you asked for it here: nobody else should give you one."


def _shown(login: PendingLogin, grant: DeviceGrant, screen: Screen, policy: Policy) -> list[str]:
    """Return the lines of the screen. The last of them fit a terminal of 24 lines, picture and warning together."""
    return [
        *advice(login, other_way=f"Ctrl-C, and codex-auth login {login.profile} --paste" if may_paste(policy) else ""),
        "",
        *(f"  {line}" for line in screen.draw(grant.page)),
        warning(login),
        "",
        f"  Open   {grant.page}",
        f"  Enter  {grant.user_code.reveal()}   (within {spoken(grant.lifetime)})",
        "",
    ]


def _out_of_time(login: PendingLogin, screen: Screen, *, is_over: bool) -> DeviceCodeExpired | LoginTimedOut:
    if is_over or screen.timeout is None:
        return DeviceCodeExpired(profile=login.profile)
    return LoginTimedOut(minutes=spoken(screen.timeout), profile=login.profile)


def still_pending(login: PendingLogin, seconds: float) -> DevicePending:
    """Return what to say where nobody waits: when to ask again."""
    return DevicePending(profile=login.profile, seconds=seconds)
