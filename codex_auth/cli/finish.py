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
@options.json_output
@options.requester
@options.full
@options.store
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    callback_url: str | None,
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
    from codex_auth.cli.opening import open_for_sign_in
    from codex_auth.cli.outcome import print_finished
    from codex_auth.cli.redirect_input import read_callback_url
    from codex_auth.edge.world import World
    from codex_auth.stories.two_step import finish

    world = World()
    places, shelves = open_for_sign_in(ctx, world, auth_path, store=store)
    text = read_callback_url(callback_url, profile=name or "default", world=world)
    credential = finish(name, text, requester=requester, store=shelves, places=places, world=world)
    kind = shelves.choice(credential.profile).kind
    print_finished(credential, kind, places, world, as_json=as_json, full=full)
