"""The second door of a report: what looks like a secret or a person is taken out of any text."""

from typing import Any

import pytest

from codex_auth.core.scrub import GONE, Scrub

PEOPLE: dict[str, Any] = {
    "home": "/home/alice",
    "accounts": ["acct-0f3e9a", "acct-77"],
    "addresses": ["alice@example.com"],
    "names": ["alice"],
}
SCRUB = Scrub(**PEOPLE)
TAKEN = {
    "a JWT": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln",
    "a refresh token": "rt_0aB1cD2eF3gH4iJ5",
    "an API key": "sk-proj-a1b2c3d4e5",
    "a personal token": "at-9f8e7d6c5b4a",
    "a verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "base64": "QzKw7PvXr2Lm9TbNcY4hGs==",
    "hexadecimal": "0123456789abcdef0123456789abcdef",
}


@pytest.mark.parametrize("secret", TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("around", ["{}", "it said {}.", "/home/alice/{}/x", '{{"a": "{}"}}', "a={}", "({})"])
def test_what_looks_like_a_secret_is_taken_out(secret: str, around: str) -> None:
    """Wherever it stands."""
    assert secret not in SCRUB.text(around.format(secret))
    assert GONE in SCRUB.text(around.format(secret))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://localhost:1455/auth/callback?code=short&state=abc", f"http://localhost:1455/auth/callback?code={GONE}&state={GONE}"),
        ("http://user:word@proxy.example:3128", "http://***@proxy.example:3128"),
        ("Authorization: Bearer abc", f"Authorization: Bearer {GONE}"),
        ("/home/alice/.codex/auth.json", "~/.codex/auth.json"),
        ("/home/alicent", "/home/alicent"),
        ("/media/alice/disk", "/media/name-1/disk"),
        ("acct-77 and acct-0f3e9a", "account-2 and account-1"),
        ("of alice@example.com", "of email-1"),
        ("bob@example.org, bob%40example.org, eve@example.org", "address-1, address-1, address-2"),
        ("the account …9a8b", "the account …"),
    ],
)  # fmt: skip
def test_people_get_names_of_the_report(text: str, left: str) -> None:
    """The same all over it, so that two accounts can be told apart, and no more."""
    fresh = Scrub(**PEOPLE)

    assert fresh.text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Run `chmod 700 ~/.local/share/codex-auth`.",
        "auth-profiles.json.damaged-20260101T000000Z was moved aside",
        "2026-06-01T00:00:00Z",
        "OpenClaw 2026.9.6-beta.1, Codex 0.169.0, Python 3.11.2, Linux 6.1.0-18-amd64",
        "/usr/lib/python3.11/site-packages/codex_auth_profiles-0.1.0.dist-info",
        "provider_reply_unusable, codex-auth-keep.timer, auth-profiles.json.migrated-2026-06-01",
    ],
)
def test_a_report_stays_readable(text: str) -> None:
    """Paths, times, releases and codes are what it is for."""
    assert SCRUB.text(text) == text


def test_all_of_a_document_is_scrubbed() -> None:
    """Texts however deep, and names of members; numbers and nothing stay."""
    held = {"acct-77": [{"a": ("acct-77", 7)}, None, True]}

    assert SCRUB.document(held) == {"account-2": [{"a": ["account-2", 7]}, None, True]}
