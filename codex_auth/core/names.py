"""Profile names, and the ids OpenClaw knows them by."""

import re

from codex_auth.core.errors import BadProfileName

DEFAULT = "default"
LEGACY_PREFIX = "openai-codex:"
"""What OpenClaw up to 2026.5.28 calls the provider, and what our own file uses."""
CURRENT_PREFIX = "openai:"
"""What OpenClaw calls it since 2026.5.30."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


def read_name(selector: str) -> str:
    """Return the profile name a selector means: `work`, `openai-codex:work` and `openai:work` are one.

    Raises `BadProfileName` for anything that is not a name of 1 to 64 lower-case letters, digits and `._@+-`
    (capitals are accepted and lowered; names are compared without case).
    """
    name = selector.strip(" ").lower()
    for prefix in (LEGACY_PREFIX, CURRENT_PREFIX):
        name = name.removeprefix(prefix)
    if not _NAME.fullmatch(name) or ".." in name:
        raise BadProfileName
    return name


def name_of_id(profile_id: str) -> str | None:
    """Return the name inside a Codex profile id, or None for another provider's id or an odd one."""
    for prefix in (LEGACY_PREFIX, CURRENT_PREFIX):
        if profile_id.startswith(prefix):
            name = profile_id.removeprefix(prefix).lower()
            return name if _NAME.fullmatch(name) and ".." not in name else None
    return None
