"""`codex-auth deliver`: give another program a login."""

import os

import click

from codex_auth.cli import completing, options


@click.command()
@click.argument("target", type=click.Choice(["openclaw", "codex"]))
@options.existing_profile
@click.option("--lease", is_flag=True, help="Give an access token, and renew it before it ends (this is the default).")
@click.option("--hand-over", is_flag=True, help="Give the whole login away; nothing here can refresh it any more.")
@click.option("--take-back", is_flag=True, help="Remove a lease from the program again.")
@click.option(
    "--codex-home",
    default="",
    metavar="FOLDER",
    shell_complete=completing.folders,
    help="Into this home of Codex's instead of the usual one.",
)
@click.option("--keep-as", default="", metavar="NAME", help="Keep the login that Codex has of its own as a profile.")
@options.kept_issuer
@click.option("--auth-command", is_flag=True, help="Let Codex ask `codex-auth token` each time: a model provider.")
@click.option("--provider-id", default="", metavar="ID", help="The same, by a provider of this name, not codex-auth.")
@click.option("--base-url", default="", metavar="URL", help="Where that provider is; a key needs it.")
@click.option("--model", default="", metavar="NAME", help="Let Codex use that provider, with this model, from now on.")
@click.option("--agent", default="", metavar="ID", help="Only for this agent of OpenClaw's.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--replace", "may_replace", is_flag=True, help="Replace what OpenClaw has, whoever it belongs to.")
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
    codex_home: str,
    keep_as: str,
    issuer: str,
    auth_command: bool,
    provider_id: str,
    base_url: str,
    model: str,
    agent: str,
    dry_run: bool,
    may_replace: bool,
    as_json: bool,
    auth_path: str,
) -> None:
    """Give a program a login: `codex-auth deliver codex work`, `codex-auth deliver openclaw work`.

    With a lease the refresh token stays here, and `keep` brings the program each new access token. With --hand-over
    the program gets all of it and ours is destroyed: a refresh token has one owner. A login of Codex's own is never
    replaced: keep it as a profile first, with --keep-as.

    With --auth-command or --provider-id nothing is copied: Codex's config.toml gets a model provider whose tokens come
    from `codex-auth token NAME` whenever Codex needs one. That is the way for keys of other services, in place of a
    variable in plain text: `codex-auth deliver codex glm --provider-id glm --base-url URL --model glm-4.6`. Codex uses
    it with --model; a sign-in also without, where its configuration chooses no provider. --take-back brings back what
    was chosen before.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.core.names import read_name
    from codex_auth.deliver.targets import codex_provider, open_target
    from codex_auth.edge.world import World
    from codex_auth.notes.deliveries import HAND_OVER, LEASE
    from codex_auth.stories import deliver as story
    from codex_auth.views.delivered import print_delivered, print_taken_back

    is_provider = auth_command or bool(provider_id)
    _check_modes(lease=lease, hand_over=hand_over, take_back=take_back, is_provider=is_provider)
    _check_target(target, agent=agent, only_codex=bool(codex_home or keep_as or is_provider), may_replace=may_replace)
    _check_provider(provider_id, base_url, model, keep_as=keep_as, is_provider=is_provider)
    options.check_kept_issuer(keep_as, issuer, command="deliver")
    world = World()
    places, store = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=store, places=places, world=world)
    env = {**world.env, "CODEX_HOME": os.path.abspath(codex_home)} if codex_home else world.env
    opened = (
        codex_provider(env, provider_id=provider_id, base_url=base_url, model=model)
        if is_provider
        else open_target(target, profile, agent=agent, env=env, locks=places.locks, tell=world.tell)
    )
    if take_back:
        given = story.take_back(profile, target=opened, store=store, places=places)
        print_taken_back(profile, opened.place, given, world, as_json=as_json)
        return
    order = story.Order(
        mode=HAND_OVER if hand_over else LEASE,
        may_replace=may_replace,
        dry_run=dry_run,
        keep_as=read_name(keep_as) if keep_as else "",
        issuer=issuer,
    )
    done = story.deliver(profile, order, target=opened, store=store, places=places, world=world)
    print_delivered(profile, done, world, as_json=as_json)


def _check_modes(*, lease: bool, hand_over: bool, take_back: bool, is_provider: bool) -> None:
    """Refuse what contradicts itself."""
    from codex_auth.core.errors import UsageError

    if lease + hand_over + take_back > 1:
        raise UsageError(problem="Say one of --lease, --hand-over and --take-back.", command="deliver")
    if hand_over and is_provider:
        problem = "A model provider asks for each token, so it cannot be handed a login."
        raise UsageError(problem=problem, command="deliver")


def _check_provider(provider_id: str, base_url: str, model: str, *, keep_as: str, is_provider: bool) -> None:
    """Refuse what no provider can be, and what means nothing for one."""
    from codex_auth.core.codex_toml import TomlRefused, read_base_url, read_id
    from codex_auth.core.errors import UsageError

    if (base_url or model) and not is_provider:
        raise UsageError(problem="--base-url and --model go with --provider-id.", command="deliver")
    if keep_as and is_provider:
        raise UsageError(problem="A model provider replaces no login that --keep-as could keep.", command="deliver")
    try:
        if provider_id:
            read_id(provider_id)
        if base_url:
            read_base_url(base_url)
    except TomlRefused as refused:
        problem = f"{refused.problem[:1].upper()}{refused.problem[1:]}. {refused.todo}."
        raise UsageError(problem=problem, command="deliver") from None


def _check_target(target: str, *, agent: str, only_codex: bool, may_replace: bool) -> None:
    """Refuse what means nothing for this program."""
    from codex_auth.core.errors import UsageError

    if target == "codex" and (agent or may_replace):
        problem = "A login of Codex's own is never replaced: use --keep-as NAME. --agent is for OpenClaw."
        raise UsageError(problem=problem, command="deliver")
    if target != "codex" and only_codex:
        raise UsageError(problem="There are options among these that are for `deliver codex` only.", command="deliver")
