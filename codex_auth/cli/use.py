"""`codex-auth use`: switch Codex, and what `default` means, to a profile."""

import click

from codex_auth.cli import completing, options


@click.command()
@options.existing_profile
@click.option(
    "--codex-home",
    default="",
    metavar="FOLDER",
    shell_complete=completing.folders,
    help="Switch this home of Codex's instead of the usual one.",
)
@click.option("--keep-as", default="", metavar="NAME", help="Keep the login that Codex has of its own as a profile.")
@options.kept_issuer
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context, name: str | None, *, codex_home: str, keep_as: str, issuer: str, as_json: bool, auth_path: str
) -> None:
    """Let Codex use this login from now on, and every command of ours that is given no name.

    Codex gets a lease, as with `deliver codex`. A Codex that runs keeps the account with which it was started; those
    that do are named. For two logins at once, use `run`.
    """
    import os

    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.names import read_name
    from codex_auth.deliver.codex import open_codex
    from codex_auth.edge.world import World
    from codex_auth.neighbours.codex_private import origin
    from codex_auth.stories.use import use
    from codex_auth.views.delivered import print_used

    options.check_kept_issuer(keep_as, issuer, command="use")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world, may_shorten=True)
    env = {**world.env, "CODEX_HOME": os.path.abspath(codex_home)} if codex_home else world.env
    meant = origin(open_codex(env).home, places.codex_homes)
    target = open_codex({**env, "CODEX_HOME": meant.path})
    kept = read_name(keep_as) if keep_as else ""
    used = use(profile, keep_as=kept, issuer=issuer, target=target, store=store, places=places, world=world)
    print_used(profile, used, world, as_json=as_json)
