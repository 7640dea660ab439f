"""`codex-auth doctor`: what is wrong here, why, and what mends it."""

import click

from codex_auth.cli import options


@click.command()
@click.option("--fix", is_flag=True, help="Mend what is safe to mend, ask about the rest, and say what was done.")
@click.option("--yes", is_flag=True, help="With --fix: ask nothing, and do it.")
@click.option("--offline", is_flag=True, help="Ask no provider whether it answers.")
@click.option(
    "--bundle",
    is_flag=False,
    flag_value=".",
    metavar="[FILE]",
    help="Write an archive for a bug report, without secrets, accounts and e-mail addresses; never over a file.",
)
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context, *, fix: bool, yes: bool, offline: bool, bundle: str | None, as_json: bool, auth_path: str
) -> int:
    """Look for what is wrong: files, stores, logins, other programs, the timer, settings, the way to the provider.

    Each finding has a code, a sentence, why it matters and what to type. --fix mends what is marked +: it closes what
    others can open, and delivers again what is gone or old at Codex. Before what is marked ? it asks, on a terminal
    only; what is marked - is yours to decide, and what is marked i is only worth knowing.

    The status is 0 when nothing is wrong, 1 while something is, 2 for a mistake in the command, and another one of
    `codex-auth --help` where the doctor itself cannot begin.
    """
    from codex_auth.checks.finding import Finding, Patient
    from codex_auth.checks.table import Mended, examine, treat
    from codex_auth.cli.examining import Looking, may_mend
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World
    from codex_auth.stories.status import look
    from codex_auth.views.diagnosis import print_diagnosis

    if yes and not fix:
        raise UsageError(problem="--yes goes with --fix.", command="doctor")
    world = World()
    places, store = open_places(ctx, world, auth_path)

    def patient() -> Patient:
        return Patient(places=places, store=store, world=world, report=look(store, places, world))

    def examined() -> list[Finding]:
        with Looking(world) as looking:
            return list(examine(patient(), offline=offline, tell=looking.at))

    if fix:
        results = treat(examined, may_mend(world, always=yes, never=as_json))
    else:
        results = [Mended(finding=each) for each in examined()]
    written = ""
    if bundle is not None:
        from codex_auth.views.bundle import write_bundle

        written = write_bundle(bundle, results, patient(), as_json=as_json)
    return print_diagnosis(results, world, is_fixing=fix, as_json=as_json, bundle=written)
