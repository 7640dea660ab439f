"""Which profile somebody may mean who typed no name there is: nothing here decides for them.

Whoever gives a login out or destroys one gets the name it was told, or none. A name that only shows something may be
cut short, as long as one profile alone begins so.
"""

from collections.abc import Iterable, Sequence

_LIKE = 0.6
"""How much of two names must be the same for one to be a slip of the other."""


def beginning(typed: str, names: Iterable[str]) -> list[str]:
    """Return the names that begin with what was typed."""
    return [name for name in names if name.startswith(typed)]


def candidates(typed: str, names: Sequence[str]) -> list[str]:
    """Return the names that may be meant, the likeliest first.

    Those that begin so come before those that have it inside, or its letters in this order; where there are none of
    these, those that are a slip away.
    """
    ranked = sorted((rank, at) for at, name in enumerate(names) if (rank := _rank(typed, name)) is not None)
    if ranked or not typed:
        return [names[at] for _, at in ranked]
    from difflib import get_close_matches

    return get_close_matches(typed, names, n=3, cutoff=_LIKE)


def fits(typed: str, name: str, shown: str) -> bool:
    """Whether each word that was typed is in what is shown of a profile, or its letters in the name in this order."""
    beside = shown.casefold()
    return all(word in beside or _rank(word, name) is not None for word in typed.casefold().split())


def _rank(typed: str, name: str) -> int | None:
    if name.startswith(typed):
        return 0
    if typed in name:
        return 1
    letters = iter(name)
    return 2 if all(letter in letters for letter in typed) else None
