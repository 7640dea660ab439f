"""What `import FILE` and `export` say when they are done."""

from codex_auth.core.errors import AuthError
from codex_auth.edge.trouble import typed
from codex_auth.edge.world import World
from codex_auth.stories.carry_in import Brought
from codex_auth.stories.carry_out import Carried
from codex_auth.views import show as words
from codex_auth.views.document import print_document


def print_brought(done: dict[str, Brought | AuthError], world: World, *, as_json: bool, full: bool) -> None:
    """Say what became of each file."""
    if as_json:
        rows = [_row(path, each, full=full) for path, each in done.items()]
        print_document(world, imported=rows)
        return
    for path, each in done.items():
        if isinstance(each, AuthError):
            world.tell(f"{path}: {each} {each.hint}")
            continue
        credential = each.credential
        what = "a key" if credential.is_api_key else words.account(credential.identity, full=full)
        world.out(f"Imported: {credential.profile} is {what}, owned by {credential.owner}, from {path}.")
        if each.is_removed:
            world.tell(f"  {path} is removed: the login has one owner, and that is codex-auth.")
        elif credential.owner == "codex":
            world.tell("  Only its access token is kept: whoever has the file goes on refreshing it.")


def print_exported(done: Carried, world: World, *, as_json: bool) -> None:
    """Say where a whole login is now."""
    profile = done.credential.profile
    if as_json:
        print_document(world, profile=profile, path=done.path, whole=done.is_whole)
        return
    world.out(f"Exported: {profile} is in {done.path}.")
    if not done.credential.is_api_key:
        world.tell("  Our refresh token is destroyed: whoever imports the file owns the login.")
        world.tell(f"  To have it back here: codex-auth import {typed(done.path)} {profile} --yes")


def _row(path: str, done: Brought | AuthError, *, full: bool) -> dict[str, object]:
    if isinstance(done, AuthError):
        return {"file": path, "ok": False, "error": done.code, "message": str(done), "hint": done.hint}
    credential = done.credential
    return {
        "file": path,
        "ok": True,
        "profile": credential.profile,
        "kind": "api_key" if credential.is_api_key else "oauth" if credential.refresh else "token",
        "owner": credential.owner,
        "accountId": words.account_id(credential.identity, full=full),
        "removed": done.is_removed,
    }
