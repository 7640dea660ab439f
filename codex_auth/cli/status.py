"""`codex-auth status`: profiles, owners, expiry and pending sign-ins."""

from functools import partial

import click

from codex_auth.cli.options import PASSPHRASE_FD, auth_path, existing_profile, full, json_output, passphrase_fd


@click.command()
@existing_profile
@json_output
@click.option(
    "--check",
    is_flag=True,
    help="Exit 3 when a sign-in is needed, 4 when one is expiring, 6 when a rule forbids one, 9 for a copied token.",
)
@click.option("--why", is_flag=True, help="Say which rule chose each place, and list every rule in force.")
@full
@passphrase_fd
@auth_path
@click.pass_context
def command(
    ctx: click.Context, name: str | None, *, as_json: bool, check: bool, why: bool, full: bool, auth_path: str
) -> int:
    """Show profiles, owners, expiry and pending sign-ins. Reads local files only."""
    from codex_auth.cli.quick import show
    from codex_auth.core.errors import ProfileNotFound

    shown = partial(
        show,
        as_json=as_json,
        check=check,
        why=why,
        full=full,
        auth_path=auth_path,
        passphrase=ctx.meta.get(PASSPHRASE_FD),
        assume_openclaw=bool(ctx.obj),
    )
    try:
        return shown(selector=name)
    except ProfileNotFound:  # nothing was shown yet
        from codex_auth.cli.choosing import existing
        from codex_auth.cli.opening import open_places
        from codex_auth.edge.world import World

        world = World()
        places, store = open_places(ctx, world, auth_path)
        meant = existing(ctx, name, store=store, places=places, world=world, may_shorten=True)
        if meant == name:
            raise
        return shown(selector=meant)
