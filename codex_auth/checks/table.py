"""All checks, in the order in which their findings are told; and doing them."""

from collections.abc import Iterator
from dataclasses import dataclass

from codex_auth.checks import folders, keeping, logins, network, programs, stores, targets
from codex_auth.checks.finding import Check, Finding, Patient, of_error
from codex_auth.core.errors import AuthError

LOCAL: tuple[Check, ...] = (
    *folders.CHECKS,
    *stores.CHECKS,
    *logins.CHECKS,
    *targets.CHECKS,
    *keeping.CHECKS,
    *programs.CHECKS,
    *network.LOCAL,
)
"""What is seen on this machine alone. A new check is a function in its family, and a word in that family's `CHECKS`."""
REMOTE: tuple[Check, ...] = network.CHECKS
"""What asks a provider; `--offline` leaves it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What `--fix` did about a finding, or why it could not."""

    finding: Finding
    done: str = ""
    failed: AuthError | None = None


def examine(patient: Patient, *, offline: bool) -> Iterator[Finding]:
    """Yield everything that is wrong. A check that cannot look says why, and keeps no other from looking."""
    seen: set[tuple[str, str, str]] = set()
    for check in LOCAL if offline else (*LOCAL, *REMOTE):
        for found in _looked(check, patient):
            if (found.code, found.subject, found.what) not in seen:  # two checks may meet the same trouble
                seen.add((found.code, found.subject, found.what))
                yield found


def mend(found: Finding) -> Mended:
    """Mend what is safe to mend."""
    if found.mend is None:
        return Mended(finding=found)
    try:
        return Mended(finding=found, done=found.mend())
    except AuthError as error:
        return Mended(finding=found, failed=error)


def _looked(check: Check, patient: Patient) -> Iterator[Finding]:
    try:
        yield from check(patient)
    except AuthError as error:
        yield of_error(error)
