"""Queueing a login for OpenClaw's gateway, and starting what does the queue in the background."""

from codex_auth.core.errors import AuthError
from codex_auth.deliver.openclaw import NAME as OPENCLAW
from codex_auth.edge.places import Places
from codex_auth.edge.timers import own_command
from codex_auth.edge.watcher import start
from codex_auth.edge.world import World
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import OpenClawHome, chosen_home
from codex_auth.notes.deliveries import Place
from codex_auth.notes.queue import ITS_FILE, ITS_LOGIN, Request
from codex_auth.stores.protocol import Store
from codex_auth.stories.apply import drafted, enqueue
from codex_auth.stories.deliver import is_in_file_of


def draft(
    profile: str,
    store: Store,
    places: Places,
    world: World,
    *,
    reason: str,
    agent: str = "",
    wants_restart: bool = False,
) -> Request:
    """Return the request for a login in the state folder that this environment means."""
    home = chosen_home(world.env, installation(world.env))
    return drafted(
        profile,
        home,
        agent=agent,
        reason=reason,
        is_there_as=_is_there_as(profile, home, agent, store, places),
        wants_restart=wants_restart,
        world=world,
    )


def queue_up(
    profile: str,
    store: Store,
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
    new = draft(profile, store, places, world, reason=reason, agent=agent, wants_restart=wants_restart)
    request = enqueue(new, places=places, world=world)
    if in_background:
        also = ["--auth-path", auth_path] if auth_path else []
        start([*own_command(), "apply", "--watch", *also], f"{request.id}-{world.random(2).hex()}", world.env)
    return request


def queue_after_sign_in(
    profile: str, store: Store, places: Places, world: World, *, reason: str, auth_path: str
) -> Request | AuthError:
    """Do so after a sign-in, whose success is not undone by trouble here."""
    try:
        return queue_up(profile, store, places, world, reason=reason, auth_path=auth_path)
    except AuthError as error:
        return error


def _is_there_as(profile: str, home: OpenClawHome, agent: str, store: Store, places: Places) -> str:
    """Tell by what OpenClaw has a login already, `ITS_FILE` or `ITS_LOGIN`; empty where it has to be delivered."""
    place = Place(
        target=OPENCLAW, state=home.state, config=home.config, home_profile=home.profile, agent=agent, profile_id=""
    )
    try:
        if is_in_file_of(place, profile, store, places):
            return ITS_FILE
        owner = next((card.owner for card in store.cards() if card.profile == profile), "")
    except AuthError:
        return ""  # what is wrong is said where it is needed
    return ITS_LOGIN if owner == OPENCLAW else ""
