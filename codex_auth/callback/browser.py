"""Opening the person's browser: whether it makes sense here, and how without a shell or a leak."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from codex_auth.core.provider import LOOPBACK_HOSTS

OPEN_SECONDS = 1.0
"""How long openers may take to fail, all together; one that is still running then has worked."""

_SSH = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_WSL = ("WSL_DISTRO_NAME", "WSL_INTEROP")
"""Under WSL the browser is Windows' own: it needs no display of Linux', but `wslview` (of wslu) to reach it."""
_CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
"""What Docker and Podman leave at the top of a container's file system."""
_OPENERS = {
    "darwin": (("open",),),
    "linux": (("wslview",), ("xdg-open",), ("gio", "open"), ("x-www-browser",)),
}
_PRIVATE = re.compile(
    r"(?:CODEX|OPENAI|OPENCLAW)_.*|(?:.*_)?(?:TOKEN|SECRET|PASSWORD|PASSPHRASE|API_?KEY|ACCESS_KEY|CREDENTIALS?)",
    re.IGNORECASE,
)
_SHELL_ONLY = frozenset(";|&<>`$\n")
"""In `$BROWSER` these ask for a shell; there is none here, so such an entry is passed over."""


def why_not_open(env: Mapping[str, str], platform: str, *, top: Path = Path("/")) -> str | None:
    """Return why a browser opened from here would not reach the person, or None when it would.

    Over SSH it would come up on the wrong machine, even with a forwarded display. Without a display only a person
    who set `$BROWSER` knows better. `platform` is `sys.platform`'s word, `top` the root of the file system.
    """
    if any(env.get(name) for name in _SSH):
        return "this is an SSH session"
    if platform in ("darwin", "win32") or env.get("BROWSER") or any(env.get(name) for name in _DISPLAYS):
        return None
    if any(env.get(name) for name in _WSL):
        has_opener = shutil.which("wslview", path=env.get("PATH", os.defpath))
        return None if has_opener else "Windows' browser cannot be reached from WSL (the package wslu is missing)"
    if env.get("container") or any((top / mark).exists() for mark in _CONTAINER_MARKS):
        return "this is a container without a display"
    return "there is no display"


def open_browser(url: str, env: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Open `url` in the first browser that starts, and return whether one did; takes a second at most.

    `$BROWSER` comes first: entries between colons, each split into words, `%s` standing for the address (as Python's
    `webbrowser` reads it). Only https, or http to loopback, is opened. The browser sees nothing of our streams and
    no variable that may hold a secret.
    """
    if not _may_open(url):
        return False
    if platform == "win32":
        return _start_file(url)
    patience = time.monotonic() + OPEN_SECONDS
    return any(_starts(command, env, patience) for command in _commands(url, env, platform))


def has_opener(env: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether there is any program that `open_browser` would start. Windows itself opens addresses."""
    path = env.get("PATH", os.defpath)
    return platform == "win32" or any(shutil.which(words[0], path=path) for words in _commands("", env, platform))


def _may_open(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if not (url.isascii() and url.isprintable()) or set(url) & set(" \"'\\<>`") or parts.username is not None:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS))


def _commands(url: str, env: Mapping[str, str], platform: str) -> Iterator[list[str]]:
    for entry in env.get("BROWSER", "").split(os.pathsep):
        words = _words(entry)
        if words:
            filled = [word.replace("%s", url) for word in words]
            yield filled if filled != words else [*words, url]
    for opener in _OPENERS.get(platform, _OPENERS["linux"]):
        yield [*opener, url]


def _words(entry: str) -> list[str]:
    entry = entry.strip().removesuffix("&")  # "in the background", which is how all are started
    if set(entry) & _SHELL_ONLY:
        return []
    try:
        return shlex.split(entry)
    except ValueError:  # a quotation mark without its twin
        return []


def _starts(command: list[str], env: Mapping[str, str], patience: float) -> bool:
    program = shutil.which(command[0], path=env.get("PATH", os.defpath))
    if program is None:
        return False
    try:
        child = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={name: value for name, value in env.items() if not _PRIVATE.fullmatch(name)},
        )
    except OSError:
        return False
    try:
        return child.wait(max(0.0, patience - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        # The browser itself: somebody has to take its exit status, whenever that is, or it stays a zombie.
        threading.Thread(target=child.wait, daemon=True).start()
        return True


def _start_file(url: str) -> bool:
    start = getattr(os, "startfile", None)  # on Windows only; there it is the system's way to open an address
    if start is None:
        return False
    try:
        start(url)
    except OSError:
        return False
    return True
