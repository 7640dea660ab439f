"""`codex-auth refresh`: renew a login now, or if it is due."""

from datetime import timedelta

import click

from codex_auth.cli import options


@click.command()
@options.existing_profile
@click.option("--all", "everyone", is_flag=True, help="Every profile that we own.")
@click.option("--if-due", "margin", type=options.Span(), metavar="TIME", help="Only if less life than TIME is left.")
@click.option("--again", is_flag=True, help="Try a token once more whose refresh was cut off twice.")
@click.option("--despite-copies", is_flag=True, help="Refresh although another live copy of the token was found.")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    everyone: bool,
    margin: timedelta | None,
    again: bool,
    despite_copies: bool,
    as_json: bool,
    auth_path: str,
) -> int:
    """Renew a login now. Only its owner may, once, however many processes ask."""
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World
    from codex_auth.stories.refresh import MARGIN, Wish, refresh, refresh_all
    from codex_auth.views.outcome import print_refreshed

    if everyone and name is not None:
        raise UsageError(problem="Name one profile, or say --all.", command="refresh")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    wish = Wish(
        margin=MARGIN if margin is None else margin,
        is_forced=margin is None,
        try_again=again,
        despite_copies=despite_copies,
    )
    if everyone:
        results = refresh_all(wish, store=store, places=places, world=world)
    else:
        profile = existing(ctx, name, store=store, places=places, world=world)
        results = {profile: refresh(profile, wish, store=store, places=places, world=world)}
    from codex_auth.core.errors import AuthError
    from codex_auth.stories.deliver import renew_leases

    renewed = {name for name, result in results.items() if not isinstance(result, AuthError)}
    for profile in sorted(renewed):
        for _, outcome in renew_leases(store=store, places=places, world=world, only=profile):
            if isinstance(outcome, AuthError):
                world.tell(f"codex-auth: {profile} is refreshed, and where it is leased it is not new yet: {outcome}")
                world.tell(f"  {outcome.hint} `codex-auth keep` tries it again.")
    return print_refreshed(results, world, as_json=as_json)
