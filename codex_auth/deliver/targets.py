"""The programs that a login can be delivered to, opened by name or again from the note of a delivery."""

from collections.abc import Callable, Mapping

from codex_auth.core.names import name_of_id
from codex_auth.deliver.codex import NAME as CODEX
from codex_auth.deliver.codex import open_codex
from codex_auth.deliver.codex_provider import ID, CodexProvider
from codex_auth.deliver.fallback import Fallback
from codex_auth.deliver.openclaw import NAME as OPENCLAW
from codex_auth.deliver.openclaw import open_openclaw
from codex_auth.deliver.openclaw_json import JsonEra
from codex_auth.deliver.openclaw_paste import PasteToken
from codex_auth.deliver.protocol import Target
from codex_auth.edge.timers import own_command
from codex_auth.neighbours import codex
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
    if place.provider_id:
        home = codex.chosen_home({**env, "CODEX_HOME": place.state})
        return CodexProvider(home, own_command(), provider_id=place.provider_id)
    if place.target == CODEX:
        return open_codex({**env, "CODEX_HOME": place.state}, kind=place.home_profile)
    named = {"OPENCLAW_STATE_DIR": place.state, "OPENCLAW_CONFIG_PATH": place.config}
    named |= {"OPENCLAW_PROFILE": place.home_profile} if place.home_profile else {}
    env = {name: value for name, value in env.items() if name != "OPENCLAW_PROFILE"} | named
    name = name_of_id(place.profile_id) or place.profile_id
    return open_target(place.target, name, agent=place.agent, env=env, locks=locks, profile_id=place.profile_id)


def codex_provider(
    env: Mapping[str, str], *, provider_id: str = "", base_url: str = "", model: str = ""
) -> CodexProvider:
    """Return the model provider in the configuration of the Codex home that this environment means."""
    home = codex.chosen_home(env)
    return CodexProvider(home, own_command(), provider_id=provider_id or ID, base_url=base_url, model=model)


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


def _codex(_profile: str, *, env: Mapping[str, str], **_how: object) -> Target:
    """One home has one login, whatever the profile is called, and no agents."""
    return open_codex(env)


TARGETS: dict[str, Callable[..., Target]] = {OPENCLAW: _openclaw, CODEX: _codex}
"""The programs that a login can be delivered to."""
