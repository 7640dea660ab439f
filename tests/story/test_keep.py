"""Keeping logins alive, in simulated time: one request per token, one alert per state."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codex_auth.core.card import Card, Identity
from codex_auth.core.errors import AuthError, Stop
from codex_auth.core.flow import Request
from codex_auth.core.model import Credential
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.stores.memory import Memory
from codex_auth.stories import refresh as refreshing
from codex_auth.stories.alerts import Alert
from codex_auth.stories.keep import Round, due_in, keep_forever, keep_once, margin

START = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CODEX = 5 * MINUTE
"""In the last five minutes the Codex CLI would refresh by itself."""


@dataclass
class Bed:
    """A keeper with a clock that a test moves, and a provider that takes each refresh token once."""

    places: Places
    store: Memory
    life: timedelta = HOUR
    now: datetime = START
    asked: list[str] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    failing: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ticks = 0.0
        self.live: dict[str, str] = {}
        self.world = World(
            now=lambda: self.now,
            ticks=lambda: self.ticks,
            sleep=lambda seconds: self.pass_by(timedelta(seconds=seconds)),
            env={"HOME": self.places.state},
            tell=self.lines.append,
        )

    def pass_by(self, span: timedelta) -> None:
        """Let time pass."""
        self.now += span
        self.ticks += span.total_seconds()

    def add(self, profile: str = "work", *, has_refresh: bool = True, owner: str = "codex-auth") -> None:
        """Sign in."""
        token = f"rt-{profile}-{self.now:%s}"
        self.live[profile] = token
        self.store.save(
            Credential(
                profile=profile,
                identity=Identity(
                    issuer="https://auth.openai.com", subject=f"user-{profile}", account_id=f"account-of-{profile}"
                ),
                access=Secret(f"at-{profile}-{self.now:%s}"),
                refresh=Secret(token) if has_refresh else None,
                id_token=None,
                expires=self.now + self.life,
                owner=owner,
                signed_in=self.now,
                refreshed=self.now,
            )
        )

    def answer(self, request: Request) -> Reply:
        """Be the provider."""
        token = json.loads(request.body)["refresh_token"]
        profile = token.split("-")[1]
        self.asked.append(profile)
        if profile in self.failing:
            return self.failing[profile]()
        assert token == self.live[profile], "a refresh token was spent twice"
        self.live[profile] = f"rt-{profile}-{len(self.asked)}"
        return self.reply(
            200,
            access_token=f"at-{profile}-{len(self.asked)}",
            refresh_token=self.live[profile],
            expires_in=int(self.life.total_seconds()),
        )

    def reply(self, status: int, **content: object) -> Reply:
        """Return a reply with a JSON body."""
        headers = {"content-type": "application/json"}
        return Reply(status=status, headers=headers, body=json.dumps(content).encode(), asked_at=self.now)

    def fail(self, profile: str, status: int, code: str) -> None:
        """Let this profile's refreshes fail from now on."""
        self.failing[profile] = lambda: self.reply(status, error={"code": code})

    def round(self, tell: Callable[[Alert], None] | None = None) -> Round:
        """Do one round."""
        return keep_once(store=self.store, places=self.places, world=self.world, tell=tell or self.alerts.append)

    def rounds(self, span: timedelta, *, every: timedelta = 5 * MINUTE) -> list[tuple[str, str]]:
        """Do rounds for a while; return what was told: event and profile."""
        before, end = len(self.alerts), self.now + span
        while self.now < end:
            self.pass_by(every)
            self.round()
        return [(alert.event, alert.card.profile) for alert in self.alerts[before:]]

    @property
    def left(self) -> timedelta:
        """How long the access token of `work` still lives."""
        held = self.store.load("work")
        assert held is not None
        return held.expires - self.now


@pytest.fixture
def bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bed:
    """Return a keeper of nothing."""
    tmp_path.chmod(0o700)
    places = find_places({"HOME": str(tmp_path)})
    made = Bed(places, Memory(locks=places.locks))
    monkeypatch.setattr(refreshing.wire, "sender", lambda *_, **__: made.answer)
    return made


def card(profile: str = "work", *, life: timedelta | None = HOUR, left: timedelta | None = HOUR) -> Card:
    """Return what the keeper sees of a login."""
    return Card(
        profile=profile,
        profile_id=f"openai-codex:{profile}",
        kind="oauth",
        owner="codex-auth",
        store="memory",
        identity=Identity(issuer="", subject="", account_id=""),
        expires=None if left is None else START + left,
        refreshed=None if life is None or left is None else START + left - life,
        has_refresh_token=True,
    )


# --- when ----------------------------------------------------------------------------------------------------


def test_a_hundred_profiles_are_spread() -> None:
    """The margin lies between 30 and 45 minutes, is the same each time, and no minute of the 15 has a crowd."""
    margins = [margin(card(f"profile-{number}", life=10 * DAY)) for number in range(100)]

    assert margins == [margin(card(f"profile-{number}", life=10 * DAY)) for number in range(100)]
    assert all(30 * MINUTE <= each <= 45 * MINUTE for each in margins)
    minutes = [each // MINUTE for each in margins]
    assert len(set(minutes)) == 15
    assert max(minutes.count(minute) for minute in minutes) <= 20


@pytest.mark.parametrize(
    ("life", "expected"), [(HOUR, 30 * MINUTE), (20 * MINUTE, 10 * MINUTE), (8 * MINUTE, 6 * MINUTE)]
)
def test_a_short_life_is_halved(life: timedelta, expected: timedelta) -> None:
    """Half of the life at most, but never under the margin of every refresh, which is above Codex's five minutes."""
    assert margin(card(life=life)) == expected > CODEX


def test_due_to_the_second() -> None:
    """A login is due at its margin and not a second before; one of unknown end is due."""
    due = margin(card(life=10 * DAY))

    assert due_in(card(life=10 * DAY, left=due + timedelta(seconds=1)), START) == timedelta(seconds=1)
    assert due_in(card(life=10 * DAY, left=due), START) == timedelta()
    assert due_in(card(left=-DAY), START) == timedelta()
    assert due_in(card(left=None), START) == timedelta()


def test_half_a_year_of_ten_day_tokens(bed: Bed) -> None:
    """Each token is renewed once, half an hour ahead; Codex with its five minutes never would."""
    bed.life = 10 * DAY
    bed.add()
    end = bed.now + 180 * DAY

    while bed.now < end:
        done = bed.round()
        assert done.next_due is not None
        bed.pass_by(done.next_due - bed.now - timedelta(seconds=1))
        asked = len(bed.asked)
        bed.round()
        assert len(bed.asked) == asked
        bed.pass_by(5 * MINUTE)  # a timer that comes late
        assert bed.left > CODEX
        bed.round()
        assert len(bed.asked) == asked + 1

    assert len(bed.asked) == 18 + 1
    assert [alert.event for alert in bed.alerts] == ["refreshed"] * len(bed.asked)


def forever(bed: Bed, span: timedelta) -> list[Round]:
    """Let the keeper run for a while, until it is stopped."""
    shown: list[Round] = []
    end = bed.now + span

    def sleep(seconds: float) -> None:
        assert 0 < seconds <= 10
        bed.world.sleep(seconds)
        if bed.now >= end:
            raise Stop(15)

    with pytest.raises(Stop):
        keep_forever(bed.round, world=replace(bed.world, sleep=sleep), show=shown.append)
    return shown


def test_running_for_hours(bed: Bed) -> None:
    """`keep` wakes when a login is due, at least every five minutes; one-hour tokens are renewed every half hour."""
    bed.add()

    shown = forever(bed, 6 * HOUR)

    assert len(bed.asked) == 11
    assert 6 * 12 <= len(shown) <= 6 * 12 + 12
    assert bed.left > CODEX


def test_a_night_in_the_bag(bed: Bed) -> None:
    """Time that the machine slept counts: what is due after it is renewed within seconds."""
    bed.add()
    bed.round()
    nights = iter([8 * HOUR])

    def sleep(seconds: float) -> None:
        if bed.asked:
            raise Stop(15)
        bed.pass_by(next(nights))

    with pytest.raises(Stop):
        keep_forever(bed.round, world=replace(bed.world, sleep=sleep), show=lambda _: None)

    assert bed.asked == ["work"]


def test_a_token_that_lives_shorter_than_any_margin(bed: Bed) -> None:
    """It is renewed again and again, but not without pause."""
    bed.life = 2 * MINUTE
    bed.add()

    forever(bed, 20 * MINUTE)

    assert 18 <= len(bed.asked) <= 20


def test_a_round_that_fails_is_told_once_and_tried_again(bed: Bed) -> None:
    """Trouble with the whole store ends nothing, and is not repeated every five minutes."""
    bed.add()
    trouble = [AuthError(), AuthError(), None, AuthError()]

    def one_round() -> Round:
        error = trouble.pop(0) if trouble else None
        if error:
            raise error
        return bed.round()

    with pytest.raises(Stop):
        keep_forever(one_round, world=replace(bed.world, sleep=stopping(bed, HOUR)), show=lambda _: None)

    assert [line for line in bed.lines if line.startswith("codex-auth:")] == ["codex-auth: Something went wrong."] * 2
    assert len(bed.asked) == 1


def stopping(bed: Bed, span: timedelta) -> Callable[[float], None]:
    """Return a sleep that is interrupted after a while."""
    end = bed.now + span

    def sleep(seconds: float) -> None:
        bed.world.sleep(seconds)
        if bed.now >= end:
            raise Stop(15)

    return sleep


# --- what is told --------------------------------------------------------------------------------------------


def test_a_failing_profile_keeps_no_other_from_it(bed: Bed) -> None:
    """The first of three cannot be renewed for an hour: the others are; it is told once, and once that it is well."""
    for profile in ("ant", "bee", "cat"):
        bed.add(profile)
    bed.round()
    bed.fail("ant", 503, "")

    told = bed.rounds(40 * MINUTE)
    assert sorted(told) == [("failed", "ant"), ("refreshed", "bee"), ("refreshed", "cat")]
    assert bed.asked.count("ant") == 3  # at 30, 35 and 40 minutes
    assert bed.rounds(15 * MINUTE) == []

    del bed.failing["ant"]
    assert ("refreshed", "ant") in bed.rounds(5 * MINUTE)


def test_another_failure_is_another_state(bed: Bed) -> None:
    """The code of the failure is part of the state."""
    bed.add()
    bed.round()
    bed.fail("work", 503, "")
    bed.rounds(35 * MINUTE)
    bed.fail("work", 400, "invalid_client")
    bed.rounds(10 * MINUTE)

    assert [alert.facts()["message"] for alert in bed.alerts] == [
        "auth.openai.com could not be reached: it answered with HTTP status 503.",
        "auth.openai.com refused to refresh work with HTTP status 400 (invalid_client).",
    ]


def test_a_dead_refresh_token_is_asked_with_once(bed: Bed) -> None:
    """What the provider ended is told when it happens and when the access token ends, and never asked for again."""
    bed.add()
    bed.round()
    bed.fail("work", 401, "refresh_token_invalidated")

    assert bed.rounds(50 * MINUTE) == [("failed", "work")]
    assert bed.rounds(DAY, every=30 * MINUTE) == [("needs_login", "work")]
    assert bed.asked == ["work"]
    assert "codex-auth login work" in bed.alerts[-1].hint

    bed.failing.clear()
    bed.add()
    assert bed.rounds(5 * MINUTE) == [("refreshed", "work")]


def test_a_dead_refresh_token_with_days_left(bed: Bed) -> None:
    """Found by somebody else's refresh, two days before the end: told at once, then the reminders."""
    bed.life = 2 * DAY
    bed.add()
    bed.round()
    bed.fail("work", 401, "refresh_token_reused")
    wish = refreshing.Wish(is_forced=True)
    with pytest.raises(AuthError):
        refreshing.refresh("work", wish, store=bed.store, places=bed.places, world=bed.world)

    told = bed.rounds(3 * DAY, every=30 * MINUTE)

    assert [event for event, _ in told] == ["failed", "expiring", "expiring", "expiring", "needs_login"]


@pytest.mark.parametrize("owner", ["codex-auth", "codex"])
def test_reminders_ahead_of_the_day(bed: Bed, owner: str) -> None:
    """Who cannot be renewed is reminded of 24, 6 and 1 hours before the end, and told at the end; each once."""
    bed.life = 30 * HOUR
    bed.add(has_refresh=False, owner=owner)
    bed.round()
    when: list[timedelta] = []
    end = bed.now + 40 * HOUR
    while bed.now < end:
        when += [bed.left for _ in bed.rounds(30 * MINUTE, every=30 * MINUTE)]

    assert when == [24 * HOUR, 6 * HOUR, HOUR, timedelta()]
    assert [alert.event for alert in bed.alerts] == ["expiring"] * 3 + ["needs_login"]
    assert [alert.message.partition(" within ")[2] for alert in bed.alerts[:3]] == [
        f"{hours}, and nothing can renew it." for hours in ("24 hours", "6 hours", "1 hour")
    ]
    assert bed.asked == []


def test_the_next_login_is_reminded_of_too(bed: Bed) -> None:
    """A new sign-in begins anew: what was told of the last one is told of this one as well."""
    for _ in range(2):
        bed.add(has_refresh=False)
        bed.rounds(70 * MINUTE)

    events = [alert.event for alert in bed.alerts]
    assert events == ["expiring", "needs_login", "refreshed", "expiring", "needs_login"]


def test_asking_again_too_early_is_no_state(bed: Bed) -> None:
    """While the provider wants to be left alone nobody asks, and nothing new is told."""
    bed.add()
    bed.round()
    bed.fail("work", 503, "")
    bed.rounds(31 * MINUTE, every=31 * MINUTE)

    assert bed.rounds(MINUTE / 2, every=MINUTE / 4) == []
    assert bed.asked == ["work"]


def test_what_nobody_renewed_is_no_result(bed: Bed) -> None:
    """A token that is due all its life is left alone for a minute, and not said to be renewed."""
    bed.life = 2 * MINUTE
    bed.add()
    bed.pass_by(MINUTE)

    assert list(bed.round().results) == ["work"]
    assert list(bed.round().results) == []
    assert bed.asked == ["work"]


def test_tokens_that_have_ended_on_arrival(bed: Bed) -> None:
    """Each round brings another dead token: that is one failure, and no good news."""
    bed.add()
    bed.round()
    bed.life = timedelta()
    told = bed.rounds(50 * MINUTE)

    assert told == [("failed", "work")]
    assert len(bed.asked) > 1


def test_a_login_that_its_owner_renews_needs_nobody(bed: Bed) -> None:
    """Another program that holds the refresh token renews by itself, whenever it is used."""
    bed.add(owner="openclaw")
    bed.round()

    assert bed.rounds(3 * HOUR) == []
    assert bed.asked == []


def test_only_the_reminder_that_is_due(bed: Bed) -> None:
    """Found with half an hour left, a login is reminded of once, not three times."""
    bed.life = 30 * MINUTE
    bed.add(has_refresh=False)
    bed.round()

    assert [alert.message for alert in bed.alerts] == [
        "The access token of work ends within 1 hour, and nothing can renew it."
    ]


def test_a_crash_while_telling_tells_again(bed: Bed) -> None:
    """Killed between telling and remembering, the next round tells it again; killed after that, nobody does."""
    bed.add()
    bed.round()
    bed.pass_by(31 * MINUTE)

    def crash(alert: Alert) -> None:
        bed.alerts.append(alert)
        raise Stop(9)

    with pytest.raises(Stop):
        bed.round(crash)
    bed.round()
    bed.round()

    assert [alert.event for alert in bed.alerts] == ["refreshed"] * 2
    assert bed.asked == ["work"]


def test_a_crash_between_refreshing_and_telling(bed: Bed) -> None:
    """A token that was renewed and not told of, or renewed by `codex-auth refresh`, is told of in the next round."""
    bed.add()
    bed.round()
    bed.pass_by(MINUTE)
    wish = refreshing.Wish(is_forced=True)
    refreshing.refresh("work", wish, store=bed.store, places=bed.places, world=bed.world)

    assert bed.rounds(10 * MINUTE) == [("refreshed", "work")]


def test_the_memory_is_private_and_forgets_the_gone(bed: Bed) -> None:
    """`alerts.json` is 0600, holds no token, and has no profile that is no more; damaged, everything is told again."""
    bed.life = 30 * MINUTE
    bed.add(has_refresh=False)
    bed.add("gone")
    bed.round()
    bed.store.delete("gone")
    bed.round()
    path = Path(bed.places.alerts)

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(json.loads(path.read_text())["profiles"]) == ["work"]
    assert "at-" not in path.read_text()
    for damage in ('{"schema_version": 1, "profiles": [', '{"schema_version": 1, "profiles": 7}', "{}"):
        path.write_text(damage)
        assert len(bed.round().alerts) == 1
        assert len(bed.round().alerts) == 0


def test_slow_hooks_delay_no_refresh(bed: Bed) -> None:
    """All are renewed before anybody is told, and what takes longer than a minute to tell is told in the next round."""
    for profile in ("ant", "bee", "cat", "dog"):
        bed.add(profile)
    bed.round()
    bed.pass_by(31 * MINUTE)
    told: list[str] = []

    def tell(alert: Alert) -> None:
        assert len(bed.asked) == 4
        told.append(alert.card.profile)
        bed.ticks += 30

    bed.round(tell)
    assert told == ["ant", "bee"]
    bed.round(tell)
    assert told == ["ant", "bee", "cat", "dog"]
