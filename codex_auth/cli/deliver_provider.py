"""`codex-auth deliver codex --provider-id`: a model provider of Codex's that asks us for its tokens."""

from collections.abc import Mapping
from typing import Any

import click

from codex_auth.core.errors import UsageError
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.stories.codex_provider import Wanted


def options(function: Any) -> Any:
    """Take what describes a provider."""
    function = click.option("--model", default="", metavar="NAME", help="Choose this model of it from now on.")(
        function
    )
    function = click.option("--base-url", default="", metavar="URL", help="Where that provider is.")(function)
    return click.option(
        "--provider-id", default="", metavar="ID", help="Write a model provider of this name into Codex's config.toml."
    )(function)


def check(
    target: str, provider_id: str, base_url: str, model: str, *, lease: bool, hand_over: bool, dry_run: bool
) -> None:
    """Refuse what means nothing together."""
    if (base_url or model) and not provider_id:
        raise UsageError(problem="--base-url and --model go with --provider-id.", command="deliver")
    if provider_id and (target != "codex" or lease or hand_over or dry_run):
        raise UsageError(problem="--provider-id goes with `deliver codex` and --take-back alone.", command="deliver")


def asked(provider_id: str, base_url: str, model: str, *, take_back: bool) -> "Wanted":
    """Return what the options ask for. Raises `UsageError`."""
    from codex_auth.neighbours.codex_config import ConfigInTheWay, read_base_url, read_id
    from codex_auth.stories.codex_provider import Wanted

    try:
        return Wanted(id=read_id(provider_id), base_url="" if take_back else read_base_url(base_url), model=model)
    except ConfigInTheWay as found:
        problem = f"{found.problem[:1].upper()}{found.problem[1:]}. {found.todo}."
        raise UsageError(problem=problem, command="deliver") from None


def deliver(
    profile: str,
    wanted: "Wanted",
    env: Mapping[str, str],
    *,
    take_back: bool,
    store: Store,
    places: Places,
    world: World,
    as_json: bool,
) -> None:
    """Write the provider, or remove it, and say so."""
    from codex_auth.neighbours.codex import chosen_home
    from codex_auth.stories import codex_provider as story
    from codex_auth.views.document import print_document

    home = chosen_home(env)
    facts: dict[str, object] = {"profile": profile, "provider": wanted.id, "config": home.config}
    if take_back:
        removed = story.take_back(wanted.id, home=home)
        facts["removed"] = removed
        said = f"The provider {wanted.id} is {'removed from' if removed else 'not in'} {home.config}."
    else:
        written = story.deliver(profile, wanted, home=home, store=store, places=places, world=world)
        facts |= {"command": [written.command, *written.args], "model": written.model or None}
        chosen = f"uses it with the model {wanted.model}" if wanted.model else "has it; choose it with `model_provider`"
        said = f"{home.config} has the provider {wanted.id}: Codex {chosen}, and asks `codex-auth token {profile}`."
    if as_json:
        print_document(world, **facts)
        return
    world.out(said)
    if not take_back:
        world.tell(f"To undo it: codex-auth deliver codex {profile} --provider-id {wanted.id} --take-back")
