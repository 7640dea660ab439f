"""What was set: rules, variables, the configuration file, and the commands it names."""

import os
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError, PolicyUnusable
from codex_auth.core.settings import SETTINGS
from codex_auth.core.text import printable
from codex_auth.stories.status import policy_of

VARIABLES = ("CODEX_AUTH_STATE_DIR", *(each.variable for each in SETTINGS.values() if each.variable))
"""Every variable of ours that is a setting."""
KEYS = (*SETTINGS, "policy")
_GIVEN = ("CODEX_AUTH_TOKEN", "CODEX_AUTH_EXPIRES_AT", "CODEX_AUTH_ACCOUNT_ID")
"""What `run` tells a command; below it they are there, and mean no setting."""
_BEFORE_A_LOGIN = ("CODEX_ACCESS_TOKEN", "CODEX_API_KEY")
"""What Codex 0.169 takes before it looks at any login. `OPENAI_API_KEY` it does not, and most people have that one."""
_LIMIT = 256 * 1024


def rules(patient: Patient) -> Iterator[Finding]:
    """Find rules that are in force."""
    try:
        policy = policy_of(patient.places, patient.world)
    except PolicyUnusable as error:
        yield of_error(error)
        return
    found = () if policy is None else policy.rules
    if found:
        said = ", ".join(sorted({rule.what for rule in found}))
        places = ", ".join(dict.fromkeys(printable(rule.source, limit=200) for rule in found))
        yield Finding(
            code="policy_in_force",
            what=f"Rules are in force about {said} ({places}).",
            todo="Run `codex-auth status --why` to see each.",
        )


def unknown(patient: Patient) -> Iterator[Finding]:
    """Find settings whose names mean nothing; their values are not looked at."""
    for name in sorted(patient.world.env):
        if name.startswith("CODEX_AUTH_") and name not in {*VARIABLES, *_GIVEN}:
            yield _unknown(f"The variable {printable(name)}", name, VARIABLES)
    for key in _keys(patient.places.config_file):
        if key not in KEYS:
            yield _unknown(f"{printable(key)} in {patient.places.config_file}", key, KEYS)


def unusable(patient: Patient) -> Iterator[Finding]:
    """Find settings in the file whose values are none; they are not shown."""
    for name, setting in SETTINGS.items():
        value = getattr(patient.places.config, name)
        for each in [value] if isinstance(value, str | int) else value or ():
            try:
                if each != "":
                    setting.check(str(each))
            except (AuthError, ValueError) as error:
                yield Finding(
                    code="setting_unusable",
                    what=f"{name} in {patient.places.config_file} cannot be used: {str(error).rstrip('.')}.",
                    todo=f"Run `codex-auth config set {name} VALUE`, or `codex-auth config unset {name}`.",
                    subject=name,
                )
                break


def commands(patient: Patient) -> Iterator[Finding]:
    """Find commands in the settings that cannot be run. They are not shown: people put keys into commands."""
    env, config = patient.world.env, patient.places.config
    hook = env.get("CODEX_AUTH_HOOK", "")
    for text, code, name in (
        (hook or config.hook, "hook_gone", "CODEX_AUTH_HOOK" if hook else "hook"),
        (config.passphrase_command, "passphrase_command_gone", "passphrase_command"),
    ):
        if text and not _can_run(text, env.get("PATH", os.defpath)):
            yield Finding(
                code=code,
                what=f"What {name} names is not a command that can be run from here.",
                todo=f"Correct {name}: a program on PATH, or one by its absolute path, and its words.",
                subject=name,
            )


def tokens(patient: Patient) -> Iterator[Finding]:
    """Find variables that hold a token or key which Codex takes before any login; their values are not looked at."""
    for name in _BEFORE_A_LOGIN:
        if patient.world.env.get(name):
            yield Finding(
                code="token_in_environment",
                what=f"{name} is set: a Codex started from here uses that, and no login.",
                todo=f"Run `unset {name}`, or start Codex with `codex-auth run NAME -- codex`.",
                subject=name,
            )


def _unknown(spoken: str, name: str, known: tuple[str, ...]) -> Finding:
    near = get_close_matches(name, known, n=1)
    return Finding(
        code="setting_unknown",
        what=f"{spoken} means nothing.",
        todo=f"Did you mean {near[0]}? Correct its name." if near else "Correct its name, or take it away.",
        subject=printable(name),
    )


def _keys(path: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            return list(tomllib.loads(file.read(_LIMIT).decode()))
    except (OSError, ValueError, RecursionError):  # opening it said so already
        return []


def _can_run(text: str, path: str) -> bool:
    try:
        words = shlex.split(text)
    except ValueError:
        return False
    return bool(words) and shutil.which(words[0], path=path) is not None


CHECKS = (rules, unknown, unusable, commands, tokens)
