"""What is said to the provider, told with a list of replies."""

import json
import traceback
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from codex_auth.core.errors import (
    AuthError,
    IdTokenRefused,
    ProviderRefused,
    ProviderReplyUnusable,
    ProviderUnreachable,
)
from codex_auth.core.flow import (
    SignedIn,
    authorize_url,
    give_back,
    new_state,
    new_verifier,
    revoke,
    sign_in,
)
from codex_auth.core.idtoken import AUTH_CLAIM
from codex_auth.core.openai import OPENAI_SCOPE
from codex_auth.core.provider import Provider
from codex_auth.core.replies import read_token_reply
from codex_auth.core.secret import Secret
from tests.pure.conversation import (
    ACCESS,
    ACCOUNT,
    CODE,
    NOW,
    PROVIDER,
    REFRESH,
    VERIFIER,
    Talk,
    claims,
    json_reply,
    key_set,
    seconds,
    signed,
    signing_key,
    talk,
    tokens,
)

REDIRECT_URI = "http://localhost:1455/auth/callback"
REPLY = json_reply(tokens())
KEYS = json_reply(key_set())
NO_KEYS = json_reply({}, 404)
UNREACHABLE = ProviderUnreachable(host="auth.openai.com", problem="it did not answer in time")


def signing_in(*replies: object) -> Talk[SignedIn]:
    """Sign in with these replies, and look that no error shows a secret."""
    flow = sign_in(PROVIDER, REDIRECT_URI, Secret(CODE), Secret(VERIFIER), profile="work")
    said = talk(flow, *replies)  # type: ignore[arg-type]
    if said.error:
        shown = "".join(traceback.format_exception(said.error)) + repr(said.error) + repr(said.error.facts)
        assert not [text for text in (CODE, VERIFIER, REFRESH, ACCESS) if text in shown]
        assert said.error.hint
    assert CODE not in repr(said.asked)
    return said


# --- the link ------------------------------------------------------------------------------------------------


def test_the_link_has_codex_parameters() -> None:
    """The authorize URL carries what the Codex CLI sends, with our own originator."""
    parts = urlsplit(authorize_url(PROVIDER, REDIRECT_URI, Secret("the-state"), Secret(VERIFIER)))

    assert parts._replace(query="").geturl() == "https://auth.openai.com/oauth/authorize"
    given = dict(parse_qsl(parts.query, strict_parsing=True))
    assert len(given.pop("code_challenge")) == 43
    assert given == {
        "response_type": "code",
        "client_id": PROVIDER.client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": OPENAI_SCOPE,
        "state": "the-state",
        "code_challenge_method": "S256",
        "id_token_add_organizations": "true",
        "codex_cli_simplified_flow": "true",
        "originator": "codex_auth",
    }


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636 appendix B: this verifier has that challenge, and the verifier itself stays here."""
    verifier = Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")

    link = authorize_url(PROVIDER, REDIRECT_URI, Secret("s"), verifier)

    assert "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&" in link
    assert verifier.reveal() not in link


def test_workspaces_are_a_comma_list() -> None:
    """Forced workspaces come last, in one parameter."""
    link = authorize_url(PROVIDER, REDIRECT_URI, Secret("s"), Secret(VERIFIER), workspaces=["ws-9", "ws-8"])

    assert link.endswith("&allowed_workspace_id=ws-9%2Cws-8")


def test_verifier_and_state_are_base64url() -> None:
    """64 bytes give Codex's 86 characters, 32 the state's 43, all from the alphabet of RFC 7636 section 4.1."""
    verifier, state = new_verifier(bytes(range(190, 254))).reveal(), new_state(b"\xff" * 32).reveal()

    assert (len(verifier), len(state)) == (86, 43)
    assert set(verifier + state) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize("make", [new_verifier, new_state])
def test_little_randomness_is_a_mistake(make: object) -> None:
    """Fewer than 32 random bytes are not accepted for a state or verifier."""
    assert callable(make)
    with pytest.raises(ValueError, match="32 random bytes"):
        make(b"x" * 31)


# --- signing in ----------------------------------------------------------------------------------------------


def test_a_code_becomes_an_identity_and_tokens() -> None:
    """The keys are asked for first, then the code is exchanged, and the signed id token says who it is."""
    said = signing_in(KEYS, REPLY)

    assert said.outcome
    assert said.outcome.identity.account_id == ACCOUNT
    assert said.outcome.tokens.refresh == Secret(REFRESH)
    assert said.outcome.signature_checked
    assert REFRESH not in repr(said.outcome)


def test_the_requests_are_codex_own() -> None:
    """The key set is fetched, and the form has Codex's fields in Codex's order."""
    keys, exchange = signing_in(KEYS, REPLY).asked

    assert (keys.method, keys.url, keys.body) == ("GET", "https://auth.openai.com/.well-known/jwks.json", b"")
    assert (exchange.method, exchange.url) == ("POST", "https://auth.openai.com/oauth/token")
    assert exchange.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(exchange.body.decode(), strict_parsing=True) == [
        ("grant_type", "authorization_code"),
        ("client_id", PROVIDER.client_id),
        ("code", CODE),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ]


def test_another_provider_is_asked_at_its_own_address() -> None:
    """Everything goes to the issuer the sign-in was started with."""
    flow = sign_in(Provider(issuer="http://127.0.0.1:8765"), REDIRECT_URI, Secret(CODE), Secret(VERIFIER), profile="w")

    said = talk(flow, NO_KEYS, json_reply({"error": "invalid_grant"}, 400))

    assert {urlsplit(request.url).netloc for request in said.asked} == {"127.0.0.1:8765"}


@pytest.mark.parametrize("keys", [NO_KEYS, json_reply({}, 500), json_reply({}, 403), UNREACHABLE], ids=repr)
def test_without_keys_the_signature_is_not_checked(keys: object) -> None:
    """A provider without keys, or too busy to give them, is believed over TLS, and the result says so."""
    said = signing_in(keys, REPLY)

    assert said.outcome
    assert not said.outcome.signature_checked


@pytest.mark.parametrize(
    "keys",
    [
        json_reply([]),
        json_reply({}, 204),
        json_reply({}, 302),
        json_reply({}, content_type="text/html"),
        ProviderReplyUnusable(host="auth.openai.com", problem="it leads to another address"),
    ],
    ids=repr,
)
def test_a_stranger_is_not_sent_the_code(keys: object) -> None:
    """Where somebody else answers for the provider's keys, the code is not spent."""
    said = signing_in(keys)

    assert isinstance(said.error, ProviderReplyUnusable)
    assert len(said.asked) == 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"error": "invalid_grant"}, 400), ProviderRefused),
        (json_reply({"error": {"code": "token_exchange_failed"}}, 401), ProviderRefused),
        (json_reply({}, 503), ProviderUnreachable),
        (json_reply({}, 429), ProviderUnreachable),
        (json_reply({}), ProviderReplyUnusable),
        (json_reply(tokens(refresh_token=None)), ProviderReplyUnusable),
        (UNREACHABLE, ProviderUnreachable),
    ],
    ids=repr,
)
def test_a_failed_exchange_is_told(reply: object, kind: type[AuthError]) -> None:
    """A code that is not exchanged ends the sign-in with the fitting error, and is not sent again."""
    said = signing_in(KEYS, reply)

    assert type(said.error) is kind
    assert len(said.asked) == 2


def test_the_refusal_names_host_profile_and_code() -> None:
    """The error carries what people need: who refused, what for, and which of the known reasons."""
    error = signing_in(KEYS, json_reply({"error": "invalid_grant"}, 400)).error

    assert error
    assert error.facts == {
        "host": "auth.openai.com",
        "profile": "work",
        "error": "invalid_grant",
        "http_status": "400",
    }


@pytest.mark.parametrize(
    "answer", [json_reply({}), json_reply({}, 503), json_reply({}, 400), json_reply({}, 302), UNREACHABLE], ids=repr
)
def test_a_refused_id_token_leaves_nothing_alive(answer: object) -> None:
    """The refresh token that came with a refused id token is given back, whatever comes of it."""
    forged = signed(claims(), key=signing_key("other"), header={"alg": "RS256", "kid": "first"}).reveal()

    said = signing_in(KEYS, json_reply(tokens(id_token=forged)), answer)

    assert isinstance(said.error, IdTokenRefused)
    assert said.asked[2].url == "https://auth.openai.com/oauth/revoke"
    assert json.loads(said.asked[2].body)["token"] == REFRESH


def test_an_account_less_token_is_refused() -> None:
    """A login without a ChatGPT account is no login for Codex."""
    lacking = signed(claims(**{AUTH_CLAIM: {}})).reveal()

    said = signing_in(KEYS, json_reply(tokens(id_token=lacking)), json_reply({}))

    assert "names no ChatGPT account" in str(said.error)


def test_a_wrong_clock_is_named_from_the_date_header() -> None:
    """When this machine's clock is two days early, the refusal says so."""
    there = NOW + timedelta(days=2)
    late = signed(claims(iat=seconds(there), exp=seconds(there + timedelta(hours=1)))).reveal()
    reply = json_reply(tokens(id_token=late), date="Wed, 03 Jun 2026 12:00:00 GMT")

    assert "clock of this machine is 2 days earlier" in str(signing_in(KEYS, reply, json_reply({})).error)


# --- giving back ---------------------------------------------------------------------------------------------


def test_revoking_is_what_codex_sends() -> None:
    """The refresh token is given back as JSON, with Codex's three fields."""
    said = talk(revoke(PROVIDER, Secret(REFRESH)), json_reply({}))

    (request,) = said.asked
    assert (request.method, request.url) == ("POST", "https://auth.openai.com/oauth/revoke")
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == (
        b'{"token":"%s","token_type_hint":"refresh_token","client_id":"%s"}'
        % (REFRESH.encode(), PROVIDER.client_id.encode())
    )


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({}, 503), ProviderUnreachable),
        (json_reply({}, 400), ProviderRefused),
        (json_reply({}, 302), ProviderReplyUnusable),
        (UNREACHABLE, ProviderUnreachable),
    ],
    ids=repr,
)
def test_a_failed_revocation_is_told(reply: object, kind: type[AuthError]) -> None:
    """Whoever revokes on request learns that it failed."""
    said = talk(revoke(PROVIDER, Secret(REFRESH), profile="work"), reply)  # type: ignore[arg-type]

    assert type(said.error) is kind


def test_no_refresh_token_needs_no_giving_back() -> None:
    """A reply without refresh token leaves nothing to revoke."""
    bare = read_token_reply(json_reply({"access_token": ACCESS}), host="h", profile="work")

    assert talk(give_back(PROVIDER, bare)).asked == []
