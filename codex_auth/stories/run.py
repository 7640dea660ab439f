"""A command that has one login in its environment, and nothing that contradicts it."""

from collections.abc import Mapping
from datetime import timedelta

from codex_auth.core import moments
from codex_auth.core.api_keys import variables
from codex_auth.core.errors import AuthError, PolicyRefused, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.stores.protocol import Store
from codex_auth.stories.refresh import Wish, refresh

_OURS = "CODEX_AUTH_"
"""What our own variables begin with: our settings, which are not the command's business, and what we set."""
_REMOVED = {
    # These override a login, or are one.
    "CODEX_ACCESS_TOKEN",
    "CODEX_API_KEY",
    "OPENAI_API_KEY",
    # These send tokens elsewhere.
    "CODEX_REFRESH_TOKEN_URL_OVERRIDE",
    "CODEX_REVOKE_TOKEN_URL_OVERRIDE",
    "CODEX_AUTHAPI_BASE_URL",
    "CODEX_APP_SERVER_LOGIN_ISSUER",
    "CODEX_APP_SERVER_LOGIN_CLIENT_ID",
}
"""Variables of Codex 0.169 that would contradict the login that was asked for."""


def environment(credential: Credential, env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command that shall use this login and no other.

    A sign-in is `CODEX_AUTH_TOKEN` (its access token), `CODEX_AUTH_EXPIRES_AT` (RFC 3339, UTC) and, where it is
    known, `CODEX_AUTH_ACCOUNT_ID`; a key is in the variables of its kind. `CODEX_AUTH_PROFILE`
    says which profile it is.
    """
    kept = {name: value for name, value in env.items() if name not in _REMOVED and not name.startswith(_OURS)}
    kept["CODEX_AUTH_PROFILE"] = credential.profile
    if credential.is_api_key:
        return {**kept, **dict.fromkeys(variables(credential.key), credential.access.reveal())}
    if credential.identity.account_id:
        kept["CODEX_AUTH_ACCOUNT_ID"] = credential.identity.account_id
    ends = moments.stamp(credential.expires)
    return {**kept, "CODEX_AUTH_TOKEN": credential.access.reveal(), "CODEX_AUTH_EXPIRES_AT": ends}


def living(profile: str, margin: timedelta, *, store: Store, places: Places, world: World) -> Credential:
    """Return the profile's login with this much life left, refreshed if need be.

    When it cannot be refreshed, one that still lives is served, and why is told. Raises `ProfileNotFound`,
    `PolicyRefused` for one that no rule admits or that ends too soon, and what `refresh` raises for one that is dead.
    """
    held = store.load(profile)
    if held is None:
        raise ProfileNotFound(profile=profile)
    policy = policies.in_force(places, world.env)
    _permit(policy.use_refusal(held))
    found = _living(held, max(margin, policy.minimum_lease()), store=store, places=places, world=world)
    _permit(policy.lease_refusal(found.expires - world.now()))
    return found


def _permit(refusal: PolicyRefused | None) -> None:
    if refusal is not None:
        raise refusal


def _living(held: Credential, margin: timedelta, *, store: Store, places: Places, world: World) -> Credential:
    profile = held.profile
    if held.expires - world.now() > margin:  # an API key never ends
        return held
    is_dead = held.expires <= world.now()
    try:
        return refresh(profile, Wish(margin=margin, may_wait=is_dead), store=store, places=places, world=world)
    except AuthError as error:
        kept = store.load(profile)
        if kept is None or kept.expires <= world.now():
            raise
        world.tell(f"Note: {error} The access token that is there still lives, and is used.")
        return kept
