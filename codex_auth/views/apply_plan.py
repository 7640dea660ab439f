"""What `apply --dry-run` says: what it would do, and to which gateway. Nothing is changed."""

from codex_auth.deliver.targets import open_target
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.gateway import finding, health
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import chosen_home
from codex_auth.stores.protocol import Store
from codex_auth.stories.deliver import Order, deliver
from codex_auth.stories.queueing import draft
from codex_auth.views.applied import undo
from codex_auth.views.document import print_document


def print_plan(
    profile: str, store: Store, places: Places, world: World, *, agent: str, wants_restart: bool, as_json: bool
) -> None:
    """Say what is there, which gateway runs, what would be done, and how to undo it."""
    request = draft(profile, store, places, world, reason="dry run", agent=agent, wants_restart=wants_restart)
    would = f"{profile} stays where it is, in {request.state}"
    if not request.is_there_as:
        target = open_target("openclaw", profile, agent=agent, env=world.env, locks=places.locks)
        found_there = deliver(profile, Order(dry_run=True), target=target, store=store, places=places, world=world)
        would = f"{profile} would be leased to {found_there.place.spoken} in {found_there.place.state}"
    found = finding.find(chosen_home(world.env, installation(world.env)), world.env)
    state = health.ask(found.port).state if found else health.DOWN
    then = "nothing: no gateway runs there" if not found else "safe restart" if wants_restart else "secrets reload"
    if as_json:
        gateway = found and {"pid": found.pid, "port": found.port, "supervisor": found.supervisor, "state": state}
        facts = {"profile": profile, "state_dir": request.state, "gateway": gateway, "then": then}
        print_document(world, dry_run=True, **facts, undo=request.revert or None)
        return
    world.out(f"{would}.")
    if found:
        world.out(f"  Its gateway is {state} on port {found.port}; started again by {found.supervisor}.")
    world.out(f"  Then: {then}.")
    world.out(f"  {undo(request)}")
