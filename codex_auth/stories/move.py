"""Moving a login to another store: copied, read back, switched, and only then removed from where it was."""

from dataclasses import dataclass, replace

from codex_auth.core.card import OWNER_SELF
from codex_auth.core.errors import AuthError, ProfileNotFound
from codex_auth.core.policy import Policy
from codex_auth.core.refresh_errors import ApiKeyNotMoved, OwnerReadsIt
from codex_auth.core.store_errors import CopyDiffers, StoreError
from codex_auth.edge.places import Places
from codex_auth.notes.journal import REPLIED, Journal
from codex_auth.stores.protocol import Store
from codex_auth.stores.seals import Seals
from codex_auth.stores.shelves import Shelves

WHY = "it was moved there"
"""What is noted with a login as the reason for the store it is in."""
_LOCK_SECONDS = 75.0
"""Longer than a refresh of the same profile may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a move did, or would do."""

    profile: str
    source: str
    target: str

    @property
    def is_needed(self) -> bool:
        """Whether the profile was somewhere else."""
        return self.source != self.target


def move(profile: str, target: str, *, policy: Policy, store: Shelves, places: Places, dry_run: bool = False) -> Moved:
    """Move one profile, and return where it was. It may be killed at any point: the login is in one store or in both.

    While it is in both, the target's copy counts when the target is listed in the index, the source's otherwise, and
    the two are equal but for why they are there; moving again finishes it. A refresh that was cut off after its reply
    can be finished from there: the reply is sealed anew as the target seals. Raises `PolicyRefused`,
    `ProfileNotFound`, `ApiKeyNotMoved`, `OwnerReadsIt`, `CopyDiffers`, and the errors of both stores; then the source
    is as it was.
    """
    refusal = policy.store_refusal(target)
    if refusal is not None:
        raise refusal
    with store.lock(profile, timeout=_LOCK_SECONDS):
        source = store.home_of(profile)
        if source is None:
            raise ProfileNotFound(profile=profile)
        moved = Moved(profile=profile, source=source.kind, target=target)
        stays = _why_it_stays(moved, source) if moved.is_needed else None
        if stays is not None:
            raise stays
        if dry_run:
            return moved
        if moved.is_needed:
            _copy(profile, source, store.shelf(target))
        _seal_anew(profile, target, store, places)
        kinds = store.kinds_with(profile)
        if target not in kinds:  # it is there, and would not be found there
            raise StoreError(path=places.index, problem="the login could not be listed, so it also stays where it was")
        for kind in kinds:
            if kind != target:
                store.shelf(kind).delete(profile)
    return moved


def _copy(profile: str, source: Store, target: Store) -> None:
    """Put a login into another store too, and see that it is there."""
    held = source.load(profile)
    if held is None:
        raise ProfileNotFound(profile=profile)
    copy = replace(held, store_why=WHY)
    target.prove_writable()
    target.save(copy)
    if target.load(profile) != copy:
        target.delete(profile)
        raise CopyDiffers(profile=profile, store=target.kind)


def move_all(
    target: str, *, policy: Policy, store: Shelves, places: Places, dry_run: bool = False
) -> dict[str, Moved | AuthError]:
    """Move every profile that is ours; one that fails does not keep the others from it."""
    results: dict[str, Moved | AuthError] = {}
    for card in list(store.cards()):
        if card.owner == OWNER_SELF:
            try:
                results[card.profile] = move(
                    card.profile, target, policy=policy, store=store, places=places, dry_run=dry_run
                )
            except AuthError as error:
                results[card.profile] = error
    return results


def _why_it_stays(moved: Moved, source: Store) -> AuthError | None:
    """Return why a login may not leave its store, as far as that is known without opening it."""
    for card in source.cards():
        if card.profile == moved.profile and card.owner != OWNER_SELF:
            return OwnerReadsIt(profile=card.profile, owner=card.owner, store=moved.target)
        if card.profile == moved.profile and card.kind == "api_key" and card.key is None:
            return ApiKeyNotMoved(profile=card.profile)
    return None


def _seal_anew(profile: str, target: str, store: Shelves, places: Places) -> None:
    """Let a kept reply, which holds a refresh token, be no easier to open than the login from now on."""
    journal, seals = Journal(places, profile), Seals(places, store)
    note = journal.read()
    if note.step == REPLIED and note.sealed_by != target:
        reply = journal.reply_in(note, seals.of(note.sealed_by))
        if reply is not None:
            journal.replied(note, reply, seals.of(target))
