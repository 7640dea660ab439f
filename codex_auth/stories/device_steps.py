"""A device code in two steps: `start` shows it and returns, `finish` asks about it, in whichever process.

The pending-state file says when it may be asked about next. That is noted before the question leaves, so that many
processes together ask no more often than one. A login is claimed when it was approved, before it is fetched.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from codex_auth.core.device import Pace
from codex_auth.core.errors import (
    AnswerLost,
    ApprovalLost,
    AuthError,
    ConsentDenied,
    DeviceCodeExpired,
    DevicePending,
    NoPendingLogin,
    ProviderRefused,
    WaitsForRedirect,
)
from codex_auth.core.model import Credential, PendingLogin
from codex_auth.core.policy import DEVICE, Policy
from codex_auth.core.store_errors import PendingDamaged
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.notes.pending import PendingFile, Waiting, WaitingDevice
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stories.device import ASKING, NotYet, ask, begin_device, granted, may_paste, rest, slower, still_pending
from codex_auth.stories.sign_in import PROFILE_LOCK_SECONDS, Wanted, complete, meant_profile, permit
from codex_auth.stories.two_step import (
    Started,
    end_if_claimed,
    end_interrupted,
    gone,
    let_wait,
    named_or_only,
    not_there,
    refuse_stranger,
    seal_for,
)

_ENDINGS: dict[type[AuthError], str] = {
    ConsentDenied: "denied",
    DeviceCodeExpired: "expired",
    ProviderRefused: "refused",
}
"""The answers that end a sign-in, and what is a kind of them."""


def start_device(wanted: Wanted, *, store: Store, places: Places, world: World) -> Started:
    """Ask for a device code, save the login that waits for it, and return both. Raises what `start` raises."""
    profile = meant_profile(wanted.selector, store)
    policy = permit(DEVICE, profile=profile, issuer=wanted.provider.issuer, store=store, places=places, world=world)
    _refuse_another(PendingFile(places, make=True), profile, wanted, world)
    seal = seal_for(profile, store=store, places=places)
    login = begin_device(wanted, profile=profile, policy=policy, world=world)
    replaced = let_wait(login, seal, places, world)
    grant = granted(login)
    return Started(
        login=login,
        login_url=grant.page,
        replaced=replaced,
        user_code=grant.user_code.reveal(),
        may_paste=may_paste(policy),
    )


def waits_for_device(selector: str | None, *, store: Store, places: Places, world: World) -> bool:
    """Whether the sign-in that is meant waits for a device code, and so needs no redirect.

    Where nothing waits at all, nobody should be asked for one: raises `PendingLoginGone` or `NoPendingLogin`.
    """
    table = PendingFile(places).read()
    table.expire(world.now())
    if not table.waiting:
        raise not_there(table, named_or_only(table, selector, store))
    if selector is None:
        return bool(table.waiting) and all(waiting.device for waiting in table.waiting.values())
    waiting = table.waiting.get(named_or_only(table, selector, store))
    return waiting is not None and waiting.device is not None


def finish_device(
    selector: str | None,
    *,
    requester: str = "",
    wait: bool = False,
    timeout: timedelta | None = None,
    store: Store,
    places: Places,
    world: World,
) -> Credential:
    """Ask once whether a device code was approved, and return the stored credential; `wait` asks until it ends.

    Raises `DevicePending` where nobody has decided yet, or where it is too early to ask, and then nobody is asked.
    Raises also `PolicyRefused`, `NoPendingLogin`, `PendingLoginGone`, `ForeignPendingLogin`, `WaitsForRedirect`,
    `ConsentDenied`, `DeviceCodeExpired`, and what `stories.sign_in.complete` raises.
    """
    file = PendingFile(places, make=True)
    login = _open(file, selector, requester, store, places, world)
    gives_up = world.ticks() + (timeout.total_seconds() if timeout is not None else float("inf"))
    while True:
        policy = permit(DEVICE, profile=login.profile, issuer=login.issuer, store=store, places=places, world=world)
        try:
            with store.lock(login.profile, timeout=PROFILE_LOCK_SECONDS):
                return _turn(file, login, policy, store, world)
        except DevicePending as pending:
            if not wait or world.ticks() >= gives_up:
                raise
            rest(pending.seconds, until=gives_up, world=world)


def _open(
    file: PendingFile, selector: str | None, requester: str, store: Store, places: Places, world: World
) -> PendingLogin:
    """Return the login that waits, with its codes."""
    with file.change() as table:
        table.expire(world.now())
        profile = named_or_only(table, selector, store)
        waiting = table.waiting.get(profile)
        if waiting is None:
            raise not_there(table, profile)
        refuse_stranger(waiting, requester)
        if waiting.device is None:
            raise WaitsForRedirect(profile=profile)
    return file.open(waiting, Seals(places, store).of(waiting.sealed_by))


def _turn(file: PendingFile, login: PendingLogin, policy: Policy, store: Store, world: World) -> Credential:
    """Ask once, if it is time to. The caller holds the profile's lock."""
    device = _device_now(file, login, world)
    early = _seconds_early(device, world.now())
    if early > 0:
        raise still_pending(login, early)

    def note() -> None:
        _change(file, login, lambda waiting: _asked(waiting, world.now()))

    def claim() -> None:
        _change(file, login, lambda waiting: replace(waiting, claimed=True))

    try:
        return complete(
            login,
            ask(login, approved=claim),
            policy=policy,
            store=store,
            world=world,
            commit=note,
            stored=lambda: end_if_claimed(file, login, "finished", world),
            explanation=ASKING,
        )
    except NotYet as answer:
        pace = slower(Pace(interval=device.interval, slowed=device.slowed), answer.because, world)
        _change(file, login, lambda waiting: _paced(waiting, pace, world.now()))
        raise still_pending(login, pace.interval) from None
    except (ConsentDenied, DeviceCodeExpired, ProviderRefused) as decided:
        _end(file, login, next(how for kind, how in _ENDINGS.items() if isinstance(decided, kind)), world)
        raise
    except AuthError as error:
        end_if_claimed(file, login, "lost" if isinstance(error, AnswerLost | ApprovalLost) else "failed", world)
        raise
    except BaseException:
        end_if_claimed(file, login, "interrupted", world)
        raise


def _device_now(file: PendingFile, login: PendingLogin, world: World) -> WaitingDevice:
    """Return what the file says of the device code now. Raises `PendingLoginGone` where the login has ended."""
    interrupted = None
    with file.change() as table:
        table.expire(world.now())
        waiting = table.waiting.get(login.profile)
        is_ours = waiting is not None and waiting.id == login.id
        if waiting is not None and is_ours:
            interrupted = end_interrupted(table, login.profile, world)
        lost = None if is_ours else gone(table, login.state, login.profile) or NoPendingLogin(profile=login.profile)
    if lost is not None or interrupted is not None:
        raise lost or interrupted or NoPendingLogin(profile=login.profile)
    assert waiting is not None and waiting.device is not None  # noqa: S101, PT018 - the login has one, so its row has
    return waiting.device


def _seconds_early(device: WaitingDevice, now: datetime) -> float:
    """Return how long until it may be asked again. A clock set back must not lengthen a pause."""
    return min((device.ask_after - now).total_seconds(), device.interval + 1)


def _asked(waiting: Waiting, now: datetime) -> Waiting:
    assert waiting.device is not None  # noqa: S101 - `_open` has looked
    ask_after = now + timedelta(seconds=waiting.device.interval)
    return replace(waiting, device=replace(waiting.device, ask_after=ask_after))


def _paced(waiting: Waiting, pace: Pace, now: datetime) -> Waiting:
    assert waiting.device is not None  # noqa: S101 - as above
    slower_device = replace(waiting.device, interval=pace.interval, slowed=pace.slowed)
    return _asked(replace(waiting, device=slower_device), now)


def _change(file: PendingFile, login: PendingLogin, how: Callable[[Waiting], Waiting]) -> None:
    """Change the login's row. Raises `PendingLoginGone` where somebody ended or replaced it in between."""
    with file.change() as table:
        waiting = table.waiting.get(login.profile)
        if waiting is None or waiting.id != login.id:
            raise gone(table, login.state, login.profile) or NoPendingLogin(profile=login.profile)
        table.waiting[login.profile] = how(waiting)


def _end(file: PendingFile, login: PendingLogin, how: str, world: World) -> None:
    # The outcome is decided: trouble with this file must not be reported in its place.
    with contextlib.suppress(AuthError), file.change() as table:
        waiting = table.waiting.get(login.profile)
        if waiting is not None and waiting.id == login.id:
            table.end(login.profile, how, world.now())


def _refuse_another(file: PendingFile, profile: str, wanted: Wanted, world: World) -> None:
    """Refuse before the provider is asked what `let_wait` would refuse after it; that one mends a damaged file."""
    with contextlib.suppress(PendingDamaged):
        table = file.read()
        table.expire(world.now())
        if profile in table.waiting:
            refuse_stranger(table.waiting[profile], wanted.requester)
