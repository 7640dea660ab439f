"""Rules only take away, whoever wrote them, and a refusal names the rule and its file."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codex_auth.core import policy_text
from codex_auth.core.card import Card, Identity
from codex_auth.core.errors import PolicyRefused, PolicyUnusable
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.policy import (
    API_KEY,
    BROWSER,
    CHATGPT,
    DEVICE,
    FLOWS,
    HAND_OVER,
    ISSUERS,
    KNOWN,
    LEASE,
    METHODS,
    OWNERS,
    PASTE,
    STORES,
    WORKSPACES,
    YES,
    Policy,
    Rule,
)

IDS = ("ws-1", "ws-2", "ws-3")
ADDRESSES = (OPENAI_ISSUER, "https://auth.acme.example")
POSSIBLE = {**KNOWN, WORKSPACES: IDS, ISSUERS: ADDRESSES, HAND_OVER: (YES,)}
ADMIN, OTHER, MINE = "/etc/codex-auth/policy.toml", "/etc/codex/requirements.toml", "/home/ada/.codex/config.toml"


def rule(what: str, *allows: str, source: str = ADMIN, key: str = "a_key", is_own: bool = False) -> Rule:
    """Return a rule of a kind that lists what it allows."""
    return Rule(what=what, allows=allows, source=source, key=key, is_own=is_own)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Draw any rule that a file could hold."""
    what = draw(st.sampled_from([*POSSIBLE, LEASE]))
    source = draw(st.sampled_from([ADMIN, OTHER, MINE]))
    if what == LEASE:
        least = timedelta(seconds=draw(st.integers(0, 1000)))
        return Rule(what=LEASE, least=least, source=source, key="minimum_lease", is_own=source == MINE)
    allows = draw(st.lists(st.sampled_from(POSSIBLE[what]), unique=True))
    return rule(what, *allows, source=source, is_own=source == MINE)


def permitted(policy: Policy) -> set[tuple[object, ...]]:
    """Return everything that a policy lets happen, of all that could be asked."""
    asked: list[tuple[tuple[object, ...], PolicyRefused | None]] = [
        *((("method", each), policy.login_method_refusal(each)) for each in KNOWN[METHODS]),
        *((("flow", each), policy.flow_refusal(each)) for each in KNOWN[FLOWS]),
        *((("store", each), policy.store_refusal(each)) for each in KNOWN[STORES]),
        *((("owner", each), policy.owner_refusal(each)) for each in KNOWN[OWNERS]),
        *((("issuer", each), policy.issuer_refusal(each)) for each in ADDRESSES),
        *((("account", each), policy.account_refusal(each)) for each in (*IDS, "")),
        *((("lease", each), policy.lease_refusal(timedelta(seconds=each))) for each in (0, 1, 500, 1000)),
        (("hand over",), policy.hand_over_refusal()),
        *(
            (("sign in", flow, issuer, store), policy.sign_in_refusal(flow=flow, issuer=issuer, store=store))
            for flow in KNOWN[FLOWS]
            for issuer in ADDRESSES
            for store in KNOWN[STORES]
        ),
        *(
            (("use", kind, owner, account), policy.use_refusal(card(kind=kind, owner=owner, account_id=account)))
            for kind in ("oauth", "token", "api_key")
            for owner in KNOWN[OWNERS]
            for account in IDS
        ),
    ]
    return {what for what, refusal in asked if refusal is None}


def card(*, kind: str = "oauth", owner: str = "codex-auth", account_id: str = "ws-1") -> Card:
    """Return what is shown of a login."""
    identity = Identity(issuer=OPENAI_ISSUER, subject="", account_id=account_id)
    return Card(
        profile="work",
        profile_id="openai-codex:work",
        kind=kind,
        owner=owner,
        store="file",
        identity=identity,
        expires=None,
    )


def refused(refusal: PolicyRefused | None) -> str:
    """Return the sentence of a refusal that there must be."""
    assert refusal is not None
    assert refusal.status == 6
    return str(refusal)


@settings(max_examples=60)
@given(st.lists(rules(), max_size=6), rules(), st.randoms())
def test_another_rule_never_allows_more(held: list[Rule], more: Rule, random: Any) -> None:
    """Whatever the rules are, one more, wherever it stands among them, lets nothing happen that was forbidden."""
    at = random.randrange(len(held) + 1)
    before, after = Policy(tuple(held)), Policy((*held[:at], more, *held[at:]))

    assert permitted(after) <= permitted(before)
    assert after.flows() <= before.flows()
    assert set(after.stores()) <= set(before.stores())
    assert after.minimum_lease() >= before.minimum_lease()
    if before.workspaces() is not None:
        assert set(after.workspaces() or ()) <= set(before.workspaces() or ())


@settings(max_examples=30)
@given(st.lists(rules(), max_size=6))
def test_the_order_of_rules_decides_nothing(held: list[Rule]) -> None:
    """The same rules in another order allow the same."""
    assert permitted(Policy(tuple(held))) == permitted(Policy(tuple(reversed(held))))


@settings(max_examples=50)
@given(st.lists(rules(), min_size=1, max_size=6))
def test_every_refusal_names_a_rule_of_its_kind(held: list[Rule]) -> None:
    """A refused flow or store names a rule that is there, with its file."""
    policy = Policy(tuple(held))
    for what, refusal in ((FLOWS, policy.flow_refusal(PASTE)), (STORES, policy.store_refusal("file"))):
        if refusal is not None:
            assert any(each.name in str(refusal) for each in held if each.what == what)


def test_no_rule_allows_everything() -> None:
    """Where nobody says anything, anything goes, and the authorize address names no workspace."""
    nothing = Policy()

    assert nothing.workspaces() is None
    assert nothing.flows() == {BROWSER, PASTE, DEVICE}
    assert nothing.minimum_lease() == timedelta()
    assert nothing.sign_in_refusal(flow=DEVICE, issuer=OPENAI_ISSUER, store="file") is None


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (CHATGPT, "ChatGPT login is disabled. Use API key login instead"),
        (API_KEY, "API key login is disabled. Use ChatGPT login instead"),
    ],
)
def test_a_login_method_is_refused_in_the_words_of_codex(method: str, words: str) -> None:
    """What the forced method leaves out is refused with Codex's own sentence, and the rule that says so."""
    other = API_KEY if method == CHATGPT else CHATGPT
    policy = Policy((rule(METHODS, other, source=MINE, key="forced_login_method", is_own=True),))

    refusal = policy.login_method_refusal(method)

    assert refused(refusal) == f"{words} (forced_login_method in {MINE})."
    assert refusal is not None
    assert "yours" in refusal.hint


def test_two_rules_that_contradict_are_both_named() -> None:
    """An empty intersection refuses everything and says which two rules leave nothing."""
    ours = rule(WORKSPACES, "ws-1", key="allowed_workspaces")
    theirs = rule(WORKSPACES, "ws-2", source=MINE, key="forced_chatgpt_workspace_id", is_own=True)
    policy = Policy((rule(WORKSPACES, "ws-1", "ws-2", source=OTHER), ours, theirs))

    for refusal in (
        policy.account_refusal("ws-1"),
        policy.account_refusal("ws-2"),
        policy.sign_in_refusal(flow=BROWSER, issuer=OPENAI_ISSUER, store="file"),
    ):
        assert ours.name in refused(refusal)
        assert theirs.name in refused(refusal)
        assert OTHER not in refused(refusal)


def test_three_rules_can_contradict_though_no_two_do() -> None:
    """Then all of them are named."""
    held = [rule(STORES, *kinds, source=f"/etc/{kinds[0]}") for kinds in (("file", "vault"), ("vault", "keyring"))]
    held.append(rule(STORES, "keyring", "file", source="/etc/third"))

    said = refused(Policy(tuple(held)).store_refusal("file"))

    assert all(each.name in said for each in held)


def test_workspaces_keep_the_order_of_the_first_rule() -> None:
    """They go into the authorize address as Codex sends them."""
    policy = Policy((rule(WORKSPACES, "ws-3", "ws-1", "ws-2"), rule(WORKSPACES, "ws-1", "ws-3")))

    assert policy.workspaces() == ("ws-3", "ws-1")


def test_no_account_id_is_no_workspace() -> None:
    """A login that does not say whose it is, is not one of those that are allowed."""
    assert Policy((rule(WORKSPACES, "ws-1"),)).use_refusal(card(account_id=""))


def test_a_workspace_rule_says_nothing_of_api_keys() -> None:
    """An API key belongs to no workspace; as in Codex it is the login method that may forbid it."""
    assert Policy((rule(WORKSPACES),)).use_refusal(card(kind="api_key")) is None
    assert Policy((rule(METHODS, CHATGPT),)).use_refusal(card(kind="api_key"))


# --- reading ---------------------------------------------------------------------------------------------------


def read(kind: str, **table: object) -> list[Rule]:
    """Read a table as one kind of file."""
    reader = getattr(policy_text, f"read_{kind}")
    found: Iterable[Rule] = reader(table, ADMIN, is_own=False)
    return list(found)


FORMS: dict[str, tuple[str, dict[str, object], dict[str, tuple[str, ...]]]] = {
    "forced method": ("config", {"forced_login_method": "api"}, {METHODS: ("api",)}),
    "one workspace": ("config", {"forced_chatgpt_workspace_id": "ws-1"}, {WORKSPACES: ("ws-1",)}),
    "workspaces": ("config", {"forced_chatgpt_workspace_id": ["ws-2", " ws-1 ", ""]}, {WORKSPACES: ("ws-2", "ws-1")}),
    "an empty workspace is none": ("config", {"forced_chatgpt_workspace_id": ""}, {}),
    "a preferred store is no rule": ("config", {"cli_auth_credentials_store": "keyring"}, {}),
    "managed": ("managed", {"forced_login_method": "chatgpt"}, {METHODS: ("chatgpt",)}),
    "a managed store": ("managed", {"cli_auth_credentials_store": "keyring"}, {STORES: ("keyring",)}),
    "methods": ("requirements", {"allowed_login_methods": ["chatgpt", "api"]}, {METHODS: ("chatgpt", "api")}),
    "no method": ("requirements", {"allowed_login_methods": []}, {METHODS: ()}),
    "required workspaces": ("requirements", {"allowed_chatgpt_workspaces": ["ws-1"]}, {WORKSPACES: ("ws-1",)}),
    "no workspace": ("requirements", {"allowed_chatgpt_workspaces": []}, {WORKSPACES: ()}),
    "file": ("requirements", {"cli_auth_credentials_store": "file"}, {STORES: ("file",)}),
    "keyring": ("requirements", {"cli_auth_credentials_store": "keyring"}, {STORES: ("keyring",)}),
    "auto": ("requirements", {"cli_auth_credentials_store": "auto"}, {STORES: ("file", "keyring", "vault")}),
    "ephemeral": ("requirements", {"cli_auth_credentials_store": "ephemeral"}, {STORES: ()}),
    "keys of Codex that are not ours": ("requirements", {"features": {"x": True}, "allowed_sandbox_modes": [1]}, {}),
    "ours": (
        "own",
        {
            "allowed_login_methods": ["chatgpt"],
            "allowed_flows": ["browser", "browser"],
            "allowed_stores": ["vault", "keyring"],
            "allowed_issuers": ["https://auth.openai.com/"],
            "allowed_workspaces": ["ws-1"],
            "allowed_owners": ["codex-auth"],
            "allow_hand_over": False,
        },
        {
            METHODS: ("chatgpt",),
            FLOWS: ("browser",),
            STORES: ("vault", "keyring"),
            ISSUERS: ("https://auth.openai.com",),
            WORKSPACES: ("ws-1",),
            OWNERS: ("codex-auth",),
            HAND_OVER: (),
        },
    ),
    "hand-over": ("own", {"allow_hand_over": True}, {HAND_OVER: (YES,)}),
}


@pytest.mark.parametrize(("kind", "table", "expected"), FORMS.values(), ids=FORMS)
def test_what_a_file_says(kind: str, table: dict[str, object], expected: dict[str, tuple[str, ...]]) -> None:
    """Each form that Codex 0.169 and our own file know becomes the rule it means."""
    assert {each.what: each.allows for each in read(kind, **table)} == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [(600, 600), ("600", 600), ("90s", 90), ("10m", 600), ("1h", 3600), (0, 0)]
)
def test_the_shortest_lease(text: object, seconds: int) -> None:
    """A lease may be given in seconds, or as the options take it."""
    assert Policy(tuple(read("own", minimum_lease=text))).minimum_lease() == timedelta(seconds=seconds)


WRONG: dict[str, tuple[str, dict[str, object]]] = {
    "a typo in our file": ("own", {"allowed_flow": ["browser"]}),
    "Codex's key in our file": ("own", {"forced_login_method": "api"}),
    "an unknown flow": ("own", {"allowed_flows": ["carrier pigeon"]}),
    "one flow without a list": ("own", {"allowed_flows": "browser"}),
    "an unknown store": ("own", {"allowed_stores": ["auto"]}),
    "an unknown owner": ("own", {"allowed_owners": ["eve"]}),
    "a number for a workspace": ("own", {"allowed_workspaces": [1]}),
    "two workspaces in one": ("own", {"allowed_workspaces": ["ws-1,ws-2"]}),
    "yes for true": ("own", {"allow_hand_over": "yes"}),
    "no time": ("own", {"minimum_lease": "soon"}),
    "true for a time": ("own", {"minimum_lease": True}),
    "a negative time": ("own", {"minimum_lease": -1}),
    "an unknown method": ("config", {"forced_login_method": "carrier"}),
    "a list of forced methods": ("config", {"forced_login_method": ["api"]}),
    "workspaces with commas": ("config", {"forced_chatgpt_workspace_id": "ws-1,ws-2"}),
    "a number for a forced workspace": ("config", {"forced_chatgpt_workspace_id": 7}),
    "the map form": ("requirements", {"allowed_login_methods": {"chatgpt": True}}),
    "an unknown allowed method": ("requirements", {"allowed_login_methods": ["chatgpt", "carrier"]}),
    "a string for methods": ("requirements", {"allowed_login_methods": "chatgpt"}),
    "a string for workspaces": ("requirements", {"allowed_chatgpt_workspaces": "ws-1"}),
    "a list of stores": ("requirements", {"cli_auth_credentials_store": ["keyring"]}),
    "an unknown word for a store": ("managed", {"cli_auth_credentials_store": "vault"}),
}


@pytest.mark.parametrize(("kind", "table"), WRONG.values(), ids=WRONG)
def test_what_is_not_understood_is_not_taken_for_no_rule(kind: str, table: dict[str, object]) -> None:
    """A value that cannot be read refuses the whole file, as Codex does; in our own also a key that is not known."""
    with pytest.raises(PolicyUnusable) as caught:
        read(kind, **table)

    assert ADMIN in str(caught.value)
    assert caught.value.status == 6
