"""`codex-auth finish`: the second half of a sign-in."""

import click

from codex_auth.cli import options


@click.command()
@options.profile
@click.option(
    "--callback-url",
    metavar="URL|-",
    help="The address the browser ended on; `-` reads it from stdin. Without this, a hidden prompt asks for it.",
)
@options.queue_apply
@options.json_output
@options.requester
@options.full
@options.store
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    callback_url: str | None,
    queue_apply: bool,
    as_json: bool,
    requester: str,
    full: bool,
    store: str,
    auth_path: str,
) -> None:
    """Take the address the browser ended on and store the login.

    The whole address is best; the part after the question mark, quotes, line breaks and words around it are
    understood too. It is used at once and works a single time.
    """
    from codex_auth.cli.opening import open_places
    from codex_auth.cli.outcome import print_finished
    from codex_auth.cli.redirect_input import read_callback_url
    from codex_auth.edge.world import World
    from codex_auth.stories.two_step import finish

    world = World()
    places, shelves = open_places(ctx, world, auth_path, store=store)
    text = read_callback_url(callback_url, profile=name or "default", world=world)
    credential = finish(name, text, requester=requester, store=shelves, places=places, world=world)
    queued = None
    if queue_apply:
        from codex_auth.cli.queueing import queue_after_sign_in

        queued = queue_after_sign_in(credential.profile, places, world, reason="finish", auth_path=auth_path)
    print_finished(credential, places, world, as_json=as_json, full=full, queued=queued)
