"""What every signing-in verb opens first: places, store and provider, from words."""

from dataclasses import replace

import click

from codex_auth.cli import options
from codex_auth.core.names import DEFAULT
from codex_auth.core.provider import (
    OPENAI_CLIENT_ID,
    OPENAI_DIALECT,
    OPENAI_ISSUER,
    OPENAI_SCOPE,
    CallbackAt,
    Provider,
    read_callback,
    read_issuer,
)
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.notes import chosen
from codex_auth.stores import AUTO, AUTO_KINDS, open_store
from codex_auth.stores.protocol import Store


def open_places(ctx: click.Context, world: World, auth_path: str, *, store: str = "") -> tuple[Places, Store]:
    """Return where things are kept, and the store."""
    places = find_places(world.env, auth_path=auth_path, store=store, assume_openclaw=bool(ctx.obj))
    places = replace(
        places,
        passphrase=ctx.meta.get(options.PASSPHRASE_FD),
        new_passphrase=ctx.meta.get(options.NEW_PASSPHRASE_FD),
    )
    return places, open_store(places)


def open_for_sign_in(ctx: click.Context, world: World, auth_path: str, *, store: str = "") -> tuple[Places, Store]:
    """Return the same for a sign-in, whose login is put where rules let it if nobody named a place."""
    places, _ = open_places(ctx, world, auth_path, store=store)
    places = fitting(places, policies.in_force(places, world.env).stores())
    return places, open_store(places)


def fitting(places: Places, allowed: tuple[str, ...]) -> Places:
    """Return places whose store for new profiles is allowed, as far as that was left open: by default, or by `auto`."""
    if places.store == AUTO:
        open_to = [kind for kind in AUTO_KINDS if kind in allowed]
        # With one left there is nothing to choose; with none, the sign-in is refused by the name of the first.
        return places if len(open_to) == len(AUTO_KINDS) else replace(places, store=(open_to or [*AUTO_KINDS])[0])
    if places.store_is_default and allowed and places.store not in allowed:
        kind = next(kind for kind in (*AUTO_KINDS, "file") if kind in allowed)
        return replace(places, store=kind, store_rule="the rules here allow no other by default")
    return places


def chosen_profile(name: str | None, places: Places, world: World) -> str:
    """Return the profile that was named, or the default one: `CODEX_AUTH_PROFILE`, `use`, then the configuration."""
    if name is not None:
        return name
    return world.env.get("CODEX_AUTH_PROFILE", "") or chosen.read(places) or places.config.profile or DEFAULT


def chosen_provider(
    issuer: str, client_id: str, scope: str, places: Places, *, device_dialect: str = OPENAI_DIALECT
) -> Provider:
    """Return the provider that the options name. Raises `BadIssuer`."""
    return Provider(
        issuer=read_issuer(issuer or OPENAI_ISSUER, listed=places.config.issuers, config=places.config_file),
        client_id=client_id or OPENAI_CLIENT_ID,
        scope=scope or OPENAI_SCOPE,
        device_dialect=device_dialect,
    )


def chosen_callback(port: int | None, base: str, provider: Provider, places: Places) -> CallbackAt:
    """Return where the browser comes back to: the options, then the configuration, which does not count for OpenAI.

    Raises `CallbackRefused`.
    """
    if not provider.is_openai:
        port = places.config.callback_port if port is None else port
        base = base or places.config.callback_url_base
    return read_callback(port, base, provider=provider)
