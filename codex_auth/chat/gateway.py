"""Bringing a login to the gateway that perhaps runs the bot itself: always queued, never waited for."""

from codex_auth.chat.reply import Block, FollowUp, Reply
from codex_auth.chat.room import Desk, Room
from codex_auth.chat.verbs import APPLY, STATUS, Verb
from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.names import DEFAULT
from codex_auth.neighbours.openclaw import installation
from codex_auth.stories.queueing import queue_after_sign_in, queue_up
from codex_auth.stories.sign_in import meant_profile

_LOOK_AFTER = 30
"""Seconds until a look at the outcome is worth something, and the gateway that was told is back."""


def has_gateway(room: Room) -> bool:
    """Whether an OpenClaw is installed here, whose gateway may have to be told."""
    return installation(room.world.env) is not None


def after_queueing() -> FollowUp:
    """Return when to look how it went."""
    return FollowUp(after_seconds=_LOOK_AFTER, verb=Verb(name=STATUS))


def queued_after_sign_in(desk: Desk, profile: str) -> tuple[list[Block], dict[str, object]]:
    """Queue a login that was just stored, and return what to say of it; where there is no OpenClaw, nothing."""
    room = desk.room
    if not has_gateway(room):
        return [], {"queued": False}
    request = queue_after_sign_in(profile, room.store, room.places, room.world, reason="chat", auth_path=room.auth_path)
    if isinstance(request, AuthError):
        return [desk.say("not_queued", profile=profile)], {"queued": False}
    return [desk.say("queued"), desk.say("queued_then")], {"queued": True, "queue_id": request.id}


def applied(desk: Desk, verb: Verb) -> Reply:
    """Queue a login that is there; the gateway is told to use it, and not restarted."""
    return queued(desk, stored_profile(desk, verb.profile), wants_restart=False, verb=APPLY)


def queued(desk: Desk, profile: str, *, wants_restart: bool, verb: str) -> Reply:
    """Queue a login, and return what to say of it."""
    room = desk.room
    if not has_gateway(room):
        return Reply(verb=verb, blocks=(desk.say("no_gateway"),), error="no_openclaw", exit_code=1)
    request = queue_up(
        profile,
        room.store,
        room.places,
        room.world,
        reason="chat",
        auth_path=room.auth_path,
        wants_restart=wants_restart,
    )
    warning = desk.say("queued_restart" if wants_restart else "queued")
    return Reply(
        verb=verb,
        blocks=(warning, desk.say("queued_then")),
        progress=True,
        follow_up=after_queueing(),
        facts={"profile": profile, "queued": True, "queue_id": request.id},
    )


def stored_profile(desk: Desk, asked: str | None) -> str:
    """Return the profile that is meant, which has to be there. Raises `ProfileNotFound`."""
    profile = meant_profile(asked or DEFAULT, desk.room.store)
    if profile not in desk.room.store.names():
        raise ProfileNotFound(profile=profile)
    return profile
