"""What `logout` says when it is done."""

from collections.abc import Mapping

from codex_auth.core.errors import AuthError
from codex_auth.edge.world import World
from codex_auth.stories.logout import LoggedOut
from codex_auth.views.document import print_document
from codex_auth.views.outcome import failed_row, place_row, tell_failure


def print_logged_out(results: Mapping[str, LoggedOut | AuthError], world: World, *, as_json: bool) -> int:
    """Say for each profile how it ended, and return the exit status: that of the first that did not end well."""
    statuses = [result.status for result in results.values()]
    status = next((status for status in statuses if status), 0)
    if as_json:
        rows = [_row(profile, result) for profile, result in results.items()]
        print_document(world, ok=not status, profiles=rows)
        return status
    for result in results.values():
        if isinstance(result, AuthError):
            tell_failure(result, world)
        else:
            _tell(result, world)
    if not results:
        world.tell("There is no login to end.")
    return status


def _row(profile: str, result: LoggedOut | AuthError) -> dict[str, object]:
    if isinstance(result, AuthError):
        return failed_row(profile, result)
    failed = result.not_revoked
    return {
        "profile": profile,
        "ok": not result.status,
        "deleted": True,
        "revoked": result.revoked,
        "owner": result.owner,
        "not_revoked": failed and {"error": failed.code, "message": str(failed)},
        "taken_back": [place_row(place) for place in result.taken_back],
        "still_leased": [place_row(place) for place, _ in result.still_leased],
        "kept_by": [place_row(place) for place in result.kept_by],
        "exit_code": result.status,
    }


def _tell(done: LoggedOut, world: World) -> None:
    if done.revoked:
        world.out(f"{done.profile} is logged out: revoked at the provider, and deleted here.")
    else:
        world.out(f"{done.profile} is deleted here.")
    for place in done.taken_back:
        world.out(f"  Its lease is removed from {place.spoken}.")
    for place in done.kept_by:
        world.tell(f"  {place.spoken} owns the login and keeps it; sign out there to end it.")
    if not done.kept_by and not done.revoked and done.not_revoked is None:
        world.tell(f"  {done.owner} owns the login and keeps it; sign out there to end it.")
    if done.not_revoked is not None:
        world.tell(
            f"codex-auth: It could not be revoked, and lives on at the provider until it ends. {done.not_revoked}"
        )
        world.tell("  End it in the account's security settings if somebody else may have its tokens.")
    for place, error in done.still_leased:
        why = "as you asked" if error is None else f"for it could not be removed: {error}"
        end = "and finds no login any more" if place.provider_id else "until the token ends"
        world.tell(f"  Its lease stays at {place.spoken} {end}, {why}")
        if error is not None:
            world.tell(f"  {error.hint}")
