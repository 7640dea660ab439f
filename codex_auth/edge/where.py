"""The rules that choose where things are kept. Loads nothing, because `token` asks before anything is loaded."""

import os

AUTH_NAME = "auth-profiles.json"
INDEX_NAME = "index.json"
"""The list of what keyring and vault hold, without the secrets."""
VAULT_NAME = "vault.cav"
VAULT_KEY_NAME = "vault.key"
CHOSEN_NAME = "default-profile"
"""The note of the profile that `use` chose."""
VAULT_SEEN_NAME = "vault-generation.json"
_SCHEMA_BESIDE_JSON = 1
"""The schema of the database that OpenClaw 2026.6.1 has for other things, while it keeps credentials in JSON."""

ETC = "/etc"
POLICY_FOLDERS = ("codex-auth", "codex")
"""Where administrators keep our rules and Codex's."""
CODEX_RULE = b"forced_"
"""What every key of Codex's `config.toml` begins with that is a rule for signing in."""
_LOOK = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)  # opening a FIFO must not wait
_LOOK_LIMIT = 1024 * 1024

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def home(env: "Mapping[str, str]") -> str:
    """Return the home folder, or "" if there is none that could be used."""
    named = env.get("HOME") or env.get("USERPROFILE", "")
    if not named:
        try:
            import pwd

            named = pwd.getpwuid(os.geteuid()).pw_dir
        except (ImportError, KeyError):
            named = ""
    return named if os.path.isabs(named) else ""


FOLDER_FILE = ".codex-auth"
"""The file that names the profile of a folder and of all below it."""
_NAME_LIMIT = 200
_KIND, _REGULAR, _ANYBODY_WRITES = 0o170000, 0o100000, 0o002


def folder_file() -> str:
    """Return the nearest `.codex-auth` in the working folder or above it; "" if there is none that counts.

    A file of somebody else's, or one that anybody may write, does not choose whose login is used here; neither does
    a link.
    """
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        return ""
    while not _counts(os.path.join(here, FOLDER_FILE)):
        above = os.path.dirname(here)
        if above == here:
            return ""
        here = above
    return os.path.join(here, FOLDER_FILE)


def _counts(path: str) -> bool:
    try:
        found = os.lstat(path)
    except OSError:
        return False
    is_ours = not hasattr(os, "geteuid") or found.st_uid in {0, os.geteuid()}
    return found.st_mode & _KIND == _REGULAR and is_ours and not found.st_mode & _ANYBODY_WRITES


def folder_name(path: str) -> str:
    """Return what such a file says, without the space around it; "" where it cannot be read or says too much."""
    try:
        with open(path, "rb") as file:
            text = file.read(_NAME_LIMIT + 1)
    except OSError:
        return ""
    return "" if len(text) > _NAME_LIMIT else text.decode("utf-8", "replace").strip()


def xdg(env: "Mapping[str, str]", name: str, home: str, *default: str) -> str:
    """Return a folder of the XDG Base Directory Specification, which says to ignore relative values."""
    value = env.get(name, "")
    return value if os.path.isabs(value) else os.path.join(home, *default)


def config_path(env: "Mapping[str, str]", home: str) -> str:
    """Return where the configuration file is, or would be."""
    return os.path.join(xdg(env, "XDG_CONFIG_HOME", home, ".config"), "codex-auth", "config.toml")


def state_path(env: "Mapping[str, str]", home: str) -> str:
    """Return the state folder."""
    own = env.get("CODEX_AUTH_STATE_DIR", "")
    return own or os.path.join(xdg(env, "XDG_STATE_HOME", home, ".local", "state"), "codex-auth")


def data_path(env: "Mapping[str, str]", home: str) -> str:
    """Return the folder of what we keep: our own `auth-profiles.json`, the vault, the index of names."""
    return os.path.join(xdg(env, "XDG_DATA_HOME", home, ".local", "share"), "codex-auth")


def auth_path(
    env: "Mapping[str, str]", home: str, *, asked: str, configured: str, assume_openclaw: bool
) -> tuple[str, str, bool]:
    """Return the `auth-profiles.json` to use, why, and whether it is OpenClaw's own."""
    for value, rule in (
        (asked, "--auth-path"),
        (env.get("CODEX_AUTH_PATH", ""), "CODEX_AUTH_PATH"),
        (configured, "auth_path in the configuration file"),
    ):
        if value:
            path = os.path.abspath(os.path.expanduser(value))
            return path, f"{rule} names it", _is_agent_folder(os.path.dirname(path), env, home)
    state = openclaw_state(env, home)
    agent = os.path.join(state, "agents", "main", "agent")
    own = own_path(env, home)
    if keeps_sqlite(agent):
        return own, "OpenClaw here keeps its credentials in SQLite, so this is codex-auth's own file", False
    if os.path.exists(own):
        # An agent folder that appears later, by a delivery of ours for one, must not hide the logins that are there.
        return own, "codex-auth's own file is there already", False
    if os.path.isdir(agent):
        return os.path.join(agent, AUTH_NAME), "OpenClaw here reads this file (JSON era)", True
    if assume_openclaw and not os.path.isdir(state):
        return os.path.join(agent, AUTH_NAME), "the skill's documented place; there is no OpenClaw folder yet", True
    return own, "codex-auth's own file; there is no OpenClaw agent folder", False


def codex_config(env: "Mapping[str, str]", home: str) -> str:
    """Return the user's configuration file of Codex."""
    return os.path.join(os.path.abspath(env.get("CODEX_HOME") or os.path.join(home, ".codex")), "config.toml")


def may_have_policy(env: "Mapping[str, str]", home: str, etc: str = ETC) -> bool:
    """Whether there can be any rule outside our own configuration: two `stat`s, and one look for a word."""
    if any(os.path.lexists(os.path.join(etc, name)) for name in POLICY_FOLDERS):
        return True
    try:
        fd = os.open(codex_config(env, home), _LOOK)
    except OSError:
        return False
    try:
        text = os.read(fd, _LOOK_LIMIT)
        return CODEX_RULE in text or len(text) == _LOOK_LIMIT
    except OSError:  # a folder, or a FIFO that nobody writes to
        return False
    finally:
        os.close(fd)


def own_path(env: "Mapping[str, str]", home: str) -> str:
    """Return the file that is nobody's but ours."""
    return os.path.join(data_path(env, home), AUTH_NAME)


def keeps_sqlite(agent: str) -> bool:
    """Whether the OpenClaw of this agent folder keeps credentials in SQLite (2026.6.5 and later)."""
    state = os.path.dirname(os.path.dirname(os.path.dirname(agent)))
    if os.path.exists(os.path.join(agent, "openclaw-agent.sqlite")):
        return True
    shared = os.path.join(state, "state", "openclaw.sqlite")
    return os.path.exists(shared) and schema_of(shared) != _SCHEMA_BESIDE_JSON


def schema_of(database: str) -> int:
    """Return the schema number (`user_version`) in the head of an SQLite file; 0 if it does not say."""
    try:
        with open(database, "rb") as file:
            head = file.read(64)
    except OSError:
        return 0
    return int.from_bytes(head[60:64], "big") if head.startswith(b"SQLite format 3") else 0


def openclaw_state(env: "Mapping[str, str]", home: str) -> str:
    """Return the folder in which OpenClaw keeps its agents."""
    value = env.get("OPENCLAW_STATE_DIR", "")
    return os.path.expanduser(value) if value else os.path.join(home, ".openclaw")


def _is_agent_folder(folder: str, env: "Mapping[str, str]", home: str) -> bool:
    inside = os.path.join(openclaw_state(env, home), "agents") + os.sep
    return folder.startswith(inside) and os.path.basename(folder) == "agent"
