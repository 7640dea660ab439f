"""Damaged stores that were moved aside, whole: kept so that nothing is lost, and so they may hold tokens."""

import glob
from collections.abc import Iterable

from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import StoreError
from codex_auth.edge import files

_BLOT = b"x"


def damaged_beside(path: str) -> list[str]:
    """Return what was moved aside from this path (`edge.files.quarantine`)."""
    return sorted(glob.glob(f"{glob.escape(path)}.damaged-*"))


def blot_out(path: str, secrets: Iterable[Secret | None]) -> list[str]:
    """Cross these secrets out in what was moved aside from `path`; the rest of each file stays, byte for byte.

    Returns the files that were changed. One that cannot be read or written stays as it is: it may be a stranger's.
    """
    texts = [secret.reveal().encode("utf-8", "surrogatepass") for secret in secrets if secret is not None]
    return [kept for kept in damaged_beside(path) if _blotted(kept, [text for text in texts if text])]


def _blotted(path: str, texts: list[bytes]) -> bool:
    try:
        before = after = files.read_private(path) or b""
        for text in texts:
            after = after.replace(text, _BLOT * len(text))
        if after != before:
            files.replace(path, [after])
    except StoreError:
        return False
    return after != before
