"""All checks, in the order in which their findings are told; doing them, and mending what they find."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codex_auth.checks import codes, folders, keeping, logins, network, programs, settings, stores, targets
from codex_auth.checks.finding import Check, Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.core.store_errors import StoreNotDurable
from codex_auth.edge.trouble import words

ASKING = "the providers of the logins here"
"""What `tell` hears before somebody else is asked."""
LOCAL: tuple[tuple[str, tuple[Check, ...]], ...] = (
    (codes.FILES, folders.CHECKS),
    (codes.STORES, stores.CHECKS),
    (codes.LOGINS, logins.CHECKS),
    (codes.TARGETS, targets.CHECKS),
    (codes.KEEPING, keeping.CHECKS),
    (codes.PROGRAMS, programs.CHECKS),
    (codes.SETTINGS, settings.CHECKS),
    (codes.NETWORK, network.LOCAL),
)
"""What is seen on this machine alone. A new check is a function in its family, and a word in that family's `CHECKS`."""
REMOTE: tuple[tuple[str, tuple[Check, ...]], ...] = ((ASKING, network.CHECKS),)
"""What asks a provider; `--offline` leaves it out."""
_AGAIN = frozenset({"unsafe_file"})
"""What a store says of a file that the families before have said more of."""
_ROUNDS = 4
"""What is mended may show what it hid; so often at most is looked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What `--fix` did about a finding, or why it did not."""

    finding: Finding
    done: str = ""
    failed: AuthError | None = None


def examine(patient: Patient, *, offline: bool, tell: Callable[[str], None]) -> Iterator[Finding]:
    """Yield what is wrong and what is worth knowing. A check that cannot look says why, and keeps no other from it.

    `tell` hears which family is looked at next.
    """
    seen: set[tuple[str, str, str]] = set()
    named: set[str] = set()
    for family, checks in LOCAL if offline else (*LOCAL, *REMOTE):
        tell(family)
        for check in checks:
            for found in _looked(check, patient):
                if (found.code, found.subject, found.what) in seen or (found.code in _AGAIN and found.subject in named):
                    continue  # two checks met the same trouble
                seen.add((found.code, found.subject, found.what))
                named.add(found.subject)
                yield found


def treat(look: Callable[[], list[Finding]], may: Callable[[Finding], bool]) -> list[Mended]:
    """Mend what is safe, and what `may` says yes to; return that first, then what is left.

    What was mended may have hidden something, or have been its cause, so it is looked again after it.
    """
    tried: dict[tuple[str, str], Mended] = {}
    found = look()
    for _ in range(_ROUNDS):
        fresh = {_key(each): each for each in found if each.mend is not None and _key(each) not in tried}
        for key, each in fresh.items():
            tried[key] = _mend(each) if not each.ask or may(each) else Mended(finding=each)
        if not any(tried[key].done for key in fresh):
            break
        found = look()
    done = [each for each in tried.values() if each.done]
    left = [tried.get(_key(each), Mended(finding=each)) for each in found]
    return [*done, *(Mended(finding=each.finding, failed=each.failed) for each in left)]


def _mend(found: Finding) -> Mended:
    try:
        return Mended(finding=found, done=found.mend() if found.mend else "")
    except AuthError as error:
        return Mended(finding=found, failed=error)
    except OSError as error:
        return Mended(finding=found, failed=StoreNotDurable(path=found.subject, problem=words(error)))


def _key(found: Finding) -> tuple[str, str]:
    return found.code, found.subject


def _looked(check: Check, patient: Patient) -> Iterator[Finding]:
    try:
        yield from check(patient)
    except AuthError as error:
        yield of_error(error)
