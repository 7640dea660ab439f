"""`codex-auth token`: one live token on stdout, within five seconds, whatever happens."""

import json
import os
import pty
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codex_auth.core.model import Credential
from codex_auth.edge.places import find_places
from codex_auth.stores import open_store
from tests.story.conftest import Person, Program

CODEX_PATIENCE = 5.0
"""What Codex gives its `auth.command`, in seconds."""

QUICK = {"codex_auth", "codex_auth.cli", "codex_auth.cli.main", "codex_auth.cli.hot", "codex_auth.edge"}
QUICK |= {"codex_auth.edge.where", "_json", "__main__", "runpy"}
"""All that a live token from the file store may load, beside what the interpreter itself has loaded."""


@pytest.fixture
def signed_in(person: Person) -> Person:
    """Return somebody with one login, `work`."""
    person.sign_in()
    return person


def held(person: Person) -> Credential:
    """Return what is stored for `work`."""
    found = open_store(find_places(person.program.env)).load("work")
    assert found is not None
    return found


def change(person: Person, **fields: object) -> None:
    """Store `work` with other fields."""
    store = open_store(find_places(person.program.env))
    with store.lock("work", timeout=5):
        store.save(replace(held(person), **fields))  # type: ignore[arg-type]


def expire(person: Person, *, by: timedelta = timedelta(minutes=1)) -> None:
    """Let the stored access token have ended a while ago, as far as anybody here can tell."""
    now = datetime.now(UTC)
    change(person, expires=now - by, refreshed=now - timedelta(hours=1))
    (person.program.home / "state/journal/work.json").unlink(missing_ok=True)


def requests(person: Person) -> int:
    """Return how often the provider was asked to refresh."""
    return len(person.sandbox.log("token", "refresh_token"))


def test_a_live_token_is_one_line(signed_in: Person) -> None:
    """Stdout is the token and a newline; stderr is empty; nobody is asked."""
    done = signed_in.program("token", "work")

    assert done.stdout == held(signed_in).access.reveal() + "\n"
    assert (done.stderr, done.returncode, requests(signed_in)) == ("", 0, 0)


@pytest.mark.parametrize("words", [["work"], ["--profile", "work"], ["openai-codex:work"], ["openai:WORK"], []])
def test_every_way_to_name_it(signed_in: Person, words: list[str]) -> None:
    """The name in any spelling, or none where there is one profile."""
    assert signed_in.program("token", *words).stdout == held(signed_in).access.reveal() + "\n"


def test_json_and_header(signed_in: Person) -> None:
    """--json has token, expires_at, account_id and schema_version; --header is a whole header."""
    answer = signed_in.program.json("token", "work")
    header = signed_in.program("token", "work", "--header").stdout

    token = held(signed_in).access.reveal()
    assert set(answer) == {"ok", "schema_version", "token", "expires_at", "account_id"}
    assert answer["token"] == token
    assert answer["account_id"] == "acct-sandbox-acme"
    assert datetime.fromisoformat(answer["expires_at"]) == held(signed_in).expires.replace(microsecond=0)
    assert header == f"Authorization: Bearer {token}\n"


def test_the_quick_and_the_slow_way_say_the_same(signed_in: Person) -> None:
    """A configuration file sends it the slow way, which prints the same."""
    quick = [signed_in.program("token", "work", *form).stdout for form in ([], ["--json"], ["--header"])]
    config = signed_in.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('issuers = ["https://login.example"]\n')

    slow = [signed_in.program("token", "work", *form).stdout for form in ([], ["--json"], ["--header"])]

    assert quick == slow


def test_the_quick_way_loads_next_to_nothing(signed_in: Person) -> None:
    """Import test: a live token from the file store loads only listed modules."""
    code = (
        "import sys; before = set(sys.modules); sys.argv = ['codex-auth', 'token', 'work']\n"
        "import atexit; atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=sys.stderr))\n"
        "from codex_auth.cli.main import main; main()"
    )
    env = {key: value for key, value in signed_in.program.env.items() if "COVERAGE" not in key}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert set(done.stderr.split()) - {"atexit"} <= QUICK
    assert done.stdout == held(signed_in).access.reveal() + "\n"


def test_a_due_token_is_refreshed_first(signed_in: Person) -> None:
    """An expired token is renewed by one request, and the new one is printed."""
    before = held(signed_in).access.reveal()
    expire(signed_in)

    done = signed_in.program("token", "work")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() not in {"", before}
    assert done.stdout == held(signed_in).access.reveal() + "\n"
    assert requests(signed_in) == 1


def test_min_validity_asks_for_more_life(signed_in: Person) -> None:
    """A token with an hour left is renewed when more is asked for."""
    change(
        signed_in, expires=datetime.now(UTC) + timedelta(minutes=20), refreshed=datetime.now(UTC) - timedelta(hours=1)
    )

    signed_in.program("token", "work", "--min-validity", "10m")
    assert requests(signed_in) == 0
    signed_in.program("token", "work", "--min-validity", "30m")
    assert requests(signed_in) == 1


def test_a_living_token_is_served_when_the_provider_fails(signed_in: Person) -> None:
    """With life left and a provider that answers 503, the old token is printed, and stderr says so."""
    token = held(signed_in).access.reveal()
    change(
        signed_in, expires=datetime.now(UTC) + timedelta(minutes=3), refreshed=datetime.now(UTC) - timedelta(hours=1)
    )
    signed_in.sandbox.fault("status", value=503)

    done = signed_in.program("token", "work")

    assert (done.returncode, done.stdout) == (0, token + "\n")
    assert done.stderr.count("\n") == 1
    assert token[:20] not in done.stderr


def test_a_slow_provider_does_not_make_codex_wait(signed_in: Person) -> None:
    """A dead token and a provider that thinks for eight seconds: an answer in five, and the refresh still lands."""
    expire(signed_in)
    signed_in.sandbox.fault("slow", value=8)
    started = time.monotonic()

    done = signed_in.program("token", "work")

    assert time.monotonic() - started < CODEX_PATIENCE + 1.5  # the machine of a test may be busy
    assert done.returncode == 8
    assert done.stdout == ""
    deadline = time.monotonic() + 20
    while held(signed_in).expires < datetime.now(UTC):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert signed_in.program("token", "work").returncode == 0
    assert requests(signed_in) == 1


def test_a_dead_login_says_how_it_died(signed_in: Person) -> None:
    """What the provider said stands on stderr in two lines, exit 3, and nobody asks a second time."""
    signed_in.sandbox.revoke_all()
    expire(signed_in)

    first, second = signed_in.program("token", "work"), signed_in.program("token", "work")

    assert first.returncode == second.returncode == 3
    assert "was revoked" in first.stderr
    assert "codex-auth login work" in second.stderr
    assert requests(signed_in) == 1


def test_nothing_is_printed_on_a_terminal(signed_in: Person) -> None:
    """A terminal gets the token only with --show."""
    for words, status in ((["token", "work"], 2), (["token", "work", "--show"], 0)):
        ours, theirs = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "codex_auth", *words],
            env=signed_in.program.env,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            shown += data
        os.close(ours)

        assert done.returncode == status
        assert (held(signed_in).access.reveal().encode() in shown) is (status == 0)


def test_it_needs_next_to_nothing_around_it(signed_in: Person) -> None:
    """With stdin closed, no terminal and two variables it works as ever."""
    env = {"HOME": str(signed_in.program.home), "CODEX_AUTH_STATE_DIR": str(signed_in.program.home / "state")}
    command = f"exec {sys.executable} -P -m codex_auth token work <&-"

    done = subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == held(signed_in).access.reveal() + "\n"


@pytest.mark.parametrize("stdout", [">&-", ">/dev/full"])
def test_output_that_is_lost_is_no_success(signed_in: Person, stdout: str) -> None:
    """Closed or full stdout: exit 1, one line, no traceback, no token."""
    command = f"exec {sys.executable} -m codex_auth token work {stdout}"

    done = subprocess.run(
        ["/bin/sh", "-c", command], env=signed_in.program.env, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert held(signed_in).access.reveal()[:20] not in done.stderr + done.stdout


def test_an_unknown_profile_needs_a_login(program: Program) -> None:
    """Exit 3 and the command to type; nothing on stdout."""
    done = program("token", "nobody")

    assert (done.returncode, done.stdout) == (3, "")
    assert "codex-auth login nobody" in done.stderr


def test_a_login_of_another_owner_is_read_and_never_refreshed(signed_in: Person) -> None:
    """Owned by codex: its living token is served; a dead one is not ours to renew."""
    change(signed_in, owner="codex")
    assert signed_in.program("token", "work").returncode == 0
    change(signed_in, owner="codex", expires=datetime.now(UTC) - timedelta(minutes=1))

    done = signed_in.program("token", "work")

    assert done.returncode == 3
    assert "owned by codex" in done.stderr
    assert requests(signed_in) == 0


def _rewrite(person: Person, edit: str) -> None:
    """Change the store's text in ways that are still the same JSON, or nearly."""
    path: Path = person.program.store
    content = json.loads(path.read_text())
    entry = content["profiles"]["openai-codex:work"]
    if edit == "compact":
        path.write_text(json.dumps(content, separators=(",", ":")))
    elif edit == "mentioned elsewhere":
        content["usageStats"] = {"openai-codex:work": {"lastUsed": 1}}
        content["lastGood"] = {"openai-codex": "openai-codex:work"}
        path.write_text(json.dumps(content, indent=8))
    elif edit == "inside a string":
        content["note"] = 'see "openai-codex:work": {"type": "oauth", "access": "wrong"} there'
        path.write_text(json.dumps(content))
    elif edit == "inside another entry":
        content["profiles"]["x:y"] = {"openai-codex:work": {**entry, "access": "wrong"}}
        path.write_text(json.dumps(content))
    elif edit == "other prefix":
        content["profiles"] = {"openai:work": entry}
        path.write_text(json.dumps(content))
    elif edit == "capitals":
        content["profiles"] = {"openai-codex:Work": entry}
        path.write_text(json.dumps(content))
    elif edit == "escaped":
        path.write_text(json.dumps(content).replace('"openai-codex:work": {', '"openai-codex:w\\u006frk": {'))


@pytest.mark.parametrize(
    "edit",
    [
        "compact",
        "mentioned elsewhere",
        "inside a string",
        "inside another entry",
        "other prefix",
        "capitals",
        "escaped",
    ],
)
def test_the_right_entry_is_found_however_the_file_is_written(signed_in: Person, edit: str) -> None:
    """The quick search takes the one true entry, or leaves it to the slow way, which does."""
    token = held(signed_in).access.reveal()
    _rewrite(signed_in, edit)

    assert signed_in.program("token", "work").stdout == token + "\n"


@pytest.mark.parametrize("mode", [0o644, 0o666])
def test_a_store_that_others_can_open_is_refused(signed_in: Person, mode: int) -> None:
    """The quick way is as careful as the slow one: it says which chmod to type."""
    signed_in.program.store.chmod(mode)

    done = signed_in.program("token", "work")

    assert (done.returncode, done.stdout) == (1, "")
    assert "chmod 600" in done.stderr
