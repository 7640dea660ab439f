"""What is left of each login's limits, as bars. Colour only repeats what the words say."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from codex_auth.core.card import OWNER_SELF
from codex_auth.core.usage import FIVE_HOURS, WEEK, Usage, Window
from codex_auth.stories.usage import Found
from codex_auth.views import show as words
from codex_auth.views.screen import Line, Look
from codex_auth.views.usage_json import plan

_LONGEST_BAR, _SHORTEST_BAR, _LEAST_BAR = 30, 12, 4
_LABEL_LIMIT = 24
_SOON, _LITTLE = 20.0, 50.0
"""Percent: at and below these, a bar is red, or yellow."""
_FULL = 100.0
_OLD = timedelta(seconds=5)
_YEAR = timedelta(days=300)


def lines(found: list[Found], now: datetime, look: Look, *, full: bool) -> list[Line]:
    """Return the lines of every profile, one empty line between two."""
    drawn: list[Line] = []
    for each in found:
        drawn += ([[]] if drawn else []) + list(_profile(each, now, look, full=full))
    return drawn


def _profile(found: Found, now: datetime, look: Look, *, full: bool) -> Iterator[Line]:
    facts = [words.account(found.identity, full=full)] if found.identity.account_id else []
    facts += [f"plan {plan(found)}"] if plan(found) else []
    facts += [f"owned by {found.owner}"] if found.owner not in {"", OWNER_SELF} else []
    beside = look.text("  ".join(facts))
    if len(found.profile) + 2 + len(beside) <= look.width:
        yield [(found.profile, "bold"), (f"  {beside}", "")]
    else:
        yield [(found.profile, "bold")]
        yield from _wrapped(beside, "", look)
    if found.usage is not None:
        yield from _usage(found.usage, now, look)
        for line, style in _below(found, found.usage, now):
            yield from _wrapped(line, style, look)
    if found.trouble is not None:
        yield from _wrapped(str(found.trouble), "yellow", look)
        yield from _wrapped(found.trouble.hint, "", look)
        if found.expires is not None:
            yield [(f"  The access token {_ends(found.expires, now)}.", "dim")]


def _wrapped(text: str, style: str, look: Look) -> Iterator[Line]:
    """Return words below a profile, broken where the terminal would break them without the indent."""
    from textwrap import wrap

    yield from (
        [(f"  {part}", style)] for part in wrap(text, max(look.width - 2, _SHORTEST_BAR), break_on_hyphens=False)
    )


def _ends(moment: datetime, now: datetime) -> str:
    span = words.duration(moment - now)
    return f"ends in {span}" if moment > now else f"ended {span} ago"


# --- bars ----------------------------------------------------------------------------------------------------


def _usage(usage: Usage, now: datetime, look: Look) -> Iterator[Line]:
    rows = [(_label(window), window) for window in usage.windows]
    rows += [(f"{limit.name}: {_label(window)}", window) for limit in usage.additional for window in limit.windows]
    if not rows:
        yield [("  No limits are known for this plan.", "")]
        return
    most = max(8, min(_LABEL_LIMIT, look.width // 3))
    labels = [_cut(label, most, look) for label, _ in rows]
    ends = [_reset(window, now) for _, window in rows]
    indent = max(map(len, labels)) + 4
    rest = len("  100% left")
    beside = look.width - indent - rest - max(map(len, ends)) - 2
    is_wide = beside >= _SHORTEST_BAR
    room = beside if is_wide else look.width - indent - rest
    room = max(_LEAST_BAR, min(_LONGEST_BAR, room))
    for label, (_, window), end in zip(labels, rows, ends, strict=True):
        left = window.left_at(now)
        drawn = [
            (f"  {label:<{indent - 4}}  ", ""),
            *_bar(left, room, look),
            (f"  {_percent(left):>4} left", "red" if left <= _SOON else ""),
        ]
        yield [*drawn, (f"  {end}", "dim")] if is_wide and end else drawn
        if end and not is_wide:
            yield [(f"    {end}", "dim")]


def _bar(left: float, room: int, look: Look) -> Line:
    """Return a bar that is empty or full only when that is true."""
    count = round(left / _FULL * room)
    count = max(count, 1) if left > 0 else 0
    count = min(count, room - 1) if left < _FULL else room
    style = "red" if left <= _SOON else "yellow" if left <= _LITTLE else "green"
    there, gone = look.bar
    return [(there * count, style), (gone * (room - count), "dim")]


def _percent(left: float) -> str:
    if 0 < left < 1:
        return "<1%"
    return f"{min(int(left + 0.5), 99) if left < _FULL else 100}%"


def _label(window: Window) -> str:
    if window.length is None:
        return "limit"
    named = {FIVE_HOURS: "5 hours", WEEK: "week"}
    return named.get(window.length) or words.duration(window.length)


def _cut(label: str, most: int, look: Look) -> str:
    dots = look.text("…")
    return label if len(label) <= most else label[: most - len(dots)] + dots


# --- words ---------------------------------------------------------------------------------------------------


def _reset(window: Window, now: datetime) -> str:
    if window.resets_at is None or window.resets_at <= now:
        return ""
    return f"resets {when(window.resets_at, now)} (in {words.duration(_minutes(window.resets_at - now))})"


def _minutes(span: timedelta) -> timedelta:
    """Return a span without its odd seconds: of hours, nobody counts them."""
    seconds = span.total_seconds()
    return timedelta(seconds=seconds - seconds % 60) if seconds >= 60 else span  # noqa: PLR2004


def when(moment: datetime, now: datetime) -> str:
    """Return a time by the clock on the wall, with its day where that is not today."""
    here = moment.astimezone()
    clock = f"{here:%H:%M}"
    if here.date() == now.astimezone().date():
        return clock
    year = f" {here.year}" if moment - now > _YEAR else ""
    return f"{here:%a} {here.day} {here:%b}{year} {clock}"


def _below(found: Found, usage: Usage, now: datetime) -> Iterator[tuple[str, str]]:
    """Return what is said below the bars: whether anything is accepted now, credits, and how old the answer is."""
    if usage.limited(now):
        yield _limited(usage, now)
    if usage.credits is not None and usage.credits.are_there:
        balance = "unlimited" if usage.credits.unlimited else usage.credits.balance or "there are some"
        yield f"credits: {balance}", ""
    age = now - usage.asked_at
    if found.is_cached and age >= _OLD:
        yield f"as it was {words.duration(age)} ago", "dim"


def _limited(usage: Usage, now: datetime) -> tuple[str, str]:
    if usage.usable(now):
        return "At its limit; credits are used.", "yellow"
    if usage.spend_reached:
        return "The spending limit of the workspace is reached.", "red"
    ends = usage.resets_at(now)
    after = "" if ends is None else f" until {when(ends, now)}"
    return f"At its limit: nothing is accepted{after}.", "red"


def suggested(chosen: Found, found: list[Found], now: datetime) -> Iterator[str]:
    """Return what is said about the profile that has most left, and about those that could not be asked."""
    windows = chosen.usage.windows if chosen.usage else ()
    left = ", ".join(f"{_percent(each.left_at(now))} of its {_label(each)}" for each in windows)
    yield f"{chosen.profile} has most left{': ' + left if left else ''}. Nothing was switched."
    for each in found:
        if each.trouble is not None:
            yield f"Not counted: {each.profile}. {each.trouble}"
