"""`codex-auth run`: a command with one login in its environment."""

from datetime import timedelta

import click

from codex_auth.cli import options

_MARK = "--"


class WithCommand(click.Command):
    """Keeps click away from everything after the first `--`: it is the command's, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what stands before the mark, and keep what stands behind it as it is."""
        at = args.index(_MARK) if _MARK in args else len(args)
        rest = super().parse_args(ctx, args[:at])
        ctx.params["words"] = args[at + 1 :]
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return what help shows of the arguments."""
        return [*super().collect_usage_pieces(ctx), _MARK, "COMMAND [ARGUMENTS]..."]


@click.command(cls=WithCommand)
@options.existing_profile
@click.option(
    "--min-validity",
    type=options.Span(),
    metavar="TIME",
    help="How much life the access token must have left, e.g. 10m; 6m if not said.",
)
@click.option("--codex", "for_codex", is_flag=True, help="The command starts Codex: let that have the login, too.")
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    min_validity: timedelta | None,
    for_codex: bool,
    auth_path: str,
    words: list[str],
) -> int:
    """Run a command with this login in its environment.

    A sign-in is CODEX_AUTH_TOKEN, CODEX_AUTH_ACCOUNT_ID and CODEX_AUTH_EXPIRES_AT, a key is in the variable of its
    kind (OPENAI_API_KEY; CODEX_ACCESS_TOKEN for a personal token), and CODEX_AUTH_PROFILE is the profile. Variables
    that would contradict it are removed. A token that is due is refreshed first. A Codex that the command is, or
    starts, has this login in a home of its own (CODEX_HOME), where configuration, rules, skills, sessions and history
    are yours as ever; so two profiles can work at once. For a login in a keyring or vault say --codex where the command
    is not Codex itself, as the token is then in a file. Signals and the exit status are the command's own; 127 when it
    is not found, 126 when it cannot be run.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge import child
    from codex_auth.edge.world import World
    from codex_auth.stories.codex_home import private_home
    from codex_auth.stories.refresh import MARGIN
    from codex_auth.stories.run import environment, living

    if not words:
        raise UsageError(problem="Put the command after `--`: codex-auth run NAME -- COMMAND.", command="run")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world)
    program = child.find(words[0], world.env)  # first: no refresh token is spent for a command that is not there
    margin = MARGIN if min_validity is None else min_validity
    credential = living(profile, margin, store=store, places=places, world=world)
    variables = environment(credential, world.env)
    if not credential.is_api_key:
        variables |= private_home(credential, words, for_codex=for_codex, store=store, places=places, world=world)
    return child.become(program, words, variables)
