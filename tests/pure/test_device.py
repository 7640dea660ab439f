"""Device codes: what is sent, what every reply means, and how long is waited, in both dialects."""

import json
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.device import Pace, ask_for_code, fetch, poll
from codex_auth.core.device_replies import LIFETIME, Approval, Delivery, Pending
from codex_auth.core.errors import (
    AccessNotGranted,
    AnswerLost,
    ApprovalLost,
    AuthError,
    ConsentDenied,
    DeviceCodeExpired,
    DeviceLoginDisabled,
    ProviderRefused,
    ProviderReplyUnusable,
    ProviderUnreachable,
)
from codex_auth.core.model import DeviceGrant
from codex_auth.core.openai import OPENAI_CLIENT_ID, OPENAI_SCOPE
from codex_auth.core.provider import RFC_DIALECT, Provider
from codex_auth.core.replies import Reply
from codex_auth.core.secret import Secret
from tests.pure.conversation import CODE, NOW, VERIFIER, Talk, json_reply, key_set, talk, tokens

OPENAI = Provider()
OTHER = Provider(issuer="https://login.acme.example", device_dialect=RFC_DIALECT)
GIVEN: dict[str, object] = {"device_auth_id": "dc_Jk27", "user_code": "ABCD-12345", "interval": "5"}
RFC_GIVEN: dict[str, object] = {
    "device_code": "dc_Jk27",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://login.acme.example/device",
    "verification_uri_complete": "https://login.acme.example/device?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 5,
}
APPROVED = {"authorization_code": CODE, "code_challenge": "x", "code_verifier": VERIFIER}
KEYS = json_reply(key_set())
BUSY = json_reply({}, 503)
HTML = Reply(status=200, headers={"content-type": "text/html"}, body=b"<p>hotel</p>", asked_at=NOW)


def asking(provider: Provider, *replies: Reply | AuthError) -> Talk[DeviceGrant]:
    """Ask for a device code."""
    return talk(ask_for_code(provider, profile="work"), *replies)


def grant_of(provider: Provider, document: dict[str, object]) -> DeviceGrant:
    """Return the device code that a good reply gives."""
    said = asking(provider, json_reply(document))
    assert said.outcome is not None, said.error
    return said.outcome


def polling(provider: Provider, reply: Reply) -> Talk[Pending | Approval | Delivery]:
    """Ask once whether a code was approved."""
    grant = grant_of(provider, GIVEN if provider is OPENAI else RFC_GIVEN)
    return talk(poll(provider, grant, profile="work"), reply)


# --- what is sent --------------------------------------------------------------------------------------------


def test_openai_is_asked_as_codex_asks() -> None:
    """JSON bodies with Codex's keys in Codex's order, to Codex's addresses."""
    asked = asking(OPENAI, json_reply(GIVEN)).asked + polling(OPENAI, json_reply({}, 403)).asked

    assert [(request.method, request.url) for request in asked] == [
        ("POST", "https://auth.openai.com/api/accounts/deviceauth/usercode"),
        ("POST", "https://auth.openai.com/api/accounts/deviceauth/token"),
    ]
    assert [request.body for request in asked] == [
        f'{{"client_id":"{OPENAI_CLIENT_ID}"}}'.encode(),
        b'{"device_auth_id":"dc_Jk27","user_code":"ABCD-12345"}',
    ]
    assert all(request.headers == {"Content-Type": "application/json", "Accept": "*/*"} for request in asked)


def test_others_are_asked_as_rfc_8628_says() -> None:
    """Forms: client and scope for a code, then grant type, device code and client at the token endpoint."""
    asked = asking(OTHER, json_reply(RFC_GIVEN)).asked + polling(OTHER, json_reply({}, 503)).asked

    assert [request.url for request in asked] == [
        "https://login.acme.example/oauth/device/code",
        "https://login.acme.example/oauth/token",
    ]
    assert [parse_qsl(request.body.decode()) for request in asked] == [
        [("client_id", OPENAI_CLIENT_ID), ("scope", OPENAI_SCOPE)],
        [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", "dc_Jk27"),
            ("client_id", OPENAI_CLIENT_ID),
        ],
    ]


def test_an_approval_is_exchanged_with_the_verifier_it_came_with() -> None:
    """The code goes to the token endpoint with OpenAI's own verifier and the redirect of device codes."""
    said = talk(
        fetch(OPENAI, Approval(code=Secret(CODE), verifier=Secret(VERIFIER)), profile="work"),
        KEYS,
        json_reply(tokens()),
    )

    assert said.outcome is not None
    assert dict(parse_qsl(said.asked[1].body.decode())) == {
        "grant_type": "authorization_code",
        "client_id": OPENAI_CLIENT_ID,
        "code": CODE,
        "redirect_uri": "https://auth.openai.com/deviceauth/callback",
        "code_verifier": VERIFIER,
    }


# --- a device code -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "interval"),
    [("5", 5), (7, 7), ("2.5", 2.5), (0, 1), ("0", 1), (None, 5), (-3, 5), ("soon", 5), (True, 5), (900, 60), ([], 5)],
)
def test_the_interval_is_text_or_a_number(said: object, interval: float) -> None:
    """Five seconds where there is none, at least one and at most sixty."""
    assert grant_of(OPENAI, {**GIVEN, "interval": said}).interval == interval


@pytest.mark.parametrize(
    ("more", "minutes"),
    [
        ({}, 15),
        ({"expires_in": 600}, 10),
        ({"expires_in": "600"}, 10),
        ({"expires_in": 86400}, 15),
        ({"expires_in": "later"}, 15),
        ({"expires_at": (NOW + timedelta(minutes=3)).isoformat()}, 3),
        ({"expires_at": "tomorrow"}, 15),
        ({"expires_at": (NOW + timedelta(days=2)).isoformat()}, 15),
    ],
)
def test_a_code_ends_after_fifteen_minutes_or_sooner(more: dict[str, object], minutes: int) -> None:
    """Codex's hard stop is ours, unless the reply names an earlier end."""
    assert grant_of(OPENAI, {**GIVEN, **more}).lifetime == timedelta(minutes=minutes)


def test_an_end_is_read_by_the_providers_clock() -> None:
    """A clock of ours that is wrong by hours does not end a code, or keep it alive."""
    ends = (NOW + timedelta(hours=5, minutes=3)).isoformat()
    reply = json_reply({**GIVEN, "expires_at": ends}, date="Mon, 01 Jun 2026 17:00:00 GMT")

    said = asking(OPENAI, reply)

    assert said.outcome is not None
    assert said.outcome.lifetime == timedelta(minutes=3)


def test_openai_is_typed_at_its_own_page() -> None:
    """Whatever a reply says, the page is the issuer's; the alias `usercode` is read too."""
    document = {**GIVEN, "verification_uri": "https://evil.example/"}
    document["usercode"] = document.pop("user_code")

    grant = grant_of(OPENAI, document)

    assert grant.page == "https://auth.openai.com/codex/device"
    assert grant.user_code == Secret("ABCD-12345")


HOSTILE: list[tuple[str, Provider, dict[str, object]]] = [
    ("no device code", OPENAI, {"device_auth_id": None}),
    ("a device code of two lines", OPENAI, {"device_auth_id": "a\nb"}),
    ("no user code", OPENAI, {"user_code": None}),
    ("a user code that moves the cursor", OPENAI, {"user_code": "AB\x1b[2J-12345"}),
    ("a user code that turns the text", OPENAI, {"user_code": "ABCD\u202e12345"}),
    ("a user code of another alphabet", OPENAI, {"user_code": "АВСD-12345"}),  # noqa: RUF001 - Cyrillic on purpose
    ("a user code that is a sentence", OPENAI, {"user_code": "call 0900 1234567 now and pay the bill"}),
    ("a user code of two lines", OPENAI, {"user_code": "ABCD\n12345"}),
    ("a user code that is a number", OPENAI, {"user_code": 12345}),
    ("an end in the past", OPENAI, {"expires_at": (NOW - timedelta(seconds=1)).isoformat()}),
    ("no life", OPENAI, {"expires_in": 0}),
    ("no page", OTHER, {"verification_uri": None}),
    ("a page elsewhere", OTHER, {"verification_uri": "https://evil.example/device"}),
    ("a page on a subdomain", OTHER, {"verification_uri": "https://evil.login.acme.example/device"}),
    ("a page on another port", OTHER, {"verification_uri": "https://login.acme.example:8443/device"}),
    ("a page without TLS", OTHER, {"verification_uri": "http://login.acme.example/device"}),
    ("a page with a user in front", OTHER, {"verification_uri": "https://login.acme.example@evil.example/"}),
    ("a page with a query", OTHER, {"verification_uri": "https://login.acme.example/device?user_code=AAAA"}),
    ("a page that is a script", OTHER, {"verification_uri": "javascript:alert(1)"}),
    ("a page with an escape", OTHER, {"verification_uri": "https://login.acme.example/\x1b]8;;x"}),
    ("a page with a broken address", OTHER, {"verification_uri": "https://[login.acme.example/device"}),
]


@pytest.mark.parametrize(("provider", "changes"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_a_hostile_grant_is_refused(provider: Provider, changes: dict[str, object]) -> None:
    """What a person should not read, type or open is refused, and no part of it is repeated."""
    said = asking(provider, json_reply({**(GIVEN if provider is OPENAI else RFC_GIVEN), **changes}))

    assert isinstance(said.error, ProviderReplyUnusable)
    assert "evil" not in str(said.error)
    assert "\x1b" not in str(said.error) + said.error.hint


def test_the_complete_link_is_not_kept() -> None:
    """A link that carries the code is neither shown nor opened (RFC 8628 section 5.4)."""
    grant = grant_of(OTHER, RFC_GIVEN)

    assert grant.page == "https://login.acme.example/device"


TROUBLE: list[tuple[Reply | AuthError, type[AuthError], str]] = [
    (json_reply({}, 404), DeviceLoginDisabled, "does not offer device codes"),
    (json_reply({"error": "unauthorized_client"}, 400), ProviderRefused, "unauthorized_client"),
    (BUSY, ProviderUnreachable, "HTTP status 503"),
    (HTML, ProviderReplyUnusable, "perhaps a web page"),
    (
        Reply(status=200, headers={"content-type": "application/json"}, body=b"", asked_at=NOW),
        ProviderReplyUnusable,
        "",
    ),
    (json_reply([]), ProviderReplyUnusable, ""),
    (json_reply({**GIVEN, "more": "x" * 2**21}), ProviderReplyUnusable, "too large"),
    (ProviderUnreachable(host="h", problem="the connection was refused"), ProviderUnreachable, "refused"),
]


@pytest.mark.parametrize(("reply", "kind", "words"), TROUBLE)
def test_no_code_comes_with_its_own_words(reply: Reply | AuthError, kind: type[AuthError], words: str) -> None:
    """Disabled, refused, busy, a web page, nothing, too much: each is told apart."""
    said = asking(OPENAI, reply)

    assert type(said.error) is kind
    assert words in str(said.error)


# --- an answer -----------------------------------------------------------------------------------------------

ANSWERS: list[tuple[Provider, Reply, object]] = [
    (OPENAI, json_reply({}, 403), Pending()),
    (OPENAI, json_reply({"error": {"code": "deviceauth_not_found"}}, 404), Pending()),
    (OPENAI, json_reply({"error": "access_denied"}, 400), ConsentDenied),
    (OPENAI, json_reply({"error": {"code": "expired_token"}}, 400), DeviceCodeExpired),
    (OPENAI, json_reply({"error": "authorization_pending"}, 400), Pending()),
    (OPENAI, json_reply({"error": "slow_down"}, 400), Pending(slower=True)),
    (OPENAI, json_reply({}, 429, retry_after="9"), Pending(slower=True, retry_after=timedelta(seconds=9))),
    (OPENAI, json_reply({}, 401), ProviderRefused),
    (OPENAI, json_reply({}, 500), ProviderUnreachable),
    (OPENAI, HTML, ProviderReplyUnusable),
    (OPENAI, json_reply({}), ProviderReplyUnusable),
    (OPENAI, json_reply({**APPROVED, "authorization_code": None}), ProviderReplyUnusable),
    (OPENAI, json_reply({**APPROVED, "code_verifier": "short"}), ProviderReplyUnusable),
    (OPENAI, json_reply(APPROVED), Approval(code=Secret(CODE), verifier=Secret(VERIFIER))),
    (OTHER, json_reply({"error": "authorization_pending"}, 400), Pending()),
    (OTHER, json_reply({"error": "slow_down"}, 400), Pending(slower=True)),
    (OTHER, json_reply({"error": "access_denied"}, 400), ConsentDenied),
    (OTHER, json_reply({"error": "access_denied"}, 403), ConsentDenied),
    (OTHER, json_reply({"error": "expired_token"}, 400), DeviceCodeExpired),
    (OTHER, json_reply({"error": "invalid_grant"}, 400), ProviderRefused),
    (OTHER, json_reply({}, 403), AccessNotGranted),
    (OTHER, json_reply({}, 429), Pending(slower=True)),
    (OTHER, json_reply({}, 502), ProviderUnreachable),
    (OTHER, HTML, ProviderReplyUnusable),
    (OTHER, json_reply(tokens(id_token=None)), ProviderReplyUnusable),
]


@pytest.mark.parametrize(("provider", "reply", "meaning"), ANSWERS)
def test_every_answer_has_its_meaning(provider: Provider, reply: Reply, meaning: object) -> None:
    """Pending, too fast, denied, expired, refused, busy, or no answer at all."""
    said = polling(provider, reply)

    if isinstance(meaning, type):
        assert type(said.error) is meaning
    else:
        assert said.outcome == meaning


def test_openai_says_not_yet_with_any_403_or_404() -> None:
    """As Codex reads it, whatever the body: even a refusal in it, even a web page."""
    page = Reply(status=403, headers={"content-type": "text/html"}, body=b"<p>no</p>", asked_at=NOW)

    assert polling(OPENAI, json_reply({"error": "access_denied"}, 403)).outcome == Pending()
    assert polling(OPENAI, page).outcome == Pending()


def test_no_secret_of_an_answer_is_shown() -> None:
    """The records of a code and an approval show fingerprints."""
    shown = repr(grant_of(OPENAI, GIVEN)) + repr(polling(OPENAI, json_reply(APPROVED)).outcome)

    assert not [secret for secret in ("dc_Jk27", "ABCD-12345", CODE, VERIFIER) if secret in shown]


# --- fetching ------------------------------------------------------------------------------------------------


def fetching(*replies: Reply | AuthError) -> Talk[object]:
    """Fetch the login of an approval."""
    return talk(fetch(OPENAI, Approval(code=Secret(CODE), verifier=Secret(VERIFIER)), profile="work"), *replies)  # type: ignore[arg-type]


def test_a_busy_moment_does_not_lose_an_approval() -> None:
    """While it is certain that nothing was done with the code, it is sent again."""
    unsent = ProviderUnreachable(host="h", problem="p", sent=False)

    assert fetching(KEYS, BUSY, KEYS, unsent, KEYS, json_reply(tokens())).outcome is not None


def test_an_approval_that_cannot_be_fetched_is_told() -> None:
    """After three tries the sign-in is over."""
    said = fetching(KEYS, BUSY, KEYS, BUSY, KEYS, BUSY)

    assert isinstance(said.error, ApprovalLost)
    assert "approved" in str(said.error)


def test_a_code_that_may_be_spent_is_not_sent_again() -> None:
    """A reply that never came ends it: a code is sent once (RFC 6749 section 4.1.2)."""
    lost = ProviderUnreachable(host="h", problem="it did not answer in time")

    assert isinstance(fetching(KEYS, lost).error, AnswerLost)


def test_delivered_tokens_are_given_back_where_keys_are_not_keys() -> None:
    """RFC 8628 delivers tokens before the keys are known; where those cannot be trusted, the tokens are returned."""
    answer = polling(OTHER, json_reply(tokens())).outcome
    assert isinstance(answer, Delivery)

    said = talk(fetch(OTHER, answer, profile="work"), HTML, json_reply({}))

    assert isinstance(said.error, ProviderReplyUnusable)
    assert said.asked[-1].url == OTHER.revoke_url


# --- how long is waited --------------------------------------------------------------------------------------

SLOW = Pending(slower=True)
LOST = ProviderUnreachable(host="h", problem="p")


@pytest.mark.parametrize(
    ("answers", "waits"),
    [
        ([Pending(), Pending()], [5, 5, 5]),
        ([SLOW, Pending(), SLOW, Pending()], [5, 10, 10, 15, 15]),
        ([LOST, Pending()], [5, 10, 10]),
        ([LOST, LOST, LOST, LOST, LOST], [5, 10, 20, 40, 60, 60]),
        ([LOST, LOST, LOST, LOST, SLOW, LOST], [5, 10, 20, 40, 60, 65, 65]),
        ([Pending(slower=True, retry_after=timedelta(seconds=30)), Pending()], [5, 30, 30]),
        ([Pending(slower=True, retry_after=timedelta(seconds=2))], [5, 10]),
        ([ProviderUnreachable(host="h", problem="p", retry_after=timedelta(minutes=5))], [5, 300]),
    ],
)
def test_waits(answers: Sequence[Pending | ProviderUnreachable], waits: list[float]) -> None:
    """`slow_down` adds five seconds for good, a lost answer doubles up to a minute, `Retry-After` is kept."""
    paces = [Pace(interval=5)]
    for answer in answers:
        paces.append(paces[-1].after(answer))

    assert [pace.interval for pace in paces] == waits


spans = st.one_of(st.none(), st.timedeltas(timedelta(), timedelta(hours=1)))
answers = st.one_of(
    st.builds(Pending, slower=st.booleans(), retry_after=spans),
    st.builds(lambda span: ProviderUnreachable(host="h", problem="p", retry_after=span), spans),
)


@given(st.floats(1, 60), st.lists(answers, max_size=40))
def test_waits_never_shrink(interval: float, said: list[Pending | ProviderUnreachable]) -> None:
    """Whatever is answered, no wait is shorter than the one before, or than what the provider asked for."""
    pace = Pace(interval=interval)
    for answer in said:
        after = pace.after(answer)
        assert after.interval >= pace.interval
        if answer.retry_after and not (isinstance(answer, Pending) and not answer.slower):
            assert after.interval >= answer.retry_after.total_seconds()
        pace = after


@given(st.one_of(st.none(), st.text(max_size=12), st.floats(), st.integers(), st.booleans()))
def test_any_interval_is_brought_between_floor_and_cap(said: object) -> None:
    """Infinite, negative or nonsense: between one second and a minute."""
    body = json.dumps({**GIVEN, "interval": said})
    reply = Reply(status=200, headers={"content-type": "application/json"}, body=body.encode(), asked_at=NOW)

    found = asking(OPENAI, reply)

    assert isinstance(found.error, ProviderReplyUnusable) or (found.outcome and 1 <= found.outcome.interval <= 60)


@given(st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_no_code_outlives_fifteen_minutes(said: object) -> None:
    """Whatever a reply names as its end."""
    found = asking(OPENAI, json_reply({**GIVEN, "expires_in": said, "expires_at": said}))

    assert isinstance(found.error, ProviderReplyUnusable) or (
        found.outcome and timedelta() < found.outcome.lifetime <= LIFETIME
    )


def test_drift_is_noticed_at_the_second_slow_down() -> None:
    """Who keeps the pause and is told twice to slow down has a clock that runs fast, and is told so once."""
    paces = [Pace(interval=5)]
    for answer in (SLOW, Pending(), SLOW, SLOW):
        paces.append(paces[-1].after(answer))

    assert [pace.is_drift for pace in paces] == [False, False, False, True, False]
