"""Queueing a login for OpenClaw's gateway, and starting what does the queue in the background."""

from codex_auth.core.errors import AuthError
from codex_auth.edge.places import Places
from codex_auth.edge.timers import own_command
from codex_auth.edge.watcher import start
from codex_auth.edge.world import World
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import chosen_home
from codex_auth.notes.queue import Request
from codex_auth.stories.apply import enqueue


def queue_up(
    profile: str,
    places: Places,
    world: World,
    *,
    reason: str,
    auth_path: str = "",
    agent: str = "",
    wants_restart: bool = False,
    in_background: bool = True,
) -> Request:
    """Queue a login durably, then start the watcher, and return the request."""
    home = chosen_home(world.env, installation(world.env))
    request = enqueue(
        profile, home, agent=agent, reason=reason, wants_restart=wants_restart, places=places, world=world
    )
    if in_background:
        also = ["--auth-path", auth_path] if auth_path else []
        start([*own_command(), "apply", "--watch", *also], f"{request.id}-{world.random(2).hex()}", world.env)
    return request


def queue_after_sign_in(
    profile: str, places: Places, world: World, *, reason: str, auth_path: str
) -> Request | AuthError:
    """Do so after a sign-in, whose success is not undone by trouble here."""
    try:
        return queue_up(profile, places, world, reason=reason, auth_path=auth_path)
    except AuthError as error:
        return error
