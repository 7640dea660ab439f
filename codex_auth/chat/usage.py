"""`/codex_usage`: for each profile a block of lines, as the former skill's successor shows them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from codex_auth.chat.escape import tame
from codex_auth.chat.reply import Line
from codex_auth.chat.words import moment, sentence, span


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is left of one rate limit, and when it begins anew."""

    left_percent: int
    resets: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUsage:
    """What the provider says of one profile's limits."""

    profile: str
    usable: bool | None = None
    limited: bool | None = None
    five_hour: Window | None = None
    week: Window | None = None
    problem: str = ""
    """The code of why nothing is known."""


Source = Callable[[Sequence[str]], list[ProfileUsage]]
"""Asks about these profiles, each answered for in its own row."""

_PROBLEMS = {
    "usage_rejected": "usage_rejected",
    "usage_not_accepted": "usage_rejected",
    "provider_unreachable": "usage_unreachable",
    "proxy_failed": "usage_unreachable",
}
_LOGIN = ("refresh", "no_refresh", "owned_elsewhere", "expired")


def blocks(found: Sequence[ProfileUsage], language: str, now: datetime) -> tuple[Line, ...]:
    """Return the lines of every profile, an empty one between two."""
    lines: list[Line] = []
    for each in found:
        lines += [*([Line("")] if lines else []), *_block(each, language, now)]
    return tuple(lines)


def _block(each: ProfileUsage, language: str, now: datetime) -> list[Line]:
    def say(name: str, **facts: object) -> Line:
        return Line(sentence(language, name, **facts))

    def answer(known: bool | None) -> str:
        return sentence(language, "unknown" if known is None else "yes" if known else "no")

    head = [say("usage_profile", profile=tame(each.profile)), say("usage_usable", answer=answer(each.usable))]
    head.append(say("usage_limited", answer=answer(each.limited)))
    if each.problem:
        return [*head, say("usage_problem", why=sentence(language, _why(each.problem)))]
    windows = (("usage_5h", each.five_hour), ("usage_week", each.week))
    return head + [
        say(f"{name}_none")
        if window is None
        else say(
            name,
            percent=window.left_percent,
            reset=moment(window.resets),
            left=span(language, window.resets - now),
        )
        for name, window in windows
    ]


def _why(problem: str) -> str:
    if problem in _PROBLEMS:
        return _PROBLEMS[problem]
    return "usage_login" if problem.startswith(_LOGIN) else "usage_other"
