"""What `config` says."""

from codex_auth.core.settings import COMMANDS, SETTINGS, Value
from codex_auth.core.text import printable
from codex_auth.edge.world import World
from codex_auth.stories.settings import CONFIGURATION, Shown
from codex_auth.views.document import print_document


def print_settings(settings: list[Shown], path: str, world: World, *, as_json: bool) -> None:
    """List every setting: its value, where that comes from, and what it is for."""
    if as_json:
        rows = [
            {
                "name": each.name,
                "value": _told(each),
                "source": each.source,
                "variable": SETTINGS[each.name].variable or None,
                "meaning": SETTINGS[each.name].meaning,
            }
            for each in settings
        ]
        print_document(world, path=path, settings=rows)
        return
    for each in settings:
        source = "" if each.value is None else f"  ({path if each.source == CONFIGURATION else each.source})"
        world.out(f"{each.name} = {_words(_told(each))}{source}")
        variable = SETTINGS[each.name].variable
        world.out(f"  {SETTINGS[each.name].meaning}{f'; or {variable}' if variable else ''}")


def print_changed(shown: Shown, path: str, world: World, *, is_changed: bool, as_json: bool) -> None:
    """Say what a setting is now, and where something else counts more than the file."""
    if as_json:
        print_document(world, path=path, name=shown.name, value=_told(shown), source=shown.source, changed=is_changed)
        return
    world.out(f"{shown.name} = {_words(_told(shown))}")
    if shown.source.isupper():
        world.tell(f"{shown.source} is set here, and counts more than {path}.")


def print_value(shown: Shown, world: World, *, as_json: bool) -> None:
    """Print one value, a list a line each."""
    if as_json:
        print_document(world, name=shown.name, value=shown.value, source=shown.source)
        return
    values = shown.value if isinstance(shown.value, list) else [] if shown.value is None else [shown.value]
    for value in values:
        world.out(printable(str(value), limit=4096))


def _told(shown: Shown) -> Value | None:
    """Return a value as it may be shown unasked: of a command the program alone, as its arguments may be a secret."""
    if shown.name not in COMMANDS or not isinstance(shown.value, str):
        return shown.value
    program, _, more = shown.value.strip().partition(" ")
    return f"{program} …" if more else program


def _words(value: Value | None) -> str:
    if value is None:
        return "-"
    return printable(", ".join(value) or "-" if isinstance(value, list) else str(value), limit=400)
