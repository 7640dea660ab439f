"""The lines between a program and `codex app-server`: which are ours, and that every other passes as it is."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from codex_auth.core.app_server import Dialogue, Kind
from codex_auth.core.card import Identity
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret

MARK = "codex-auth-0123456789abcdef-"
LOGIN = Credential(
    profile="work",
    identity=Identity(issuer="i", subject="s", account_id="acct", plan="pro"),
    access=Secret("access-1"),
    refresh=Secret("refresh-1"),
    id_token=None,
    expires=datetime(2030, 1, 1, tzinfo=UTC),
)


def line(**message: Any) -> bytes:
    """Return a line as a program writes it, with spaces of its own."""
    return json.dumps(message, indent=None, separators=(" , ", " : ")).encode() + b"\r\n"


def test_initialize_asks_for_what_tokens_need() -> None:
    """`experimentalApi` is added to what the program can do, and the rest of its introduction stays."""
    told = line(id=0, method="initialize", params={"clientInfo": {"name": "x"}, "capabilities": {"y": 1}})

    changed = json.loads(Dialogue(MARK).introduced(told))

    assert changed == {
        "id": 0,
        "method": "initialize",
        "params": {"clientInfo": {"name": "x"}, "capabilities": {"y": 1, "experimentalApi": True}},
    }


@pytest.mark.parametrize(
    "told",
    [
        line(id=0, method="initialize", params={"capabilities": {"experimentalApi": True}}),
        line(id=0, method="initialize", params=[]),
        line(id=1, method="turn/start", params={"input": [{"text": '"initialize"'}]}),
        b'"initialize" and no JSON\n',
        b"\xff\xfe\n",
        b"no line end",
        b"",
    ],
)
def test_every_other_line_passes(told: bytes) -> None:
    """Byte for byte: what says `experimentalApi` already, what only speaks of an introduction, and what is no JSON."""
    assert Dialogue(MARK).introduced(told) == told


def test_the_sign_in_has_no_refresh_token() -> None:
    """The access token, its account and plan are all that Codex gets."""
    request = json.loads(Dialogue(MARK).login(LOGIN))

    assert request["params"] == {
        "type": "chatgptAuthTokens",
        "accessToken": "access-1",
        "chatgptAccountId": "acct",
        "chatgptPlanType": "pro",
    }
    assert request["id"].startswith(MARK)


def test_replies_to_ours_are_ours() -> None:
    """The reply and one completion for each sign-in of ours are kept back; the program's own are not."""
    dialogue = Dialogue(MARK)
    own = json.loads(dialogue.login(LOGIN))["id"]
    completed = line(method="account/login/completed", params={"loginId": None, "success": True})
    theirs = line(method="account/login/completed", params={"loginId": "1", "success": True})

    kinds = [
        dialogue.heard(each).kind
        for each in [
            line(id=own, result={}),
            theirs,
            completed,
            completed,
            line(id=1, result={}),
        ]
    ]

    assert kinds == [Kind.DONE, Kind.PASS, Kind.HIDDEN, Kind.PASS, Kind.PASS]


def test_no_completion_follows_a_sign_in_that_was_not_taken() -> None:
    """The next completion without a number is then of the program's own sign-in, and it must hear of it."""
    dialogue = Dialogue(MARK)
    own = json.loads(dialogue.login(LOGIN))["id"]
    completed = line(method="account/login/completed", params={"loginId": None, "success": True})

    assert [dialogue.heard(each).kind for each in [line(id=own, error={}), completed]] == [Kind.FAILED, Kind.PASS]


def test_a_text_that_quotes_us_passes() -> None:
    """Only an id or a method makes a line ours, not words in it."""
    told = line(method="item", params={"text": f"{MARK}1 account/chatgptAuthTokens/refresh account/login/completed"})

    assert Dialogue(MARK).heard(told).kind is Kind.PASS


@pytest.mark.parametrize("number", [7, "seven"])
def test_a_question_is_answered_under_its_number(number: object) -> None:
    """Whatever kind of id Codex gave its question, the answer has it."""
    dialogue = Dialogue(MARK)
    asked = dialogue.heard(
        line(id=number, method="account/chatgptAuthTokens/refresh", params={"reason": "unauthorized"})
    )

    assert asked.kind is Kind.ASKED
    assert json.loads(dialogue.answer(asked, LOGIN))["id"] == number
    assert json.loads(dialogue.refusal(asked))["error"]["code"] == -32000
