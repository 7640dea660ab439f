"""`codex-auth import`: read a login that another program keeps."""

import click

from codex_auth.cli import options


@click.command()
@click.argument("source", type=click.Choice(["openclaw"]))
@options.profile
@click.option("--profile-id", default="", metavar="ID", help="What the program calls it, e.g. openai:work.")
@click.option("--agent", default="", metavar="ID", help="Of this agent of OpenClaw's.")
@options.json_output
@options.full
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    source: str,
    profile_id: str,
    agent: str,
    as_json: bool,
    full: bool,
    auth_path: str,
) -> None:
    """Keep a copy of the access token that a program has. Nothing of the program's is changed.

    The program stays the owner: it alone refreshes the login, and its refresh token is not copied. Run it again to
    read a newer token.
    """
    from codex_auth.cli.delivered import print_imported
    from codex_auth.cli.opening import chosen_profile, open_places
    from codex_auth.core.names import name_of_id, read_name
    from codex_auth.deliver.targets import open_target
    from codex_auth.edge.world import World
    from codex_auth.stories.deliver import bring_in

    world = World()
    places, store = open_places(ctx, world, auth_path)
    asked = name or name_of_id(profile_id)
    profile = read_name(asked or chosen_profile(None, places, world))
    target = open_target(source, profile, agent=agent, env=world.env, locks=places.locks, profile_id=profile_id)
    credential = bring_in(profile, target=target, store=store)
    print_imported(credential, target.place, world, as_json=as_json, full=full)
