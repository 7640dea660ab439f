"""Keys that are no sign-in: which kinds there are, and what a text must be to be one."""

import re

from codex_auth.core.card import PERSONAL_KEY, KeyNote
from codex_auth.core.key_errors import BadKey
from codex_auth.core.secret import Secret
from codex_auth.core.text import is_one_word

PLATFORM = "platform"
KINDS = {
    PLATFORM: "OPENAI_API_KEY",
    "admin": "OPENAI_ADMIN_KEY",
    "analytics": "OPENAI_API_KEY",
    "compliance": "OPENAI_API_KEY",
    PERSONAL_KEY: "CODEX_ACCESS_TOKEN",
    "glm": "GLM_API_KEY",
    "modelscope": "MODELSCOPE_API_KEY",
    "other": "OPENAI_API_KEY",
}
"""kind: the variable in which programs look for one.

Analytics and compliance keys are platform keys whose scope OpenAI narrowed; a personal token (`at-…`) stands for a
ChatGPT account, and Codex takes it from `CODEX_ACCESS_TOKEN` alone.
"""
LIMIT = 8192
"""Characters: the longest that we know, an agent identity, has about two thousand."""

_BEGINNINGS = {"at-": PERSONAL_KEY, "sk-admin-": "admin"}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_NOT_OURS = ("CODEX_AUTH_", "LD_", "DYLD_", "PATH", "HOME", "CODEX_HOME")


def read_key(text: str) -> Secret:
    """Return the key that was typed or piped, without what surrounds it. Raises `BadKey`, which repeats nothing."""
    key = text.strip()
    problem = ""
    if not key:
        problem = "nothing was given"
    elif len(key) > LIMIT:
        problem = f"it is longer than {LIMIT} characters"
    elif not is_one_word(key):
        problem = "it has spaces, line breaks or characters that no key has"
    if problem:
        raise BadKey(problem=problem)
    return Secret(key)


def kind_by(key_begins: str) -> str:
    """Return the kind that the first letters of a key tell; a platform key where they tell nothing."""
    return next((kind for begin, kind in _BEGINNINGS.items() if key_begins.startswith(begin)), PLATFORM)


def read_variable(name: str) -> str:
    """Return the name of an environment variable that a key may be put in; empty stays empty. Raises `BadKey`."""
    if name and (not _VARIABLE.fullmatch(name) or name.startswith(_NOT_OURS)):
        raise BadKey(problem="--env-key takes the name of a variable such as GLM_API_KEY, and none that means more")
    return name


def variables(note: KeyNote | None) -> tuple[str, ...]:
    """Return the variables in which a command finds a key.

    A platform key is also Codex's `CODEX_API_KEY`: Codex does not look at `OPENAI_API_KEY`, and would use the login
    that its home has instead of the key that was asked for.
    """
    if note is None:
        return "OPENAI_API_KEY", "CODEX_API_KEY"
    if note.env_key:
        return (note.env_key,)
    usual = KINDS.get(note.kind, "OPENAI_API_KEY")
    return (usual, "CODEX_API_KEY") if note.kind == PLATFORM else (usual,)
