"""Rules, whatever file they stand in, are kept by every way of signing in and of using a login.

The matrix (layer, rule, flow) runs the stories against a folder that stands for `/etc`; below it the whole program runs
with an `/etc` of its own, in a mount namespace, because nothing else can move where it looks.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from codex_auth.core.errors import AuthError, PolicyRefused
from codex_auth.core.provider import Provider
from codex_auth.core.secret import Secret
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.terminal import Countdown
from codex_auth.edge.world import World
from codex_auth.notes.pending import PendingFile
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import NoSuchButton, approve, approve_device
from codex_auth.stores import open_store
from codex_auth.stores.protocol import Store
from codex_auth.stories import device_steps, two_step
from codex_auth.stories.device import Screen, login_by_device
from codex_auth.stories.fitting import fitting
from codex_auth.stories.keep import keep_once
from codex_auth.stories.login import Ways, login
from codex_auth.stories.refresh import Wish, refresh
from codex_auth.stories.run import living
from codex_auth.stories.sign_in import Wanted
from tests.policy_bed import MANAGED, OURS, REQUIREMENTS, SYSTEM, Machine
from tests.story.conftest import Person, Program
from tests.story.test_login import logging_in, visit

ACME, CLIENT = ACCOUNTS["work"].account_id, ACCOUNTS["client"].account_id
USERS_CODEX, USERS_OWN = ".codex", ".config/codex-auth"

METHOD, WORKSPACE, STORE, FLOW, ISSUER, OWNER = "method", "workspace", "store", "flow", "issuer", "owner"

FORCED = {METHOD: 'forced_login_method = "api"', WORKSPACE: f'forced_chatgpt_workspace_id = ["{CLIENT}", "ws-9"]'}
OWN = {
    METHOD: 'allowed_login_methods = ["api"]',
    WORKSPACE: f'allowed_workspaces = ["{CLIENT}"]',
    STORE: 'allowed_stores = ["keyring"]',
    FLOW: 'allowed_flows = ["device"]',
    ISSUER: 'allowed_issuers = ["https://auth.openai.com"]',
    OWNER: 'allowed_owners = ["codex"]',
}
LAYERS: dict[str, dict[str, str]] = {
    OURS: OWN,
    REQUIREMENTS: {
        METHOD: 'allowed_login_methods = ["api"]',
        WORKSPACE: f'allowed_chatgpt_workspaces = ["{CLIENT}"]',
        STORE: 'cli_auth_credentials_store = "keyring"',
    },
    MANAGED: {**FORCED, STORE: 'cli_auth_credentials_store = "ephemeral"'},
    SYSTEM: FORCED,
    USERS_CODEX: FORCED,
    USERS_OWN: {what: f"[policy]\n{text}" for what, text in OWN.items()},
}
CELLS = [(layer, what) for layer, texts in LAYERS.items() for what in texts]


@dataclass
class Bench:
    """A machine, a provider, and what happened there."""

    machine: Machine
    sandbox: Sandbox
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    """What the person was told."""
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    """What happens while somebody sleeps, one thing each time."""

    def rule(self, layer: str, what: str, *, by_device: bool = False) -> str:
        """Put one rule into one layer, and return the path of its file."""
        text = LAYERS[layer][what]
        if by_device:
            text = text.replace('"device"', '"browser"')
        is_users = layer in {USERS_CODEX, USERS_OWN}
        return str(self.machine.configure(layer, text) if is_users else self.machine.write(layer, text))

    @property
    def places(self) -> Places:
        """Return where things are; new logins go to the file because somebody said so."""
        return replace(self.machine.places, store_rule="CODEX_AUTH_STORE names it")

    @property
    def world(self) -> World:
        """Return a world in which no time passes where somebody sleeps."""
        return World(
            env=self.machine.env,
            out=lambda _line: None,
            tell=self.told.append,
            sleep=self._sleep,
            now=lambda: datetime.now(UTC) + timedelta(seconds=sum(self.slept)),
            ticks=lambda: time.monotonic() + sum(self.slept),
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    @property
    def store(self) -> Store:
        """Return the store."""
        return open_store(self.places)

    @property
    def wanted(self) -> Wanted:
        """Return a wish to sign in to `work`."""
        return Wanted(selector="work", provider=Provider(issuer=self.sandbox.issuer))

    def start(self) -> two_step.Started:
        """Do the first half of a sign-in."""
        return two_step.start(self.wanted, store=self.store, places=self.places, world=self.world)

    def finish(self, address: str) -> None:
        """Do the second half."""
        two_step.finish("work", Secret(address), store=self.store, places=self.places, world=self.world)

    def log_in(self, *, listen: bool) -> None:
        """Sign in with one command."""
        countdown = Countdown(io.StringIO(), "", env={})
        ways = Ways(listen=listen, open_browser=False, timeout=timedelta(seconds=1), countdown=countdown)
        login(self.wanted, ways, store=self.store, places=self.places, world=self.world)

    def start_device(self) -> two_step.Started:
        """Do the first half of a sign-in by device code."""
        return device_steps.start_device(self.wanted, store=self.store, places=self.places, world=self.world)

    def finish_device(self, *, wait: bool) -> None:
        """Do the second half, when it is time to ask."""
        self.slept.append(10)
        device_steps.finish_device("work", wait=wait, store=self.store, places=self.places, world=self.world)

    def log_in_by_device(self) -> None:
        """Sign in with one command."""
        screen = Screen(countdown=Countdown(io.StringIO(), "", env={}), draw=lambda _page: [])
        login_by_device(self.wanted, screen, store=self.store, places=self.places, world=self.world)

    def sign_in(self) -> None:
        """Sign in to `work`, before there is any rule."""
        self.finish(approve(self.start().login_url))

    def refused(self, act: Callable[[], object], path: str) -> PolicyRefused:
        """Check that an act is refused by a rule of this file, and return the refusal."""
        with pytest.raises(PolicyRefused) as caught:
            act()
        assert caught.value.status == 6
        assert path in str(caught.value)
        return caught.value


@pytest.fixture
def bench(tmp_path: Path, sandbox: Sandbox) -> Bench:
    """Return a machine without any rule, and a provider."""
    return Bench(Machine(tmp_path), sandbox)


@pytest.mark.parametrize("flow", ["browser", "paste", "two steps", "device", "device in two steps"])
@pytest.mark.parametrize(("layer", "what"), [cell for cell in CELLS if cell[1] != WORKSPACE])
def test_what_is_forbidden_never_begins(bench: Bench, layer: str, what: str, flow: str) -> None:
    """Each rule in each file stops each way of signing in before anything is sent, kept or listened for."""
    path = bench.rule(layer, what, by_device=flow.startswith("device"))
    act: Callable[[], object] = {
        "browser": lambda: bench.log_in(listen=True),
        "paste": lambda: bench.log_in(listen=False),
        "two steps": bench.start,
        "device": bench.log_in_by_device,
        "device in two steps": bench.start_device,
    }[flow]

    bench.refused(act, path)

    assert bench.sandbox.log() == []
    assert bench.store.names() == []
    assert PendingFile(bench.places).read().waiting == {}


@pytest.mark.parametrize(("layer", "what"), CELLS)
def test_a_sign_in_is_judged_again_when_it_is_finished(bench: Bench, layer: str, what: str) -> None:
    """A rule made since `start` stops `finish`: before the code leaves, or (a workspace) before it is kept."""
    address = approve(bench.start().login_url)
    asked = len(bench.sandbox.log())
    path = bench.rule(layer, what)

    bench.refused(lambda: bench.finish(address), path)

    assert bench.store.names() == []
    if what == WORKSPACE:
        assert [entry.outcome for entry in bench.sandbox.log("token")] == ["ok"]
        assert [entry.outcome for entry in bench.sandbox.log("revoke")] == ["ok"]
    else:
        assert len(bench.sandbox.log()) == asked
        assert list(PendingFile(bench.places).read().waiting) == ["work"]


@pytest.mark.parametrize("wait", [False, True], ids=["once", "waiting"])
@pytest.mark.parametrize(("layer", "what"), CELLS)
def test_a_device_code_is_judged_again_when_it_is_finished(bench: Bench, layer: str, what: str, wait: bool) -> None:
    """A rule made since `start` stops `finish` before it asks, or (a workspace) gives the login back and ends it."""
    started = bench.start_device()
    approve_device(started.login_url, started.user_code)
    asked = len(bench.sandbox.log())
    path = bench.rule(layer, what, by_device=True)

    bench.refused(lambda: bench.finish_device(wait=wait), path)

    assert bench.store.names() == []
    if what == WORKSPACE:
        assert [entry.outcome for entry in bench.sandbox.log("token")] == ["ok"]
        assert [entry.outcome for entry in bench.sandbox.log("revoke")] == ["ok"]
        assert PendingFile(bench.places).read().waiting == {}
    else:
        assert len(bench.sandbox.log()) == asked
        assert list(PendingFile(bench.places).read().waiting) == ["work"]


@pytest.mark.parametrize("what", OWN)
@pytest.mark.parametrize("flow", ["in one command", "waiting"])
def test_a_rule_made_while_a_device_code_waits_counts(bench: Bench, flow: str, what: str) -> None:
    """Nobody has approved yet when the rule is made; it is kept when somebody has."""
    path = str(bench.machine.etc / OURS)

    def approve_it() -> None:
        code = next(line.split()[1] for line in bench.told if line.startswith("  Enter"))
        approve_device(f"{bench.sandbox.issuer}/codex/device", code)

    bench.meanwhile = [lambda: bench.rule(OURS, what, by_device=True), approve_it]
    if flow == "waiting":
        bench.told.append(f"  Enter {bench.start_device().user_code}")
        bench.refused(lambda: bench.finish_device(wait=True), path)
    else:
        bench.refused(bench.log_in_by_device, path)

    assert bench.store.names() == []


@pytest.mark.parametrize("layer", LAYERS)
def test_only_allowed_workspaces_are_asked_for(bench: Bench, layer: str) -> None:
    """They go into the authorize address as Codex sends them, and the provider then offers no other account."""
    bench.rule(layer, WORKSPACE)

    link = bench.start().login_url

    [asked] = parse_qs(urlsplit(link).query)["allowed_workspace_id"]
    assert asked in {CLIENT, f"{CLIENT},ws-9"}
    with pytest.raises(NoSuchButton):
        approve(link, account="work")
    bench.finish(approve(link, account="client"))
    assert bench.store.names() == ["work"]


def test_an_allowed_account_of_another_profile_is_still_another_account(bench: Bench) -> None:
    """Rules come on top of the identity guard, not in its place."""
    bench.sign_in()
    bench.rule(OURS, WORKSPACE)

    with pytest.raises(AuthError) as caught:
        bench.finish(approve(bench.start().login_url, account="client"))

    assert caught.value.code == "identity_mismatch"


USES: dict[str, Callable[[Bench], object]] = {
    "run": lambda b: living("work", timedelta(minutes=6), store=b.store, places=b.places, world=b.world),
    "run, when it is due": lambda b: living("work", timedelta(days=9), store=b.store, places=b.places, world=b.world),
    "refresh": lambda b: refresh("work", Wish(is_forced=True), store=b.store, places=b.places, world=b.world),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(("layer", "what"), [cell for cell in CELLS if cell[1] not in {STORE, FLOW}])
def test_a_login_that_no_rule_admits_any_more_is_left_alone(bench: Bench, layer: str, what: str, use: str) -> None:
    """It is neither given out nor refreshed; its refresh token is not spent, and it stays where it is."""
    bench.sign_in()
    held = bench.store.load("work")
    path = bench.rule(layer, what)

    bench.refused(lambda: USES[use](bench), path)

    assert bench.sandbox.log("token", "refresh_token") == []
    assert bench.store.load("work") == held


@pytest.mark.parametrize(("layer", "what"), [cell for cell in CELLS if cell[1] in {STORE, FLOW}])
def test_where_and_how_it_was_signed_in_does_not_matter_later(bench: Bench, layer: str, what: str) -> None:
    """Rules about flows and stores are about new sign-ins and moves: what is there goes on working."""
    bench.sign_in()
    bench.rule(layer, what)

    for use in USES.values():
        use(bench)


@pytest.mark.parametrize(("layer", "what"), [cell for cell in CELLS if cell[1] == STORE])
def test_a_sign_in_to_a_profile_in_a_closed_store_is_refused(bench: Bench, layer: str, what: str) -> None:
    """It would be kept where its profile is, whatever is named for new ones."""
    bench.sign_in()
    path = bench.rule(layer, what)
    elsewhere = replace(bench.places, store="keyring")

    bench.refused(lambda: two_step.start(bench.wanted, store=bench.store, places=elsewhere, world=bench.world), path)


def test_keep_leaves_out_what_is_forbidden_and_says_so(bench: Bench) -> None:
    """A round renews the others; of the one that no rule admits it tells why."""
    bench.sign_in()
    other = replace(bench.wanted, selector="client")
    started = two_step.start(other, store=bench.store, places=bench.places, world=bench.world)
    address = Secret(approve(started.login_url, account="client"))
    two_step.finish("client", address, store=bench.store, places=bench.places, world=bench.world)
    for name in ("work", "client"):
        held = bench.store.load(name)
        assert held is not None
        now = bench.world.now()
        old = replace(held, expires=now + timedelta(minutes=1), refreshed=now - timedelta(hours=2))
        with bench.store.lock(name, timeout=5):
            bench.store.save(old)
    path = bench.rule(OURS, WORKSPACE)
    told: list[str] = []

    for _ in range(2):
        done = keep_once(
            store=bench.store, places=bench.places, world=bench.world, tell=lambda alert: told.append(alert.message)
        )

    assert isinstance(done.results["work"], PolicyRefused)
    assert len(bench.sandbox.log("token", "refresh_token")) == 1
    assert len([message for message in told if path in message]) == 1


def test_a_token_that_ends_too_soon_is_not_given_out(bench: Bench) -> None:
    """The shortest lease makes it due earlier; where the provider gives no longer one it is refused."""
    bench.sign_in()
    bench.machine.write(OURS, 'minimum_lease = "55m"')
    assert bench.sandbox.log("token", "refresh_token") == []
    assert USES["run"](bench)
    path = bench.machine.write(OURS, 'minimum_lease = "3h"')

    refusal = bench.refused(lambda: USES["run"](bench), str(path))

    assert "minimum_lease" in str(refusal)


def test_user_rules_cannot_bring_back_what_an_administrator_took(bench: Bench) -> None:
    """Whatever the user's files allow, the administrator's rule stands and is the one that is named."""
    path = bench.rule(OURS, WORKSPACE)
    bench.machine.configure(USERS_CODEX, f'forced_chatgpt_workspace_id = ["{ACME}", "{CLIENT}"]')
    bench.machine.configure(USERS_OWN, f'[policy]\nallowed_workspaces = ["{ACME}", "{CLIENT}"]')

    link = bench.start().login_url
    assert parse_qs(urlsplit(link).query)["allowed_workspace_id"] == [CLIENT]
    address = approve(link.replace(CLIENT, ACME), account="work")

    bench.refused(lambda: bench.finish(address), path)


@pytest.mark.parametrize(
    ("allowed", "asked", "chosen"),
    [
        ("keyring", "auto", "keyring"),
        ("vault", "auto", "vault"),
        ("file", "auto", "keyring"),  # refused by that name: `auto` never means a plain file
        ("keyring vault file", "auto", "auto"),
        ("vault keyring", "", "keyring"),
        ("vault", "", "vault"),
        ("file keyring", "", "file"),
        ("vault", "file", "file"),  # refused: somebody named it
        ("", "", "file"),
    ],
)
def test_what_was_left_open_is_filled_by_the_rules(tmp_path: Path, allowed: str, asked: str, chosen: str) -> None:
    """Where nobody named a store, or said `auto`, a new profile goes where the rules let it."""
    places = find_places(Machine(tmp_path).env, store=asked)

    assert fitting(places, tuple(allowed.split())).store == chosen


# --- what the provider forbids ---------------------------------------------------------------------------------


def test_a_403_of_the_provider_sends_people_to_their_administrator(person: Person) -> None:
    """The workspace has Codex switched off: exit 6, the words that Codex users see, and nothing is stored."""
    address = person.redirect()
    person.sandbox.fault("status", value=403)

    answer = person.program.json("finish", "work", "--callback-url", "-", given=address)

    assert (answer["exit_code"], answer["error"]) == (6, "access_not_granted")
    assert answer["hint"] == "Contact your ChatGPT administrator for access."
    assert not person.program.store.exists()


def test_a_missing_entitlement_does_too(person: Person) -> None:
    """So does the browser that comes back with OpenAI's description for accounts without Codex."""
    link = person.program.json("start", "work", "--issuer", person.sandbox.issuer)["login_url"]
    state = parse_qs(urlsplit(link).query)["state"][0]
    facts = {"error": "access_denied", "error_description": "missing_codex_entitlement", "state": state}

    address = f"http://localhost:1455/auth/callback?{urlencode(facts)}"
    answer = person.program.json("finish", "work", "--callback-url", "-", given=address)

    assert (answer["exit_code"], answer["error"]) == (6, "missing_codex_entitlement")
    assert answer["hint"] == "Contact your ChatGPT administrator for access."


# --- the whole program -----------------------------------------------------------------------------------------

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a program an /etc of its own")
MOUNT = 'mount --bind "$1" /etc && shift && exec "$@"'


@dataclass
class Ruled(Program):
    """The program on a machine whose `/etc` is ours."""

    etc: Path = Path()

    def __call__(self, *words: str, **how: object) -> subprocess.CompletedProcess[str]:
        """Run one command in a mount namespace of its own."""
        given = how.pop("given", None)
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", MOUNT, "sh", self.etc, sys.executable, "-m", "codex_auth", *words],
            env={**self.env, **(how.get("env") or {})},  # type: ignore[dict-item]
            input=given,  # type: ignore[arg-type]
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def write(self, name: str, text: str) -> str:
        """Write an administrator's file, and return the path that the program knows it by."""
        path = self.etc / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        return f"/etc/{name}"


@pytest.fixture
def ruled(program: Program, tmp_path: Path) -> Iterator[Ruled]:
    """Return the program with a copy of this machine's `/etc`."""
    etc = tmp_path / "etc"
    subprocess.run(["cp", "-a", "/etc", etc], check=False, capture_output=True)
    yield Ruled(program.home, program.env, etc)
    shutil.rmtree(etc)


@pytest.fixture
def ruled_person(ruled: Ruled, sandbox: Sandbox) -> Person:
    """Return somebody who works there."""
    return Person(ruled, sandbox)


@needs_root
def test_the_program_reads_the_real_place(ruled: Ruled, ruled_person: Person) -> None:
    """Without rules it signs in; with one, `start` ends with 6 and names `/etc/codex-auth/policy.toml`."""
    assert ruled_person.sign_in()["ok"]
    path = ruled.write(OURS, 'allowed_flows = ["browser"]')

    done = ruled("start", "home")

    assert done.returncode == 6
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        (
            "codex-auth: Signing in with a pasted redirect is not allowed here, only with a browser on this machine "
            f"(allowed_flows in {path})."
        ),
        "  Ask whoever administers this machine; `codex-auth status --why` lists every rule in force.",
    ]


@needs_root
def test_a_token_that_no_rule_admits_is_not_printed(ruled: Ruled, ruled_person: Person) -> None:
    """The quick way does not pass a rule by, whether an administrator or the user wrote it."""
    ruled_person.sign_in()
    token = ruled("token", "work").stdout.strip()
    assert token
    path = ruled.write(REQUIREMENTS, 'allowed_chatgpt_workspaces = ["ws-9"]')

    for form in ([], ["--json"]):
        done = ruled("token", "work", *form)
        assert done.returncode == 6
        assert path in done.stderr + done.stdout
        assert token not in done.stdout

    ruled.write(REQUIREMENTS, "")
    path = ruled.write(OURS, 'minimum_lease = "3h"')
    assert (ruled("token", "work").returncode, path in ruled("token", "work").stderr) == (6, True)
    (ruled.etc / OURS).unlink()
    (ruled.etc / REQUIREMENTS).unlink()
    assert ruled("token", "work").stdout.strip() == token
    (ruled.home / ".codex").mkdir()
    (ruled.home / ".codex/config.toml").write_text('forced_login_method = "api"\n')
    assert ruled("token", "work").returncode == 6


@needs_root
def test_status_lists_every_rule(ruled: Ruled, ruled_person: Person) -> None:
    """`--why` names what each rule allows, its key and its file; `status` marks the logins that one forbids."""
    ruled_person.sign_in()
    ours = ruled.write(OURS, f'allowed_workspaces = ["{CLIENT}"]\nminimum_lease = "10m"\nallow_hand_over = false')
    theirs = ruled.write(REQUIREMENTS, 'allowed_login_methods = ["chatgpt"]')
    (ruled.home / ".codex").mkdir()
    mine = ruled.home / ".codex/config.toml"
    mine.write_text('forced_login_method = "chatgpt"\n')

    text = ruled("status", "--why")
    document = json.loads(ruled("status", "--why", "--json").stdout)

    rules = [line for line in text.stdout.splitlines() if line.startswith("rule: ")]
    assert rules == [
        f"rule: workspaces: …ient (allowed_workspaces in {ours})",
        f"rule: hand-over: none (allow_hand_over in {ours})",
        f"rule: shortest lease: 10m (minimum_lease in {ours})",
        f"rule: login methods: chatgpt (allowed_login_methods in {theirs})",
        f"rule: login methods: chatgpt (forced_login_method in {mine}, yours)",
    ]
    assert [(row["what"], row["key"], row["source"], row["yours"]) for row in document["policy"]] == [
        ("workspaces", "allowed_workspaces", ours, False),
        ("hand-over", "allow_hand_over", ours, False),
        ("shortest lease", "minimum_lease", ours, False),
        ("login methods", "allowed_login_methods", theirs, False),
        ("login methods", "forced_login_method", str(mine), True),
    ]
    assert "allowed_workspaces" in document["profiles"][0]["refused"]
    assert "work: not used, by a rule" in text.stdout
    assert CLIENT not in text.stdout
    assert CLIENT in ruled("status", "--why", "--full").stdout
    assert (text.returncode, ruled("status", "--check").returncode) == (0, 6)


@needs_root
def test_a_policy_that_does_not_read_closes_what_it_may_forbid(ruled: Ruled, ruled_person: Person) -> None:
    """Nothing is signed in, given out, refreshed or moved; what only looks or forgets still works."""
    ruled_person.sign_in()
    waiting = ruled.json("start", "home", "--issuer", ruled_person.sandbox.issuer)
    assert waiting["ok"]
    before = len(ruled_person.sandbox.log())
    path = ruled.write(OURS, 'allowed_flow = ["browser"]')

    for words in (
        ["start", "work"],
        ["token", "work"],
        ["refresh", "work"],
        ["run", "work", "--", "true"],
        ["move", "work", "--to", "vault"],
        ["finish", "home", "--callback-url", "-"],
    ):
        done = ruled(*words, given=approve(waiting["login_url"]) if words[0] == "finish" else None)
        assert (done.returncode, path in done.stderr) == (6, True), words
    shown = ruled("status")
    assert "work" in shown.stdout
    assert path in shown.stderr
    assert ruled("cancel", "home").returncode == 0
    assert [entry.route for entry in ruled_person.sandbox.log()[before:]] == ["authorize", "authorize"]


@needs_root
def test_move_and_store_keep_to_the_rules(ruled: Ruled, ruled_person: Person) -> None:
    """A closed store is refused by `move` and `--store`; where nobody named one, an allowed one is taken."""
    path = ruled.write(OURS, 'allowed_stores = ["vault"]')

    answer = ruled_person.sign_in()
    assert answer["ok"]
    [card] = ruled.json("status")["profiles"]
    assert card["store"] == "vault"
    for words in (["move", "work", "--to", "file"], ["login", "home", "--store", "file", "--no-open"]):
        done = ruled(*words)
        assert done.returncode == 6
        assert path in done.stderr


@needs_root
@pytest.mark.usefixtures("callback_ports")
def test_a_browser_sign_in_asks_for_the_allowed_workspaces(
    ruled: Ruled, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only they can approve; an account that comes back all the same is refused, given back and not stored."""
    path = ruled.write(OURS, f'allowed_workspaces = ["{CLIENT}"]\nallowed_flows = ["browser"]')
    wrapped = replace(ruled)
    script = f"#!/bin/sh\nexec unshare -m sh -c '{MOUNT}' sh {ruled.etc} {sys.executable} \"$@\"\n"
    python = ruled.home / "python"
    python.write_text(script)
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    with logging_in(wrapped, "work", "--no-open", "--issuer", sandbox.issuer, terminal=True) as running:
        link = running.link()
        with pytest.raises(NoSuchButton):
            approve(link, account="work")
        visit(approve(link.replace(CLIENT, ACME), account="work"))
        status, _ = running.end()
        said = running.said

    assert status == 6
    assert f"allowed_workspaces in {path}" in said
    assert "Paste the address" not in said
    assert [entry.outcome for entry in sandbox.log("revoke")] == ["ok"]
    assert not ruled.store.exists()
