"""Codex's `config.toml`: a model provider whose token comes from a command, put in and taken out again.

Comments, order and everything else stay as they are. Whatever the editing library makes of an odd file, the result is
read once more and must say what the file said before and what was added, and nothing else.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PROVIDERS, CHOICE = "model_providers", "model_provider"
ACCOUNT_HEADER = "ChatGPT-Account-ID"
TIMEOUT_MS = 5000
"""What Codex gives a command if nothing is said; ours answers in less, always."""
INTERVAL_MS = 300_000


class TomlRefused(Exception):
    """The file cannot take the change; says why, never repeating what is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProvider:
    """One model provider that asks a command for its token."""

    id: str
    name: str
    base_url: str
    command: tuple[str, ...]
    account_id: str = ""

    @property
    def table(self) -> dict[str, Any]:
        """What stands in the file."""
        headers = {"http_headers": {ACCOUNT_HEADER: self.account_id}} if self.account_id else {}
        auth = {
            "command": self.command[0],
            "args": [*self.command[1:]],
            "timeout_ms": TIMEOUT_MS,
            "refresh_interval_ms": INTERVAL_MS,
        }
        return {"name": self.name, "base_url": self.base_url, "wire_api": "responses", **headers, "auth": auth}


def provider_in(text: str, provider_id: str) -> TokenProvider | None:
    """Return the provider of this id if it is one of ours; None if there is none.

    Raises `TomlRefused` for somebody else's of the same id.
    """
    table = _section(_read(text), PROVIDERS).get(provider_id)
    if table is None:
        return None
    auth = table.get("auth") if isinstance(table, dict) else None
    args = auth.get("args") if isinstance(auth, dict) else None
    if not isinstance(table, dict) or not isinstance(auth, dict) or not isinstance(args, list) or "token" not in args:
        raise TomlRefused("it has a provider of that name which does not get its token from here")
    headers = table.get("http_headers")
    account = headers.get(ACCOUNT_HEADER) if isinstance(headers, dict) else None
    return TokenProvider(
        id=provider_id,
        name=str(table.get("name", "")),
        base_url=str(table.get("base_url", "")),
        command=(str(auth.get("command", "")), *map(str, args)),
        account_id=account if isinstance(account, str) else "",
    )


def chosen(text: str) -> str:
    """Return the provider that Codex uses by this file; empty if it does not say."""
    found = _read(text).get(CHOICE)
    return found if isinstance(found, str) else ""


def with_provider(text: str, provider: TokenProvider) -> str:
    """Return the file with this provider in it, chosen unless the file chooses another. Raises `TomlRefused`."""
    import tomlkit

    wanted = _read(text)
    provider_in(text, provider.id)
    wanted[PROVIDERS] = {**_section(wanted, PROVIDERS), provider.id: provider.table}
    wanted.setdefault(CHOICE, provider.id)
    document = tomlkit.parse(text)
    if CHOICE not in document:
        document[CHOICE] = provider.id
    if PROVIDERS not in document:
        document[PROVIDERS] = tomlkit.table(is_super_table=True)
    document[PROVIDERS][provider.id] = _table(provider)
    return _checked(document.as_string(), wanted)


def without_provider(text: str, provider_id: str) -> str:
    """Return the file without this provider, and without its being chosen. Raises `TomlRefused`."""
    import tomlkit

    wanted = _read(text)
    if provider_in(text, provider_id) is None:
        return text
    others = {name: table for name, table in _section(wanted, PROVIDERS).items() if name != provider_id}
    wanted = {name: value for name, value in wanted.items() if name != PROVIDERS} | (
        {PROVIDERS: others} if others else {}
    )
    document = tomlkit.parse(text)
    del document[PROVIDERS][provider_id]
    if not others:
        del document[PROVIDERS]
    if wanted.get(CHOICE) == provider_id:
        del wanted[CHOICE], document[CHOICE]
    return _checked(document.as_string(), wanted)


def _table(provider: TokenProvider) -> Any:
    import tomlkit

    table = tomlkit.table()
    for key, value in provider.table.items():
        table[key] = tomlkit.inline_table() if key == "http_headers" else tomlkit.table() if key == "auth" else value
        if isinstance(value, dict):
            table[key].update(value)
    table["auth"].add(tomlkit.nl())
    return table


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        raise TomlRefused("it is not valid TOML") from None


def _section(table: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise TomlRefused(f"{name} is no table in it")
    return found


def _checked(text: str, wanted: Mapping[str, Any]) -> str:
    """Return the text if it says what it should."""
    if _read(text) != wanted:
        raise TomlRefused("it is written in a way that cannot be edited safely")
    return text
