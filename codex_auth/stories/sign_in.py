"""What every way of signing in shares: which profile is meant, the link, and code → stored credential."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from codex_auth.core import flow
from codex_auth.core.errors import AuthError, IdentityMismatch, SaveUnconfirmed, StoreDamaged
from codex_auth.core.model import Credential, Identity, PendingLogin
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.core.provider import OPENAI_DIALECT, Provider, redirect_uri
from codex_auth.core.secret import Secret
from codex_auth.core.text import mask_account
from codex_auth.edge import wire
from codex_auth.edge.signals import deferred
from codex_auth.edge.world import World
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
    """Return a new login for `profile` with a fresh state and verifier."""
    now = world.now().replace(microsecond=0)
    return PendingLogin(
        id=world.random(8).hex(),
        profile=profile,
        issuer=wanted.provider.issuer,
        client_id=wanted.provider.client_id,
        scope=wanted.provider.scope,
        redirect_uri=redirect_uri(port),
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


def link(login: PendingLogin) -> str:
    """Return the address to open in a browser. It holds the state and the challenge, never the verifier."""
    return flow.authorize_url(provider_of(login), login.redirect_uri, login.state, login.verifier)


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

    Raises `IdentityMismatch` for another account than the profile's (its fresh tokens are given back),
    the provider's and the store's errors, and those of `obtain`; in every case what was stored before is unchanged.
    """
    provider = provider_of(login)
    send = wire.sender(provider, now=world.now)
    with deferred(lambda: world.tell(explanation)) as asked_to_stop:
        held = _stored(login.profile, store)
        store.prove_writable()
        commit()
        signed = obtain(send)
        try:
            _admit(login, signed.identity, held)
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


def _stored(profile: str, store: Store) -> Credential | None:
    """Return what a profile holds. A damaged store is moved aside, as `prove_writable` does: or no hint would help."""
    try:
        return store.load(profile)
    except StoreDamaged:
        store.prove_writable()
        raise


def _admit(login: PendingLogin, found: Identity, held: Credential | None) -> None:
    """Refuse an identity that may not become this profile."""
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
    parts = [f"{minutes} minute{'s' * (minutes != 1)}"] * bool(minutes) + [f"{seconds} seconds"] * bool(seconds)
    return " ".join(parts) or "the time given"
