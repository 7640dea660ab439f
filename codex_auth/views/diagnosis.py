"""What `doctor` says."""

from collections.abc import Sequence

from codex_auth.checks.table import Mended
from codex_auth.core.text import printable
from codex_auth.edge.world import World
from codex_auth.views.document import print_document


def print_diagnosis(results: Sequence[Mended], world: World, *, is_fixing: bool, as_json: bool) -> int:
    """Say what was found and what was done, and return the exit status: 1 while something is wrong."""
    left = [each for each in results if not each.done]
    status = 1 if left else 0
    if as_json:
        print_document(world, ok=not status, findings=[_row(each) for each in results])
        return status
    for each in results:
        _tell(each, world)
    if not results:
        world.out("Nothing is wrong.")
    elif not is_fixing and any(each.finding.mend for each in results):
        world.tell("`codex-auth doctor --fix` mends what is marked +.")
    return status


def _row(each: Mended) -> dict[str, object]:
    found = each.finding
    return {
        "code": found.code,
        "subject": printable(found.subject, limit=400) or None,
        "message": printable(found.what, limit=800),
        "hint": printable(found.todo, limit=800),
        "can_fix": found.mend is not None,
        "fixed": bool(each.done),
        "not_fixed": None if each.failed is None else {"error": each.failed.code, "message": str(each.failed)},
    }


def _tell(each: Mended, world: World) -> None:
    found = each.finding
    if each.done:
        world.out(f"mended {found.code}: {printable(each.done, limit=800)}")
        return
    world.out(f"{'+' if found.mend else '-'} {found.code}: {printable(found.what, limit=800)}")
    if each.failed is not None:
        world.out(f"    It could not be mended: {each.failed}")
        world.out(f"    {each.failed.hint}")
    else:
        world.out(f"    {printable(found.todo, limit=800)}")
