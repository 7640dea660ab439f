"""`codex-auth usage`: what is left of a login's limits."""

import click

from codex_auth.cli import options


@click.command()
@options.existing_profile
@click.option("--all", "everyone", is_flag=True, help="Every sign-in there is, several at a time.")
@click.option("--watch", is_flag=True, help="Show it anew each minute, until Ctrl-C.")
@options.json_output
@options.full
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    everyone: bool,
    watch: bool,
    as_json: bool,
    full: bool,
    auth_path: str,
) -> int:
    """Show what is left of the rate limits, as bars, and when they reset.

    Asks the ChatGPT backend (of another provider: that provider's own), with the access token that `run` would use;
    an answer counts for a minute. A 401 says that the usage endpoint does not accept the session, which may work
    all the same.
    """
    from codex_auth.cli.asking import Questions
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import Stop, UsageError
    from codex_auth.edge.world import World
    from codex_auth.views.screen import is_terminal

    if everyone and name is not None:
        raise UsageError(problem="Name one profile, or say --all.", command="usage")
    if watch and (as_json or not is_terminal()):
        raise UsageError(problem="--watch is for a terminal, and not for --json.", command="usage")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    selector = None if everyone else existing(ctx, name, store=store, places=places, world=world, may_shorten=True)
    questions = Questions(selector, store=store, places=places, world=world, full=full)
    if as_json:
        return questions.document()
    if not watch:
        return questions.shown()
    try:
        while True:
            questions.shown(anew=True)
            world.sleep(questions.pause())
    except Stop as stop:
        return 128 + stop.number  # Ctrl-C is how a watch ends, so nothing is said about it
