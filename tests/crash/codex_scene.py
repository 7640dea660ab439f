"""Homes in which a login is on its way to Codex when a fault strikes: none is ever lost, or has two owners unsaid."""

import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codex_auth.core.codex_json import CodexLogin, login_document, problem_of, read_login
from codex_auth.core.codex_toml import chosen, provider_in
from codex_auth.core.delivery_errors import NothingLeased
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import NotOurs
from codex_auth.deliver.codex import open_codex
from codex_auth.deliver.targets import codex_provider
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import HAND_OVER, LEASE, Choice
from codex_auth.stories.deliver import Order, deliver, renew_leases, take_back
from tests.crash import rig
from tests.crash.scene import DOCUMENTED, KNOWN_FILES, OTHER, PROFILE, PROVIDER, STOPPED, Finding, Result, Scene

KEPT = "kept"
_KNOWN = KNOWN_FILES | {"auth.json", "config.toml"}
_TOKEN = ("access", "refresh", "id_token")


@dataclass
class CodexScene(Scene):
    """One home before and after a delivery; the Codex home has a login of its own where that is to be kept."""

    ours: Credential | None = None
    theirs: Credential | None = None
    file_before: bytes | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the login is handed over."""
        return "--hand-over" in self.command.words

    @property
    def file(self) -> Path:
        """What Codex has."""
        return self.program.home / ".codex/auth.json"

    def _furnish(self) -> None:
        super()._furnish()
        self.ours = self.store.load(PROFILE)
        if KEPT in self.command.words:
            self.theirs = self._put_theirs()
        self.before = self._store_files()
        self.file_before = self.file.read_bytes() if self.theirs else None

    def _put_theirs(self) -> Credential:
        """Let Codex have a login of its own, of the same account."""
        self.sign_in("spare")
        theirs = self.store.load("spare")
        assert theirs is not None
        self.store.delete("spare")
        self.file.parent.mkdir(mode=0o700)
        self.file.write_bytes(login_document(theirs, self.world.now(), login_owner_id="x"))
        self.file.chmod(0o600)
        return theirs

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        try:
            return [*self._damage(), *self._owners(), *self._secrets(), *self._words(result), *self._blindness()]
        except (ValueError, KeyError, OSError, AuthError) as error:
            return [Finding("corrupt", f"looking stopped: {type(error).__name__} {error}")]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Do it again, perhaps after a round of `keep`, and return what is wrong then."""
        try:
            if retry:
                list(renew_leases(store=self.store, places=self.places, world=self.world))
            self._again_by_hand() if by_hand else self._again()
            findings = [*self._damage(), *self._owners(), *self._secrets(), *self._leftovers(_KNOWN)]
        except (AuthError, AssertionError, ValueError, KeyError, OSError) as error:
            return [Finding("stuck", f"doing it again failed: {type(error).__name__} {error}")]
        return [*findings, *([] if self._is_done() else [Finding("stuck", "done again, it is not done")])]

    def _again(self) -> None:
        mode, kept = HAND_OVER if self.is_whole else LEASE, KEPT if self.theirs else ""
        order = Order(mode=mode, keep_as=kept, issuer=self.sandbox.issuer)
        target = open_codex(self.program.env)
        try:
            deliver(PROFILE, order, target=target, store=self.store, places=self.places, world=self.world)
        except NotOurs:  # it was done already
            assert self.is_whole

    def _again_by_hand(self) -> None:
        result = rig.run(self, self.command_line)
        assert result.status == 0 or (self.is_whole and result.status == 3), result.err

    def _codex(self) -> CodexLogin | None:
        return read_login(self.file.read_bytes()) if self.file.exists() else None

    def _is_done(self) -> bool:
        codex, held = self._codex(), self.store.load(PROFILE)
        assert held is not None
        assert self.ours is not None
        if codex is None or codex.access != self.ours.access:
            return False
        if self.is_whole:
            return codex.refresh == self.ours.refresh and held.refresh is None and held.owner == "codex"
        return codex.refresh is None and held.refresh == self.ours.refresh

    def _owners(self) -> Iterator[Finding]:
        """Yield what breaks the rule of one owner, and what is lost."""
        codex = self._codex()
        if codex is not None and self.file.read_bytes() != self.file_before and problem_of(self.file.read_bytes()):
            yield Finding("corrupt", "Codex would not read its file")
        held, kept = self.store.load(PROFILE), self.store.load(KEPT)
        assert held is not None
        assert self.ours is not None
        in_codex, in_store = codex and codex.refresh == self.ours.refresh, held.refresh == self.ours.refresh
        if not (in_codex or in_store):
            yield Finding("lost", "the login is nowhere")
        if in_codex and in_store and deliveries.read(self.places, PROFILE).unsettled is None:
            yield Finding("untrue", "two have the login, and no mark says so")
        if self.theirs and self.theirs.refresh not in {kept and kept.refresh, codex and codex.refresh}:
            yield Finding("lost", "the login that Codex had is nowhere")

    def _secrets(self) -> Iterator[Finding]:
        logins = [login for login in (self.ours, self.theirs, self.store.load(OTHER)) if login]
        secrets = {getattr(login, name).reveal() for login in logins for name in _TOKEN if getattr(login, name)}
        for path, found in self._files():
            may_hold = path.name.startswith((".auth", "auth")) and not path.name.endswith(".lock")
            if stat.S_ISREG(found.st_mode) and not may_hold:
                text = path.read_bytes().decode("utf-8", "replace")
                if any(secret in text for secret in secrets):
                    yield Finding("leak", f"a token stands in {path.name}")
        codex = self.file.read_text() if self.file.exists() and not self.is_whole else ""
        assert self.ours is not None
        assert self.ours.refresh is not None
        if self.ours.refresh.reveal() in codex:
            yield Finding("leak", "a lease has a refresh token")

    def _words(self, result: Result) -> Iterator[Finding]:
        if result.status not in DOCUMENTED | STOPPED:
            yield Finding("untrue", f"exit status {result.status} is not documented")
        if "Traceback" in result.err or "unexpected" in result.err:
            yield Finding("untrue", f"stderr shows an exception: {result.err.strip().splitlines()[0]}")
        if 0 < result.status < 128 and "codex-auth: " not in result.err:
            yield Finding("untrue", f"exit status {result.status} without a word")
        if result.status == 0 and not self._is_done():
            yield Finding("untrue", "exit status 0, but it is not done")


@dataclass
class ProviderScene(CodexScene):
    """A home whose Codex has a configuration, into which a provider of ours goes, or from which it is taken back."""

    text: str = 'model = "mine"\nmodel_provider = "other"\n\n[model_providers.other]\nname = "other"\n'

    @property
    def config(self) -> Path:
        """What Codex reads."""
        return self.program.home / ".codex/config.toml"

    @property
    def is_back(self) -> bool:
        """Whether the provider is to be taken back."""
        return "--take-back" in self.command.words

    def _furnish(self) -> None:
        super()._furnish()
        self.config.parent.mkdir(mode=0o700)
        self.config.write_text(self.text)
        self.config.chmod(0o600)
        if self.is_back:
            self._deliver()

    def _deliver(self) -> None:
        target = codex_provider(self.program.env, provider_id=PROVIDER[1], base_url=PROVIDER[3], model="ours")
        deliver(PROFILE, Order(), target=target, store=self.store, places=self.places, world=self.world)

    def _take_back(self) -> None:
        target = codex_provider(self.program.env, provider_id=PROVIDER[1])
        with suppress(NothingLeased):
            take_back(PROFILE, target=target, store=self.store, places=self.places)

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Do it again; what was delivered can then be taken back, and the file is what it was before all of it."""
        findings = super().recover(retry=retry, by_hand=by_hand)
        try:
            self._take_back()
        except AuthError as error:
            return [*findings, Finding("stuck", f"taking it back failed: {type(error).__name__} {error}")]
        changed = self.config.read_text() != self.text
        return [*findings, *([Finding("lost", "what the user had chosen did not come back")] if changed else [])]

    def _again(self) -> None:
        self._take_back() if self.is_back else self._deliver()

    def _again_by_hand(self) -> None:
        result = rig.run(self, self.command_line)
        assert result.status == 0 or (self.is_back and result.status == 3), result.err

    def _is_done(self) -> bool:
        return (provider_in(self.config.read_text(), PROVIDER[1]) is None) is self.is_back

    def _owners(self) -> Iterator[Finding]:
        """Yield what Codex could not start with, and what of the user's is lost and not noted."""
        text = self.config.read_text()
        now, there = chosen(text), provider_in(text, PROVIDER[1])
        if now.provider == PROVIDER[1] and there is None:
            yield Finding("corrupt", "a provider is chosen that is not there")
        if "[model_providers.other]" not in text or now.provider not in {"other", PROVIDER[1]}:
            yield Finding("corrupt", "the user's own provider is not what it was")
        row = deliveries.read(self.places, PROFILE).at(codex_provider(self.program.env, provider_id="x").place)
        if there is not None and (row is None or row.choice != Choice(provider="other", model="mine", ours=("ours",))):
            yield Finding("lost", "what was chosen before is noted nowhere")
        if self.store.load(PROFILE) != self.ours:
            yield Finding("corrupt", "the login is not what it was")


class CodexBench(rig.Bench):
    """A provider and a folder for such homes."""

    def furnished(self, folder: Path) -> Scene:
        """Return a home as the command finds it."""
        is_provider = PROVIDER[0] in self.command.words
        return (ProviderScene if is_provider else CodexScene)(self.command, folder, self.sandbox)


BENCHES: dict[str, type[rig.Bench]] = dict.fromkeys(
    (
        "deliver-codex",
        "deliver-codex-whole",
        "deliver-codex-kept",
        "deliver-codex-provider",
        "take-back-codex-provider",
    ),
    CodexBench,
)
