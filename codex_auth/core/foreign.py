"""The refresh tokens in files that other programs keep. Whatever such a file holds, reading it never fails."""

from collections.abc import Iterator

from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.secret import Secret

FENCE = "openclaw-oauth-refresh-fence:"
"""What OpenClaw 2026.9.4+ writes over tokens while it refreshes them, and leaves there when that fails."""

Held = tuple[str, Secret]
"""An account id, empty where the file does not say it, and its refresh token."""


def codex_tokens(document: bytes) -> list[Held]:
    """Return the refresh token in the `auth.json` of a Codex home, if it holds one.

    A file with an API key or with access only (`chatgptAuthTokens`, an empty refresh token) holds none.
    """
    tokens = _members(document).get("tokens")
    return list(_held(tokens, account="account_id", refresh="refresh_token"))


def profile_tokens(document: bytes) -> list[Held]:
    """Return the refresh tokens in an `auth-profiles.json`, of whatever provider; a refresh fence is none."""
    profiles = _members(document).get("profiles")
    entries = profiles.values() if isinstance(profiles, dict) else ()
    return [held for entry in entries for held in _held(entry, account="accountId", refresh="refresh")]


def _members(document: bytes) -> dict[str, object]:
    try:
        return read_object(document)
    except JsonDamaged:
        return {}


def _held(value: object, *, account: str, refresh: str) -> Iterator[Held]:
    if isinstance(value, dict):
        token, whose = value.get(refresh), value.get(account)
        if isinstance(token, str) and token and not token.startswith(FENCE):
            yield whose if isinstance(whose, str) else "", Secret(token)
