"""Which way of signing in suits this place: browser, device code or pasted redirect, and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from codex_auth.core.errors import WayRefused
from codex_auth.core.policy import BROWSER, DEVICE, PASTE

WAYS = (BROWSER, DEVICE, PASTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The way that was chosen. `reason` is empty where it was asked for."""

    name: str
    reason: str = ""
    others: tuple[str, ...] = ()
    """Those that can be asked for instead: allowed, and of use here."""

    @property
    def was_asked_for(self) -> bool:
        """Whether the person chose it, so that no other may take its place unasked."""
        return not self.reason


def choose(
    asked: str = "", *, closed: str | None, has_terminal: bool, allowed: Iterable[str] = WAYS, profile: str = "NAME"
) -> Way:
    """Return the way that was asked for, or the first of those that fit here and are allowed.

    `closed` says why a browser opened from here would not reach the person, None if it would. A paste needs a
    terminal; a browser without a display still works by its link. A way that was asked for, or the usual one where
    nothing is allowed, is refused by whoever signs in, with the names of the rules. Raises `WayRefused`.
    """
    if asked:
        return Way(name=asked)
    open_ways = frozenset(allowed) or frozenset(WAYS)
    order = WAYS if closed is None else (DEVICE, PASTE, BROWSER)
    reasons = ["a browser can be opened here" if closed is None else closed]
    for name in order:
        if name not in open_ways:
            reasons.append(f"signing in by {_WORDS[name]} is not allowed")
        elif name == PASTE and not has_terminal:
            reasons.append("there is no terminal to paste into")
        else:
            others = tuple(each for each in WAYS if each in open_ways - {name} and (has_terminal or each != PASTE))
            return Way(name=name, reason=", ".join(reasons if name != order[0] else reasons[:1]), others=others)
    raise WayRefused(problem=", ".join(reasons[1:]), profile=profile)


_WORDS = {BROWSER: "browser", DEVICE: "device code", PASTE: "pasted redirect"}


def announcement(way: Way) -> str:
    """Return the line that says which way was chosen and why."""
    others = ", ".join(f"--{name}" for name in way.others)
    return f"Signing in by {_WORDS[way.name]}: {way.reason}{f' (or {others})' if others else ''}."
