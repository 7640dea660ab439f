"""`codex-auth doctor`: what is wrong here, why, and what mends it."""

import click

from codex_auth.cli import options


@click.command()
@click.option("--fix", is_flag=True, help="Mend what is safe to mend, and say what was done.")
@click.option("--offline", is_flag=True, help="Ask no provider whether it answers.")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(ctx: click.Context, *, fix: bool, offline: bool, as_json: bool, auth_path: str) -> int:
    """Look for what is wrong: files, stores, logins, other programs, the timer, the way to the provider.

    Each finding has a code, the reason and what to type. --fix closes what others can open and delivers again what is
    gone or old at Codex; it asks nobody and decides nothing that is yours to decide. The status is 1 while something
    is wrong.
    """
    from codex_auth.checks.finding import Finding, Patient
    from codex_auth.checks.table import Mended, examine, mend
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories.status import look
    from codex_auth.views.diagnosis import print_diagnosis

    world = World()
    places, store = open_places(ctx, world, auth_path)

    def examined() -> list[Finding]:
        patient = Patient(places=places, store=store, world=world, report=look(store, places, world))
        return list(examine(patient, offline=offline))

    results = [mend(each) if fix else Mended(finding=each) for each in examined()]
    if any(each.done for each in results):  # what was mended may have hidden something, or have been the cause of it
        failed = {(each.finding.code, each.finding.subject): each for each in results if each.failed}
        left = [failed.get((each.code, each.subject), Mended(finding=each)) for each in examined()]
        results = [*(each for each in results if each.done), *left]
    return print_diagnosis(results, world, is_fixing=fix, as_json=as_json)
