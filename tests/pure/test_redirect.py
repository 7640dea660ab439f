"""What came back from the browser is read strictly, alike at both doors, and never repeated."""

import time
import traceback
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codex_auth.core.errors import RedirectRefused
from codex_auth.core.redirect import (
    DENIALS,
    PROBLEMS,
    Denied,
    Expected,
    Reason,
    Redirect,
    read_query,
    read_redirect,
    state_of,
)
from codex_auth.core.secret import Secret
from tests.pure.nasty_redirects import (
    ACCEPTED,
    CANARY,
    CODE,
    EXPECTED,
    ISSUER,
    OTHER_STATE,
    QUERIES,
    REDIRECT_URI,
    ROWS,
    STATE,
    URL,
    Row,
)

SECRETS = (STATE, CODE, CANARY, OTHER_STATE)
CONSTANT_WORDS = " ".join([*PROBLEMS.values(), *Reason, RedirectRefused.sentence, RedirectRefused.remedy])


def verdict(result: Redirect | Denied) -> str:
    """Write a result as the table does."""
    if isinstance(result, Denied):
        return f"denied:{result.error}"
    assert result.code.reveal() == CODE
    return ACCEPTED


def judge(text: str) -> str:
    """Return the verdict on a pasted text."""
    try:
        return verdict(read_redirect(text, EXPECTED))
    except RedirectRefused as refused:
        return refused.facts["reason"]


def judge_query(query: str) -> str:
    """Return the verdict on a query at the callback."""
    try:
        return verdict(read_query(query, EXPECTED))
    except RedirectRefused as refused:
        return refused.facts["reason"]


def refusal(text: str) -> RedirectRefused | None:
    """Return the refusal of a pasted text, or None if it is not refused."""
    try:
        read_redirect(text, EXPECTED)
    except RedirectRefused as refused:
        return refused
    return None


def slices(text: str) -> set[str]:
    """Return every six characters in a row."""
    return {text[start : start + 6] for start in range(len(text) - 5)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_named_paste_gets_its_verdict(row: Row) -> None:
    """A pasted text is accepted, denied or refused exactly as its row says."""
    assert judge(row.text) == row.verdict


@pytest.mark.parametrize("row", QUERIES, ids=lambda row: row.id)
def test_every_named_query_gets_its_verdict(row: Row) -> None:
    """A query at the callback gets the verdict it would get pasted."""
    assert judge_query(row.text) == row.verdict


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_nothing_of_a_refused_paste_is_repeated(row: Row) -> None:
    """No six characters of the input show in the error, unless they are words of our own constant sentences."""
    refused = refusal(row.text)
    if refused:
        shown = " ".join([str(refused), repr(refused), repr(refused.args), repr(refused.facts), refused.hint])
        trace = "".join(traceback.format_exception(refused))

        assert {found for found in slices(row.text) if found in shown and found not in CONSTANT_WORDS} == set()
        assert {found for secret in SECRETS for found in slices(secret) if found in shown + trace} == set()
        assert refused.__cause__ is None
        assert refused.__context__ is None


def test_accepted_results_do_not_show_the_code() -> None:
    """The repr of a result and of what was expected keeps code and state to itself."""
    shown = repr(read_redirect(URL, EXPECTED)) + repr(EXPECTED)

    assert {found for secret in SECRETS for found in slices(secret) if found in shown} == set()


def test_the_table_is_large_and_names_are_unique() -> None:
    """There are at least 120 rows with a name of their own each, and every reason has one."""
    assert len({row.id for row in ROWS}) == len(ROWS) >= 120
    assert {row.verdict for row in ROWS} >= {str(reason) for reason in Reason}


def test_every_reason_has_a_sentence() -> None:
    """Each reason is explained, and no two with the same words."""
    assert set(PROBLEMS) == set(Reason)
    assert len(set(PROBLEMS.values())) == len(Reason)


@pytest.mark.parametrize("error", sorted(DENIALS))
def test_known_errors_are_named(error: str) -> None:
    """A denial keeps the provider's error when it is in the list."""
    assert read_query(f"error={error}&state={STATE}", EXPECTED) == Denied(error)


def test_the_login_on_the_other_port_is_its_own() -> None:
    """What is the wrong port for one sign-in is the right one for the sign-in that uses it."""
    expected = Expected(redirect_uri=REDIRECT_URI.replace("1455", "1457"), state=Secret(STATE), issuer=ISSUER)

    assert read_redirect(URL.replace("1455", "1457"), expected) == Redirect(Secret(CODE))
    with pytest.raises(RedirectRefused, match="port"):
        read_redirect(URL, expected)


def test_a_query_without_end_is_too_long() -> None:
    """The callback's query has the same limit as a pasted address."""
    assert judge_query(f"code={'x' * 8192}&state={STATE}") == "too_long"


def test_a_redirect_uri_of_ours_must_be_absolute() -> None:
    """A nonsensical expectation is our mistake, not the user's."""
    with pytest.raises(ValueError, match="absolute"):
        read_redirect(URL, Expected(redirect_uri="callback", state=Secret(STATE), issuer=ISSUER))


# --- which sign-in a paste belongs to ------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in ROWS if row.verdict == ACCEPTED], ids=lambda row: row.id)
def test_the_state_of_an_accepted_paste_is_found(row: Row) -> None:
    """Whatever is accepted also tells which sign-in it belongs to."""
    assert state_of(row.text) == Secret(STATE)


def test_the_state_is_found_for_another_sign_in() -> None:
    """The state is read whatever port the sign-in used and whether or not it is the one we wait for."""
    text = f'"http://127.0.0.1:1457/auth/callback?code={CODE}&state={OTHER_STATE}".'

    assert state_of(text) == Secret(OTHER_STATE)


@pytest.mark.parametrize("text", ["", CODE, "words only", f"?code={CODE}", "?state=", "?state=%ff", f"{URL} {URL}"])
def test_no_state_is_none(text: str) -> None:
    """A text without a readable state belongs to no sign-in."""
    assert state_of(text) is None


# --- properties ----------------------------------------------------------------------------------------------

VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60).filter(
    lambda text: text == text.rstrip(".,")  # a full stop after a bare address is taken for the sentence's
)
ORIGINS = st.tuples(st.sampled_from(["localhost", "127.0.0.1", "[::1]", "LocalHost"]), st.integers(1, 65535))
WRAPPERS = st.sampled_from(
    ["{}", " {}\n", "<{}>", '"{}"', "`{}`", "<{}|page>", "[page]({})", "It is <{}> now.", "'{}',"]
)


@settings(max_examples=300, deadline=None)
@given(names=st.permutations(["code", "state"]), code=VISIBLE, state=VISIBLE, origin=ORIGINS, wrapper=WRAPPERS)
def test_what_was_built_is_read_back(
    names: list[str], code: str, state: str, origin: tuple[str, int], wrapper: str
) -> None:
    """Any code and state that a provider may send come out as they went in, however they were quoted."""
    host, port = origin
    expected = Expected(redirect_uri=f"http://localhost:{port}/auth/callback", state=Secret(state), issuer=ISSUER)
    query = urlencode([(name, {"code": code, "state": state}[name]) for name in names], quote_via=quote, safe="")
    text = wrapper.format(f"http://{host}:{port}/auth/callback?{query}")

    assert read_redirect(text, expected) == Redirect(Secret(code))
    assert state_of(text) == Secret(state)


@settings(max_examples=500, deadline=None)
@given(text=st.one_of(st.text(max_size=300), st.text("htp:/?&=#%<>|[]()`'\".,\n\r\t codestae0", max_size=300)))
def test_any_text_has_a_verdict(text: str) -> None:
    """Whatever is pasted: a redirect, a denial or a refusal, and never another exception."""
    refused = refusal(text)

    assert refused is None or refused.facts["reason"] in set(Reason)
    assert isinstance(state_of(text), Secret | None)


LATIN = st.text(
    st.characters(max_codepoint=0xFF, exclude_characters="\t\n\r \x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0"), max_size=40
)
PIECES = st.one_of(
    st.sampled_from([f"state={STATE}", f"code={CODE}", f"state={OTHER_STATE}", "error=access_denied", "#", "", "="]),
    st.sampled_from([f"iss={ISSUER}", "iss=x", f"access_token={CANARY}", f"code={CANARY}%2B", "x=%", "c%6fde=1"]),
    LATIN,
)
RAW_QUERIES = st.lists(PIECES, max_size=6).map("&".join).filter(lambda query: query == query.rstrip(".,"))


@settings(max_examples=1000, deadline=None)
@given(query=RAW_QUERIES)
@example(query=f"state={STATE}&code={CODE})")
@example(query=f"<{CODE}|{STATE}>")
def test_both_doors_agree(query: str) -> None:
    """For every query without spaces, the pasted address and the callback's request get one verdict."""
    assert outcome(read_redirect, f"{REDIRECT_URI}?{query}") == outcome(read_query, query)


def outcome(reader: Callable[[str, Expected], Redirect | Denied], text: str) -> object:
    """Return what a reader returns, or the facts of its refusal."""
    try:
        return reader(text, EXPECTED)
    except RedirectRefused as refused:
        return refused.facts


# --- time ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "<",
        "(",
        "<a|",
        "[a](",
        "\n",
        "\na",
        "a\n",
        " ://",
        "a.",
        "%",
        "&",
        "&a=",
        "\n\u00d7",
        "'",
        "<>",
        "://",
        "\n//",
    ],
    ids=repr,
)
def test_long_nonsense_is_read_quickly(piece: str) -> None:
    """64 KiB of anything repeated take no more than a moment: no expression backtracks without end."""
    texts = [(piece * 65_536)[:65_536], URL + (piece * 65_536)[:65_000], (piece * 65_536)[:65_000] + URL]
    started = time.perf_counter()
    for text in texts:
        judge(text)
        state_of(text)

    assert time.perf_counter() - started < 2
