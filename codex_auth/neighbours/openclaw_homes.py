"""The state folders of OpenClaw on this machine: which there are, what they hold, who runs there. Only files are read.

A profile of OpenClaw's (`OPENCLAW_PROFILE`, `openclaw --profile NAME`) is a state folder of its own,
`~/.openclaw-NAME`; each holds agents, and each agent a store of credentials of its own.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codex_auth.edge import where
from codex_auth.neighbours.openclaw import AGENT_ERA, JSON_ERA, SHARED_ERA, Installation

MAIN = "main"
"""The agent that OpenClaw has where nothing else was set up."""
AGENT_DATABASE = "openclaw-agent.sqlite"
SHARED_DATABASE = os.path.join("state", "openclaw.sqlite")
_FIRST_SHARED_SCHEMA = 15
"""The schema of 2026.8.1; up to 2026.7.35 it is 1, and the shared database holds no credentials."""
_LOCK_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway that runs in a state folder, as its own lock file says."""

    pid: int
    port: int | None
    node: str
    """The Node that runs it; empty where the system does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenClawHome:
    """One state folder of OpenClaw's."""

    state: str
    config: str
    profile: str
    """OpenClaw's own profile, `default` for `~/.openclaw`; empty if the folder was named directly."""
    era: str | None
    """Where credentials are kept here, as the release says, or without one the files; None if neither does."""
    agents: tuple[str, ...]
    is_chosen: bool = False
    """Whether it is the one that an `openclaw` started with this environment would use."""

    def agent_folder(self, agent: str) -> str:
        """Return the folder of one agent's credentials."""
        return os.path.join(self.state, "agents", agent, "agent")

    @property
    def leftover_files(self) -> tuple[str, ...]:
        """The JSON files that a release of the SQLite era would stumble over (`AUTH_PROFILE_MIGRATION_REQUIRED`)."""
        if self.era in {None, JSON_ERA}:
            return ()
        files = (os.path.join(self.agent_folder(agent), where.AUTH_NAME) for agent in self.agents)
        return tuple(path for path in files if os.path.lexists(path))

    @property
    def environment(self) -> dict[str, str]:
        """What makes an `openclaw` of any release use this folder, and nothing else."""
        chosen = {"OPENCLAW_STATE_DIR": self.state, "OPENCLAW_CONFIG_PATH": self.config}
        return chosen | ({"OPENCLAW_PROFILE": self.profile} if self.profile else {})


def homes(env: Mapping[str, str], installed: Installation | None) -> list[OpenClawHome]:
    """Return the state folders there are: the chosen one first, then the others below the home folder.

    The chosen one is returned only if it exists too. Two names of one folder are one.
    """
    found: dict[str, OpenClawHome] = {}
    chosen, _ = _chosen(env)
    for state, profile in _candidates(env):
        real = os.path.realpath(state)
        if real not in found and os.path.isdir(state):
            found[real] = _look(state, profile, env, installed, is_chosen=state == chosen)
    return list(found.values())


def chosen_home(env: Mapping[str, str], installed: Installation | None) -> OpenClawHome:
    """Return the folder that an `openclaw` started with this environment would use, whether or not it exists."""
    state, profile = _chosen(env)
    return _look(state, profile, env, installed, is_chosen=True)


def gateway_of(home: OpenClawHome) -> Gateway | None:
    """Return the gateway that runs in a state folder, if its lock file says so and that process lives.

    Releases up to 2026.6.1 keep that file elsewhere: there None says nothing.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = os.path.join(home.state, "tmp", f"openclaw-{user}", "gateway.state.lock")
    try:
        with open(path, "rb") as file:
            text = file.read(_LOCK_LIMIT).decode("utf-8", "replace")
        held, _ = json.JSONDecoder().raw_decode(text.lstrip())  # padding follows
        pid, port = int(held["pid"]), held.get("port")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not os.path.isdir(f"/proc/{pid}") and os.path.isdir("/proc/self"):
        return None
    return Gateway(pid=pid, port=port if isinstance(port, int) else None, node=_program_of(pid))


def _program_of(pid: int) -> str:
    try:
        program = os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""
    return program if os.path.basename(program) == "node" else ""


def _base(env: Mapping[str, str]) -> str:
    """Return what OpenClaw takes for the home folder."""
    named = env.get("OPENCLAW_HOME", "").strip()
    home = where.home(env)
    if named == "~" or named.startswith("~/"):
        return home + named[1:]
    return os.path.abspath(named) if named else home


def _chosen(env: Mapping[str, str]) -> tuple[str, str]:
    """Return the state folder that this environment means, and which profile of OpenClaw's it is."""
    base = _base(env)
    named, profile = env.get("OPENCLAW_STATE_DIR", "").strip(), env.get("OPENCLAW_PROFILE", "").strip()
    if named:
        return os.path.abspath(base + named[1:] if named == "~" or named.startswith("~/") else named), profile
    is_default = not profile or profile.lower() == "default"
    return os.path.join(base, ".openclaw" if is_default else f".openclaw-{profile}"), "" if is_default else profile


def _candidates(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield _chosen(env)
    base = _base(env)
    try:
        names = sorted(os.listdir(base))
    except OSError:
        names = []
    for name in names:
        if name == ".openclaw" or name.startswith(".openclaw-"):
            yield os.path.join(base, name), name.removeprefix(".openclaw").removeprefix("-")


def _look(
    state: str, profile: str, env: Mapping[str, str], installed: Installation | None, *, is_chosen: bool
) -> OpenClawHome:
    named = env.get("OPENCLAW_CONFIG_PATH", "").strip() if is_chosen else ""
    agents = tuple(name for name in _names_in(os.path.join(state, "agents")) if not name.startswith("."))
    era = installed.era if installed else None
    return OpenClawHome(
        state=state,
        config=os.path.abspath(os.path.expanduser(named)) if named else os.path.join(state, "openclaw.json"),
        profile=profile,
        era=era or _era_of_files(state, agents),
        agents=agents,
        is_chosen=is_chosen,
    )


def _era_of_files(state: str, agents: tuple[str, ...]) -> str | None:
    """Return what the files say of the release that used this folder last; a guess, for where no package says it."""
    folders = [os.path.join(state, "agents", agent, "agent") for agent in agents]
    if where.schema_of(os.path.join(state, SHARED_DATABASE)) >= _FIRST_SHARED_SCHEMA:
        return SHARED_ERA
    if any(os.path.exists(os.path.join(folder, AGENT_DATABASE)) for folder in folders):
        return AGENT_ERA
    return JSON_ERA if any(os.path.exists(os.path.join(folder, where.AUTH_NAME)) for folder in folders) else None


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)))
    except OSError:
        return []
