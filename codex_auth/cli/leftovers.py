"""`codex-auth leftovers`: find and remove copies of credentials that nobody reads any more."""

import click

from codex_auth.cli import completing, options


@click.command()
@click.option("--remove", is_flag=True, help="Remove them, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--staged-in",
    default="/tmp/openclaw",  # noqa: S108 - OpenClaw's own fixed path
    show_default=True,
    metavar="FOLDER",
    shell_complete=completing.folders,
    help="Where the former skill staged.",
)
@options.json_output
def command(*, remove: bool, yes: bool, staged_in: str, as_json: bool) -> int:
    """Show what the former skill and OpenClaw's migrations left behind: staged tokens and old copies of credentials.

    OpenClaw keeps its copies for going back to an older release; remove them when that is not wanted any more.
    """
    import sys

    from codex_auth.cli.patience import agreed
    from codex_auth.core.errors import UsageError
    from codex_auth.core.text import printable
    from codex_auth.edge.world import World
    from codex_auth.neighbours import leftovers
    from codex_auth.neighbours.openclaw import installation
    from codex_auth.neighbours.openclaw_homes import homes
    from codex_auth.views.document import print_document

    world = World()
    found = leftovers.find(homes(world.env, installation(world.env)), temporary=staged_in)
    if remove and found and not yes:
        if as_json or not sys.stdin.isatty():
            raise UsageError(problem="Nobody can be asked here: add --yes to remove them.", command="leftovers")
        for each in found:
            world.tell(f"  {printable(each.path, limit=400)}")
        remove = agreed(f"Remove these {len(found)}?")
    if remove:
        for each in found:
            leftovers.remove(each)
    if as_json:
        rows = [
            {"path": each.path, "source": each.source, "open_to_others": each.is_open_to_others, "removed": remove}
            for each in found
        ]
        print_document(world, leftovers=rows)
        return 0
    for each in found:
        warning = ", and others can read it" if each.is_open_to_others else ""
        state = "removed" if remove else "left"
        world.out(f"{state}: {printable(each.path, limit=400)} (by {each.source}{warning})")
    if not found:
        world.out("Nothing is left behind.")
    elif not remove:
        world.tell("They may hold tokens. `codex-auth leftovers --remove` removes them.")
    return 0
