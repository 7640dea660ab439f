"""`codex-auth start`: the first half of a sign-in."""

import click

from codex_auth.cli import options


@click.command()
@options.profile
@click.option("--device", is_flag=True, help="Get a code to type on any screen; `finish` then needs no address.")
@options.json_output
@options.requester
@options.replace_account
@options.issuer
@options.callback_port
@options.callback_url_base
@options.client_id
@options.scope
@options.device_dialect
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    device: bool,
    as_json: bool,
    requester: str,
    replace_account: bool,
    issuer: str,
    callback_port: int | None,
    callback_url_base: str,
    client_id: str,
    scope: str,
    device_dialect: str,
    auth_path: str,
) -> None:
    """Print a sign-in link and return at once.

    Open the link in any browser and approve. The browser ends on a page that may not load; give its whole
    address to `codex-auth finish` within ten minutes. With --device there is a code to type instead, and
    `codex-auth finish` asks whether that was approved.
    """
    from codex_auth.cli.opening import chosen_callback, chosen_profile, chosen_provider, open_for_sign_in
    from codex_auth.edge.world import World
    from codex_auth.stories.sign_in import Wanted
    from codex_auth.views.outcome import print_started

    world = World()
    places, store = open_for_sign_in(ctx, world, auth_path)
    provider = chosen_provider(issuer, client_id, scope, places, device_dialect=device_dialect)
    wanted = Wanted(
        selector=chosen_profile(name, places, world),
        provider=provider,
        callback=chosen_callback(callback_port, callback_url_base, provider, places),
        requester=requester,
        replace_account=replace_account,
    )
    if device:
        from codex_auth.stories.device_steps import start_device
        from codex_auth.views.outcome import print_device_started

        print_device_started(start_device(wanted, store=store, places=places, world=world), world, as_json=as_json)
        return
    from codex_auth.stories.two_step import start

    print_started(start(wanted, store=store, places=places, world=world), world, as_json=as_json)
