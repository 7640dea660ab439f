"""Every redirect we could think of, pasted into a sign-in that waits: the table's verdict, and nothing echoed."""

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_auth.cli.group import run
from codex_auth.core import flow
from codex_auth.core.errors import ConsentDenied, ProviderUnreachable, RedirectRefused
from codex_auth.core.flow import Request
from codex_auth.core.redirect import PROBLEMS, Reason
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret
from codex_auth.net import wire
from tests.pure.nasty_redirects import ACCEPTED, CODE, ROWS, STATE, Row
from tests.story.conftest import Person

BY_ID = {row.id: row for row in ROWS}
THROUGH_A_PIPE = {"lone surrogate": Reason.NOT_ASCII}
"""What no bytes can say arrives as something else, and gets the verdict of that."""
WHOLE_PROCESS = [
    *("plain", "Slack link among words", "words on other lines", "only the code", "code and other state"),
    *("query: denied", "query: foreign iss", "query: doubled code", "query: not UTF-8 in state", "query: access token"),
]
"""Rows that are also run as a person would, in a process of their own."""


@dataclass
class Desk:
    """A sign-in to OpenAI that waits in this process, with the table's state; its provider is never reached."""

    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    sent: list[Request] = field(default_factory=list)

    def run(self, *words: str, given: str = "") -> tuple[int, str, str]:
        """Run one command here; return its status, stdout and stderr."""
        stdin = io.TextIOWrapper(io.BytesIO(given.encode("utf-8", "surrogatepass")))
        with self.monkeypatch.context() as patch, stdin:
            patch.setattr(sys, "stdin", stdin)
            status = run([*words])
        out, err = self.capsys.readouterr()
        return status, out, err

    def code_sent(self) -> str | None:
        """Return the code that would have been exchanged, if one would."""
        bodies = [parse_qs(request.body.decode()) for request in self.sent if request.body]
        return bodies[0]["code"][0] if bodies else None

    def is_waiting(self) -> bool:
        """Whether the sign-in can still be finished."""
        _, out, _ = self.run("status", "--json")
        return [login["profile"] for login in json.loads(out)["pending"]] == ["work"]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk with one sign-in waiting."""
    desk = Desk(capsys, monkeypatch)

    def nobody(*_: object, **__: object) -> Callable[[Request], Reply]:
        def send(request: Request) -> Reply:
            desk.sent.append(request)
            raise ProviderUnreachable(host="auth.openai.com", problem="the test has no network", sent=False)

        return send

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CODEX_AUTH_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(flow, "new_state", lambda _random: Secret(STATE))
    monkeypatch.setattr(wire, "sender", nobody)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    assert desk.run("start", "work")[0] == 0
    yield desk
    for number, handler in before.items():
        signal.signal(number, handler)


def expected_words(verdict: str) -> str:
    """Return what must be on stderr, to the letter, so that nothing of the paste can be."""
    if verdict == ACCEPTED:
        error = ProviderUnreachable(host="auth.openai.com", problem="the test has no network")
        return f"codex-auth: {error}\n  {error.hint}\n"
    if verdict.startswith("denied:"):
        denied = ConsentDenied.of(verdict.removeprefix("denied:"), profile="work")
        return f"codex-auth: {denied}\n  {denied.hint}\n"
    refused = RedirectRefused(problem=PROBLEMS[Reason(verdict)])
    return f"codex-auth: {refused}\n  {refused.hint}\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_pasted_redirect_gets_its_verdict(desk: Desk, row: Row) -> None:
    """Accepted: exactly the code is exchanged. Refused: the reason alone is said, and the sign-in still waits."""
    status, out, err = desk.run("finish", "work", "--callback-url", "-", given=row.text)

    verdict = THROUGH_A_PIPE.get(row.id, row.verdict)
    assert err.replace("longer than any redirect", "too long") == expected_words(verdict)
    assert out == ""
    if row.verdict == ACCEPTED:
        assert (status, desk.code_sent()) == (ProviderUnreachable.status, CODE)
    elif row.verdict.startswith("denied:"):
        denied = ConsentDenied.of(row.verdict.removeprefix("denied:"), profile="work")
        assert (status, desk.sent) == (denied.status, [])
    else:
        assert (status, desk.sent) == (RedirectRefused.status, [])
    assert desk.is_waiting() is not row.verdict.startswith("denied:")


def test_the_table_is_as_long_as_it_claims() -> None:
    """There are at least 120 rows, and one for every reason that there is."""
    assert len(ROWS) >= 120
    assert {row.verdict for row in ROWS} >= {str(reason) for reason in Reason}


@pytest.mark.parametrize("name", WHOLE_PROCESS)
def test_a_pasted_redirect_gets_its_verdict_from_the_whole_program(person: Person, name: str) -> None:
    """The same through a pipe into a process of its own, with a sign-in that somebody started and approved."""
    row = BY_ID[name]
    address = urlsplit(person.redirect())
    real = parse_qs(address.query)
    text = row.text.replace(STATE, real["state"][0]).replace(CODE, real["code"][0])

    done = person.program("finish", "work", "--callback-url", "-", given=text)

    assert (done.returncode == 0) is (row.verdict == ACCEPTED)
    if row.verdict != ACCEPTED:
        assert done.stdout == ""
        assert done.stderr == expected_words(row.verdict)
        again = person.program("finish", "work", "--callback-url", "-", given=address.geturl())
        assert (again.returncode == 0) is not row.verdict.startswith("denied:")
