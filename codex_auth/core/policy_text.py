"""Reading rules out of the tables of TOML files: Codex's, whose other keys are not our business, and our own.

A value that cannot be understood is refused with the whole file, as Codex 0.169 does: a rule that was meant must not
count as none. In our own files that goes for keys too.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.policy import (
    FLOWS,
    HAND_OVER,
    ISSUERS,
    KNOWN,
    LEASE,
    METHODS,
    OWNERS,
    STORES,
    WORKSPACES,
    YES,
    Rule,
)

Table = Mapping[str, object]

_LISTS = {
    "allowed_login_methods": METHODS,
    "allowed_flows": FLOWS,
    "allowed_stores": STORES,
    "allowed_issuers": ISSUERS,
    "allowed_workspaces": WORKSPACES,
    "allowed_owners": OWNERS,
}
OWN_KEYS = (*_LISTS, "allow_hand_over", "minimum_lease")
"""Everything that our own policy file may say."""

CODEX_STORES: dict[str, tuple[str, ...]] = {
    "file": ("file",),
    "keyring": ("keyring",),
    "auto": ("file", "keyring", "vault"),  # it takes a plain file where there is no keyring: none of ours is less safe
    "ephemeral": (),  # "nothing outlives the process", and whatever we do with a login, we keep it
}
"""What the words of Codex's `cli_auth_credentials_store` allow of our stores."""

_LIFE = re.compile(r"([0-9]{1,6})([smh]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


def read_own(table: Table, source: str, *, is_own: bool) -> Iterator[Rule]:
    """Return the rules of our own policy file, or of the user's `[policy]`. Raises `PolicyUnusable`."""
    unknown = sorted(set(table) - set(OWN_KEYS))
    if unknown:
        raise _unusable(source, f"it has a key that is not known ({unknown[0]})", is_own=is_own)
    for key, what in _LISTS.items():
        if key in table:
            allows = _words(table, key, source, what, is_own=is_own)
            yield Rule(what=what, allows=allows, source=source, key=key, is_own=is_own)
    if "allow_hand_over" in table:
        is_allowed = table["allow_hand_over"]
        if not isinstance(is_allowed, bool):
            raise _unusable(source, "allow_hand_over must be true or false", is_own=is_own)
        allows = (YES,) if is_allowed else ()
        yield Rule(what=HAND_OVER, allows=allows, source=source, key="allow_hand_over", is_own=is_own)
    if "minimum_lease" in table:
        least = _life(table["minimum_lease"], source, is_own=is_own)
        yield Rule(what=LEASE, least=least, source=source, key="minimum_lease", is_own=is_own)


def read_requirements(table: Table, source: str, *, is_own: bool = False) -> Iterator[Rule]:
    """Return what Codex's `requirements.toml` says of signing in. Raises `PolicyUnusable`."""
    if "allowed_login_methods" in table:
        methods = _words(table, "allowed_login_methods", source, METHODS, is_own=is_own)
        yield Rule(what=METHODS, allows=methods, source=source, key="allowed_login_methods", is_own=is_own)
    if "allowed_chatgpt_workspaces" in table:
        ids = _words(table, "allowed_chatgpt_workspaces", source, WORKSPACES, is_own=is_own)
        yield Rule(what=WORKSPACES, allows=ids, source=source, key="allowed_chatgpt_workspaces", is_own=is_own)
    yield from _read_store(table, source, is_own=is_own)


def read_managed(table: Table, source: str, *, is_own: bool = False) -> Iterator[Rule]:
    """Return what Codex's `managed_config.toml`, which the user cannot override, says. Raises `PolicyUnusable`."""
    yield from read_config(table, source, is_own=is_own)
    yield from _read_store(table, source, is_own=is_own)


def read_config(table: Table, source: str, *, is_own: bool = False) -> Iterator[Rule]:
    """Return what a `config.toml` of Codex says of signing in; its store is a preference. Raises `PolicyUnusable`."""
    if "forced_login_method" in table:
        method = table["forced_login_method"]
        if not isinstance(method, str) or method not in KNOWN[METHODS]:
            raise _unusable(source, f"forced_login_method must be one of {_listed(METHODS)}", is_own=is_own)
        yield Rule(what=METHODS, allows=(method,), source=source, key="forced_login_method", is_own=is_own)
    key = "forced_chatgpt_workspace_id"
    if key in table:
        given = table[key]
        ids = _words({key: [given] if isinstance(given, str) else given}, key, source, WORKSPACES, is_own=is_own)
        if ids:  # Codex takes an empty one for none
            yield Rule(what=WORKSPACES, allows=ids, source=source, key=key, is_own=is_own)


def _read_store(table: Table, source: str, *, is_own: bool) -> Iterator[Rule]:
    key = "cli_auth_credentials_store"
    if key in table:
        word = table[key]
        if not isinstance(word, str) or word not in CODEX_STORES:
            raise _unusable(source, f"{key} must be one of {', '.join(CODEX_STORES)}", is_own=is_own)
        yield Rule(what=STORES, allows=CODEX_STORES[word], source=source, key=key, is_own=is_own)


def _words(table: Table, key: str, source: str, what: str, *, is_own: bool) -> tuple[str, ...]:
    """Return a list of words; of those that are known, where that is a list too."""
    given = table[key]
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise _unusable(source, f"{key} must be a list of words", is_own=is_own)
    words = [item.strip().rstrip("/") if what == ISSUERS else item.strip() for item in given]
    if what in KNOWN and not set(words) <= set(KNOWN[what]):
        raise _unusable(source, f"{key} may only name {_listed(what)}", is_own=is_own)
    words = [word for word in words if word]
    # A comma would make two workspaces of one in the authorize address, where they are a list.
    if any("," in word or not word.isprintable() or " " in word for word in words):
        raise _unusable(source, f"{key} has a word that cannot be one; each has quotes of its own", is_own=is_own)
    return tuple(dict.fromkeys(words))


def _life(given: object, source: str, *, is_own: bool) -> timedelta:
    found = _LIFE.fullmatch(str(given)) if isinstance(given, int | str) and not isinstance(given, bool) else None
    if found is None:
        raise _unusable(source, "minimum_lease must be a time such as 600, 90s, 10m or 1h", is_own=is_own)
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _listed(what: str) -> str:
    return ", ".join(KNOWN[what])


def _unusable(source: str, problem: str, *, is_own: bool) -> PolicyUnusable:
    return PolicyUnusable.of(source, problem, is_own=is_own)
