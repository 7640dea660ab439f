"""What was last said of each login's usage, for a minute: who asks again sooner gets the same answer.

The file holds no secret; the account, which tells a login from the one that took its profile over, is there only as
a digest. Whatever is wrong with the file, nothing was said.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from codex_auth.core.card import Identity
from codex_auth.core.errors import AuthError
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.usage import Usage, read_usage, write_usage
from codex_auth.edge import files
from codex_auth.edge.locks import hold
from codex_auth.edge.places import Places

KEPT = timedelta(minutes=1)

_LIMIT = 16 * 1024 * 1024
_VERSION = 1
_LOCK_SECONDS = 1.0
"""What an answer that is only kept to save a request may wait for."""

Said = Mapping[tuple[str, str], Usage]
"""By profile and `account_key`."""


def account_key(identity: Identity) -> str:
    """Return what an account is known by here."""
    parts = json.dumps([identity.issuer, identity.account_id, identity.user_id or identity.subject])
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def read(places: Places, now: datetime) -> Said:
    """Return what was said within the last minute."""
    said: dict[tuple[str, str], Usage] = {}
    for profile, row in _rows(places).items():
        with contextlib.suppress(*_DAMAGED):
            asked_at = datetime.fromisoformat(row["asked_at"])
            if timedelta() <= now - asked_at < KEPT:
                said[profile, str(row["account"])] = read_usage(row["usage"], asked_at=asked_at, host="")
    return said


def remember(places: Places, found: Said, now: datetime) -> None:
    """Keep these answers beside those that are not old yet; where that cannot be, they are asked for again."""
    with contextlib.suppress(AuthError), _held(places):
        said = {**read(places, now), **found}
        rows = {
            profile: {"account": account, "asked_at": usage.asked_at.isoformat(), "usage": write_usage(usage)}
            for (profile, account), usage in said.items()
        }
        files.private_folder(os.path.dirname(places.usages))
        files.sweep(places.usages)
        text = json.dumps({"schema_version": _VERSION, "profiles": rows}, indent=2) + "\n"
        files.replace(places.usages, [text.encode()])


_DAMAGED = (AuthError, JsonDamaged, AttributeError, KeyError, TypeError, ValueError)


def _held(places: Places) -> contextlib.AbstractContextManager[None]:
    path = os.path.join(places.locks, "usage.lock")
    return hold(path, timeout=_LOCK_SECONDS, what="What is known of the usage", verb="usage", rank="usage")


def _rows(places: Places) -> dict[str, Any]:
    with contextlib.suppress(*_DAMAGED):
        data = files.read_private(places.usages, limit=_LIMIT)
        document = {} if data is None else read_object(data)
        rows = document.get("profiles") if document.get("schema_version") == _VERSION else None
        return dict(rows) if isinstance(rows, dict) else {}
    return {}
