"""What is left of a login's limits: read strictly, said in words, drawn as bars that do not lie."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.card import Identity
from codex_auth.core.errors import AuthError, ProviderReplyUnusable
from codex_auth.core.model import Credential
from codex_auth.core.provider import Provider
from codex_auth.core.replies import Reply, read_json_object
from codex_auth.core.secret import Secret
from codex_auth.core.usage import Credits, Limit, Usage, Window, read_usage, write_usage
from codex_auth.core.usage_errors import NobodyToSuggest, NothingLeft
from codex_auth.core.usage_talk import read, request
from codex_auth.stories.usage import Found, best, pause
from codex_auth.views.usage_bars import Look, lines

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(hours=2, minutes=10), NOW + timedelta(days=3, hours=4)
CANARY = "JqXvZkWpYh"
HOST = "chatgpt.com"
WORK = Identity(issuer="https://auth.openai.com", subject="s", account_id="account-work", email="ada@acme.example")
FULL = {
    "plan_type": "team",
    "rate_limit": {
        "allowed": True,
        "limit_reached": False,
        "primary_window": {
            "used_percent": 37,
            "limit_window_seconds": 18000,
            "reset_after_seconds": 7800,
            "reset_at": int(SOON.timestamp()),
        },
        "secondary_window": {
            "used_percent": 12.5,
            "limit_window_seconds": 604800,
            "reset_after_seconds": 273600,
            "reset_at": int(LATER.timestamp()),
        },
    },
    "credits": {"has_credits": True, "unlimited": False, "balance": "12.50", "approx_local_messages": [1, 2]},
    "additional_rate_limits": [
        {
            "limit_name": "codex-mini",
            "metered_feature": "mini",
            "rate_limit": {
                "allowed": True,
                "limit_reached": False,
                "primary_window": {"used_percent": 1, "limit_window_seconds": 3600, "reset_at": int(SOON.timestamp())},
                "secondary_window": None,
            },
        }
    ],
    "spend_control": {"reached": False, "individual_limit": None},
    "rate_limit_reached_type": None,
    "something_new": {"a": [1]},
}
FIVE_HOURS = Window(left=63.0, length=timedelta(hours=5), resets_at=SOON)
WEEK = Window(left=87.5, length=timedelta(days=7), resets_at=LATER)
USAGE = Usage(
    asked_at=NOW,
    plan="team",
    allowed=True,
    limit_reached=False,
    five_hour=FIVE_HOURS,
    week=WEEK,
    additional=(
        Limit(
            name="codex-mini",
            feature="mini",
            allowed=True,
            limit_reached=False,
            windows=(Window(left=99.0, length=timedelta(hours=1), resets_at=SOON),),
        ),
    ),
    credits=Credits(has_credits=True, balance="12.50"),
)


def said(document: object) -> Usage:
    """Read a document as it arrives: through JSON."""
    return read_usage(read_json_object(json.dumps(document).encode(), host=HOST), asked_at=NOW, host=HOST)


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the full reply with one part replaced."""
    document = json.loads(json.dumps(FULL))
    *way, last = path.split(".")
    part = document
    for step in way:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    assert isinstance(document, dict)
    return document


def parts(document: object, above: str = "") -> Iterator[str]:
    """Yield the way to every part of a document that is read."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)  # type: ignore[arg-type]
    for key, value in pairs:
        here = f"{above}.{key}".removeprefix(".")
        if not str(key).isdigit():
            yield here
        if isinstance(value, dict | list):
            yield from parts(value, here)


UNREAD = {"something_new", "approx_local_messages", "individual_limit", "rate_limit_reached_type"}
READ = [way for way in parts(FULL) if not UNREAD & {*way.split(".")}]


# --- the reply -----------------------------------------------------------------------------------------------


def test_a_whole_reply_is_read() -> None:
    """Every part that means something is in the record, times in UTC, and what is left instead of what is used."""
    assert said(FULL) == USAGE


@pytest.mark.parametrize("way", READ)
def test_every_part_may_be_null(way: str) -> None:
    """Nothing of the reply is needed: what is null, or not there, is not known."""
    assert isinstance(said(changed(way, None)), Usage)


def test_an_empty_reply_says_nothing() -> None:
    """There are plans without limits; such a login is usable, and nothing is drawn for it."""
    nothing = said({})

    assert nothing == Usage(asked_at=NOW)
    assert nothing.windows == ()
    assert nothing.left_at(NOW) is None
    assert nothing.usable(NOW)
    assert not nothing.limited(NOW)


WRONG: dict[type, list[object]] = {
    str: [7, True, [CANARY], {"x": CANARY}],
    bool: [CANARY, 1, [CANARY], {"x": CANARY}],
    int: [CANARY, True, [CANARY], {"x": CANARY}, -1e300, 1e300, 10**400],
    dict: [CANARY, 7, True, [CANARY]],
    list: [CANARY, 7, True, {"x": CANARY}, [CANARY], [{}] * 51],
}
"""By the kind that a part has: what it must not be."""


def kind_of(way: str) -> type:
    """Return the kind of a part of the full reply."""
    part: Any = FULL
    for step in way.split("."):
        part = part[int(step)] if step.isdigit() else part[step]
    return {float: int, type(None): dict}.get(type(part), type(part))


@pytest.mark.parametrize("way", READ)
def test_a_part_of_the_wrong_kind_is_refused(way: str) -> None:
    """A part is what it should be or the reply is refused by the part's name, and nothing of it is repeated."""
    for value in WRONG[kind_of(way)]:
        with pytest.raises(ProviderReplyUnusable, match=way.rpartition(".")[2]) as refused:
            read_usage(changed(way, value), asked_at=NOW, host=HOST)

        assert CANARY not in str(refused.value) + repr(refused.value.facts)
        assert refused.value.__context__ is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*FULL, "x"]) | st.text(max_size=5), inner)
    ),
    max_leaves=20,
)


@given(way=st.sampled_from(READ), value=JSON, other=st.sampled_from(READ), second=JSON)
def test_whatever_arrives_is_a_bounded_record_or_one_error(way: str, value: object, other: str, second: object) -> None:
    """Any JSON in any place: a record whose numbers are within bounds and whose words are printable, or our error."""
    document = changed(way, value)
    try:
        usage = read_usage(document, asked_at=NOW, host=HOST)
        usage = replace(usage, week=read_usage(changed(other, second), asked_at=NOW, host=HOST).week)
    except ProviderReplyUnusable:
        return

    windows = [*usage.windows, *(each for limit in usage.additional for each in limit.windows)]
    assert all(0 <= each.left <= 100 for each in windows)
    assert all(each.resets_at is None or each.resets_at.utcoffset() == timedelta() for each in windows)
    assert all(len(text) <= 80 and text.isprintable() for text in (usage.plan, *(e.name for e in usage.additional)))
    assert lines([found(usage)], NOW, Look(), full=False)


@given(
    st.tuples(st.integers(0, 100), st.integers(0, 100)),
    st.tuples(st.sampled_from([18000, 604800, 86400, None]), st.sampled_from([18000, 604800, 3600, None])),
    st.sampled_from([True, False, None]),
    st.sampled_from([None, {"has_credits": True, "unlimited": True, "balance": None}]),
)
def test_what_is_kept_is_read_back_the_same(
    used: tuple[int, int], length: tuple[int | None, int | None], flag: bool | None, money: object
) -> None:
    """The answer of the last minute is the answer itself, in whatever order its windows came."""
    document = changed("credits", money)
    document["rate_limit"]["limit_reached"] = document["spend_control"]["reached"] = flag
    for name, percent, seconds in zip(("primary_window", "secondary_window"), used, length, strict=True):
        document["rate_limit"][name] |= {"used_percent": percent, "limit_window_seconds": seconds}
    usage = said(document)

    assert said(write_usage(usage)) == usage


def test_windows_are_known_by_their_length() -> None:
    """A week that comes first is the week; one of another length is neither, and is kept."""
    limit = FULL["rate_limit"]
    assert isinstance(limit, dict)
    swapped = {**limit, "primary_window": limit["secondary_window"], "secondary_window": limit["primary_window"]}

    assert said({**FULL, "rate_limit": swapped}) == USAGE
    assert said(changed("rate_limit.primary_window.limit_window_seconds", 86400)).others[0].length == timedelta(days=1)


def test_a_reset_without_a_time_is_counted_from_the_question() -> None:
    """`reset_after_seconds` says the same where `reset_at` is missing."""
    usage = said(changed("rate_limit.primary_window.reset_at", None))

    assert usage.five_hour is not None
    assert usage.five_hour.resets_at == NOW + timedelta(seconds=7800)


# --- limited, usable -----------------------------------------------------------------------------------------

SPENT = Window(left=0.0, length=timedelta(hours=5), resets_at=SOON)
SHUT = replace(USAGE, five_hour=SPENT, allowed=False, limit_reached=True, credits=None)


@pytest.mark.parametrize(
    ("usage", "limited", "usable"),
    [
        (USAGE, False, True),
        (SHUT, True, False),
        (replace(USAGE, limit_reached=True, credits=None), True, False),
        (replace(USAGE, allowed=False, credits=None), True, False),
        (replace(SHUT, allowed=True, credits=Credits(has_credits=True)), True, True),
        (replace(SHUT, allowed=False, credits=Credits(unlimited=True)), True, False),
        (replace(USAGE, spend_reached=True), True, False),
    ],
)
def test_at_a_limit(usage: Usage, limited: bool, usable: bool) -> None:
    """A limit counts however it is said; credits carry over it where the backend lets them."""
    assert (usage.limited(NOW), usage.usable(NOW)) == (limited, usable)


def test_a_reset_ends_a_limit() -> None:
    """An answer that is older than the reset of its window does not keep a login shut."""
    after = SOON + timedelta(seconds=1)

    assert SHUT.resets_at(NOW) == SOON
    assert (SHUT.limited(after), SHUT.usable(after), SHUT.left_at(after)) == (False, True, 87.5)


# --- which one -----------------------------------------------------------------------------------------------


def found(usage: Usage | None, profile: str = "work", **changes: Any) -> Found:
    """Return what is known of one profile."""
    return Found(profile=profile, identity=WORK, owner="codex-auth", expires=LATER, usage=usage, **changes)


def left(five_hours: float, week: float) -> Usage:
    """Return a usage with so much left of both windows."""
    return replace(USAGE, five_hour=replace(FIVE_HOURS, left=five_hours), week=replace(WEEK, left=week), credits=None)


def test_the_tightest_window_decides() -> None:
    """Much of the five hours is worth little where the week is nearly used up; of equals, the first is named."""
    crowd = [found(left(90, 5), "a"), found(left(40, 50), "b"), found(left(40, 90), "c"), found(None, "d")]

    assert best(crowd, NOW).profile == "b"


def test_one_at_its_limit_is_never_suggested() -> None:
    """Not even where it is the only one; then it is said when the first is reset."""
    with pytest.raises(NothingLeft, match="until 2026-11-26") as caught:
        best([found(SHUT)], NOW)

    assert caught.value.status == 8


def test_nobody_is_suggested_where_nothing_is_known() -> None:
    """Profiles that could not be asked are no suggestion."""
    with pytest.raises(NobodyToSuggest):
        best([found(None)], NOW)


def test_a_watch_waits_as_long_as_it_must() -> None:
    """Until the answers count no more; longer where the host asked for it; never less than five seconds."""
    asked = read_error(429, **{"retry-after": "300"})

    assert pause([found(USAGE)], NOW + timedelta(seconds=20)) == timedelta(seconds=40)
    assert pause([found(USAGE)], NOW + timedelta(hours=1)) == timedelta(seconds=5)
    assert pause([found(USAGE), found(None, trouble=asked)], NOW) == timedelta(minutes=5)
    assert pause([], NOW) == timedelta(seconds=5)


# --- the request and its reply -------------------------------------------------------------------------------

HELD = Credential(
    profile="work",
    identity=WORK,
    access=Secret("access-1"),
    refresh=Secret("refresh-1"),
    id_token=None,
    expires=LATER,
)


def reply(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> Reply:
    """Return any reply."""
    return Reply(status=status, headers={"content-type": kind, **headers}, body=body, asked_at=NOW)


def read_error(status: int, body: bytes = b"{}", kind: str = "application/json", **headers: str) -> AuthError:
    """Return what a reply raises, having looked that it holds nothing of it."""
    with pytest.raises(AuthError) as caught:
        read(reply(status, body, kind, **headers), Provider(), profile="work")
    assert caught.value.__context__ is None
    assert CANARY not in f"{caught.value} {caught.value.hint} {caught.value.facts}"
    return caught.value


def test_the_request_is_that_of_codex() -> None:
    """OpenAI's logins are asked about at OpenAI's backend, with the account they are of."""
    asked = request(Provider(), HELD)

    assert (asked.method, asked.url, asked.body) == ("GET", "https://chatgpt.com/backend-api/wham/usage", b"")
    assert asked.headers["Authorization"] == "Bearer access-1"
    assert asked.headers["ChatGPT-Account-ID"] == "account-work"


def test_another_provider_is_asked_at_its_own_place() -> None:
    """The token of another issuer never goes to OpenAI, nor OpenAI's to another."""
    assert request(Provider(issuer="http://127.0.0.1:1"), HELD).url == "http://127.0.0.1:1/backend-api/wham/usage"


@pytest.mark.parametrize("text", ["a\r\nX-Evil: 1", "a b", "", "é", "a" * 40000])
def test_what_fits_into_no_header_is_not_sent(text: str) -> None:
    """A file that another program wrote cannot add a header."""
    with pytest.raises(AuthError, match="odd"):
        request(Provider(), replace(HELD, access=Secret(text)))
    if text:
        with pytest.raises(AuthError, match="odd"):
            request(Provider(), replace(HELD, identity=replace(WORK, account_id=text)))


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "exit_code"),
    [
        (401, b'{"detail": "%b"}', "application/json", "usage_not_accepted", 1),
        (403, b"<html>%b", "text/html", "usage_not_accepted", 1),
        (429, b"", "text/plain", "usage_busy", 8),
        (503, b"%b", "text/plain", "usage_busy", 8),
        (404, b"%b", "text/plain", "usage_unreadable", 1),
        (200, b"<html>%b", "text/html", "usage_unreadable", 1),
        (200, b'{"plan_type": ["%b"]}', "application/json", "usage_unreadable", 1),
        (200, b'{"plan_type": "%b"', "application/json", "usage_unreadable", 1),
        (200, b'["%b"]', "application/json", "usage_unreadable", 1),
        (200, b'{"x": NaN}', "application/json", "usage_unreadable", 1),
        (200, b'{"x": "' + b"A" * (2 << 20) + b'"}', "application/json", "usage_unreadable", 1),
    ],
)
def test_every_other_reply_is_one_error(status: int, body: bytes, kind: str, code: str, exit_code: int) -> None:
    """What the status means is said, and nothing of what came with it."""
    error = read_error(status, body.replace(b"%b", CANARY.encode()), kind)

    assert (error.code, error.status) == (code, exit_code)


def test_401_says_that_the_login_is_not_the_trouble() -> None:
    """In the words of the skill: signed in, but the usage endpoint does not accept this session."""
    error = read_error(401)

    assert "is signed in, but the usage endpoint of chatgpt.com does not accept this session" in str(error)
    assert "codex-auth login work" in error.hint


# --- bars ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clock on the wall be UTC's."""
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def drawn(*known: Found, look: Look | None = None, now: datetime = NOW, full: bool = False) -> list[str]:
    """Return the lines as they stand on a terminal."""
    return ["".join(text for text, _ in line) for line in lines(list(known), now, look or Look(), full=full)]


def test_resets_are_told_by_the_clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the time of this machine, with the day where that is another one there; what remains is the same anywhere."""
    import time

    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()

    assert [line.rpartition("left  ")[2] for line in drawn(found(USAGE))[1:3]] == [
        "resets 03:10 (in 2h 10m)",
        "resets Mon 30 Nov 05:00 (in 3d 4h)",
    ]


def test_bars_on_a_wide_terminal() -> None:
    """One line for each window: bar, percent, the time of the reset on the wall and how far it is."""
    assert drawn(found(USAGE)) == [
        "work  a…a@a…e.example (…work)  plan team",
        "  5 hours         █████████░░░░░░   63% left  resets 14:10 (in 2h 10m)",
        "  week            █████████████░░   88% left  resets Sun 29 Nov 16:00 (in 3d 4h)",
        "  codex-mini: 1h  ██████████████░   99% left  resets 14:10 (in 2h 10m)",
        "  credits: 12.50",
    ]


def test_bars_on_a_narrow_terminal() -> None:
    """The reset gets a line of its own; no line is wider than the terminal."""
    shown = drawn(found(replace(SHUT, additional=())), look=Look(width=40))

    assert shown == [
        "work  a…a@a…e.example (…work)  plan team",
        "  5 hours  ░░░░░░░░░░░░░░░░░░    0% left",
        "    resets 14:10 (in 2h 10m)",
        "  week     ████████████████░░   88% left",
        "    resets Sun 29 Nov 16:00 (in 3d 4h)",
        "  At its limit: nothing is accepted",
        "  until 14:10.",
    ]


@given(st.integers(30, 200), st.floats(0, 100), st.floats(0, 100))
def test_no_line_is_wider_than_the_terminal(width: int, short: float, long: float) -> None:
    """From thirty columns on nothing wraps."""
    usage = replace(left(short, long), additional=USAGE.additional)

    assert all(len(line) <= max(width, 38) for line in drawn(found(usage), look=Look(width=width)))


@given(st.floats(0, 100))
def test_a_bar_does_not_lie(percent: float) -> None:
    """Empty means nothing is left and full that all is, in the bar and in the number."""
    (_, bar, *_) = drawn(found(replace(left(percent, 50), week=None, additional=())))

    assert ("█" not in bar) == (percent <= 0)
    assert ("░" not in bar) == (percent >= 100)
    assert (" 0% left" in bar) == (percent <= 0)
    assert ("100% left" in bar) == (percent >= 100)


def test_without_unicode() -> None:
    """Letters and signs that every terminal has."""
    shown = drawn(found(USAGE), look=Look(unicode=False))

    assert all(line.isascii() for line in shown)
    assert "########----" in shown[1]


def test_what_is_wrong_stands_where_the_bars_would() -> None:
    """What is known here is shown all the same: whose it is, and how long its token lives."""
    shown = drawn(found(None, trouble=read_error(401)), look=Look(width=200))

    assert shown[0] == "work  a…a@a…e.example (…work)"
    assert "does not accept this session (HTTP 401)." in shown[1]
    assert shown[3] == "  The access token ends in 3d 4h."


def test_an_answer_of_before_says_its_age() -> None:
    """An answer that was there already is not shown as if it were new."""
    later = NOW + timedelta(seconds=42)

    assert drawn(found(USAGE, is_cached=True), now=later)[-1] == "  as it was 42s ago"
    assert drawn(found(USAGE, is_cached=True))[-1] == "  credits: 12.50"


def test_accounts_are_masked_unless_asked() -> None:
    """As everywhere else."""
    assert drawn(found(USAGE), full=True)[0] == "work  ada@acme.example (account-work)  plan team"


def test_profiles_are_apart() -> None:
    """One empty line stands between two."""
    assert drawn(found(Usage(asked_at=NOW)), found(Usage(asked_at=NOW), "b"))[2] == ""
