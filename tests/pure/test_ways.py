"""Which way of signing in is chosen, from where one is and what is allowed."""

from itertools import combinations

import pytest

from codex_auth.core.errors import WayRefused
from codex_auth.core.ways import BROWSER, DEVICE, PASTE, WAYS, announcement, choose

SSH = "this is an SSH session"
EVERY = frozenset(WAYS)

CHOICES: list[tuple[str | None, bool, frozenset[str], str, str]] = [
    (None, True, EVERY, BROWSER, "a browser can be opened here"),
    (None, False, EVERY, BROWSER, "a browser can be opened here"),
    (SSH, True, EVERY, DEVICE, SSH),
    (SSH, False, EVERY, DEVICE, SSH),
    (SSH, True, EVERY - {DEVICE}, PASTE, f"{SSH}, signing in by device code is not allowed"),
    (
        SSH,
        False,
        EVERY - {DEVICE},
        BROWSER,
        f"{SSH}, signing in by device code is not allowed, there is no terminal to paste into",
    ),
    (None, True, EVERY - {BROWSER}, DEVICE, "a browser can be opened here, signing in by browser is not allowed"),
    (
        SSH,
        True,
        frozenset({BROWSER}),
        BROWSER,
        f"{SSH}, signing in by device code is not allowed, signing in by pasted redirect is not allowed",
    ),
]


@pytest.mark.parametrize(("closed", "terminal", "allowed", "name", "reason"), CHOICES)
def test_the_way_follows_from_the_place(
    closed: str | None, terminal: bool, allowed: frozenset[str], name: str, reason: str
) -> None:
    """A browser where one can be opened, else a device code, else a paste; and why."""
    way = choose(closed=closed, has_terminal=terminal, allowed=allowed)

    assert (way.name, way.reason) == (name, reason)
    assert reason in announcement(way)


@pytest.mark.parametrize(
    ("terminal", "allowed", "offered"),
    [
        (True, EVERY, " (or --browser, --paste)."),
        (False, EVERY, " (or --browser)."),
        (True, EVERY - {PASTE}, " (or --browser)."),
        (True, frozenset({DEVICE}), f"{SSH}."),
    ],
)
def test_only_what_would_not_be_refused_is_offered(terminal: bool, allowed: frozenset[str], offered: str) -> None:
    """The other options are named as far as rules and place leave them open."""
    assert announcement(choose(closed=SSH, has_terminal=terminal, allowed=allowed)).endswith(offered)


@pytest.mark.parametrize("asked", WAYS)
@pytest.mark.parametrize("closed", [None, SSH])
def test_what_was_asked_for_is_done(asked: str, closed: str | None) -> None:
    """An option is an order: nothing of the place changes it."""
    way = choose(asked, closed=closed, has_terminal=False)

    assert (way.name, way.was_asked_for) == (asked, True)


@pytest.mark.parametrize("asked", WAYS)
def test_what_was_asked_for_is_left_to_the_rules(asked: str) -> None:
    """Whoever signs in refuses it and names the rule, which is not known here."""
    assert choose(asked, closed=None, has_terminal=True, allowed=EVERY - {asked}).name == asked


@pytest.mark.parametrize("closed", [None, SSH])
def test_where_nothing_is_allowed_the_usual_way_is_left_to_the_rules(closed: str | None) -> None:
    """The refusal then names the rules that leave nothing."""
    assert choose(closed=closed, has_terminal=True, allowed=()) == choose(closed=closed, has_terminal=True)


@pytest.mark.parametrize("closed", [None, SSH])
@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("allowed", [some for count in range(1, 4) for some in combinations(WAYS, count)])
def test_no_rule_is_ever_broken(closed: str | None, terminal: bool, allowed: tuple[str, ...]) -> None:
    """Whatever is allowed: one of those, never a paste without a terminal, or no way at all."""
    try:
        way = choose(closed=closed, has_terminal=terminal, allowed=allowed)
    except WayRefused:
        assert set(allowed) == {PASTE}
        assert not terminal
    else:
        assert way.name in allowed
        assert terminal or way.name != PASTE
