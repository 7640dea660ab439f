"""`codex-auth login`: a whole sign-in in one command."""

import sys
from datetime import timedelta

import click

from codex_auth.cli import options


@click.command()
@options.profile
@click.option("--browser", "way", flag_value="browser", help="Sign in with a browser that comes back to this machine.")
@click.option("--device", "way", flag_value="device", help="Show a code to type in a browser anywhere.")
@click.option("--paste", "way", flag_value="paste", help="Listen on no port; wait for the redirect to be pasted.")
@click.option("--no-open", is_flag=True, help="Do not open a browser; print the link only.")
@click.option("--no-qr", is_flag=True, help="Draw no QR code.")
@click.option(
    "--timeout",
    type=options.Span(),
    metavar="TIME",
    help="How long to wait, e.g. 90s; 10m is the default, with --device as long as the code lives.",
)
@click.option("--non-interactive", is_flag=True, help="Never wait for a person; refused here, use `start`.")
@options.queue_apply
@options.json_output
@options.full
@options.replace_account
@options.issuer
@options.callback_port
@options.callback_url_base
@options.client_id
@options.scope
@options.device_dialect
@options.store
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    way: str | None,
    no_open: bool,
    no_qr: bool,
    timeout: timedelta | None,
    non_interactive: bool,
    queue_apply: bool,
    as_json: bool,
    full: bool,
    replace_account: bool,
    issuer: str,
    callback_port: int | None,
    callback_url_base: str,
    client_id: str,
    scope: str,
    device_dialect: str,
    store: str,
    auth_path: str,
) -> None:
    """Sign in and keep the login as profile NAME.

    Opens the browser and waits for it on localhost:1455 (or 1457). At the same time the address the browser
    ended on can be pasted into the terminal: whichever comes first wins. Where no browser can be opened (SSH, a
    container, no display) it shows a code to type in a browser anywhere. It says which and why.
    """
    from codex_auth.callback import browser
    from codex_auth.cli.opening import chosen_callback, chosen_profile, chosen_provider, open_for_sign_in
    from codex_auth.cli.redirect_input import terminal_descriptor
    from codex_auth.core import ways
    from codex_auth.core.errors import UsageError
    from codex_auth.core.policy import BROWSER, PASTE
    from codex_auth.edge import qr
    from codex_auth.edge.terminal import Countdown
    from codex_auth.edge.world import World
    from codex_auth.neighbours import policies
    from codex_auth.stories.device import Screen
    from codex_auth.stories.login import Ways, sign_in_here
    from codex_auth.stories.sign_in import Wanted
    from codex_auth.views.outcome import print_finished

    if non_interactive:
        raise UsageError(problem="A sign-in needs a person; `codex-auth start` returns at once.", command="start")
    if timeout is not None and not timeout:
        raise UsageError(problem="The value of --timeout cannot be zero.", command="login")
    world = World()
    places, shelves = open_for_sign_in(ctx, world, auth_path, store=store)
    selector = chosen_profile(name, places, world)
    provider = chosen_provider(issuer, client_id, scope, places, device_dialect=device_dialect)
    wanted = Wanted(
        selector=selector,
        provider=provider,
        callback=chosen_callback(callback_port, callback_url_base, provider, places),
        replace_account=replace_account,
    )
    terminal = terminal_descriptor()
    chosen = ways.choose(
        way or (BROWSER if no_open else ""),
        closed=browser.why_not_open(world.env, sys.platform),
        has_terminal=terminal is not None,
        allowed=policies.in_force(places, world.env).flows(),
        profile=selector,
    )
    if chosen.name == PASTE and terminal is None:
        raise UsageError(problem="There is no terminal to paste into; `codex-auth start` needs none.", command="start")
    if not chosen.was_asked_for:
        world.tell(ways.announcement(chosen))
    countdown = Countdown(sys.stderr, "Waiting for you to approve", env=world.env)
    by_redirect = Ways(
        listen=chosen.name != PASTE,
        open_browser=not no_open and chosen.name == BROWSER,
        paste_from=terminal,
        timeout=timeout or timedelta(minutes=10),
        countdown=countdown,
    )
    screen = Screen(
        countdown=countdown,
        draw=lambda address: [] if no_qr else qr.draw(address, sys.stderr, env=world.env),
        timeout=timeout,
    )
    credential = sign_in_here(wanted, chosen, by_redirect, screen, store=shelves, places=places, world=world)
    queued = None
    if queue_apply:
        from codex_auth.stories.queueing import queue_after_sign_in

        queued = queue_after_sign_in(credential.profile, shelves, places, world, reason="login", auth_path=auth_path)
    kind = shelves.choice(credential.profile).kind
    print_finished(credential, kind, places, world, as_json=as_json, full=full, queued=queued)
