"""Whether what a program has is still what it was given, as far as that can be told without any token."""

from datetime import datetime, timedelta

SAME, GONE, OLDER, NEWER, OTHER = "same", "gone", "older", "newer", "other"
"""As it should be; nothing there; an older token than ours; a newer one; somebody else's, or another kind."""
_CLOSE = timedelta(seconds=90)
"""Ends this close to each other are of one token: ours is counted from the reply, the token's own from its making."""


def drift(
    *,
    kind: str,
    account: str,
    expires: datetime | None,
    wanted: str,
    our_account: str,
    our_expires: datetime | None,
) -> str:
    """Compare what is there (`kind`, empty if nothing) with what should be: `wanted` is `token` or `oauth`.

    A whole login is its owner's to renew, so only its account is compared.
    """
    if not kind:
        return GONE
    if kind != wanted or account != our_account:
        return OTHER
    if wanted != "token" or expires is None or our_expires is None or abs(expires - our_expires) < _CLOSE:
        return SAME
    return OLDER if expires < our_expires else NEWER
