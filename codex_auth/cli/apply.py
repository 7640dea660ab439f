"""`codex-auth apply`: bring a login into a running gateway; do, show and cancel what is queued."""

from datetime import timedelta

import click

from codex_auth.cli import options


@click.command()
@options.existing_profile
@click.option("--restart", is_flag=True, help="Restart the gateway too, when its running work is done.")
@click.option("--agent", default="", metavar="ID", help="Only for this agent of OpenClaw's.")
@click.option("--background", is_flag=True, help="Queue it, return at once, and let it go on by itself.")
@click.option("--now", "is_now", is_flag=True, help="Do not wait between attempts.")
@click.option(
    "--wait",
    type=options.Span(),
    default=timedelta(minutes=10),
    metavar="TIME",
    help="How long to wait for another process that works on the queue (10m is the default).",
)
@click.option("--list", "is_list", is_flag=True, help="Show what is queued, and how the last requests ended.")
@click.option("--cancel", "cancelled", default="", metavar="ID", help="Forget a request that was not begun.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--watch", is_flag=True, hidden=True, help="Do what is queued, silently; the background runs this.")
@options.json_output
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    restart: bool,
    agent: str,
    background: bool,
    is_now: bool,
    wait: timedelta,
    is_list: bool,
    cancelled: str,
    dry_run: bool,
    watch: bool,
    as_json: bool,
    auth_path: str,
) -> int:
    """Deliver a login to OpenClaw and let its running gateway use it at the next turn.

    With NAME that login is queued and applied; without, everything that is queued is. The gateway reloads and goes
    on; only --restart restarts it, by its own safe restart, after the work it does is done (it cuts off what takes
    longer than five minutes).
    """
    from contextlib import nullcontext

    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.errors import UsageError
    from codex_auth.edge.world import World
    from codex_auth.notes.queue import Request, history
    from codex_auth.stories import apply as story
    from codex_auth.stories.at_openclaw import AtOpenClaw
    from codex_auth.stories.queueing import queue_up
    from codex_auth.views.applied import Progress, print_cancelled, print_ended, print_queue, print_queued, undo

    if is_list + bool(cancelled) + dry_run + watch > 1 or (background and name is None):
        raise UsageError(
            problem="Say one of --list, --cancel and --dry-run; --background needs a NAME.", command="apply"
        )
    world = World()
    places, store = open_places(ctx, world, auth_path)
    if is_list:
        print_queue(story.waiting(places), history(places), world, as_json=as_json)
        return 0
    if cancelled:
        print_cancelled(story.cancel(cancelled, places=places, world=world), world, as_json=as_json)
        return 0
    is_for_one = name is not None or restart or agent or dry_run
    profile = existing(ctx, name, store=store, places=places, world=world) if is_for_one else ""

    def open_site(request: Request) -> AtOpenClaw:
        return AtOpenClaw(request, store=store, places=places, world=world)

    if dry_run:
        from codex_auth.views.apply_plan import print_plan

        print_plan(profile, store, places, world, agent=agent, wants_restart=restart, as_json=as_json)
        return 0
    only = ""
    if profile:
        request = queue_up(
            profile,
            store,
            places,
            world,
            reason="apply",
            auth_path=auth_path,
            agent=agent,
            wants_restart=restart,
            in_background=background,
        )
        only = request.id
        if background:
            print_queued(request, world, as_json=as_json)
            return 0
        if not as_json:
            world.tell(undo(request))
    with nullcontext() if as_json or watch else Progress(world) as progress:
        ended = story.work(
            places=places,
            world=world,
            opener=open_site,
            show=progress.show if progress else lambda _: None,
            is_now=is_now,
            only=only,
            seconds=wait.total_seconds(),
        )
    return 0 if watch else print_ended(ended, world, as_json=as_json)
