"""Codex as a target in its supported form: a model provider in `config.toml` whose token comes from `codex-auth token`.

Nothing secret is written, so nothing has to be renewed there; only the account's header may change. Codex loses its
usage display and its list of models on this way (seen with 0.169).
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator

from codex_auth.core.codex_errors import CodexConfigInTheWay, CodexNothingThere, CodexUnwritable
from codex_auth.core.codex_toml import (
    PROVIDERS,
    TokenProvider,
    TomlRefused,
    chosen,
    provider_in,
    with_provider,
    without_provider,
)
from codex_auth.core.model import Credential
from codex_auth.core.store_errors import StoreError, StoreNotDurable
from codex_auth.deliver.codex import NAME
from codex_auth.deliver.protocol import Gift, Given, Held
from codex_auth.edge import files
from codex_auth.edge.files import FileChanged, Snapshot
from codex_auth.edge.folders import private_folder, resolve
from codex_auth.neighbours.codex import CodexHome
from codex_auth.notes.deliveries import Place

ID = "codex-auth"
BASE_URL = "https://chatgpt.com/backend-api/codex"
PREFIX = f"{PROVIDERS}."
_TRIES = 5


class CodexProvider:
    """One model provider in the configuration of one home."""

    def __init__(self, home: CodexHome, command: list[str], *, provider_id: str = ID, base_url: str = "") -> None:
        self.home = home
        self._command = command
        self._id = provider_id
        self._base_url = base_url
        self.place = Place(
            target=NAME, state=home.path, config=home.config, home_profile="", agent="", profile_id=PREFIX + provider_id
        )

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would."""
        with self._in_words(gift.credential.profile):
            text = _text(self._read())
            with_provider(text, self._provider(gift.credential, text))
        return Given(before=_held(text, self._id), now=_held(text, self._id))

    def give(self, gift: Gift) -> Given:
        """Put the provider there, and read it back. A renewal changes one that is there, and adds none."""

        def change(text: str) -> str:
            is_gone = not gift.check_settings and provider_in(text, self._id) is None
            return text if is_gone else with_provider(text, self._provider(gift.credential, text))

        return self._changed(gift.credential.profile, change)

    def look(self) -> Given:
        """Return what is there."""
        with self._in_words(""):
            held = _held(_text(self._read()), self._id)
        return Given(before=held, now=held)

    def take_back(self, credential: Credential) -> Given:
        """Remove the provider."""
        return self._changed(credential.profile, lambda text: without_provider(text, self._id))

    def export(self, profile: str) -> Credential:
        """There is no login in a configuration."""
        raise CodexNothingThere(home=self.home.path, profile=profile)

    def let_use(self, _given: Given) -> dict[str, tuple[str, ...]]:
        """Codex uses one provider, and which is the user's choice."""
        return {}

    @property
    def is_chosen(self) -> bool:
        """Whether Codex uses it without being told."""
        with self._in_words(""):
            return chosen(_text(self._read())) == self._id

    def _provider(self, credential: Credential, text: str) -> TokenProvider:
        there = provider_in(text, self._id)
        return TokenProvider(
            id=self._id,
            name=f"codex-auth, profile {credential.profile}",
            base_url=self._base_url or (there.base_url if there else BASE_URL),
            command=(*self._command, "token", credential.profile),
            account_id=credential.identity.account_id,
        )

    def _changed(self, profile: str, change: Callable[[str], str]) -> Given:
        """Change the file; whoever else writes it at the same time is not overwritten."""
        with self._in_words(profile):
            private_folder(self.home.path)
            for _ in range(_TRIES):
                before = self._read()
                text = _text(before)
                after = change(text)
                with contextlib.suppress(FileChanged):
                    if after != text:
                        mode = stat.S_IMODE(os.stat(before.path).st_mode) if before.raw is not None else 0o600
                        files.replace(before.path, [after.encode()], expected=before, mode=mode)
                    return Given(before=_held(text, self._id), now=_held(_text(self._read()), self._id))
        raise CodexUnwritable(
            path=self.home.config, problem="another program keeps changing it", todo="Try again", profile=profile
        )

    def _read(self) -> Snapshot:
        return files.snapshot(resolve(self.home.config), foreign=True, is_open=True)

    @contextlib.contextmanager
    def _in_words(self, profile: str) -> Iterator[None]:
        facts = {"profile": profile, "target": NAME}
        try:
            yield
        except TomlRefused as error:
            todo = "Choose another name with `--provider-id`, or mend the file"
            raise CodexConfigInTheWay(path=self.home.config, problem=str(error), todo=todo, **facts) from None
        except (StoreNotDurable, StoreError) as error:
            problem, todo = error.facts.get("problem", "it cannot be used"), error.hint.rstrip(".")
            raise CodexUnwritable(path=self.home.config, problem=problem, todo=todo, **facts) from None


def _text(found: Snapshot) -> str:
    try:
        return (found.raw or b"").decode("utf-8")
    except UnicodeDecodeError:
        raise TomlRefused("it is not UTF-8") from None


def _held(text: str, provider_id: str) -> Held | None:
    there = provider_in(text, provider_id)
    if there is None:
        return None
    return Held(
        kind="command", account=there.account_id, email="", expires=None, fence="", access_hash="", refresh_hash=""
    )
