"""`codex-auth sandbox`: serve the built-in provider until interrupted."""

import json
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from codex_auth.sandbox.faults import FAULTS, BadFault, read_fault

if TYPE_CHECKING:
    from codex_auth.sandbox.server import Sandbox

_WITHOUT_FLASK = "The sandbox needs the extra: pip install 'codex-auth-profiles[sandbox]'"


@click.command()
@click.option("--port", default=0, show_default="a free one", help="Port on 127.0.0.1 to listen on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line with issuer and control key first.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[=VALUE][:ROUTE[:COUNT]]",
    help="Misbehave, e.g. `drop`, `status=429:token:3`, `slow=2:usage`. Repeatable.",
)
@click.option("--list-faults", is_flag=True, help="Say what can go wrong, and exit.")
@click.option("--access-lifetime", default=3600.0, show_default=True, help="Seconds an access token lives.")
@click.option("--refresh-lifetime", default=2592000.0, show_default=True, help="Seconds a refresh token lives.")
@click.option("--code-lifetime", default=60.0, show_default=True, help="Seconds an authorization code lives.")
@click.option("--device-interval", default=5, show_default=True, help="Seconds between device polls.")
@click.option(
    "--redirect-port",
    "redirect_ports",
    multiple=True,
    type=int,
    help="Accept callbacks on this port besides 1455 and 1457. Repeatable.",
)
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    metavar="URL",
    help="Accept exactly this callback too, e.g. that of an ingress. Repeatable.",
)
@click.option(
    "--honour-previous-once",
    is_flag=True,
    help="Let a refresh token that was just replaced work once more, for replies lost on the way.",
)
@click.pass_context
def command(
    context: click.Context,
    port: int,
    as_json: bool,
    faults: tuple[str, ...],
    list_faults: bool,
    access_lifetime: float,
    refresh_lifetime: float,
    code_lifetime: float,
    device_interval: int,
    redirect_ports: tuple[int, ...],
    redirect_uris: tuple[str, ...],
    honour_previous_once: bool,
) -> None:
    """Serve an authorization server on this machine that behaves as OpenAI's does for Codex.

    Sign in to it with `codex-auth login work --issuer URL`. No real account is involved.
    """
    if list_faults:
        for name, meaning in FAULTS.items():
            click.echo(f"{name:18}{meaning}")
        return
    try:
        wanted = [read_fault(text) for text in faults]
    except BadFault as bad:
        raise click.BadParameter(str(bad), param_hint="--fault") from None
    if find_spec("flask") is None:
        click.echo(_WITHOUT_FLASK, err=True)
        context.exit(1)
    from codex_auth.sandbox.server import serve  # noqa: PLC0415  # needs the extra

    try:
        serve(
            port,
            wanted,
            _announce_json if as_json else _announce,
            access_lifetime=access_lifetime,
            refresh_lifetime=refresh_lifetime,
            code_lifetime=code_lifetime,
            device_interval=device_interval,
            redirect_ports=redirect_ports,
            redirect_uris=redirect_uris,
            honour_previous_once=honour_previous_once,
        )
    except OSError as taken:
        click.echo(f"Port {port} cannot be used: {taken.strerror}.", err=True)
        context.exit(1)


def _announce(sandbox: "Sandbox") -> None:
    click.echo(f"The sandbox is listening on {sandbox.issuer}", err=True)
    click.echo(f"Try: codex-auth login work --issuer {sandbox.issuer}   (stop with Ctrl-C)", err=True)


def _announce_json(sandbox: "Sandbox") -> None:
    line = {
        "schema_version": 1,
        "issuer": sandbox.issuer,
        "control_key": sandbox.control_key,
        "pid": os.getpid(),
    }
    click.echo(json.dumps(line))
