"""`codex-auth login`: a whole sign-in in one command."""

import sys
from datetime import timedelta

import click

from codex_auth.cli import options


@click.command()
@options.profile
@click.option("--no-open", is_flag=True, help="Do not open a browser; print the link only.")
@click.option("--paste", is_flag=True, help="Listen on no port; wait for the redirect to be pasted.")
@click.option(
    "--timeout",
    type=options.Span(),
    default=timedelta(minutes=10),
    metavar="TIME",
    help="How long to wait, e.g. 90s or 10m (the default).",
)
@click.option("--non-interactive", is_flag=True, help="Never wait for a person; refused here, use `start`.")
@options.queue_apply
@options.json_output
@options.full
@options.replace_account
@options.issuer
@options.client_id
@options.scope
@options.store
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    no_open: bool,
    paste: bool,
    timeout: timedelta,
    non_interactive: bool,
    queue_apply: bool,
    as_json: bool,
    full: bool,
    replace_account: bool,
    issuer: str,
    client_id: str,
    scope: str,
    store: str,
    auth_path: str,
) -> None:
    """Sign in and keep the login as profile NAME.

    Opens the browser and waits for it on localhost:1455 (or 1457). At the same time the address the browser
    ended on can be pasted into the terminal: whichever comes first wins.
    """
    from codex_auth.cli.opening import chosen_profile, chosen_provider, open_places
    from codex_auth.cli.outcome import print_finished
    from codex_auth.cli.redirect_input import terminal_descriptor
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.terminal import Countdown
    from codex_auth.edge.world import World
    from codex_auth.stories.login import Ways, login
    from codex_auth.stories.sign_in import Wanted

    if non_interactive:
        raise UsageError(problem="A sign-in needs a person; `codex-auth start` returns at once.", command="start")
    if not timeout:
        raise UsageError(problem="The value of --timeout cannot be zero.", command="login")
    world = World()
    places, shelves = open_places(ctx, world, auth_path, store=store)
    selector = chosen_profile(name, places, world)
    wanted = Wanted(
        selector=selector,
        provider=chosen_provider(issuer, client_id, scope, places),
        replace_account=replace_account,
    )
    terminal = terminal_descriptor()
    if paste and terminal is None:
        raise UsageError(problem="There is no terminal to paste into; `codex-auth start` needs none.", command="start")
    ways = Ways(
        listen=not paste,
        open_browser=not (no_open or paste),
        paste_from=terminal,
        timeout=timeout,
        countdown=Countdown(sys.stderr, "Waiting for you to approve", env=world.env),
    )
    credential = login(wanted, ways, store=shelves, world=world)
    queued = None
    if queue_apply:
        from codex_auth.cli.queueing import queue_after_sign_in

        queued = queue_after_sign_in(credential.profile, places, world, reason="login", auth_path=auth_path)
    print_finished(credential, places, world, as_json=as_json, full=full, queued=queued)
