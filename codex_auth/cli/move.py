"""`codex-auth move`: keep a login in another store."""

import click

from codex_auth.cli import options


@click.command()
@options.existing_profile
@click.option("--all", "everyone", is_flag=True, help="Every profile that we own.")
@click.option(
    "--to", "target", required=True, type=click.Choice(["file", "keyring", "vault"]), help="The store to move to."
)
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and move nothing.")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context, name: str | None, *, everyone: bool, target: str, dry_run: bool, as_json: bool, auth_path: str
) -> int:
    """Keep a login in another store from now on.

    It is copied, read back, switched, and only then removed from where it was; stop it at any point and run it again.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World
    from codex_auth.neighbours import policies
    from codex_auth.stores.shelves import Shelves
    from codex_auth.stories.move import move, move_all
    from codex_auth.views.outcome import print_all_moved, print_moved

    if everyone and name is not None:
        raise UsageError(problem="Name one profile, or say --all.", command="move")
    world = World()
    places, _ = open_places(ctx, world, auth_path)
    shelves = Shelves(places, begin=places.store)
    policy = policies.in_force(places, world.env)
    if everyone:
        results = move_all(target, policy=policy, store=shelves, places=places, dry_run=dry_run)
        return print_all_moved(results, world, dry_run=dry_run, as_json=as_json)
    profile = existing(ctx, name, store=shelves, places=places, world=world)
    moved = move(profile, target, policy=policy, store=shelves, places=places, dry_run=dry_run)
    print_moved(moved, world, dry_run=dry_run, as_json=as_json)
    return 0
