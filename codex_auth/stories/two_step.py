"""Signing in in two steps: `start` returns a link at once, `finish` takes the redirect in any later process."""

import contextlib
from dataclasses import dataclass, replace

from codex_auth.core.errors import (
    AnswerLost,
    AuthError,
    ConsentDenied,
    ForeignPendingLogin,
    NoPendingLogin,
    PendingLoginGone,
    ProviderRefused,
    ProviderUnreachable,
    RedirectRefused,
    UsageError,
    WaitsForDevice,
)
from codex_auth.core.model import Credential, PendingLogin
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.core.policy import PASTE
from codex_auth.core.redirect import Denied, Expected, read_redirect, state_of
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import PendingDamaged
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.keys.seal import Seal
from codex_auth.notes.pending import ENDINGS, LIFETIME, PendingFile, PendingTable, Waiting
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stories.sign_in import (
    PROFILE_LOCK_SECONDS,
    Wanted,
    begin,
    complete,
    exchange,
    link,
    meant_profile,
    permit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A sign-in that waits: for its redirect, or for its device code to be approved."""

    login: PendingLogin
    login_url: str
    replaced: bool
    user_code: str = ""
    """What to type at `login_url`, where it waits for a device code."""
    may_paste: bool = True
    """Whether a link is another way, where the page refuses the code."""


def start(wanted: Wanted, *, store: Store, places: Places, world: World) -> Started:
    """Save a pending login and return its link. An earlier one of the same profile is replaced.

    A damaged pending-state file is moved aside, which the person is told, and begun anew: its hint names `start`.
    Raises `PolicyRefused`, `ForeignPendingLogin` if somebody else's sign-in is waiting under that name, and what the
    seal's place does: where the login could not be kept now, nobody is sent to a browser.
    """
    profile = meant_profile(wanted.selector, store)
    policy = permit(PASTE, profile=profile, issuer=wanted.provider.issuer, store=store, places=places, world=world)
    login = begin(wanted, profile=profile, port=wanted.callback.ports[0], lifetime=LIFETIME, world=world)
    replaced = let_wait(login, seal_for(profile, store=store, places=places), places, world)
    return Started(login=login, login_url=link(login, policy), replaced=replaced)


def finish(
    selector: str | None, text: Secret, *, requester: str = "", store: Store, places: Places, world: World
) -> Credential:
    """Take a pasted redirect, exchange its code and return the stored credential.

    Without a selector the redirect itself says which sign-in it belongs to. A redirect that cannot be read
    leaves the sign-in waiting; so does a provider that could not be reached, or said that it did nothing, and a rule
    that was made since and does not admit it. Raises `PolicyRefused`,
    `NoPendingLogin`, `PendingLoginGone`, `ForeignPendingLogin`, `RedirectRefused`, `ConsentDenied`, `AnswerLost` and
    everything that `stories.sign_in.complete` raises.
    """
    file = PendingFile(places, make=True)
    profile = _which(file.read(), selector, text, store)
    with store.lock(profile, timeout=PROFILE_LOCK_SECONDS):
        return _finish_locked(file, profile, text, requester, store, places, world)


def cancel(selector: str | None, *, requester: str = "", store: Store, places: Places, world: World) -> str:
    """Forget the sign-in waiting for a profile and return the profile's name."""
    file = PendingFile(places, make=True)
    with file.change() as table:
        table.expire(world.now())
        profile = named_or_only(table, selector, store)
        if profile not in table.waiting:
            raise NoPendingLogin(profile=profile)
        refuse_stranger(table.waiting[profile], requester)
        table.end(profile, "cancelled", world.now())
    return profile


def seal_for(profile: str, *, store: Store, places: Places) -> Seal:
    """Return the seal of a sign-in that will wait, with its key at hand. Raises what the key's place does."""
    return Seals(places, store).unasked(profile).ready()


def let_wait(login: PendingLogin, seal: Seal, places: Places, world: World) -> bool:
    """Put a login into the pending-state file and return whether it replaced another."""
    file = PendingFile(places, make=True)
    try:
        return _let_wait(file, login, seal)
    except PendingDamaged as damage:
        world.tell(str(damage))
        return _let_wait(file, login, seal)


def _let_wait(file: PendingFile, login: PendingLogin, seal: Seal) -> bool:
    with file.change() as table:
        table.expire(login.created)
        earlier = table.waiting.get(login.profile)
        if earlier is not None:
            refuse_stranger(earlier, login.requester)
            table.end(login.profile, "replaced", login.created)
        table.waiting[login.profile] = file.seal(login, seal)
    return earlier is not None


def _finish_locked(
    file: PendingFile, profile: str, text: Secret, requester: str, store: Store, places: Places, world: World
) -> Credential:
    login, code = _accept(file, profile, text, requester, Seals(places, store), world)
    policy = permit(PASTE, profile=profile, issuer=login.issuer, store=store, places=places, world=world)

    def claim() -> None:
        with file.change() as table:
            waiting = table.waiting.get(profile)
            if waiting is None or waiting.id != login.id:
                # `cancel` and `start` need no profile lock, so they can come between.
                raise gone(table, login.state, profile) or NoPendingLogin(profile=profile)
            table.waiting[profile] = replace(waiting, claimed=True)

    def end(how: str) -> None:
        end_if_claimed(file, login, how, world)

    try:
        return complete(
            login,
            exchange(login, code),
            policy=policy,
            store=store,
            world=world,
            commit=claim,
            stored=lambda: end_if_claimed(file, login, "finished", world),
        )
    except ProviderUnreachable as trouble:
        if trouble.sent and not trouble.answered:
            end("lost")
            raise AnswerLost(**trouble.facts, profile=profile) from None
        _release(file, login)
        raise
    except AuthError as error:
        end("refused" if isinstance(error, ProviderRefused) else "failed")
        raise
    except BaseException:
        end("interrupted")
        raise


def _accept(
    file: PendingFile, profile: str, text: Secret, requester: str, seals: Seals, world: World
) -> tuple[PendingLogin, Secret]:
    """Return the open login and the code that the pasted text brings for it."""
    with file.change() as table:
        table.expire(world.now())
        waiting = table.waiting.get(profile)
        if waiting is None:
            raise gone(table, state_of(text.reveal()), profile) or NoPendingLogin(profile=profile)
        refuse_stranger(waiting, requester)
        if waiting.device is not None:
            raise WaitsForDevice(profile=profile)
        interrupted = end_interrupted(table, profile, world)
    if interrupted is not None:
        raise interrupted
    login = file.open(waiting, seals.of(waiting.sealed_by))
    expected = Expected(redirect_uri=login.redirect_uri, state=login.state, issuer=login.issuer)
    try:
        answer = read_redirect(text.reveal(), expected)
    except RedirectRefused:
        other = gone(table, state_of(text.reveal()), profile)
        if other is not None:
            raise other from None
        raise
    if isinstance(answer, Denied):
        with file.change() as table:
            if table.waiting.get(profile) == waiting:  # and not one that was started since
                table.end(profile, "denied", world.now())
        raise ConsentDenied.of(answer.error, profile=profile)
    return login, answer.code


def end_interrupted(table: PendingTable, profile: str, world: World) -> PendingLoginGone | None:
    """End a login that was claimed by somebody who is gone, and return what to say; None where nobody claimed it.

    The caller holds the profile's lock, so whoever claimed it does not live any more.
    """
    if not table.waiting[profile].claimed:
        return None
    table.end(profile, "interrupted", world.now())
    return PendingLoginGone(what=ENDINGS["interrupted"], profile=profile)


def gone(table: PendingTable, state: Secret | None, profile: str) -> PendingLoginGone | None:
    """Return how the login of this state ended, if that is remembered."""
    ended = None if state is None else table.how_it_ended(state)
    return None if ended is None else PendingLoginGone(what=ENDINGS[ended.how], profile=ended.profile or profile)


def not_there(table: PendingTable, profile: str) -> PendingLoginGone | NoPendingLogin:
    """Return why nothing waits for a profile: how its last sign-in ended, if that is remembered."""
    last = next((ended for ended in reversed(table.ended) if ended.profile == profile), None)
    if last is None:
        return NoPendingLogin(profile=profile)
    return PendingLoginGone(what=ENDINGS[last.how], profile=profile)


def _release(file: PendingFile, login: PendingLogin) -> None:
    with contextlib.suppress(AuthError), file.change() as table:  # suppressed as in `end_if_claimed`
        waiting = table.waiting.get(login.profile)
        if waiting is not None and waiting.id == login.id:
            table.waiting[login.profile] = replace(waiting, claimed=False)


def end_if_claimed(file: PendingFile, login: PendingLogin, how: str, world: World) -> None:
    """Remember how a login ended that was ours to end."""
    # The sign-in's outcome is decided: trouble with this file must not be reported in its place. A login that
    # stays claimed is ended by the next `finish`.
    with contextlib.suppress(AuthError), file.change() as table:
        waiting = table.waiting.get(login.profile)
        if waiting is not None and waiting.id == login.id and waiting.claimed:
            table.end(login.profile, how, world.now())


def _which(table: PendingTable, selector: str | None, text: Secret, store: Store) -> str:
    state = state_of(text.reveal())
    if selector is None and state is not None:
        for file_login in table.waiting.values():
            if file_login.is_for(state):
                return file_login.profile
        ended = table.how_it_ended(state)
        if ended is not None:
            return ended.profile
    return named_or_only(table, selector, store)


def named_or_only(table: PendingTable, selector: str | None, store: Store) -> str:
    """Return the profile that is meant: the one named, or the only one that waits."""
    if selector is None:
        if len(table.waiting) == 1:
            return next(iter(table.waiting))
        if table.waiting:
            names = ", ".join(sorted(table.waiting))
            raise UsageError(problem=f"Several sign-ins are waiting: {names}. Say which.", command="finish")
        return meant_profile(DEFAULT, store)
    name = read_name(selector)
    if name == DEFAULT and name not in table.waiting:
        return meant_profile(selector, store)
    return name


def refuse_stranger(waiting: Waiting, requester: str) -> None:
    """Refuse who did not start this login. Raises `ForeignPendingLogin`."""
    if waiting.requester and waiting.requester != requester:
        raise ForeignPendingLogin(profile=waiting.profile)
