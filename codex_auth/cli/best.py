"""`codex-auth best`: which profile has most left. It only says so."""

import click

from codex_auth.cli import options


@click.command()
@options.json_output
@options.full
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, *, as_json: bool, full: bool, auth_path: str) -> int:
    """Name the profile whose tightest limit has most left. Nothing is switched.

    Asks as `usage --all` does. The name alone is on stdout; exit 8 when every profile is at its limit.
    """
    import json

    from codex_auth.cli.asking import asked
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories.usage import all_profiles, best
    from codex_auth.views.usage_bars import suggested
    from codex_auth.views.usage_json import suggestion

    world = World()
    places, store = open_places(ctx, world, auth_path)
    found = asked(all_profiles(store), store=store, places=places, world=world)
    now = world.now()
    chosen = best(found, now)
    if as_json:
        world.out(json.dumps(suggestion(chosen, found, now, full=full), ensure_ascii=False))
        return 0
    world.out(chosen.profile)
    for line in suggested(chosen, found, now):
        world.tell(line)
    return 0
