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
    from codex_auth.cli.quick import show_list

    return show_list(
        as_json=as_json,
        full=full,
        auth_path=auth_path,
        passphrase=ctx.meta.get(options.PASSPHRASE_FD),
        assume_openclaw=bool(ctx.obj),
    )
