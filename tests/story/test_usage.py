"""`codex-auth usage` and `best`: asked of the right place, with the right token, for whoever wants to know."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from codex_auth import __version__
from codex_auth.core import usage_talk
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.sandbox.record import fingerprint
from codex_auth.stores import open_store
from codex_auth.stories import usage as story
from codex_auth.stories.usage import Found, usage_of
from tests.policy_bed import OURS, Machine
from tests.story.conftest import Person, Program
from tests.story.logins import age, login, put, put_login

USAGE = {"plan_type": "pro", "rate_limit": {"primary_window": {"used_percent": 25, "limit_window_seconds": 18000}}}


@dataclass
class Backend:
    """A provider that answers about usage as it is told, and keeps the requests it got."""

    issuer: str = ""
    heads: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(1))
    """How many must ask at once before one is answered."""

    def login(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return the entry of a living login of this provider."""
        entry = login(name, **changes)
        entry["codexAuth"]["issuer"] = self.issuer
        return entry


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Run one on loopback."""
    made = Backend()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.heads.append((self.path, dict(self.headers.items())))
            made.together.wait(20)
            body = json.dumps(USAGE).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join(5)


def only(document: dict[str, Any]) -> dict[str, Any]:
    """Return the one profile of a document."""
    (row,) = document["profiles"]
    assert isinstance(row, dict)
    return row


def cache_of(program: Program) -> Path:
    """Return the file in which answers are kept for a minute."""
    return program.home / "state/usage.json"


# --- what is asked -------------------------------------------------------------------------------------------


def test_what_is_left_is_asked_with_the_stored_token(person: Person) -> None:
    """One request to the provider's own backend, with the access token and its account; nothing is refreshed."""
    person.sign_in()
    before = person.program.store.read_bytes()

    row = only(person.program.json("usage", "work"))

    entry = person.program.stored()["profiles"]["openai-codex:work"]
    (asked,) = person.sandbox.log("usage")
    assert asked.path == "/backend-api/wham/usage"
    assert asked.account_header == entry["accountId"]
    assert asked.fingerprints == {"bearer": fingerprint(entry["access"])}
    assert person.sandbox.log("token", "refresh_token") == []
    assert person.program.store.read_bytes() == before
    assert (row["profile"], row["plan"], row["owner"], row["trouble"]) == ("work", "team", "codex-auth", None)
    assert row["usage"]["five_hour"]["left_percent"] == 63
    assert row["usage"]["week"]["left_percent"] == 88
    assert (row["usage"]["usable"], row["usage"]["limited"], row["cached"]) == (True, False, False)


def test_the_headers_are_those_of_the_facts(program: Program, backend: Backend) -> None:
    """Authorization, ChatGPT-Account-ID and our own User-Agent; an account that is not known is not there."""
    put(
        program,
        {"openai-codex:a": backend.login("a"), "openai-codex:b": backend.login("b", accountId="")},
    )

    assert program.json("usage", "a")["ok"]
    program.json("usage", "b")

    (path, headers), *others = backend.heads
    assert path == "/backend-api/wham/usage"
    assert headers["Authorization"] == "Bearer access-a"
    assert headers["ChatGPT-Account-ID"] == "account-a"
    assert headers["User-Agent"] == f"codex-auth/{__version__}"
    assert all("ChatGPT-Account-ID" not in each for _, each in others)


def test_a_token_that_is_due_is_refreshed_first(person: Person) -> None:
    """Once, as `token` and `run` do it."""
    person.sign_in()
    age(person.program, life=60)

    assert person.program.json("usage", "work")["ok"]

    entry = person.program.stored()["profiles"]["openai-codex:work"]
    assert len(person.sandbox.log("token", "refresh_token")) == 1
    assert person.sandbox.log("usage")[0].fingerprints == {"bearer": fingerprint(entry["access"])}


def test_a_login_of_another_owner_is_asked_about_while_its_token_lives(program: Program, backend: Backend) -> None:
    """We never refresh it: a living token is used, and without one nobody is asked."""
    alive, dead = (backend.login(name, life=life) for name, life in (("alive", 60), ("dead", -60)))
    for entry in (alive, dead):
        entry["codexAuth"]["owner"] = "openclaw"
    put(program, {"openai-codex:alive": alive, "openai-codex:dead": dead})

    rows = {row["profile"]: row for row in program.json("usage", "--all")["profiles"]}

    assert rows["alive"]["usage"]["left_percent"] == 75
    assert rows["dead"]["usage"] is None
    assert rows["dead"]["trouble"]["error"] == "owned_elsewhere"
    assert rows["dead"]["owner"] == "openclaw"
    assert [headers["Authorization"] for _, headers in backend.heads] == ["Bearer access-alive"]


def test_a_rule_that_forbids_a_login_forbids_asking(tmp_path: Path) -> None:
    """What may not be used is not used for this either."""
    machine = Machine(tmp_path)
    machine.write(OURS, 'allowed_workspaces = ["another"]\n')
    put_login(Program(machine.home))

    (row,) = look(machine.places, ["work"])

    assert row.trouble is not None
    assert row.trouble.code == "refused_by_policy"


def test_an_api_key_has_no_usage(program: Program, backend: Backend) -> None:
    """Asked by name it is said; among all it is left out."""
    put(program, {"openai:platform": {"type": "api_key", "provider": "openai", "key": "sk-1"}})
    refused = program("usage", "platform")

    assert refused.returncode == 2
    assert "is an API key" in refused.stderr
    assert program.json("usage", "--all")["profiles"] == []
    assert backend.heads == []


def test_a_host_that_is_not_listed_is_not_asked(program: Program) -> None:
    """A login whose file names another provider than OpenAI, loopback or a listed one: its token goes nowhere."""
    put(program, {"openai-codex:work": login(codexAuth={"owner": "codex-auth", "issuer": "https://elsewhere.example"})})

    asked = only(program.json("usage", "work"))

    assert (asked["trouble"]["error"], asked["trouble"]["exit_code"]) == ("bad_issuer", 6)


def test_nobody_of_that_name(program: Program) -> None:
    """Exit 3, as everywhere; with no profile at all, `--all` says how to begin."""
    assert program.json("usage", "work")["error"] == "profile_not_found"
    assert "codex-auth login" in program("usage", "--all").stderr


@pytest.mark.parametrize("words", [("work", "--all"), ("--watch",), ("--watch", "--json")])
def test_what_does_not_go_together(program: Program, words: Sequence[str]) -> None:
    """Said before anything is asked: exit 2."""
    assert program("usage", *words).returncode == 2


# --- several -------------------------------------------------------------------------------------------------


def look(places: Places, profiles: Sequence[str]) -> list[Found]:
    """Ask in this process."""
    return usage_of(profiles, store=open_store(places), places=places, world=World(env={}))


def test_eight_are_asked_at_once(program: Program, backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen profiles at a backend that answers only when eight ask: none waits in vain, and the order stays."""
    names = [f"p{number:02}" for number in range(16)]
    put(program, {f"openai-codex:{name}": backend.login(name) for name in names})
    backend.together = threading.Barrier(story.AT_ONCE)

    found = look(find_places(program.env), names)

    assert [each.profile for each in found] == names
    assert [each.trouble for each in found] == [None] * 16
    assert sorted(headers["Authorization"] for _, headers in backend.heads) == [f"Bearer access-{n}" for n in names]


def test_one_that_fails_does_not_keep_the_others(person: Person) -> None:
    """Each profile has its own answer; the exit status is that of the first that failed."""
    for name in ("work", "home"):
        person.sign_in(name)
    person.sandbox.fault("status", route="usage", value=401)

    document = person.program.json("usage", "--all")

    assert sorted(row["usage"] is None for row in document["profiles"]) == [False, True]
    assert document["ok"] is False


# --- trouble -------------------------------------------------------------------------------------------------

TROUBLE = [
    ("status", 401, 1, "usage_not_accepted"),
    ("status", 429, 8, "usage_busy"),
    ("status", 503, 8, "usage_busy"),
    ("status", 404, 1, "usage_unreadable"),
    ("drop", None, 8, "provider_unreachable"),
    ("cut", None, 1, "usage_unreadable"),
    ("html", None, 1, "usage_unreadable"),
    ("redirect", None, 1, "usage_unreadable"),
    ("huge", 2, 1, "usage_unreadable"),
    ("odd_usage", None, 1, "usage_unreadable"),
]


@pytest.mark.parametrize(("fault", "value", "status", "code"), TROUBLE)
def test_trouble_is_said_beside_what_is_known(
    person: Person, fault: str, value: float | None, status: int, code: str
) -> None:
    """Whatever the backend does: the login is untouched, what is known of it is shown, and no answer is kept."""
    person.sign_in()
    before = person.program.store.read_bytes()
    person.sandbox.fault(fault, route="usage", value=value, count=2)

    document = person.program.json("usage", "work")
    words = person.program("usage", "work")

    row = only(document)
    assert (row["trouble"]["error"], row["trouble"]["exit_code"], words.returncode) == (code, status, status)
    assert row["usage"] is None
    assert row["expires_at"]
    assert "The access token ends in" in words.stdout
    assert person.program.store.read_bytes() == before
    assert not cache_of(person.program).exists()
    assert only(person.program.json("usage", "work"))["usage"] is not None


def test_401_is_not_tried_again(person: Person) -> None:
    """As Codex does it: one question, no refresh, and a sentence that says that the login is not the trouble."""
    person.sign_in()
    person.sandbox.fault("status", route="usage", value=401)

    said = person.program("usage", "work").stdout

    assert "is signed in, but the usage endpoint of" in said
    assert len(person.sandbox.log("usage")) == 1
    assert person.sandbox.log("token", "refresh_token") == []


def test_a_backend_that_says_nothing_is_not_waited_for(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one deadline for the whole answer."""
    person.sign_in()
    person.sandbox.fault("slow", route="usage", value=5)
    monkeypatch.setattr(story, "ASK_SECONDS", 0.2)

    (found,) = look(find_places(person.program.env), ["work"])

    assert found.trouble is not None
    assert found.trouble.code == "provider_unreachable"


def test_what_breaks_in_a_request_is_not_lost(
    program: Program, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours in another thread ends the command as any other; it does not hang."""
    put(program, {"openai-codex:work": backend.login("work")})
    monkeypatch.setattr(usage_talk, "read", lambda *_, **__: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        look(find_places(program.env), ["work"])


# --- for a minute --------------------------------------------------------------------------------------------


def test_an_answer_counts_for_a_minute(person: Person) -> None:
    """Who asks again gets the same, from a private file without a secret; after a minute it is asked for anew."""
    person.sign_in()
    first, second = (only(person.program.json("usage", "work")) for _ in range(2))
    kept = cache_of(person.program)

    assert (first["cached"], second["cached"]) == (False, True)
    assert first["usage"]["asked_at"] == second["usage"]["asked_at"]
    assert kept.stat().st_mode & 0o777 == 0o600
    entry = person.program.stored()["profiles"]["openai-codex:work"]
    assert not [
        name for name in ("access", "refresh", "accountId", "email") if str(entry.get(name)) in kept.read_text()
    ]
    for ahead in (61, -5):
        document = json.loads(kept.read_text())
        moment = time.time() - ahead
        document["profiles"]["work"]["asked_at"] = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(moment))}+00:00"
        kept.write_text(json.dumps(document))
        assert only(person.program.json("usage", "work"))["cached"] is False


def test_another_account_does_not_get_the_answer_of_the_one_before(person: Person) -> None:
    """A profile that another account took over is asked about anew."""
    person.sign_in()
    person.program.json("usage", "work")
    person.sign_in("work", "personal", "--replace")

    row = only(person.program.json("usage", "work"))

    assert (row["cached"], row["plan"]) == (False, "plus")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1, "profiles": {"work": 7}}', '{"profiles": {}}'])
def test_a_damaged_answer_is_none(person: Person, text: str) -> None:
    """It is asked for again, and the file is good afterwards."""
    person.sign_in()
    cache_of(person.program).write_text(text)
    cache_of(person.program).chmod(0o600)

    first, second = (only(person.program.json("usage", "work")) for _ in range(2))

    assert (first["cached"], second["cached"]) == (False, True)


def test_where_nothing_can_be_kept_it_is_shown_all_the_same(person: Person) -> None:
    """A link in the way, which somebody may have planted, is neither followed nor a reason to fail."""
    person.sign_in()
    cache_of(person.program).symlink_to(person.program.home / "elsewhere")

    assert only(person.program.json("usage", "work"))["usage"] is not None
    assert not (person.program.home / "elsewhere").exists()


# --- best ----------------------------------------------------------------------------------------------------


def test_the_profile_with_most_left_is_named(person: Person) -> None:
    """Its name alone is on stdout, for scripts; nothing is switched or stored."""
    for name in ("full", "empty"):
        person.sign_in(name)
    person.sandbox.fault("used", route="usage", value=30)
    person.program.json("usage", "full")
    person.sandbox.fault("used", route="usage", value=100)
    before = person.program.store.read_bytes()

    done, document = person.program("best"), person.program.json("best")

    assert done.stdout == "full\n"
    assert "Nothing was switched" in done.stderr
    assert (document["profile"], document["left_percent"]) == ("full", 70)
    assert [row["profile"] for row in document["profiles"]] == ["full", "empty"]
    assert person.program.store.read_bytes() == before


def test_nothing_is_left_anywhere(person: Person) -> None:
    """Exit 8: it comes back by itself."""
    person.sign_in()
    person.sandbox.fault("used", route="usage")

    done = person.program("best")

    assert (done.returncode, done.stdout) == (8, "")
    assert "No profile has anything left until" in done.stderr


# --- on a terminal -------------------------------------------------------------------------------------------


def on_a_terminal(
    program: Program, *words: str, columns: int = 80, ctrl_c_after: str = "", **env: str
) -> tuple[int, str]:
    """Run a command on a terminal of this size; return its status, and all that it showed."""
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen(
        [sys.executable, "-m", "codex_auth", *words],
        env={**program.env, "TERM": "xterm", "LC_ALL": "C.UTF-8", **env},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while select.select([keyboard], [], [], 30)[0]:
        try:
            shown += os.read(keyboard, 65536)
        except OSError:  # nobody is left at the other end
            break
        if ctrl_c_after and ctrl_c_after.encode() in shown:
            ctrl_c_after = ""
            child.send_signal(signal.SIGINT)
    os.close(keyboard)
    return child.wait(30), shown.decode()


def plain(shown: str) -> list[str]:
    """Return the lines without their colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown).split("\r\n")


@pytest.mark.parametrize("columns", [40, 80])
def test_bars_fit_the_terminal(person: Person, columns: int) -> None:
    """At 80 columns one line for each window, at 40 two, and no line is wider."""
    person.sign_in()

    status, shown = on_a_terminal(person.program, "usage", "work", columns=columns)

    lines = plain(shown)
    assert status == 0
    assert max(map(len, lines)) <= columns
    assert sum("█" in line for line in lines) == 2
    assert sum("█" in line and "resets" in line for line in lines) == (2 if columns == 80 else 0)
    assert "\x1b[32m█" in shown


def test_no_colour_where_none_is_wanted(person: Person) -> None:
    """The words say all of it."""
    person.sign_in()

    _, shown = on_a_terminal(person.program, "usage", "work", NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", shown)
    assert "63% left" in shown


def test_a_terminal_without_unicode(person: Person) -> None:
    """Signs that it has, and nothing turned into question marks."""
    person.sign_in()

    _, shown = on_a_terminal(person.program, "usage", "work", PYTHONIOENCODING="ascii")

    assert shown.isascii()
    assert "###" in shown
    assert "?" not in shown


def test_progress_is_shown_once_it_takes_long(person: Person) -> None:
    """After half a second a line says how far it is, and is removed; an answer from before needs none."""
    person.sign_in()
    person.sandbox.fault("slow", route="usage", value=1)

    _, slow = on_a_terminal(person.program, "usage", "work")
    _, quick = on_a_terminal(person.program, "usage", "work")

    assert "Asking what is left 0 of 1" in slow
    assert "\r\x1b[K" in slow[slow.rindex("Asking") :]
    assert "Asking" not in quick


def test_a_watch_draws_anew_and_ends_with_ctrl_c(person: Person) -> None:
    """The screen is cleared first; Ctrl-C ends it, with nothing said about it."""
    person.sign_in()

    status, shown = on_a_terminal(person.program, "usage", "work", "--watch", ctrl_c_after="left")

    assert status == 130
    assert "\x1b[2J" in shown
    assert "Stopped" not in shown


def test_piped_it_is_plain(person: Person) -> None:
    """No control sequence where nobody looks."""
    person.sign_in()

    said = person.program("usage", "work")

    assert "\x1b" not in said.stdout
    assert said.stderr == ""
    assert said.stdout.splitlines()[0] == "work  a…a@a…e.example (…acme)  plan team"
