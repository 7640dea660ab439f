"""Homes in which a login is carried into a file or out of one, or a key is put here, when a fault strikes.

A login is in the store or in the file at every moment, never in neither, and in both only where nobody said that it is
done. A key that takes another's place is there, or the other is.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from codex_auth.core import carrying
from codex_auth.core.card import KeyNote
from codex_auth.core.codex_json import login_document, read_login
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.core.vault_header import read_header
from codex_auth.edge.places import find_places
from codex_auth.keys.passphrases import from_command
from codex_auth.keys.vault_keys import Passphrase
from codex_auth.stories import api_keys, carry_in, carry_out
from codex_auth.stories.carry_in import Wish
from tests.crash import rig
from tests.crash.scene import CARRYING, DOCUMENTED, KNOWN_FILES, OTHER, PROFILE, STOPPED, Finding, Result, Scene

KEPT, KEY = "kept", "extra"
_OLD, _NEW = Secret("sk-sweep-old-4f0a1c"), Secret("sk-sweep-new-93bd27")
_SEALED = "export-sealed"
_ONE_AT_A_TIME = Lock()
"""Two threads that derive keys with Argon2id wait for each other without end (cryptography with OpenSSL 3)."""
_PASSPHRASE = "printf correct-horse"
_KNOWN = KNOWN_FILES | {"out.file", "config.toml"}


@dataclass
class CarryScene(Scene):
    """One home before and after one such command; `login` is the one that travels."""

    login: Credential | None = None
    carried: bytes = b""
    """The file as the command finds it."""

    @property
    def words(self) -> tuple[str, ...]:
        """The command line."""
        return tuple(word.format(home=self.program.home, issuer=self.sandbox.issuer) for word in self.command.words)

    @property
    def file(self) -> Path:
        """What a login travels in."""
        return self.program.home / "out.file"

    @property
    def verb(self) -> str:
        """Which of the commands it is."""
        return next(name for name, command in CARRYING.items() if command is self.command)

    def _furnish(self) -> None:
        super()._furnish()
        if self.verb == _SEALED:
            folder = Path(self.places.config_file).parent
            folder.mkdir(parents=True, mode=0o700)
            Path(self.places.config_file).write_text(f'passphrase_command = "{_PASSPHRASE}"\n')
            Path(self.places.config_file).chmod(0o600)
            self.places = find_places(self.program.env)
            for each in (folder, folder.parent):
                each.chmod(0o700)
        if self.verb in {"key-replace", "key-remove"}:
            self._add_key(_OLD)
        if self.verb.startswith("key-"):
            self.redirect = _NEW.reveal() + "\n"
        self.login = self.store.load(PROFILE)
        if self.verb == "import-back":
            carry_out.whole(
                PROFILE, str(self.file), is_plain=True, store=self.store, places=self.places, world=self.world
            )
        elif self.verb.startswith("import-"):
            self._lay_a_copy()
        if not self.verb.startswith("import-"):
            self.sign_in("last")  # so that the backup holds what is to go
        self.carried = self.file.read_bytes() if self.file.exists() else b""
        self.before = self._store_files()

    def _add_key(self, key: Secret) -> None:
        note = KeyNote(kind="platform")
        api_keys.add(KEY, key, note, may_replace=True, store=self.store, places=self.places, world=self.world)

    def _lay_a_copy(self) -> None:
        """Let a login that is no profile lie about, as Codex would have written it."""
        self.sign_in("spare")
        self.login = self.store.load("spare")
        assert self.login is not None
        self.store.delete("spare")
        self.file.write_bytes(login_document(self.login, self.world.now(), login_owner_id="x"))
        self.file.chmod(0o600)

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        try:
            return [*self._damage(), *self._state(), *self._secrets(), *self._words(result), *self._blindness()]
        except (ValueError, KeyError, OSError, AuthError, AssertionError) as error:
            return [Finding("corrupt", f"looking stopped: {type(error).__name__} {error}")]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Do it again, perhaps after somebody saw that it is done, and return what is wrong then."""
        try:
            is_done = self._is_done()
            if not (retry and is_done):
                self._again(by_hand=by_hand, may_fail=is_done)
            findings = [*self._damage(), *self._state(), *self._secrets(), *self._leftovers(_KNOWN)]
        except (AuthError, ValueError, KeyError, OSError, AssertionError) as error:
            return [Finding("stuck", f"doing it again failed: {type(error).__name__} {error}")]
        return [*findings, *([] if self._is_done() else [Finding("stuck", "done again, it is not done")])]

    def _again(self, *, by_hand: bool, may_fail: bool) -> None:
        if by_hand or self.verb == _SEALED:
            result = rig.run(self, self.command_line)
            assert may_fail or result.status == 0, result.err
            return
        try:
            self._in_process()
        except AuthError:
            if not may_fail:
                raise

    def _in_process(self) -> None:
        """Do it, without the cost of a process."""
        where: dict[str, Any] = {"store": self.store, "places": self.places, "world": self.world}
        match self.verb.split("-"):
            case ["export", how]:
                carry_out.whole(PROFILE, str(self.file), is_plain=how == "plain", **where)
            case ["import", how]:
                wish = Wish(take_over=how == "over", agrees=lambda _path: True, issuer=self.sandbox.issuer)
                carry_in.bring(str(self.file), "" if how == "back" else KEPT, wish, **where)
            case ["key", "remove"]:
                api_keys.remove(KEY, **where)
            case _:
                self._add_key(_NEW)

    def _in_file(self) -> Secret | None:
        """Return the refresh token in the file, which is whole if it is there. Raises `AssertionError`."""
        if not self.file.exists():
            return None
        raw = self.file.read_bytes()
        if self.carried and self.verb != "import-back":
            return read_login(raw).refresh
        found = carrying.read_plain(raw)
        if self.verb == _SEALED:
            found = _opened(raw)
        assert found is not None, "the file is no whole export"
        return Secret(str(found[1]["refresh"]))

    def _in_store(self) -> bool:
        """Whether the store, or the state before its last change, has the refresh token that travels."""
        assert self.login is not None
        assert self.login.refresh is not None
        return any(self.login.refresh.reveal().encode() in content for content in self._store_files().values())

    def _is_done(self) -> bool:
        held, key = self.store.load(PROFILE if self.verb == "import-back" else KEPT), self.store.load(KEY)
        assert self.login is not None
        match self.verb.split("-"):
            case ["export", _]:
                return self._in_file() == self.login.refresh and not self._in_store()
            case ["import", "copy"]:
                return held is not None and held.access == self.login.access and held.refresh is None
            case ["import", _]:
                return held is not None and held.refresh == self.login.refresh and not self.file.exists()
            case ["key", "remove"]:
                return key is None and not any(_OLD.reveal().encode() in each for each in self._store_files().values())
        return key is not None and key.access == _NEW

    def _state(self) -> Iterator[Finding]:
        """Yield what is lost, and what is not as one of the two states it may be in."""
        assert self.login is not None
        if self.verb.startswith("key-"):
            key = self.store.load(KEY)
            may_be_none = self.verb != "key-replace"
            if key is None and not may_be_none:
                yield Finding("lost", "neither the old key nor the new one is there")
            if key is not None and key.access not in (_OLD, _NEW):
                yield Finding("corrupt", "it is another key")
            return
        if self._in_file() != self.login.refresh and not self._in_store():
            yield Finding("lost", "the login is nowhere")
        if self.file.exists() and self._in_file() != self.login.refresh:
            yield Finding("corrupt", "the file holds something else")
        if self.carried and self.file.exists() and self.file.read_bytes() != self.carried:
            yield Finding("corrupt", "the file was changed")
        if self.verb == "import-copy" and (not self.file.exists() or self._in_store()):
            yield Finding("untrue", "a copy was asked for")

    def _secrets(self) -> Iterator[Finding]:
        logins = [login for login in (self.login, self.store.load(OTHER)) if login]
        secrets = [each for login in logins for each in (login.access, login.refresh, login.id_token) if each]
        texts = [each.reveal() for each in (*secrets, _OLD, _NEW)]
        for path, found in self._files():
            is_store = path.name.startswith((".auth-profiles", "auth-profiles")) and path.suffix != ".lock"
            may_hold = is_store or ("out.file" in path.name and self.verb != _SEALED)
            if stat.S_ISREG(found.st_mode) and not may_hold:
                content = path.read_bytes().decode("utf-8", "replace")
                if any(text in content for text in texts):
                    yield Finding("leak", f"a secret stands in {path.name}")

    def _words(self, result: Result) -> Iterator[Finding]:
        assert self.login is not None
        secrets = [each.reveal() for each in (self.login.access, self.login.refresh, _OLD, _NEW) if each]
        if any(secret in result.out + result.err for secret in secrets):
            yield Finding("leak", "a secret stands in the output")
        if result.status not in DOCUMENTED | STOPPED:
            yield Finding("untrue", f"exit status {result.status} is not documented")
        if "Traceback" in result.err or "unexpected" in result.err:
            yield Finding("untrue", f"stderr shows an exception: {result.err.strip().splitlines()[0]}")
        if 0 < result.status < 128 and "codex-auth: " not in result.err:
            yield Finding("untrue", f"exit status {result.status} without a word")
        if result.status == 0 and not self._is_done():
            yield Finding("untrue", "exit status 0, but it is not done")


@cache
def _opened(raw: bytes) -> tuple[str, carrying.Entry] | None:
    source = Passphrase("", from_command(_PASSPHRASE))
    with _ONE_AT_A_TIME:
        [key] = source.keys(read_header(raw, path=""))
    return carrying.opened(key, raw)


class CarryBench(rig.Bench):
    """A provider and a folder for such homes."""

    is_alone = True

    def furnished(self, folder: Path) -> Scene:
        """Return a home as the command finds it."""
        return CarryScene(self.command, folder, self.sandbox)


BENCHES: dict[str, type[rig.Bench]] = dict.fromkeys(CARRYING, CarryBench)
