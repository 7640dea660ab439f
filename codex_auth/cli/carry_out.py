"""`codex-auth export`: a login carried out of this machine."""

import os
import sys
from collections.abc import Callable
from datetime import timedelta

import click

from codex_auth.cli import completing, options
from codex_auth.core.errors import UsageError
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import TokenOnTerminal
from codex_auth.edge.world import World

_GITHUB = "github"
_FORMS = ("json", "env", _GITHUB, "codex")


@click.command()
@options.existing_profile
@click.option("--ci", "is_ci", is_flag=True, help="Only an access token, for a job; never the refresh token.")
@click.option(
    "--whole", "is_whole", is_flag=True, help="All of it, into --output; our refresh token is then destroyed."
)
@click.option(
    "--output",
    "-o",
    default="",
    metavar="FILE",
    shell_complete=completing.files,
    help="The file to make, readable by you alone.",
)
@click.option("--plain", "is_plain", is_flag=True, help="With --whole: no passphrase. Whoever reads the file has it.")
@click.option("--format", "form", type=click.Choice(_FORMS), default="env", help="With --ci: env if not said.")
@click.option("--min-validity", type=options.Span(), metavar="TIME", help="How much life the token must have left.")
@click.option("--show", "is_shown", is_flag=True, help="Print it although stdout is a terminal.")
@options.passphrase_fd
@options.new_passphrase_fd
@options.json_output
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    is_ci: bool,
    is_whole: bool,
    output: str,
    is_plain: bool,
    form: str,
    min_validity: timedelta | None,
    is_shown: bool,
    as_json: bool,
    auth_path: str,
) -> None:
    """Carry a login out: `export NAME --ci` for a job, `export NAME --whole -o FILE` for another machine.

    --ci gives an access token, which ends by itself and cannot be renewed by whoever has it: as variables (env), as a
    file (json), as an `auth.json` that Codex uses and renews nothing in (codex), or for GitHub Actions (github: the
    token is masked in the log first and then added to the file that GITHUB_ENV names).

    --whole gives the refresh token away, and that has one owner: the file is written, sealed with a passphrase as the
    vault is, read back, and then our refresh token is destroyed. `codex-auth import FILE` makes it a profile again,
    on whatever machine.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.stories import carry_out as story
    from codex_auth.stories.refresh import MARGIN
    from codex_auth.views.carried import print_exported

    if is_ci == is_whole or (is_whole and not output) or (is_plain and is_ci):
        raise UsageError(problem="Say --ci, or --whole with --output FILE (and --plain).", command="export")
    if output == "-":
        raise UsageError(problem="A file is made: give --output a name; without it --ci prints.", command="export")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world)
    if is_whole:
        path = os.path.abspath(output)
        done = story.whole(profile, path, is_plain=is_plain, store=store, places=places, world=world)
        print_exported(done, world, as_json=as_json)
        return
    is_printed = form == _GITHUB or not output  # GitHub's mask is a line on stdout
    if is_printed and as_json and form in {_GITHUB, "codex"}:
        raise UsageError(problem=f"--format {form} has a form of its own, and no --json.", command="export")
    if is_printed and not is_shown and sys.stdout is not None and sys.stdout.isatty():
        raise TokenOnTerminal(profile=profile)
    held = story.for_ci(profile, min_validity or MARGIN, store=store, places=places, world=world)
    _give(held, form, output, world, as_json=as_json)


def _give(held: Credential, form: str, output: str, world: World, *, as_json: bool) -> None:
    """Put the token where the job finds it, and say how long it lives."""
    from codex_auth.stories import carry_out as story
    from codex_auth.views import show as words
    from codex_auth.views.document import print_document

    variables = "".join(f"{key}={value}\n" for key, value in story.lines(held).items())
    documents: dict[str, Callable[[], bytes]] = {
        "env": variables.encode,
        "json": lambda: story.as_file(held),
        "codex": lambda: story.as_auth_json(held, world),
    }
    where = os.path.abspath(output) if output else ""
    if form == _GITHUB:
        where = where or world.env.get("GITHUB_ENV", "")
        if not where:
            raise UsageError(problem="There is no GITHUB_ENV; say --output FILE.", command="export")
        world.out(f"::add-mask::{held.access.reveal()}")
        story.add(where, variables)
    elif where:
        story.make(held.profile, where, documents[form]())
    elif as_json:
        print_document(world, profile=held.profile, expires_at=words.stamp(held.expires), env=story.lines(held))
    else:
        world.out(documents[form]().decode().rstrip("\n"))
    ends = "never ends" if held.is_api_key else f"ends in {words.duration(held.expires - world.now())}"
    if as_json and where:
        print_document(world, profile=held.profile, path=where, format=form, expires_at=words.stamp(held.expires))
    world.tell(f"The token of {held.profile} {ends}; there is no refresh token beside it.")
