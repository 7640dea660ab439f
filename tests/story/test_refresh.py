"""Refreshing: once, and whenever it is cut off, nothing is lost that could be kept."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from codex_auth.core.errors import AuthError, ProviderReplyUnusable, ProviderUnreachable
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import (
    ExpiredOnArrival,
    RefreshedOtherAccount,
    RefreshEnded,
    RefreshLost,
    RefreshNotDue,
    RefreshStuck,
    RefreshTokenExpired,
    RefreshTokenRevoked,
    RefreshTokenSpent,
    RefreshUncertain,
)
from codex_auth.core.replies import Reply
from codex_auth.core.store_errors import StoreError
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.net import wire
from codex_auth.notes.journal import Journal
from codex_auth.sandbox.server import Sandbox
from codex_auth.stores import open_store
from codex_auth.stores.protocol import Store
from codex_auth.stories.refresh import Wish, refresh
from tests.story.conftest import Person

NOW = Wish(is_forced=True)


class Home:
    """A home with one login, and refreshes in this process with a clock of ours."""

    def __init__(self, person: Person) -> None:
        self.sandbox = person.sandbox
        self.person = person
        person.sign_in()
        self.env = person.program.env
        self.ahead = timedelta()
        self.slept: list[float] = []
        self.told: list[str] = []

    @property
    def places(self) -> Places:
        return find_places(self.env)

    @property
    def store(self) -> Store:
        return open_store(self.places)

    @property
    def world(self) -> World:
        return World(now=self._now, sleep=self._sleep, env=self.env, tell=self.told.append)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.ahead += timedelta(seconds=seconds)

    def refresh(self, wish: Wish = NOW) -> Credential:
        return refresh("work", wish, store=self.store, places=self.places, world=self.world)

    def fails(self, kind: type[AuthError], wish: Wish = NOW) -> AuthError:
        with pytest.raises(kind) as caught:
            self.refresh(wish)
        assert type(caught.value) is kind
        return caught.value

    @property
    def held(self) -> Credential:
        held = self.store.load("work")
        assert held is not None
        return held

    @property
    def requests(self) -> int:
        return len(self.sandbox.log("token", "refresh_token"))

    @property
    def reused(self) -> int:
        return sum(entry.outcome == "refresh_token_reused" for entry in self.sandbox.log("token", "refresh_token"))


@pytest.fixture
def home(person: Person) -> Home:
    """Return a home with one login, `work`."""
    return Home(person)


def test_a_refresh_rotates_and_keeps_who_it_is(home: Home) -> None:
    """New tokens are stored together; identity, owner and sign-in time stay."""
    before = home.held

    after = home.refresh()

    assert home.held.refresh == after.refresh
    assert home.held.access == after.access
    assert (after.access, after.refresh) != (before.access, before.refresh)
    assert after.access != before.access
    assert after.refresh != before.refresh
    assert after.identity == before.identity
    assert after.signed_in == before.signed_in
    assert after.owner == "codex-auth"


def test_the_request_is_codex_s(home: Home) -> None:
    """A JSON body with exactly the keys the real Codex sends, and no scope."""
    home.refresh()

    [entry] = home.sandbox.log("token", "refresh_token")
    assert entry.content_type == "application/json"
    assert list(entry.fields) == ["client_id", "grant_type", "refresh_reason", "refresh_token"]


def test_nothing_is_asked_while_it_lives(home: Home) -> None:
    """A token with more life than the margin is left alone."""
    assert home.refresh(Wish()) == home.held
    assert home.requests == 0


def test_a_due_token_is_refreshed_once(home: Home) -> None:
    """When the margin is reached it is refreshed, and then it lives again."""
    home.ahead = timedelta(minutes=55)

    home.refresh(Wish())
    home.ahead = timedelta()
    home.refresh(Wish())

    assert home.requests == 1


def test_a_revoked_login_is_remembered(home: Home) -> None:
    """What ends a login is told once by the provider and from then on by us; nobody asks again."""
    home.sandbox.revoke_all()

    first = home.fails(RefreshTokenRevoked)
    second = home.fails(RefreshTokenRevoked)

    assert home.requests == 1
    assert (str(first), first.hint) == (str(second), second.hint)


def test_a_copied_token_that_was_spent_elsewhere(home: Home) -> None:
    """Somebody else spent the same token: `already used`, said as such, and not asked again."""
    thief = home.held
    home.refresh()
    with home.store.lock("work", timeout=5):
        home.store.save(thief)

    error = home.fails(RefreshTokenSpent)
    home.fails(RefreshTokenSpent)

    assert error.status == 3
    assert home.reused == 1


def test_signing_in_again_forgets_the_dead_token(home: Home) -> None:
    """The memory is about one token; a new sign-in starts anew."""
    home.sandbox.revoke_all()
    home.fails(RefreshTokenRevoked)

    home.person.sign_in()

    assert home.refresh().access == home.held.access


class Answer:
    """A provider that answers the next refresh with this."""

    def __init__(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = {"content-type": "application/json", **(headers or {})}

    def __call__(self, provider: object, *, now: Callable[[], datetime], env: object) -> Callable[[object], Reply]:
        return lambda _request: Reply(status=self.status, headers=self.headers, body=self.body, asked_at=now())


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": {"code": "refresh_token_reused"}}, RefreshTokenSpent),
        (400, {"error": {"code": "refresh_token_reused"}}, RefreshTokenSpent),
        (401, {"error": "refresh_token_expired"}, RefreshTokenExpired),
        (401, {"code": "refresh_token_invalidated"}, RefreshTokenRevoked),
        (400, {"error": "invalid_grant"}, RefreshEnded),
    ],
)
def test_the_listed_codes_end_a_login(
    home: Home, monkeypatch: pytest.MonkeyPatch, status: int, body: object, kind: type[AuthError]
) -> None:
    """Each listed code, nested or flat, with 400 or 401, is final."""
    monkeypatch.setattr(wire, "sender", Answer(status, body))

    home.fails(kind)
    monkeypatch.setattr(wire, "sender", pytest.fail)
    home.fails(kind)


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {}), (400, {"error": "invalid_request"}), (401, {"error": "something_new"}), (403, b"<html>")],
)
def test_other_refusals_end_nothing(home: Home, monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> None:
    """An unknown 400, 401 or 403 is an error of a minute; then the token is tried again and works."""
    with monkeypatch.context() as patch:
        patch.setattr(wire, "sender", Answer(status, body))
        with pytest.raises(AuthError) as caught:
            home.refresh()
        assert not isinstance(caught.value, RefreshEnded)
        home.fails(RefreshNotDue)

    home.ahead += timedelta(minutes=2)
    home.refresh()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_provider_is_left_alone_for_as_long_as_it_asks(
    home: Home, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Retry-After is respected; afterwards the same token works."""
    with monkeypatch.context() as patch:
        patch.setattr(wire, "sender", Answer(status, {}, {"retry-after": "300"}))
        error = home.fails(ProviderUnreachable)
    assert error.status == 8
    home.fails(RefreshNotDue)
    home.ahead += timedelta(seconds=290)
    home.fails(RefreshNotDue)
    assert home.requests == 0

    home.ahead += timedelta(seconds=20)
    home.refresh()


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>hello</html>", {}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a b"}, []],
)
def test_a_reply_without_a_usable_token_changes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, body: object
) -> None:
    """A 200 that is no token reply is an error; the store is as it was."""
    before = home.held
    monkeypatch.setattr(wire, "sender", Answer(200, body))

    home.fails(ProviderReplyUnusable)

    assert home.held == before


def test_a_reply_without_a_refresh_token_keeps_the_old(home: Home) -> None:
    """RFC 6749 section 6: what the reply leaves out stays."""
    before = home.held
    home.sandbox.fault("no_refresh_token")

    after = home.refresh()

    assert after.refresh == before.refresh
    assert after.access != before.access


def test_a_reply_for_another_account_is_refused(home: Home) -> None:
    """The stored login keeps its tokens, exit 5, and nobody asks again."""
    before = home.held
    home.sandbox.fault("other_account")

    error = home.fails(RefreshedOtherAccount)
    home.fails(RefreshedOtherAccount)

    assert error.status == 5
    assert home.held == before
    assert home.requests == 1


def test_an_expired_token_on_arrival_is_an_error_and_no_loop(home: Home) -> None:
    """The rotated refresh token is kept, the error is said, and a minute passes before anybody asks again."""
    before = home.held
    home.sandbox.fault("expired", count=100)

    home.fails(ExpiredOnArrival)
    for _ in range(20):
        home.fails(RefreshNotDue)

    assert home.requests == 1
    assert home.held.refresh != before.refresh


def test_a_dropped_answer_is_tried_once_more_and_then_said(home: Home) -> None:
    """The provider rotated and the line dropped: one retry, and the sentence that names the gap."""
    home.sandbox.fault("drop")

    first = home.fails(RefreshUncertain)
    home.fails(RefreshUncertain, replace(NOW, may_wait=False))
    lost = home.fails(RefreshLost)
    again = home.fails(RefreshLost)

    assert first.status == 8
    assert sum(home.slept) >= 30
    assert "cut off between request and reply" in str(lost)
    assert "This is the one gap that cannot be closed." in str(again)
    assert home.reused == 1
    assert home.requests == 2


def test_a_kind_provider_makes_the_retry_work(person: Person) -> None:
    """Where the previous token works once more (FAPI 2.0), nobody notices."""
    with Sandbox(honour_previous_once=True) as kind:
        home = Home(Person(person.program, kind))
        kind.fault("drop")
        home.fails(RefreshUncertain)

        assert home.refresh().access == home.held.access
        assert home.requests == 2


def test_two_lost_answers_wait_for_a_person(home: Home) -> None:
    """After a second ambiguous end nothing asks by itself; --again does."""
    home.sandbox.fault("drop_before", count=2)
    home.fails(RefreshUncertain)
    home.fails(RefreshUncertain)

    stuck = home.fails(RefreshStuck)

    assert stuck.status == 9
    assert "--again" in stuck.hint
    assert home.refresh(replace(NOW, try_again=True)).access == home.held.access


def test_a_refused_connection_leaves_no_doubt(home: Home) -> None:
    """Nothing was sent, so nothing is uncertain and the next try is an ordinary one."""
    issuer = home.held.identity.issuer
    with home.store.lock("work", timeout=5):
        home.store.save(replace(home.held, identity=replace(home.held.identity, issuer="http://127.0.0.1:1")))
    home.fails(ProviderUnreachable)
    assert Journal(home.places, "work").read().step == "idle"
    with home.store.lock("work", timeout=5):
        home.store.save(replace(home.held, identity=replace(home.held.identity, issuer=issuer)))

    home.refresh()

    assert home.requests == 1


def test_the_token_goes_to_no_other_issuer(home: Home) -> None:
    """A store that names another https issuer cannot have the token sent there."""
    with home.store.lock("work", timeout=5):
        home.store.save(replace(home.held, identity=replace(home.held.identity, issuer="https://evil.example")))

    with pytest.raises(AuthError) as caught:
        home.refresh()

    assert caught.value.code == "bad_issuer"


def test_a_store_that_cannot_be_written_is_found_before_the_request(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room: the provider sees no request, and nothing is lost."""
    before = home.held
    monkeypatch.setattr(
        "codex_auth.stores.auth_profiles.AuthProfiles.prove_writable",
        lambda _self: (_ for _ in ()).throw(StoreError(path="/x", problem="the disk is full")),
    )

    home.fails(StoreError)

    assert home.requests == 0
    assert home.held == before


def test_a_journal_that_cannot_be_written_is_found_before_the_request(home: Home) -> None:
    """The intent must be durable before the request leaves."""
    folder = home.person.program.home / "state/journal"
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")

    with pytest.raises(AuthError):
        home.refresh()

    assert home.requests == 0


def test_a_reply_survives_a_store_that_fails_afterwards(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sealed reply is finished by the next run, without a request."""
    with monkeypatch.context() as patch:
        patch.setattr(
            "codex_auth.stores.auth_profiles.AuthProfiles.save",
            lambda _self, _credential, *, expecting=None: (_ for _ in ()).throw(
                StoreError(path="/x", problem="the disk is full")
            ),
        )
        home.fails(StoreError)
    before = home.held

    after = home.refresh(Wish())

    assert home.requests == 1
    assert after.refresh != before.refresh
    assert Journal(home.places, "work").read().step == "idle"


def test_the_sealed_reply_shows_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it waits in the journal, no token stands there in clear."""
    saved: list[Credential] = []

    def keep(_self: object, credential: Credential, *, expecting: object = None) -> None:
        saved.append(credential)
        raise StoreError(path="/x", problem="the disk is full")

    monkeypatch.setattr("codex_auth.stores.auth_profiles.AuthProfiles.save", keep)
    home.fails(StoreError)

    journal = (home.person.program.home / "state/journal/work.json").read_text()
    [credential] = saved
    for secret in (credential.access, credential.refresh, credential.id_token):
        assert secret is not None
        assert secret.reveal()[10:30] not in journal


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_off_by_days_makes_no_storm(home: Home, days: int) -> None:
    """With the clock two days off, before and after a refresh, the login is refreshed once and then served."""
    home.ahead = timedelta(days=days)

    home.refresh()
    for _ in range(30):
        home.refresh(Wish())
        home.ahead += timedelta(seconds=30)

    assert home.requests == 1
    assert any("clock" in line for line in home.told)


def test_a_clock_behind_does_not_keep_a_dead_token(home: Home) -> None:
    """Two days behind: when the hour of the token is over by our own clock, it is due."""
    home.ahead = timedelta(days=-2)
    home.refresh()

    assert home.held.expires - home.world.now() <= timedelta(hours=1)


def test_threads_share_one_refresh(home: Home) -> None:
    """Sixteen threads that find it due make one request."""
    home.ahead = timedelta(minutes=58)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: home.refresh(Wish()).access, range(16)))

    assert len(set(found)) == 1
    assert home.requests == 1


def test_processes_share_one_refresh(home: Home) -> None:
    """Eight processes that find it due at the same moment make one request."""
    with home.store.lock("work", timeout=5):
        home.store.save(replace(home.held, refreshed=home.world.now() - timedelta(minutes=5)))
    command = [sys.executable, "-m", "codex_auth", "refresh", "work", "--if-due", "2h", "--json"]
    children = [
        subprocess.Popen(command, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)
    ]
    answers = [json.loads(child.communicate()[0]) for child in children]

    assert all(answer["ok"] for answer in answers)
    assert home.requests == 1
    assert home.reused == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_reply_is_saved(home: Home, number: signal.Signals) -> None:
    """Stopped while the provider thinks: the reply is saved, then the process ends by the signal's status."""
    before = home.held
    home.sandbox.fault("slow", value=1.5)
    command = [sys.executable, "-m", "codex_auth", "refresh", "work"]
    with subprocess.Popen(command, env=home.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        _until(lambda: Journal(home.places, "work").read().step == "asking")
        os.kill(child.pid, number)
        _, said = child.communicate(timeout=20)

    assert child.returncode in {0, 128 + number}
    assert home.held.refresh != before.refresh
    assert b"being stored" in said


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_all_goes_on_past_one_that_fails(home: Home) -> None:
    """--all refreshes every profile, reports each, and exits with the first failure's status."""
    home.person.sign_in("home", "personal")
    home.sandbox.fault("status", value=503)

    answer: dict[str, Any] = home.person.program.json("refresh", "--all")

    assert [row["ok"] for row in answer["profiles"]] == [False, True]
    assert answer["profiles"][0]["exit_code"] == 8
