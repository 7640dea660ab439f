"""Bad input and trouble: for each case one sentence, what to type, the documented status, and nothing lost.

Every case starts with a profile `work` that is stored, and ends with the recovery that its hint names.
"""

import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from codex_auth.core.errors import EXIT_CODES
from codex_auth.sandbox.faults import Fault
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, deny
from tests.story.conftest import Person, Program

NOBODY = 65534
Done = subprocess.CompletedProcess[str]


@dataclass
class Scene:
    """A person whose profile `work` is stored, and what went before the trouble."""

    person: Person
    address: str = ""
    """The redirect of a sign-in that waits."""
    env: dict[str, str] = field(default_factory=dict)
    limits: str = ""
    """Shell words that come before the command."""
    before: bytes = b""
    """The store's bytes before the trouble."""

    @property
    def program(self) -> Program:
        """The program."""
        return self.person.program

    def finish(self, *words: str, given: str | None = None) -> Done:
        """Finish the sign-in that waits, in the trouble."""
        return self.run("finish", "work", "--callback-url", "-", *words, given=given or self.address)

    def run(self, *words: str, given: str = "") -> Done:
        """Run a command in the trouble."""
        return subprocess.run(
            ["sh", "-c", f'{self.limits} "$0" -m codex_auth "$@"', sys.executable, *words],
            env={**self.program.env, **self.env},
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def secrets(self) -> list[str]:
        """Return what must not be shown: the stored tokens, and the redirect."""
        entries = self.program.stored()["profiles"].values() if self.program.store.exists() else []
        tokens = [entry[key] for entry in entries for key in ("access", "refresh", "idToken")]
        return tokens + self.address.split("?")[1:]


class Case(NamedTuple):
    """One trouble: what brings it about, what is said, and what mends it."""

    trouble: Callable[[Scene], Done]
    status: int
    sentence: str
    hint: str
    mend: Callable[[Scene], Done] | None = None
    """What the hint says; a sign-in from the start where there is nothing else."""


def faulty(name: str, *, route: str = "token", value: float | None = None) -> Callable[[Scene], Done]:
    """Return a finish that meets a fault of the provider."""

    def finish(scene: Scene) -> Done:
        scene.person.sandbox.add_fault(Fault(name=name, route=route, value=value))
        return scene.finish()

    return finish


def wrong_state(scene: Scene) -> Done:
    """Finish with the state of no sign-in."""
    return scene.finish(given=scene.address.partition("state=")[0] + "state=" + "A" * 43)


def twice(scene: Scene) -> Done:
    """Finish, and finish again."""
    assert scene.finish().returncode == 0
    scene.before = scene.program.store.read_bytes()
    return scene.finish()


def at(clock: str) -> Callable[[Scene], Done]:
    """Return a finish by another clock than the one it was started by."""

    def finish(scene: Scene) -> Done:
        scene.limits = f"faketime -f {shlex.quote(clock)}"
        return scene.finish()

    return finish


def all_at(clock: str) -> Callable[[Scene], Done]:
    """Return a whole sign-in by a clock that is not the provider's."""

    def start_and_finish(scene: Scene) -> Done:
        scene.limits = f"faketime -f {shlex.quote(clock)}"
        started = scene.run("start", "work", "--issuer", scene.person.sandbox.issuer)
        return scene.finish(given=approve(started.stdout.strip()))

    return start_and_finish


def denied(scene: Scene) -> Done:
    """Say no in the browser."""
    started = scene.program.json("start", "work", "--issuer", scene.person.sandbox.issuer)
    return scene.finish(given=deny(started["login_url"]))


def somebody_elses(scene: Scene) -> Done:
    """Finish what another requester started."""
    return scene.finish(given=scene.person.redirect("work", "work", "--requester", "telegram:1"))


def another_account(scene: Scene) -> Done:
    """Come back as somebody else."""
    return scene.finish(given=scene.person.redirect("work", "personal"))


def replaced_key(scene: Scene) -> Done:
    """Lose the key that pending logins are sealed with."""
    (scene.program.home / "state/seal.key").write_bytes(os.urandom(32))
    return scene.finish()


def nothing_waits(scene: Scene) -> Done:
    """Finish what nobody started."""
    return scene.run("finish", "home", "--callback-url", "-", given=scene.address)


def provider_gone(scene: Scene) -> Done:
    """Have a provider that does not answer at all."""
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    issuer = f"http://127.0.0.1:{port}"
    started = scene.program.json("start", "work", "--issuer", issuer)
    state = started["login_url"].partition("state=")[2].partition("&")[0]
    return scene.finish(given=f"{started['redirect_uri']}?code=ac_nothing&state={state}")


def limited(words: str) -> Callable[[Scene], Done]:
    """Return a finish after these shell words."""

    def finish(scene: Scene) -> Done:
        scene.limits = words
        return scene.finish()

    return finish


def with_env(words: str, **env: str) -> Callable[[Scene], Done]:
    """Return a command in another environment; `{home}` is the person's."""

    def run(scene: Scene) -> Done:
        scene.env = {name: value.format(home=scene.program.home) for name, value in env.items()}
        return scene.run(*words.split(), given=scene.address)

    return run


def config(text: bytes) -> Callable[[Scene], Done]:
    """Return a finish with this configuration file."""

    def finish(scene: Scene) -> Done:
        folder = scene.program.home / ".config/codex-auth"
        folder.mkdir(parents=True)
        (folder / "config.toml").write_bytes(text)
        return scene.finish()

    return finish


def into_sqlite(scene: Scene) -> Done:
    """Write the file of an OpenClaw that reads another."""
    return scene.finish("--auth-path", str(openclaw(scene.program, "SQLite, one for each agent")))


ERAS = {
    "JSON": ("agents/main/agent/auth-profiles.json", '{"version": 1, "profiles": {}}'),
    "JSON, not used yet": ("agents/main/agent/models.json", "{}"),
    "SQLite, one for each agent": ("agents/main/agent/openclaw-agent.sqlite", "SQLite format 3"),
    "SQLite, one for all": ("state/openclaw.sqlite", "SQLite format 3"),
    "no agent yet": ("openclaw.json", "{}"),
}


def openclaw(program: Program, era: str) -> Path:
    """Let an OpenClaw of an era be installed; return the profiles file of its agent."""
    state = program.home / ".openclaw"
    name, text = ERAS[era]
    for folder in (state / "agents/main/agent" if "no agent" not in era else state, (state / name).parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (state / name).write_text(text)
    (state / name).chmod(0o600)
    return state / "agents/main/agent/auth-profiles.json"


def without_config(scene: Scene) -> Done:
    """Move the configuration away."""
    shutil.rmtree(scene.program.home / ".config")
    return scene.finish()


def pending(change: Callable[[bytes], bytes]) -> Callable[[Scene], Done]:
    """Return a finish with a damaged pending-state file."""

    def finish(scene: Scene) -> Done:
        scene.program.pending.write_bytes(change(scene.program.pending.read_bytes()))
        return scene.finish()

    return finish


def without_pending(scene: Scene) -> Done:
    """Move the pending-state file away, and sign in anew."""
    scene.program.pending.unlink()
    return from_the_start(scene)


def again(scene: Scene) -> Done:
    """Run the same command again."""
    scene.limits, scene.env = "", {}
    return scene.finish()


def replace(scene: Scene) -> Done:
    """Give the profile to the new account."""
    return scene.finish(given=scene.person.redirect("work", "personal", "--replace"))


def own_name(scene: Scene) -> Done:
    """Take another name."""
    return scene.run("finish", "mine", "--callback-url", "-", given=scene.person.redirect("mine", "personal"))


def from_the_start(scene: Scene) -> Done:
    """Sign in anew."""
    scene.limits, scene.env = "", {}
    return scene.finish(given=scene.person.redirect())


START, LOGIN = "codex-auth start --profile work", "codex-auth login work"
EXPIRED = Case(at("+2d"), 3, "has expired", START)
UNUSABLE = "sent a reply that cannot be used"
ID_TOKEN = "id token was refused"
DAMAGED_PENDING = (1, "codex-auth-pending.json is damaged", "codex-auth start")
DAMAGED_CONFIG = (1, "config.toml cannot be used", "move it away", without_config)

CASES = {
    # what came back from the browser
    "wrong state": Case(wrong_state, 1, "it belongs to another sign-in", "Copy the whole address", again),
    "denied consent": Case(denied, 3, "not approved (access_denied)", LOGIN),
    "replayed redirect": Case(twice, 3, "already finished", START),
    "somebody else's sign-in": Case(somebody_elses, 6, "started by somebody else", "codex-auth start NAME", own_name),
    "another account": Case(another_account, 5, "another account", "--replace", replace),
    "nothing waits": Case(nothing_waits, 3, "No sign-in is waiting for home", "codex-auth start --profile home"),
    "the seal's key replaced": Case(replaced_key, 3, "cannot be opened", START),
    # the clock
    "eleven minutes later": EXPIRED._replace(trouble=at("+11m")),
    "two days later": EXPIRED,
    "two days earlier": EXPIRED._replace(trouble=at("-2d")),
    "back in 1970": EXPIRED._replace(trouble=at("@1970-01-02 00:00:00")),
    "after 2038": EXPIRED._replace(trouble=at("@2038-01-20 00:00:00")),
    "a clock two days ahead": Case(all_at("+2d"), 1, "2 days later than the provider's", "Check the clock"),
    "a clock two days behind": Case(all_at("-2d"), 1, "2 days earlier than the provider's", "Check the clock"),
    "a clock in 1970": Case(all_at("@1970-01-02 00:00:00"), 1, "days earlier than the provider's", "Check the clock"),
    "a clock in 2038": Case(all_at("@2038-01-20 00:00:00"), 1, "days later than the provider's", "Check the clock"),
    # the provider
    "provider down": Case(provider_gone, 8, "could not be reached: the connection was refused", "Try again"),
    "provider busy": Case(faulty("status", value=503), 8, "HTTP status 503", "Try again", again),
    "too many requests": Case(faulty("status", value=429), 8, "HTTP status 429", "Try again", again),
    "provider refuses": Case(faulty("status", value=400), 3, "refused the sign-in", LOGIN),
    "answer lost": Case(faulty("drop"), 8, "its answer did not arrive", START),
    "web page": Case(faulty("html"), 1, UNUSABLE, "captive portal"),
    "web page for keys": Case(faulty("html", route="jwks"), 1, UNUSABLE, "captive portal"),
    "redirecting": Case(faulty("redirect"), 1, "it leads to another address", "captive portal"),
    "endless": Case(faulty("huge", value=3), 1, "it is too large", "captive portal"),
    "no refresh token": Case(faulty("no_refresh_token"), 1, "it has no refresh_token", "captive portal"),
    "answers for another account": Case(faulty("other_account"), 5, "another account", "--replace", replace),
    "signature wrong": Case(faulty("bad_signature"), 1, ID_TOKEN, LOGIN),
    "for another client": Case(faulty("wrong_aud"), 1, ID_TOKEN, LOGIN),
    "from another issuer": Case(faulty("wrong_iss"), 1, ID_TOKEN, LOGIN),
    # the disk
    "no file may be larger": Case(limited("ulimit -f 16;"), 1, "the file would be too large", "Make room", again),
    # the surroundings
    "relative state folder": Case(
        with_env("status", CODEX_AUTH_STATE_DIR="state"), 2, "CODEX_AUTH_STATE_DIR", "--help"
    ),
    "relative home": Case(with_env("finish --callback-url -", HOME="home"), 1, "HOME is not set to an", "again", again),
    "OpenClaw's file beside its SQLite": Case(into_sqlite, 1, "keeps its credentials in SQLite", "Leave `--auth-path`"),
    # what we wrote, read back
    "pending file cut": Case(pending(lambda text: text[: len(text) // 2]), *DAMAGED_PENDING),
    "pending file empty": Case(pending(lambda _: b""), *DAMAGED_PENDING),
    "pending file of bytes": Case(pending(lambda _: bytes(range(256))), *DAMAGED_PENDING),
    "pending file deep": Case(pending(lambda _: b'{"a":' * 100_000), *DAMAGED_PENDING),
    "pending file of another kind": Case(pending(lambda _: b'{"schema_version": 1, "pending": {}}'), *DAMAGED_PENDING),
    "pending file of a later version": Case(pending(lambda text: text.replace(b": 1,", b": 7,", 1)), *DAMAGED_PENDING),
    "pending file from year 1": Case(pending(lambda text: text.replace(b'_at": "20', b'_at": "00')), *DAMAGED_PENDING),
    "pending file huge": Case(
        pending(lambda text: text + b" " * 2_000_000), 1, "larger than", "Nothing was changed", without_pending
    ),
    "config of bytes": Case(config(bytes(range(256))), *DAMAGED_CONFIG),
    "config cut": Case(config(b'auth_path = "/'), *DAMAGED_CONFIG),
    "config with a wrong type": Case(config(b"auth_path = 1"), *DAMAGED_CONFIG),
    "config with a wrong list": Case(config(b"issuers = [1]"), *DAMAGED_CONFIG),
    "config with a relative path": Case(config(b'auth_path = "x.json"'), *DAMAGED_CONFIG),
    "config with NUL in a path": Case(config(b'auth_path = "/x\\u0000y"'), *DAMAGED_CONFIG),
    "config with an endless number": Case(config(b"x = " + b"9" * 5000), *DAMAGED_CONFIG),
    "config deep": Case(config(b"x = " + b"[" * 100_000), *DAMAGED_CONFIG),
    "config huge": Case(config(b"# " + b"x" * 300_000), *DAMAGED_CONFIG),
}


@pytest.fixture
def scene(person: Person) -> Scene:
    """Return a scene in which `work` is stored twice over, so that there is a backup, and a third sign-in waits."""
    person.sign_in()
    person.sign_in()
    return Scene(person, person.redirect(), before=person.program.store.read_bytes())


def assert_plain_trouble(done: Done, status: int, sentence: str, hint: str, secrets: list[str]) -> None:
    """Two lines on stderr, no result on stdout, the documented status, and no secret."""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert lines[0].startswith("codex-auth: ")
    assert sentence in lines[0]
    assert lines[1].startswith("  ")
    assert hint in lines[1]
    assert done.returncode == status
    assert done.returncode in EXIT_CODES
    assert "Signed in" not in done.stdout
    for secret in secrets:
        assert not any(secret[at : at + 8] in done.stdout + done.stderr for at in range(len(secret) - 7))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_trouble_is_said_costs_nothing_and_can_be_mended(scene: Scene, case: Case) -> None:
    """Said in two lines; the store is as it was, byte for byte; and what the hint names works."""
    done = case.trouble(scene)

    assert_plain_trouble(done, case.status, case.sentence, case.hint, scene.secrets())
    assert scene.program.store.read_bytes() == scene.before
    mended = (case.mend or from_the_start)(scene)
    assert mended.returncode == 0, mended.stderr
    assert mended.stdout.startswith("Signed in: ")


# --- a damaged store -----------------------------------------------------------------------------------------

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _: b"",
    "not UTF-8": lambda text: text.replace(b"work", b"w\xffrk", 1),
    "a key twice": lambda text: text.replace(b'"version": 1', b'"version": 1, "version": 1', 1),
    "NaN": lambda text: text.replace(b'"version": 1', b'"version": NaN', 1),
    "too deep": lambda _: b'{"version": 1, "profiles": ' + b"[" * 100_000,
    "bytes": lambda _: bytes(range(256)) * 16,
    "zeros": lambda text: bytes(len(text)),
    "another document": lambda _: b"[]",
    "profiles of another kind": lambda _: b'{"version": 1, "profiles": []}',
    "two documents": lambda text: text + text,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_store_is_kept_whole_and_can_be_restored(scene: Scene, damage: Callable[[bytes], bytes]) -> None:
    """`status` moves nothing; `finish` moves it aside whole and spends nothing; the backup that it names works."""
    store, secrets = scene.program.store, scene.secrets()
    damaged = damage(store.read_bytes())
    store.write_bytes(damaged)

    looked = scene.run("status")
    assert_plain_trouble(looked, 1, f"{store} is damaged", f"Restore it from {store}.bak", secrets)
    assert "It was kept as it is." in looked.stderr
    assert store.read_bytes() == damaged
    assert_plain_trouble(scene.finish(), 1, f"{store} is damaged", "codex-auth login", secrets)

    [kept] = store.parent.glob("*.damaged-*")
    assert kept.read_bytes() == damaged
    assert kept.stat().st_mode & 0o777 == 0o600
    assert scene.person.sandbox.log("token", "authorization_code")[2:] == []
    (store.parent / f"{store.name}.bak").rename(store)
    assert [card["profile"] for card in scene.program.json("status")["profiles"]] == ["work"]
    assert scene.finish().returncode == 0


@pytest.mark.parametrize("words", [["work"], []], ids=["by name", "without a name"])
def test_login_moves_a_damaged_store_aside(scene: Scene, words: list[str]) -> None:
    """Its hint says to sign in again with `login`: so the second try must not meet the same damage."""
    scene.program.store.write_bytes(b"{")

    done = scene.run("login", *words, "--no-open")

    assert_plain_trouble(done, 1, "is damaged", "codex-auth login", [])
    assert not scene.program.store.exists()
    assert from_the_start(scene).returncode == 0


def test_a_byte_order_mark_is_no_damage(scene: Scene) -> None:
    """A file saved by an editor that puts a mark in front is read, and stays."""
    scene.program.store.write_bytes(b"\xef\xbb\xbf" + scene.before)

    assert scene.finish().returncode == 0
    assert scene.program.store.read_bytes().startswith(b"\xef\xbb\xbf{")


def test_a_huge_store_is_refused_unread(scene: Scene) -> None:
    """Seventy megabytes are not read into memory: said so, and left alone."""
    os.truncate(scene.program.store, 70 * 1024 * 1024)

    for done in (scene.run("status"), scene.finish()):
        assert_plain_trouble(done, 1, "larger than", "Nothing was changed", [])
    assert scene.program.store.stat().st_size == 70 * 1024 * 1024


# --- the disk ------------------------------------------------------------------------------------------------

ORDINARY = "setpriv --bounding-set=-dac_override,-dac_read_search" if os.geteuid() == 0 else ""
"""Root passes every permission; without these two rights even root does not."""
needs_setpriv = pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv")
needs_namespaces = pytest.mark.skipif(
    subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False).returncode != 0
    if shutil.which("unshare")
    else True,
    reason="needs mount namespaces",
)


@needs_setpriv
@pytest.mark.parametrize("what", [".local/share/codex-auth", "state"])
def test_a_folder_that_cannot_be_written(scene: Scene, what: str) -> None:
    """Said before the code is spent: made writable again, the very same redirect still works."""
    scene.limits = ORDINARY
    folder = scene.program.home / what
    locks = folder / "locks"
    for each in (folder, locks) if locks.exists() else (folder,):
        each.chmod(0o500)

    done = scene.finish()

    assert_plain_trouble(done, 1, "permission was denied", "", scene.secrets())
    assert scene.program.store.read_bytes() == scene.before
    for each in (folder, locks) if locks.exists() else (folder,):
        each.chmod(0o700)
    assert scene.finish().returncode == 0


@needs_setpriv
@pytest.mark.parametrize("verb", ["login", "start", "finish", "cancel"])
def test_a_home_that_cannot_be_written(program: Program, verb: str) -> None:
    """A home in which nothing may be made: each writing verb says so; status reads on."""
    scene = Scene(Person(program, Sandbox.__new__(Sandbox)), limits=ORDINARY)
    program.home.chmod(0o500)

    words = ["finish", "--callback-url", "-"] if verb == "finish" else [verb, *["--no-open"][: verb == "login"]]
    assert_plain_trouble(scene.run(*words, given="?code=x&state=y"), 1, "permission was denied", "", [])
    assert scene.run("status").returncode == 0
    assert list(program.home.iterdir()) == []


@needs_namespaces
def test_a_full_disk(scene: Scene) -> None:
    """On a disk without room the code is not spent; with room again the same redirect works."""
    home, room = scene.program.home, scene.program.home.parent / "disk"
    room.mkdir()
    script = (
        "mount -t tmpfs -o size=64k,mode=700 tmpfs {room} && cp -a {home}/. {room}/ && "
        "{{ head -c 1000000 /dev/zero > {room}/filler || true; }} 2>/dev/null; "
        "HOME={room} CODEX_AUTH_STATE_DIR={room}/state {python} -m codex_auth finish work --callback-url -; status=$?; "
        "cmp {room}/{store} {home}/{store} && test -z \"$(find {room} -name '*.tmp')\" && exit $status; exit 99"
    )
    filled = script.format(
        room=room, home=home, python=sys.executable, store=scene.program.store.relative_to(home), status="{status}"
    )

    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", filled],
        env=scene.program.env,
        input=scene.address,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert_plain_trouble(done, 1, "the disk is full", "Make room", scene.secrets())
    assert scene.person.sandbox.log("token", "authorization_code")[2:] == []
    assert scene.finish().returncode == 0


# --- whose home, and whose file ------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_somebody_elses_home_is_not_written(program: Program) -> None:
    """`sudo` keeps HOME: nothing of root's is put into another user's folders."""
    os.chown(program.home, NOBODY, NOBODY)
    done = program("start", "work", env={"CODEX_AUTH_STATE_DIR": "", "TMPDIR": str(program.home)})

    assert_plain_trouble(done, 1, f"it belongs to user {NOBODY}", "Use a path of your own", [])
    assert list(program.home.iterdir()) == []


def test_without_a_home_the_system_is_asked(program: Program) -> None:
    """HOME empty or missing means the account's own home folder, and status says which."""
    for env in ({"HOME": ""}, {"HOME": "", "USERPROFILE": ""}):
        shown = program("status", "--why", env=env)
        assert shown.returncode == 0
        assert os.path.expanduser("~" + _user_name()) in shown.stdout


def _user_name() -> str:
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize("era", ERAS)
def test_openclaw_beside(person: Person, era: str) -> None:
    """JSON era: OpenClaw's own file, whatever else is in it kept. SQLite: our own file, and theirs is never made."""
    theirs = openclaw(person.program, era)
    is_json = era.startswith("JSON")

    assert person.sign_in()["ok"] is True

    assert (theirs.exists(), person.program.store.exists()) == (is_json, not is_json)
    [card] = person.program.json("status")["profiles"]
    assert card["profile"] == "work"
    assert str(theirs if is_json else person.program.store) in person.program("status", "--why").stdout
    if "SQLite" in era:
        refused = person.program("start", "work", "--auth-path", str(theirs))
        address = person.redirect()
        for done in (
            person.program("finish", "work", "--callback-url", "-", "--auth-path", str(theirs), given=address),
            person.program("login", "work", "--no-open", "--auth-path", str(theirs)),
        ):
            assert_plain_trouble(done, 1, "keeps its credentials in SQLite", "Leave `--auth-path` out", [address])
        assert refused.returncode in {0, 1}
        assert not theirs.exists()


def test_openclaws_damaged_file_is_left_to_openclaw(person: Person) -> None:
    """It is read again for a moment, then reported, and never moved."""
    theirs = openclaw(person.program, "JSON")
    theirs.write_text('{"version": 1, "profiles": {')
    address = person.redirect()

    done = person.program("finish", "work", "--callback-url", "-", given=address)

    assert_plain_trouble(done, 1, "It belongs to OpenClaw and was left as it is", "Repair it with OpenClaw", [address])
    assert theirs.read_text() == '{"version": 1, "profiles": {'
    theirs.write_text('{"version": 1, "profiles": {}}')
    assert person.program("finish", "work", "--callback-url", "-", given=address).returncode == 0


# --- the provider is slow ------------------------------------------------------------------------------------

HASTY = """
import sys
from codex_auth.net import wire
wire.send.__kwdefaults__["timeout"] = 1.0
wire.sender_to.__kwdefaults__["timeout"] = 1.0
from codex_auth.cli.main import main
main()
"""
"""The program with one second instead of thirty for each request."""


@contextmanager
def dripping() -> Iterator[str]:
    """Run a provider that answers every request one byte at a time, for ever; yield its address."""
    ended = threading.Event()

    def drip(visitor: socket.socket) -> None:
        with visitor, suppress(OSError):
            visitor.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n")
            while not ended.wait(0.05):
                visitor.sendall(b" ")

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_a_dripping_provider_is_not_waited_for(scene: Scene) -> None:
    """Keys and answer that trickle in are given up at the deadline; the code counts as used, and start helps."""
    with dripping() as issuer:
        started = scene.program.json("start", "work", "--issuer", issuer)
        state = started["login_url"].partition("state=")[2].partition("&")[0]
        done = subprocess.run(
            [sys.executable, "-c", HASTY, "finish", "work", "--callback-url", "-"],
            env=scene.program.env,
            input=f"{started['redirect_uri']}?code=ac_of_nobody&state={state}",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert_plain_trouble(done, 8, "did not arrive: it did not answer in time", START, [state, *scene.secrets()])
    assert scene.program.store.read_bytes() == scene.before
    assert from_the_start(scene).returncode == 0


# --- the callback's ports ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("callback_ports")
@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be played by root alone")
@needs_setpriv
def test_another_user_holds_the_ports_on_ipv6(scene: Scene) -> None:
    """Browsers try `::1` first: held by somebody else, no port is used, nobody is disturbed, nothing is opened."""
    opened, script = scene.program.home / "opened", scene.program.home / "browser"
    script.write_text(f"#!/bin/sh\ntouch {opened}\n")
    script.chmod(0o700)
    # Bound here, held there: the interpreter itself may lie where nobody cannot go.
    held = [socket.create_server(("::1", port), family=socket.AF_INET6) for port in (1455, 1457)]
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sleep", "60"]
    holder = subprocess.Popen(words, pass_fds=[listener.fileno() for listener in held])
    try:
        for listener in held:
            listener.close()
        scene.env = {"BROWSER": str(script)}
        done = scene.run("login", "work", "--browser", "--issuer", scene.person.sandbox.issuer)
    finally:
        holder.kill()
        holder.wait()

    assert_plain_trouble(done, 1, f"1455 on ::1 by sleep (pid {holder.pid})", "codex-auth login work --paste", [])
    assert "1457 on ::1" in done.stderr
    assert not opened.exists()
    assert scene.program.store.read_bytes() == scene.before


# --- stopped in the middle -----------------------------------------------------------------------------------


def test_a_terminal_that_goes_away_does_not_lose_the_login(scene: Scene) -> None:
    """The hang-up arrives while the code is exchanged, and stderr is gone with it: the login is stored all the same."""
    scene.person.sandbox.add_fault(Fault(name="slow", value=1.5))
    terminal, inner = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "finish", "work", "--callback-url", "-"],
        env=scene.program.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    assert child.stdin is not None
    child.stdin.write(scene.address.encode())
    child.stdin.close()
    _until(lambda: len(scene.person.sandbox.log("jwks")) == 3)
    os.close(terminal)
    child.send_signal(1)

    assert child.wait(30) == 129
    assert scene.program.store.read_bytes() != scene.before
    replayed = scene.finish()
    assert_plain_trouble(replayed, 3, "already finished", START, scene.secrets())


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)
