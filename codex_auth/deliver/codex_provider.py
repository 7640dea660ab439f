"""Codex as a target in its supported form: a model provider in `config.toml` whose token comes from `codex-auth token`.

Nothing secret is written, so nothing has to be renewed there; only the account's header may change. API keys can be
given in this way too, and in no other. Codex loses its usage display and its list of models on this way (seen with
0.169).
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_auth.core.codex_errors import (
    CodexBusy,
    CodexConfigInTheWay,
    CodexNothingThere,
    CodexUnwritable,
    KeyWithoutAddress,
)
from codex_auth.core.codex_toml import (
    Chosen,
    ForeignProvider,
    TokenProvider,
    TomlRefused,
    chosen,
    provider_in,
    read_base_url,
    with_provider,
    without_provider,
)
from codex_auth.core.model import Credential
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.provider import Provider
from codex_auth.core.store_errors import LockBusy, StoreError, StoreNotDurable
from codex_auth.deliver.codex import LOCK_SECONDS, NAME
from codex_auth.deliver.protocol import Gift, Given, Held
from codex_auth.edge import files
from codex_auth.edge.files import FileChanged, Snapshot
from codex_auth.edge.folders import private_folder, resolve
from codex_auth.edge.locks import hold
from codex_auth.edge.trouble import words
from codex_auth.neighbours.codex import CodexHome
from codex_auth.notes.deliveries import PROVIDER, Choice, Place

ID = "codex-auth"
COMMAND, OTHER = "command", "other"
"""What `Held` calls a provider of ours, and one of somebody else's."""
_TRIES = 5


@dataclass(frozen=True, slots=True)
class _Change:
    """What the file shall say, and what to note before it says so; None for nothing."""

    text: str
    note: Callable[[], None] | None = None


class CodexProvider:
    """One model provider in the configuration of one home."""

    def __init__(
        self, home: CodexHome, command: list[str], *, provider_id: str = ID, base_url: str = "", model: str = ""
    ) -> None:
        self.home = home
        self._command = command
        self._id = provider_id
        self._base_url = base_url
        self._model = model
        self.place = Place(
            target=NAME,
            state=home.path,
            config=home.config,
            home_profile="",
            agent="",
            profile_id=PROVIDER + provider_id,
        )

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would."""
        with self._in_words(gift.credential.profile):
            text = _text(self._read())
            return self._given(text, self._with(text, gift).text, now=text)

    def give(self, gift: Gift) -> Given:
        """Put the provider there, and read it back. A renewal changes one that is there, and adds and chooses none."""
        private_folder(self.home.path)
        return self._changed(gift.credential.profile, lambda text: self._with(text, gift))

    def look(self) -> Given:
        """Return what is there."""
        with self._in_words(""):
            text = _text(self._read())
            return self._given(text, text, now=text)

    def take_back(self, credential: Credential, choice: Choice | None = None) -> Given:
        """Remove the provider, if it serves this login still."""
        before = Chosen(provider=choice.provider, model=choice.model) if choice else Chosen()
        models = choice.ours if choice else ()
        with self._in_words(credential.profile):
            if _mode(self.home.path) is None:  # the home is gone, and none is made for this
                return Given(before=None, now=None)
        return self._changed(
            credential.profile,
            lambda text: _Change(without_provider(text, self._id, credential.profile, before=before, models=models)),
        )

    def export(self, profile: str) -> Credential:
        """There is no login in a configuration."""
        raise CodexNothingThere(home=self.home.path, profile=profile)

    def let_use(self, _given: Given) -> dict[str, tuple[str, ...]]:
        """Codex uses one provider, and which is in its configuration."""
        return {}

    # --- what the file shall say -------------------------------------------------------------------------------

    def _with(self, text: str, gift: Gift) -> _Change:
        is_renewal, there = not gift.check_settings, self._there(text)
        if is_renewal and (there is None or there.profile != gift.credential.profile):
            return _Change(text)
        provider = self._provider(gift.credential, there)
        if is_renewal:
            return _Change(with_provider(text, provider))
        wants = bool(self._model) or (not gift.credential.is_api_key and not chosen(text).provider)
        choice = self._choice(chosen(text), gift, wants=wants)
        return _Change(with_provider(text, provider, is_chosen=wants, model=self._model), lambda: gift.remember(choice))

    def _choice(self, now: Chosen, gift: Gift, *, wants: bool) -> Choice | None:
        """Return what the user had chosen before any delivery of ours did; None where none of ours is chosen."""
        if not wants and now.provider != self._id:
            return None
        earlier = gift.choices.get(PROVIDER + now.provider)
        ours = earlier.ours if earlier else ()
        provider = earlier.provider if earlier else "" if now.provider == self._id else now.provider
        model = earlier.model if earlier and now.model in ours else now.model
        more = (self._model,) if self._model and self._model not in ours else ()
        return Choice(provider=provider, model=model, ours=(*ours, *more))

    def _provider(self, credential: Credential, there: TokenProvider | None) -> TokenProvider:
        return TokenProvider(
            id=self._id,
            base_url=self._address(credential, there),
            command=(*self._command, "token", credential.profile),
            account_id="" if credential.is_api_key else credential.identity.account_id,
        )

    def _address(self, credential: Credential, there: TokenProvider | None) -> str:
        """Return where the token goes: where it was said, or went before; another profile's address is not its own."""
        if self._base_url:
            return read_base_url(self._base_url)
        if there is not None and there.profile == credential.profile and there.base_url:
            return read_base_url(there.base_url)
        if credential.is_api_key:
            raise KeyWithoutAddress(profile=credential.profile, target=NAME)
        return f"{Provider(issuer=credential.identity.issuer or OPENAI_ISSUER).backend}/codex"

    def _there(self, text: str) -> TokenProvider | None:
        try:
            return provider_in(text, self._id)
        except ForeignProvider:
            return None

    # --- the file ----------------------------------------------------------------------------------------------

    def _changed(self, profile: str, change: Callable[[str], _Change]) -> Given:
        """Change the file; whoever else writes it at the same time is not overwritten."""
        with self._in_words(profile), self._locked(profile):
            for _ in range(_TRIES):
                before = self._read()
                text = _text(before)
                changed = change(text)
                with contextlib.suppress(FileChanged):
                    if changed.note is not None:
                        changed.note()
                    if changed.text != text:
                        self._replace(before, changed.text)
                    return self._given(text, changed.text, now=_text(self._read()))
        raise CodexUnwritable(
            path=self.home.config, problem="another program keeps changing it", todo="Try again", profile=profile
        )

    def _locked(self, profile: str) -> contextlib.AbstractContextManager[None]:
        """Let no other process of ours write it meanwhile. Codex has no lock for it, so that we borrow another."""
        path = os.path.join(self.home.path, "auth.lock")
        return hold(path, timeout=LOCK_SECONDS, rank="target", what="Codex's configuration", verb=f"deliver {profile}")

    def _replace(self, before: Snapshot, text: str) -> None:
        mode = _mode(before.path) or 0o600
        files.sweep(before.path)
        files.replace(before.path, [text.encode()], expected=before, mode=mode)

    def _read(self) -> Snapshot:
        return files.snapshot(resolve(self.home.config), foreign=True, is_open=True)

    def _given(self, before: str, wanted: str, *, now: str) -> Given:
        is_chosen = chosen(wanted).provider == self._id
        return Given(
            before=self._held(before),
            now=self._held(now),
            provider=self._there(wanted),
            is_chosen=is_chosen,
            model=chosen(wanted).model if is_chosen else "",
        )

    def _held(self, text: str) -> Held | None:
        try:
            there = provider_in(text, self._id)
        except ForeignProvider:
            return _held(OTHER, "")
        return _held(COMMAND, there.account_id) if there else None

    @contextlib.contextmanager
    def _in_words(self, profile: str) -> Iterator[None]:
        facts = {"profile": profile, "target": NAME}
        try:
            yield
        except TomlRefused as error:
            raise CodexConfigInTheWay(path=self.home.config, problem=error.problem, todo=error.todo, **facts) from None
        except (StoreNotDurable, StoreError) as error:
            problem, todo = error.facts.get("problem", "it cannot be used"), error.hint.rstrip(".")
            path = error.facts.get("path", self.home.config)
            raise CodexUnwritable(path=path, problem=problem, todo=todo, **facts) from None
        except LockBusy:
            raise CodexBusy(home=self.home.path, **facts) from None


def _mode(path: str) -> int | None:
    """Return the mode of a file or folder; None if there is none. Raises `StoreError` where that cannot be told."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(path=path, problem=words(error)) from None


def _text(found: Snapshot) -> str:
    try:
        return (found.raw or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise TomlRefused("it is not UTF-8") from None


def _held(kind: str, account: str) -> Held:
    return Held(kind=kind, account=account, email="", expires=None, fence="", access_hash="", refresh_hash="")
