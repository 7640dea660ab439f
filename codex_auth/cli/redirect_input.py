"""Getting a pasted redirect into the program without showing it."""

import select
import sys

from codex_auth.core.errors import NotATerminal
from codex_auth.core.secret import Secret
from codex_auth.edge.signals import stop_if_asked
from codex_auth.edge.terminal import HiddenInput, read_piped
from codex_auth.edge.world import World

_LOOK_SECONDS = 1.0


def terminal_descriptor() -> int | None:
    """Return the terminal that stdin is, or None when it is a pipe, a file or closed."""
    try:
        return sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
    except (OSError, ValueError):
        return None


def read_callback_url(given: str | None, *, profile: str, world: World) -> Secret:
    """Return the redirect from the argument, from stdin (`-`), or from a hidden prompt.

    Raises `NotATerminal` where it would have to be typed and nothing can hide it.
    """
    terminal = terminal_descriptor()
    if given == "-" and terminal is None and sys.stdin is not None:
        return Secret(read_piped(sys.stdin.buffer))
    if given is not None and given != "-":
        world.tell("Note: an address on the command line can be seen by other programs; `--callback-url -` hides it.")
        return Secret(given)
    if terminal is None:
        raise NotATerminal(profile=profile)
    return _ask(terminal, profile, world)


def _ask(terminal: int, profile: str, world: World) -> Secret:
    with HiddenInput(terminal, profile=profile) as paste:
        world.tell("Paste the address the browser ended on, and press Enter (it is not shown):")
        while True:
            ready, _, _ = select.select([terminal], [], [], _LOOK_SECONDS)
            stop_if_asked()
            text = paste.read() if ready else None
            if text is not None:
                return Secret(text)
