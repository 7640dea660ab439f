"""`codex-auth import`: read a login that another program keeps, or that lies in a file."""

import os

import click

from codex_auth.cli import completing, options
from codex_auth.core.errors import AuthError, UsageError
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.deliver.protocol import Target
    from codex_auth.stories.carry_in import Wish

_PROGRAMS = ("openclaw", "codex")


@click.command()
@click.argument("source", required=False, default="", shell_complete=completing.program_or_file)
@options.profile
@click.option("--profile-id", default="", metavar="ID", help="What OpenClaw calls it, e.g. openai:work.")
@click.option("--agent", default="", metavar="ID", help="Of this agent of OpenClaw's.")
@click.option(
    "--codex-home",
    default="",
    metavar="FOLDER",
    shell_complete=completing.folders,
    help="Of this home of Codex's instead of the usual one.",
)
@click.option(
    "--from-folder",
    default="",
    metavar="FOLDER",
    shell_complete=completing.folders,
    help="Import every login that lies in this folder.",
)
@click.option("--take-over", is_flag=True, help="Become the owner: the login is kept whole, and given up there.")
@click.option("--yes", is_flag=True, help="Agree that a file that was taken over is removed.")
@click.option("--issuer", default="", metavar="URL", help="The provider of a file's login, where it is not OpenAI.")
@options.json_output
@options.full
@options.passphrase_fd
@options.auth_path
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    *,
    source: str,
    profile_id: str,
    agent: str,
    codex_home: str,
    from_folder: str,
    take_over: bool,
    yes: bool,
    issuer: str,
    as_json: bool,
    full: bool,
    auth_path: str,
) -> int:
    """Import a login: codex-auth import codex|openclaw|FILE [NAME].

    A refresh token is single-use, so a login has one owner. Without --take-over whoever has it stays the owner: only
    its access token is copied here, nothing there is changed, and `import` again reads a newer one.

    With --take-over it becomes ours. `import codex NAME --take-over` keeps the whole login here first, and then Codex
    has a lease of it, which `keep` renews; no Codex may be running with it meanwhile. `import FILE NAME --take-over`
    is for a copy that lies about: the file is removed afterwards, to which you agree with --yes. If another copy is
    still used somewhere, whoever refreshes first logs the other out.

    FILE is an `auth.json` of Codex's (a sign-in, an API key, a personal token, an access token), or what `export`
    wrote; that is ours already and is removed once it is back.
    """
    world = World()
    if bool(source) == bool(from_folder):
        raise UsageError(problem="Say where from: codex, openclaw, a file, or --from-folder.", command="import")
    _check(source, profile_id or agent, codex_home, take_over=take_over)
    from codex_auth.cli.opening import open_places

    places, store = open_places(ctx, world, auth_path)
    if source not in _PROGRAMS:
        from codex_auth.stories.carry_in import Wish

        wish = Wish(take_over=take_over, agrees=lambda _path: yes, issuer=issuer)
        return _files(source, from_folder, name, wish, places, store, world, as_json=as_json, full=full)
    env = {**world.env, "CODEX_HOME": os.path.abspath(codex_home)} if codex_home else dict(world.env)
    from codex_auth.cli.opening import chosen_profile
    from codex_auth.core.names import name_of_id, read_name
    from codex_auth.deliver.targets import open_target

    profile = read_name(name or name_of_id(profile_id) or chosen_profile(None, places, world))
    target = open_target(source, profile, agent=agent, env=env, locks=places.locks, profile_id=profile_id)
    held = target.look().now if source == "codex" else None
    if held is not None and held.kind not in {"oauth", "token"}:
        from codex_auth.stories.carry_in import Wish

        path = os.path.join(target.place.state, "auth.json")  # a key has no owner: it is copied
        return _files(path, "", profile, Wish(), places, store, world, as_json=as_json, full=full)
    if take_over:
        _take_over(profile, target, issuer, places, store, world, as_json=as_json)
    else:
        _copy(profile, target, store, world, as_json=as_json, full=full)
    return 0


def _check(source: str, of_openclaw: str, codex_home: str, *, take_over: bool) -> None:
    if source != "openclaw" and of_openclaw:
        raise UsageError(problem="--profile-id and --agent are for `import openclaw`.", command="import")
    if source != "codex" and codex_home:
        raise UsageError(problem="--codex-home is for `import codex`.", command="import")
    if source == "openclaw" and take_over:
        raise UsageError(problem="OpenClaw gives no login away: sign in anew with `login`.", command="import")


def _copy(profile: str, target: "Target", store: Store, world: World, *, as_json: bool, full: bool) -> None:
    """Keep a copy of the access token that a program has."""
    from codex_auth.stories.deliver import bring_in
    from codex_auth.views.delivered import print_imported

    credential = bring_in(profile, target=target, store=store)
    print_imported(credential, target.place, world, as_json=as_json, full=full)


def _take_over(
    profile: str, target: "Target", issuer: str, places: Places, store: Store, world: World, *, as_json: bool
) -> None:
    """Keep the login that Codex has, and lease it to Codex."""
    from codex_auth.stories.deliver import Order, deliver
    from codex_auth.views.delivered import print_delivered

    order = Order(keep_as=profile, issuer=issuer)
    done = deliver(profile, order, target=target, store=store, places=places, world=world)
    print_delivered(profile, done, world, as_json=as_json)


def _files(
    path: str,
    folder: str,
    name: str | None,
    wish: "Wish",
    places: Places,
    store: Store,
    world: World,
    *,
    as_json: bool,
    full: bool,
) -> int:
    """Import one file, or every file of a folder; there, one that fails keeps no other from it."""
    from codex_auth.stories.carry_in import Brought, bring, candidates
    from codex_auth.views.carried import print_brought

    if path:
        one = bring(path, name or "", wish, store=store, places=places, world=world)
        print_brought({path: one}, world, as_json=as_json, full=full)
        return 0
    done: dict[str, Brought | AuthError] = {}
    try:
        found = candidates(folder)
    except OSError:
        raise UsageError(problem="That folder cannot be read.", command="import") from None
    for each in found:
        try:
            done[each] = bring(each, "", wish, store=store, places=places, world=world)
        except AuthError as error:
            done[each] = error
    print_brought(done, world, as_json=as_json, full=full)
    return next((error.status for error in done.values() if isinstance(error, AuthError)), 0)
