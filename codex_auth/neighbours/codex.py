"""Codex homes on this machine: which is meant, how it keeps its login, and which Codex runs with it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codex_auth.core.errors import PolicyUnusable
from codex_auth.edge import where
from codex_auth.edge.folders import my_uid
from codex_auth.neighbours import elsewhere

AUTH, CONFIG = elsewhere.CODEX_NAME, "config.toml"
FILE, KEYRING, AUTO, EPHEMERAL = "file", "keyring", "auto", "ephemeral"
_WORDS = (b"cli_auth_credentials_store", b"secret_auth_storage")
_LAYERS = (("codex", "config.toml"), ("codex", "managed_config.toml"), ("codex", "requirements.toml"))
_HEX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CodexHome:
    """One `CODEX_HOME`. Two names of one folder are one home: the path has no links in it."""

    path: str

    @property
    def auth(self) -> str:
        """The file in which Codex keeps its login."""
        return os.path.join(self.path, AUTH)

    @property
    def config(self) -> str:
        """The user's configuration of Codex."""
        return os.path.join(self.path, CONFIG)

    @property
    def item(self) -> str:
        """The user name of its item in the keyring."""
        import hashlib

        return "cli|" + hashlib.sha256(self.path.encode()).hexdigest()[:_HEX]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """Where Codex keeps its login, by its configuration."""

    store: str = FILE
    source: str = ""
    is_age_file: bool = False
    """Whether `secret_auth_storage` is on: then a keyring holds only the key of a file that we do not write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A Codex that runs."""

    pid: int
    command: str

    @property
    def spoken(self) -> str:
        """The process as people say it."""
        return f"{self.command} (process {self.pid})"


def chosen_home(env: Mapping[str, str]) -> CodexHome:
    """Return the home that this environment means; it need not exist yet."""
    return CodexHome(path=os.path.realpath(os.path.dirname(where.codex_config(env, where.home(env)))))


def asked_for(home: CodexHome) -> tuple[str, str]:
    """Return the provider of ours that this home's configuration chooses, and the profile that it asks for.

    Both are empty where none of ours is chosen, or the file does not read: then Codex does not start either.
    """
    raw = elsewhere.peek(home.config) or b""
    if b"model_provider" not in raw:
        return "", ""
    from codex_auth.core.codex_toml import TomlRefused, chosen, provider_in

    try:
        text = raw.decode()
        name = chosen(text).provider
        found = provider_in(text, name) if name else None
    except (UnicodeDecodeError, TomlRefused):
        return "", ""
    return (name, found.profile) if found else ("", "")


def keeping(home: CodexHome, *, etc: str = where.ETC) -> Keeping:
    """Return where Codex keeps its login there: administrators' files first, then the user's, then the system's.

    Raises `PolicyUnusable` for a file that does not read: Codex would not start with it.
    """
    found = Keeping()
    system, managed, requirements = (os.path.join(etc, *parts) for parts in _LAYERS)
    for path in (system, home.config, managed, requirements):
        table = _table(path, is_own=path == home.config)
        store, features = table.get(_WORDS[0].decode()), table.get("features")
        is_age_file = features.get(_WORDS[1].decode()) if isinstance(features, dict) else None
        found = Keeping(
            store=store if isinstance(store, str) else found.store,
            source=path if isinstance(store, str) else found.source,
            is_age_file=is_age_file if isinstance(is_age_file, bool) else found.is_age_file,
        )
    return found


def running(home: CodexHome, *, proc: str = "/proc") -> list[Running]:
    """Return the Codex processes of ours whose home this is. None where the system does not tell (no `/proc`)."""
    return [found for pid in _pids(proc) if (found := _running(pid, home, proc)) is not None]


def _table(path: str, *, is_own: bool) -> Mapping[str, object]:
    """Return a file's table, or an empty one where it says nothing of how a login is kept."""
    text = elsewhere.peek(path)
    if text is None or not any(word in text for word in _WORDS):
        return {}
    import tomllib

    try:
        return tomllib.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise PolicyUnusable.of(path, "it is not valid TOML", is_own=is_own) from None


def _pids(proc: str) -> Iterator[int]:
    try:
        yield from sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    except OSError:
        return


def _running(pid: int, home: CodexHome, proc: str) -> Running | None:
    folder = os.path.join(proc, str(pid))
    try:
        if pid == os.getpid() or os.stat(folder).st_uid != my_uid():
            return None
        command = os.path.basename(os.readlink(os.path.join(folder, "exe")))
        if not command.startswith("codex"):
            return None
        with open(os.path.join(folder, "environ"), "rb") as file:
            entries = dict(entry.partition(b"=")[::2] for entry in file.read().split(b"\0"))
    except OSError:  # it ended, or is somebody else's after all
        return None
    env = {os.fsdecode(name): os.fsdecode(value) for name, value in entries.items()}
    is_there = chosen_home(env).path == home.path if env.get("CODEX_HOME") or env.get("HOME") else False
    return Running(pid=pid, command=command) if is_there else None
