"""`codex-auth label`: what a login is called in your own words."""

import click

from codex_auth.cli import options
from codex_auth.core.names import read_name


def _name(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    return read_name(value)


@click.command()
@click.argument("name", callback=_name)
@click.argument("text", required=False)
@options.non_interactive
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, name: str, text: str | None, *, as_json: bool, auth_path: str) -> int:
    r"""Say in a few words what a login is for; "" takes that away, and without TEXT it is shown.

    `list` shows it, and so does the list that a profile is chosen from. It goes with the login to another name or
    store, ends with it, and is never carried out of this machine. 80 characters at most, and nothing secret.

    \b
    Examples:
      codex-auth label work "the night build"
      codex-auth label work ""
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import ProfileNotFound
    from codex_auth.core.labels import read_label
    from codex_auth.edge.world import World
    from codex_auth.notes import labels
    from codex_auth.views.outcome import print_labelled

    label = None if text is None else read_label(text)
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world)
    if profile not in store.names():
        raise ProfileNotFound(profile=profile)
    if label is not None:
        labels.write(places, profile, label)
    print_labelled(profile, labels.read(places).get(profile, ""), world, as_json=as_json)
    return 0
