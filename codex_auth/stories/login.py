"""Signing in with one command: the callback on this machine and a pasted redirect race; the first wins."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from codex_auth.callback import browser, pages
from codex_auth.callback.loopback import Callback, Visit, open_callback
from codex_auth.core.errors import ConsentDenied, DeviceLoginDisabled, LoginTimedOut, RedirectRefused
from codex_auth.core.model import Credential, PendingLogin
from codex_auth.core.policy import BROWSER, DEVICE, PASTE, Policy
from codex_auth.core.provider import CALLBACK_PATH, CallbackAt
from codex_auth.core.redirect import Denied, Expected, Redirect, read_query, read_redirect
from codex_auth.core.secret import Secret
from codex_auth.core.ways import Way
from codex_auth.edge.places import Places
from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.terminal import Countdown, HiddenInput
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.stores.protocol import Store
from codex_auth.stories.device import Screen, login_by_device, may_paste
from codex_auth.stories.sign_in import (
    PROFILE_LOCK_SECONDS,
    Wanted,
    begin,
    complete,
    exchange,
    link,
    meant_profile,
    permit,
    show_ready,
    spoken,
)

_NONCE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How the redirect may come back, and how the browser is reached."""

    listen: bool = True
    open_browser: bool = True
    paste_from: int | None = None
    """The terminal's file descriptor, where a redirect may be pasted; None where there is no terminal."""
    timeout: timedelta = timedelta(minutes=10)
    countdown: Countdown


@dataclass(frozen=True, slots=True, kw_only=True)
class Doorbell:
    """One answer that came back: the code, and how to tell whoever brought it how things ended."""

    code: Secret
    tell: Callable[[pages.Page], None]


def sign_in_here(
    wanted: Wanted, way: Way, ways: Ways, screen: Screen, *, store: Store, places: Places, world: World
) -> Credential:
    """Sign in by the way that was chosen.

    A provider without device codes is no end where nobody asked for one: there a redirect can be pasted, if no rule
    forbids that.
    """
    if way.name != DEVICE:
        return login(wanted, ways, store=store, places=places, world=world)
    try:
        return login_by_device(wanted, screen, store=store, places=places, world=world)
    except DeviceLoginDisabled as disabled:
        if way.was_asked_for or ways.paste_from is None or not may_paste(policies.in_force(places, world.env)):
            raise
        world.tell(f"{disabled} Signing in by pasted redirect instead.")
    return login(wanted, replace(ways, listen=False, open_browser=False), store=store, places=places, world=world)


def login(wanted: Wanted, ways: Ways, *, store: Store, places: Places, world: World) -> Credential:
    """Sign in and return the credential once it is stored.

    Raises `PolicyRefused` and `PortInUse` before any browser is opened, `LoginTimedOut`, `ConsentDenied`, and what
    `stories.sign_in.complete` raises. The browser is shown success only after the credential is durable.
    """
    store.prove_writable()  # first: it moves a damaged store aside, which only looking at its names would not
    profile = meant_profile(wanted.selector, store)
    at, flow = wanted.callback, BROWSER if ways.listen else PASTE

    def permitted() -> Policy:
        return permit(flow, profile=profile, issuer=wanted.provider.issuer, store=store, places=places, world=world)

    policy = permitted()
    show_ready(profile, store)
    if policy.flow_refusal(PASTE):
        ways = replace(ways, paste_from=None)
    with contextlib.ExitStack() as stack:
        callback = stack.enter_context(
            open_callback(at.ports, CALLBACK_PATH, profile=profile, ingress=(at.host, at.path) if at.base else None)
            if ways.listen
            else Callback(at.ports[0], CALLBACK_PATH, [])
        )
        pending = begin(wanted, profile=profile, port=callback.port, lifetime=ways.timeout, world=world)
        with contextlib.ExitStack() as waiting:
            waiting.callback(ways.countdown.clear)
            # Hidden before anybody is asked to paste: whatever comes early must not be shown either.
            paste = _hidden(waiting, ways, profile)
            _invite(pending, callback, at, ways, policy, world)
            bell = _wait(pending, callback, paste, ways, world)
        callback.close()
        try:
            with store.lock(profile, timeout=PROFILE_LOCK_SECONDS):
                return complete(
                    pending,
                    exchange(pending, bell.code),
                    policy=permitted(),
                    store=store,
                    world=world,
                    stored=lambda: bell.tell(pages.success(profile)),
                )
        except BaseException:
            bell.tell(pages.failed())  # no visit takes a second answer: this is for those without one
            raise


def _invite(
    pending: PendingLogin, callback: Callback, at: CallbackAt, ways: Ways, policy: Policy, world: World
) -> None:
    address = link(pending, policy)
    closed = browser.why_not_open(world.env, sys.platform) if ways.open_browser else "--no-open was given"
    if ways.listen and closed is None:
        entry = callback.entry_url(address, world.random(_NONCE_BYTES).hex())
        if browser.open_browser(entry, world.env):
            world.tell("Opening your browser. If nothing appears, open this link yourself:")
        else:
            closed = "no browser could be started"
    if not ways.listen or closed is not None:
        world.tell(f"Open this link in a browser{'' if closed is None else f' ({closed})'}:")
    world.tell(f"\n  {address}\n")
    for line in _what_next(callback.port, at, closed, ways):
        world.tell(line)


def _what_next(port: int, at: CallbackAt, closed: str | None, ways: Ways) -> Iterator[str]:
    if not ways.listen:
        yield "After you approve, the browser ends on a page that may not load. Copy its whole address."
    elif at.base:
        yield f"The browser then ends on {at.redirect_uri(port)}…, which must lead to 127.0.0.1:{port} here."
    elif closed is not None:
        yield "If that browser is on another machine, it ends on a page that does not load: copy its whole address,"
        yield f"or forward the port first: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE"
    if ways.paste_from is not None:
        yield "Paste the address here and press Enter (it is not shown)."


def _hidden(stack: contextlib.ExitStack, ways: Ways, profile: str) -> HiddenInput | None:
    if ways.paste_from is None:
        return None
    return stack.enter_context(HiddenInput(ways.paste_from, profile=profile))


def _wait(pending: PendingLogin, callback: Callback, paste: HiddenInput | None, ways: Ways, world: World) -> Doorbell:
    """Return the first answer that is this login's; whatever else arrives is refused and waiting goes on."""
    expected = Expected(redirect_uri=pending.redirect_uri, state=pending.state, issuer=pending.issuer)
    deadline = world.ticks() + ways.timeout.total_seconds()
    terminal = ways.paste_from

    def tick() -> None:
        stop_if_asked()
        ways.countdown.draw(deadline - world.ticks())

    while True:
        arrived = callback.wait(deadline, ticks=world.ticks, also=terminal, tick=tick)
        if arrived is None:
            raise LoginTimedOut(minutes=spoken(ways.timeout), profile=pending.profile)
        if isinstance(arrived, Visit):
            bell = _judge_visit(arrived, expected, pending.profile)
        else:
            text = paste.read() if paste else ""
            if text == "":  # Ctrl-D, or the terminal went away: only the browser can answer now
                terminal = None
            if not text:
                continue
            ways.countdown.clear()
            bell = _judge_paste(text, expected, pending.profile, world)
        if bell is not None:
            return bell


def _judge_visit(visit: Visit, expected: Expected, profile: str) -> Doorbell | None:
    try:
        answer = read_query(visit.query, expected)
    except RedirectRefused:
        visit.answer(pages.refused())
        return None
    if isinstance(answer, Denied):
        visit.answer(pages.denied())
    return _doorbell(answer, profile, visit.answer)


def _judge_paste(text: str, expected: Expected, profile: str, world: World) -> Doorbell | None:
    try:
        answer = read_redirect(text, expected)
    except RedirectRefused as refused:
        world.tell(f"{refused} {refused.hint}")
        return None
    return _doorbell(answer, profile, lambda _page: None)


def _doorbell(answer: Redirect | Denied, profile: str, tell: Callable[[pages.Page], None]) -> Doorbell:
    if isinstance(answer, Denied):
        raise ConsentDenied.of(answer.error, profile=profile)
    return Doorbell(code=answer.code, tell=tell)
