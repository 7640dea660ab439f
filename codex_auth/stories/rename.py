"""Giving a login another name: copied, read back, its notes brought along, and only then removed under the old one."""

from contextlib import ExitStack
from dataclasses import dataclass, replace

from codex_auth.core.card import OWNER_SELF
from codex_auth.core.delivery_errors import HandOverUnclear
from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.profile_errors import NameOfOthers, NameTaken, NotRenamedNow
from codex_auth.core.store_errors import CopyDiffers, StoreError
from codex_auth.edge import chosen
from codex_auth.edge.places import Places
from codex_auth.edge.trouble import typed
from codex_auth.edge.world import World
from codex_auth.notes import deliveries, labels
from codex_auth.notes.journal import IDLE, Journal
from codex_auth.notes.pending import PendingFile
from codex_auth.stores.protocol import Store
from codex_auth.stores.shelves import Shelves

_LOCK_SECONDS = 75.0
"""Longer than a refresh of the same profile may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """What a rename did."""

    old: str
    new: str
    store: str


def rename(old: str, new: str, *, store: Shelves, places: Places, world: World) -> Renamed:
    """Give a login another name, in the store it is in. It may be killed at any point: it has one name or both.

    While it has both they are two copies of one login, which nobody refreshes; doing it again finishes it. What was
    delivered stays delivered: `keep` goes on renewing it, under the new name here and its old one there. Raises
    `ProfileNotFound`, `NameTaken`, `NameOfOthers`, `NotRenamedNow`, `HandOverUnclear`, `CopyDiffers`, and the store's
    errors; then the login has its old name.
    """
    with ExitStack() as held_locks:
        for name in sorted({old, new}, key="{}.lock".format):  # the order of their paths, in which all take them
            held_locks.enter_context(store.lock(name, timeout=_LOCK_SECONDS))
        home, held = store.home_of(old), store.load(old)
        if home is None or held is None:
            raise ProfileNotFound(profile=old)
        done = Renamed(old=old, new=new, store=home.kind)
        if old == new:
            return done
        stays = _why_it_stays(held, new, home, places, world)
        if stays is not None:
            raise stays
        _copy(held, new, home, store, places)
        _bring_notes(old, new, places)
        store.delete(old)
        Journal(places, old).forget()
    return done


def _why_it_stays(held: Credential, new: str, home: Store, places: Places, world: World) -> AuthError | None:
    """Return why a login keeps its name: because others know it by it, or because something is under way."""
    old = held.profile
    if held.is_api_key:
        todo = f"Keep it anew with `codex-auth key add {new}`, and then run `codex-auth key remove {old}`"
        return NameOfOthers(profile=old, problem="it is an API key, which programs may know by its name", todo=todo)
    todo = f"Sign in under the new name: `codex-auth login {new}`"
    if held.owner != OWNER_SELF:
        return NameOfOthers(profile=old, problem=f"{held.owner} owns it", todo=todo)
    if places.is_openclaw_file and home.kind == "file":
        problem = "it is in OpenClaw's own file, where OpenClaw may order it"
        return NameOfOthers(profile=old, problem=problem, todo=todo)
    return _under_way(old, new, places, world)


def _under_way(old: str, new: str, places: Places, world: World) -> AuthError | None:
    note = deliveries.read(places, old)
    if note.unsettled is not None:
        return HandOverUnclear(profile=old, target=note.unsettled.place.target)
    for row in note.rows:
        if row.place.provider_id:
            which = f"--provider-id {row.place.provider_id} --codex-home {typed(row.place.state)}"
            todo = f"Run `codex-auth deliver codex {old} --take-back {which}` first, and deliver it anew afterwards."
            return NotRenamedNow(profile=old, problem=f"{row.place.spoken} asks for it by name", todo=todo)
    if Journal(places, old).read().step != IDLE:
        todo = f"Run `codex-auth refresh {old}` first."
        return NotRenamedNow(profile=old, problem="a refresh of it was cut off", todo=todo)
    table, now = PendingFile(places).read(), world.now()
    for name in (old, new):
        if any(each.profile == name and each.is_live(now) for each in table.waiting.values()):
            todo = f"Finish it, or run `codex-auth cancel {name}` first."
            return NotRenamedNow(profile=old, problem=f"a sign-in waits for {name}", todo=todo)
    if any(each.profile == old and not each.is_over for each in table.queue):
        return NotRenamedNow(profile=old, problem="it is being applied", todo="Run `codex-auth apply --list` first.")
    return None


def _copy(held: Credential, new: str, home: Store, store: Shelves, places: Places) -> None:
    """Store the login under its new name too, and see that it is there; the same one there is of a rename before."""
    copy, there = replace(held, profile=new), store.load(new)
    if there is not None and there != copy:
        raise NameTaken(name=new)
    if there is None:
        home.prove_writable()
        home.save(copy)
        if home.load(new) != copy:
            home.delete(new)
            raise CopyDiffers(profile=held.profile, store=home.kind)
    if home.kind not in store.kinds_with(new):  # it is there, and would not be found there
        raise StoreError(path=places.index, problem="the login could not be listed under its new name")


def _bring_notes(old: str, new: str, places: Places) -> None:
    """Let what was delivered and how the last refresh ended be known under the new name."""
    note = deliveries.read(places, old)
    if note.rows:
        there = deliveries.read(places, new)
        for row in note.rows:
            there = there.with_row(row)
        deliveries.write(places, there)
        deliveries.write(places, replace(note, rows=()))
    if chosen.read(places) == old:
        chosen.write(places, new)
    labels.bring(places, old, new)
    Journal(places, new).clear(Journal(places, old).read())
