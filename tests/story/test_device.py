"""Device codes with the real program: shown here, approved elsewhere, finished in any process."""

import fcntl
import json
import os
import signal
import struct
import termios
from collections.abc import Iterator
from itertools import pairwise
from threading import Thread
from typing import Any

import pytest

from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device, deny_device
from tests.story.conftest import Person, Program
from tests.story.test_login import Login, logging_in

DIALECTS = pytest.mark.parametrize("dialect", ["openai", "rfc8628"])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a provider whose device codes may be asked about every second."""
    with Sandbox(device_interval=1) as running:
        yield running


def start(person: Person, profile: str = "work", *more: str) -> dict[str, Any]:
    """Begin a sign-in by device code."""
    return person.program.json("start", profile, "--device", "--issuer", person.sandbox.issuer, *more)


def approve_it(started: dict[str, Any], account: str = "work") -> None:
    """Type the code and approve."""
    approve_device(started["verification_url"], started["user_code"], account)


def shown(login: Login) -> tuple[str, str]:
    """Return the page and the code that a running login shows."""
    return login.hear(r"Open   (\S+)\s").group(1), login.hear(r"Enter  (\S+)\s").group(1)


# --- in one command ------------------------------------------------------------------------------------------


@DIALECTS
def test_a_code_typed_elsewhere_signs_in(program: Program, sandbox: Sandbox, dialect: str) -> None:
    """The code is shown with advice and warning before it, approved on another screen, and the login stored."""
    words = ("work", "--device", "--device-dialect", dialect, "--issuer", sandbox.issuer)
    with logging_in(program, *words) as login:
        page, code = shown(login)
        approve_device(page, code)
        status, out = login.end()

    assert status == 0, login.said
    assert out.startswith("Signed in: work is ")
    assert page == f"{sandbox.issuer}/codex/device"
    assert ("must be allowed" in login.said.partition(code)[0]) is (dialect == "openai")
    assert "nobody else should give you one" in login.said.partition(code)[0]
    assert "?user_code=" not in login.said
    assert not program.pending.exists()


def test_piped_it_shows_plain_lines(program: Program, sandbox: Sandbox) -> None:
    """No QR code, no countdown, no control sequence where nobody looks at a terminal."""
    with logging_in(program, "work", "--device", "--issuer", sandbox.issuer) as login:
        approve_device(*shown(login))
        login.end()

    assert login.said.isascii()
    assert "\x1b" not in login.said
    assert "\r" not in login.said


def on_a_terminal(program: Program, sandbox: Sandbox, *words: str, columns: int = 80, rows: int = 24) -> str:
    """Sign in on a terminal of this size and return all that it showed."""
    env = {"LC_ALL": "C.UTF-8", "TERM": "xterm"}
    with logging_in(program, "work", "--device", "--issuer", sandbox.issuer, *words, terminal=True, env=env) as login:
        fcntl.ioctl(login.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        login.hear(r"Waiting for you to approve 1[45]:\d\d")
        approve_device(*shown(login))
        assert login.end()[0] == 0
    return login.said


def test_a_terminal_gets_a_countdown_and_a_qr_code(program: Program, sandbox: Sandbox) -> None:
    """With 80 columns and 24 lines picture, warning, page and code are in sight together with the countdown."""
    said = on_a_terminal(program, sandbox)

    lines = said.split("\r\n")
    first = next(number for number, line in enumerate(lines) if "\x1b[30;107m" in line)
    last = next(number for number, line in enumerate(lines) if "Waiting for you" in line)
    assert last - first + 1 <= 24
    assert "▀" in said


def test_no_qr_means_none(program: Program, sandbox: Sandbox) -> None:
    """`--no-qr` leaves the picture out and the rest as it is."""
    assert "▀" not in on_a_terminal(program, sandbox, "--no-qr")


def test_a_denial_ends_it(program: Program, sandbox: Sandbox) -> None:
    """Saying no on the page: exit 3, and nothing is stored."""
    with logging_in(program, "work", "--device", "--issuer", sandbox.issuer) as login:
        deny_device(*shown(login))
        status, _ = login.end()

    assert status == 3
    assert "not approved (access_denied)" in login.said
    assert not program.store.exists()


@DIALECTS
def test_a_code_ends(program: Program, dialect: str) -> None:
    """A code nobody typed in time: exit 3 and what to type for another."""
    with Sandbox(device_interval=1, device_lifetime=2) as sandbox:
        done = program("login", "work", "--device", "--device-dialect", dialect, "--issuer", sandbox.issuer)

    assert done.returncode == 3
    assert "device code has expired" in done.stderr


REFUSALS = [
    ("usercode", "status", 404, 3, "--paste"),
    ("usercode", "status", 500, 8, "HTTP status 500"),
    ("usercode", "status", 401, 3, "refused the sign-in"),
    ("usercode", "html", None, 1, "web page"),
    ("usercode", "huge", 10, 1, "too large"),
    ("usercode", "drop", None, 8, "closed the connection"),
    ("usercode", "redirect", None, 1, "another address"),
    ("device_token", "html", None, 1, "web page"),
    ("device_token", "huge", 10, 1, "too large"),
    ("device_token", "status", 401, 3, "refused the sign-in"),
]


@pytest.mark.parametrize(("route", "fault", "value", "status", "words"), REFUSALS)
def test_every_trouble_has_its_words(
    program: Program, sandbox: Sandbox, route: str, fault: str, value: float | None, status: int, words: str
) -> None:
    """Disabled, broken, refused, a web page, ten megabytes, nothing: each told apart, nothing stored."""
    sandbox.fault(fault, route=route, value=value)

    done = program("login", "work", "--device", "--issuer", sandbox.issuer)

    assert done.returncode == status
    assert words in done.stderr
    assert not program.store.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_login_leaves_nothing(program: Program, sandbox: Sandbox, number: int) -> None:
    """Ctrl-C, or a kill while it asks: no file is left that says anything of it."""
    with logging_in(program, "work", "--device", "--issuer", sandbox.issuer) as login:
        _, code = shown(login)
        os.kill(login.child.pid, number)
        status, _ = login.end()

    assert status in {130, -9}
    left = [path for path in program.home.rglob("*") if path.is_file()]
    assert not [path for path in left if code.encode() in path.read_bytes()]
    assert not program.store.exists()
    assert not program.pending.exists()


def test_status_says_where_a_code_is_typed_and_what_finishes_it(person: Person) -> None:
    """The page is no secret; the code is not shown again."""
    started = start(person)

    [row] = person.program.json("status")["pending"]
    assert (row["verification_url"], row["finish"]) == (
        started["verification_url"],
        "codex-auth finish work --wait",
    )
    said = person.program("status").stdout
    assert "`codex-auth finish work --wait`" in said
    assert started["user_code"] not in said


# --- which way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env", "reason"),
    [({"SSH_TTY": "/dev/pts/1", "DISPLAY": ":0"}, "this is an SSH session"), ({"WSL_INTEROP": "x"}, "WSL")],
)
def test_without_a_browser_it_takes_the_device_code(
    program: Program, sandbox: Sandbox, env: dict[str, str], reason: str
) -> None:
    """`login` alone says which way it takes and why."""
    with logging_in(program, "work", "--issuer", sandbox.issuer, env=env) as login:
        said = login.hear(r"Signing in by device code: (.*) \(or --browser\)")
        approve_device(*shown(login))
        status, _ = login.end()

    assert reason in said.group(1)
    assert status == 0


@pytest.mark.usefixtures("callback_ports")
def test_with_a_browser_it_takes_that(program: Program, sandbox: Sandbox) -> None:
    """Where a browser can be opened, `login` says that it does."""
    with logging_in(program, "work", "--issuer", sandbox.issuer, env={"BROWSER": "true"}) as login:
        login.hear(r"Signing in by browser: a browser can be opened here \(or --device\)")
        login.link()


def test_no_device_codes_there_means_a_paste(program: Program, sandbox: Sandbox) -> None:
    """Chosen by itself and not offered: on a terminal the redirect can be pasted at once."""
    sandbox.fault("status", route="usercode", value=404)
    env = {"SSH_TTY": "x"}
    with logging_in(program, "work", "--issuer", sandbox.issuer, env=env, terminal=True) as login:
        login.hear("Signing in by pasted redirect instead")
        address = approve(login.link(), account="work")
        login.hear("Paste the address here")
        login.type(address + "\r")
        status, _ = login.end()

    assert status == 0


def test_asked_for_and_not_offered_ends_it(program: Program, sandbox: Sandbox) -> None:
    """`--device` was an order: nothing else is begun, the hint names the other way."""
    sandbox.fault("status", route="usercode", value=404)
    with logging_in(program, "work", "--device", "--issuer", sandbox.issuer, terminal=True) as login:
        status, _ = login.end()

    assert status == 3
    assert "--paste" in login.said


def test_non_interactive_waits_for_nobody(program: Program, sandbox: Sandbox) -> None:
    """With every way that could be chosen: refused at once, and nobody was asked."""
    for way in ([], ["--device"], ["--browser"], ["--paste"]):
        done = program("login", "work", "--non-interactive", *way, "--issuer", sandbox.issuer)
        assert done.returncode == 2
        assert "codex-auth start" in done.stderr
    assert sandbox.log() == []


# --- in two steps --------------------------------------------------------------------------------------------


@DIALECTS
def test_another_process_finishes(person: Person, dialect: str) -> None:
    """`start --device` returns at once with all that is needed; `finish --wait` takes no address."""
    started = start(person, "work", "--device-dialect", dialect)
    approve_it(started)

    finished = person.program.json("finish", "work", "--wait")

    assert {"profile", "verification_url", "user_code", "interval", "expires_at", "instructions"} <= started.keys()
    assert started["login_url"] == started["verification_url"] == f"{person.sandbox.issuer}/codex/device"
    assert finished["profile"] == "work"
    assert person.program.json("status")["pending"] == []
    assert person.program("finish", "work", "--wait").returncode == 3


def test_finish_asks_once_and_says_when_to_ask_again(person: Person) -> None:
    """Not yet: exit 8, and the sign-in still waits. Too early: exit 8, and nobody is asked."""
    start(person)

    answers = [person.program.json("finish") for _ in range(3)]

    assert [(answer["error"], answer["exit_code"]) for answer in answers] == [("authorization_pending", 8)] * 3
    assert "--wait" in answers[0]["hint"]
    assert len(person.sandbox.log("device_token")) <= 2
    assert [row["profile"] for row in person.program.json("status")["pending"]] == ["work"]


def test_wait_ends_after_the_time_given(person: Person) -> None:
    """`--wait --timeout` gives up without ending the sign-in."""
    start(person)

    done = person.program("finish", "work", "--wait", "--timeout", "3s")

    assert done.returncode == 8
    assert len(person.sandbox.log("device_token")) >= 1
    assert len(person.program.json("status")["pending"]) == 1


def test_two_finishes_together_ask_as_often_as_one(person: Person) -> None:
    """Two processes wait: no question comes sooner than the interval, one stores the login, the other is told."""
    started = start(person)
    answers: list[dict[str, Any]] = []
    threads = [Thread(target=lambda: answers.append(person.program.json("finish", "work", "--wait"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    while len(person.sandbox.log("device_token")) < 3:
        assert any(thread.is_alive() for thread in threads)
        threads[0].join(0.05)
    approve_it(started)
    for thread in threads:
        thread.join()

    asked = [entry.at for entry in person.sandbox.log("device_token")]
    assert min(later - earlier for earlier, later in pairwise(asked)) >= 1
    assert sorted(bool(answer["ok"]) for answer in answers) == [False, True]
    assert [answer["exit_code"] for answer in answers if not answer["ok"]] == [3]
    assert len(person.sandbox.log("token", "authorization_code")) == 1


def test_cancel_ends_the_waiting(person: Person) -> None:
    """Whoever waits for a sign-in that is cancelled is told so."""
    start(person)
    said: list[str] = []
    thread = Thread(target=lambda: said.append(person.program("finish", "work", "--wait").stderr))
    thread.start()
    while not person.sandbox.log("device_token"):
        assert thread.is_alive()
        thread.join(0.05)

    person.program("cancel", "work")

    thread.join()
    assert "was cancelled" in said[0]


def test_a_redirect_is_no_answer_to_a_device_code(person: Person) -> None:
    """Each kind of sign-in says in one sentence how it is finished."""
    start(person)
    given = person.program("finish", "work", "--callback-url", "-", given="http://localhost:1455/auth/callback?code=a")
    person.redirect("home", "personal")
    waited = person.program("finish", "home", "--wait")

    assert (given.returncode, waited.returncode) == (2, 2)
    assert "by device code; it takes no address" in given.stderr
    assert "the address that the browser ended on" in waited.stderr


def test_a_denial_ends_the_sign_in(person: Person) -> None:
    """Denied on the page: exit 3, nothing waits any more, nothing is stored."""
    started = start(person)
    deny_device(started["verification_url"], started["user_code"])

    answer = person.program.json("finish", "work", "--wait")

    assert answer["error"] == "consent_denied"
    assert person.program.json("status")["pending"] == []
    assert not person.program.store.exists()


def test_another_account_is_refused(person: Person) -> None:
    """The identity guard holds for device codes too: exit 5, the tokens are given back, the old login stays."""
    person.sign_in()
    before = person.program.store.read_bytes()
    approve_it(start(person), "personal")

    answer = person.program.json("finish", "work", "--wait")

    assert answer["exit_code"] == 5
    assert person.program.store.read_bytes() == before
    assert person.sandbox.log("revoke") != []


def test_a_stranger_neither_finishes_nor_replaces(person: Person) -> None:
    """What one chat user started by device code belongs to them; the provider is not even asked."""
    start(person, "work", "--requester", "telegram:1")

    for words in (("finish", "work", "--wait"), ("start", "work", "--device", "--issuer", person.sandbox.issuer)):
        assert person.program(*words, "--requester", "telegram:2").returncode == 6
    assert len(person.sandbox.log("usercode")) == 1
    assert person.sandbox.log("device_token") == []


def test_a_store_that_cannot_be_written_is_found_before_asking(person: Person) -> None:
    """An approval is handed out once, so nobody asks for it without a place to put the login."""
    approve_it(start(person))
    person.program.store.parent.mkdir(parents=True, mode=0o700)
    person.program.store.mkdir(mode=0o700)

    failed = person.program("finish", "work", "--wait")
    asked = len(person.sandbox.log("device_token"))
    person.program.store.rmdir()

    assert failed.returncode != 0
    assert asked == 0
    assert person.program.json("finish", "work", "--wait")["ok"] is True


def test_a_lost_answer_to_the_code_ends_it(person: Person) -> None:
    """The provider got the code and its answer never came: exit 8, and the sign-in is over."""
    approve_it(start(person))
    person.sandbox.fault("drop", route="token")

    lost = person.program("finish", "work", "--wait")

    assert lost.returncode == 8
    assert "answer did not arrive" in lost.stderr
    assert person.program("finish", "work", "--wait").returncode == 3
    assert len(person.sandbox.log("token", "authorization_code")) == 1


def test_a_busy_provider_costs_no_approval(person: Person) -> None:
    """HTTP 503 to the code of an approval: it is sent again, and the login is stored."""
    approve_it(start(person))
    person.sandbox.fault("status", route="token", value=503)

    assert person.program.json("finish", "work", "--wait")["ok"] is True


def test_the_pending_file_holds_no_code(person: Person) -> None:
    """Device code and user code are sealed; an edited dialect or page breaks the seal."""
    started = start(person)
    content = person.program.pending.read_text()
    table = json.loads(content)
    table["pending"][0]["device"]["page"] = "https://evil.example/"
    person.program.pending.write_text(json.dumps(table))

    assert started["user_code"] not in content
    assert "dc_sandbox" not in content
    assert person.program("finish", "work", "--wait").returncode == 3
    assert person.sandbox.log("device_token") == []


@pytest.mark.parametrize(
    "change",
    [{"interval": 0}, {"interval": "5"}, {"interval": True}, {"slowed": "1"}, {"ask_after": "x"}, {"dialect": 1}, None],
)
def test_a_damaged_device_code_is_found(person: Person, change: dict[str, object] | None) -> None:
    """A row of another form is a damaged file, which is moved aside whole."""
    start(person)
    table = json.loads(person.program.pending.read_text())
    row = table["pending"][0]
    row["device"] = {**row["device"], **change} if change else "nothing of the kind"
    person.program.pending.write_text(json.dumps(table))

    done = person.program("finish", "work", "--wait")

    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert [path.name for path in person.program.home.joinpath("state").glob("codex-auth-pending.json?*")] != []


@DIALECTS
def test_an_account_without_codex_ends_it(person: Person, dialect: str) -> None:
    """HTTP 403 once it was approved: exit 6, the administrator is named, and the sign-in is over."""
    approve_it(start(person, "work", "--device-dialect", dialect))
    person.sandbox.fault("status", route="token", value=403)

    answer = person.program.json("finish", "--wait")

    assert (answer["error"], answer["exit_code"]) == ("access_not_granted", 6), answer
    assert person.program.json("finish", "--wait")["exit_code"] == 3
    assert not person.program.store.exists()


@pytest.mark.parametrize("route", ["usercode", "device_token", "token", "jwks"])
def test_a_reply_that_is_cut_off_loses_as_little_as_it_can(person: Person, route: str) -> None:
    """Half a reply to a question is none, and asked for again; half a login or half a code ends it in words."""
    if route == "usercode":
        person.sandbox.fault("cut", route=route)
        answer = start(person)
        assert (answer["error"], answer["exit_code"]) == ("reply_cut_off", 1)
        assert not person.program.pending.exists() or not person.program.json("status")["pending"]
        return
    started = start(person)
    if route != "device_token":
        approve_it(started)
    person.sandbox.fault("cut", route=route)

    first = person.program.json("finish", "--wait", "--timeout", "4s")

    if route == "device_token":
        assert (first["error"], first["exit_code"]) == ("authorization_pending", 8)
        approve_it(started)
        assert person.program.json("finish", "--wait")["ok"] is True
        return
    assert first["ok"] is (route == "jwks" and person.program.store.exists())
    assert person.program.json("status")["pending"] == []


def test_a_vault_that_does_not_open_is_told_before_a_code(person: Person) -> None:
    """Nobody is asked to approve what could not be stored: exit 7, and no code was asked for."""
    approve_it(start(person))
    assert person.program("finish", "work", "--wait", "--store", "vault").returncode == 0
    next(person.program.home.rglob("vault.key")).unlink()
    asked = len(person.sandbox.log())

    for way in ("--device", "--browser"):
        done = person.program("login", "work", way, "--no-open", "--issuer", person.sandbox.issuer)
        assert (done.returncode, "Open" in done.stderr) == (7, False), done.stderr
    assert len(person.sandbox.log()) == asked


def test_the_way_that_a_rule_closed_is_not_named(person: Person) -> None:
    """Neither beside the code, nor for programs, nor where the provider has no device codes."""
    folder = person.program.home / ".config/codex-auth"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[policy]\nallowed_flows = ["device"]')

    said = person.program("start", "work", "--device", "--issuer", person.sandbox.issuer).stderr
    said += start(person)["instructions"]
    with logging_in(person.program, "work", "--device", "--issuer", person.sandbox.issuer) as login:
        shown(login)
    person.sandbox.fault("status", route="usercode", value=404, count=2)
    disabled = start(person)
    by_itself = person.program("login", "work", "--issuer", person.sandbox.issuer, env={"SSH_TTY": "x"})

    assert (disabled["error"], by_itself.returncode) == ("device_login_disabled", 3)
    for text in (said, login.said, disabled["hint"], by_itself.stderr):
        assert "paste" not in text
        assert "codex-auth start" not in text
        assert "If the page refuses the code: " not in text


def test_where_nothing_waits_nobody_is_asked_for_an_address(person: Person) -> None:
    """`finish` says how the last sign-in ended (exit 3), whatever it waited for, and with `--wait` too."""
    finish = person.program
    assert finish.json("finish")["error"] == "no_pending_login"
    start(person)
    finish("cancel", "work")
    assert "was cancelled" in finish.json("finish", "work")["message"]
    approve_it(start(person))
    assert finish.json("finish", "--wait")["ok"] is True
    for more in ((), ("--wait",)):
        answer = finish.json("finish", "work", *more)
        assert (answer["exit_code"], "was already finished" in answer["message"]) == (3, True), answer


@pytest.mark.parametrize("words", [("--wait", "--callback-url", "-"), ("--timeout", "5s")])
def test_an_option_that_would_do_nothing_is_refused(person: Person, words: tuple[str, ...]) -> None:
    """Nobody believes that `finish` waits, or waits for so long, where it does not."""
    answer = person.program.json("finish", "work", *words)
    assert (answer["error"], answer["exit_code"]) == ("usage", 2)
