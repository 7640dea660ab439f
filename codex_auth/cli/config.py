"""`codex-auth config`: the settings, and changing them."""

import click

from codex_auth.cli import completing, options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.core.settings import Value
    from codex_auth.edge.config import Config
    from codex_auth.edge.world import World

_NAME = click.argument("name", metavar="NAME", shell_complete=completing.settings)


@click.group(invoke_without_command=True)
@options.json_output
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Show every setting with its value and where that comes from, or change one.

    A setting is the variable named beside it, or stands in the configuration file. `[policy]` is not changed here:
    it is a table of its own, written by hand.
    """
    if ctx.invoked_subcommand is None:
        from codex_auth.stories.settings import listed
        from codex_auth.views.settings import print_settings

        world, path, config = _read()
        print_settings(listed(config, world.env), path, world, as_json=as_json)


@command.command("get")
@_NAME
@options.json_output
def get(name: str, *, as_json: bool) -> None:
    """Print the value of one setting."""
    from codex_auth.core.settings import known
    from codex_auth.stories.settings import shown
    from codex_auth.views.settings import print_value

    world, _, config = _read()
    print_value(shown(known(name), config, world.env), world, as_json=as_json)


@command.command("set")
@_NAME
@click.argument("values", metavar="VALUE...", nargs=-1, required=True)
@options.json_output
def put(name: str, values: tuple[str, ...], *, as_json: bool) -> None:
    """Put a setting into the configuration file; a list takes several values, and replaces what was there."""
    from codex_auth.core.settings import known, read_value

    meant = known(name)
    _change(meant, read_value(meant, values), as_json=as_json)


@command.command("unset")
@_NAME
@options.json_output
def unset(name: str, *, as_json: bool) -> None:
    """Take a setting out of the configuration file."""
    from codex_auth.core.settings import known

    _change(known(name), None, as_json=as_json)


def _change(name: str, value: "Value | None", *, as_json: bool) -> None:
    from codex_auth.stories import settings as story
    from codex_auth.views.settings import print_changed

    world, path, _ = _read()
    is_changed = story.change(name, value, path)
    _, _, config = _read()
    print_changed(story.shown(name, config, world.env), path, world, is_changed=is_changed, as_json=as_json)


def _read() -> "tuple[World, str, Config]":
    """Return the world, the configuration file, and what it says."""
    from codex_auth.core.store_errors import StoreError
    from codex_auth.edge import where
    from codex_auth.edge.config import read_config
    from codex_auth.edge.world import World

    world = World()
    home = where.home(world.env)
    if not home:
        raise StoreError(path="The home folder", problem="HOME is not set to an absolute path")
    path = where.config_path(world.env, home)
    return world, path, read_config(path)
