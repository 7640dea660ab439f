"""What `deliver` and `import` say when they are done."""

from codex_auth.core.model import Credential
from codex_auth.deliver.codex import NAME as CODEX
from codex_auth.deliver.codex_provider import COMMAND
from codex_auth.deliver.protocol import Given, Held
from codex_auth.edge.trouble import typed
from codex_auth.edge.world import World
from codex_auth.notes.deliveries import Place
from codex_auth.stories.deliver import Delivered
from codex_auth.stories.use import Used
from codex_auth.views import show as words
from codex_auth.views.document import print_document


def print_delivered(profile: str, done: Delivered, world: World, *, as_json: bool) -> None:
    """Say what a target holds now, what it held before, and how to undo it."""
    place, before = done.place, done.given.before
    undo = _undo(profile, done)
    if as_json:
        print_document(
            world,
            profile=profile,
            target=place.target,
            mode=done.mode,
            profile_id=place.profile_id,
            state_dir=place.state,
            agent=place.agent or None,
            dry_run=done.dry_run,
            replaced=before and {"type": before.kind, "expires_at": words.stamp(before.expires)},
            provider=_provider_row(done),
            orders={agent: list(order) for agent, order in done.new_orders.items()},
            expires_at=None if place.provider_id else words.stamp(done.credential.expires),
            kept_as=done.kept.profile if done.kept else None,
            undo=undo,
        )
        return
    if place.provider_id:
        _tell_provider(profile, done, world)
        return
    verb = {"lease": "leased", "hand-over": "handed over"}[done.mode]
    end = words.duration(done.credential.expires - world.now())
    world.out(f"{profile} {'would be' if done.dry_run else 'is'} {verb} to {_where(place)}.")
    if done.kept is not None:
        world.out(f"  The login that was there is kept as the profile {done.kept.profile}.")
    elif before is not None:
        world.out(f"  {'It would replace' if done.dry_run else 'It replaced'} {_said_before(before, done)}.")
    for agent, _ in done.given.orders:
        also = "would be" if done.dry_run else "is"
        world.out(f"  The agent {agent} has an explicit order of profiles; {place.profile_id} {also} appended to it.")
    if done.mode == "lease":
        world.out(f"  The access token ends in {end}; `codex-auth keep` renews it here and there.")
    elif not done.dry_run:
        world.out(f"  {place.target} owns the login now and refreshes it; our refresh token is destroyed.")
    if not done.dry_run:
        world.tell(_next(place))
        world.tell(f"To undo it: {undo}")


def _provider_row(done: Delivered) -> dict[str, object] | None:
    written = done.given.provider
    if written is None:
        return None
    return {
        "id": written.id,
        "config": done.place.config,
        "base_url": written.base_url,
        "command": list(written.command),
        "chosen": done.given.is_chosen,
        "model": done.given.model or None,
    }


def _tell_provider(profile: str, done: Delivered, world: World) -> None:
    """Say that Codex asks for a login or a key from now on, where it sends that, and whether it will."""
    place, given = done.place, done.given
    world.out(f"{profile} {'would be' if done.dry_run else 'is'} served to {place.spoken}.")
    if given.before is not None and given.before.kind != COMMAND:
        world.out("  A provider of that name was there; its address and its way to a key are replaced.")
    if given.provider is not None:
        world.out(f"  Codex asks `codex-auth token {profile}`, and sends the answer to {given.provider.base_url}.")
    model, chosen_by = f", with the model {given.model}" if given.model else "", f"model_provider={place.provider_id}"
    uses = f"uses it from now on{model}." if given.is_chosen else f"uses it if told: `codex -c {chosen_by}`."
    world.out(f"  Codex {uses}")
    if not done.dry_run:
        world.tell(f"To undo it: {_undo(profile, done)}")


def _undo(profile: str, done: Delivered) -> str:
    """Return the command that reverts a delivery."""
    if done.place.target == CODEX:
        which = f" --provider-id {done.place.provider_id}" if done.place.provider_id else ""
        there = f" --codex-home {typed(done.place.state)}{which}"
        if done.mode == "lease":
            return f"codex-auth deliver codex {profile} --take-back{there}"
        return f"codex-auth deliver codex {profile} --keep-as {profile}{there}"
    agent = f" --agent {done.place.agent}" if done.place.agent else ""
    if done.mode == "lease":
        return f"codex-auth deliver {done.place.target} {profile} --take-back{agent}"
    return f"openclaw models auth logout {done.place.profile_id} --yes{agent} && codex-auth login {profile}"


def print_used(profile: str, used: Used, world: World, *, as_json: bool) -> None:
    """Say who Codex is from now on, and which of it is still somebody else."""
    done = used.delivered
    if as_json:
        print_document(
            world,
            profile=profile,
            codex_home=done.place.state,
            expires_at=words.stamp(done.credential.expires),
            kept_as=done.kept.profile if done.kept else None,
            stale=[{"pid": each.pid, "command": each.command} for each in used.stale],
        )
        return
    world.out(f"Codex in {done.place.state} uses {profile} from now on, and so do commands here that name none.")
    if done.kept is not None:
        world.out(f"  The login that was there is kept as the profile {done.kept.profile}.")
    for each in used.stale:
        world.out(f"  {each.spoken} was started before, and stays who it was until it is started again.")


def _where(place: Place) -> str:
    return place.spoken if place.target == CODEX else f"{place.spoken} in {place.state}"


def _said_before(before: Held, done: Delivered) -> str:
    if done.place.target != CODEX:
        return f"a profile of type {before.kind}"
    whose = "" if before.account == done.credential.identity.account_id else " of another account"
    return f"a login that is a profile here{whose}" if before.kind == "oauth" else f"a lease{whose}"


def _next(place: Place) -> str:
    """Say when a program that runs takes what it was given."""
    if place.target == CODEX:
        return "A Codex that runs keeps what it has; start it again to use this."
    return "A running gateway takes it at the next turn after `openclaw secrets reload`."


def print_taken_back(profile: str, place: Place, given: Given, world: World, *, as_json: bool) -> None:
    """Say that a lease was removed."""
    if as_json:
        print_document(
            world, profile=profile, target=place.target, profile_id=place.profile_id, removed=given.now is None
        )
    elif place.provider_id and given.now is None:
        world.out(f"{profile} is not served to {place.spoken} any more.")
    elif given.now is not None:
        world.out(f"{place.spoken} holds something else by now, which stays; the lease of {profile} is forgotten.")
    else:
        world.out(f"The lease of {profile} is removed from {place.spoken}.")


def print_imported(credential: Credential, place: Place, world: World, *, as_json: bool, full: bool) -> None:
    """Say what was read from a program, and that it stays the owner."""
    if as_json:
        print_document(
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
