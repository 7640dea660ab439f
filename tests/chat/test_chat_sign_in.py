"""Signing in from a chat against the real sandbox: both ways, by whom, once, and what is said when it goes wrong."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_auth.chat.book import MESSAGES, QUESTION_SECONDS, SAME_SECONDS
from codex_auth.sandbox.server import Sandbox
from codex_auth.sandbox.visitor import approve, approve_device, deny
from tests.chat.bed import Chat, buttons
from tests.story.conftest import sandbox

__all__ = ["sandbox"]


@pytest.fixture
def chat(tmp_path: Path, sandbox: Sandbox) -> Chat:
    """Return a chat whose provider is the sandbox."""
    return Chat(tmp_path / "home", sandbox.issuer)


def signed_in(chat: Chat, profile: str = "work", account: str = "work") -> dict[str, object]:
    """Sign in by link, and return what was said at the end."""
    link = chat.say(f"/codex_auth link {profile}")
    return chat.say(f"/codex_auth finish {profile} {approve(link['login_url'], account)}")


def test_a_tap_leads_to_the_next_until_somebody_is_signed_in(chat: Chat, sandbox: Sandbox) -> None:
    """From the selector by taps alone: a new name, the code, approval, signed in, and there in the status."""
    empty = chat.say("/codex_auth")
    assert empty["buttons"] == [[{"label": "New …", "callback_data": "codex_auth_1_n"}]]
    assert empty["text"].startswith("There is no profile yet.")
    ways = buttons(chat.say("/codex_auth work"))
    begun = chat.say(tap=ways["By code (best)"])
    assert begun["user_code"] in begun["text"]
    assert begun["follow_up"]["callback_data"] == "codex_auth_1_p_work"

    waiting = chat.say(tap=begun["follow_up"]["callback_data"])
    assert (waiting["ok"], waiting["progress"], waiting["verb"]) == (True, True, "poll")
    approve_device(begun["verification_url"], begun["user_code"])
    chat.later(waiting["follow_up"]["after_seconds"])
    done = chat.say(tap=waiting["follow_up"]["callback_data"])

    assert done["text"].startswith("Signed in: work is a…a＠a…e․example, plan team.")
    assert (done["progress"], done["queued"], done["follow_up"]) == (False, False, None)
    assert "work: signed in as" in chat.say("/codex_auth status")["text"]


def test_a_pasted_address_is_used_at_once_and_is_to_be_deleted(chat: Chat) -> None:
    """The address signs in, and the reply asks to delete the message it came in and repeats none of it."""
    link = chat.say("/codex_auth link work")
    address = approve(link["login_url"])

    done = chat.say(address)

    assert (done["ok"], done["verb"], done["profile"]) == (True, "finish", "work")
    assert done["delete_message"] is True
    assert done["text"].startswith("Please delete your message")
    assert address.partition("code=")[2][:12] not in json.dumps(done)


def test_a_replay_says_that_it_was_used(chat: Chat) -> None:
    """Pasting the address again, when it is no double tap any more, says that it works once."""
    link = chat.say("/codex_auth link work")
    address = approve(link["login_url"])
    chat.say(f"/codex_auth finish work {address}")
    chat.later(SAME_SECONDS + 1)

    again = chat.say(f"/codex_auth finish work {address}")

    assert (again["error"], again["delete_message"]) == ("pending_login_gone", True)
    assert "finished already; an address works once" in again["text"]


def test_the_same_paste_within_moments_gets_the_same_answer(chat: Chat) -> None:
    """A channel that delivers twice does not make “already used” of a success."""
    link = chat.say("/codex_auth link work")
    paste = f"/codex_auth finish work {approve(link['login_url'])}"
    first = chat.say(paste)

    second = chat.say(paste)

    assert second == {**first, "duplicate": True}


@pytest.mark.parametrize("way", ["link", "device"])
def test_a_double_tap_shows_the_same_link_or_code(chat: Chat, way: str) -> None:
    """The second tap starts nothing: link and code are those of the first, and the book holds neither."""
    tap = f"codex_auth_1_{way[0]}_work"
    first = chat.say(tap=tap)
    chat.later(SAME_SECONDS - 1)

    second = chat.say(tap=tap)

    assert second["duplicate"] is True
    shown = ("login_url", "user_code", "expires_at")
    assert [second.get(key) for key in shown] == [first.get(key) for key in shown]
    kept = (chat.home / "state/chat.json").read_text()
    assert "http" not in kept
    assert first.get("user_code", "http") not in kept


def test_later_the_same_tap_begins_anew(chat: Chat) -> None:
    """After those moments a second tap is meant: a new link takes the place of the first."""
    first = chat.say(tap="codex_auth_1_l_work")
    chat.later(SAME_SECONDS + 1)

    second = chat.say(tap="codex_auth_1_l_work")

    assert second["duplicate"] is False
    assert second["login_url"] != first["login_url"]
    assert "takes the place" in second["text"]


def test_cancelling_twice_with_a_beginning_between_is_cancelling_twice(chat: Chat) -> None:
    """Only the last thing that was done counts as the same: nothing stays waiting that was cancelled."""
    for _ in range(2):
        chat.say("/codex_auth link work")
        assert chat.say("/codex_auth cancel work")["text"] == "The sign-in that waited for work is forgotten."
    assert chat.say("/codex_auth cancel")["text"] == "No sign-in is waiting."


@pytest.mark.parametrize(("channel", "sender"), [("telegram", "8"), ("discord", "7")])
def test_a_sign_in_belongs_to_who_started_it(chat: Chat, channel: str, sender: str) -> None:
    """Another sender, or the same id in another channel, can neither finish, replace, poll nor cancel it."""
    link = chat.say("/codex_auth link work")
    address = approve(link["login_url"])

    for words in (f"finish work {address}", "cancel work", "link work", "device work"):
        refused = chat.say(f"/codex_auth {words}", channel=channel, sender=sender)
        assert (refused["error"], refused["exit_code"]) == ("foreign_pending_login", 6)
    assert chat.say("/codex_auth finish work " + address)["ok"] is True


def test_a_code_is_asked_about_by_who_started_it(chat: Chat) -> None:
    """Somebody else's poll is refused, and asks the provider nothing."""
    chat.say("/codex_auth device work")

    assert chat.say("/codex_auth finish work", sender="8")["error"] == "foreign_pending_login"


def test_an_operator_may_cancel_anothers_sign_in_and_says_so_twice(chat: Chat) -> None:
    """The question is bound to who asked it and to two minutes; only its answer forgets the sign-in."""
    chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:7, telegram:8"
    chat.say("/codex_auth link work")

    asked = chat.say("/codex_auth cancel work", sender="8")
    yes = buttons(asked)["Yes, do it"]
    assert chat.say(tap=yes, sender="7")["error"] == "not_confirmed"
    done = chat.say(tap=yes, sender="8")
    assert done["text"] == "The sign-in that waited for work is forgotten."
    chat.later(SAME_SECONDS + 1)
    assert chat.say(tap=yes, sender="8")["error"] == "not_confirmed"


def test_a_confirmation_grows_old(chat: Chat) -> None:
    """After two minutes the question does not stand any more."""
    chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:7,telegram:8"
    chat.say("/codex_auth link work")
    yes = buttons(chat.say("/codex_auth cancel work", sender="8"))["Yes, do it"]
    chat.later(QUESTION_SECONDS + 1)

    assert chat.say(tap=yes, sender="8")["error"] == "not_confirmed"
    assert "waiting" in chat.say("/codex_auth status")["text"]


def test_a_confirmation_means_the_sign_in_that_was_asked_about(chat: Chat) -> None:
    """One that took its place meanwhile stays."""
    chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:7,telegram:8"
    chat.say("/codex_auth link work")
    yes = buttons(chat.say("/codex_auth cancel work", sender="8"))["Yes, do it"]
    chat.later(SAME_SECONDS + 1)
    chat.say("/codex_auth link work")

    chat.say(tap=yes, sender="8")

    assert "your sign-in is waiting" in chat.say("/codex_auth status")["text"]


def test_only_operators_are_heard_where_there_is_a_list(chat: Chat) -> None:
    """Everybody else is refused, and leaves no note; a paste of theirs is to be deleted all the same."""
    chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:7"

    refused = chat.say("http://localhost:1455/auth/callback?code=x&state=y", sender="8")

    assert (refused["error"], refused["delete_message"]) == ("not_an_operator", True)
    assert not (chat.home / "state/chat.json").exists()
    assert chat.say("/codex_auth")["ok"] is True


def test_operators_may_be_named_in_the_configuration(chat: Chat) -> None:
    """`chat_operators` is a list of channel:sender; the environment stands above it."""
    folder = chat.home / ".config/codex-auth"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('chat_operators = ["telegram:8"]\n')

    assert chat.say("/codex_auth")["error"] == "not_an_operator"
    assert chat.say("/codex_auth", sender="8")["ok"] is True
    chat.env["CODEX_AUTH_CHAT_OPERATORS"] = "telegram:7"
    assert chat.say("/codex_auth")["ok"] is True


def test_too_many_messages_are_not_acted_on(chat: Chat) -> None:
    """A sender who is faster than anybody types is told for how long; others are not slowed, and time mends it."""
    for _ in range(MESSAGES):
        assert chat.say("/codex_auth")["ok"] is True

    assert chat.say("/codex_auth")["error"] == "too_many_messages"
    assert chat.say("/codex_auth", sender="8")["ok"] is True
    chat.later(61)
    assert chat.say("/codex_auth")["ok"] is True


def test_another_account_is_refused(chat: Chat) -> None:
    """The identity guard holds in a chat: nothing is stored, and the accounts are not named."""
    assert signed_in(chat)["ok"] is True
    chat.later(SAME_SECONDS + 1)

    other = signed_in(chat, account="client")

    assert (other["error"], other["exit_code"]) == ("identity_mismatch", 5)


def test_a_denial_is_told(chat: Chat) -> None:
    """Saying no in the browser ends the sign-in, with a button to begin anew."""
    link = chat.say("/codex_auth link work")

    denied = chat.say(f"/codex_auth finish work {deny(link['login_url'])}")

    assert (denied["error"], denied["delete_message"]) == ("consent_denied", True)
    assert buttons(denied) == {"Try again": "codex_auth_1_c_work"}


def test_a_provider_that_is_away_loses_nothing(tmp_path: Path) -> None:
    """The address can be pasted again when the provider is back: what passes by itself is not kept as the answer."""
    chat = Chat(tmp_path / "home")
    link = chat.say("/codex_auth link work")
    state = parse_qs(urlsplit(link["login_url"]).query)["state"][0]
    paste = f"/codex_auth finish work http://localhost:1455/auth/callback?code=abcdefgh12345678&state={state}"

    for _ in range(2):
        away = chat.say(paste)
        assert (away["error"], away["exit_code"], away["duplicate"]) == ("provider_unreachable", 8, False)
        assert state not in json.dumps(away)


def test_a_damaged_book_stops_nobody(chat: Chat) -> None:
    """Notes that do not read are begun anew; nothing is confirmed by them."""
    chat.say("/codex_auth")
    (chat.home / "state/chat.json").write_text('{"schema_version": 1, "answers": [3], "questions"')

    assert chat.say("/codex_auth")["ok"] is True


def test_a_broken_configuration_is_one_reply(chat: Chat) -> None:
    """Where not even the configuration reads, the reply says so without a path."""
    folder = chat.home / ".config/codex-auth"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("not toml")

    reply = chat.say("/codex_auth")

    assert (reply["ok"], reply["error"]) == (False, "config_damaged")
    assert str(chat.home) not in json.dumps(reply)


def test_an_exception_inside_is_one_reply(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expected is told in our words; what the exception says is not."""

    def explode(*_: object) -> None:
        raise RuntimeError("CANARY-inside")

    monkeypatch.setattr("codex_auth.chat.talk.read_verb", explode)
    reply = chat.say("/codex_auth")
    assert (reply["ok"], reply["error"]) == (False, "unexpected")
    assert "CANARY" not in json.dumps(reply)

    monkeypatch.setattr(Chat, "room", explode)
    assert chat.say("/codex_auth")["error"] == "unexpected"


def test_several_sign_ins_of_one_sender_are_told_apart(chat: Chat) -> None:
    """Without a name, cancel asks which; an address says itself which one it is for."""
    work = chat.say("/codex_auth link work")
    chat.say("/codex_auth link home")

    assert buttons(chat.say("/codex_auth cancel")) == {"work": "codex_auth_1_x_work", "home": "codex_auth_1_x_home"}
    assert chat.say(approve(work["login_url"]))["profile"] == "work"


def test_the_sign_ins_of_others_are_not_told(chat: Chat) -> None:
    """Who has none waiting is told that none waits, however many of others' do, and none of their names."""
    chat.say("/codex_auth link work")
    chat.say("/codex_auth link home")

    for words in ("finish", "finish code=abc", "cancel"):
        reply = chat.say(f"/codex_auth {words}", sender="8")
        assert reply["text"].endswith("No sign-in is waiting.")
