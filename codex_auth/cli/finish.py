"""`codex-auth finish`: the second half of a sign-in."""

from datetime import timedelta

import click

from codex_auth.cli import options


@click.command()
@options.profile
@click.option(
    "--callback-url",
    metavar="URL|-",
    help="The address the browser ended on; `-` reads it from stdin. Without this, a hidden prompt asks for it.",
)
@click.option("--wait", is_flag=True, help="Ask about a device code until it is approved or has ended.")
@click.option("--timeout", type=options.Span(), metavar="TIME", help="With --wait: for so long at most, e.g. 90s.")
@options.queue_apply
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
    wait: bool,
    timeout: timedelta | None,
    queue_apply: bool,
    as_json: bool,
    requester: str,
    full: bool,
    store: str,
    auth_path: str,
) -> None:
    """Take the address the browser ended on and store the login.

    The whole address is best; the part after the question mark, quotes, line breaks and words around it are
    understood too. It is used at once and works a single time. A sign-in by device code needs no address: this
    asks once whether the code was approved (exit 8: not yet).
    """
    from codex_auth.cli.opening import open_for_sign_in
    from codex_auth.cli.redirect_input import read_callback_url
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World
    from codex_auth.stories.device_steps import finish_device, waits_for_device
    from codex_auth.stories.two_step import finish
    from codex_auth.views.outcome import print_finished

    if callback_url is not None and wait:
        raise UsageError(problem="--wait asks about a device code, which needs no --callback-url.", command="finish")
    if timeout is not None and not wait:
        raise UsageError(problem="--timeout is for --wait.", command="finish")
    world = World()
    places, shelves = open_for_sign_in(ctx, world, auth_path, store=store)
    if callback_url is None and (wait or waits_for_device(name, store=shelves, places=places, world=world)):
        credential = finish_device(
            name, requester=requester, wait=wait, timeout=timeout, store=shelves, places=places, world=world
        )
    else:
        text = read_callback_url(callback_url, profile=name or "default", world=world)
        credential = finish(name, text, requester=requester, store=shelves, places=places, world=world)
    queued = None
    if queue_apply:
        from codex_auth.stories.queueing import queue_after_sign_in

        queued = queue_after_sign_in(credential.profile, shelves, places, world, reason="finish", auth_path=auth_path)
    kind = shelves.choice(credential.profile).kind
    print_finished(credential, kind, places, world, as_json=as_json, full=full, queued=queued)
