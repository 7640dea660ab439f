"""Signing in from a chat: choose a profile, choose a way, finish, ask about a code, forget it."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

from codex_auth.chat.book import QUESTION_SECONDS, Question
from codex_auth.chat.escape import tame
from codex_auth.chat.gateway import after_queueing, has_gateway, queued_after_sign_in
from codex_auth.chat.render import stamp
from codex_auth.chat.reply import Block, Button, Code, FollowUp, Line, Link, Reply
from codex_auth.chat.room import Desk
from codex_auth.chat.verbs import CANCEL, CHOOSE, CONFIRM, DEVICE, FINISH, LINK, MENU, NEW, POLL, STATUS, Verb
from codex_auth.chat.words import sentence, span
from codex_auth.core.card import Identity
from codex_auth.core.errors import DevicePending, ForeignPendingLogin, NoPendingLogin, UsageError
from codex_auth.core.names import DEFAULT
from codex_auth.core.secret import Secret
from codex_auth.core.text import mask_account, mask_email
from codex_auth.notes.pending import PendingFile, Waiting
from codex_auth.stories.device import granted
from codex_auth.stories.device_steps import finish_device, start_device, waits_for_device
from codex_auth.stories.shown_again import shown_again
from codex_auth.stories.sign_in import Wanted, meant_profile
from codex_auth.stories.two_step import Started, cancel, finish, start

_OFFERED = 8
"""So many profiles get a button; the others are typed."""
_PACE = ((timedelta(minutes=2), 15), (timedelta(minutes=5), 30))
"""While a code is so young, how many seconds to wait before asking again; an agent pays for every question."""
_SLOWEST = 60


def menu(desk: Desk, _verb: Verb) -> Reply:
    """Show the profiles there are."""
    names = ordered(desk)
    if not names:
        return Reply(verb=MENU, blocks=(desk.say("menu_empty"),), buttons=(_new(desk),))
    shown = names[:_OFFERED]
    blocks = [desk.say("menu")]
    if len(names) > len(shown):
        blocks.append(desk.say("menu_more", count=len(names) - len(shown)))
    buttons = [Button(tame(name), Verb(name=CHOOSE, profile=name)) for name in shown]
    return Reply(verb=MENU, blocks=tuple(blocks), buttons=(*buttons, _new(desk)), is_choice=True)


def new(desk: Desk, _verb: Verb) -> Reply:
    """Say how a new profile is begun: its name has to be typed."""
    return Reply(verb=NEW, blocks=(desk.say("new"),))


def choose(desk: Desk, verb: Verb) -> Reply:
    """Offer the ways to sign in to a profile, and warn of what comes after."""
    room, asked = desk.room, verb.profile or DEFAULT
    profile = meant_profile(asked, room.store)
    blocks = [desk.say("choose" if profile in room.store.names() else "choose_new", profile=profile)]
    if asked != profile:
        blocks.append(desk.say("choose_default", profile=profile))
    blocks += [desk.say("choose_device"), desk.say("choose_private")]
    if has_gateway(room):
        blocks.append(desk.say("choose_gateway"))
    ways = ((DEVICE, "label_device"), (LINK, "label_link"), (CANCEL, "label_cancel"))
    buttons = tuple(Button(desk.words(label), Verb(name=way, profile=profile)) for way, label in ways)
    return Reply(verb=CHOOSE, blocks=tuple(blocks), buttons=buttons, facts={"profile": profile})


def by_device(desk: Desk, verb: Verb) -> Reply:
    """Begin a sign-in by device code."""
    room = desk.room
    return began(desk, start_device(_wanted(desk, verb), store=room.store, places=room.places, world=room.world))


def by_link(desk: Desk, verb: Verb) -> Reply:
    """Begin a sign-in whose redirect is pasted."""
    room = desk.room
    return began(desk, start(_wanted(desk, verb), store=room.store, places=room.places, world=room.world))


def began_before(desk: Desk, profile: str) -> Reply | None:
    """Return what was answered when the sign-in of a profile began that waits now; None where none does."""
    room = desk.room
    started = shown_again(profile, requester=desk.who, store=room.store, places=room.places, world=room.world)
    return None if started is None else began(desk, started)


def began(desk: Desk, started: Started) -> Reply:
    """Return the link or the code, and what to do with it."""
    profile = started.login.profile
    facts: dict[str, object] = {
        "profile": profile,
        "login_url": started.login_url,
        "expires_at": stamp(started.login.expires),
    }
    replaced = [desk.say("replaced")] if started.replaced else []
    forget = Button(desk.words("label_cancel"), Verb(name=CANCEL, profile=profile))
    if not started.user_code:
        return Reply(
            verb=LINK, blocks=(*_link_blocks(desk, started), *replaced), buttons=(forget,), progress=True, facts=facts
        )
    poll = Verb(name=POLL, profile=profile)
    pause = max(_PACE[0][1], math.ceil(granted(started.login).interval))
    return Reply(
        verb=DEVICE,
        blocks=(*_device_blocks(desk, started), *replaced),
        buttons=(Button(desk.words("label_approved"), poll), forget),
        progress=True,
        follow_up=FollowUp(after_seconds=pause, verb=poll, until=started.login.expires),
        facts=facts | {"verification_url": started.login_url, "user_code": started.user_code},
    )


def finished(desk: Desk, verb: Verb) -> Reply:
    """Use what was pasted, at once."""
    room = desk.room
    profile = verb.profile or _only_mine(desk)
    try:
        credential = finish(
            profile,
            verb.paste or Secret(""),
            requester=desk.who,
            store=room.store,
            places=room.places,
            world=room.world,
        )
    except UsageError:  # several wait, and the paste does not say whose it is
        return _which(desk, FINISH, FINISH)
    return _signed_in(desk, FINISH, credential.profile, credential.identity, credential.expires)


def polled(desk: Desk, verb: Verb) -> Reply:
    """Ask once whether a code was approved."""
    room, mine = desk.room, _mine(desk)
    profile = verb.profile or _only_mine(desk)
    if profile is None and len(mine) > 1:
        return _which(desk, POLL, POLL)
    store, places, world = room.store, room.places, room.world
    try:
        waits_for_device(profile, store=store, places=places, world=world)  # says how the last one ended
        credential = finish_device(profile, requester=desk.who, store=store, places=places, world=world)
    except DevicePending as pending:
        return _still_waiting(desk, pending, mine)
    except UsageError:
        return _which(desk, POLL, POLL)
    return _signed_in(desk, POLL, credential.profile, credential.identity, credential.expires)


def cancelled(desk: Desk, verb: Verb) -> Reply:
    """Forget a sign-in; one of somebody else's only if an operator says so twice."""
    mine = _mine(desk)
    profile = verb.profile or _only_mine(desk)
    if profile is None:
        return _which(desk, CANCEL, CANCEL) if mine else _nothing(desk, "nothing_waits_at_all")
    profile = meant_profile(profile, desk.room.store)
    try:
        return _forgotten(desk, profile, desk.who, CANCEL)
    except NoPendingLogin:
        return _nothing(desk, "nothing_waits", profile=profile)
    except ForeignPendingLogin:
        if not desk.is_operator:
            raise
        waiting = next(each for each in _waiting(desk) if each.profile == profile)
        return sure(desk, Question(verb=CANCEL, profile=profile, about=waiting.id))


def cancelled_for_sure(desk: Desk, question: Question) -> Reply:
    """Forget somebody else's sign-in, if it is still the one that was asked about."""
    waiting = next((each for each in _waiting(desk) if each.id == question.about), None)
    if waiting is None or not desk.is_operator:
        return _nothing(desk, "nothing_waits", profile=question.profile)
    return _forgotten(desk, waiting.profile, waiting.requester, CONFIRM)


def sure(desk: Desk, question: Question) -> Reply:
    """Ask whether that is really meant."""
    ticket = desk.book.ask(desk.who, question)
    left = span(desk.language, timedelta(seconds=QUESTION_SECONDS))
    return Reply(
        verb=question.verb,
        blocks=(desk.say(f"sure_{question.verb}", profile=question.profile), desk.say("sure_until", left=left)),
        buttons=(Button(desk.words("label_yes"), Verb(name=CONFIRM, ticket=ticket)),),
        progress=True,
        facts={"profile": question.profile},
    )


def ordered(desk: Desk) -> list[str]:
    """Return the names there are, the default one first, with those this sender is signing in to."""
    names = desk.room.store.names()
    waiting = [each.profile for each in _mine(desk) if each.profile not in names]
    default = [DEFAULT] if DEFAULT in names else []
    return [*default, *(name for name in names if name != DEFAULT), *waiting]


def account(identity: Identity) -> str:
    """Return whose login it is, masked: a chat has more readers than a terminal."""
    return mask_email(identity.email) if identity.email else mask_account(identity.account_id)


def _wanted(desk: Desk, verb: Verb) -> Wanted:
    room = desk.room
    return Wanted(selector=verb.profile or DEFAULT, provider=room.provider, callback=room.callback, requester=desk.who)


def _link_blocks(desk: Desk, started: Started) -> tuple[Block, ...]:
    login = started.login
    return (
        desk.say("link", profile=login.profile, left=_left(desk, login.expires)),
        Link(started.login_url, desk.words("link_page")),
        Line(sentence(desk.language, "link_ends", redirect=login.redirect_uri)),
        desk.say("link_then", profile=login.profile),
        desk.say("link_secret"),
    )


def _device_blocks(desk: Desk, started: Started) -> tuple[Block, ...]:
    login = started.login
    hint = [desk.say("device_allowed")] if started.may_paste else []
    return (
        desk.say("device", profile=login.profile, left=_left(desk, login.expires)),
        Link(started.login_url, desk.words("device_page")),
        Code(started.user_code),
        desk.say("device_only"),
        *hint,
        desk.say("device_then", profile=login.profile),
    )


def _signed_in(desk: Desk, verb: str, profile: str, identity: Identity, expires: datetime) -> Reply:
    whose = {"profile": profile, "account": account(identity), "plan": identity.plan}
    blocks, facts = queued_after_sign_in(desk, profile)
    return Reply(
        verb=verb,
        blocks=(
            desk.say("signed_in_plan" if identity.plan else "signed_in", **whose),
            desk.say("signed_in_ends", left=_left(desk, expires)),
            *blocks,
        ),
        buttons=(Button(desk.words("label_status"), Verb(name=STATUS)),),
        progress=bool(facts.get("queued")),
        follow_up=after_queueing() if facts.get("queued") else None,
        facts={"profile": profile, **facts},
    )


def _still_waiting(desk: Desk, pending: DevicePending, mine: list[Waiting]) -> Reply:
    profile = pending.facts["profile"]
    waiting = next((each for each in mine if each.profile == profile), None)
    now = desk.room.world.now()
    until = waiting.expires if waiting else now
    poll = Verb(name=POLL, profile=profile)
    age = now - waiting.created if waiting else timedelta()
    pause = max(math.ceil(pending.seconds), next((seconds for up_to, seconds in _PACE if age < up_to), _SLOWEST))
    forget = Button(desk.words("label_cancel"), Verb(name=CANCEL, profile=profile))
    return Reply(
        verb=POLL,
        blocks=(desk.say("waiting", profile=profile, left=_left(desk, until)),),
        buttons=(Button(desk.words("label_approved"), poll), forget),
        progress=True,
        follow_up=FollowUp(after_seconds=pause, verb=poll, until=until),
        facts={"profile": profile},
    )


def _forgotten(desk: Desk, profile: str, requester: str, verb: str) -> Reply:
    room = desk.room
    gone = cancel(profile, requester=requester, store=room.store, places=room.places, world=room.world)
    return Reply(verb=verb, blocks=(desk.say("cancelled", profile=gone),), facts={"profile": gone})


def _which(desk: Desk, verb: str, asked: str) -> Reply:
    names = [each.profile for each in _mine(desk)]
    if not names:  # those that wait are others'
        return replace(_nothing(desk, "nothing_waits_at_all"), verb=verb, error=NoPendingLogin.code, exit_code=3)
    said = Line(sentence(desk.language, "several_wait", profiles=", ".join(map(tame, names))))
    if asked == FINISH:  # a button cannot carry the address
        return Reply(verb=verb, blocks=(said,), error="several_wait", exit_code=2)
    buttons = tuple(Button(tame(name), Verb(name=asked, profile=name)) for name in names[:_OFFERED])
    return Reply(verb=verb, blocks=(said,), buttons=buttons, error="several_wait", exit_code=2)


def _nothing(desk: Desk, sentence_name: str, **facts: object) -> Reply:
    return Reply(verb=CANCEL, blocks=(desk.say(sentence_name, **facts),))


def _new(desk: Desk) -> Button:
    return Button(desk.words("label_new"), Verb(name=NEW))


def _left(desk: Desk, end: datetime) -> str:
    return span(desk.language, end - desk.room.world.now())


def _waiting(desk: Desk) -> list[Waiting]:
    now = desk.room.world.now()
    table = PendingFile(desk.room.places).read()
    return [each for each in table.waiting.values() if each.is_live(now)]


def _mine(desk: Desk) -> list[Waiting]:
    return [each for each in _waiting(desk) if each.requester == desk.who]


def _only_mine(desk: Desk) -> str | None:
    mine = _mine(desk)
    return mine[0].profile if len(mine) == 1 else None
