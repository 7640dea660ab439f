"""What every way of signing in shares: which profile is meant, the link, and code → stored credential."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from codex_auth.core import flow
from codex_auth.core.card import Identity
from codex_auth.core.errors import AuthError, IdentityMismatch
from codex_auth.core.key_errors import KeyInTheWay
from codex_auth.core.model import Credential, PendingLogin
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.core.policy import Policy
from codex_auth.core.provider import OPENAI_DIALECT, CallbackAt, Provider
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import ForeignFileDamaged, SaveUnconfirmed, StoreDamaged
from codex_auth.core.text import mask_account
from codex_auth.edge.places import Places
from codex_auth.edge.signals import deferred
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.net import wire
from codex_auth.stores.protocol import Store

PROFILE_LOCK_SECONDS = 60.0
"""Longer than the provider's requests of one sign-in may take together."""
_STATE_BYTES = 32
_VERIFIER_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a sign-in was asked to be."""

    selector: str = DEFAULT
    provider: Provider
    requester: str = ""
    replace_account: bool = False
    callback: CallbackAt = field(default_factory=CallbackAt)


def meant_profile(selector: str, store: Store) -> str:
    """Return the profile a selector means in this store.

    `default` means the profile of that name, or the first one there is when there is no such profile.
    """
    name = read_name(selector)
    if name != DEFAULT:
        return name
    names = store.names()
    return DEFAULT if DEFAULT in names or not names else names[0]


def begin(wanted: Wanted, *, profile: str, port: int, lifetime: timedelta, world: World) -> PendingLogin:
    """Return a new login for `profile` with a fresh state and verifier.

    Raises `ProxyUnusable` and `CaUnusable`: nobody should approve what cannot be finished from here.
    """
    wire.sender(wanted.provider, now=world.now, env=world.env)
    now = world.now().replace(microsecond=0)
    return PendingLogin(
        id=world.random(8).hex(),
        profile=profile,
        issuer=wanted.provider.issuer,
        client_id=wanted.provider.client_id,
        scope=wanted.provider.scope,
        redirect_uri=wanted.callback.redirect_uri(port),
        state=flow.new_state(world.random(_STATE_BYTES)),
        verifier=flow.new_verifier(world.random(_VERIFIER_BYTES)),
        created=now,
        expires=now + lifetime,
        requester=wanted.requester,
        replace_account=wanted.replace_account,
    )


def provider_of(login: PendingLogin) -> Provider:
    """Return the provider a pending login was started with."""
    dialect = login.device.dialect if login.device else OPENAI_DIALECT
    return Provider(issuer=login.issuer, client_id=login.client_id, scope=login.scope, device_dialect=dialect)


def permit(flow: str, *, profile: str, issuer: str, store: Store, places: Places, world: World) -> Policy:
    """Return the rules in force now; a sign-in that they would not let end well is refused before anything leaves.

    Whoever waits for a person asks again afterwards. Raises `PolicyRefused` and `PolicyUnusable`.
    """
    policy = policies.in_force(places, world.env)
    refusal = policy.sign_in_refusal(flow=flow, issuer=issuer, store=_shelf_of(profile, store, places))
    if refusal is not None:
        raise refusal
    return policy


def _shelf_of(profile: str, store: Store, places: Places) -> str:
    """Return the kind of store in which a sign-in would end: where the profile is, or where new ones go."""
    try:
        return store.choice(profile).kind
    except (StoreDamaged, ForeignFileDamaged):  # whoever saves says so, and moves it aside if it is ours
        return places.store


def link(login: PendingLogin, policy: Policy) -> str:
    """Return the address to open in a browser. It holds the state and the challenge, never the verifier."""
    return flow.authorize_url(
        provider_of(login), login.redirect_uri, login.state, login.verifier, workspaces=policy.workspaces() or ()
    )


Obtain = Callable[[wire.Send], flow.SignedIn]
"""What turns a sign-in's approval into tokens, in as many requests as that takes."""


def exchange(login: PendingLogin, code: Secret) -> Obtain:
    """Return what exchanges the code of a redirect."""
    talk = flow.sign_in(provider_of(login), login.redirect_uri, code, login.verifier, profile=login.profile)
    return lambda send: wire.converse(talk, send)


def complete(
    login: PendingLogin,
    obtain: Obtain,
    *,
    policy: Policy,
    store: Store,
    world: World,
    commit: Callable[[], None] = lambda: None,
    stored: Callable[[], None] = lambda: None,
    explanation: str = "The sign-in is being stored; this takes a moment.",
) -> Credential:
    """Obtain the tokens, check who they are for, and return the credential once it is durable.

    The caller holds the profile's lock. `commit` is called when the store has been shown to be writable, and
    before anything leaves: whoever keeps a pending login claims it there. `stored` is called when the credential
    is in place; it must not raise. Signals wait until the end, so that nobody hears of a failure that was none;
    `explanation` is what a person is told who sends one.

    Raises `IdentityMismatch` for another account than the profile's and `PolicyRefused` for one that no rule admits
    (their fresh tokens are given back), the provider's and the store's errors, and those of `obtain`; in every case
    what was stored before is unchanged.
    """
    provider = provider_of(login)
    send = wire.sender(provider, now=world.now, env=world.env)
    with deferred(lambda: world.tell(explanation)) as asked_to_stop:
        held = _stored(login.profile, store)
        store.prove_writable()
        choice = store.choice(login.profile)
        commit()
        signed = obtain(send)
        try:
            _admit(login, signed.identity, held, policy)
        except AuthError:
            wire.converse(flow.give_back(provider, signed.tokens), send)
            raise
        now = world.now()
        credential = Credential(
            profile=login.profile,
            identity=signed.identity,
            access=signed.tokens.access,
            refresh=signed.tokens.refresh,
            id_token=signed.tokens.id_token,
            expires=signed.tokens.expires,
            client_id=login.client_id,
            scope=signed.tokens.scope or login.scope,
            signed_in=now,
            refreshed=now,
            store_why=(held and held.store_why) or choice.why,
        )
        try:
            store.save(credential)
        except SaveUnconfirmed:
            stored()
            raise
        stored()
        if asked_to_stop:
            world.tell(f"Signed in: {login.profile} is stored.")
    return credential


def show_ready(profile: str, store: Store) -> None:
    """Open the place where a login will be kept, asking for its passphrase: nobody approves what cannot be stored."""
    _stored(profile, store)


def _stored(profile: str, store: Store) -> Credential | None:
    """Return what a profile holds. A damaged store is moved aside, as `prove_writable` does: or no hint would help."""
    try:
        return store.load(profile)
    except StoreDamaged:
        store.prove_writable()
        raise


def _admit(login: PendingLogin, found: Identity, held: Credential | None, policy: Policy) -> None:
    """Refuse an identity that may not become this profile."""
    refusal = policy.identity_refusal(found)
    if refusal is not None:
        raise refusal
    if held is not None and held.key is not None:
        todo = f"Sign in under another name, or remove the key: `codex-auth key remove {login.profile}`"
        raise KeyInTheWay(profile=login.profile, what="an API key", todo=todo)
    if held is None or held.is_api_key or login.replace_account or held.identity.is_same_account(found):
        return  # an API key belongs to nobody, and stays where it is: a sign-in gets an entry of its own
    raise IdentityMismatch(
        profile=login.profile,
        found=mask_account(found.account_id),
        expected=mask_account(held.identity.account_id),
    )


def spoken(timeout: timedelta) -> str:
    """Return a span as a sentence says it."""
    minutes, seconds = divmod(int(timeout.total_seconds()), 60)
    parts = [f"{minutes} minute{'s' * (minutes != 1)}"] * bool(minutes) + [
        f"{seconds} second{'s' * (seconds != 1)}"
    ] * bool(seconds)
    return " ".join(parts) or "the time given"
