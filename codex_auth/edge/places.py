"""Where things are kept on this machine, and by which rule each place was chosen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_auth.core.errors import ConfigDamaged, StoreError, UsageError
from codex_auth.edge import where

STORE_KINDS = ("file", "keyring", "vault", "auto")
"""What may be named: the words of Codex's `cli_auth_credentials_store` where they mean the same."""
PENDING_NAME = "codex-auth-pending.json"
_CONFIG_LIMIT = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What `config.toml` says. Every part is optional."""

    auth_path: str = ""
    store: str = ""
    profile: str = ""
    issuers: frozenset[str] = frozenset()
    """https issuers that `--issuer` may name besides OpenAI's; nothing else can add one."""
    codex_homes: tuple[str, ...] = ()
    """Further Codex homes on this machine, in which a copy of a login may lie."""
    passphrase_command: str = ""
    """The command that prints the vault's passphrase; without one the terminal is asked."""
    hook: str = ""
    """The command that `keep` runs when the state of a login changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Every path this run uses. Nothing is created by looking."""

    state: str
    data: str
    """Our own folder for what lasts; the profiles file may be elsewhere."""
    config_file: str
    auth_path: str
    auth_rule: str
    """Why `auth_path` was chosen, in words for `status --why`."""
    is_openclaw_file: bool
    store: str = "file"
    """Where new profiles are put: a kind of store, or `auto`."""
    store_rule: str = "it is the default"
    config: Config = field(default_factory=Config)
    state_is_ours: bool = False
    """`CODEX_AUTH_STATE_DIR` moves all state, the pending-state file included."""

    @property
    def locks(self) -> str:
        """The folder of our lock files."""
        return os.path.join(self.state, "locks")

    @property
    def journals(self) -> str:
        """The folder of the notes that refreshes leave."""
        return os.path.join(self.state, "journal")

    @property
    def deliveries(self) -> str:
        """The folder of the notes that say where each profile was delivered."""
        return os.path.join(self.state, "deliveries")

    @property
    def alerts(self) -> str:
        """What `keep` has told of each profile."""
        return os.path.join(self.state, "alerts.json")

    @property
    def applies(self) -> str:
        """How the last requests to apply a login ended."""
        return os.path.join(self.state, "applies.json")

    @property
    def last_round(self) -> str:
        """How the last round of `keep` went."""
        return os.path.join(self.state, "keep.json")

    @property
    def index(self) -> str:
        """The list of what a keyring or vault holds, without the secrets."""
        return os.path.join(self.data, where.INDEX_NAME)

    @property
    def seal_key(self) -> str:
        """The key that seals pending logins; never in the same folder as the default pending-state file."""
        return os.path.join(self.state, "seal.key")

    @property
    def vault(self) -> str:
        """The encrypted vault."""
        return os.path.join(self.data, where.VAULT_NAME)

    @property
    def vault_key(self) -> str:
        """The vault's key file; never in the same folder as the vault."""
        return os.path.join(self.state, where.VAULT_KEY_NAME)


def find_places(
    env: Mapping[str, str], *, auth_path: str = "", store: str = "", assume_openclaw: bool = False
) -> Places:
    """Return this run's places: the command line first, then `CODEX_AUTH_*`, configuration, the XDG folders.

    `assume_openclaw` is the skill's entry: without any OpenClaw folder it still writes where OpenClaw of the
    JSON era reads. Raises `StoreError` for a home that cannot be used and `ConfigDamaged`.
    """
    home = where.home(env)
    if not home:
        raise StoreError(path="The home folder", problem="HOME is not set to an absolute path")
    config_file = where.config_path(env, home)
    config = _read_config(config_file)
    own_state = env.get("CODEX_AUTH_STATE_DIR", "")
    if own_state and not os.path.isabs(own_state):
        raise UsageError(problem="CODEX_AUTH_STATE_DIR must be an absolute path.", command="status")
    path, rule, is_openclaw = where.auth_path(
        env, home, asked=auth_path, configured=config.auth_path, assume_openclaw=assume_openclaw
    )
    kind, store_rule = _choose_store(env, config, store)
    return Places(
        store=kind,
        store_rule=store_rule,
        state=where.state_path(env, home),
        state_is_ours=bool(own_state),
        data=where.data_path(env, home),
        config_file=config_file,
        config=config,
        auth_path=path,
        auth_rule=rule,
        is_openclaw_file=is_openclaw,
    )


def _choose_store(env: Mapping[str, str], config: Config, asked: str) -> tuple[str, str]:
    """Return the kind of store for new profiles, and what named it."""
    named = (
        (asked, "--store"),
        (env.get("CODEX_AUTH_STORE", ""), "CODEX_AUTH_STORE"),
        (config.store, "store in the configuration file"),
    )
    for kind, rule in named:
        if kind and kind not in STORE_KINDS:
            raise UsageError(problem=f"{rule} must be one of {', '.join(STORE_KINDS)}.", command="status")
        if kind:
            return kind, f"{rule} names it"
    return "file", "it is the default"


def _read_config(path: str) -> Config:
    try:
        # Non-blocking: opening a FIFO must not wait.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            text = file.read(_CONFIG_LIMIT + 1) or b""
    except (FileNotFoundError, NotADirectoryError):
        return Config()
    except OSError as error:
        raise ConfigDamaged(path=path, problem=os.strerror(error.errno or 0).lower()) from None
    if len(text) > _CONFIG_LIMIT:
        raise ConfigDamaged(path=path, problem=f"it is larger than {_CONFIG_LIMIT} bytes")
    import tomllib

    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):  # also what a number of 5,000 digits raises
        raise ConfigDamaged(path=path, problem="it is not valid TOML") from None
    known = {"auth_path", "store", "profile", "hook", "passphrase_command"}
    for key in sorted(known & table.keys()):
        if not isinstance(table[key], str):
            raise ConfigDamaged(path=path, problem=f"{key} must be a string")
    named = os.path.expanduser(table.get("auth_path", ""))
    if named and (not os.path.isabs(named) or "\0" in named):
        raise ConfigDamaged(path=path, problem="auth_path must be an absolute path")
    issuers = table.get("issuers", [])
    if not isinstance(issuers, list) or not all(isinstance(item, str) for item in issuers):
        raise ConfigDamaged(path=path, problem="issuers must be a list of addresses")
    return Config(
        **{key: table[key] for key in known & table.keys()},
        issuers=frozenset(item.rstrip("/") for item in issuers),
        codex_homes=_read_homes(table.get("codex_homes", []), path),
    )


def _read_homes(homes: object, path: str) -> tuple[str, ...]:
    if not isinstance(homes, list) or not all(isinstance(item, str) for item in homes):
        raise ConfigDamaged(path=path, problem="codex_homes must be a list of folders")
    folders = tuple(os.path.expanduser(item) for item in homes)
    if not all(map(os.path.isabs, folders)):
        raise ConfigDamaged(path=path, problem="codex_homes must be absolute paths")
    return folders
