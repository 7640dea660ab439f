"""Asking for usage, with a line that shows how far it is."""

import json
import sys
from collections.abc import Sequence

from codex_auth.edge.places import Places
from codex_auth.edge.terminal import Progress
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store
from codex_auth.stories.usage import Found, all_profiles, pause, usage_of
from codex_auth.views.screen import look, show
from codex_auth.views.usage_bars import lines
from codex_auth.views.usage_json import document

_PATIENCE = 0.5
"""Seconds in which nobody wonders whether anything happens."""


def asked(profiles: Sequence[str], *, store: Store, places: Places, world: World) -> list[Found]:
    """Return the usage of these profiles; on a terminal it is shown how far that is, once it takes long."""
    if sys.stderr is None:
        return usage_of(profiles, store=store, places=places, world=world)
    line, began = Progress(sys.stderr, "Asking what is left", env=world.env), world.ticks()

    def heard(known: int, count: int) -> None:
        if known < count and world.ticks() - began >= _PATIENCE:
            line.show(f"{known} of {count}")

    try:
        return usage_of(profiles, store=store, places=places, world=world, heard=heard)
    finally:
        line.clear()


class Questions:
    """What one `usage` asks for, once or again and again."""

    def __init__(self, selector: str | None, *, store: Store, places: Places, world: World, full: bool) -> None:
        self._selector = selector
        self._store, self._places, self._world = store, places, world
        self._full = full
        self._found: list[Found] = []

    def document(self) -> int:
        """Print what is known as one document, and return the exit status."""
        self._ask()
        told = document(self._found, self._world.now(), full=self._full)
        self._world.out(json.dumps(told, ensure_ascii=False))
        return self._status()

    def shown(self, *, anew: bool = False) -> int:
        """Draw what is known, and return the exit status."""
        self._ask()
        show(lines(self._found, self._world.now(), look(), full=self._full), self._world, anew=anew)
        if not self._found:
            self._world.tell("No profiles yet. Run `codex-auth login` to sign in.")
        return self._status()

    def pause(self) -> float:
        """Return the seconds until it is worth asking again."""
        return pause(self._found, self._world.now()).total_seconds()

    def _ask(self) -> None:
        """Ask; raises what is wrong with the one profile that was named, where nothing at all is known of it."""
        profiles = all_profiles(self._store) if self._selector is None else [self._selector]
        self._found = asked(profiles, store=self._store, places=self._places, world=self._world)
        for each in self._found if self._selector is not None else ():
            if each.trouble is not None and not each.is_known:
                raise each.trouble

    def _status(self) -> int:
        return next((each.trouble.status for each in self._found if each.trouble is not None), 0)
