"""Codex as a target: one home, its `auth.json` or its item in the keyring, under Codex's own two locks.

Codex holds `auth.lock` while it decides and `auth.json.lock`, beside the real file, while it writes; it gives up on the
second after five seconds and has then lost what it just renewed. So both are held for one reading and one writing, and
never across a network. What is there of somebody else is never destroyed.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from codex_auth.core.codex_errors import (
    CodexBusy,
    CodexFileDamaged,
    CodexHasLogin,
    CodexHasOther,
    CodexKeptOther,
    CodexKeyringUnusable,
    CodexNothingThere,
    CodexStoreRefused,
    CodexUnwritable,
    CodexWantsMore,
)
from codex_auth.core.codex_json import (
    API_KEY,
    OAUTH,
    TOKEN,
    CodexLogin,
    credential_of,
    lacking,
    lease_document,
    login_document,
    problem_of,
    read_login,
)
from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.jsontext import JsonDamaged
from codex_auth.core.model import Credential
from codex_auth.core.store_errors import (
    KeyringLocked,
    KeyringSilent,
    KeyringUnavailable,
    KeyringUnfaithful,
    LockBusy,
    StoreError,
    StoreNotDurable,
    UnsafeFile,
)
from codex_auth.core.text import mask_account
from codex_auth.deliver.protocol import Gift, Given, Held, hash_of
from codex_auth.edge import files, where
from codex_auth.edge.folders import private_folder, resolve
from codex_auth.edge.locks import hold
from codex_auth.neighbours.codex import AUTO, EPHEMERAL, KEYRING, CodexHome, chosen_home, keeping
from codex_auth.notes.deliveries import Choice, Place

NAME = "codex"
AUTH_ID = "auth.json"
"""What a delivery of a login is called; one home holds one."""
LOCK_SECONDS = 10.0
_SAID = {TOKEN: "a lease", API_KEY: "an API key"}


class _Slot(Protocol):
    """Where one home keeps its login."""

    path: str

    def read(self) -> bytes | None: ...
    def write(self, document: bytes) -> None: ...
    def remove(self) -> None: ...


class AuthFile:
    """The file. A link is followed: the real file is replaced, and the link stays."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return what is there, or None."""
        return files.read_private(self.path, foreign=True)

    def write(self, document: bytes) -> None:
        """Put a file in its place, whole and durable."""
        real = resolve(self.path)
        files.sweep(real)
        files.replace(real, [document])

    def remove(self) -> None:
        """Remove the file, and a link that led to it."""
        files.remove(resolve(self.path))
        files.remove(self.path)


class AuthItem:
    """The item in the keyring."""

    def __init__(self, home: CodexHome) -> None:
        from codex_auth.keys.codex_item import open_items

        self.path = "the keyring"
        self._name = home.item
        self._items = open_items()

    def read(self) -> bytes | None:
        """Return what is there, or None."""
        found = self._items.read([self._name]).get(self._name)
        return None if found is None else found.encode()

    def write(self, document: bytes) -> None:
        """Replace the item, in the compact form that Codex writes there."""
        import json

        self._items.write(self._name, json.dumps(json.loads(document), separators=(",", ":")))

    def remove(self) -> None:
        """Remove the item."""
        self._items.remove(self._name)


class CodexAuth:
    """The login of one Codex home."""

    def __init__(self, home: CodexHome, *, kind: str = "", etc: str = where.ETC) -> None:
        self.home = home
        self._etc = etc
        self.place = Place(
            target=NAME, state=home.path, config=home.config, home_profile=kind, agent="", profile_id=AUTH_ID
        )

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would, without taking a lock or making a folder."""
        with self._in_words(gift.credential.profile):
            before = self._read(self._slot())
        self._permit(before, gift)
        return Given(before=_held(before), now=_held(before))

    def give(self, gift: Gift) -> Given:
        """Put the gift there under Codex's locks, and make sure that it is what is read back."""
        profile = gift.credential.profile
        with self._in_words(profile), self._locked(profile):
            slot = self._slot()
            before, source = self._found(slot)
            self._permit(before, gift)
            document = self._document(gift)
            if before is None or source is not slot or not _is_same(before, read_login(document)):
                slot.write(document)
            if source is not slot:  # as Codex does when it saves to the keyring; `_permit` has seen what it held
                source.remove()
            now = self._read(slot)
        self._verify(gift, now)
        return Given(before=_held(before), now=_held(now))

    def look(self) -> Given:
        """Return what is there."""
        with self._in_words(""):
            found = _held(self._read(self._slot()))
        return Given(before=found, now=found)

    def take_back(self, credential: Credential, _choice: Choice | None = None) -> Given:
        """Remove our lease; what is there of somebody else by now stays."""
        with self._in_words(credential.profile), self._locked(credential.profile):
            slot = self._slot()
            before = self._read(slot)
            is_ours = before is not None and before.kind == TOKEN
            if before is None or not is_ours or before.identity.account_id != credential.identity.account_id:
                return Given(before=_held(before), now=_held(before))
            slot.remove()
        return Given(before=_held(before), now=None)

    def take_in(self, profile: str, *, owner: str) -> Credential | None:
        """Return the whole login that is there as a credential of this name; None if there is no such login."""
        with self._in_words(profile):
            found = self._read(self._slot())
        return None if found is None else credential_of(found, profile=profile, now=datetime.now(UTC), owner=owner)

    def export(self, profile: str) -> Credential:
        """Return the login that is there, without its refresh token: that stays Codex's."""
        found = self.take_in(profile, owner=NAME)
        if found is None:
            raise CodexNothingThere(home=self.home.path, profile=profile)
        return replace(found, refresh=None, id_token=None)

    def let_use(self, _given: Given) -> dict[str, tuple[str, ...]]:
        """Codex has no order of logins: it uses the one there is."""
        return {}

    # --- what Codex keeps, and where ---------------------------------------------------------------------------

    def _slot(self) -> _Slot:
        """Return where Codex would read its login. `auto` is an item if there is one, or if one can be made."""
        kept = keeping(self.home, etc=self._etc)
        if kept.store == EPHEMERAL:
            todo = f"Remove `cli_auth_credentials_store` from {kept.source}"
            raise CodexStoreRefused(home=self.home.path, problem="its configuration says `ephemeral`", todo=todo)
        if kept.store not in {KEYRING, AUTO}:
            return AuthFile(self.home.auth)
        if kept.is_age_file:
            raise CodexStoreRefused(
                home=self.home.path,
                problem="its feature secret_auth_storage is on, and keeps it in a file that only Codex writes",
                todo='Set `cli_auth_credentials_store = "file"`, or switch the feature off (it is experimental)',
            )
        try:
            return AuthItem(self.home)
        except (KeyringUnavailable, KeyringLocked, KeyringSilent) as error:
            if kept.store == AUTO and isinstance(error, KeyringUnavailable):
                return AuthFile(self.home.auth)  # as Codex does
            raise

    def _read(self, slot: _Slot) -> CodexLogin | None:
        return self._found(slot)[0]

    def _found(self, slot: _Slot) -> tuple[CodexLogin | None, _Slot]:
        """Return what Codex uses, and where it found that: with `auto` in the file, where there is no item."""
        found, source = slot.read(), slot
        if found is None and slot.path != self.home.auth and keeping(self.home, etc=self._etc).store == AUTO:
            file = AuthFile(self.home.auth)
            found = file.read()
            source = slot if found is None else file
        try:
            return None if found is None else read_login(found), source
        except JsonDamaged as error:
            raise CodexFileDamaged(path=source.path, problem=error.problem) from None

    def _document(self, gift: Gift) -> bytes:
        import base64

        now = datetime.now(UTC)
        if gift.is_whole:
            login_owner_id = base64.urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()
            document = login_document(gift.credential, now, login_owner_id=login_owner_id)
        else:
            document = lease_document(gift.credential, now)
        problem = problem_of(document)
        if problem:
            raise CodexWantsMore(profile=gift.credential.profile, what=f"usable form: {problem}", target=NAME)
        return document

    # --- what may be replaced ----------------------------------------------------------------------------------

    def _permit(self, before: CodexLogin | None, gift: Gift) -> None:
        """Refuse what would destroy something, and what Codex could not use."""
        profile, ours = gift.credential.profile, gift.credential.identity
        facts = {"profile": profile, "target": NAME, "home": self.home.path}
        lack = lacking(gift.credential, is_whole=gift.is_whole)
        if lack:
            raise CodexWantsMore(what=lack, **facts)
        if before is None:
            if not gift.check_settings:  # a renewal: somebody signed Codex out, which is no wish to be signed in again
                raise CodexNothingThere(**facts)
            return
        theirs = before.identity
        if before.kind == OAUTH and not self._is_known(before, gift):
            email = f" (account {mask_account(theirs.account_id)})" if theirs.account_id else ""
            raise CodexHasLogin(whose=email, **facts)
        if before.kind not in {OAUTH, TOKEN}:
            todo = f"Keep it elsewhere and remove it (`codex logout`), or deliver {profile} to another `--codex-home`"
            raise CodexHasOther(what=_SAID.get(before.kind, f"a login of the kind {before.kind}"), todo=todo, **facts)
        if before.kind == TOKEN and not gift.check_settings and theirs.account_id != ours.account_id:
            todo = f"Run `codex-auth deliver codex {profile}` to take its place, or the same with `--take-back`"
            raise CodexHasOther(what="a lease of another account by now", todo=todo, **facts)

    def _is_known(self, before: CodexLogin, gift: Gift) -> bool:
        """Whether the login that is there is in a profile of ours, so that replacing it loses nothing."""
        spent = hash_of(before.refresh)
        return spent == hash_of(gift.credential.refresh) or gift.is_ours(before.identity.account_id, spent)

    def _verify(self, gift: Gift, now: CodexLogin | None) -> None:
        credential, problem = gift.credential, ""
        if now is None or now.access != credential.access:
            problem = "it holds another token"
        elif now.kind != (OAUTH if gift.is_whole else TOKEN):
            problem = f"it is of the kind {now.kind}"
        elif gift.is_whole and now.refresh != credential.refresh:
            problem = "it holds another refresh token"
        elif now.identity.account_id != credential.identity.account_id:
            problem = "it belongs to another account"
        if problem:
            raise CodexKeptOther(home=self.home.path, profile=credential.profile, target=NAME, problem=problem)

    # --- locks and words ---------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self, profile: str) -> Iterator[None]:
        """Hold Codex's two locks, in its order. A home that is not there yet is made, private."""
        private_folder(self.home.path)
        first, second = os.path.join(self.home.path, "auth.lock"), resolve(self.home.auth) + ".lock"
        words = {"what": "Codex's login", "verb": f"deliver {profile}"}
        with (
            hold(first, timeout=LOCK_SECONDS, rank="target", **words),
            hold(second, timeout=LOCK_SECONDS, rank="target_file", **words),
        ):
            yield

    @contextlib.contextmanager
    def _in_words(self, profile: str) -> Iterator[None]:
        """Say what went wrong at Codex in words of a delivery."""
        facts: Mapping[str, object] = {"home": self.home.path, "profile": profile, "target": NAME}
        try:
            yield
        except LockBusy:
            raise CodexBusy(**facts) from None
        except (KeyringLocked, KeyringSilent, KeyringUnavailable, KeyringUnfaithful) as error:
            problem = str(error).rstrip(".")
            raise CodexKeyringUnusable(
                problem=problem[:1].lower() + problem[1:], config=self.home.config, **facts
            ) from None
        except (StoreNotDurable, StoreError, UnsafeFile) as error:
            path, problem = error.facts.get("path", self.home.path), error.facts.get("problem", "it cannot be used")
            raise CodexUnwritable(path=path, problem=problem, todo=error.hint.rstrip("."), **facts) from None
        except PolicyUnusable as error:
            raise CodexStoreRefused(problem=str(error).rstrip("."), todo=error.hint.rstrip("."), **facts) from None


def open_codex(env: Mapping[str, str], *, kind: str = "") -> CodexAuth:
    """Return the Codex home that this environment means."""
    return CodexAuth(chosen_home(env), kind=kind)


def _is_same(one: CodexLogin, other: CodexLogin) -> bool:
    return (one.kind, one.access, one.refresh, one.identity.account_id) == (
        other.kind,
        other.access,
        other.refresh,
        other.identity.account_id,
    )


def _held(login: CodexLogin | None) -> Held | None:
    if login is None:
        return None
    return Held(
        kind=login.kind,
        account=login.identity.account_id,
        email=login.identity.email,
        expires=login.expires,
        fence="",
        access_hash=hash_of(login.access),
        refresh_hash=hash_of(login.refresh),
    )
