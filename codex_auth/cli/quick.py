"""`codex-auth status`, all of it. No click here: the quick path in `main` calls this too."""

import sys

from codex_auth.cli.report import document, plain, reasons
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.stores import open_store
from codex_auth.stories import status as story


def show(
    *,
    selector: str | None = None,
    as_json: bool = False,
    check: bool = False,
    why: bool = False,
    full: bool = False,
    auth_path: str = "",
    assume_openclaw: bool = False,
) -> int:
    """Print the report and return the exit status."""
    world = World()
    places = find_places(world.env, auth_path=auth_path, assume_openclaw=assume_openclaw)
    report = story.look(open_store(places), places, world, selector=selector)
    now = world.now()
    if as_json:
        import json

        world.out(json.dumps(document(report, places, world, now, full=full, why=why), indent=2, ensure_ascii=False))
    elif sys.stdout is not None and sys.stdout.isatty():
        from codex_auth.cli.table import print_report

        print_report(report, now, full=full)
    elif lines := plain(report, now, full=full):
        world.out("\n".join(lines))
    if not as_json:
        for error in report.trouble:
            world.tell(f"codex-auth: {error}")
            world.tell(f"  {error.hint}")
        if why:
            for line in reasons(places, world):
                world.out(line)
    failed = max((error.status for error in report.trouble), default=0)
    return story.verdict(report, now) if check else failed
