"""`codex-auth list`: every profile, in one table."""

import click

from codex_auth.cli import options


@click.command()
@options.json_output
@options.full
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, *, as_json: bool, full: bool, auth_path: str) -> int:
    """List the profiles: account, plan, owner, store, end, last refresh, and where each was delivered.

    Reads local files only. `*` marks the profile that is meant where none is named.
    """
    import json

    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories import status as story
    from codex_auth.views.listing import document, lines
    from codex_auth.views.screen import is_terminal, look, show

    world = World()
    places, store = open_places(ctx, world, auth_path)
    report, now = story.look(store, places, world), world.now()
    if as_json:
        world.out(json.dumps(document(report, now, full=full), ensure_ascii=False))
    else:
        show(lines(report, now, look(), may_be_long=not is_terminal(), full=full), world)
        for error in report.trouble:
            world.tell(f"codex-auth: {error}")
            world.tell(f"  {error.hint}")
    return max((error.status for error in report.trouble), default=0)
