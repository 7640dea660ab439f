"""An id token is believed only after every check of OpenID Connect Core section 3.1.3.7."""

import hmac
import traceback
from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codex_auth.core.card import Identity
from codex_auth.core.errors import IdTokenRefused
from codex_auth.core.idtoken import AUTH_CLAIM, PROFILE_CLAIM, moment, peek_claims, read_identity
from codex_auth.core.secret import Secret
from tests.pure.conversation import (
    ACCOUNT,
    NOW,
    PROVIDER,
    claims,
    key_set,
    part,
    seconds,
    signed,
    signing_key,
    unsigned,
)


def read(token: Secret | str, *, keys: Mapping[str, object] | None = None, skew: timedelta | None = None) -> Identity:
    """Read an id token of the provider, now."""
    token = token if isinstance(token, Secret) else Secret(token)
    return read_identity(token, provider=PROVIDER, keys=keys, now=NOW, skew=skew, profile="work")


def problem(token: Secret | str, *, keys: Mapping[str, object] | None = None, skew: timedelta | None = None) -> str:
    """Return why an id token is refused."""
    with pytest.raises(IdTokenRefused) as caught:
        read(token, keys=keys, skew=skew)
    assert caught.value.hint  # every placeholder of the remedy has its fact
    return caught.value.facts["problem"]


def test_a_signed_token_names_who_signed_in() -> None:
    """A token signed with a published key gives issuer, subject, account, user, e-mail and plan."""
    assert read(signed(claims()), keys=key_set()) == Identity(
        issuer=PROVIDER.issuer,
        subject="user-sub-1",
        account_id=ACCOUNT,
        user_id="user-1",
        email="alice@example.com",
        plan="pro",
    )


def test_without_keys_a_token_rests_on_tls() -> None:
    """A provider that publishes no keys is believed for a token from its own token endpoint (rule 6)."""
    assert read(unsigned(claims())).account_id == ACCOUNT


def test_older_names_of_claims_are_read() -> None:
    """`user_id`, and the e-mail in the profile claim, are used where the newer places are empty."""
    older = claims(email=None)
    older |= {
        AUTH_CLAIM: {"chatgpt_account_id": ACCOUNT, "user_id": "u-2"},
        PROFILE_CLAIM: {"email": "bob@example.com"},
    }

    identity = read(unsigned(older))

    assert (identity.user_id, identity.email, identity.plan) == ("u-2", "bob@example.com", "")


def test_what_is_shown_has_no_control_characters() -> None:
    """E-mail, plan and user id cannot send escape sequences to a terminal."""
    odd = claims(email="a\x1b[31m\u202eb@example.com")
    odd[AUTH_CLAIM] = {"chatgpt_account_id": ACCOUNT, "chatgpt_plan_type": "p\x07ro", "chatgpt_user_id": "u\u200b1"}

    identity = read(unsigned(odd))

    assert (identity.email, identity.plan, identity.user_id) == ("a[31mb@example.com", "pro", "u1")


# --- shape ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "opaque",
        "\udc80.\udc80.\udc80",
        "e30.e30.",
        "x" * 70_000,
        "[].[].[]",
        "\u00e9.e30.e30",
    ],
    ids=lambda token: repr(token[:12]),
)
def test_what_is_no_token_is_refused(token: str) -> None:
    """Anything but three parts of base64url JSON is refused."""
    assert problem(token) in {
        "it is not a signed token",
        "it does not read as a token",
        "it is not signed with RS256",
    }


@pytest.mark.parametrize(
    "payload",
    [
        b'{"iss": 1, "iss": 2}',
        b'{"exp": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"\xff",
        b"",
        b"[]",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda payload: repr(payload[:16]),
)
def test_a_damaged_payload_is_refused(payload: bytes) -> None:
    """Doubled keys, NaN, deep nesting, other encodings and endless numbers are no claims."""
    token = f"{part({'alg': 'RS256'})}.{part(payload)}.{part(b'x')}"

    assert problem(token) in {"it does not read as a token", "it is not a signed token"}
    assert peek_claims(token) == {}


def test_padding_and_stray_characters_are_refused() -> None:
    """A part has one spelling: no padding, no white space, no leftover bits."""
    header, payload, signature = unsigned(claims()).split(".")

    for odd in (
        f"{header}.{payload}=.{signature}",
        f"{header}.{payload}\n.{signature}",
        f"{header}.{payload}.QQ==",
        f"{header}.{payload}.QR",
    ):
        assert problem(odd) == "it does not read as a token"


def test_an_unknown_extension_is_refused() -> None:
    """A header with `crit` asks for something we do not do (RFC 7515 section 4.1.11)."""
    assert "extension" in problem(unsigned(claims(), {"alg": "RS256", "crit": ["exp"]}))


# --- signature -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS512", "ES256", "", 5, None, ["RS256"]])
@pytest.mark.parametrize("keys", [None, "published"])
def test_other_algorithms_are_refused(algorithm: object, keys: str | None) -> None:
    """Only RS256 counts, whether or not there are keys to check it with."""
    token = unsigned(claims(), {"alg": algorithm, "kid": "first"})

    assert problem(token, keys=key_set() if keys else None) == "it is not signed with RS256"


def test_the_public_key_is_no_shared_secret() -> None:
    """A token signed with HS256 and the public key as its secret is refused."""
    secret = signing_key().as_pem(private=False)
    text = f"{part({'alg': 'HS256', 'kid': 'first'})}.{part(claims())}"
    forged = f"{text}.{part(hmac.digest(secret, text.encode(), 'sha256'))}"

    assert problem(forged, keys=key_set()) == "it is not signed with RS256"


def test_a_key_that_is_not_listed_is_refused() -> None:
    """A token that names another key than the provider's is refused."""
    assert "does not list" in problem(signed(claims(), key=signing_key("other")), keys=key_set())


def test_a_wrong_signature_is_refused() -> None:
    """A token that names the provider's key and was signed with another is refused."""
    forged = signed(claims(), key=signing_key("other"), header={"alg": "RS256", "kid": "first"})

    assert problem(forged, keys=key_set()) == "its signature is wrong"


def test_a_changed_claim_breaks_the_signature() -> None:
    """The payload of a signed token cannot be exchanged."""
    header, _, signature = signed(claims()).reveal().split(".")

    assert problem(f"{header}.{part(claims(sub='other'))}.{signature}", keys=key_set()) == "its signature is wrong"


def test_a_token_without_kid_may_use_any_listed_key() -> None:
    """With several keys and no `kid`, one that fits is enough."""
    token = signed(claims(), header={"alg": "RS256"})

    assert read(token, keys=key_set(signing_key("other"), signing_key())).account_id == ACCOUNT


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"kty": "EC"}, {"alg": "RS512"}, {"n": "AQAB"}, {"n": 5}, {"n": None}, {"kid": "x"}],
    ids=str,
)
def test_keys_that_do_not_fit_are_not_used(change: dict[str, object]) -> None:
    """A key for encryption, of another kind, for another algorithm or too short signs nothing."""
    published = key_set()["keys"]
    assert isinstance(published, list)

    assert "does not list" in problem(signed(claims()), keys={"keys": [published[0] | change, "nonsense", None]})


@pytest.mark.parametrize("exponent", ["", "!", "AA", 5, None])
def test_a_key_with_a_damaged_exponent_signs_nothing(exponent: object) -> None:
    """A listed key that cannot be used is as good as a wrong signature."""
    published = key_set()["keys"]
    assert isinstance(published, list)

    assert problem(signed(claims()), keys={"keys": [published[0] | {"e": exponent}]}) == "its signature is wrong"


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": {}}, {"keys": "x"}], ids=str)
def test_a_key_set_that_is_none_is_refused(keys: dict[str, object]) -> None:
    """A provider's reply that is no JWK set does not let a token through."""
    assert "keys cannot be read" in problem(signed(claims()), keys=keys)


# --- claims --------------------------------------------------------------------------------------------------

AUDIENCE = PROVIDER.client_id


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"iss": None}, "another provider"),
        ({"iss": PROVIDER.issuer + "/"}, "another provider"),
        ({"iss": "https://evil.example"}, "another provider"),
        ({"iss": [PROVIDER.issuer]}, "another provider"),
        ({"aud": None}, "whom it is for"),
        ({"aud": 5}, "whom it is for"),
        ({"aud": {AUDIENCE: 1}}, "whom it is for"),
        ({"aud": [AUDIENCE, 5]}, "whom it is for"),
        ({"aud": []}, "another program"),
        ({"aud": "other"}, "another program"),
        ({"aud": AUDIENCE[:-1]}, "another program"),
        ({"aud": [AUDIENCE, "other"]}, "issued to another"),
        ({"aud": [AUDIENCE, "other"], "azp": "other"}, "issued to another"),
        ({"azp": "other"}, "issued to another"),
        ({"azp": [AUDIENCE]}, "issued to another"),
        ({"exp": None}, "times make no sense"),
        ({"exp": str(seconds(NOW) + 60)}, "times make no sense"),
        ({"exp": True}, "times make no sense"),
        ({"exp": 10**18}, "times make no sense"),
        ({"exp": -1}, "times make no sense"),
        ({"iat": None}, "times make no sense"),
        ({"iat": "now"}, "times make no sense"),
        ({"iat": seconds(NOW + timedelta(hours=2))}, "times make no sense"),
        ({"nbf": "now"}, "times make no sense"),
        ({"exp": seconds(NOW) - 60, "iat": seconds(NOW) - 900}, "expired"),
        ({"iat": seconds(NOW) + 61}, "from the future"),
        ({"nbf": seconds(NOW) + 61}, "from the future"),
        ({"sub": None}, "who signed in"),
        ({"sub": ""}, "who signed in"),
        ({"sub": 5}, "who signed in"),
        ({"sub": "x" * 256}, "who signed in"),
        ({"sub": "a\nb"}, "who signed in"),
        ({AUTH_CLAIM: None}, "no ChatGPT account"),
        ({AUTH_CLAIM: []}, "no ChatGPT account"),
        ({AUTH_CLAIM: {"chatgpt_account_id": ""}}, "no ChatGPT account"),
        ({AUTH_CLAIM: {"chatgpt_account_id": 5}}, "no ChatGPT account"),
        ({AUTH_CLAIM: {"chatgpt_account_id": "a\r\nb"}}, "account id"),
        ({AUTH_CLAIM: {"chatgpt_account_id": "x" * 300}}, "account id"),
    ],
    ids=str,
)
def test_each_claim_is_checked(changes: dict[str, object], said: str) -> None:
    """A missing, wrong or odd claim refuses the token and says which."""
    assert said in problem(unsigned(claims(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": AUDIENCE},
        {"azp": AUDIENCE},
        {"aud": [AUDIENCE, "other"], "azp": AUDIENCE},
        {"exp": seconds(NOW) - 59, "iat": seconds(NOW) - 900},
        {"iat": seconds(NOW) + 60},
        {"iat": seconds(NOW) - 0.5},
        {"nbf": seconds(NOW)},
    ],
    ids=str,
)
def test_what_is_allowed_passes(changes: dict[str, object]) -> None:
    """The other form of `aud`, our own `azp`, and a minute of leeway are fine."""
    assert read(unsigned(claims(**changes))).account_id == ACCOUNT


# --- clocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "said"),
    [
        (timedelta(days=2), "2 days earlier"),
        (timedelta(hours=5), "5 hours earlier"),
        (timedelta(minutes=20), "20 minutes earlier"),
        (-timedelta(hours=30), "30 hours later"),
        (-timedelta(days=20000), "20000 days later"),
    ],
    ids=str,
)
def test_a_wrong_clock_is_named(ahead: timedelta, said: str) -> None:
    """When this machine's clock is off by more than five minutes, the refusal says so and by how much."""
    there = NOW + ahead
    token = unsigned(claims(iat=seconds(there), exp=seconds(there + timedelta(minutes=10))))

    assert f"the clock of this machine is {said} than the provider's" in problem(token, skew=ahead)


def test_a_slightly_wrong_clock_is_corrected() -> None:
    """Up to five minutes are corrected by the provider's `Date`."""
    token = unsigned(claims(iat=seconds(NOW + timedelta(minutes=4))))

    assert read(token, skew=timedelta(minutes=4)).account_id == ACCOUNT
    assert problem(token) == "it is from the future"


def test_an_expired_token_is_not_blamed_on_the_clock() -> None:
    """A token that is expired at the provider's own time is just expired."""
    old = unsigned(claims(iat=seconds(NOW - timedelta(days=2)), exp=seconds(NOW - timedelta(days=1))))

    assert problem(old, skew=timedelta(seconds=2)) == "it has expired"


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.just(10**400)))
def test_any_number_is_a_time_or_not(value: object) -> None:
    """Whatever stands in `exp`: a time or None, never an exception."""
    found = moment(value)

    assert found is None or found.tzinfo is not None


def test_nothing_of_a_token_is_shown() -> None:
    """Refusals and their traceback hold no part of the token."""
    token = unsigned(claims(iss="https://canary-JqXvZkWpYh.example"))
    with pytest.raises(IdTokenRefused) as caught:
        read(token)

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(caught.value.facts)
    assert not [piece for piece in (*token.split("."), "JqXvZkWpYh") if piece in shown]
    assert caught.value.__context__ is None
