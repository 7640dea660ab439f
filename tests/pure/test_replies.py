"""A reply is read once, strictly, and leaves nothing but what may be shown."""

import json
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.errors import (
    AccessNotGranted,
    AuthError,
    ProviderRefused,
    ProviderReplyUnusable,
    ProviderUnreachable,
)
from codex_auth.core.replies import (
    KNOWN_ERRORS,
    Failure,
    ProviderError,
    Reply,
    SignInReply,
    TokenReply,
    read_error,
    read_json_object,
    read_sign_in_reply,
    read_token_reply,
    skew,
)
from codex_auth.core.secret import Secret
from tests.pure.conversation import ACCESS, NOW, REFRESH, json_reply, seconds, tokens, unsigned

HOST = "auth.openai.com"
CANARY = "JqXvZkWpYh"


def read(reply: Reply) -> TokenReply:
    """Read a refresh's reply."""
    return read_token_reply(reply, host=HOST, profile="work")


def read_exchange(reply: Reply) -> SignInReply:
    """Read a code exchange's reply."""
    return read_sign_in_reply(reply, host=HOST, profile="work")


def refused(reply: Reply) -> AuthError:
    """Return what reading a reply raises, having looked that it holds nothing of it."""
    with pytest.raises(AuthError) as caught:
        read_exchange(reply)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args) + repr(caught.value.facts)
    assert not [text for text in (ACCESS, REFRESH, CANARY) if text in shown]
    assert caught.value.__context__ is None
    assert caught.value.hint
    return caught.value


def raw(body: bytes, status: int = 200, kind: str = "application/json") -> Reply:
    """Return a reply with any body."""
    return Reply(status=status, headers={"content-type": kind}, body=body, asked_at=NOW)


# --- JSON ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a": 1} x',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\xff"}',
        b"\xfe\xff\x00{",
        b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"a": ' + b"[" * 1_000_000 + b"}",
        b'{"a":' * 100_000,
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": "' + b"x" * 1024 * 1024 + b'"}',
        b"<!doctype html><title>Sign in to the airport</title>",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_strict_json_object_is_refused(body: bytes) -> None:
    """Other documents, encodings, doubled keys, NaN, deep nesting and endless numbers are refused."""
    with pytest.raises(ProviderReplyUnusable) as caught:
        read_json_object(body, host=HOST)

    assert caught.value.__context__ is None


@given(st.binary(max_size=200))
def test_any_body_is_an_object_or_refused(body: bytes) -> None:
    """Whatever the bytes: a dictionary or our error."""
    try:
        found = read_json_object(body, host=HOST)
    except ProviderReplyUnusable:
        return
    assert isinstance(found, dict)


# --- tokens --------------------------------------------------------------------------------------------------


def test_a_full_reply_is_read() -> None:
    """Access, refresh and id token, the access token's own end, and the scope."""
    given_tokens = tokens(scope="openid profile")

    reply = read_exchange(json_reply(given_tokens))

    assert reply.access == Secret(str(given_tokens["access_token"]))
    assert reply.refresh == Secret(REFRESH)
    assert reply.id_token == Secret(str(given_tokens["id_token"]))
    assert reply.expires == NOW + timedelta(days=10)
    assert reply.scope == "openid profile"
    assert REFRESH not in repr(reply)


def test_a_refresh_may_leave_out_all_but_the_access_token() -> None:
    """Without refresh token, id token and scope, the old ones stay valid (RFC 6749 section 6)."""
    reply = read(json_reply({"access_token": ACCESS}))

    assert (reply.refresh, reply.id_token, reply.scope) == (None, None, "")


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
def test_a_code_exchange_brings_all_three_tokens(name: str) -> None:
    """A missing token makes the reply unusable, as it does for the Codex CLI."""
    error = refused(json_reply(tokens(**{name: None})))

    assert isinstance(error, ProviderReplyUnusable)
    assert name in str(error)


@pytest.mark.parametrize("name", ["access_token", "refresh_token", "id_token"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        5,
        True,
        [],
        {},
        [ACCESS],
        f"{ACCESS} x",
        f"{ACCESS}\n",
        f"{ACCESS}\r\nX-Evil: 1",
        "\u00e9",
        "\x00",
        "x" * 70_000,
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_token_is_refused(name: str, value: object) -> None:
    """Wrong types, empty text, and anything a header could not carry make the reply unusable, also for a refresh."""
    reply = json_reply(tokens() | {name: value})

    assert isinstance(refused(reply), ProviderReplyUnusable)
    with pytest.raises(ProviderReplyUnusable):
        read(reply)


@pytest.mark.parametrize(
    "changes", [{"token_type": "mac"}, {"token_type": 5}, {"scope": 5}, {"scope": "a\nb"}, {"scope": ["a"]}]
)
def test_other_fields_of_another_kind_are_refused(changes: dict[str, object]) -> None:
    """A token that is not a bearer token, or a scope that is no list of words, is refused."""
    assert isinstance(refused(json_reply(tokens(**changes))), ProviderReplyUnusable)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", None])
def test_bearer_is_written_in_any_case(kind: str | None) -> None:
    """The token type is compared without case, and may be missing (OpenAI's is ignored by Codex)."""
    assert read(json_reply(tokens(token_type=kind))).refresh == Secret(REFRESH)


# --- expiry --------------------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("exp", "expires_in", "life"),
    [
        (seconds(NOW + HOUR), 60, HOUR),
        (seconds(NOW + HOUR) + 0.0, None, HOUR),
        (seconds(NOW - HOUR), 60, -HOUR),
        (None, 3600, HOUR),
        (None, 3600.0, HOUR),
        (None, "3600", HOUR),
        (None, None, timedelta()),
        (None, 0, timedelta()),
        (None, -5, timedelta()),
        (None, 10**18, timedelta()),
        (None, 1e308, timedelta()),
        (None, "1e3", timedelta()),
        (None, "9" * 30, timedelta()),
        (None, "\u0663", timedelta()),
        (None, True, timedelta()),
        (None, [3600], timedelta()),
        (10**18, 3600, HOUR),
        (-1, 3600, HOUR),
        (0, 3600, HOUR),
        ("soon", 3600, HOUR),
        (str(seconds(NOW + HOUR)), None, timedelta()),
        (True, 3600, HOUR),
        ({}, 3600, HOUR),
        (2**40, None, timedelta()),
    ],
)
def test_the_end_of_an_access_token(exp: object, expires_in: object, life: timedelta) -> None:
    """`exp` counts first, `expires_in` from the request on second; without either a token is due at once."""
    access = unsigned({"exp": exp})

    assert read(json_reply(tokens(access_token=access, expires_in=expires_in))).expires == NOW + life


def test_infinite_lives_are_due() -> None:
    """A number that overflows while it is read is no life."""
    body = b'{"access_token": "opaque", "expires_in": 1e999}'

    assert read(raw(body)).expires == NOW


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), st.booleans(), st.none()))
def test_any_expires_in_gives_a_time(value: object) -> None:
    """Whatever `expires_in` holds, the token ends between now and ten years from now."""
    reply = read(json_reply({"access_token": ACCESS, "expires_in": value}))

    assert NOW <= reply.expires <= NOW + timedelta(days=3650)


# --- errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(KNOWN_ERRORS))
@pytest.mark.parametrize(
    "shape",
    [
        lambda code: {"error": code},
        lambda code: {"error": {"code": code, "message": CANARY}},
        lambda code: {"error": {"type": code}},
        lambda code: {"code": code},
        lambda code: {"error": CANARY, "code": code},
        lambda code: {"error": {"code": None, "type": code, "message": CANARY}},
    ],
    ids=["error", "error.code", "error.type", "code", "error and code", "null code"],
)
def test_a_known_code_is_found_wherever_it_stands(code: str, shape: object) -> None:
    """OpenAI nests its codes, RFC 6749 does not, and some replies have them at the top."""
    assert callable(shape)
    error = refused(json_reply(shape(code), 400))

    assert isinstance(error, ProviderRefused)
    assert error.facts["error"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>JqXvZkWpYh</html>",
        b'{"error": "JqXvZkWpYh"}',
        b'{"error": {"code": "JqXvZkWpYh"}}',
        b'{"error": {"code": ["invalid_grant"]}}',
        b'{"error": ["invalid_grant"]}',
        b'{"error": 5, "code": {}}',
        b"invalid_grant",
        b'["invalid_grant"]',
        b'{"error": "invalid_grant", "error": "x"}',
        b'{"error": "INVALID_GRANT"}',
        b"\xff",
    ],
)
def test_an_unknown_error_is_other(body: bytes) -> None:
    """Text that is not in the list is never repeated."""
    assert refused(raw(body, 401)).facts["error"] == "other"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, Failure.REFUSED),
        (401, Failure.REFUSED),
        (403, Failure.REFUSED),
        (404, Failure.REFUSED),
        (405, Failure.REFUSED),
        (499, Failure.REFUSED),
        (408, Failure.TRANSIENT),
        (425, Failure.TRANSIENT),
        (429, Failure.TRANSIENT),
        (500, Failure.TRANSIENT),
        (502, Failure.TRANSIENT),
        (503, Failure.TRANSIENT),
        (599, Failure.TRANSIENT),
        (201, Failure.UNUSABLE),
        (204, Failure.UNUSABLE),
        (302, Failure.UNUSABLE),
        (600, Failure.UNUSABLE),
        (999, Failure.UNUSABLE),
    ],
)
def test_the_status_says_whether_to_try_again(status: int, failure: Failure) -> None:
    """Busy or broken is transient, other 4xx are a no, and the rest is no answer at all."""
    kinds = {
        Failure.REFUSED: ProviderRefused,
        Failure.TRANSIENT: ProviderUnreachable,
        Failure.UNUSABLE: ProviderReplyUnusable,
    }
    reply = json_reply(tokens(), status)

    assert read_error(reply).failure is failure
    assert isinstance(refused(reply), kinds[failure])


@pytest.mark.parametrize("body", [{}, {"error": "access_denied"}, {"error": {"code": "missing_codex_entitlement"}}])
def test_a_plain_403_sends_people_to_their_administrator(body: dict[str, object]) -> None:
    """What Codex users see when a workspace has switched Codex off: no new sign-in mends that."""
    error = refused(json_reply(body, 403))

    assert (type(error), error.status) == (AccessNotGranted, 6)
    assert error.hint == "Contact your ChatGPT administrator for access."


@pytest.mark.parametrize("code", ["unsupported_country_region_territory", "invalid_client", "invalid_grant"])
def test_a_403_for_another_reason_is_no_matter_of_access(code: str) -> None:
    """A code that says why is named as it is."""
    assert type(refused(json_reply({"error": code}, 403))) is ProviderRefused


@pytest.mark.parametrize("kind", ["text/html", "", "text/plain", "application/xml", "application/json-x", "json"])
def test_a_web_page_is_no_token_reply(kind: str) -> None:
    """A captive portal that answers 200 is noticed by its content type."""
    assert "web page" in str(refused(raw(json.dumps(tokens()).encode(), kind=kind)))


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"])
def test_json_types_are_read(kind: str) -> None:
    """JSON's media types are read, whatever their case and parameters."""
    assert read_exchange(raw(json.dumps(tokens()).encode(), kind=kind)).refresh == Secret(REFRESH)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("5", timedelta(seconds=5)),
        ("0", timedelta()),
        ("999999999", HOUR),
        ("99999999999", None),
        ("-1", None),
        ("1.5", None),
        ("\u0665", None),
        ("soon", None),
        ("", None),
        ("Mon, 01 Jun 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 01 Jun 2026 11:00:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 GMT", HOUR),
        ("Mon, 99 Jun 2026 12:00:30 GMT", None),
        ("Mon, 01 Foo 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read(header: str, wait: timedelta | None) -> None:
    """Seconds or a date, at most an hour; anything else says nothing (RFC 9110 section 10.2.3)."""
    reply = json_reply({}, 429, retry_after=header)
    error = refused(reply)

    assert read_error(reply) == ProviderError(failure=Failure.TRANSIENT, status=429, code="other", retry_after=wait)
    assert isinstance(error, ProviderUnreachable)
    assert error.retry_after == wait
    assert error.sent


# --- clock ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Mon, 01 Jun 2026 12:00:00 GMT", timedelta()),
        ("Mon, 01 Jun 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Sat, 30 May 2026 12:00:00 GMT", timedelta(days=-2)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", datetime(1970, 1, 1, tzinfo=UTC) - NOW),
        ("Monday, 01-Jun-26 12:00:00 GMT", None),
        ("Mon, 01 Jun 2026 12:00:00 +0000", None),
        ("\u0661", None),
        ("", None),
    ],
)
def test_the_date_header_shows_the_skew(date: str, ahead: timedelta | None) -> None:
    """The difference between the provider's `Date` and when we asked is the skew; an unreadable one is none."""
    assert skew(json_reply({}, date=date)) == ahead


def test_no_date_is_no_skew() -> None:
    """A reply without `Date` says nothing about clocks."""
    assert skew(json_reply({})) is None


@given(
    st.integers(100, 999),
    st.binary(max_size=100),
    st.dictionaries(st.sampled_from(["date", "retry-after", "content-type"]), st.text(max_size=40)),
)
def test_any_reply_is_read_or_refused(status: int, body: bytes, headers: dict[str, str]) -> None:
    """Whatever comes back: tokens, or one of three errors."""
    reply = Reply(status=status, headers=headers, body=body, asked_at=NOW)
    skew(reply)
    with pytest.raises((ProviderUnreachable, ProviderRefused, ProviderReplyUnusable)):
        read(reply)


def test_a_reply_does_not_show_its_body() -> None:
    """The repr of a reply has its status, and neither headers nor body."""
    assert REFRESH not in repr(json_reply(tokens(), set_cookie=REFRESH))
