"""The programs around us: whose `codex-auth` is on PATH, Codex, OpenClaw."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial

from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.neighbours import leftovers
from codex_auth.neighbours.codex import chosen_home, keeping
from codex_auth.neighbours.openclaw import installation
from codex_auth.neighbours.openclaw_homes import homes

_STAGED = "/tmp/openclaw"  # noqa: S108 - OpenClaw's own fixed path
_READ = 4096


def names(patient: Patient) -> Iterator[Finding]:
    """Find another program of our name on PATH: an unrelated one has it on the index, and it answers to other words."""
    found = list(_on_path("codex-auth", patient.world.env))
    strangers = [path for path in found if not _is_ours(path)]
    for path in strangers:
        first = found[0] == path
        yield Finding(
            code="name_taken_on_path" if first else "name_twice_on_path",
            what=f"{path} is another program called codex-auth{', and comes first on PATH' if first else ''}.",
            todo="Uninstall it, or call ours by its whole path.",
            subject=path,
        )


def codex_configuration(patient: Patient) -> Iterator[Finding]:
    """Find a Codex configuration that cannot be read: it is then not known where Codex keeps its login."""
    home = chosen_home(patient.world.env)
    try:
        with open(home.config, "rb") as file:
            tomllib.load(file)
        keeping(home)
    except FileNotFoundError:
        return
    except AuthError as error:
        yield of_error(error, subject=home.config)
    except (OSError, ValueError, RecursionError):
        yield Finding(
            code="codex_config_damaged",
            what=f"{home.config} cannot be read, or is not valid TOML; Codex does not start with it.",
            todo="Correct it, or move it away.",
            subject=home.config,
        )


def openclaw_migration(patient: Patient) -> Iterator[Finding]:
    """Find files that stop an OpenClaw of the SQLite era until it has migrated them."""
    for home in homes(patient.world.env, installation(patient.world.env)):
        for path in home.leftover_files:
            yield Finding(
                code="openclaw_migration",
                what=f"{path} stops OpenClaw until it has migrated it.",
                todo="Stop the gateway and run `openclaw doctor --fix`; it may change more than this.",
                subject=path,
            )


def left_behind(patient: Patient) -> Iterator[Finding]:
    """Find old copies of credentials that nobody reads."""
    for each in leftovers.find(homes(patient.world.env, installation(patient.world.env)), temporary=_STAGED):
        yield Finding(
            code="leftover_open" if each.is_open_to_others else "leftover",
            what=f"{each.path} was left by {each.source}, and may hold tokens.",
            todo="Run `codex-auth leftovers --remove`.",
            subject=each.path,
            mend=partial(_close, each) if each.is_open_to_others else None,
        )


def _close(each: leftovers.Leftover) -> str:
    os.chmod(each.path, 0o700 if os.path.isdir(each.path) else 0o600)
    return f"{each.path} can be opened by you alone now; `codex-auth leftovers --remove` removes it."


def _on_path(name: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield the programs of this name, in the order of PATH, each once however it is linked."""
    seen: set[str] = set()
    for folder in env.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder, name)
        real = os.path.realpath(path)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path) and real not in seen:
            seen.add(real)
            yield path


def _is_ours(path: str) -> bool:
    """Whether a script starts this package. One that cannot be read is nobody's that we know."""
    try:
        with open(path, "rb") as file:
            return b"codex_auth" in file.read(_READ)
    except OSError:
        return False


CHECKS = (names, codex_configuration, openclaw_migration, left_behind)
