"""The JSON form of `token`: schema_version, token, expires_at, account_id."""

import json
from datetime import UTC, datetime

from codex_auth.views.document import SCHEMA_VERSION


def document(token: str, expires: float | None, account_id: object) -> str:
    """Return the document; `expires` is in Unix seconds, None for what never ends."""
    moment = None if expires is None else datetime.fromtimestamp(expires, UTC).isoformat(timespec="seconds")
    return json.dumps(
        {
            "ok": True,
            "schema_version": SCHEMA_VERSION,
            "token": token,
            "expires_at": moment and moment.replace("+00:00", "Z"),
            "account_id": account_id,
        }
    )
