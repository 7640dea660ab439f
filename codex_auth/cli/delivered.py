"""What `deliver` and `import` say when they are done."""

import json

from codex_auth.cli import show as words
from codex_auth.cli.doors import SCHEMA_VERSION
from codex_auth.core.model import Credential
from codex_auth.deliver.protocol import Given
from codex_auth.edge.world import World
from codex_auth.notes.deliveries import Place
from codex_auth.stories.deliver import Delivered


def print_delivered(profile: str, done: Delivered, world: World, *, as_json: bool) -> None:
    """Say what a target holds now, what it held before, and how to undo it."""
    place, before = done.place, done.given.before
    undo = _undo(profile, done)
    if as_json:
        _print(
            world,
            profile=profile,
            target=place.target,
            mode=done.mode,
            profile_id=place.profile_id,
            state_dir=place.state,
            agent=place.agent or None,
            dry_run=done.dry_run,
            replaced=before and {"type": before.kind, "expires_at": words.stamp(before.expires)},
            orders={agent: list(order) for agent, order in done.new_orders.items()},
            expires_at=words.stamp(done.credential.expires),
            undo=undo,
        )
        return
    verb = {"lease": "leased", "hand-over": "handed over"}[done.mode]
    end = words.duration(done.credential.expires - world.now())
    world.out(f"{profile} {'would be' if done.dry_run else 'is'} {verb} to {place.spoken} in {place.state}.")
    if before is not None:
        world.out(f"  {'It would replace' if done.dry_run else 'It replaced'} a profile of type {before.kind}.")
    for agent, _ in done.given.orders:
        also = "would be" if done.dry_run else "is"
        world.out(f"  The agent {agent} has an explicit order of profiles; {place.profile_id} {also} appended to it.")
    if done.mode == "lease":
        world.out(f"  The access token ends in {end}; `codex-auth keep` renews it here and there.")
    elif not done.dry_run:
        world.out(f"  {place.target} owns the login now and refreshes it; our refresh token is destroyed.")
    if not done.dry_run:
        world.tell("A running gateway takes it at the next turn after `openclaw secrets reload`.")
        world.tell(f"To undo it: {undo}")


def _undo(profile: str, done: Delivered) -> str:
    """Return the command that reverts a delivery."""
    agent = f" --agent {done.place.agent}" if done.place.agent else ""
    if done.mode == "lease":
        return f"codex-auth deliver {done.place.target} {profile} --take-back{agent}"
    return f"openclaw models auth logout {done.place.profile_id} --yes{agent} && codex-auth login {profile}"


def print_taken_back(profile: str, place: Place, given: Given, world: World, *, as_json: bool) -> None:
    """Say that a lease was removed."""
    if as_json:
        _print(world, profile=profile, target=place.target, profile_id=place.profile_id, removed=given.now is None)
    else:
        world.out(f"The lease of {profile} is removed from {place.spoken}.")


def print_imported(credential: Credential, place: Place, world: World, *, as_json: bool, full: bool) -> None:
    """Say what was read from a program, and that it stays the owner."""
    if as_json:
        _print(
            world,
            profile=credential.profile,
            source=place.target,
            profile_id=place.profile_id,
            owner=credential.owner,
            accountId=words.account_id(credential.identity, full=full),
            expires_at=words.stamp(credential.expires),
        )
        return
    left = credential.expires - world.now()
    ends = f"ends in {words.duration(left)}" if left.total_seconds() > 0 else f"ended {words.duration(left)} ago"
    world.out(
        f"Imported: {credential.profile} is {words.account(credential.identity, full=full)}, owned by {place.target}. "
        f"The access token {ends}."
    )


def _print(world: World, **facts: object) -> None:
    world.out(json.dumps({"ok": True, "schema_version": SCHEMA_VERSION, **facts}, ensure_ascii=False))
