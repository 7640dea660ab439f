"""What messages are understood as, what is tamed and escaped, and that every sentence is there in every language."""

import json
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import ValidationError

from codex_auth.chat import escape, failing, render, words
from codex_auth.chat.message import Message, read_message
from codex_auth.chat.usage import blocks
from codex_auth.chat.verbs import BYTES, NAMED, Verb, carries_redirect, looks_pasted, read_verb, resolved
from codex_auth.core.chat_errors import ButtonStale, MessageRefused
from codex_auth.core.errors import BadProfileName
from codex_auth.notes import queue
from tests.chat.bed import Found, NotAccepted, Usage, Window, schema

URL = "http://localhost:1455/auth/callback?code=c0de&state=st4te"


def message(text: str = "", tap: str = "") -> Message:
    """Return a message of somebody's."""
    return Message(channel="telegram", sender="7", message_id="1", text=text, callback_data=tap)


@pytest.mark.parametrize(
    ("text", "verb", "profile"),
    [
        ("/codex_auth", "menu", None),
        ("/codex_auth@MyBot", "menu", None),
        ("/codex-auth work", "choose", "work"),
        ("  /CODEX_AUTH   Work ", "choose", "work"),
        ("/codex_auth default", "choose", "default"),
        ("/codex_auth openai:work", "choose", "work"),
        ("/codex_auth ada＠acme․example", "choose", "ada@acme.example"),
        ("work", "choose", "work"),
        ("/codex_auth device work", "device", "work"),
        ("/codex_auth link", "link", None),
        ("/codex_auth status", "status", None),
        ("/codex_auth cancel work", "cancel", "work"),
        ("/codex_auth choose status", "choose", "status"),
        ("/codex_auth apply work", "apply", "work"),
        ("/codex_auth restart work", "restart", "work"),
        ("/codex_auth help", "help", None),
        ("/codex_auth what is this", "help", None),
        ("hello there", "help", None),
        ("/codex_usage", "usage", None),
        ("/codex_usage all", "usage", None),
        ("/codex_usage work", "usage", "work"),
        ("/codex_auth finish", "poll", None),
        ("/codex_auth finish work", "poll", "work"),
        (f"/codex_auth finish work {URL}", "finish", "work"),
        (f"/codex_auth finish {URL}", "finish", None),
        (f"/codex_auth finish work\n{URL}", "finish", "work"),
        (f"/codex_auth work {URL}", "finish", "work"),
        (f"/codex_auth {URL}", "finish", None),
        (URL, "finish", None),
        (f"here it is: {URL} thanks", "finish", None),
        *((word, word.strip().lower(), None) for word in ("cancel", " Status\n", "help")),
        ("callback_data: codex_auth_1_c_work", "choose", "work"),
    ],
)
def test_what_is_written_is_understood(text: str, verb: str, profile: str | None) -> None:
    """Commands in the spellings that people and channels give them, plain names, and addresses without a command."""
    found = read_verb(message(text))

    assert (found.name, found.profile) == (verb, profile)
    assert (found.paste is not None) is (verb == "finish")
    assert carries_redirect(message(text)) is (verb == "finish")


@pytest.mark.parametrize("text", ["/codex_auth a/b", "/codex_auth -x", "/codex_usage ../x", "/codex_auth cancel é"])
def test_odd_names_are_refused(text: str) -> None:
    """What is no name is refused, and is not a command either."""
    with pytest.raises(BadProfileName):
        read_verb(message(text))


@pytest.mark.parametrize(
    "data",
    [
        *("codex_auth_", "codex_auth_2_m", "codex_auth_1_q", "codex_auth_1_c_a/b", "codex_auth_1_m_work", "other_1_m"),
        *("codex_auth_1_y_", "codex_auth_1_y_work", "codex_auth_work", "codex_auth_1_c_" + "a" * 60),
    ],
)
def test_other_buttons_are_stale(data: str) -> None:
    """Another version, an unknown verb, a name that is none, too many bytes: the same kind answer to all."""
    with pytest.raises(ButtonStale):
        read_verb(message(tap=data))


NAMES = st.from_regex(r"[a-z0-9][a-z0-9._@+-]{0,63}", fullmatch=True).filter(lambda name: ".." not in name)


@example("choose", "a" * 64)
@given(st.sampled_from(sorted(NAMED)), NAMES)
def test_a_button_fits_and_comes_back(name: str, profile: str) -> None:
    """Whatever the profile is called, a button's data has 64 bytes at most and means the same verb and profile."""
    data = Verb(name=name, profile=profile).data

    found = read_verb(message(tap=data))
    assert len(data.encode()) <= BYTES
    assert data.startswith("codex_auth_1_")
    assert (found.name, resolved(found, ["other", profile])) == (name, profile)


@given(st.sampled_from(sorted(NAMED)), NAMES)
def test_what_is_typed_instead_means_the_same(name: str, profile: str) -> None:
    """Where there are no buttons, the words that are shown do what the button would."""
    verb = Verb(name=name, profile=profile)
    found = read_verb(message(verb.typed))

    if profile != "all" or name != "usage":
        assert (found.name, found.profile) == (name, profile)


def test_a_button_of_a_profile_that_is_gone_is_stale() -> None:
    """A digest that no profile has any more."""
    data = Verb(name="choose", profile="a" * 64).data

    with pytest.raises(ButtonStale):
        resolved(read_verb(message(tap=data)), ["work"])


@given(st.text(max_size=60), st.sampled_from([escape.PLAIN, escape.TELEGRAM, escape.DISCORD, escape.SLACK]))
def test_outside_text_obeys_nothing(text: str, dialect: str) -> None:
    """Tamed and escaped, text has no mention, link, fence, tag, emphasis or invisible character in any dialect."""
    shown = escape.escaped(escape.tame(text), dialect)

    assert not set(shown) & set("@#`*~<>[](){}|&$!/:^=\n\r\0\u202e\u200b\u2066\ufeff")
    assert "://" not in shown


@pytest.mark.parametrize(
    "hostile",
    [
        *("@everyone", "<!channel>", "<@U123>", "[a](https://evil.example)", "https://evil.example", "evil.example"),
        *("```x```", "_it_", "*b*", "||s||", "~~s~~", "\u202egro.live", "#general", "/start", "$AAPL", "&lt;"),
        *("tg://user?id=1", "mailto:a@b.example", "a_b_", "<script>", "> quote"),
    ],
)
def test_known_tricks_are_tamed(hostile: str) -> None:
    """Mentions, links with and without a scheme, fences, emphasis, spoilers, quotes, commands, right-to-left marks."""
    shown = escape.tame(f"x {hostile} y")

    assert not any(trick in shown for trick in ("@", "<", ">", "`", "*", "[", "//", "~", "|", "#", " /", "\u202e", "$"))
    assert "evil.example" not in shown
    assert " _" not in shown
    assert "_ " not in shown


@pytest.mark.parametrize("dialect", [escape.PLAIN, escape.TELEGRAM, escape.DISCORD, escape.SLACK])
def test_a_long_reply_ends_at_a_line(dialect: str) -> None:
    """What a channel's message cannot hold is left out in whole lines, so that no escape is cut in two."""
    lines = [escape.escaped(f"line-{number}.", dialect) for number in range(900)]

    shown = render._fitted(lines, render._LIMITS[dialect]).split("\n")

    assert len("\n".join(shown)) <= render._LIMITS[dialect]
    assert (shown[:-1], shown[-1]) == (lines[: len(shown) - 1], "…")


def test_a_code_cannot_end_its_own_frame() -> None:
    """A code of the provider's with a backtick in it stays inside the marks."""
    assert escape.code("AB`@x`CD", escape.TELEGRAM) == "`AB@xCD`"


def test_both_languages_say_everything() -> None:
    """English and Chinese have the same sentences with the same placeholders, and none is empty."""

    def shape(language: str) -> dict[str, set[str]]:
        return {
            name: {key for _, key, _, _ in string.Formatter().parse(text) if key}
            for name, text in words.SENTENCES[language].items()
        }

    assert shape(words.ENGLISH) == shape(words.CHINESE)
    assert all(text for sentences in words.SENTENCES.values() for text in sentences.values())


def test_every_step_and_every_failure_has_its_sentence() -> None:
    """Each step of the queue, and each code that a failure is told by, is in the table."""
    known = words.SENTENCES[words.ENGLISH]
    steps = {f"apply_{step}" for step in {*queue.NEXT, *queue.FINAL}}

    assert steps <= known.keys()
    assert known.keys() >= failing._OWN
    assert set(failing._SENTENCES.values()) <= known.keys()


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("", "en"),
        ("en-US", "en"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh_TW.UTF-8", "zh"),
        ("ZH-hans", "zh"),
        ("de", "en"),
    ],
)
def test_the_locale_chooses_the_language(locale: str, language: str) -> None:
    """Chinese in all its spellings, and English for everybody else."""
    assert words.language_of(locale) == language


def test_limits_are_shown_in_blocks() -> None:
    """Profile, usable, limited, then each window with what is left, its reset and the time until then."""
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    work = Found("work", Usage(Window(42.9, now + timedelta(hours=2)), Window(80, now + timedelta(days=3, hours=2))))
    home = Found("home", trouble=NotAccepted())

    shown = "\n".join(line.text for line in blocks([work, home], words.ENGLISH, now))

    assert shown == (
        "Profile: work\nUsable: yes\nLimited: no\n5h left: 42%, reset 2026-06-01 14:00 UTC, in 2h\n"
        "Week left: 80%, reset 2026-06-04 14:00 UTC, in 3d 2h\n\n"
        "Profile: home\nUsable: unknown\nLimited: unknown\n"
        "Not told: signed in, but the usage endpoint does not accept this session"
    )


GOOD = {"channel": "telegram", "sender": "7", "message_id": "1", "text": "/codex_auth"}
ONE_LINE = st.text(st.characters(exclude_characters="\n"), max_size=5)  # Python's `$` lets a line end pass, JSON's not
JUNK = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ONE_LINE, st.just(1), st.just(1.0)),
    st.lists(ONE_LINE),
)


@given(
    st.dictionaries(st.sampled_from([*GOOD, "callback_data", "locale", "capabilities", "schema_version", "x"]), JUNK)
)
def test_the_reader_and_the_schema_agree(changes: dict[str, object]) -> None:
    """Whatever the fields hold, the reader refuses what the published schema refuses, and nothing else."""
    said = {**GOOD, **changes}
    try:
        schema("message").validate(said)
        is_valid = True
    except ValidationError:
        is_valid = False
    try:
        read_message(json.dumps(said).encode())
        is_read = True
    except MessageRefused:
        is_read = False

    assert is_read is is_valid, said


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"{", b"null", b'{"a": 1, "a": 2}', b"\xff\xfe", b'{"channel": NaN}', b"[" * 5000),
        json.dumps({**GOOD, "text": "x" * 70000}).encode(),
        json.dumps({**GOOD, "callback_data": "codex_auth_1_m"}).encode(),
        json.dumps({**GOOD, "more": 1}).encode(),
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """No object, broken, doubled, too long, or both written and tapped."""
    with pytest.raises(MessageRefused):
        read_message(data)


def test_a_redirect_in_what_cannot_be_read_is_seen() -> None:
    """Broken JSON with an address in it still leads to the advice to delete the message."""
    assert looks_pasted(b'{"text": "http:\\/\\/localhost:1455\\/auth\\/callback?code=x')
    assert not looks_pasted(b'{"text": "hello')
