"""`codex-auth logout`: end a login."""

import click

from codex_auth.cli import options


@click.command()
@options.existing_profile
@click.option("--all", "everyone", is_flag=True, help="Every login.")
@click.option("--keep-target", is_flag=True, help="Leave what other programs were leased where it is.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    everyone: bool,
    keep_target: bool,
    yes: bool,
    as_json: bool,
    auth_path: str,
) -> int:
    """End a login: revoke it at the provider, take it back from other programs, and delete it everywhere here.

    It is deleted even if the provider cannot be told, which is then said. A login that another program owns is
    forgotten here and lives on there.
    """
    from codex_auth.cli.choosing import existing, is_interactive
    from codex_auth.cli.opening import chosen_profile, open_places
    from codex_auth.core.errors import AuthError, UsageError
    from codex_auth.core.names import DEFAULT
    from codex_auth.edge.world import World
    from codex_auth.stories.logout import LoggedOut, logout, logout_all
    from codex_auth.views.ended import print_logged_out

    if everyone and name is not None:
        raise UsageError(problem="Name one profile, or say --all.", command="logout")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    is_open = not everyone and name is None and chosen_profile(None, places, world) == DEFAULT
    if is_open and len(store.names()) > 1 and not is_interactive(ctx, world):
        raise UsageError(problem="There are several logins: name the one to end, or say --all.", command="logout")
    profile = "" if everyone else existing(ctx, name, store=store, places=places, world=world)
    if not yes and not _agreed(ctx, profile, as_json=as_json):
        world.tell("Nothing was changed.")
        return 0
    results: dict[str, LoggedOut | AuthError] = {}
    if everyone:
        results |= dict(logout_all(keep_target=keep_target, store=store, places=places, world=world))
    else:
        results[profile] = logout(profile, keep_target=keep_target, store=store, places=places, world=world)
    return print_logged_out(results, world, as_json=as_json)


def _agreed(ctx: click.Context, profile: str, *, as_json: bool) -> bool:
    import sys

    from codex_auth.cli.patience import agreed
    from codex_auth.core.errors import UsageError

    if as_json or ctx.meta.get(options.NON_INTERACTIVE) or not sys.stdin.isatty():
        raise UsageError(problem="Nobody can be asked here: add --yes to log out.", command="logout")
    return agreed(f"Log out {profile or 'every login'}, and delete it here?")
