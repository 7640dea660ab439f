"""Homes whose logins are in a vault or a keyring, or on their way from one store to another, when a fault strikes.

The keyring is a folder below the home (`tests.contract.folder_keyring`), with the small items of Windows: a real one
is another process that changes files of its own, so of it a trace of ours shows messages and nothing else. A stop
before each change of an item is the same for both.
"""

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.policy import Policy
from codex_auth.edge.places import Places
from codex_auth.keys.keyrings import Keyring
from codex_auth.stores.index import Index
from codex_auth.stores.os_keyring import OsKeyring
from codex_auth.stores.shelves import Shelves
from codex_auth.stores.vault import Vault
from codex_auth.stories.move import move
from tests.contract.folder_keyring import LIMIT, FolderKeyring
from tests.crash import rig
from tests.crash.calls import ITEMS
from tests.crash.refresh_scene import RefreshScene
from tests.crash.scene import DOCUMENTED, KNOWN_FILES, OTHER, PROFILE, STOPPED, Finding, Result, Scene

KEPT_FILES = KNOWN_FILES | {"index.json", "vault.cav", "vault.key", "vault-generation.json"}
KINDS = ("file", "keyring", "vault")
_PLAIN = "auth-profiles.json"
_FOLDER_KEYRING = f"""\
import os
from codex_auth.keys import keyrings, secret_service
from tests.contract.folder_keyring import LIMIT, FolderKeyring
backend = FolderKeyring(os.path.join(os.environ["HOME"], {ITEMS!r}))
def call(_self, act):
    try:
        return act(backend)
    except Exception as error:
        raise keyrings._said(error) from None
secret_service.is_usual = lambda: False
keyrings.Keyring.limit = LIMIT
keyrings.Keyring._call = call
"""
"""Not in a thread of its own: strace counts the calls of each thread apart."""


def shelves_of(places: Places, begin: str) -> Shelves:
    """Return every store of a home, with the keyring that is a folder."""
    shelves = Shelves(places, begin=begin)
    folder = Path(places.state).parent / ITEMS
    index = Index(places.index, locks=places.locks, kind="keyring")
    keyring = Keyring(FolderKeyring(str(folder)), limit=LIMIT)
    shelves._opened["keyring"] = OsKeyring(keyring, index, locks=places.locks)
    return shelves


def secrets_of(login: Credential) -> set[bytes]:
    """Return the tokens of a login."""
    return {secret.reveal().encode() for secret in (login.access, login.refresh, login.id_token) if secret}


def is_same(one: Credential | None, other: Credential) -> bool:
    """Whether both are one login, wherever and for whatever reason they are kept."""
    return one is not None and replace(one, store_why="") == replace(other, store_why="")


# --- signing in and refreshing, with the vault as the store -----------------------------------------------------


class VaultHome(Scene):
    """A home with all its logins in a vault that opens with a key file."""

    def _furnish(self) -> None:
        super()._furnish()
        self.logins = {profile: self._loaded(profile) for profile in dict.fromkeys(self.command.held)}

    def entry(self, profile: str = PROFILE) -> dict[str, Any] | None:
        """Return the tokens that the vault holds of a profile."""
        held = self.store.load(profile)
        if held is None:
            return None
        assert held.refresh is not None
        return {"access": held.access.reveal(), "refresh": held.refresh.reveal()}

    def has_new_login(self) -> bool:
        """Whether the profile is stored with another login than before."""
        held, before = self.store.load(PROFILE), self.logins.get(PROFILE)
        return held is not None and (before is None or held.refresh != before.refresh)

    def _loaded(self, profile: str) -> Credential:
        held = self.store.load(profile)
        assert held is not None
        return held

    def _damage(self) -> Iterator[Finding]:
        yield from super()._damage()
        if not is_same(self.store.load(OTHER), self.logins[OTHER]):
            yield Finding("corrupt", "the vault has lost the other profile, or changed it")
        if self._store_files():
            yield Finding("leak", "there is a plain file of profiles")

    def _blindness(self) -> Iterator[Finding]:
        yield from super()._blindness()
        if OTHER not in self.store.names():
            yield Finding("corrupt", "status does not show the other profile")

    def _after(self) -> Iterator[Finding]:
        held = self.entry()
        if held is None or self.sandbox._provider.ledger.login_of(held["refresh"]) is None:
            yield Finding("stuck", "no fresh login is stored")
        yield from self._leftovers(KEPT_FILES)


class VaultRefreshScene(VaultHome, RefreshScene):
    """A home whose login is being refreshed in the vault."""

    def _tokens(self, document: bytes | None = None) -> dict[str, Any]:
        return self.entry() or {}

    def _tokens_before(self) -> dict[str, Any]:
        login = self.logins[PROFILE]
        assert login.refresh is not None
        return {"access": login.access.reveal(), "refresh": login.refresh.reveal()}


# --- moving, and changing the vault's key -----------------------------------------------------------------------


@dataclass
class KeepingScene(Scene):
    """A home in which a login is only kept: whatever strikes, it stays the login it was."""

    logins: dict[str, Credential] = field(default_factory=dict)

    @property
    def prelude(self) -> str:
        """Let the folder be this machine's keyring."""
        return _FOLDER_KEYRING

    @property
    def target(self) -> str:
        """The kind of store the login is to be in at the end."""
        return self.command.words[-1] if self.command.words[0] == "move" else self.command.store

    def _furnish(self) -> None:
        self.store = shelves_of(self.places, self.command.store)
        super()._furnish()
        if "spare" in self.command.held:
            move("spare", self.target, policy=Policy(), store=self.shelves(), places=self.places)
        self.before = self._store_files()
        for profile in self.command.held:
            held = self.shelves().load(profile)
            assert held is not None
            self.logins[profile] = held

    def shelves(self) -> Shelves:
        """Return all stores, freshly opened."""
        return shelves_of(self.places, self.command.store)

    def _files(self) -> Iterator[tuple[Path, Any]]:
        items = self.program.home / ITEMS
        for path, found in super()._files():
            if path != items and items not in path.parents:
                yield path, found

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        try:
            return [*self._damage(), *self._logins(), *self._plain_text(), *self._words(result), *self._blindness()]
        except (ValueError, KeyError, OSError, AuthError) as error:
            return [Finding("corrupt", f"looking stopped: {type(error).__name__} {error}")]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Do it again, with the real program if `by_hand`, and return what is wrong then."""
        try:
            self._again_by_hand() if by_hand else self._again()
            for kind in {self.command.store, self.target}:
                self.shelves().shelf(kind).prove_writable()  # as each refresh does, of whatever login is kept there
            findings = [*self._damage(), *self._logins(), *self._plain_text(is_done=True), *self._leftovers(KEPT_FILES)]
            kinds = self._kinds()
        except (AuthError, AssertionError, ValueError, KeyError, OSError) as error:
            return [Finding("stuck", f"doing it again failed: {type(error).__name__} {error}")]
        if kinds != [self.target]:
            findings.append(Finding("stuck", f"done again, it is in {kinds}"))
        return [*findings, *self._keys()]

    def _again(self) -> None:
        if self.command.words[0] == "move":
            move(PROFILE, self.target, policy=Policy(), store=self.shelves(), places=self.places)
            return
        vault = self.shelves().shelf("vault")
        assert isinstance(vault, Vault)
        vault.rekey()

    def _again_by_hand(self) -> None:
        result = rig.run(self, self.command_line)
        assert result.status == 0, result.err

    def _kinds(self) -> list[str]:
        return self.shelves().kinds_with(PROFILE)

    def _logins(self) -> Iterator[Finding]:
        """Yield what is wrong with the logins: each is whole, in one store, or in two that are equal."""
        shelves = self.shelves()
        for profile, login in self.logins.items():
            copies = {kind: shelves.shelf(kind).load(profile) for kind in KINDS}
            there = {kind: held for kind, held in copies.items() if held is not None}
            if not there:
                yield Finding("lost", f"{profile} is in no store")
            for kind, held in there.items():
                if not is_same(held, login):
                    yield Finding("corrupt", f"{profile} has changed in the {kind}")
            if profile != PROFILE and len(there) > 1:
                yield Finding("corrupt", f"{profile} is in {', '.join(there)}")
            if there and not is_same(shelves.load(profile), login):
                yield Finding("lost", f"{profile} is there, and not found")

    def _plain_text(self, *, is_done: bool = False) -> Iterator[Finding]:
        """Yield the files in which a token stands that may not stand there."""
        may_be_plain = set() if self.target != "file" and (is_done or self.command.store != "file") else {PROFILE}
        may_be_plain |= {OTHER} if self.command.store == "file" else set()
        may_be_plain |= {"spare"} if "spare" in self.logins and "file" in (self.target, self.command.store) else set()
        known = {secret: profile for profile, login in self.logins.items() for secret in secrets_of(login)}
        for path, found in self._files():
            content = path.read_bytes() if stat.S_ISREG(found.st_mode) else b""
            for profile in {known[secret] for secret in known if secret in content}:
                if _PLAIN not in path.name or profile not in may_be_plain:
                    yield Finding("leak", f"a token of {profile} stands in {path.name}")

    def _words(self, result: Result) -> Iterator[Finding]:
        if result.status not in DOCUMENTED | STOPPED:
            yield Finding("untrue", f"exit status {result.status} is not documented")
        if "Traceback" in result.err or "unexpected" in result.err:
            yield Finding("untrue", f"stderr shows an exception: {result.err.strip().splitlines()[0]}")
        if 0 < result.status < 128 and "codex-auth: " not in result.err:
            yield Finding("untrue", f"exit status {result.status} without a word")
        if result.status == 0 and self._kinds() != [self.target]:
            yield Finding("untrue", f"exit status 0, but it is in {self._kinds()}")
        shown = (result.out + result.err).encode()
        if any(secret in shown for login in self.logins.values() for secret in secrets_of(login)):
            yield Finding("leak", "a token stands in the output")

    def _keys(self) -> Iterator[Finding]:
        """Yield what says that more than one key is kept after all is done."""
        key = Path(self.places.vault_key)
        if key.exists() and len(key.read_text().split()) != 1:
            yield Finding("leftover", "the key of before is still kept")
