"""A scratch home in which one command meets one fault, and the questions asked of it afterwards."""

import itertools
import json
import os
import re
import shutil
import signal
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from codex_auth.core.errors import AuthError, DevicePending, NoPendingLogin, PendingLoginGone
from codex_auth.core.model import PendingLogin
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_SCOPE
from codex_auth.core.provider import Provider
from codex_auth.core.secret import Secret
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.notes.pending import PendingFile, PendingTable
from codex_auth.sandbox.record import fingerprint
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device
from codex_auth.stores import open_store
from codex_auth.stores.seals import Seals
from codex_auth.stories import device_steps, two_step
from codex_auth.stories.sign_in import Wanted
from codex_auth.stories.status import look
from tests.crash.calls import ROOT, program
from tests.story.conftest import Program

OTHER, PROFILE = "home", "work"
DOCUMENTED = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
STOPPED = {129, 130, 143, -signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL}
KINDS = ("corrupt", "lost", "stuck", "leftover", "leak", "untrue", "missed")
"""What can be found: damage; a login lost without need or a word; no way on; files of no use; a secret out of place;
a wrong word; no fault at all."""
KNOWN_FILES = {"auth-profiles.json", "auth-profiles.json.bak", "codex-auth-pending.json", "seal.key", f"{PROFILE}.json"}
"""All that may be left in the end, beside lock files; the last is the note of the profile's refreshes."""

_TOKENS = re.compile(r"rt_sandbox_|ac_sandbox_|eyJ[\w-]{8,}\.")
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
_STORE = "auth-profiles.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that should not be so."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command left behind for its caller; `status` is negative for the signal that ended it."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command to be swept, and the home it starts in."""

    words: tuple[str, ...]
    waiting: bool = True
    """A sign-in of the profile was started and approved before."""
    held: tuple[str, ...] = (OTHER, "spare")
    """The profiles that were signed in before, in turn; from the second on there is a backup."""
    state: bool = True
    """Our state folder is there."""
    always: tuple[str, ...] = ()
    """Injections that are part of the scenery."""
    pasted: bool = False
    """The redirect goes into a terminal, after the link was shown."""
    kind: bool = False
    """The provider takes a spent refresh token once more (FAPI 2.0)."""
    store: str = ""
    """The kind of store the profiles are put in before; empty is the default."""
    device: bool = False
    """The sign-in that waits is by device code, approved, and may be asked about at once."""

    @property
    def signs_in(self) -> bool:
        """Whether the profile is stored when the command ends well."""
        return self.words[0] in {"finish", "login"}


PROVIDER = ("--provider-id", "x", "--base-url", "https://x.example")
_FINISH = ("finish", PROFILE, "--callback-url", "-")
_IN = ("import", "{home}/out.file", "--issuer", "{issuer}")
_OUT = ("export", PROFILE, "--whole", "-o", "{home}/out.file")
CARRYING = {
    "export-plain": Command(words=(*_OUT, "--plain"), waiting=False, held=(OTHER, PROFILE)),
    "export-sealed": Command(words=_OUT, waiting=False, held=(OTHER, PROFILE)),
    "import-copy": Command(words=(*_IN, "kept"), waiting=False, held=(OTHER, PROFILE)),
    "import-over": Command(words=(*_IN, "kept", "--take-over", "--yes"), waiting=False, held=(OTHER, PROFILE)),
    "import-back": Command(words=(*_IN, "--yes"), waiting=False, held=(OTHER, PROFILE)),
    "key-add": Command(words=("key", "add", "extra"), waiting=False, held=(OTHER, PROFILE)),
    "key-replace": Command(words=("key", "add", "extra", "--replace"), waiting=False, held=(OTHER, PROFILE)),
    "key-remove": Command(words=("key", "remove", "extra"), waiting=False, held=(OTHER, PROFILE)),
}
COMMANDS = {
    **CARRYING,
    "finish": Command(words=_FINISH),
    "finish-first": Command(words=_FINISH, held=()),
    "finish-again": Command(words=_FINISH, held=(OTHER, PROFILE, PROFILE)),
    "finish-device": Command(words=("finish", PROFILE), held=(OTHER, PROFILE, PROFILE), device=True),
    "finish-without-links": Command(words=_FINISH, always=("linkat:error=EPERM",)),
    "login-paste": Command(words=("login", PROFILE, "--paste", "--issuer"), waiting=False, pasted=True),
    "start": Command(words=("start", PROFILE, "--issuer"), waiting=False, state=False),
    "apply-reload": Command(words=("apply", PROFILE, "--now"), waiting=False, held=(OTHER, PROFILE)),
    "apply-node": Command(words=("apply", PROFILE, "--now", "--restart"), waiting=False, held=(OTHER, PROFILE)),
    "start-again": Command(words=("start", PROFILE, "--issuer")),
    "cancel": Command(words=("cancel", PROFILE)),
    "refresh": Command(words=("refresh", PROFILE), waiting=False, held=(OTHER, PROFILE)),
    "refresh-kind": Command(words=("refresh", PROFILE), waiting=False, held=(OTHER, PROFILE), kind=True),
    "finish-vault": Command(words=(*_FINISH, "--store", "vault"), store="vault"),
    "refresh-vault": Command(words=("refresh", PROFILE), waiting=False, held=(OTHER, PROFILE), store="vault"),
    "apply": Command(words=("apply", PROFILE), waiting=False, held=(OTHER, PROFILE)),
    "apply-restart": Command(words=("apply", PROFILE, "--restart"), waiting=False, held=(OTHER, PROFILE)),
    "rekey": Command(words=("vault", "rekey"), waiting=False, held=(OTHER, PROFILE), store="vault"),
    "deliver-codex": Command(words=("deliver", "codex", PROFILE), waiting=False, held=(OTHER, PROFILE)),
    "deliver-codex-whole": Command(
        words=("deliver", "codex", PROFILE, "--hand-over"), waiting=False, held=(OTHER, PROFILE)
    ),
    "deliver-codex-kept": Command(
        words=("deliver", "codex", PROFILE, "--keep-as", "kept", "--issuer"), waiting=False, held=(OTHER, PROFILE)
    ),
    "deliver-codex-provider": Command(
        words=("deliver", "codex", PROFILE, *PROVIDER, "--model", "ours"), waiting=False, held=(OTHER, PROFILE)
    ),
    "take-back-codex-provider": Command(
        words=("deliver", "codex", PROFILE, *PROVIDER[:2], "--take-back"), waiting=False, held=(OTHER, PROFILE)
    ),
    **{
        f"move-{source}-{target}": Command(
            words=("move", PROFILE, "--to", target), waiting=False, held=(OTHER, PROFILE, "spare"), store=source
        )
        for source, target in itertools.permutations(("file", "keyring", "vault"), 2)
    },
}


@dataclass
class Scene:
    """One home before and after one command."""

    command: Command
    folder: Path
    sandbox: Sandbox
    redirect: str = ""
    secrets: set[str] = field(default_factory=set)
    before: dict[str, bytes] = field(default_factory=dict)
    """The store's files as they were."""
    other: bytes = b""
    """The other profile's entry, to the byte."""

    def __post_init__(self) -> None:
        home = self.folder / "home"
        home.mkdir(mode=0o700, parents=True)
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "LANG", "TMPDIR"}}
        self.program = Program(
            home,
            {
                **kept,
                "HOME": str(home),
                "CODEX_AUTH_STATE_DIR": str(home / "state"),
                "PYTHONPATH": str(ROOT),
                "PYTHONHASHSEED": "0",
                **self.surroundings,
                **({"CODEX_AUTH_STORE": self.command.store} if self.command.store else {}),
            },
        )
        self.places = find_places(self.program.env)
        self.store = open_store(self.places)
        self.world = World(env=self.program.env, tell=lambda _line: None, out=lambda _line: None)
        self._furnish()

    @property
    def words(self) -> tuple[str, ...]:
        """The command line."""
        words = self.command.words
        return (*words, self.sandbox.issuer) if words[-1] == "--issuer" else words

    @property
    def surroundings(self) -> dict[str, str]:
        """What else the program finds in its environment."""
        return {}

    @property
    def prelude(self) -> str:
        """Python text that changes the scenery before the program begins."""
        return ""

    @property
    def command_line(self) -> list[str]:
        """The command line that starts the real program."""
        return program(*self.words, prelude=self.prelude)

    def _furnish(self) -> None:
        for profile in self.command.held:
            self.sign_in(profile)
        if not self.command.state:
            shutil.rmtree(self.places.state)
        if self.command.device:
            self.start_device(PROFILE)
        elif self.command.waiting:
            self.redirect = self.start(PROFILE)
        self._asked = len(self.sandbox.log("token", "authorization_code"))
        self.before = self._store_files()
        self.other = _entry(self.before.get(_STORE, b""), OTHER)

    # --- what a person does, without the cost of a process ----------------------------------------------------

    def start(self, profile: str) -> str:
        """Start a sign-in, approve it, and return the redirect."""
        provider = Provider(issuer=self.sandbox.issuer, client_id=OPENAI_CLIENT_ID, scope=OPENAI_SCOPE)
        wanted = Wanted(selector=profile, provider=provider)
        started = two_step.start(wanted, store=self.store, places=self.places, world=self.world)
        self.note_secrets(started.login)
        return self.approve(started.login_url, profile)

    def start_device(self, profile: str) -> None:
        """Start a sign-in by device code, a minute ago, and approve it."""
        wanted = Wanted(selector=profile, provider=Provider(issuer=self.sandbox.issuer))
        earlier = replace(self.world, now=lambda: self.world.now() - timedelta(minutes=1))
        started = device_steps.start_device(wanted, store=self.store, places=self.places, world=earlier)
        self.note_secrets(started.login)
        approve_device(started.login_url, started.user_code)

    def finish_device(self) -> None:
        """Ask about the device code, when it may be asked about again."""
        later = replace(self.world, now=lambda: self.world.now() + timedelta(minutes=1))
        device_steps.finish_device(PROFILE, store=self.store, places=self.places, world=later)

    def approve(self, link: str, profile: str = PROFILE) -> str:
        """Approve a link and return the redirect."""
        return approve(link, account="personal" if profile == OTHER else "work")

    def finish(self, redirect: str, profile: str | None = None) -> None:
        """Finish a sign-in."""
        two_step.finish(profile, Secret(redirect), store=self.store, places=self.places, world=self.world)

    def sign_in(self, profile: str) -> None:
        """Do the whole thing."""
        self.finish(self.start(profile), profile)

    def sign_in_by_hand(self) -> None:
        """Do the whole thing with the real program."""
        assert self.program.json("status")["ok"] is True
        link = self.program.json("start", PROFILE, "--issuer", self.sandbox.issuer)["login_url"]
        done = self.program("finish", PROFILE, "--callback-url", "-", given=self.approve(link))
        assert done.returncode == 0, done.stderr

    # --- what is there --------------------------------------------------------------------------------------

    def note_secrets(self, login: PendingLogin) -> None:
        """Remember what must not be seen anywhere."""
        self.secrets |= {login.state.reveal(), login.verifier.reveal()}
        if login.device:
            self.secrets |= {login.device.device_code.reveal(), login.device.user_code.reveal()}

    def table(self) -> PendingTable:
        """Return the pending-state file."""
        return PendingFile(self.places).read()

    def entry(self, profile: str = PROFILE) -> dict[str, Any] | None:
        """Return what the store holds of a profile."""
        if not self.program.store.exists():
            return None
        found: dict[str, Any] | None = self.program.stored()["profiles"].get(f"openai-codex:{profile}")
        return found

    def spent(self, redirect: str = "") -> int:
        """Return how often the redirect's code, or that of the approved device, was presented to the provider."""
        if self.command.device and not redirect:
            return len(self.sandbox.log("token", "authorization_code")) - self._asked
        code = parse_qs(urlsplit(redirect or self.redirect).query).get("code", [""])[0]
        shown = [entry.fingerprints.get("code") for entry in self.sandbox.log("token", "authorization_code")]
        return shown.count(fingerprint(code))

    def has_new_login(self) -> bool:
        """Whether the profile is stored with another login than before."""
        held = self.entry()
        return held is not None and json.dumps(held["refresh"]).encode() not in self.before.get(_STORE, b"")

    def _store_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.program.store.parent.glob(_STORE + "*")}

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder, folders, names in os.walk(self.program.home):
            for name in folders + names:
                path = Path(folder, name)
                yield path, path.lstat()

    # --- the questions --------------------------------------------------------------------------------------

    def examine(self, result: Result) -> list[Finding]:
        """Return what is wrong right after the command."""
        try:
            return [*self._damage(), *self._leaks(result), *self._untruths(result), *self._blindness()]
        except (ValueError, KeyError, OSError, AuthError) as error:
            return [Finding("corrupt", f"looking stopped: {type(error).__name__} {error}")]

    def recover(self, *, retry: bool, by_hand: bool) -> list[Finding]:
        """Go on as a person would, perhaps trying the old redirect first, and return what is wrong then."""
        try:
            findings = [*(self._retry_device() if self.command.device else self._retry())] if retry else []
            if by_hand:
                self.sign_in_by_hand()
            else:
                self.sign_in(PROFILE)
        except (AuthError, AssertionError, ValueError, KeyError, OSError) as error:
            return [Finding("stuck", f"a fresh sign-in failed: {type(error).__name__} {error}")]
        return [*findings, *self._damage(), *self._after()]

    def _damage(self) -> Iterator[Finding]:
        for path, found in self._files():
            name = path.name
            wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
            if stat.S_IMODE(found.st_mode) != wanted:
                yield Finding("corrupt", f"{name} has mode {stat.S_IMODE(found.st_mode):o}")
            if name.endswith((".json", ".json.bak")):
                json.loads(path.read_bytes())
            if name == "seal.key" and found.st_size != 32:
                yield Finding("corrupt", f"the key has {found.st_size} bytes")
        for name, content in self._store_files().items():
            if self.other and self.other not in content:
                yield Finding("corrupt", f"{name} has lost the other profile, or changed it")
            if self.other and f"openai-codex:{OTHER}" not in json.loads(content)["order"]["openai-codex"]:
                yield Finding("corrupt", f"{name} has lost the other profile's place")
        if _STORE in self.before and not self.program.store.exists():
            yield Finding("corrupt", "the store is gone")

    def _blindness(self) -> Iterator[Finding]:
        report = look(self.store, self.places, self.world)
        for trouble in report.trouble:
            yield Finding("stuck", f"status cannot read: {trouble}")
        if self.other and OTHER not in [card.profile for card in report.cards]:
            yield Finding("corrupt", "status does not show the other profile")

    def _leaks(self, result: Result) -> Iterator[Finding]:
        table = self.table()
        for waiting in table.waiting.values():
            self.note_secrets(
                PendingFile(self.places).open(waiting, Seals(self.places, self.store).of(waiting.sealed_by))
            )
        shown = result.out + result.err
        if self.command.words[0] == "start":
            shown = result.err  # the link on stdout carries the state, and has to
        elif self.command.pasted:
            shown = re.sub(r"http://\S+", "", shown)
        texts = {"the output": shown}
        for path, found in self._files():
            if stat.S_ISREG(found.st_mode) and _STORE not in path.name and path.name != "seal.key":
                texts[path.name] = path.read_bytes().decode("utf-8", "replace")
        for place, text in texts.items():
            if _TOKENS.search(text) or any(secret in text for secret in self.secrets):
                yield Finding("leak", f"a secret stands in {place}")
        for name, content in self._store_files().items():
            if any(secret.encode() in content for secret in self.secrets):
                yield Finding("leak", f"a state or verifier stands in {name}")

    def _untruths(self, result: Result) -> Iterator[Finding]:
        status, new = result.status, self.has_new_login()
        if status not in DOCUMENTED | STOPPED:
            yield Finding("untrue", f"exit status {status} is not documented")
        if "Traceback" in result.err or "unexpected" in result.err:
            yield Finding("untrue", f"stderr shows an exception: {result.err.strip().splitlines()[0]}")
        if status > 0 and status < 128 and "codex-auth: " not in result.err:
            yield Finding("untrue", f"exit status {status} without a word")
        if self.command.signs_in and status == 0 and not (new and "Signed in" in result.out):
            yield Finding("untrue", "exit status 0, but no login was stored, or it does not say so")
        if status in {1, 3, 8} and new and "output could not be written" not in result.err:
            yield Finding("untrue", "the login is stored, but the exit status denies it")
        if not new and self._store_files().get(_STORE) != self.before.get(_STORE):
            yield Finding("corrupt", "no login was stored, but the store changed")
        backup = self._store_files().get(_STORE + ".bak")
        if backup is not None and backup not in self.before.values():
            yield Finding("corrupt", "the backup is no earlier state of the store")
        yield from self._claims()

    def _claims(self) -> Iterator[Finding]:
        """Yield what breaks the rule that a code leaves once, and only from a login that is claimed."""
        if not self.redirect and not self.command.device:
            return
        waiting = self.table().waiting.get(PROFILE)
        if self.spent() > 1:
            yield Finding("untrue", "the code was presented twice")
        if self.spent() and waiting is not None and not waiting.claimed:
            yield Finding("untrue", "the code was presented, and its login may be used again")

    def _retry(self) -> Iterator[Finding]:
        """Paste the redirect again, as people do."""
        if not self.redirect:
            return
        waiting, spent, new = self.table().waiting.get(PROFILE), self.spent(), self.has_new_login()
        ours = waiting is not None and not waiting.claimed and self.command.words[0] != "start"
        try:
            self.finish(self.redirect, PROFILE)
        except (PendingLoginGone, NoPendingLogin) as gone:
            if ours:
                yield Finding("stuck", f"the login waited unspent, but its redirect failed: {gone}")
            told = "finished" in str(gone) or "interrupted" in str(gone)
            if new and self.command.waiting and not told:
                yield Finding("untrue", f"the login was stored, but its redirect is told: {gone}")
        except AuthError as error:
            if self.command.words[0] != "start":  # a second start replaces the link, and this redirect is foreign
                yield Finding("untrue", f"the redirect's second use ended in {type(error).__name__}: {error}")
        else:
            if spent:
                yield Finding("untrue", "a spent redirect was taken again")

    def _retry_device(self) -> Iterator[Finding]:
        """Run `finish` again. An approval that had been handed out, and was not noted, is never approved again."""
        spent, new = self.spent(), self.has_new_login()
        try:
            self.finish_device()
        except DevicePending:
            if spent or new:
                yield Finding("untrue", "the login was fetched, and is told to be waiting")
        except (PendingLoginGone, NoPendingLogin) as gone:
            if not (spent or new or "interrupted" in str(gone)):
                yield Finding("stuck", f"the login waited unspent, but was told: {gone}")
        except AuthError as error:
            yield Finding("untrue", f"`finish` again ended in {type(error).__name__}: {error}")
        else:
            if spent:
                yield Finding("untrue", "a spent approval was taken again")

    def _after(self) -> Iterator[Finding]:
        held = self.entry()
        if held is None or self.sandbox._provider.ledger.login_of(held["refresh"]) is None:
            yield Finding("stuck", "no fresh login is stored")
        yield from self._leftovers(KNOWN_FILES)

    def _leftovers(self, known: set[str]) -> Iterator[Finding]:
        for path, found in self._files():
            if _TEMPORARY.fullmatch(path.name) or (
                stat.S_ISREG(found.st_mode) and path.name not in known and path.suffix != ".lock"
            ):
                yield Finding("leftover", _TEMPORARY.sub("a temporary file", path.name) + f" ({path.name[:20]}…)")


def _entry(document: bytes, profile: str) -> bytes:
    """Return a profile's entry as it stands in the file."""
    key = f'"openai-codex:{profile}": '.encode()
    at = document.find(key)
    if at < 0:
        return b""
    _, end = json.JSONDecoder().raw_decode(document.decode(), at + len(key))
    return document[at:end]
