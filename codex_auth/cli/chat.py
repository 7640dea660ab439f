"""`codex-auth chat`: one chat message in, one reply out."""

import click

from codex_auth.cli import options


@click.command()
@click.option(
    "--schema",
    type=click.Choice(["message", "reply"]),
    help="Print the JSON Schema of what comes in, or of what goes out, and return.",
)
@options.issuer
@options.store
@options.auth_path
@click.pass_context
def command(ctx: click.Context, *, schema: str | None, issuer: str, store: str, auth_path: str) -> int:
    """Answer one chat message: JSON on stdin, one JSON reply on stdout.

    Whatever the message is and whatever goes wrong, there is exactly one reply, and the exit code is 0; the reply's
    `ok`, `error` and `exit_code` say how it went. A message is one line, or all of stdin. Only if the reply could not
    be written (1), or this was stopped by a signal (129, 130, 143), is the exit code another.
    """
    from codex_auth.cli.chat_door import converse, schema_text
    from codex_auth.cli.doors import write

    if schema is not None:
        return write(schema_text(schema))
    return converse(ctx, issuer=issuer, store=store, auth_path=auth_path)
