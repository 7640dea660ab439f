"""`codex-auth app-server`: a program's `codex app-server`, signed in by us."""

from functools import partial

import click

from codex_auth.cli import options
from codex_auth.cli.run import WithCommand


@click.command(cls=WithCommand)
@options.existing_profile
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, name: str | None, *, auth_path: str, words: list[str]) -> int:
    """Run `codex app-server` for a program, with this login: codex-auth app-server NAME -- codex app-server.

    Put it where the program starts `codex app-server`. What they say to each other passes through unchanged; Codex is
    signed in with an access token as soon as the program has introduced itself, and gets a fresh one whenever it asks.
    The refresh token stays here. To let Codex take it, `experimentalApi` is added to the program's `initialize`; OpenAI
    calls this way unstable.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge import child
    from codex_auth.edge.world import World
    from codex_auth.stories.app_server import AppServer

    if not words:
        problem = "Put the command after `--`: codex-auth app-server NAME -- codex app-server."
        raise UsageError(problem=problem, command="app-server")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world, may_ask=False)
    program = child.find(words[0], world.env)
    server = AppServer(profile, store=store, places=places, world=world)
    return server.serve(program, words, server.environment(), child.lines(0), partial(child.write, 1))
