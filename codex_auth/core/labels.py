"""What a person calls a login in their own words, and what may not be written there."""

import re
import unicodedata

from codex_auth.core.profile_errors import BadLabel

LONGEST = 80
"""Characters: one line of a list."""

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BEGINS = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-|at-|rt[-_.]|ac_|eyJ|gh[opusr]_|github_pat_|Bearer\s+)[A-Za-z0-9._-]{8,}", re.IGNORECASE
)
"""How keys, tokens and codes of OpenAI and others begin."""
_IN_ADDRESS = re.compile(r"(?:code|state|token|key|secret|password)=\S", re.IGNORECASE)
_RUN = re.compile(r"[A-Za-z0-9+/_=]{20,}")
"""What nobody types: longer than the words of any language, with digits among the letters."""


def read_label(text: str) -> str:
    """Return a label without the space around it; empty for none.

    A label is shown wherever profiles are, so what looks like a secret is refused, and so is what would not be seen
    or would be obeyed by a terminal. Raises `BadLabel`, which repeats nothing.
    """
    label = text.strip()
    if any(unicodedata.category(character) in _UNSEEN for character in label):
        raise BadLabel(problem="it has line breaks, control characters or characters that cannot be seen")
    if len(label) > LONGEST:
        raise BadLabel(problem=f"it is longer than {LONGEST} characters")
    if _looks_secret(label):
        raise BadLabel(problem="it looks like a token, a key or a password, and a label is shown to everybody")
    return label


def _looks_secret(text: str) -> bool:
    mixed = (run for run in _RUN.findall(text) if re.search(r"\d", run) and re.search(r"[A-Za-z]", run))
    return bool(_BEGINS.search(text) or _IN_ADDRESS.search(text)) or next(mixed, None) is not None
