"""Where a new profile is put when nobody named a place and administrators have a say in it."""

from dataclasses import replace

from codex_auth.edge.places import Places
from codex_auth.stores import AUTO, AUTO_KINDS


def fitting(places: Places, allowed: tuple[str, ...]) -> Places:
    """Return places whose store for new profiles is allowed, as far as that was left open: by default, or by `auto`."""
    if places.store == AUTO:
        open_to = [kind for kind in AUTO_KINDS if kind in allowed]
        # With one left there is nothing to choose; with none, the sign-in is refused by the name of the first.
        return places if len(open_to) == len(AUTO_KINDS) else replace(places, store=(open_to or [*AUTO_KINDS])[0])
    if places.store_is_default and allowed and places.store not in allowed:
        kind = next(kind for kind in (*AUTO_KINDS, "file") if kind in allowed)
        return replace(places, store=kind, store_rule="the rules here allow no other by default")
    return places
