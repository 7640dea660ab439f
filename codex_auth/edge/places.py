"""Where things are kept on this machine, and by which rule each place was chosen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_auth.core.errors import ConfigDamaged, StoreError, UsageError

PENDING_NAME = "codex-auth-pending.json"
AUTH_NAME = "auth-profiles.json"
_CONFIG_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `config.toml` says. Every part is optional."""

    auth_path: str = ""
    store: str = ""
    profile: str = ""
    issuers: frozenset[str] = frozenset()
    """https issuers that `--issuer` may name besides OpenAI's; nothing else can add one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Every path this run uses. Nothing is created by looking."""

    state: str
    data: str
    config_file: str
    auth_path: str
    auth_rule: str
    """Why `auth_path` was chosen, in words for `status --why`."""
    is_openclaw_file: bool
    config: Config = field(default_factory=Config)
    state_is_ours: bool = False
    """`CODEX_AUTH_STATE_DIR` moves all state, the pending-state file included."""

    @property
    def locks(self) -> str:
        """The folder of our lock files."""
        return os.path.join(self.state, "locks")

    @property
    def index(self) -> str:
        """The list of what a keyring or vault holds, without the secrets."""
        return os.path.join(self.data, "index.json")

    @property
    def seal_key(self) -> str:
        """The key that seals pending logins; never in the same folder as the default pending-state file."""
        return os.path.join(self.state, "seal.key")


def find_places(env: Mapping[str, str], *, auth_path: str = "", assume_openclaw: bool = False) -> Places:
    """Return this run's places: the command line first, then `CODEX_AUTH_*`, configuration, the XDG folders.

    `assume_openclaw` is the skill's entry: without any OpenClaw folder it still writes where OpenClaw of the
    JSON era reads. Raises `StoreError` for a home that cannot be used and `ConfigDamaged`.
    """
    home = _home(env)
    config_file = os.path.join(_xdg(env, "XDG_CONFIG_HOME", home, ".config"), "codex-auth", "config.toml")
    config = _read_config(config_file)
    own_state = env.get("CODEX_AUTH_STATE_DIR", "")
    if own_state and not os.path.isabs(own_state):
        raise UsageError(problem="CODEX_AUTH_STATE_DIR must be an absolute path.", command="status")
    path, rule, is_openclaw = _choose_auth_path(env, home, config, auth_path, assume_openclaw=assume_openclaw)
    return Places(
        state=own_state or os.path.join(_xdg(env, "XDG_STATE_HOME", home, ".local", "state"), "codex-auth"),
        data=_data(env, home),
        state_is_ours=bool(own_state),
        config_file=config_file,
        config=config,
        auth_path=path,
        auth_rule=rule,
        is_openclaw_file=is_openclaw,
    )


def _home(env: Mapping[str, str]) -> str:
    home = env.get("HOME") or env.get("USERPROFILE", "")
    if not home:
        try:
            import pwd

            home = pwd.getpwuid(os.geteuid()).pw_dir
        except (ImportError, KeyError):
            home = ""
    if not os.path.isabs(home):
        raise StoreError(path="The home folder", problem="HOME is not set to an absolute path")
    return home


def _xdg(env: Mapping[str, str], name: str, home: str, *default: str) -> str:
    # A relative value must be ignored (XDG Base Directory Specification, "Basics").
    value = env.get(name, "")
    return value if os.path.isabs(value) else os.path.join(home, *default)


def _data(env: Mapping[str, str], home: str) -> str:
    return os.path.join(_xdg(env, "XDG_DATA_HOME", home, ".local", "share"), "codex-auth")


def _choose_auth_path(
    env: Mapping[str, str], home: str, config: Config, asked: str, *, assume_openclaw: bool
) -> tuple[str, str, bool]:
    for value, rule in (
        (asked, "--auth-path"),
        (env.get("CODEX_AUTH_PATH", ""), "CODEX_AUTH_PATH"),
        (config.auth_path, "auth_path in the configuration file"),
    ):
        if value:
            path = os.path.abspath(os.path.expanduser(value))
            return path, f"{rule} names it", _is_agent_folder(os.path.dirname(path), env, home)
    agent = os.path.join(_openclaw_state(env, home), "agents", "main", "agent")
    own = os.path.join(_data(env, home), AUTH_NAME)
    if keeps_sqlite(agent):
        return own, "OpenClaw here keeps its credentials in SQLite, so this is codex-auth's own file", False
    if os.path.isdir(agent):
        return os.path.join(agent, AUTH_NAME), "OpenClaw here reads this file (JSON era)", True
    if assume_openclaw and not os.path.isdir(_openclaw_state(env, home)):
        return os.path.join(agent, AUTH_NAME), "the skill's documented place; there is no OpenClaw folder yet", True
    return own, "codex-auth's own file; there is no OpenClaw agent folder", False


def _openclaw_state(env: Mapping[str, str], home: str) -> str:
    value = env.get("OPENCLAW_STATE_DIR", "")
    return os.path.expanduser(value) if value else os.path.join(home, ".openclaw")


def _is_agent_folder(folder: str, env: Mapping[str, str], home: str) -> bool:
    inside = os.path.join(_openclaw_state(env, home), "agents") + os.sep
    return folder.startswith(inside) and os.path.basename(folder) == "agent"


def keeps_sqlite(agent: str) -> bool:
    """Whether the OpenClaw of this agent folder keeps credentials in SQLite (2026.6.5 and later)."""
    state = os.path.dirname(os.path.dirname(os.path.dirname(agent)))
    return os.path.exists(os.path.join(agent, "openclaw-agent.sqlite")) or os.path.exists(
        os.path.join(state, "state", "openclaw.sqlite")
    )


def _read_config(path: str) -> Config:
    try:
        with open(path, "rb") as file:
            text = file.read(_CONFIG_LIMIT + 1)
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise ConfigDamaged(path=path, problem=os.strerror(error.errno or 0).lower()) from None
    import tomllib

    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError):
        raise ConfigDamaged(path=path, problem="it is not valid TOML") from None
    known = {"auth_path", "store", "profile"}
    for key in sorted(known & table.keys()):
        if not isinstance(table[key], str):
            raise ConfigDamaged(path=path, problem=f"{key} must be a string")
    issuers = table.get("issuers", [])
    if not isinstance(issuers, list) or not all(isinstance(item, str) for item in issuers):
        raise ConfigDamaged(path=path, problem="issuers must be a list of addresses")
    return Config(
        **{key: table[key] for key in known & table.keys()},
        issuers=frozenset(item.rstrip("/") for item in issuers),
    )
