"""`codex-auth keep`: renew logins ahead of their end, now, for as long as it runs, or from a timer."""

import click

from codex_auth.cli import options


@click.command()
@click.option("--once", is_flag=True, help="Do one round and end; for timers.")
@click.option("--install", is_flag=True, help="Let a systemd user timer do it, or print the line for cron.")
@click.option("--uninstall", is_flag=True, help="Remove that timer.")
@click.option("--status", "is_asked", is_flag=True, help="Show the timer, the last round and the next.")
@click.option("--hook", default="", metavar="CMD", help="Run this for each change of state; it gets JSON on stdin.")
@click.option("--quiet", is_flag=True, help="Say only what needs a person, and each thing once.")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    *,
    once: bool,
    install: bool,
    uninstall: bool,
    is_asked: bool,
    hook: str,
    quiet: bool,
    as_json: bool,
    auth_path: str,
) -> int:
    """Renew every login that we own before it ends, and tell when a person is needed.

    Each is renewed half an hour ahead or a little more, so Codex itself never has to. Without an option it goes on
    until it is stopped.
    """
    from codex_auth.cli.opening import open_places
    from codex_auth.cli.timing import print_installed, print_state, print_uninstalled
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.hooks import Hook
    from codex_auth.edge.world import World
    from codex_auth.stories.keep import Round, keep_forever, keep_once
    from codex_auth.views.keeping import Teller, print_rest, print_round

    if once + install + uninstall + is_asked > 1:
        raise UsageError(problem="Say one of --once, --install, --uninstall and --status.", command="keep")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    if install and places.passphrase is not None:
        problem = "A timer inherits no descriptor: name a `passphrase_command` in the configuration."
        raise UsageError(problem=problem, command="keep")
    if uninstall:
        return print_uninstalled(places, world, as_json=as_json)
    if is_asked:
        return print_state(places, world, as_json=as_json)
    wanted = hook or world.env.get("CODEX_AUTH_HOOK", "") or places.config.hook
    runner = Hook(wanted, world.env) if wanted else None
    if install:
        return print_installed(places, world, hook=hook, auth_path=auth_path, as_json=as_json)
    teller = Teller(runner, world, as_json=as_json)

    def one_round() -> Round:
        return keep_once(store=store, places=places, world=world, tell=teller.tell)

    if not once:
        keep_forever(one_round, world=world, show=lambda done: print_round(done, world, quiet=quiet, as_json=as_json))
    done = one_round()
    print_round(done, world, quiet=quiet, as_json=as_json)
    if not quiet and not as_json:
        print_rest(done, world)
    return next((error.status for error in done.failures.values()), 0)
