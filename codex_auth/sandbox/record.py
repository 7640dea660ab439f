"""What was asked of the sandbox and how it ended, without a single secret.

Tests count requests with it; people see why a login died. Tokens and codes appear as fingerprints only, query strings
not at all.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

_SECRET = ("refresh_token", "token", "code", "subject_token", "device_code", "device_auth_id")
_PLAIN = ("grant_type", "client_id", "refresh_reason", "token_type_hint", "redirect_uri")


def fingerprint(secret: str) -> str:
    """Return twelve hex digits that tell secrets apart and give none away."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request: where it went, which parameters it named, and the outcome (`ok` or an error code)."""

    at: float
    method: str
    path: str
    route: str
    content_type: str
    fields: tuple[str, ...]
    plain: dict[str, str]
    fingerprints: dict[str, str]
    account_header: str
    status: int
    outcome: str
    fault: str

    @property
    def grant_type(self) -> str:
        """Return the grant type of a token request, else an empty string."""
        return self.plain.get("grant_type", "")


def describe(said: Mapping[str, str], bearer: str) -> tuple[dict[str, str], dict[str, str]]:
    """Split parameters into those that may be shown and the fingerprints of those that may not."""
    plain = {name: said[name] for name in _PLAIN if name in said}
    secret = {name: said[name] for name in _SECRET if name in said} | ({"bearer": bearer} if bearer else {})
    return plain, {name: fingerprint(value) for name, value in secret.items()}


@dataclass(slots=True)
class Record:
    """The requests of one sandbox, oldest first."""

    _entries: list[Entry] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, entry: Entry) -> None:
        """Keep an entry."""
        with self._lock:
            self._entries.append(entry)

    def entries(self, route: str = "", grant_type: str = "") -> list[Entry]:
        """Return the entries so far, all or those of one route or grant type."""
        with self._lock:
            return [
                entry for entry in self._entries if route in ("", entry.route) and grant_type in ("", entry.grant_type)
            ]

    def as_json(self) -> list[dict[str, object]]:
        """Return the entries as plain data, the grant type beside them."""
        return [asdict(entry) | {"grant_type": entry.grant_type} for entry in self.entries()]
