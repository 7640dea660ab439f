"""Names, masking, issuers and errors: what is accepted, and what is shown."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core import carry_errors, codex_errors, errors, key_errors
from codex_auth.core.errors import EXIT_CODES, AuthError, BadIssuer, BadProfileName
from codex_auth.core.names import name_of_id, read_name
from codex_auth.core.provider import CallbackAt, Provider, read_issuer
from codex_auth.core.text import mask_account, mask_email, printable

ALL_ERRORS = [
    kind
    for module in (errors, codex_errors, key_errors, carry_errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, AuthError) and kind.__module__ == module.__name__
]


@pytest.mark.parametrize(
    ("selector", "name"),
    [
        ("work", "work"),
        ("Work", "work"),
        (" work ", "work"),
        ("openai-codex:work", "work"),
        ("openai:work", "work"),
        ("ada@acme.example", "ada@acme.example"),
        ("a+b_c-d.e", "a+b_c-d.e"),
        ("0", "0"),
        ("a" * 64, "a" * 64),
    ],
)
def test_names_are_read(selector: str, name: str) -> None:
    """A selector, with either prefix and in any case, means one name."""
    assert read_name(selector) == name


@pytest.mark.parametrize(
    "selector",
    ["", " ", ".a", "-a", "a/b", "a\\b", "..", "a..b", "a b", "a" * 65, "é", "a\n", "a\x00", "a:b", "openai:"],
)
def test_odd_names_are_refused(selector: str) -> None:
    """Anything that could be a path, a control sequence or another id is no name."""
    with pytest.raises(BadProfileName):
        read_name(selector)


@given(st.text(max_size=80))
def test_a_name_is_a_safe_file_name(text: str) -> None:
    """Whatever is typed, a name that comes out has no separator, no dots pair, and no capital."""
    try:
        name = read_name(text)
    except BadProfileName:
        return

    assert name == name.lower()
    assert not set(name) & set("/\\:\0\n ")
    assert ".." not in name


@pytest.mark.parametrize(
    ("profile_id", "name"),
    [
        ("openai-codex:work", "work"),
        ("openai:Work", "work"),
        ("anthropic:me", None),
        ("openai-codex:", None),
        ("openai:../x", None),
    ],
)
def test_ids_of_other_providers_are_not_ours(profile_id: str, name: str | None) -> None:
    """Only Codex profiles have names here."""
    assert name_of_id(profile_id) == name


@given(st.text())
def test_printable_text_obeys_nothing(text: str) -> None:
    """No control, bidirectional or invisible character survives, and length is bounded."""
    shown = printable(text)

    assert len(shown) <= 200
    assert shown.isprintable() or " " in shown or shown == ""
    assert not set(shown) & {"\x1b", "\u202e", "\u200b", "\n", "\r", "\0"}


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("alice@example.com", "a…e@e…e.com"),
        ("a@b.c", "…@….c"),
        ("no-at-sign", "…"),
        ("@x.y", "…"),
        ("ada@localhost", "a…a@l…t"),
    ],
)
def test_email_is_masked(email: str, masked: str) -> None:
    """First and last letters stay, the rest goes."""
    assert mask_email(email) == masked


@given(st.emails())
def test_a_masked_email_is_not_the_email(email: str) -> None:
    """The original cannot be read off."""
    assert mask_email(email) != email


def test_account_is_masked() -> None:
    """The last four characters stay, of ids long enough to spare them."""
    assert mask_account("acct-123456789") == "…6789"
    assert mask_account("short") == "…"


@pytest.mark.parametrize(
    ("issuer", "listed"),
    [
        ("https://auth.openai.com", []),
        ("https://auth.openai.com/", []),
        ("http://127.0.0.1:8000", []),
        ("http://localhost:8000", []),
        ("http://[::1]:8000", []),
        ("https://login.acme.example", ["https://login.acme.example"]),
    ],
)
def test_issuers_that_may_be_used(issuer: str, listed: list[str]) -> None:
    """OpenAI, loopback over http, and https addresses that the configuration lists."""
    assert read_issuer(issuer, listed=frozenset(listed), config="c") == issuer.rstrip("/")


@pytest.mark.parametrize(
    "issuer",
    [
        "",
        "auth.openai.com",
        "http://auth.openai.com",
        "https://evil.example",
        "https://auth.openai.com.evil.example",
        "https://auth.openai.com@evil.example",
        "https://evil.example#auth.openai.com",
        "https://auth.openai.com\\@evil.example",
        "https://auth.openai.com?x=1",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://localhost.",
        "ftp://localhost",
        "https://auth.openai.com:99999",
        "http://localhost:8000 x",
        "http://local\thost",
        "https://[::1",
    ],
)
def test_issuers_that_are_refused(issuer: str) -> None:
    """Everything else is refused, and the address is not repeated."""
    with pytest.raises(BadIssuer) as caught:
        read_issuer(issuer, listed=frozenset(), config="config.toml")

    assert caught.value.status == 6
    assert "evil" not in str(caught.value) + caught.value.hint


def test_provider_addresses() -> None:
    """Every address of a provider is below its issuer."""
    provider = Provider(issuer="http://127.0.0.1:1")

    addresses = [provider.authorize_url, provider.token_url, provider.revoke_url, provider.jwks_url]
    assert all(address.startswith("http://127.0.0.1:1/") for address in addresses)
    assert provider.host == "127.0.0.1:1"
    assert not provider.is_openai
    assert Provider().is_openai
    assert CallbackAt().redirect_uri(1457) == "http://localhost:1457/auth/callback"


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "…"


@pytest.mark.parametrize("kind", ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_can_be_shown(kind: type[AuthError]) -> None:
    """Each error has its own code, a whole sentence, a documented exit status, and says what to do."""
    sentence, remedy = kind.sentence.format_map(_Facts()), kind.remedy.format_map(_Facts())

    assert sentence.endswith((".", "…"))
    assert remedy.endswith((".", "`", "…"))
    assert kind.status in EXIT_CODES
    assert kind.__doc__


def test_error_codes_are_unique() -> None:
    """No two errors share a code."""
    codes = [kind.code for kind in ALL_ERRORS]

    assert sorted(codes) == sorted(set(codes))


def test_facts_are_made_safe() -> None:
    """A fact that came from outside cannot move the cursor."""
    error = errors.StoreError(path="/a\x1b[2J", problem="p")

    assert "\x1b" not in str(error)
