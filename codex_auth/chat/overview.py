"""What there is: profiles, sign-ins that wait, what was brought to the gateway, and the limits."""

from datetime import datetime

from codex_auth.chat.reply import Block, Button, Reply
from codex_auth.chat.room import Desk
from codex_auth.chat.sign_in import account
from codex_auth.chat.usage import blocks
from codex_auth.chat.verbs import MENU, STATUS, USAGE, Verb
from codex_auth.chat.words import span
from codex_auth.core.card import OWNER_SELF, Card
from codex_auth.core.chat_errors import UsageUnavailable
from codex_auth.core.errors import ProfileNotFound
from codex_auth.notes import queue as steps
from codex_auth.notes.pending import Waiting
from codex_auth.notes.queue import Request
from codex_auth.stories.sign_in import meant_profile
from codex_auth.stories.status import EXPIRED, UNKNOWN, Report, life, look

_EFFECTS = {steps.NOW: "_now", steps.NEXT_START: "_next_start", steps.SECOND_TURN: "_second_turn", "": ""}


def status(desk: Desk, verb: Verb) -> Reply:
    """Say where things stand. Reads local files only."""
    room = desk.room
    report = look(room.store, room.places, room.world, selector=verb.profile)
    now = room.world.now()
    lines = [
        *(_card(card, report, desk, now) for card in report.cards),
        *(desk.say("status_copies", profile=profile) for profile in report.copies),
        *(desk.say("status_refused", profile=profile) for profile in report.refused),
        *(_waiting(each, desk, now) for each in report.waiting),
        *(_request(each, desk, now) for each in (*report.queue, *report.applied)),
        *(desk.say("status_trouble", code=trouble.code) for trouble in report.trouble),
    ]
    if verb.profile is None and len(report.cards) > 1:
        lines.append(desk.say("status_default", profile=report.default))
    return Reply(
        verb=STATUS,
        blocks=tuple(lines) or (desk.say("status_none"),),
        buttons=_buttons(desk),
        progress=bool(report.queue),
        error=report.trouble[0].code if report.trouble else "",
        exit_code=report.trouble[0].status if report.trouble else 0,
    )


def usage(desk: Desk, verb: Verb) -> Reply:
    """Show the limits of one profile, or of all. Raises `UsageUnavailable` and `ProfileNotFound`."""
    room = desk.room
    names = room.store.names()
    if not names:
        return Reply(verb=USAGE, blocks=(desk.say("usage_none"),))
    if verb.profile is not None:
        profile = meant_profile(verb.profile, room.store)
        if profile not in names:
            raise ProfileNotFound(profile=profile)
        names = [profile]
    if room.usage is None:
        raise UsageUnavailable
    shown = blocks(room.usage(names), desk.language, room.world.now())
    return Reply(verb=USAGE, blocks=shown, buttons=(Button(desk.words("label_status"), Verb(name=STATUS)),))


def help_(desk: Desk, _verb: Verb) -> Reply:
    """Say what can be asked for."""
    return Reply(verb="help", blocks=(desk.say("help"),), buttons=_buttons(desk))


def _buttons(desk: Desk) -> tuple[Button, ...]:
    return (
        Button(desk.words("label_menu"), Verb(name=MENU)),
        Button(desk.words("label_usage"), Verb(name=USAGE)),
    )


def _card(card: Card, report: Report, desk: Desk, now: datetime) -> Block:
    facts: dict[str, object] = {"profile": card.profile, "account": account(card.identity)}
    state = life(card, now)
    if card.kind == "api_key":
        return desk.say("status_key", **facts)
    if card.owner != OWNER_SELF:
        return desk.say("status_owner", owner=card.owner, **facts)
    if card.has_refresh_token and card.profile not in report.refused:
        return desk.say("status_renewable", **facts)
    if state == EXPIRED:
        return desk.say("status_expired", **facts)
    if state == UNKNOWN or card.expires is None:
        return desk.say("status_unknown", **facts)
    return desk.say("status_live", left=span(desk.language, card.expires - now), **facts)


def _waiting(waiting: Waiting, desk: Desk, now: datetime) -> Block:
    whose = "yours" if waiting.requester == desk.who else "other"
    return desk.say(f"status_waiting_{whose}", profile=waiting.profile, left=span(desk.language, waiting.expires - now))


def _request(request: Request, desk: Desk, now: datetime) -> Block:
    name = f"apply_{request.step}"
    if request.step == steps.DONE:
        name += _EFFECTS.get(request.effect, "")
    code = request.outcome.code if request.outcome else "failure"
    return desk.say(name, profile=request.profile, ago=span(desk.language, now - request.updated), code=code)
