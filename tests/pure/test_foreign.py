"""Refresh tokens in other programs' files, and files that are none."""

import json

import pytest

from codex_auth.core.foreign import FENCE, codex_tokens, profile_tokens
from codex_auth.core.secret import Secret

CODEX = {
    "auth_mode": "chatgpt",
    "OPENAI_API_KEY": None,
    "tokens": {"id_token": "i", "access_token": "a", "refresh_token": "r1", "account_id": "account-1"},
    "last_refresh": "2026-01-01T00:00:00Z",
}


def text(value: object) -> bytes:
    """Return a document."""
    return json.dumps(value).encode()


def test_a_codex_file_holds_one_token() -> None:
    """The refresh token comes with the account it belongs to."""
    assert codex_tokens(text(CODEX)) == [("account-1", Secret("r1"))]


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        ({"refresh_token": "r1"}, [("", Secret("r1"))]),
        ({"refresh_token": "r1", "account_id": None}, [("", Secret("r1"))]),
        ({"refresh_token": "", "account_id": "account-1"}, []),
        ({"refresh_token": None}, []),
        ({"refresh_token": ["r1"]}, []),
        ({}, []),
        (None, []),
        ("r1", []),
    ],
)
def test_odd_codex_tokens(tokens: object, found: list[tuple[str, Secret]]) -> None:
    """A missing account is empty; what is no text, or an empty one, is no token."""
    assert codex_tokens(text({**CODEX, "tokens": tokens})) == found


def test_an_openclaw_file_holds_many_tokens() -> None:
    """Every entry with a refresh token counts, whatever its provider; a fence, a key and rubbish do not."""
    profiles = {
        "openai-codex:work": {"type": "oauth", "refresh": "r1", "accountId": "account-1"},
        "anthropic:me": {"type": "oauth", "refresh": "r2"},
        "openai:fenced": {"type": "oauth", "refresh": FENCE + "1", "accountId": "account-1"},
        "openai:key": {"type": "api_key", "key": "sk-1"},
        "openai:odd": {"type": "oauth", "refresh": 7},
        "openai:text": "r3",
    }

    assert profile_tokens(text({"version": 1, "profiles": profiles})) == [
        ("account-1", Secret("r1")),
        ("", Secret("r2")),
    ]


DAMAGED = {
    "empty": b"",
    "cut off": text(CODEX)[:-5],
    "not UTF-8": b'{"tokens": "\xff"}',
    "a list": b"[]",
    "a repeated key": b'{"tokens": {}, "tokens": {}}',
    "too deep": b'{"tokens": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a long number": b'{"tokens": ' + b"9" * 5000 + b"}",
    "profiles as a list": b'{"profiles": []}',
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("document", DAMAGED.values(), ids=DAMAGED)
def test_damage_is_no_token_and_no_error(document: bytes) -> None:
    """A file that cannot be read holds nothing, and nothing is raised about another program's trouble."""
    assert codex_tokens(document) == []
    assert profile_tokens(document) == []


def test_a_byte_order_mark_hides_nothing() -> None:
    """A mark before the document is skipped."""
    assert codex_tokens(b"\xef\xbb\xbf" + text(CODEX)) == [("account-1", Secret("r1"))]
