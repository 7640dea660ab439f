"""`codex-auth cancel`: forget a sign-in that was started."""

import click

from codex_auth.cli import options


@click.command()
@options.profile
@options.json_output
@options.requester
@options.auth_path
@click.pass_context
def command(ctx: click.Context, name: str | None, *, as_json: bool, requester: str, auth_path: str) -> None:
    """Forget a sign-in that was started. Stored logins are not touched."""
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories.two_step import cancel
    from codex_auth.views.outcome import print_cancelled

    world = World()
    places, store = open_places(ctx, world, auth_path)
    print_cancelled(cancel(name, requester=requester, store=store, places=places, world=world), world, as_json=as_json)
