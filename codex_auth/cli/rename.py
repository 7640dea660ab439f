"""`codex-auth rename`: another name for a login."""

import click

from codex_auth.cli import completing, options
from codex_auth.core.names import read_name


def _name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    return read_name(value)


@click.command()
@click.argument("old", callback=_name, shell_complete=completing.profiles)
@click.argument("new", callback=_name)
@options.non_interactive
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, old: str, new: str, *, as_json: bool, auth_path: str) -> int:
    """Give a login another name; its store, its deliveries and their renewal stay as they are.

    It is copied, read back, and only then removed under the old name; stop it at any point and run it again.
    """
    from contextlib import suppress

    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import AuthError
    from codex_auth.edge.defaults import unnamed
    from codex_auth.edge.world import World
    from codex_auth.stores.shelves import Shelves
    from codex_auth.stories.rename import rename
    from codex_auth.views.outcome import print_renamed

    world = World()
    places, _ = open_places(ctx, world, auth_path)
    shelves = Shelves(places, begin=places.store)
    old = existing(ctx, old, store=shelves, places=places, world=world)
    done = rename(old, new, store=shelves, places=places, world=world)
    meant = ("", "")
    with suppress(AuthError):  # a folder that names no profile is no reason to call a rename a failure
        meant = unnamed(places, world.env)
    print_renamed(done, meant, world, as_json=as_json)
    return 0
