"""The programs around us: whose `codex-auth` is on PATH, which Codex and OpenClaw, and what they left behind."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import partial
from importlib import metadata

from codex_auth import __version__
from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.core.text import printable
from codex_auth.edge.trouble import typed
from codex_auth.neighbours import commands, leftovers
from codex_auth.neighbours.codex import chosen_home, keeping
from codex_auth.neighbours.openclaw import NEWEST_TRIED, installation
from codex_auth.neighbours.openclaw_homes import homes

OLDEST_CODEX, NEWEST_CODEX = (0, 163), (0, 169)
"""The releases of Codex that the tests were run with: of its SDK, and of the program."""
STAGED = "/tmp/openclaw"  # noqa: S108 - OpenClaw's own fixed path
_LIBRARY = re.compile(r"[A-Za-z0-9][\w.-]*")
_PIPX = "`pipx install codex-auth-profiles`"


def names(patient: Patient) -> Iterator[Finding]:
    """Find another program of our name on PATH: unrelated ones have it on both indexes, and answer to other words."""
    found = commands.on_path(commands.OURS, patient.world.env)
    for path in found:
        if not commands.is_ours(path):
            first = found[0] == path
            yield Finding(
                code="name_taken_on_path" if first else "name_twice_on_path",
                what=f"{path} is another program called codex-auth{', and comes first on PATH' if first else ''}.",
                todo=f"Uninstall it ({_uninstall(path)}), or call ours by its whole path.",
                subject=path,
            )
    if not found:
        yield Finding(
            code="not_on_path",
            what="No codex-auth is on PATH.",
            todo=f"Run `pipx ensurepath`, or install it with {_PIPX}.",
        )


def own_programs(patient: Patient) -> Iterator[Finding]:
    """Find commands of ours that do not start, and two versions beside each other."""
    ours = [path for path in commands.on_path(commands.OURS, patient.world.env) if commands.is_ours(path)]
    releases: dict[str, str] = {}
    for path in ours:
        python = commands.interpreter(path)
        if python and not os.path.exists(python):
            yield Finding(
                code="interpreter_gone",
                what=f"{path} is run by {python}, which is not there.",
                todo="Run `pipx reinstall codex-auth-profiles` (or `uv tool upgrade --reinstall codex-auth-profiles`).",
                subject=path,
            )
        releases.setdefault(commands.release_of_ours(path) or __version__, path)
    if len(releases) > 1:
        said = " and ".join(f"{path} ({release})" for release, path in releases.items())
        yield Finding(
            code="versions_on_path",
            what=f"Two versions of codex-auth are on PATH: {said}; this is {__version__}.",
            todo="Uninstall one, with what installed it: `pipx uninstall codex-auth-profiles`, or `pip uninstall`.",
            subject=", ".join(releases.values()),
        )


def libraries(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 - every check's words
    """Find libraries that this installation needs and does not have; nothing where it came without package data."""
    try:
        needed = metadata.requires(commands.DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return
    for name in (_LIBRARY.match(each) for each in needed if ";" not in each):
        if name is not None and not _is_installed(name[0]):
            yield Finding(
                code="library_missing",
                what=f"The library {name[0]}, which codex-auth needs, is not installed beside it.",
                todo="Run `pipx reinstall codex-auth-profiles`, or `pip install --force-reinstall`.",
                subject=name[0],
            )


def codex(patient: Patient) -> Iterator[Finding]:
    """Find a Codex that is too old, newer than those we know, not known at all, another program, or there twice."""
    found = commands.codexes(patient.world.env)
    if not found:
        return
    first = found[0]
    update = "Run `npm install -g @openai/codex@latest`."
    release, tried = printable(first.release), f"{_dotted(OLDEST_CODEX)} to {_dotted(NEWEST_CODEX)}"
    if first.is_another:
        code, what = "codex_is_another", f"{first.path} is another program called codex, and comes first on PATH."
        todo = "Install Codex with `npm install -g @openai/codex`, and put its folder first on PATH."
    elif first.version is None:
        code, what = "codex_unknown", f"The release of {first.path} cannot be told without running it."
        todo = f"See that `codex --version` says {tried}."
    elif first.version < OLDEST_CODEX:
        code, what, todo = "codex_too_old", f"Codex {release} ({first.path}) is older than {tried}.", update
    elif first.version[:2] > NEWEST_CODEX:
        code, what = "codex_newer", f"Codex {release} ({first.path}) is newer than those tried here ({tried})."
        todo = "Run `codex-auth doctor` again after the next `codex-auth deliver codex`, which is verified."
    else:
        code = what = todo = ""
    if code:
        yield Finding(code=code, what=what, todo=todo, subject=first.path)
    if len(found) > 1:
        said = ", then ".join(_named(each) for each in found)
        yield Finding(
            code="codex_twice_on_path",
            what=f"{len(found)} programs called codex are on PATH: {said}.",
            todo="The first one counts; uninstall the others, or put the one you mean first.",
            subject=", ".join(each.path for each in found),
        )


def codex_configuration(patient: Patient) -> Iterator[Finding]:
    """Find a Codex configuration that cannot be read, or that has a command in it which is not there."""
    home = chosen_home(patient.world.env)
    try:
        with open(home.config, "rb") as file:
            table = tomllib.load(file)
        keeping(home)
    except FileNotFoundError:
        return
    except AuthError as error:
        yield of_error(error, subject=home.config)
        return
    except (OSError, ValueError, RecursionError):
        yield Finding(
            code="codex_config_damaged",
            what=f"{home.config} cannot be read, or is not valid TOML; Codex does not start with it.",
            todo="Correct it, or move it away.",
            subject=home.config,
        )
        return
    yield from _commands_gone(table, home.config)


def openclaw(patient: Patient) -> Iterator[Finding]:
    """Find an OpenClaw whose release is too old, too new or not known, that cannot be run, or that is there twice."""
    env = patient.world.env
    programs, installed = commands.on_path("openclaw", env), installation(env)
    if programs and (installed is None or installed.version is None):
        yield Finding(
            code="openclaw_unreadable",
            what=f"{programs[0]} is on PATH, and its package cannot be found or does not say its release.",
            todo="Run `npm install -g openclaw@latest`.",
            subject=programs[0],
        )
    elif installed is not None and installed.version is not None:
        release = printable(installed.release)
        if not installed.has_sdk:
            yield Finding(
                code="openclaw_too_old",
                what=f"OpenClaw {release} ({installed.program}) has no functions for delivering to it.",
                todo="Update it with `openclaw update`.",
                subject=installed.program,
            )
        if installed.version > NEWEST_TRIED:
            yield Finding(
                code="openclaw_newer",
                what=f"OpenClaw {release} ({installed.program}) is newer than {_dotted(NEWEST_TRIED)}, the last tried.",
                todo="Nothing has to be done; `codex-auth deliver openclaw` verifies what it delivers.",
                subject=installed.program,
            )
        if not installed.nodes:
            yield Finding(
                code="openclaw_node_missing",
                what=f"No Node is found that could run {installed.program}.",
                todo="Put the folder of `node` on PATH, and run `codex-auth doctor` again.",
                subject=installed.program,
            )
    if len(programs) > 1:
        yield Finding(
            code="openclaw_twice_on_path",
            what=f"{len(programs)} programs called openclaw are on PATH: {', then '.join(programs)}.",
            todo="The first one counts; uninstall the others, or put the one you mean first.",
            subject=", ".join(programs),
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
    for each in leftovers.find(homes(patient.world.env, installation(patient.world.env)), temporary=STAGED):
        is_open = each.is_open_to_others
        yield Finding(
            code="leftover_open" if is_open else "leftover",
            what=f"{each.path} was left by {each.source}.",
            todo="Run `codex-auth leftovers --remove`.",
            subject=each.path,
            mend=partial(_close if is_open else _remove, each),
            ask="" if is_open else "Remove it?",
        )


def _commands_gone(table: Mapping[str, object], config: str) -> Iterator[Finding]:
    """Yield model providers whose tokens come from a command of ours that is not there."""
    providers = table.get("model_providers")
    for name, provider in providers.items() if isinstance(providers, dict) else ():
        auth = provider.get("auth") if isinstance(provider, dict) else None
        command = auth.get("command") if isinstance(auth, dict) else None
        if isinstance(command, str) and os.path.isabs(command) and not os.path.exists(command):
            yield Finding(
                code="codex_command_gone",
                what=f"The model provider {printable(name)} in {config} has its token from {printable(command)}, "
                "which is not there.",
                todo=f"Run `codex-auth deliver codex NAME --provider-id {typed(printable(name))}` again.",
                subject=printable(name),
            )


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _named(program: commands.CodexProgram) -> str:
    return f"{program.path} ({printable(program.release) or 'release unknown'})"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _uninstall(path: str) -> str:
    """Return how a program like this one is usually taken away."""
    real = os.path.realpath(path)
    return "`npm uninstall -g`" if f"{os.sep}node_modules{os.sep}" in real else "`pip uninstall codex-auth`"


def _close(each: leftovers.Leftover) -> str:
    os.chmod(each.path, 0o700 if os.path.isdir(each.path) else 0o600)
    return f"{each.path} can be opened by you alone now; `codex-auth leftovers --remove` removes it."


def _remove(each: leftovers.Leftover) -> str:
    leftovers.remove(each)
    return f"{each.path} is removed."


CHECKS = (names, own_programs, libraries, codex, codex_configuration, openclaw, openclaw_migration, left_behind)
