"""The programs that a login can be delivered to, opened by name or again from the note of a delivery."""

from collections.abc import Callable, Mapping

from codex_auth.core.names import name_of_id
from codex_auth.deliver.fallback import Fallback
from codex_auth.deliver.openclaw import NAME as OPENCLAW
from codex_auth.deliver.openclaw import open_openclaw
from codex_auth.deliver.openclaw_json import JsonEra
from codex_auth.deliver.openclaw_paste import PasteToken
from codex_auth.deliver.protocol import Target
from codex_auth.neighbours.openclaw import JSON_ERA, installation
from codex_auth.neighbours.openclaw_homes import MAIN, chosen_home
from codex_auth.notes.deliveries import Place


def _say_nothing(_line: str) -> None:
    """Say nothing: a renewal changes nothing that was not said at the delivery."""


def open_target(
    target: str,
    profile: str,
    *,
    agent: str,
    env: Mapping[str, str],
    locks: str,
    profile_id: str = "",
    tell: Callable[[str], None] = _say_nothing,
) -> Target:
    """Return the target that this environment means; `profile_id` is what it calls the profile, if not as usual.

    `tell` hears beforehand what a delivery changes besides. Raises `NoOpenClaw` and `OpenClawUnknown`.
    """
    return TARGETS[target](profile, agent=agent, env=env, locks=locks, profile_id=profile_id, tell=tell)


def reopen(place: Place, env: Mapping[str, str], *, locks: str) -> Target:
    """Return the target of an earlier delivery, whatever this environment means by now."""
    named = {"OPENCLAW_STATE_DIR": place.state, "OPENCLAW_CONFIG_PATH": place.config}
    named |= {"OPENCLAW_PROFILE": place.home_profile} if place.home_profile else {}
    env = {name: value for name, value in env.items() if name != "OPENCLAW_PROFILE"} | named
    name = name_of_id(place.profile_id) or place.profile_id
    return open_target(place.target, name, agent=place.agent, env=env, locks=locks, profile_id=place.profile_id)


def _openclaw(
    profile: str,
    *,
    agent: str,
    env: Mapping[str, str],
    locks: str,
    profile_id: str,
    tell: Callable[[str], None],
) -> Target:
    installed = installation(env)
    home = chosen_home(env, installed)
    opened = open_openclaw(installed, home, name=profile, agent=agent, env=env)
    if profile_id and profile_id != opened.place.profile_id:
        opened = opened.at_id(profile_id)
    if home.era != JSON_ERA:
        return Fallback(opened, PasteToken(opened, tell))
    if not name_of_id(opened.place.profile_id):
        return opened
    folder = home.agent_folder(opened.place.agent or MAIN)
    return Fallback(opened, JsonEra(opened.place, folder, locks=locks))


TARGETS = {OPENCLAW: _openclaw}
"""The programs that a login can be delivered to."""
