"""The archive of `doctor --bundle`: what a report of a bug needs to know of a machine, and nothing of its people.

1. It is put together from facts that are no secret: what `doctor` and `status` say, names and sizes of files; no value
   of a variable and no text of a configuration is taken over, but the few named here.
2. Accounts and e-mail addresses get names of this archive, the home folder is `~`.
3. Whatever looks like a token all the same is taken out of every text (`core.scrub`).
"""

import json
import os
import platform
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from codex_auth import __version__
from codex_auth.checks.finding import Patient
from codex_auth.checks.table import Mended
from codex_auth.core.errors import AuthError
from codex_auth.core.scrub import Scrub
from codex_auth.edge import timers, where
from codex_auth.edge.archive import write_archive
from codex_auth.edge.folders import is_ours, my_uid
from codex_auth.edge.places import Places, pending_path
from codex_auth.neighbours.commands import DISTRIBUTION, codexes, on_path
from codex_auth.neighbours.openclaw import installation
from codex_auth.notes.queue import Request, history
from codex_auth.notes.rounds import read_last
from codex_auth.views import show as words
from codex_auth.views import why
from codex_auth.views.diagnosis import lines, row
from codex_auth.views.report import document

FOLDER = "codex-auth-report"
HERE = "."
"""What `--bundle` without a file means: the working folder."""
_LIBRARIES = ("authlib", "click", "cryptography", "filelock", "joserfc", "keyring", "rich", "segno", "tomlkit")
_SAID = ("store", "vault_key", "callback_port")
"""The settings whose values are words of ours or numbers; of all others only the names are told."""
_NAMED = ("CODEX", "OPENAI", "OPENCLAW", "XDG_", "SSL_", "BROWSER", "DISPLAY", "WAYLAND", "SSH_", "WSL_", "DBUS_", "CI")
_NAMED_TOO = ("PROXY", "HOME", "PATH", "LANG", "LC_ALL", "TERM", "NO_COLOR", "container")
_ROUND_OF = 200
"""So many files of a folder are listed at most."""


def write_bundle(asked: str, results: Sequence[Mended], patient: Patient, *, as_json: bool) -> str:
    """Write the archive, say where it is and what is in it, and return where.

    Raises `FileInTheWay` and `StoreNotDurable`.
    """
    world = patient.world
    stamp = world.now().strftime("%Y%m%dT%H%M%SZ")
    path = os.path.abspath(os.path.expanduser(asked))
    if os.path.isdir(path):
        path = os.path.join(path, f"{FOLDER}-{stamp}.zip")
    texts = contents(results, patient)
    write_archive(path, FOLDER, texts)
    if not as_json:
        world.tell(f"Written: {path}")
        for name, said in _FILES.items():
            world.tell(f"  {name:14} {said}")
        world.tell("No token, account id or e-mail address is in it; read it before you send it.")
    return path


def contents(results: Sequence[Mended], patient: Patient) -> dict[str, str]:
    """Return the texts of the archive by name."""
    scrub, places, world = _scrub(patient), patient.places, patient.world
    facts: dict[str, object] = {
        "versions.json": _versions(patient),
        "findings.json": [row(each) for each in results],
        "status.json": _status(patient, scrub),
        "queue.json": [_request(each) for each in [*patient.report.queue, *_past(places)]],
        "rounds.json": _rounds(patient),
        "settings.json": _settings(patient),
        "files.json": list(_files(places)),
    }
    about = "\n".join(f"{name:14} {said}" for name, said in _FILES.items())
    made = f"{FOLDER}: made by codex-auth {__version__} at {words.stamp(world.now())}.\n\n{about}\n\n{_PROMISE}\n"
    found = "".join("".join(text for text, _ in line) + "\n" for line in lines(results))
    texts = {"README.txt": made, "findings.txt": scrub.text(found or "Nothing is wrong.\n")}
    for name, each in facts.items():
        texts[name] = json.dumps(scrub.document(each), indent=2, ensure_ascii=False) + "\n"
    return texts


_FILES = {
    "README.txt": "this list",
    "findings.txt": "what doctor says",
    "findings.json": "the same for programs",
    "versions.json": "codex-auth, its libraries, Python, the system, Codex and OpenClaw",
    "status.json": "status --why: profiles, places, rules, the way to the provider",
    "queue.json": "what is to be applied, and how the last requests ended",
    "rounds.json": "the timer and its last round",
    "settings.json": "names of settings and variables, without their values",
    "files.json": "names, modes and sizes of our files",
}
_PROMISE = (
    "It is made of what doctor and status say, and of names. Accounts and e-mail addresses are replaced by names that\n"
    "mean something in this archive only (account-1), the home folder by ~, what looks like a token by [removed]."
)


def _scrub(patient: Patient) -> Scrub:
    cards, home = patient.report.cards, where.home(patient.world.env)
    user = os.path.basename(home)
    identities = [card.identity for card in cards]
    return Scrub(
        home=home,
        accounts=[each for one in identities for each in (one.account_id, one.user_id, one.subject)],
        addresses=[one.email for one in identities],
        names=[user] if user not in _EVERYBODYS else [],
    )


_EVERYBODYS = {"", "root", "home", "user", "codex", "openclaw", "node", "ubuntu", "app", "work", "default", "auth"}
"""Names of home folders that tell nothing of anybody, and would be words of the report."""


def _versions(patient: Patient) -> dict[str, object]:
    env = patient.world.env
    openclaw = installation(env)
    return {
        "codex_auth": __version__,
        "installed": _release_of(DISTRIBUTION),
        "libraries": {name: _release_of(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": sys.platform,
        "machine": platform.machine(),
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "is_root": my_uid() == 0,
        "codex": [{"program": each.path, "release": each.release or None} for each in codexes(env)],
        "openclaw": openclaw and {"program": openclaw.program, "release": openclaw.release, "era": openclaw.era},
        "on_path": on_path("codex-auth", env),
    }


def _release_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _status(patient: Patient, scrub: Scrub) -> dict[str, object]:
    """Return what `status --json --why` says, with names in the place of accounts."""
    report, now = patient.report, patient.world.now()
    told = document(report, now, full=False)
    ids = {card.profile: scrub.account(card.identity.account_id) for card in report.cards}
    profiles = [
        {**each, "account_id": ids[str(each["profile"])], "email": bool(each["email"])}
        for each in _members(told["profiles"])
    ]
    waiting = [
        {**each, "requester": bool(each["requester"]), "verification_url": bool(each["verification_url"])}
        for each in _members(told["pending"])
    ]
    left_out = {"queue", "applied"}  # they stand in a file of their own
    reasons = why.facts(report, patient.places, patient.world, full=False)
    rules = [
        {**each, "allows": len(allowed) if isinstance(allowed := each["allows"], list) else 0}
        for each in _members(reasons["policy"])
    ]
    kept = {name: value for name, value in told.items() if name not in left_out}
    return {**kept, "profiles": profiles, "pending": waiting, **reasons, "policy": rules}


def _members(rows: object) -> list[dict[str, object]]:
    return [dict(each) for each in rows if isinstance(each, Mapping)] if isinstance(rows, list) else []


def _past(places: Places) -> list[Request]:
    try:
        return list(history(places))
    except AuthError:  # `findings` say so
        return []


def _request(each: Request) -> dict[str, object]:
    """Return a request without what another program said of it."""
    return {
        "profile": each.profile,
        "target": each.target,
        "agent": each.agent or None,
        "step": each.step,
        "restart": each.wants_restart,
        "restart_result": each.filed or None,
        "effect": each.effect or None,
        "attempts": each.attempts,
        "requested_at": words.stamp(each.requested),
        "updated_at": words.stamp(each.updated),
        "error": each.outcome.code if each.outcome else None,
    }


def _rounds(patient: Patient) -> dict[str, object]:
    last, timer = read_last(patient.places), timers.look(patient.places, patient.world.env)
    return {
        "installed": timer.is_installed,
        "active": timer.is_active,
        "starts": timer.command[0] if timer.command else None,
        "last_round_at": words.stamp(last.at) if last else None,
        "next_due_at": words.stamp(last.next_due) if last else None,
        "refreshed": last.refreshed if last else [],
        "failed": last.failed if last else {},
    }


def _settings(patient: Patient) -> dict[str, object]:
    config, env = patient.places.config, patient.world.env
    set_here = {name: getattr(config, name) for name in config.__slots__ if getattr(config, name)}
    return {
        "configuration": {name: value if name in _SAID else True for name, value in set_here.items()},
        "variables": sorted(name for name in env if name.startswith(_NAMED) or name.upper().endswith(_NAMED_TOO)),
    }


def _files(places: Places) -> Iterator[dict[str, object]]:
    """Yield our files as `ls -l` would show them; nothing is opened."""
    for folder in dict.fromkeys((places.state, places.data, os.path.dirname(places.config_file))):
        yield from _listed(folder)
    for path in (places.auth_path, pending_path(places)):
        yield _file(path)


def _listed(folder: str) -> Iterator[dict[str, object]]:
    yield _file(folder)
    try:
        names = sorted(os.listdir(folder))[:_ROUND_OF]
    except OSError:
        return
    for name in names:
        yield _file(os.path.join(folder, name))


def _file(path: str) -> dict[str, object]:
    try:
        found = os.lstat(path)
    except OSError:
        return {"path": path, "there": False}
    return {"path": path, "mode": stat.filemode(found.st_mode), "size": found.st_size, "ours": is_ours(found)}
