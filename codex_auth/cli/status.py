"""`codex-auth status`: profiles, owners, expiry and pending sign-ins."""

import click

from codex_auth.cli.options import PASSPHRASE_FD, auth_path, full, json_output, passphrase_fd, profile


@click.command()
@profile
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

    return show(
        selector=name,
        as_json=as_json,
        check=check,
        why=why,
        full=full,
        auth_path=auth_path,
        passphrase=ctx.meta.get(PASSPHRASE_FD),
        assume_openclaw=bool(ctx.obj),
    )
