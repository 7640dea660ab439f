"""The programs that a login can be delivered to, opened by name or again from the note of a delivery."""

from collections.abc import Mapping

from codex_auth.core.names import name_of_id
from codex_auth.deliver.openclaw import NAME as OPENCLAW
from codex_auth.deliver.openclaw import OpenClaw, open_openclaw
from codex_auth.deliver.protocol import Target
from codex_auth.edge.deliveries import Place
from codex_auth.edge.openclaw import installation
from codex_auth.edge.openclaw_homes import chosen_home


def open_target(target: str, profile: str, *, agent: str, env: Mapping[str, str], profile_id: str = "") -> Target:
    """Return the target that this environment means; `profile_id` is what it calls the profile, if not as usual.

    Raises `NoOpenClaw` and `OpenClawUnknown`.
    """
    opened = TARGETS[target](profile, agent=agent, env=env)
    return opened.at_id(profile_id) if profile_id and profile_id != opened.place.profile_id else opened


def reopen(place: Place, env: Mapping[str, str]) -> Target:
    """Return the target of an earlier delivery, whatever this environment means by now."""
    named = {"OPENCLAW_STATE_DIR": place.state, "OPENCLAW_CONFIG_PATH": place.config}
    named |= {"OPENCLAW_PROFILE": place.home_profile} if place.home_profile else {}
    kept = {name: value for name, value in env.items() if name != "OPENCLAW_PROFILE"}
    name = name_of_id(place.profile_id) or place.profile_id
    return open_target(place.target, name, agent=place.agent, env={**kept, **named}, profile_id=place.profile_id)


def _openclaw(profile: str, *, agent: str, env: Mapping[str, str]) -> OpenClaw:
    installed = installation(env)
    return open_openclaw(installed, chosen_home(env, installed), name=profile, agent=agent, env=env)


TARGETS = {OPENCLAW: _openclaw}
"""The programs that a login can be delivered to."""
