"""Nothing secret leaves: every command, in every trouble, searched for everything that must not be shown.

What a sign-in makes or gets is a canary: the code, the state, the verifier, the tokens. No slice of eight characters
of one may be on a stream, in a file, in a list of arguments or in a child's environment, but where it is meant to
be: tokens in the store and its backup, the state in the link that a person opens.
"""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click
import pytest

from codex_auth.cli import group
from codex_auth.cli.verbs import VERBS
from codex_auth.sandbox import app
from codex_auth.sandbox.faults import FAULTS, Fault
from codex_auth.sandbox.mint import Mint
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device, deny
from codex_auth.stories import two_step
from tests.secret_service_bed import Desktop
from tests.story.conftest import Person, Program
from tests.story.test_login import logging_in, visit

SLICE = 8
SKILL = Path(__file__).parents[2] / "scripts" / "codex_auth.py"
LINK = re.compile(rb"https?://\S+/oauth/authorize\?[^\s\"]+")
SHAPES = re.compile(rb"eyJ[\w-]{8}|[ra][tc]_sandbox_|callback\?\w")
"""What tokens, codes and redirects look like, known or not."""
DEVICE_CODES = ("device_code", "device_auth_id", "user_code")
TOKENS = ("access_token", "refresh_token", "id_token")


@dataclass
class Canaries:
    """Every secret that a provider has given or was sent, and the states of the links."""

    tokens: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def leaks(self, text: bytes, *, tokens_belong_here: bool = False) -> list[str]:
        """Return the slices of secrets in a text."""
        known = self._slices(self.others if tokens_belong_here else self.others | self.tokens)
        return sorted({found for found in slices(text.decode("latin-1")) if found in known})

    def _slices(self, secrets: Iterable[str]) -> set[str]:
        # The marks in front are the sandbox's and secret to nobody; neither is the head that all its tokens share.
        bare = (secret.removeprefix("rt_sandbox_").removeprefix("ac_sandbox_") for secret in secrets)
        return {found for secret in bare for found in slices(secret)}


def slices(text: str) -> Iterator[str]:
    """Yield every run of eight characters."""
    return (text[at : at + SLICE] for at in range(len(text) - SLICE + 1))


@pytest.fixture
def canaries(monkeypatch: pytest.MonkeyPatch) -> Canaries:
    """Listen to everything that the sandboxes of this test say and are told."""
    heard = Canaries()
    mint, describe = Mint.reply, app.describe

    def reply(*arguments: object, **named: object) -> dict[str, object]:
        made = mint(*arguments, **named)  # type: ignore[arg-type]
        heard.tokens |= {str(made[name]) for name in TOKENS if name in made}
        return made

    def listen(said: Mapping[str, str], bearer: str) -> tuple[dict[str, str], dict[str, str]]:
        heard.others |= {said[name] for name in ("code", "code_verifier", "state") if name in said}
        heard.others |= {said[name].removeprefix("dc_sandbox_") for name in DEVICE_CODES if name in said}
        return describe(said, bearer)

    monkeypatch.setattr(Mint, "reply", reply)
    monkeypatch.setattr(app, "describe", listen)
    return heard


@dataclass
class Stage:
    """A person whose every stream is kept, in an environment that makes Python and OpenSSL talk."""

    person: Person
    canaries: Canaries
    temporary: Path
    said: list[bytes] = field(default_factory=list)

    @property
    def program(self) -> Program:
        """The program."""
        return self.person.program

    def run(self, *words: str, given: str = "", shell: str = "", entry: tuple[str, ...] = ("-m", "codex_auth")) -> int:
        """Run a command, keep what it says, and return its status. `shell` is what follows it in a shell."""
        command = ["sh", "-c", f'"$0" "$@" {shell}', sys.executable, *entry, *words]
        done = subprocess.run(
            command, env=self.program.env, input=given.encode(), capture_output=True, timeout=60, check=False
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode

    def finish(self, given: str, *words: str, shell: str = "") -> int:
        """Finish with a redirect on stdin."""
        return self.run("finish", "work", "--callback-url", "-", *words, given=given, shell=shell)

    def redirect(self, account: str = "work", *words: str) -> str:
        """Start, approve, and return the redirect; its code and state are canaries from now on."""
        before = len(self.said)
        self.run("start", "work", "--issuer", self.person.sandbox.issuer, *words)
        link = LINK.search(b"".join(self.said[before:]))
        assert link is not None
        return self.known(approve(link[0].decode(), account=account))

    def known(self, address: str) -> str:
        """Remember the code and the state of a redirect as secret."""
        query = parse_qs(urlsplit(address).query)
        self.canaries.others |= {query[name][0] for name in ("code", "state") if name in query}
        return address

    def check(self) -> None:
        """Search the streams, and every file below the home and the folder for temporary files."""
        streams = LINK.sub(b"", b"\n".join(self.said))
        assert self.canaries.leaks(streams) == []
        assert SHAPES.search(streams) is None
        assert b"Warning" not in streams
        assert b"Traceback" not in streams
        for path in (*self.program.home.rglob("*"), *self.temporary.rglob("*")):
            is_sink = path.name.startswith("auth-profiles.json")
            assert self.canaries.leaks(str(path).encode()) == []
            if path.is_file() and not path.is_symlink():
                assert self.canaries.leaks(path.read_bytes(), tokens_belong_here=is_sink) == [], path
        assert not (self.temporary / "keys.log").exists()
        assert [path.name for path in self.temporary.iterdir()] == []


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a provider whose device codes may be asked about every second."""
    with Sandbox(device_interval=1) as running:
        yield running


@pytest.fixture
def stage(person: Person, canaries: Canaries, tmp_path: Path) -> Iterator[Stage]:
    """Return a stage, and search everything at the end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    person.program.env |= {
        "PYTHONDEVMODE": "1",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONWARNINGS": "error",
        "SSLKEYLOGFILE": str(temporary / "keys.log"),
        "TMPDIR": str(temporary),
    }
    stage = Stage(person, canaries, temporary)
    yield stage
    assert stage.said
    assert stage.canaries.others
    stage.check()


# --- two steps -----------------------------------------------------------------------------------------------

FAULTY = [
    *(Fault(name=name, value={"slow": 0.2, "huge": 2, "status": 503}.get(name)) for name in FAULTS),
    *(Fault(name="status", value=value) for value in (400, 401, 404, 429, 500)),
    *(Fault(name=name, route="jwks") for name in ("html", "redirect", "drop", "status")),
]


@pytest.mark.parametrize("fault", FAULTY, ids=lambda fault: f"{fault.route} {fault.name} {fault.value or ''}".strip())
def test_no_fault_of_the_provider_shows_anything(stage: Stage, fault: Fault) -> None:
    """Whatever the provider does to the exchange, with a login stored before, in words and in JSON."""
    assert stage.finish(stage.redirect()) == 0
    for more in ([], ["--json"]):
        address = stage.redirect()
        stage.person.sandbox.add_fault(fault)
        stage.finish(address, *more)
        stage.finish(address, *more)
    stage.run("status", "--full", "--why")


def test_the_right_way_shows_nothing(stage: Stage) -> None:
    """start, finish by stdin and by argument, status in every form, cancel: in words and in JSON."""
    assert stage.finish(stage.redirect(), "--full") == 0
    assert stage.run("finish", "--json", "--callback-url", stage.redirect()) == 0
    stage.redirect()
    for words in (
        [],
        ["--json"],
        ["--check"],
        ["--why"],
        ["--full"],
        ["work"],
        ["home"],
        ["--json", "--full", "--why"],
    ):
        stage.run("status", *words)
    assert stage.run("cancel", "work", "--json") == 0


Scene = Callable[[Stage], object]


def damaged(name: str) -> Scene:
    """Return a finish with a file of ours cut in half."""

    def finish(stage: Stage) -> None:
        address = stage.redirect()
        path = stage.program.home / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        stage.run("status")
        stage.finish(address)
        stage.finish(address, "--json")

    return finish


def damaged_config(stage: Stage) -> None:
    """Finish with a configuration file into which somebody pasted the redirect."""
    address = stage.redirect()
    folder = stage.program.home / ".config/codex-auth"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("not = toml at all")
    stage.finish(address)


def provider_down(stage: Stage) -> None:
    """Finish a sign-in whose provider went away."""
    stage.redirect()
    stage.run("start", "work", "--issuer", "http://127.0.0.1:9")
    link = LINK.findall(b"".join(stage.said))[-1].decode()
    state = parse_qs(urlsplit(link).query)["state"][0]
    stage.finish(stage.known(f"http://localhost:1455/auth/callback?code=ac_Zx81QvW7kLp39TyBnM52&state={state}"))


def everything_closed(stage: Stage) -> None:
    """Finish with each stream closed or full, one after another."""
    for shell in (">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>/dev/full"):
        stage.finish(stage.redirect(), shell=shell)
        stage.finish(stage.redirect(), "--json", shell=shell)
    stage.run("finish", "work", "--callback-url", "-", shell="<&-")


def in_the_wrong_place(stage: Stage) -> None:
    """Put the redirect where it does not belong."""
    address = stage.redirect()
    for words in (
        *(["finish", address], ["finish", "--profile", address], ["finish", "work", address], ["login", address]),
        *(
            ["cancel", address],
            ["status", address],
            [address],
            ["start", "work", address],
            ["login", "--paste", address],
        ),
        *(["login", "--timeout", address], ["start", "--issuer", address], ["finish", f"--{address}"]),
        *(["sandbox", "--port", address], ["sandbox", "--fault", address], ["status", f"--check={address}"]),
    ):
        assert stage.run(*words) in {2, 6}
        assert stage.run(*words, "--json") in {2, 6}


SCENES: dict[str, Scene] = {
    "wrong state": lambda stage: stage.finish(stage.redirect()[:-4] + "AAAA"),
    "cut": lambda stage: stage.finish(stage.redirect()[:-4]),
    "only the code": lambda stage: stage.finish(parse_qs(urlsplit(stage.redirect()).query)["code"][0]),
    "replay": lambda stage: [stage.finish(address) for address in [stage.redirect()] * 2],
    "another account": lambda stage: [stage.finish(stage.redirect(who)) for who in ("work", "personal")],
    "somebody else's": lambda stage: stage.finish(stage.redirect("work", "--requester", "telegram:1")),
    "no room": lambda stage: stage.run(
        *("-c", 'ulimit -f 16; exec "$0" -m codex_auth finish work --callback-url -', sys.executable),
        given=stage.redirect(),
        entry=("-c", "import os, sys; os.execvp('sh', ['sh', *sys.argv[1:]])"),
    ),
    "damaged store": lambda stage: [
        stage.finish(stage.redirect()),
        damaged(".local/share/codex-auth/auth-profiles.json")(stage),
    ],
    "damaged pending file": damaged("state/codex-auth-pending.json"),
    "damaged key": damaged("state/seal.key"),
    "damaged configuration": damaged_config,
    "provider down": provider_down,
    "streams closed and full": everything_closed,
    "redirect in the wrong place": in_the_wrong_place,
}


@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_no_trouble_shows_anything(stage: Stage, scene: Scene) -> None:
    """Whatever goes wrong on this side, nothing is shown or left lying about."""
    scene(stage)


def test_a_denial_shows_nothing(stage: Stage) -> None:
    """Saying no: the state of the refused sign-in stays secret too."""
    stage.redirect()
    link = LINK.findall(b"".join(stage.said))[-1].decode()
    assert stage.finish(stage.known(deny(link))) == 3


def test_the_skill_shows_nothing(stage: Stage) -> None:
    """The skill's entry: the redirect as an argument, twice, and a status."""
    issuer = stage.person.sandbox.issuer
    assert stage.run("start", "work", "--issuer", issuer, entry=(str(SKILL),)) == 0
    link = LINK.search(stage.said[-2])
    assert link is not None
    address = stage.known(approve(link[0].decode()))
    assert stage.run("finish", "work", "--callback-url", address, entry=(str(SKILL),)) == 0
    assert stage.run("finish", "work", "--callback-url", address, entry=(str(SKILL),)) == 3
    assert stage.run("status", entry=(str(SKILL),)) == 0


def test_usage_shows_nothing(stage: Stage) -> None:
    """Asking what is left, in words and in JSON, whatever the backend does; and which profile has most."""
    assert stage.finish(stage.redirect()) == 0
    for name in ("status", "drop", "cut", "html", "redirect", "huge", "odd_usage", "used"):
        stage.person.sandbox.fault(name, route="usage", value={"status": 401, "huge": 2}.get(name))
        stage.run("usage", "--all", "--full")
    stage.run("usage", "work", "--json")
    assert stage.run("best", "--json") == 8


def test_the_chat_shows_nothing(stage: Stage) -> None:
    """Each way of sending an address: a command, alone, twice, broken JSON, by a stranger, and too late."""
    issuer = stage.person.sandbox.issuer

    def say(text: str, sender: str = "7", broken: str = "") -> None:
        message = {"channel": "telegram", "sender": sender, "message_id": str(len(stage.said)), "text": text}
        assert stage.run("chat", "--issuer", issuer, given=json.dumps(message) + broken) == 0

    def redirect() -> str:
        say("/codex_auth link work")
        link = LINK.search(stage.said[-2])
        assert link is not None
        return stage.known(approve(link[0].decode().partition("\\n")[0]))

    address = redirect()
    say(f"/codex_auth finish work {address}", sender="8")
    say(f"/codex_auth finish work {address}", broken="}")
    for _ in range(2):
        say(f"/codex_auth finish work {address}")
    say(f"here: {address}")
    say(address.partition("?")[2])
    stage.person.sandbox.add_fault(Fault(name="html"))
    say(redirect())
    say("/codex_auth status")
    assert b"Signed in: work" in b"".join(stage.said)
    assert {stage.said[at] for at in range(1, len(stage.said), 2)} == {b""}


# --- vault and keyring ---------------------------------------------------------------------------------------

EMAIL = b"ada@"


def live_through(stage: Stage, kind: str) -> None:
    """Sign in, fail, refresh, use and move a login that belongs into another store; nothing stays in clear."""
    there = ("--store", kind)
    assert stage.finish(stage.redirect(), *there) == 0
    assert stage.finish(stage.redirect(), *there, "--json") == 0
    for fault in (Fault(name="drop"), Fault(name="html"), Fault(name="status", value=503)):
        stage.person.sandbox.add_fault(fault)
        stage.finish(stage.redirect(), *there)
    assert stage.run("refresh", "work", "--json") == 0
    stage.person.sandbox.add_fault(Fault(name="status", value=503))
    assert stage.run("refresh", "work") == 8
    assert stage.run("run", "work", "--", "true") == 0
    assert stage.run("move", "work", "--to", "file") == 0
    assert stage.run("move", "work", "--to", kind) == 0
    assert stage.run("status", "--why", "--json") == 0
    check_sealed(stage)


def check_sealed(stage: Stage) -> None:
    """Search every file for tokens, those that may hold them otherwise too; the address is in the index and nowhere."""
    files = [path for path in stage.program.home.rglob("*") if path.is_file()]
    assert stage.canaries.tokens
    assert [path for path in files if stage.canaries.leaks(path.read_bytes())] == []
    assert [path.name for path in files if EMAIL in path.read_bytes()] == ["index.json"]


def test_the_vault_shows_nothing(stage: Stage) -> None:
    """Tokens of a login in the vault are in no file in clear, after failures, a refresh and a move there and back."""
    live_through(stage, "vault")
    assert stage.run("vault", "rekey") == 0
    stage.run(
        *("-c", 'ulimit -f 4; exec "$0" -m codex_auth refresh work', sys.executable),
        entry=("-c", "import os, sys; os.execvp('sh', ['sh', *sys.argv[1:]])"),
    )
    check_sealed(stage)


def test_the_keyring_shows_nothing(stage: Stage, desktop: Desktop) -> None:
    """The same with a real keyring: no label, attribute or file of its own shows a token or an e-mail address."""
    desktop.clear()
    stage.program.env["DBUS_SESSION_BUS_ADDRESS"] = desktop.env["DBUS_SESSION_BUS_ADDRESS"]
    live_through(stage, "keyring")
    assert stage.finish(stage.redirect("personal"), "--store", "keyring") == 5
    shown = "\n".join(desktop.shown()).encode()
    keyrings = [path for path in Path(desktop.env["HOME"]).rglob("*.keyring") if path.is_file()]

    assert b"work#" in shown
    assert keyrings
    for text in (shown, *(path.read_bytes() for path in keyrings)):
        assert stage.canaries.leaks(text) == []
        assert EMAIL not in text


# --- device codes --------------------------------------------------------------------------------------------


def device_start(stage: Stage, *words: str) -> tuple[str, str]:
    """Start by device code, and return page and code; the answer is the one place where the code may stand."""
    stage.run("start", "work", "--device", "--issuer", stage.person.sandbox.issuer, *words)
    page, code = stage.said[-2].decode().split()
    stage.said[-2] = stage.said[-2].replace(code.encode(), b"")
    stage.canaries.others.add(code)
    return page, code


@pytest.mark.parametrize("dialect", ["openai", "rfc8628"])
def test_a_device_code_shows_nothing(stage: Stage, dialect: str) -> None:
    """start, finish too early, finish, again, status in between: code, device code and verifier are nowhere."""
    page, code = device_start(stage, "--device-dialect", dialect)
    stage.run("finish", "work")
    stage.run("status", "--json", "--full", "--why")
    approve_device(page, code)
    assert stage.run("finish", "work", "--wait", "--json") == 0
    assert stage.run("finish", "work", "--wait") == 3


@pytest.mark.parametrize("route", ["device_token", "token"])
@pytest.mark.parametrize("fault", ["html", "huge", "drop", "drop_before", "status", "redirect", "bad_signature"])
def test_no_fault_in_a_device_sign_in_shows_anything(stage: Stage, route: str, fault: str) -> None:
    """Whatever the provider does to the question or to the exchange of the approval."""
    page, code = device_start(stage)
    approve_device(page, code)
    stage.person.sandbox.add_fault(Fault(name=fault, route=route, value={"huge": 2, "status": 503}.get(fault)))
    stage.run("finish", "work", "--wait", "--timeout", "2s")
    stage.run("finish", "work", "--json")
    stage.run("cancel", "work")


def test_a_device_login_shows_its_code_and_nothing_else(stage: Stage) -> None:
    """On a terminal: the code is shown to be typed, and is nowhere else afterwards."""
    words = ("work", "--device", "--issuer", stage.person.sandbox.issuer)
    with logging_in(stage.program, *words, terminal=True, env={"PYTHONWARNINGS": "error"}) as login:
        page, code = login.hear(r"Open   (\S+)\s").group(1), login.hear(r"Enter  (\S+)\s").group(1)
        approve_device(page, code)
        _, out = login.end()
    stage.canaries.others.add(code)
    stage.said += [out.encode(), login.said.replace(code, "").encode()]


# --- one step ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("callback_ports")
@pytest.mark.parametrize("way", ["callback", "paste", "forged", "denied", "fault"])
def test_login_shows_nothing(stage: Stage, way: str) -> None:
    """On a terminal, by callback or paste, forged, denied, or failing at the provider: nothing on it, nothing left."""
    env = {"PYTHONWARNINGS": "error"}
    words = ("work", "--no-open", "--issuer", stage.person.sandbox.issuer)
    with logging_in(stage.program, *words, terminal=True, env=env) as login:
        link = login.link()
        address = stage.known(deny(link) if way == "denied" else approve(link))
        pages = []
        if way == "forged":
            login.hear("Paste the address here")
            login.type(address[:-4] + "AAAA\r")
            login.hear("not the redirect of this sign-in")
        if way == "fault":
            stage.person.sandbox.add_fault(Fault(name="bad_signature"))
        if way in {"paste", "forged"}:
            login.hear("Paste the address here")
            login.type(address + "\r")
        else:
            pages.append(visit(address)[1])
        _, out = login.end()
    stage.said += [out.encode(), login.said.encode(), *(page.encode() for page in pages)]


def test_the_hidden_prompt_shows_nothing(stage: Stage) -> None:
    """`finish` without an option asks on the terminal, and the terminal prints nothing of what was pasted."""
    address = stage.redirect()
    terminal, inner = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "finish", "work"],
        env=stage.program.env,
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    )
    os.close(inner)
    heard = b""
    while b"not shown" not in heard:
        heard += os.read(terminal, 4096)
    os.write(terminal, address.encode() + b"\r")
    try:
        while data := os.read(terminal, 4096):
            heard += data
    except OSError:  # the last of the other side is gone
        pass
    os.close(terminal)

    assert child.wait(20) == 0
    assert b"Signed in: work" in heard
    stage.said.append(heard)


# --- other processes -----------------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.usefixtures("callback_ports")
def test_no_child_is_told_anything(stage: Stage, tmp_path: Path) -> None:
    """Arguments and environments of every program that finish and login start, the browser's included."""
    trace, script, heard = tmp_path / "trace", tmp_path / "browser", tmp_path / "heard"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {heard}\nenv >> {heard}\n')
    script.chmod(0o700)
    watched = ["strace", "-f", "-v", "-e", "trace=execve", "-s", "65535", "-o"]
    command = [sys.executable, "-m", "codex_auth"]
    address = stage.redirect()
    subprocess.run(
        [*watched, str(trace), *command, "finish", "work", "--callback-url", "-"],
        env=stage.program.env,
        input=address.encode(),
        capture_output=True,
        timeout=60,
        check=True,
    )
    stage.said.append(trace.read_bytes())
    child = subprocess.Popen(
        [*watched, str(trace), *command, "login", "work", "--issuer", stage.person.sandbox.issuer],
        env={**stage.program.env, "BROWSER": str(script)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stderr is not None
    said = b""
    while not (link := re.search(rb"(https?://\S+/oauth/authorize\?\S+)\s", said)):
        line = child.stderr.readline()
        assert line, said
        said += line
    visit(stage.known(approve(link[1].decode())))
    out, rest = child.communicate(timeout=60)

    assert child.returncode == 0
    assert b"/login/" in heard.read_bytes()
    assert LINK.search(trace.read_bytes() + heard.read_bytes()) is None
    stage.said += [out, said + rest, trace.read_bytes(), heard.read_bytes()]


def test_the_sandbox_shows_nothing(stage: Stage) -> None:
    """`codex-auth sandbox` serves a whole sign-in and says nothing of it on its streams."""
    server = subprocess.Popen(
        [sys.executable, "-m", "codex_auth", "sandbox"],
        env=stage.program.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert server.stderr is not None
    first = server.stderr.readline()
    found = re.search(rb"http://127.0.0.1:\d+", first)
    assert found is not None, first
    stage.run("start", "work", "--issuer", found[0].decode())
    link = LINK.search(b"".join(stage.said))
    assert link is not None
    address = stage.known(approve(link[0].decode()))
    assert stage.finish(address) == 0
    assert stage.finish(address) == 3
    server.send_signal(signal.SIGTERM)
    out, err = server.communicate(timeout=30)

    entry = stage.program.stored()["profiles"]["openai-codex:work"]
    stage.canaries.tokens |= {entry["access"], entry["refresh"], entry["idToken"]}
    stage.said += [out, first + err]


def test_the_demo_shows_nothing(stage: Stage) -> None:
    """`codex-auth demo` shows commands and results; what it gives to `finish` is not among them."""
    assert stage.run("demo") == 0
    link = LINK.search(b"".join(stage.said))
    assert link is not None
    stage.canaries.others.add(parse_qs(urlsplit(link[0].decode()).query)["state"][0])


# --- what nobody expected ------------------------------------------------------------------------------------

CANARY = "QzKw7PvXr2Lm9TbNcY4hGs"


class Talkative(Exception):
    """Says it in every way it has."""

    def __str__(self) -> str:
        """Return the canary."""
        return CANARY

    __repr__ = __str__


def _chained(how: str) -> Exception:
    error = ValueError("something")
    setattr(error, how, RuntimeError(CANARY))
    return error


def _noted() -> Exception:
    error = ValueError("something")
    error.add_note(CANARY)
    return error


UNEXPECTED: dict[str, Callable[[], BaseException]] = {
    "message": lambda: ValueError(CANARY),
    "key": lambda: KeyError(CANARY),
    "cause": lambda: _chained("__cause__"),
    "context": lambda: _chained("__context__"),
    "note": _noted,
    "group": lambda: ExceptionGroup(CANARY, [ValueError(CANARY), ExceptionGroup(CANARY, [KeyError(CANARY)])]),
    "its own words": Talkative,
    "file name": lambda: OSError(5, "input/output error", CANARY),
    "unicode": lambda: UnicodeDecodeError("utf-8", CANARY.encode(), 0, 1, CANARY),
    "command": lambda: subprocess.CalledProcessError(1, [CANARY], CANARY, CANARY),
    "usage": lambda: click.UsageError(CANARY),
    "exception of click": lambda: click.ClickException(CANARY),
    "file of click": lambda: click.FileError(CANARY, CANARY),
}


@pytest.mark.parametrize("more", [[], ["--json"]], ids=["words", "json"])
@pytest.mark.parametrize("make", UNEXPECTED.values(), ids=UNEXPECTED)
def test_the_unexpected_shows_type_and_place_only(
    make: Callable[[], BaseException],
    more: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exception out of a story, whatever it carries and wherever: its type, our module and line, nothing else."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODEX_AUTH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CANARY.encode())))
    monkeypatch.setattr(group, "stop_cleanly", lambda: None)

    def story(*_: object, **__: object) -> None:
        secret = CANARY
        raise make() if secret else AssertionError

    monkeypatch.setattr(two_step, "finish", story)
    status = group.run(["finish", "work", "--callback-url", "-", *more])

    out, err = capsys.readouterr()
    assert status in {1, 2}
    assert not any(found in out + err for found in slices(CANARY))
    if status == 1:
        assert type(make()).__name__ in out + err
        assert re.search(r"at codex_auth\.[a-z_.]+:\d+\)", out + err)


ELSEWHERE = {
    "a thread": "threading.Thread(target=leak).start()",
    "a destructor": "class Late:\n    def __del__(self): leak()\nLate()",
    "an exit function": "atexit.register(leak)",
    "a weak reference": "class Gone: pass\ngone = Gone(); kept = weakref.ref(gone, lambda _: leak()); del gone",
    "past the door": "raise BaseExceptionGroup(CANARY, [SystemExit(CANARY), KeyboardInterrupt(CANARY)])",
}
DRIVER = """
import atexit, sys, threading, weakref
from codex_auth.stories import two_step
CANARY = {canary!r}
def leak():
    raise ValueError(CANARY)
def story(*_, **__):
    {code}
two_step.cancel = story
sys.argv = ["codex-auth", "cancel", "work"]
from codex_auth.cli.main import main
main()
"""


@pytest.mark.parametrize("code", ELSEWHERE.values(), ids=ELSEWHERE)
def test_the_unexpected_elsewhere_shows_no_more(program: Program, code: str) -> None:
    """What Python itself would report, with text and traceback, is reported as type and place too."""
    done = subprocess.run(
        [sys.executable, "-c", DRIVER.format(canary=CANARY, code=code.replace("\n", "\n    "))],
        env={**program.env, "PYTHONDEVMODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = done.stdout + done.stderr
    assert "Something unexpected happened" in said
    assert "Traceback" not in said
    assert not any(found in said for found in slices(CANARY))


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_repeats_its_value_in_a_mistake(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each option and argument of a command gets the canary, beside a mistake: the error repeats none of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(group, "stop_cleanly", lambda: None)
    command = group.group.get_command(None, verb)  # type: ignore[arg-type]
    assert command is not None

    too_many = [CANARY] * max(2, 1 + sum(isinstance(parameter, click.Argument) for parameter in command.params))
    for parameter in command.params:
        given = [max(parameter.opts, key=len), CANARY] if isinstance(parameter, click.Option) else [CANARY]
        for words in ([verb, *given, f"--{CANARY}"], [verb, f"--{CANARY}", *given], [verb, *given, *too_many]):
            assert group.run(words) == 2
            out, err = capsys.readouterr()
            assert not any(found.lower() in (out + err).lower() for found in slices(CANARY))


# --- the search itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["stream", "file", "file name", "store", "temporary file"])
def test_the_search_finds_what_is_planted(stage: Stage, where: str) -> None:
    """Eight characters of a code, wherever they are, are found; so this file can fail."""
    address = stage.redirect()
    code = parse_qs(urlsplit(address).query)["code"][0]
    assert stage.finish(address) == 0
    planted = code[20 : 20 + SLICE]
    plants: dict[str, Path] = {
        "file": stage.program.home / "state/note",
        "file name": stage.program.home / planted,
        "store": stage.program.store,
        "temporary file": stage.temporary / "note",
    }
    stage.check()

    if where == "stream":
        stage.said.append(planted.encode())
    else:
        was = plants[where].read_text() if plants[where].exists() else ""
        plants[where].write_text(was + planted)

    with pytest.raises(AssertionError):
        stage.check()
    if where == "stream":
        stage.said.pop()
    elif where == "store":
        plants[where].write_text(was)
    else:
        plants[where].unlink()
