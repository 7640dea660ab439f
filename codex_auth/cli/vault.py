"""`codex-auth vault`: the key of the encrypted vault, and what to do when an older file came back."""

import click

from codex_auth.cli import options
from codex_auth.core.vault_header import PASSPHRASE
from codex_auth.edge.places import VAULT_KEYS, Places
from codex_auth.edge.world import World


@click.group()
def command() -> None:
    """Change the key of the encrypted vault, or accept an older vault."""


@command.command()
@click.option(
    "--to",
    "source",
    type=click.Choice(VAULT_KEYS),
    help="Open it with a key file, a key in the keyring, or a passphrase; else with a new key of the present kind.",
)
@options.passphrase_fd
@options.new_passphrase_fd
@options.json_output
@click.pass_context
def rekey(ctx: click.Context, source: str | None, *, as_json: bool) -> None:
    """Seal the vault under a new key; the old one then opens nothing.

    A passphrase is asked for on the terminal, or taken from a descriptor or the `passphrase_command` of the
    configuration. From one passphrase to another there are two: --passphrase-fd opens the vault as it is, and
    --new-passphrase-fd is what opens it from now on.
    """
    from codex_auth.core.errors import UsageError
    from codex_auth.stores.vault import open_store
    from codex_auth.views.outcome import print_vault

    world = World()
    places = _places(ctx, world)
    vault = open_store(places)
    stays_passphrase = vault.key_kind == PASSPHRASE and source in {None, PASSPHRASE}
    if stays_passphrase and places.passphrase and not places.new_passphrase:
        raise UsageError(problem="Say where the new passphrase comes from: --new-passphrase-fd.", command="vault")
    vault.rekey(None if source is None else vault.source(source))
    print_vault("rekeyed", "The vault is sealed under a new key.", world, as_json=as_json)


@command.command("accept-rollback")
@options.passphrase_fd
@options.json_output
@click.pass_context
def accept_rollback(ctx: click.Context, *, as_json: bool) -> None:
    """Take the vault as it is for the newest, because there is no newer one.

    Refresh tokens in it may be spent; sign in again where a login has ended.
    """
    from codex_auth.stores.vault import open_store
    from codex_auth.views.outcome import print_vault

    world = World()
    open_store(_places(ctx, world)).accept_rollback()
    print_vault("accepted", "The vault is taken for the newest from now on.", world, as_json=as_json)


def _places(ctx: click.Context, world: World) -> Places:
    from codex_auth.cli.opening import open_places

    return open_places(ctx, world, "")[0]
