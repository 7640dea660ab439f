"""`codex-auth vault`: the key of the encrypted vault, and what to do when an older file came back."""

import click

from codex_auth.cli import options
from codex_auth.edge.places import Places
from codex_auth.edge.world import World


@click.group()
def command() -> None:
    """Change the key of the encrypted vault, or accept an older vault."""


@command.command()
@click.option(
    "--to",
    "source",
    type=click.Choice(["keyfile", "passphrase"]),
    help="Open it with a key file, or a passphrase; without this, with a new key of the present kind.",
)
@options.json_output
@click.pass_context
def rekey(ctx: click.Context, source: str | None, *, as_json: bool) -> None:
    """Seal the vault under a new key; the old one then opens nothing.

    A passphrase is asked for on the terminal, or taken from the `passphrase_command` of the configuration.
    """
    from codex_auth.cli.outcome import print_vault
    from codex_auth.stores.vault import open_store

    world = World()
    vault = open_store(_places(ctx, world))
    vault.rekey(None if source is None else vault.source(source))
    print_vault("rekeyed", "The vault is sealed under a new key.", world, as_json=as_json)


@command.command("accept-rollback")
@options.json_output
@click.pass_context
def accept_rollback(ctx: click.Context, *, as_json: bool) -> None:
    """Take the vault as it is for the newest, because there is no newer one.

    Refresh tokens in it may be spent; sign in again where a login has ended.
    """
    from codex_auth.cli.outcome import print_vault
    from codex_auth.stores.vault import open_store

    world = World()
    open_store(_places(ctx, world)).accept_rollback()
    print_vault("accepted", "The vault is taken for the newest from now on.", world, as_json=as_json)


def _places(ctx: click.Context, world: World) -> Places:
    from codex_auth.cli.opening import open_places

    return open_places(ctx, world, "")[0]
