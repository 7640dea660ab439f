"""A model provider in Codex's `config.toml` whose tokens come from a command: how the text changes. Pure.

Comments, order and everything that is not this provider's stay. Seen with Codex 0.169: `auth.command` with `env_key`,
`experimental_bearer_token` or `requires_openai_auth` beside it makes Codex refuse to start, and so does a provider
with a name of its own.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from codex_auth.core.provider import LOOPBACK_HOSTS

RESERVED = ("openai", "ollama", "lmstudio", "amazon-bedrock")
"""Codex's own providers, which a configuration cannot redefine."""
TIMEOUT_MS = 5000
REFRESH_MS = 300_000
"""How long Codex waits for the command, and how often it runs it anew."""

_PROVIDERS, _CHOSEN = "model_providers", "model_provider"
_ELSEWHERE = ("env_key", "env_key_instructions", "requires_openai_auth")
"""Other ways to get a token; they hold no secret themselves."""
_PLAIN = "experimental_bearer_token"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


class ConfigInTheWay(Exception):
    """The text cannot take the provider; `problem` and `todo` are words that may be shown."""

    def __init__(self, problem: str, todo: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.todo = todo


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexProvider:
    """One `[model_providers.ID]`. `command` is an absolute path: Codex runs it without a shell."""

    id: str
    base_url: str
    command: str
    args: tuple[str, ...]
    name: str = ""
    model: str = ""
    """The model to choose with it; empty leaves the choice as it is."""
    is_chosen: bool = True
    """Whether Codex shall use it unless told otherwise (`model_provider`)."""
    wire_api: str = "responses"
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout_ms: int = TIMEOUT_MS
    refresh_interval_ms: int = REFRESH_MS


def read_base_url(text: str) -> str:
    """Return where requests, and the key with them, shall go. Raises `ConfigInTheWay` for what is not https."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what validates it
    except ValueError:
        parts = urlsplit("")
    is_plain = text.isascii() and text.isprintable() and not set(" \\@?#").intersection(text) and bool(parts.hostname)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    if not is_plain or not is_safe:
        todo = "Give one such as https://open.bigmodel.cn/api/coding/paas/v4; http is for loopback only"
        raise ConfigInTheWay("the key would be sent to an address that is not https", todo)
    return text.rstrip("/")


def read_id(text: str) -> str:
    """Return the name of a provider. Raises `ConfigInTheWay`."""
    if not text or not set(text) <= _NAME or text in RESERVED:
        raise ConfigInTheWay("that provider's name cannot be used", "Choose a --provider-id of a-z, 0-9, - and _")
    return text


def write_provider(text: str, provider: CodexProvider) -> str:
    """Return the text with this provider in it, and chosen if that is wanted. The same again changes nothing.

    A provider of that name keeps its other settings; variables that it took its key from are taken out. Raises
    `ConfigInTheWay`.
    """
    document = _parsed(text)
    table = _provider_in(document, read_id(provider.id))
    _check_free(table, provider)
    for name in _ELSEWHERE:
        table.pop(name, None)
    headers = {"http_headers": _inline(provider.headers)} if provider.headers else {}
    _put(table, name=provider.name or provider.id, base_url=provider.base_url, wire_api=provider.wire_api, **headers)
    auth = _table_in(table, "auth", f"{_PROVIDERS}.{provider.id}.auth")
    _put(auth, command=provider.command, args=list(provider.args))
    _put(auth, timeout_ms=provider.timeout_ms, refresh_interval_ms=provider.refresh_interval_ms)
    chosen = {_CHOSEN: provider.id, "model": provider.model} if provider.is_chosen else {}
    _put(document, **{name: value for name, value in chosen.items() if value})
    return tomlkit.dumps(document)


def remove_provider(text: str, provider_id: str, *, command: str) -> str:
    """Return the text without a provider that this command serves; Codex then chooses its own again.

    One of somebody else's stays. Raises `ConfigInTheWay` for a text that is no TOML.
    """
    document = _parsed(text)
    providers = document.get(_PROVIDERS)
    table = providers.get(provider_id) if isinstance(providers, MutableMapping) else None
    if not isinstance(providers, MutableMapping) or not isinstance(table, MutableMapping):
        return text
    if command_of(table) != command:
        return text
    del providers[provider_id]
    if not providers:
        del document[_PROVIDERS]
    if document.get(_CHOSEN) == provider_id:
        del document[_CHOSEN]
    return tomlkit.dumps(document)


def command_of(table: Mapping[str, Any]) -> str:
    """Return the command that a provider gets its tokens from, or nothing."""
    auth = table.get("auth")
    command = auth.get("command") if isinstance(auth, Mapping) else None
    return str(command) if isinstance(command, str) else ""


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError):
        raise ConfigInTheWay("it is not valid TOML", "Correct it, and run the command again") from None


def _provider_in(document: tomlkit.TOMLDocument, provider_id: str) -> MutableMapping[str, Any]:
    if _PROVIDERS not in document:
        document[_PROVIDERS] = tomlkit.table(is_super_table=True)
    providers = document[_PROVIDERS]
    if not isinstance(providers, MutableMapping):
        raise ConfigInTheWay(f"its {_PROVIDERS} is not a table", "Correct it, and run the command again")
    return _table_in(providers, provider_id, f"{_PROVIDERS}.{provider_id}")


def _table_in(outer: MutableMapping[str, Any], name: str, spoken: str) -> MutableMapping[str, Any]:
    """Return the table of this name, made if there is none."""
    if name not in outer:
        outer[name] = tomlkit.inline_table() if isinstance(outer, tomlkit.items.InlineTable) else tomlkit.table()
    found = outer[name]
    if not isinstance(found, MutableMapping):
        raise ConfigInTheWay(f"its {spoken} is not a table", "Correct it, and run the command again")
    return found


def _check_free(table: Mapping[str, Any], provider: CodexProvider) -> None:
    """Refuse to take out a key, or another program's command."""
    if _PLAIN in table:
        todo = "Keep that key with `codex-auth key add NAME`, remove the line, and run the command again"
        raise ConfigInTheWay(f"its provider {provider.id} has a key in plain text ({_PLAIN})", todo)
    command = command_of(table)
    if command not in {"", provider.command}:
        todo = "Choose another --provider-id, or remove that provider"
        raise ConfigInTheWay(f"its provider {provider.id} has another program's command", todo)


def _put(table: MutableMapping[str, Any], **values: object) -> None:
    """Set values that are not there yet in just this way."""
    for name, value in values.items():
        held: Any = table.get(name)
        if held is None or held.unwrap() != value:
            table[name] = value


def _inline(values: Mapping[str, str]) -> MutableMapping[str, Any]:
    table = tomlkit.inline_table()
    table.update(values)
    return table
