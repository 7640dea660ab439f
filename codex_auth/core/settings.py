"""The settings of `config.toml`: what there is, what each may be, and changing one of them in the file's text."""

import shlex
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codex_auth.core.errors import AuthError
from codex_auth.core.names import read_name
from codex_auth.core.provider import Provider, read_callback, read_issuer
from codex_auth.core.setting_errors import NoSuchSetting, SettingRefused

NUMBER, LIST = "a number", "a list"

Value = str | int | list[str]
"""What a setting can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of the file, the variable that counts more than it, and what it may be."""

    meaning: str
    """For people, as a sentence without its end."""
    check: Callable[[str], object]
    """Raises `AuthError` or `ValueError` for a value, or one of a list, that is none."""
    kind: str = ""
    variable: str = ""
    otherwise: str = ""
    """What counts where nothing is said, in words; empty for nothing."""


def _one_of(*words: str) -> Callable[[str], object]:
    def check(text: str) -> None:
        if text not in words:
            raise ValueError(f"it must be one of {', '.join(words)}")

    return check


def _place(text: str) -> None:
    if (not text.startswith(("/", "~")) and text[1:3] != ":\\") or "\0" in text:
        raise ValueError("it must be an absolute path")


def _command(text: str) -> None:
    try:
        is_empty = not shlex.split(text)
    except ValueError:
        raise ValueError("its quotes are not closed") from None
    if is_empty:
        raise ValueError("it is empty")


def _sender(text: str) -> None:
    channel, _, sender = text.partition(":")
    if not channel or not sender or text.split() != [text]:
        raise ValueError("a sender is written channel:id, e.g. telegram:12345")


def _port(text: str) -> None:
    if not text.isdecimal():
        raise ValueError("it must be a number")
    read_callback(int(text), "", provider=_ELSEWHERE)


_ELSEWHERE = Provider(issuer="https://auth.example")

SETTINGS = {
    "profile": Setting(
        meaning="the profile that is meant where none is named",
        check=read_name,
        variable="CODEX_AUTH_PROFILE",
    ),
    "store": Setting(
        meaning="where a new login is kept: file, keyring, vault or auto",
        check=_one_of("file", "keyring", "vault", "auto"),
        variable="CODEX_AUTH_STORE",
        otherwise="file",
    ),
    "auth_path": Setting(meaning="the auth-profiles.json that is used", check=_place, variable="CODEX_AUTH_PATH"),
    "vault_key": Setting(
        meaning="where a new vault's key comes from: keyfile, keyring or passphrase",
        check=_one_of("keyfile", "keyring", "passphrase"),
        variable="CODEX_AUTH_VAULT_KEY",
        otherwise="keyfile",
    ),
    "passphrase_command": Setting(meaning="the command that prints the vault's passphrase", check=_command),
    "hook": Setting(
        meaning="the command that `keep` runs when the state of a login changes",
        check=_command,
        variable="CODEX_AUTH_HOOK",
    ),
    "issuers": Setting(
        meaning="https addresses that --issuer may name besides OpenAI's",
        check=lambda text: read_issuer(text, listed=frozenset({text.strip().rstrip("/")}), config=""),
        kind=LIST,
    ),
    "callback_port": Setting(
        meaning="the port on which the browser comes back, with another provider than OpenAI", check=_port, kind=NUMBER
    ),
    "callback_url_base": Setting(
        meaning="the ingress through which the browser comes back, with another provider than OpenAI",
        check=lambda text: read_callback(None, text, provider=_ELSEWHERE),
    ),
    "codex_homes": Setting(meaning="further Codex homes, in which a copy of a login may lie", check=_place, kind=LIST),
    "chat_operators": Setting(
        meaning="who may give orders in a chat, as channel:sender",
        check=_sender,
        kind=LIST,
        variable="CODEX_AUTH_CHAT_OPERATORS",
    ),
}
"""Every key of the file but `[policy]`, which is written by hand."""
COMMANDS = frozenset({"passphrase_command", "hook"})
"""Those whose value is a command."""


def known(name: str) -> str:
    """Return the name of a setting as it is written in the file. Raises `NoSuchSetting`, which names what is near."""
    from difflib import get_close_matches

    meant = name.strip().lower().replace("-", "_")
    if meant in SETTINGS:
        return meant
    if meant.partition(".")[0] == "policy":
        raise NoSuchSetting(near=" `[policy]` is a table in the file, and is written by hand.")
    near = " or ".join(get_close_matches(meant, SETTINGS, n=2))
    raise NoSuchSetting(near=f" Did you mean {near}?" if near else "")


def read_value(name: str, words: Sequence[str]) -> Value:
    """Return the value that these words are for a setting. Raises `SettingRefused`, which repeats none of them."""
    setting = SETTINGS[name]
    if setting.kind != LIST and len(words) != 1:
        raise SettingRefused(name=name, problem="it is one value")
    for word in words:
        try:
            setting.check(word)
        except AuthError as error:
            raise SettingRefused(name=name, problem=str(error.facts.get("problem") or error).rstrip(".")) from None
        except ValueError as error:
            raise SettingRefused(name=name, problem=str(error)) from None
    if setting.kind == LIST:
        return list(dict.fromkeys(words))
    return int(words[0]) if setting.kind == NUMBER else words[0]


def changed(text: str, name: str, value: Value | None) -> str:
    """Return the file's text with one setting put, or taken out; comments, order and all else stay as they are.

    Raises `ValueError` where it is not TOML, or where the result would not say exactly that.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    before = tomllib.loads(text)
    wanted = {key: kept for key, kept in before.items() if key != name}
    if value is not None:
        wanted[name] = value
    try:
        document = tomlkit.parse(text)
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
        after = tomlkit.dumps(document)
    except TOMLKitError:
        raise ValueError from None
    if tomllib.loads(after) != wanted:
        raise ValueError
    return after
