"""Where things are kept on this machine, and by which rule each place was chosen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_auth.core.errors import UsageError
from codex_auth.core.store_errors import StoreError
from codex_auth.edge import folders, where
from codex_auth.edge.config import Config, read_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import Asking

STORE_KINDS = ("file", "keyring", "vault", "auto")
"""What may be named: the words of Codex's `cli_auth_credentials_store` where they mean the same."""
FILE = "file"
"""The plain file: where a login is kept, and what it is sealed with, unless something says otherwise."""
STORE_DEFAULT = "it is the default"
"""The rule where nothing names a kind of store."""
VAULT_KEYS = ("keyfile", "keyring", "passphrase")
"""Where a new vault's key may come from, by the names of the vault's header."""
PENDING_NAME = "codex-auth-pending.json"


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
    store_rule: str = STORE_DEFAULT
    vault_begins: str = "keyfile"
    """Where a new vault's key comes from; one that is there says so itself."""
    passphrase: "Asking | None" = None
    """How to have the vault's passphrase, if this run was told."""
    new_passphrase: "Asking | None" = None
    """The same for the passphrase that it is to have from now on."""
    config: Config = field(default_factory=Config)
    state_is_ours: bool = False
    """`CODEX_AUTH_STATE_DIR` moves all state, the pending-state file included."""
    etc: str = where.ETC
    """Where administrators keep their rules. No option and no variable moves it: that would be a way around them."""
    administrator: int = 0
    """Whose files there are trusted, besides root's."""

    @property
    def store_is_default(self) -> bool:
        """Whether nobody named the store for new profiles."""
        return self.store_rule == STORE_DEFAULT

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
    def codex_homes(self) -> str:
        """The folder of the private Codex homes in which `run` starts commands."""
        return os.path.join(self.state, "codex-homes")

    @property
    def chosen(self) -> str:
        """The note of the profile that `use` chose."""
        return os.path.join(self.state, where.CHOSEN_NAME)

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
    def usages(self) -> str:
        """What was last said of each profile's usage, for a minute."""
        return os.path.join(self.state, "usage.json")

    @property
    def index(self) -> str:
        """The list of what a keyring or vault holds, without the secrets."""
        return os.path.join(self.data, where.INDEX_NAME)

    @property
    def labels(self) -> str:
        """What people call their logins."""
        return os.path.join(self.data, "labels.json")

    @property
    def seal_key(self) -> str:
        """The key that names tokens, and seals what belongs to logins in a file.

        It is never in the same folder as the default pending-state file.
        """
        return os.path.join(self.state, "seal.key")

    @property
    def vault(self) -> str:
        """The encrypted vault."""
        return os.path.join(self.data, where.VAULT_NAME)

    @property
    def vault_key(self) -> str:
        """The vault's key file; never in the same folder as the vault."""
        return os.path.join(self.state, where.VAULT_KEY_NAME)

    @property
    def vault_seen(self) -> str:
        """The note of the vault's last save."""
        return os.path.join(self.state, where.VAULT_SEEN_NAME)


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
    config = read_config(config_file)
    own_state = env.get("CODEX_AUTH_STATE_DIR", "")
    if own_state and not os.path.isabs(own_state):
        raise UsageError(problem="CODEX_AUTH_STATE_DIR must be an absolute path.", command="status")
    path, rule, is_openclaw = where.auth_path(
        env, home, asked=auth_path, configured=config.auth_path, assume_openclaw=assume_openclaw
    )
    kind, store_rule = _choose_store(env, config, store)
    begins = env.get("CODEX_AUTH_VAULT_KEY", "") or config.vault_key or VAULT_KEYS[0]
    if begins not in VAULT_KEYS:
        raise UsageError(problem=f"A vault's key comes from one of {', '.join(VAULT_KEYS)}.", command="status")
    return Places(
        store=kind,
        store_rule=store_rule,
        vault_begins=begins,
        state=where.state_path(env, home),
        state_is_ours=bool(own_state),
        data=where.data_path(env, home),
        config_file=config_file,
        config=config,
        auth_path=path,
        auth_rule=rule,
        is_openclaw_file=is_openclaw,
    )


def pending_path(places: Places, *, make: bool = False) -> str:
    """Return the pending-state file; `make` also makes its folder. Raises `StoreError` where that is unsafe."""
    folder = None if places.state_is_ours else folders.openclaw_folder(make=make)
    if make:
        folders.private_folder(places.state)
    return os.path.join(folder or places.state, PENDING_NAME)


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
    return "file", STORE_DEFAULT
