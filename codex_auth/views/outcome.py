"""What the signing-in verbs say when they are done, to people and to programs."""

import math
from collections.abc import Mapping

from codex_auth.core.errors import AuthError
from codex_auth.core.model import Credential
from codex_auth.core.names import LEGACY_PREFIX
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.text import printable
from codex_auth.edge.places import STORE_DEFAULT, Places
from codex_auth.edge.world import World
from codex_auth.notes.pending import PendingFile
from codex_auth.views import show as words
from codex_auth.views.document import print_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.notes.deliveries import Place
    from codex_auth.notes.queue import Request
    from codex_auth.stories.move import Moved
    from codex_auth.stories.rename import Renamed
    from codex_auth.stories.two_step import Started

INSTRUCTIONS = (
    "Open login_url in a browser and approve. The browser then ends on an address that begins with redirect_uri "
    "and may not load: copy that whole address and give it to `codex-auth finish` before expires_at. "
    "Treat it like a password."
)


DEVICE_INSTRUCTIONS = (
    "Tell the person to open verification_url in any browser and to type user_code there, before expires_at; only the "
    "one who asked for it, for whoever types it decides whose login this becomes. Then run `codex-auth finish`, which "
    "needs no address: exit code 8 means not yet, ask again after interval seconds, or use --wait. If the page "
    "refuses the code, device codes are not allowed for that account"
)


def print_started(started: "Started", world: World, *, as_json: bool) -> None:
    """Print the link, and what to do with it."""
    login = started.login
    if as_json:
        print_document(
            world,
            profile=login.profile,
            profile_id=LEGACY_PREFIX + login.profile,
            login_url=started.login_url,
            redirect_uri=login.redirect_uri,
            instructions=INSTRUCTIONS,
            expires_at=words.stamp(login.expires),
            replaced=started.replaced,
        )
        return
    minutes = words.duration(login.expires - login.created)
    world.tell(f"Sign in to {login.profile}: open this link and approve, within {minutes}.")
    if started.replaced:
        world.tell("It replaces the link that was given out before.")
    world.out(started.login_url)
    world.tell(f"The browser then ends on {login.redirect_uri}…, which may not load.")
    world.tell(f"Copy that whole address and run: codex-auth finish {login.profile}")


def print_device_started(started: "Started", world: World, *, as_json: bool) -> None:
    """Print the page and the code to type there, after what should be known before."""
    from codex_auth.stories.device import advice, granted, warning

    login = started.login
    if as_json:
        instead = ": use `codex-auth start` without --device" if started.may_paste else ""
        print_document(
            world,
            profile=login.profile,
            profile_id=LEGACY_PREFIX + login.profile,
            login_url=started.login_url,
            verification_url=started.login_url,
            user_code=started.user_code,
            interval=math.ceil(granted(login).interval),
            instructions=f"{DEVICE_INSTRUCTIONS}{instead}.",
            expires_at=words.stamp(login.expires),
            replaced=started.replaced,
        )
        return
    other_way = f"codex-auth start {login.profile}" if started.may_paste else ""
    for line in (*advice(login, other_way=other_way), warning(login)):
        world.tell(line)
    minutes = words.duration(login.expires - login.created)
    world.tell(f"Sign in to {login.profile}: open this page and type this code, within {minutes}.")
    if started.replaced:
        world.tell("It replaces the sign-in that was waiting.")
    world.out(started.login_url)
    world.out(started.user_code)
    world.tell(f"Then run: codex-auth finish {login.profile} --wait")


def print_finished(
    credential: Credential,
    kind: str,
    places: Places,
    world: World,
    *,
    as_json: bool,
    full: bool,
    queued: "Request | AuthError | None" = None,
) -> None:
    """Say that the login is stored: under which name and where, whose it is, how long it lives; and what is queued.

    A queue that took nothing does not make a failure of a sign-in: whoever began anew would find it done.
    """
    trouble = queued if isinstance(queued, AuthError) else None
    request = None if isinstance(queued, AuthError) else queued
    if as_json:
        print_document(
            world,
            profile=credential.profile,
            profile_id=LEGACY_PREFIX + credential.profile,
            accountId=words.account_id(credential.identity, full=full),
            email=words.email_of(credential.identity, full=full) or None,
            plan=printable(credential.identity.plan) or None,
            issuer=credential.identity.issuer,
            owner=credential.owner,
            store=kind,
            store_why=printable(credential.store_why) or None,
            expires=words.milliseconds(credential.expires),
            expires_at=words.stamp(credential.expires),
            queued=request is not None,
            queue_id=request.id if request else None,
            queue_error=trouble
            and {"error": trouble.code, "message": str(trouble), "hint": trouble.hint, "exit_code": trouble.status},
            undo=(request.revert or None) if request else None,
            status_path=PendingFile(places).path,
            status_command=f"codex-auth status {credential.profile}",
        )
        return
    plan = f", plan {printable(credential.identity.plan)}" if credential.identity.plan else ""
    where = "" if credential.identity.issuer == OPENAI_ISSUER else f" at {credential.identity.issuer}"
    world.out(
        f"Signed in: {credential.profile} is {words.account(credential.identity, full=full)}{plan}{where}. "
        f"The access token ends in {words.duration(credential.expires - world.now())}."
    )
    if credential.store_why not in {"", STORE_DEFAULT}:
        world.tell(f"It is kept in the {kind}, because {printable(credential.store_why)}.")
    if request is not None:
        from codex_auth.views.applied import undo

        world.out(f"Queued: it is delivered to {request.target} in the background [{request.id}].")
        world.tell(f"To see how it goes: codex-auth status {credential.profile}. {undo(request)}")
    if trouble is not None:
        world.tell(f"codex-auth: The login is stored, but nothing was queued. {trouble}")
        world.tell(f"  {trouble.hint}")


def print_refreshed(results: Mapping[str, Credential | AuthError], world: World, *, as_json: bool) -> int:
    """Say for each profile how its refresh ended, and return the exit status: that of the first that failed."""
    failures = [result for result in results.values() if isinstance(result, AuthError)]
    if as_json:
        rows = [refreshed_row(profile, result) for profile, result in results.items()]
        print_document(world, ok=not failures, profiles=rows)
    for profile, result in results.items() if not as_json else ():
        if isinstance(result, AuthError):
            tell_failure(result, world)
        else:
            world.out(f"{profile}: the access token ends in {words.duration(result.expires - world.now())}.")
    if not results and not as_json:
        world.tell("There is no profile that is ours to refresh.")
    return failures[0].status if failures else 0


def refreshed_row(profile: str, result: Credential | AuthError) -> dict[str, object]:
    """Return how one profile's refresh ended, for JSON."""
    if isinstance(result, AuthError):
        return failed_row(profile, result)
    return {"profile": profile, "ok": True, "expires_at": words.stamp(result.expires)}


def place_row(place: "Place") -> dict[str, str]:
    """Return a place that holds, or held, a login, for JSON."""
    return {"target": place.target, "profile_id": place.profile_id}


def failed_row(profile: str, error: AuthError) -> dict[str, object]:
    """Return how it ended for a profile for which it failed, for JSON."""
    return {
        "profile": profile,
        "ok": False,
        "error": error.code,
        "message": str(error),
        "hint": error.hint,
        "exit_code": error.status,
    }


def tell_failure(error: AuthError, world: World) -> None:
    """Say what failed, and what to type next."""
    world.tell(f"codex-auth: {error}")
    world.tell(f"  {error.hint}")


def print_moved(moved: "Moved", world: World, *, dry_run: bool, as_json: bool) -> None:
    """Say where a login was and is, or would be."""
    if as_json:
        print_document(world, profile=moved.profile, source=moved.source, target=moved.target, dry_run=dry_run)
    elif not moved.is_needed:
        world.out(f"{moved.profile} is in the {moved.target} already.")
    else:
        verb = "would be moved" if dry_run else "is moved"
        world.out(f"{moved.profile} {verb} from the {moved.source} to the {moved.target}.")


def print_all_moved(results: "Mapping[str, Moved | AuthError]", world: World, *, dry_run: bool, as_json: bool) -> int:
    """Say for each profile how its move ended, and return the exit status: that of the first that failed."""
    failures = [result for result in results.values() if isinstance(result, AuthError)]
    if as_json:
        rows = [_moved_row(profile, result) for profile, result in results.items()]
        print_document(world, ok=not failures, dry_run=dry_run, profiles=rows)
    for result in results.values() if not as_json else ():
        if isinstance(result, AuthError):
            tell_failure(result, world)
        else:
            print_moved(result, world, dry_run=dry_run, as_json=False)
    if not results and not as_json:
        world.tell("There is no profile that is ours to move.")
    return failures[0].status if failures else 0


def _moved_row(profile: str, result: "Moved | AuthError") -> dict[str, object]:
    if isinstance(result, AuthError):
        return failed_row(profile, result)
    return {"profile": profile, "ok": True, "source": result.source, "target": result.target}


def print_renamed(done: "Renamed", meant: tuple[str, str], world: World, *, as_json: bool) -> None:
    """Say what a login is called now, and what still names it as it was called."""
    if as_json:
        print_document(world, profile=done.new, renamed_from=done.old, store=done.store)
    elif done.old == done.new:
        world.out(f"{done.new} has that name already.")
    else:
        world.out(f"{done.old} is now {done.new}.")
    selected, rule = meant
    if selected == done.old != done.new:
        world.tell(f"Note: {done.old} is still what is meant where no profile is named: {rule}.")


def print_labelled(profile: str, label: str, world: World, *, as_json: bool) -> None:
    """Say what a login is called in its owner's words."""
    if as_json:
        print_document(world, profile=profile, label=label or None)
    else:
        world.out(f"{profile}: {label}" if label else f"{profile} has no label.")


def print_vault(outcome: str, sentence: str, world: World, *, as_json: bool) -> None:
    """Say what was done to the vault."""
    if as_json:
        print_document(world, outcome=outcome)
    else:
        world.out(sentence)


def print_cancelled(profile: str, world: World, *, as_json: bool) -> None:
    """Say which sign-in was forgotten."""
    if as_json:
        print_document(world, profile=profile, cancelled=True)
    else:
        world.out(f"The sign-in waiting for {profile} is forgotten.")
