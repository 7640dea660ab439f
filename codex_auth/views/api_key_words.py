"""What `key` says: everything of a key but the key."""

from collections.abc import Sequence
from datetime import datetime

from codex_auth.core.api_keys import variables
from codex_auth.core.card import Card, KeyNote
from codex_auth.core.model import Credential
from codex_auth.edge.world import World
from codex_auth.stories.api_keys import Removed
from codex_auth.views import show as words
from codex_auth.views.columns import NOTHING, drawn
from codex_auth.views.document import print_document
from codex_auth.views.outcome import place_row
from codex_auth.views.screen import Line, Look

_FOREIGN = KeyNote(kind="unknown")
_COLUMNS = ("KEY", "KIND", "LABEL", "SCOPE", "STORE", "KEPT")


def print_kept(kept: Credential, store: str, world: World, *, as_json: bool) -> None:
    """Say which key is kept where, and how a command gets it."""
    note = kept.key or _FOREIGN
    if as_json:
        print_document(world, profile=kept.profile, kind=note.kind, store=store, env=list(variables(note)))
        return
    world.out(f"Kept: {kept.profile} is a key of the kind {note.kind}, in the {store}.")
    world.tell(f"`codex-auth run {kept.profile} -- COMMAND` puts it in {' and '.join(variables(note))}.")


def print_keys(cards: Sequence[Card], world: World) -> None:
    """List keys for a program."""
    print_document(world, keys=[_row(card, world.now()) for card in cards])


def key_lines(cards: Sequence[Card], now: datetime, look: Look, *, may_be_long: bool) -> list[Line]:
    """Return the list for people; in a pipe, lines may be as long as they are."""
    if not cards:
        return [[("No keys. `codex-auth key add NAME` keeps one.", "")]]
    rows = [tuple(look.text(cell or NOTHING) for cell in _cells(card, now)) for card in cards]
    styles = [("bold", *[""] * (len(_COLUMNS) - 1))] * len(rows)
    return drawn(_COLUMNS, rows, styles, None if may_be_long else look.width, missable=("SCOPE", "KEPT"))


def print_removed(done: Removed, world: World, *, as_json: bool) -> None:
    """Say that a key is gone here, and only here."""
    if as_json:
        print_document(
            world,
            ok=not done.status,
            profile=done.profile,
            removed=True,
            taken_back=[place_row(place) for place in done.taken_back],
            still_there=[place_row(place) for place, _ in done.still_there],
            exit_code=done.status,
        )
        return
    world.out(f"Removed: {done.profile}.")
    for place in done.taken_back:
        world.out(f"  It is removed from {place.spoken} too.")
    for place, error in done.still_there:
        world.tell(f"codex-auth: It could not be removed from {place.spoken}: {error}")
        world.tell(f"  {error.hint}")
    world.tell("The key itself still works until it is revoked where it was made.")


def _row(card: Card, now: datetime) -> dict[str, object]:
    note = card.key or _FOREIGN
    return {
        "profile": card.profile,
        "kind": note.kind,
        "label": note.label or None,
        "scope": note.scope or None,
        "env": list(variables(card.key)),
        "store": card.store,
        "owner": card.owner,
        "added_at": words.stamp(card.signed_in),
        "age_seconds": None if card.signed_in is None else int((now - card.signed_in).total_seconds()),
    }


def _cells(card: Card, now: datetime) -> tuple[str, ...]:
    note, age = card.key or _FOREIGN, _age(card, now)
    return card.profile, note.kind, note.label, note.scope, card.store, f"{age} ago" if age else ""


def _age(card: Card, now: datetime) -> str:
    return "" if card.signed_in is None else words.duration(now - card.signed_in)
