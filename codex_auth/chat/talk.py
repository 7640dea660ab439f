"""One message in, one reply out, whatever is in it and whatever goes wrong.

The order: read it, see who may ask, answer what was just answered once more, do it, keep the answer. Nothing leaves
here but a reply that was made of our own sentences; what an exception says is not looked at.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from codex_auth.chat import failing, gateway, overview, sign_in, verbs
from codex_auth.chat.book import Book, Question
from codex_auth.chat.message import Message, read_message
from codex_auth.chat.render import document
from codex_auth.chat.reply import Reply
from codex_auth.chat.room import Desk, Room
from codex_auth.chat.verbs import Verb, looks_pasted, read_verb, resolved
from codex_auth.chat.words import language_of
from codex_auth.core.chat_errors import MessageRefused, NotAnOperator
from codex_auth.core.errors import AuthError
from codex_auth.core.store_errors import LockBusy

Document = dict[str, object]

_ACTS: dict[str, Callable[[Desk, Verb], Reply]] = {
    verbs.MENU: sign_in.menu,
    verbs.NEW: sign_in.new,
    verbs.CHOOSE: sign_in.choose,
    verbs.DEVICE: sign_in.by_device,
    verbs.LINK: sign_in.by_link,
    verbs.FINISH: sign_in.finished,
    verbs.POLL: sign_in.polled,
    verbs.CANCEL: sign_in.cancelled,
    verbs.STATUS: overview.status,
    verbs.USAGE: overview.usage,
    verbs.APPLY: gateway.applied,
    verbs.HELP: overview.help_,
}
_PASSES = 8
"""The exit status of trouble that passes: its answer is not kept, for the next try may go better."""


def answer(data: bytes, open_room: Callable[[], Room]) -> Document:
    """Return the reply to one message, as `schemas/reply.json` describes it. Raises nothing but a request to stop."""
    try:
        message = read_message(data)
    except MessageRefused as refused:
        return document(replace(failing.unreadable(refused), delete_message=looks_pasted(data)), None)
    try:
        return _at_the_desk(message, open_room())
    except AuthError as error:
        return document(failing.without_room(error, language_of(message.locale)), message)
    except Exception:  # noqa: BLE001 - this is a door: whatever it is, its text must not get out
        return document(failing.broken(language_of(message.locale), "none"), message)


def stopped(data: bytes, status: int) -> Document:
    """Return the reply of a process that was asked to stop."""
    try:
        message = read_message(data)
    except MessageRefused:
        message = None
    language = language_of(message.locale if message else "")
    return document(failing.broken(language, "none", "interrupted", status), message)


def _at_the_desk(message: Message, room: Room) -> Document:
    desk = Desk(room=room, message=message, book=Book(room.places, room.world))
    verb = Verb(name=verbs.HELP)
    try:
        if room.operators and not desk.is_operator:
            raise NotAnOperator
        verb = read_verb(message)
        with desk.book.turn(desk.who):
            desk.book.count(desk.who)
            return _once(desk, verb)
    except LockBusy:
        return document(failing.broken(desk.language, verb.name, "busy", LockBusy.status), message)
    except AuthError as error:
        return document(failing.failed(error, desk, verb.name), message)


def _once(desk: Desk, verb: Verb) -> Document:
    """Answer a message, or answer it as moments ago; polling has a pace of its own."""
    said = _said(desk.message, verb)
    kept = None if verb.name == verbs.POLL else desk.book.answer(desk.who, said)
    if kept is not None:
        again = _again(kept, desk)
        if again is not None:
            return again
    reply = _done(desk, verb)
    shown = document(reply, desk.message)
    if verb.name != verbs.POLL and reply.exit_code != _PASSES:
        kept_form = {"began": reply.facts["profile"]} if "login_url" in shown else {"reply": shown}
        desk.book.keep(desk.who, said, kept_form, acted=verb.acts)
    return shown


def _said(message: Message, verb: Verb) -> str:
    """Return what makes two messages the same: what acts is the same when it says the same; else the same message."""
    words = (message.text or message.callback_data).strip()
    return words if verb.acts else f"{message.message_id} {words}"


def _again(kept: Mapping[str, Any], desk: Desk) -> Document | None:
    """Return what was kept of an answer. A link or code is not kept; it is made again of the sign-in that waits."""
    if "reply" in kept:
        return {**kept["reply"], "duplicate": True}
    reply = sign_in.began_before(desk, kept["began"])
    return None if reply is None else document(replace(reply, duplicate=True), desk.message)


def _done(desk: Desk, verb: Verb) -> Reply:
    try:
        verb = replace(verb, profile=resolved(verb, sign_in.ordered(desk) if verb.digest else ()), digest="")
        if verb.name == verbs.CONFIRM:
            return _confirmed(desk, desk.book.confirm(desk.who, verb.ticket))
        if verb.name == verbs.RESTART:
            profile = gateway.stored_profile(desk, verb.profile)
            return sign_in.sure(desk, Question(verb=verbs.RESTART, profile=profile))
        return _ACTS[verb.name](desk, verb)
    except AuthError as error:
        return failing.failed(error, desk, verb.name, verb.profile or "")
    except Exception:  # noqa: BLE001 - as above; what was acted on is kept, so that a double tap does not act again
        return failing.broken(desk.language, verb.name)


def _confirmed(desk: Desk, question: Question) -> Reply:
    if question.verb == verbs.CANCEL:
        return sign_in.cancelled_for_sure(desk, question)
    return gateway.queued(desk, question.profile, wants_restart=True, verb=verbs.CONFIRM)
