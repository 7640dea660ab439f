"""`codex-auth deliver`: give another program a login."""

import click

from codex_auth.cli import options


@click.command()
@click.argument("target", type=click.Choice(["openclaw"]))
@options.profile
@click.option("--lease", is_flag=True, help="Give an access token, and renew it before it ends (this is the default).")
@click.option("--hand-over", is_flag=True, help="Give the whole login away; nothing here can refresh it any more.")
@click.option("--take-back", is_flag=True, help="Remove a lease from the program again.")
@click.option("--agent", default="", metavar="ID", help="Only for this agent of OpenClaw's.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--replace", "may_replace", is_flag=True, help="Replace what is there, whoever it belongs to.")
@options.json_output
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    target: str,
    lease: bool,
    hand_over: bool,
    take_back: bool,
    agent: str,
    dry_run: bool,
    may_replace: bool,
    as_json: bool,
    auth_path: str,
) -> None:
    """Give a program a login: `codex-auth deliver openclaw work`.

    With a lease the refresh token stays here, and `keep` brings the program each new access token. With --hand-over
    the program gets all of it and ours is destroyed: a refresh token has one owner.
    """
    from codex_auth.cli.delivered import print_delivered, print_taken_back
    from codex_auth.cli.opening import chosen_profile, open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.deliver.targets import open_target
    from codex_auth.edge.world import World
    from codex_auth.notes.deliveries import HAND_OVER, LEASE
    from codex_auth.stories import deliver as story
    from codex_auth.stories.sign_in import meant_profile

    if lease + hand_over + take_back > 1:
        raise UsageError(problem="Say one of --lease, --hand-over and --take-back.", command="deliver")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = meant_profile(chosen_profile(name, places, world), store)
    opened = open_target(target, profile, agent=agent, env=world.env, locks=places.locks, tell=world.tell)
    if take_back:
        given = story.take_back(profile, target=opened, store=store, places=places)
        print_taken_back(profile, opened.place, given, world, as_json=as_json)
        return
    order = story.Order(mode=HAND_OVER if hand_over else LEASE, may_replace=may_replace, dry_run=dry_run)
    done = story.deliver(profile, order, target=opened, store=store, places=places, world=world)
    print_delivered(profile, done, world, as_json=as_json)
