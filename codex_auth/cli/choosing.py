"""Which of the profiles that are there a command is for, from what was typed, and what a person chose.

The rules, which README states: a whole name always counts, and for a program nothing else does: not through a pipe,
not with `--json`, not with `--non-interactive`. It is told which may be meant. To a person at a terminal the profiles
are shown to choose from, where none is named and nothing says which is meant, and where no profile has that name. And
what they type of a name may be its beginning, for verbs that only look and for `use`, which is undone as easily;
never for one that gives a login out, changes it or ends it.
"""

import sys

import click

from codex_auth.cli.opening import chosen_profile
from codex_auth.cli.options import NON_INTERACTIVE
from codex_auth.core.choosing import beginning, candidates, fits
from codex_auth.core.errors import ProfileNotFound
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.core.profile_errors import NothingChosen
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.core.card import Card

_WIDEST_NAME = 24


def existing(
    ctx: click.Context,
    name: str | None,
    *,
    store: Store,
    places: Places,
    world: World,
    may_shorten: bool = False,
    may_ask: bool = True,
) -> str:
    """Return the profile that is meant: the one named, or the default where none is, or the one a person chose.

    `default` is the first there is where no profile has that name. Where there is none at all, what was named is
    returned, for the verb to say what that means to it. Raises
    `ProfileNotFound`, which names those that may be meant, and `NothingChosen`.
    """
    typed = read_name(chosen_profile(name, places, world))
    names = store.names()
    if typed in names or not names:
        return typed
    is_person = is_interactive(ctx, world)
    if typed == DEFAULT:
        is_open = name is None and len(names) > 1 and may_ask and is_person
        return ask(ctx, "Which profile?", "", store=store, places=places, world=world) if is_open else names[0]
    if not is_person or not may_ask:
        raise ProfileNotFound(profile=typed, near=candidates(typed, names))
    begun = beginning(typed, names)
    if may_shorten and len(begun) == 1:
        return begun[0]
    sentence = f"Several begin with {typed}." if may_shorten and begun else f"There is no profile named {typed}."
    return ask(ctx, f"{sentence} Which one?", typed, store=store, places=places, world=world)


def is_interactive(ctx: click.Context, world: World) -> bool:
    """Whether a person can be asked."""
    from codex_auth.edge.picker import can_pick

    is_told_not_to = bool(ctx.meta.get(NON_INTERACTIVE)) or bool(ctx.params.get("as_json"))
    return not is_told_not_to and can_pick(sys.stdin, sys.stderr, world.env)


def ask(ctx: click.Context, question: str, typed: str, *, store: Store, places: Places, world: World) -> str:
    """Show the profiles, and return the one that a person takes. Raises `NothingChosen`."""
    from codex_auth.edge.picker import Row, pick
    from codex_auth.notes import labels

    cards, said = list(store.cards()), labels.read(places)
    widest = min(_WIDEST_NAME, max(len(card.profile) for card in cards))
    rows = [Row(name=card.profile, shown=_shown(card, said.get(card.profile, ""), widest)) for card in cards]
    chosen = pick(question, rows, fits=fits, typed=typed, keyboard=sys.stdin, screen=sys.stderr, env=world.env)
    if chosen is None:
        raise NothingChosen(command=ctx.command_path.removeprefix("codex-auth "))
    return chosen


def _shown(card: "Card", label: str, widest: int) -> str:
    from codex_auth.core.text import printable
    from codex_auth.views import show as words

    account = words.account(card.identity) if card.identity.account_id else ""
    label = label or (card.key.label if card.key else "")
    kind = "API key" if card.kind == "api_key" else ""
    facts = [account, printable(card.identity.plan), kind, printable(label)]
    return "  ".join(each for each in (f"{card.profile:<{widest}}", *facts) if each)
