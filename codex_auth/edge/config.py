"""The configuration file: what it may say, and reading it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_auth.core.errors import ConfigDamaged

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LIMIT = 256 * 1024
_KINDS = {
    "auth_path": (str, "a string"),
    "store": (str, "a string"),
    "profile": (str, "a string"),
    "hook": (str, "a string"),
    "passphrase_command": (str, "a string"),
    "vault_key": (str, "a string"),
    "callback_port": (int, "a number"),
    "callback_url_base": (str, "a string"),
    "issuers": (list, "a list of addresses"),
    "codex_homes": (list, "a list of folders"),
    "chat_operators": (list, "a list of senders"),
    "policy": (dict, "a table"),
}
"""Every key that means something here, the type of its value, and that type in words."""


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
    callback_port: int | None = None
    callback_url_base: str = ""
    """An ingress through which the browser comes back, with other providers than OpenAI."""
    passphrase_command: str = ""
    """The command that prints the vault's passphrase; without one the terminal is asked."""
    vault_key: str = ""
    """Where a new vault's key comes from."""
    hook: str = ""
    """The command that `keep` runs when the state of a login changes."""
    chat_operators: frozenset[str] = frozenset()
    """Who may give orders in a chat, as channel:sender; empty means whoever the channel lets through."""
    policy: Mapping[str, object] = field(default_factory=dict)
    """Rules with which the user narrows what administrators allow, as written; `neighbours.policies` reads them."""


def read_config(path: str) -> Config:
    """Return what the file says; nothing where there is none. Raises `ConfigDamaged`."""
    text = _text(path)
    if text is None:
        return Config()
    import tomllib

    try:
        table = tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):  # also what a number of 5,000 digits raises
        raise ConfigDamaged(path=path, problem="it is not valid TOML") from None
    problem = _problem(table)
    if problem:
        raise ConfigDamaged(path=path, problem=problem)
    said = {key: table[key] for key in _KINDS.keys() & table.keys()}
    return Config(
        **{
            **said,
            "issuers": frozenset(item.rstrip("/") for item in table.get("issuers", [])),
            "chat_operators": frozenset(table.get("chat_operators", [])),
            "codex_homes": tuple(map(os.path.expanduser, table.get("codex_homes", []))),
        }
    )


def _text(path: str) -> bytes | None:
    try:
        # Non-blocking: opening a FIFO must not wait.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            text = file.read(_LIMIT + 1) or b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigDamaged(path=path, problem=os.strerror(error.errno or 0).lower()) from None
    if len(text) > _LIMIT:
        raise ConfigDamaged(path=path, problem=f"it is larger than {_LIMIT} bytes")
    return text


def _problem(table: "dict[str, Any]") -> str:
    """Say what is wrong with the values; nothing of them is repeated."""
    for key in sorted(_KINDS.keys() & table.keys()):
        kind, words = _KINDS[key]
        if type(table[key]) is not kind or (kind is list and not all(isinstance(item, str) for item in table[key])):
            return f"{key} must be {words}"
    named = os.path.expanduser(table.get("auth_path", ""))
    if named and (not os.path.isabs(named) or "\0" in named):
        return "auth_path must be an absolute path"
    if not all(os.path.isabs(os.path.expanduser(item)) for item in table.get("codex_homes", [])):
        return "codex_homes must be absolute paths"
    return ""
