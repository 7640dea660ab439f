"""`/codex_usage`: for each profile a block of lines, as the former skill's successor shows them."""

from collections.abc import Callable, Sequence
from datetime import datetime

from codex_auth.chat.escape import tame
from codex_auth.chat.reply import Line
from codex_auth.chat.words import moment, sentence, span
from codex_auth.core.errors import AuthError
from codex_auth.core.usage import Window
from codex_auth.stories.usage import Found

Source = Callable[[Sequence[str]], Sequence[Found]]
"""Asks about these profiles; each is answered for in its own row."""

_PROBLEMS = {
    "usage_not_accepted": "usage_rejected",
    "usage_of_key": "usage_key",
    "usage_busy": "usage_unreachable",
    "provider_unreachable": "usage_unreachable",
    "proxy_failed": "usage_unreachable",
}
_SIGN_IN = 3
"""The exit status of errors after which a person has to sign in."""


def blocks(found: Sequence[Found], language: str, now: datetime) -> tuple[Line, ...]:
    """Return the lines of every profile, an empty one between two."""
    lines: list[Line] = []
    for each in found:
        lines += [*([Line("")] if lines else []), *_block(each, language, now)]
    return tuple(lines)


def _block(each: Found, language: str, now: datetime) -> list[Line]:
    def say(name: str, **facts: object) -> Line:
        return Line(sentence(language, name, **facts))

    head = say("usage_profile", profile=tame(each.profile))
    usage = each.usage
    if usage is None:
        unknown = sentence(language, "unknown")
        return [
            head,
            say("usage_usable", answer=unknown),
            say("usage_limited", answer=unknown),
            say("usage_problem", why=sentence(language, _why(each.trouble))),
        ]

    def answer(is_so: bool) -> str:
        return sentence(language, "yes" if is_so else "no")

    return [
        head,
        say("usage_usable", answer=answer(usage.usable(now))),
        say("usage_limited", answer=answer(usage.limited(now))),
        _window("usage_5h", usage.five_hour, language, now),
        _window("usage_week", usage.week, language, now),
    ]


def _window(name: str, window: Window | None, language: str, now: datetime) -> Line:
    if window is None:
        return Line(sentence(language, f"{name}_none"))
    percent = int(window.left_at(now))  # what is left is never rounded up
    if window.resets_at is None or window.resets_at <= now:
        return Line(sentence(language, f"{name}_only", percent=percent))
    reset, left = moment(window.resets_at), span(language, window.resets_at - now)
    return Line(sentence(language, name, percent=percent, reset=reset, left=left))


def _why(trouble: AuthError | None) -> str:
    if trouble is None:
        return "usage_other"
    if trouble.code in _PROBLEMS:
        return _PROBLEMS[trouble.code]
    return "usage_login" if trouble.status == _SIGN_IN else "usage_other"
