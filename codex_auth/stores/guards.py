"""What every store does alike: whose lock a profile has, and whom a save may replace."""

import os
from contextlib import AbstractContextManager

from codex_auth.core.card import Identity
from codex_auth.core.errors import IdentityMismatch, ProfileNotFound
from codex_auth.core.text import mask_account


def hold_profile(locks: str, profile: str, timeout: float) -> AbstractContextManager[None]:
    """Hold a profile, whatever store it is kept in. Raises `LockBusy` after `timeout` seconds."""
    from codex_auth.edge.locks import hold

    path = os.path.join(locks, f"profile-{profile}.lock")
    return hold(path, timeout=timeout, what=f"The profile {profile}", verb="sign-in", rank="profile")


def check_expected(profile: str, held: Identity | None, expecting: Identity | None) -> None:
    """Refuse to save over another account than the caller read, or over none.

    Raises `IdentityMismatch` and `ProfileNotFound`; a caller that expects nothing is never refused.
    """
    if expecting is None:
        return
    if held is None:
        raise ProfileNotFound(profile=profile)
    if not held.is_same_account(expecting):
        raise IdentityMismatch(
            profile=profile, found=mask_account(held.account_id), expected=mask_account(expecting.account_id)
        )
