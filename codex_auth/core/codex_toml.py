"""Codex's `config.toml`: a model provider whose token comes from a command, put in, chosen, and taken out again.

Comments, order and everything else stay as they are. Whatever the editing library makes of an odd file, the result is
read once more and must say what the file said before and what was changed, and nothing else.

Seen with Codex 0.169: it refuses to start where `auth` has `env_key`, `experimental_bearer_token` or
`requires_openai_auth` beside it, where a provider has one of its own names, and where a provider is chosen that is not
there.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from codex_auth.core.provider import LOOPBACK_HOSTS

PROVIDERS, CHOICE, MODEL = "model_providers", "model_provider", "model"
RESERVED = ("openai", "ollama", "lmstudio", "amazon-bedrock")
"""Codex's own providers, which a configuration cannot define."""
ACCOUNT_HEADER = "ChatGPT-Account-ID"
TIMEOUT_MS = 5000
"""What Codex gives a command if nothing is said; ours answers in less, always."""
INTERVAL_MS = 300_000

_VERB = "token"
_OURS = ("codex-auth", "codex_auth")
"""What our program is called: the installed command, and the package that a Python runs."""
_NAMED = "codex-auth, profile "
_HEADERS, _AUTH = "http_headers", "auth"
_ELSEWHERE = ("env_key", "env_key_instructions", "requires_openai_auth")
"""Other ways to a token; they hold no secret themselves."""
_PLAIN = "experimental_bearer_token"
_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_CORRECT = "Correct it"
_ODD = ("it is written in a way that cannot be edited safely", "Choose another --provider-id, or edit it by hand")

_Made = Callable[[MutableMapping[str, Any], str], MutableMapping[str, Any]]
"""Makes an empty table for a name in another."""


class TomlRefused(Exception):
    """The file cannot take the change; `problem` and `todo` are words that may be shown."""

    def __init__(self, problem: str, todo: str = _CORRECT) -> None:
        super().__init__(problem)
        self.problem = problem
        self.todo = todo


class ForeignProvider(TomlRefused):
    """There is a provider of that name that does not get its token from us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenProvider:
    """One model provider that asks us for its token. `command` ends in `token NAME`; Codex runs it without a shell."""

    id: str
    base_url: str
    command: tuple[str, ...]
    account_id: str = ""

    @property
    def profile(self) -> str:
        """The profile that it serves."""
        return self.command[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which provider and which model Codex uses by its file; empty where it does not say."""

    provider: str = ""
    model: str = ""


def read_id(text: str) -> str:
    """Return the name of a provider. Raises `TomlRefused`."""
    if not text or not set(text) <= _ID or text in RESERVED:
        raise TomlRefused("that provider's name cannot be used", "Choose a --provider-id of a-z, 0-9, - and _")
    return text


def read_base_url(text: str) -> str:
    """Return where requests, and the token with them, shall go. Raises `TomlRefused` for what is not https."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what validates it
    except ValueError:
        parts = urlsplit("")
    is_plain = text.isascii() and text.isprintable() and not set(" \\@?#").intersection(text) and bool(parts.hostname)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    if not is_plain or not is_safe:
        todo = "Give a --base-url such as https://open.bigmodel.cn/api/coding/paas/v4; http is for loopback only"
        raise TomlRefused("the token would be sent to an address that is not https", todo)
    return text.rstrip("/")


def provider_in(text: str, provider_id: str) -> TokenProvider | None:
    """Return the provider of this id; None if there is none. Raises `ForeignProvider` for somebody else's."""
    table = _section(_read(text)).get(provider_id)
    if table is None:
        return None
    found = _ours(provider_id, table)
    if found is None:
        todo = "Choose another name with `--provider-id`, or remove that provider"
        raise ForeignProvider(f"it has a provider {provider_id} that does not get its token from here", todo)
    return found


def chosen(text: str) -> Chosen:
    """Return what Codex uses by this file."""
    found = _read(text)
    return Chosen(**{name: said for name, said in _choice_in(found).items() if isinstance(said, str)})


def with_provider(text: str, provider: TokenProvider, *, is_chosen: bool = False, model: str = "") -> str:
    """Return the text with this provider in it, and chosen with this model where that is wanted.

    The same again changes nothing. A provider of that name keeps its other settings, but for variables that it took
    its key from. Raises `TomlRefused`, also for another program's provider and for one with a key in plain text.
    """
    wanted = _read(text)
    is_new = provider.id not in _section(wanted)

    def change(document: MutableMapping[str, Any], made: _Made) -> None:
        _lay(document, provider, made)
        if is_chosen:
            _put(document, **{CHOICE: provider.id})
            _put(document, **({MODEL: model} if model else {}))

    change(wanted, _plain)
    edited = _edited(text, lambda document: change(document, _styled), apart=provider.id if is_new else "")
    return _checked(edited, wanted)


def without_provider(
    text: str, provider_id: str, profile: str, *, before: Chosen | None = None, models: tuple[str, ...] = ()
) -> str:
    """Return the text without this provider of ours; what was chosen `before` is chosen again where it still is.

    `models` are those that were chosen with it. A provider of somebody else's, or one that serves another profile,
    stays. Raises `TomlRefused`.
    """
    wanted = _read(text)
    there = _ours(provider_id, _section(wanted).get(provider_id))
    if there is None or there.profile != profile:
        return text

    def change(document: MutableMapping[str, Any]) -> None:
        _take_out(document, provider_id, before or Chosen(), models)

    change(wanted)
    return _checked(_edited(text, change), wanted)


def _lay(document: MutableMapping[str, Any], provider: TokenProvider, made: _Made) -> None:
    """Put the provider into the table of them: our settings change, others stay."""
    table = _inner(_inner(document, PROVIDERS, made), provider.id, made)
    was_ours = _ours(provider.id, table) is not None
    _check_free(table, provider.id, is_ours=was_ours)
    for name in _ELSEWHERE:
        table.pop(name, None)
    if not table.get("name") or str(table["name"]).startswith(_NAMED):
        _put(table, name=_NAMED + provider.profile)
    _put(table, base_url=provider.base_url, wire_api="responses")
    _lay_header(table, provider.account_id, made, was_ours=was_ours)
    auth = _inner(table, _AUTH, made)
    _put(auth, command=provider.command[0], args=[*provider.command[1:]])
    for name, usual in (("timeout_ms", TIMEOUT_MS), ("refresh_interval_ms", INTERVAL_MS)):
        if name not in auth:
            auth[name] = usual


def _lay_header(table: MutableMapping[str, Any], account_id: str, made: _Made, *, was_ours: bool) -> None:
    """Name the account, once and however it was spelled; without an account only our own header goes."""
    if account_id:
        headers = _inner(table, _HEADERS, made)
        for name in [each for each in headers if each.lower() == ACCOUNT_HEADER.lower() and each != ACCOUNT_HEADER]:
            del headers[name]
        _put(headers, **{ACCOUNT_HEADER: account_id})
    elif was_ours and isinstance(table.get(_HEADERS), MutableMapping):
        table[_HEADERS].pop(ACCOUNT_HEADER, None)
        if not table[_HEADERS]:
            del table[_HEADERS]


def _take_out(document: MutableMapping[str, Any], provider_id: str, before: Chosen, models: tuple[str, ...]) -> None:
    providers = document[PROVIDERS]
    del providers[provider_id]
    others = set(providers)
    if not others:
        del document[PROVIDERS]
    if document.get(CHOICE) != provider_id:
        return
    _put_back(document, CHOICE, before.provider if before.provider in {*others, *RESERVED} else "")
    if document.get(MODEL) in models:
        _put_back(document, MODEL, before.model)


def _put_back(document: MutableMapping[str, Any], name: str, said: str) -> None:
    if said:
        _put(document, **{name: said})
    else:
        del document[name]


def _check_free(table: Mapping[str, Any], provider_id: str, *, is_ours: bool) -> None:
    """Refuse to take out a key, or another program's command."""
    if _PLAIN in table:
        todo = "Keep that key with `codex-auth key add NAME`, remove the line, and run the command again"
        raise TomlRefused(f"its provider {provider_id} has a key in plain text ({_PLAIN})", todo)
    if _AUTH in table and not is_ours:
        todo = "Choose another --provider-id, or remove that provider"
        raise ForeignProvider(f"its provider {provider_id} has another program's command", todo)


def _ours(provider_id: str, table: object) -> TokenProvider | None:
    """Return what a table says if it is a provider of ours: one whose command is our program with `token NAME`."""
    auth = table.get(_AUTH) if isinstance(table, Mapping) else None
    args = auth.get("args") if isinstance(auth, Mapping) else None
    if not isinstance(table, Mapping) or not isinstance(auth, Mapping) or not isinstance(args, list):
        return None
    command = (str(auth.get("command", "")), *map(str, args))
    *program, verb, _profile = command if len(command) > len(_OURS) else ("", "", "")
    if verb != _VERB or not any(word.replace("\\", "/").rpartition("/")[2].startswith(_OURS) for word in program):
        return None
    headers = table.get(_HEADERS)
    account = headers.get(ACCOUNT_HEADER) if isinstance(headers, Mapping) else None
    return TokenProvider(
        id=provider_id,
        base_url=str(table.get("base_url", "")),
        command=command,
        account_id=str(account) if isinstance(account, str) else "",
    )


def _choice_in(document: Mapping[str, Any]) -> dict[str, object]:
    return {"provider": document.get(CHOICE), "model": document.get(MODEL)}


def _inner(outer: MutableMapping[str, Any], name: str, made: _Made) -> MutableMapping[str, Any]:
    """Return the table of this name, made if there is none. Raises `TomlRefused` for what is no table."""
    if name not in outer:
        outer[name] = made(outer, name)
    found = outer[name]
    if not isinstance(found, MutableMapping):
        raise TomlRefused(f"its {name} is not a table")
    return found


def _plain(_outer: object, _name: str) -> MutableMapping[str, Any]:
    return {}


def _styled(outer: MutableMapping[str, Any], name: str) -> MutableMapping[str, Any]:
    import tomlkit

    if name == _HEADERS or isinstance(outer, tomlkit.items.InlineTable):
        return tomlkit.inline_table()
    return tomlkit.table(is_super_table=True) if name == PROVIDERS else tomlkit.table()


def _put(table: MutableMapping[str, Any], **values: object) -> None:
    """Set what is not there yet in just this way, so that the same again changes no byte."""
    for name, value in values.items():
        held = table.get(name)
        if getattr(held, "unwrap", lambda: held)() != value:  # noqa: B023 - it is called at once
            table[name] = value


def _edited(text: str, change: Callable[[MutableMapping[str, Any]], None], *, apart: str = "") -> str:
    """Return the text after a change, without the empty lines that the editing library leaves.

    A new provider is kept `apart` from what follows it. Raises `TomlRefused` for what the library does not edit.
    """
    import tomlkit

    try:
        document = tomlkit.parse(text)
        change(document)
        if apart and isinstance(auth := document[PROVIDERS][apart][_AUTH], tomlkit.items.Table):
            auth.add(tomlkit.nl())
        edited = document.as_string()
    except (tomlkit.exceptions.TOMLKitError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise TomlRefused(*_ODD) from None
    if edited.startswith("\n") and not text.startswith("\n"):
        edited = edited[1:]
    return edited[:-1] if edited.endswith("\n\n") and not text.endswith("\n\n") else edited


def _read(text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        raise TomlRefused("it is not valid TOML") from None


def _section(document: Mapping[str, Any]) -> dict[str, Any]:
    found = document.get(PROVIDERS, {})
    if not isinstance(found, dict):
        raise TomlRefused(f"its {PROVIDERS} is not a table")
    return found


def _checked(text: str, wanted: Mapping[str, Any]) -> str:
    """Return the text if it says what it should."""
    if _read(text) != wanted:
        raise TomlRefused(*_ODD)
    return text
