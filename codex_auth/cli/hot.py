"""`codex-auth token` before anything is loaded: one live access token, or somebody who fetches one.

Codex runs this at every start, so it is as cheap as Python allows: it loads three small C modules, finds the one
entry among however many, and prints. A token that is due is refreshed by a process of its own, which nobody's
time-out can kill between request and save; whoever comes first starts it, everybody waits here for what it stores.

What this module is not sure of (a damaged file, two entries of one name, another store) it leaves to the slow way:
`answer` then returns None, and click says what there is to say.
"""

import os
import sys
from time import monotonic, sleep, time

from codex_auth.edge import where

ANSWER_SECONDS = 4.2
"""Codex gives its `auth.command` five seconds (`timeout_ms`); the rest is for starting and for saying why not."""
MIN_VALIDITY = 360
"""Seconds of life that are enough: more than the five minutes at which Codex itself would refresh."""

_STARTED = monotonic()
_READ_LIMIT = 64 * 1024 * 1024
_WINDOW = 64 * 1024
_SMALL = 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.004, 0.032
_REGULAR, _KIND = 0o100000, 0o170000
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._@+-")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Entry = dict[str, Any]


class Unsure(Exception):
    """This is not for the quick way."""


class Silent(Exception):
    """The keyring did not answer; asking it again in the slow way would take as long once more."""


class Asked:
    """What the command line asked for."""

    def __init__(self, arguments: list[str]) -> None:
        self.name = ""
        self.auth_path = ""
        self.min_validity = MIN_VALIDITY
        self.as_json = self.as_header = self.is_shown = False
        words = iter(arguments)
        for word in words:
            if word in {"--json", "--header", "--show"}:
                setattr(self, {"--json": "as_json", "--header": "as_header", "--show": "is_shown"}[word], True)
            elif word in {"--profile", "--auth-path", "--min-validity"}:
                self._take(word, next(words, ""))
            elif word.startswith("-") or self.name:
                raise Unsure
            else:
                self.name = word

    def _take(self, option: str, value: str) -> None:
        if not value or (option == "--profile" and self.name):
            raise Unsure
        if option == "--profile":
            self.name = value
        elif option == "--auth-path":
            self.auth_path = value
        else:
            digits, unit = (value[:-1], value[-1:]) if value[-1:].isalpha() else (value, "s")
            if unit not in _UNITS or not (digits.isascii() and digits.isdigit()) or len(digits) > 6:  # noqa: PLR2004
                raise Unsure
            self.min_validity = int(digits) * _UNITS[unit]


class Held:
    """A credential in what is needed to serve it; `expires` is in Unix seconds, None for what never ends."""

    def __init__(self, *, token: str, expires: float | None, account_id: object, may_refresh: bool) -> None:
        self.token = token
        self.expires = expires
        self.account_id = account_id
        self.may_refresh = may_refresh

    def life(self) -> float:
        """Return the seconds it has left."""
        return float("inf") if self.expires is None else self.expires - time()


def deadline() -> float:
    """Return when, by `monotonic`, an answer must be given; it counts from the start of the program."""
    return _STARTED + ANSWER_SECONDS


def _held(entry: "Entry") -> Held:
    """Return an entry of `auth-profiles.json`. Raises `Unsure` for one that is not as it should be."""
    kind = str(entry.get("type"))
    token = entry.get({"oauth": "access", "token": "token", "api_key": "key"}.get(kind, ""))
    expires = None if kind == "api_key" else entry.get("expires")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable() or " " in token:
        raise Unsure
    if not isinstance(expires, int) and (kind == "oauth" or expires is not None):
        raise Unsure
    ours = entry.get("codexAuth")
    is_ours = isinstance(ours, dict) and ours.get("owner") == "codex-auth"
    return Held(
        token=token,
        expires=None if expires is None else expires / 1000,
        account_id=entry.get("accountId"),
        may_refresh=kind == "oauth" and is_ours and bool(entry.get("refresh")),
    )


def answer(arguments: list[str]) -> int | None:
    """Print one live token and return the exit status, or None if the slow way must do it."""
    try:
        asked = Asked(arguments)
        if not asked.is_shown and sys.stdout.isatty():
            return None
        held = FilePlace(asked).shelf().live(asked.min_validity, deadline())
        return show(held, asked)
    except KeyboardInterrupt:
        return 130
    except Silent:
        return _say_silent(as_json="--json" in arguments)
    except (Unsure, OSError, ValueError, AttributeError, ImportError, NotImplementedError):
        return None


def _say_silent(*, as_json: bool) -> int:
    from codex_auth.cli.doors import guarded
    from codex_auth.core.store_errors import KeyringSilent
    from codex_auth.keys.secret_service import READ_SECONDS

    def fail() -> int:
        raise KeyringSilent(seconds=f"{READ_SECONDS:g}")

    return guarded(fail, as_json=as_json)


def show(held: Held, asked: Asked) -> int:
    """Print a token in the form that was asked for."""
    if asked.as_json:
        from codex_auth.views.token_json import document

        text = document(held.token, held.expires, held.account_id)
    else:
        text = f"Authorization: Bearer {held.token}" if asked.as_header else held.token
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    return 0


class Place:
    """Where one profile is kept, and how a token of it is had that lives long enough."""

    name = state = auth_path = ""

    def read(self) -> Held:
        """Return what is stored now."""
        raise NotImplementedError

    def has_changed(self) -> bool:
        """Whether something else may be stored than was read last."""
        raise NotImplementedError

    def live(self, min_validity: int, deadline: float) -> Held:
        """Return a token with this much life left, from a refresh that we start or that is under way if need be.

        When there is none in time, one that lives at all is served. Raises `Unsure` for a dead one.
        """
        held = self.read()
        if held.life() > min_validity:
            return held
        if held.may_refresh:
            found = self._renewed(held, min_validity, deadline)
            if found is not None:
                return found
        if held.life() <= 0:
            raise Unsure
        sys.stderr.write(f"codex-auth: {self.name} lives for less than was asked, and no longer token was had.\n")
        return held

    def _renewed(self, held: Held, min_validity: int, deadline: float) -> Held | None:
        """Return what a refresh brings, or None if it brings nothing, or not in time."""
        if not hasattr(os, "posix_spawn"):
            return self._renewed_without_posix(held, min_validity, deadline)
        began, pause, child = time(), _FIRST_PAUSE, 0
        while monotonic() < deadline:
            child = child or self._start_refresh(min_validity, began)
            ended, status = os.waitpid(child, os.WNOHANG) if child > 0 else (child, 1)
            if self.has_changed():
                found = self.read()
                if found.token != held.token and found.life() > 0:
                    return found
            if ended:
                # Nothing new, and all is well: a clock that is off makes a living token look dead.
                return held if status == 0 else None
            sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return None

    def _start_refresh(self, min_validity: int, began: float) -> int:
        """Start the one process that refreshes, and return its number.

        Return 0 while somebody else's runs, and -1 when one has ended since we began. The process holds the lock of
        whoever may start one until it ends, because it inherits the descriptor.
        """
        from fcntl import LOCK_EX, LOCK_NB, flock

        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        fd = os.open(os.path.join(self.state, "locks", f"starter-{self.name}.lock"), flags, 0o600)
        try:
            flock(fd, LOCK_EX | LOCK_NB)
            if self._has_ended_since(began):
                return -1
            os.set_inheritable(fd, True)
            words = self._refresh_command(min_validity)
            null = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_RDWR, 0) for each in (0, 1, 2)]
            return os.posix_spawn(sys.executable, words, dict(os.environ), file_actions=null, setsid=True)
        except BlockingIOError:
            return 0
        finally:
            os.close(fd)

    def _renewed_without_posix(self, held: Held, min_validity: int, deadline: float) -> Held | None:
        """Do the same on Windows, where a lock is not inherited: each that asks starts one, and only the first asks."""
        import subprocess

        apart = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        null = subprocess.DEVNULL
        words = self._refresh_command(min_validity)
        child = subprocess.Popen(words, stdin=null, stdout=null, stderr=null, creationflags=apart)
        try:
            status = child.wait(max(0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            return None
        found = self.read() if self.has_changed() else held
        is_new = found.token != held.token and found.life() > 0
        return found if is_new else held if status == 0 else None

    def _refresh_command(self, min_validity: int) -> list[str]:
        words = [sys.executable, "-P", "-m", "codex_auth", "refresh", self.name, "--if-due", f"{min_validity}s"]
        return [*words, "--auth-path", self.auth_path] if self.auth_path else words

    def _has_ended_since(self, moment: float) -> bool:
        """Whether a refresh has left its note since then; the caller knows that none is running."""
        try:
            return os.stat(os.path.join(self.state, "journal", f"{self.name}.json")).st_mtime >= moment
        except FileNotFoundError:
            return False


def _of_folder() -> str:
    """Return the profile that the folder's own file names, if there is one. Raises `Unsure` if it names none."""
    path = where.folder_file()
    name = where.folder_name(path) if path else ""
    if path and not name:
        raise Unsure
    return name


def _chosen(env: "Mapping[str, str]", home: str) -> str:
    """Return the profile that `use` chose, as `edge.chosen` does."""
    try:
        with open(os.path.join(where.state_path(env, home), where.CHOSEN_NAME), "rb") as file:
            return file.read(_SMALL).decode("ascii").strip()
    except (OSError, ValueError):
        return ""


class FilePlace(Place):
    """One profile's entry in one `auth-profiles.json`, found without reading the others."""

    def __init__(self, asked: Asked) -> None:
        env = os.environ
        home = where.home(env)
        if not home or os.path.exists(where.config_path(env, home)) or where.may_have_policy(env, home):
            raise Unsure  # the configuration and rules may say anything; reading them costs more than this module may
        name = (
            asked.name or env.get("CODEX_AUTH_PROFILE", "") or _of_folder() or _chosen(env, home) or "default"
        ).lower()
        for prefix in ("openai-codex:", "openai:"):
            name = name.removeprefix(prefix)
        if not name or not _NAME.issuperset(name) or not name[0].isalnum() or ".." in name or len(name) > 64:  # noqa: PLR2004
            raise Unsure
        self.name = name
        self.state = where.state_path(env, home)
        self.auth_path = asked.auth_path
        self._path = where.auth_path(env, home, asked=asked.auth_path, configured="", assume_openclaw=False)[0]
        self._mark: tuple[int, int, int] | None = None
        self._data = where.data_path(env, home)

    def shelf(self) -> Place:
        """Return the place that holds the profile: keyring or vault if the index lists it there, else this file."""
        try:
            fd = os.open(os.path.join(self._data, where.INDEX_NAME), _OPEN)
        except FileNotFoundError:
            return self
        try:
            index = os.read(fd, _SMALL)
        finally:
            os.close(fd)
        if f'"{self.name}"'.encode() not in index:
            return self
        kinds = _object(index)
        for kind in ("keyring", "vault"):
            listed = kinds.get(kind)
            if isinstance(listed, dict) and self.name in listed:
                return ListedPlace(kind, self, self._data)
        return self

    def read(self) -> Held:
        """Return the one entry of this name. Raises `Unsure` unless there is exactly one, in a file of ours alone."""
        fd = os.open(self._path, _OPEN)
        try:
            found = os.fstat(fd)
            mine = found.st_uid == os.geteuid() and not found.st_mode & 0o077
            if found.st_mode & _KIND != _REGULAR or not mine or found.st_nlink != 1 or found.st_size > _READ_LIMIT:
                raise Unsure
            self._mark = (found.st_ino, found.st_size, found.st_mtime_ns)
            if found.st_size < _SMALL:
                return _held(self._find(os.read(fd, found.st_size)))
            from mmap import ACCESS_READ, mmap

            with mmap(fd, 0, access=ACCESS_READ) as data:
                return _held(self._find(data))
        finally:
            os.close(fd)

    def has_changed(self) -> bool:
        """Whether the file is another one than was read last."""
        found = os.stat(self._path)
        return (found.st_ino, found.st_size, found.st_mtime_ns) != self._mark

    def _find(self, data: "bytes | Any") -> "Entry":
        entries = []
        for prefix in (b"openai-codex:", b"openai:"):
            key = b'"' + prefix + self.name.encode() + b'"'
            at = data.find(key)
            while at >= 0:
                entry = _object_at(data, at, at + len(key))
                if entry is not None and "type" in entry:
                    entries.append(entry)
                at = data.find(key, at + 1)
        if len(entries) != 1:
            raise Unsure
        return entries[0]


class ListedPlace(Place):
    """One profile in the keyring or the vault, read directly; whatever is not plain is for the slow way."""

    def __init__(self, kind: str, asked: Place, data: str) -> None:
        self.name, self.state, self.auth_path = asked.name, asked.state, asked.auth_path
        self._kind = kind
        self._data = data
        self._mark: tuple[int, int] | None = None

    def read(self) -> Held:
        """Return the entry of this name. Raises `Unsure` where a person or the library is needed."""
        self._mark = self._index_mark()
        text = self._from_keyring() if self._kind == "keyring" else self._from_vault()
        if text is None:
            raise Unsure
        return _held(_object(text))

    def has_changed(self) -> bool:
        """Whether something was saved since; the index is written after each save."""
        return self._index_mark() != self._mark

    def _index_mark(self) -> tuple[int, int]:
        found = os.stat(os.path.join(self._data, where.INDEX_NAME))
        return found.st_ino, found.st_mtime_ns

    def _from_keyring(self) -> bytes | None:
        text = _text_in_keyring(self.name)
        return None if text is None else text.encode()

    def _from_vault(self) -> bytes | None:
        from codex_auth.stores.vault_hot import read_entry

        key = os.path.realpath(os.path.join(self.state, where.VAULT_KEY_NAME))
        seen = os.path.join(self.state, where.VAULT_SEEN_NAME)
        return read_entry(os.path.join(self._data, where.VAULT_NAME), key, self.name, _key_in_keyring, seen=seen)


def _key_in_keyring(name: str) -> str | None:
    from codex_auth.stores.slots import own_name

    return _text_in_keyring(own_name(name))


def _text_in_keyring(name: str) -> str | None:
    """Return a text of ours, read directly; None where the library has to be asked."""
    from codex_auth.keys import secret_service
    from codex_auth.keys.session_bus import BusSilent
    from codex_auth.stores import slots

    if not secret_service.is_usual():
        return None
    try:
        found = slots.newest(name, lambda names: secret_service.read("codex-auth", names) or {})
    except BusSilent:
        raise Silent from None
    except slots.SlotDamaged:
        raise Unsure from None
    return None if found is None else found.text


class _Rules:
    """What the C scanner of the `json` module wants to know; it needs nothing else of that module."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None


def _object_at(data: "bytes | Any", start: int, end: int) -> "Entry | None":
    """Return the object that is the value of the key ending here, or None if this is no such key."""
    if start and data[start - 1 : start] == b"\\":
        return None
    at, colon = end, 0
    while data[at : at + 1] and data[at : at + 1] in b" \t\r\n:":
        colon += data[at : at + 1] == b":"
        at += 1
    if colon != 1 or data[at : at + 1] != b"{":
        return None
    return _object(bytes(data[at : at + _WINDOW]))


def _object(text: bytes) -> "Entry":
    """Return the object that a text begins with."""
    from _json import make_scanner

    try:
        entry, _ = make_scanner(_Rules)(str(text, "utf-8", "ignore"), 0)  # type: ignore[arg-type]  # typeshed asks for itself here
    except (StopIteration, ValueError, RecursionError):
        raise Unsure from None
    if not isinstance(entry, dict):
        raise Unsure
    return entry
