"""`codex-auth status` and `list`, all of them. No click here: the quick path in `main` calls this too."""

import sys
from dataclasses import replace

from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.stores import open_store
from codex_auth.stories import status as story
from codex_auth.views.report import document, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.key_source import Asking


def show(
    *,
    selector: str | None = None,
    as_json: bool = False,
    check: bool = False,
    why: bool = False,
    full: bool = False,
    auth_path: str = "",
    assume_openclaw: bool = False,
    passphrase: "Asking | None" = None,
) -> int:
    """Print the report and return the exit status."""
    world = World()
    report, places = _look(world, auth_path, passphrase, assume_openclaw=assume_openclaw, selector=selector)
    now = world.now()
    if as_json:
        import json

        told = document(report, now, full=full) | (_why(report, places, world, full=full) if why else {})
        world.out(json.dumps(told, ensure_ascii=False))
    elif sys.stdout is not None and sys.stdout.isatty():
        from codex_auth.views.screen import look
        from codex_auth.views.table import print_report

        print_report(report, now, look(), full=full)
    elif lines := plain(report, now, full=full):
        world.out("\n".join(lines))
    if not as_json:
        _tell(report, world)
        if why:
            from codex_auth.views.why import lines as reasons

            for line in reasons(report, places, world, full=full):
                world.out(line)
    failed = max((error.status for error in report.trouble), default=0)
    return story.verdict(report, now) if check else failed


def show_list(
    *,
    as_json: bool = False,
    full: bool = False,
    auth_path: str = "",
    assume_openclaw: bool = False,
    passphrase: "Asking | None" = None,
) -> int:
    """Print every profile and return the exit status."""
    from codex_auth.views import listing
    from codex_auth.views.screen import is_terminal, look
    from codex_auth.views.screen import show as draw

    world = World()
    report, _ = _look(world, auth_path, passphrase, assume_openclaw=assume_openclaw)
    now = world.now()
    if as_json:
        import json

        world.out(json.dumps(listing.document(report, now, full=full), ensure_ascii=False))
    else:
        draw(listing.lines(report, now, look(), may_be_long=not is_terminal(), full=full), world)
        _tell(report, world)
    return max((error.status for error in report.trouble), default=0)


def _look(
    world: World,
    auth_path: str,
    passphrase: "Asking | None",
    *,
    assume_openclaw: bool,
    selector: str | None = None,
) -> tuple[story.Report, Places]:
    places = find_places(world.env, auth_path=auth_path, assume_openclaw=assume_openclaw)
    if passphrase is not None:
        places = replace(places, passphrase=passphrase)
    return story.look(open_store(places), places, world, selector=selector), places


def _tell(report: story.Report, world: World) -> None:
    for error in report.trouble:
        world.tell(f"codex-auth: {error}")
        world.tell(f"  {error.hint}")


def _why(report: story.Report, places: Places, world: World, *, full: bool) -> dict[str, object]:
    from codex_auth.views.why import facts

    return facts(report, places, world, full=full)
