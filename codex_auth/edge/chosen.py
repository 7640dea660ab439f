"""The profile that `use` chose: what `default` means from then on."""

import contextlib
import os

from codex_auth.core.errors import BadProfileName
from codex_auth.core.names import read_name
from codex_auth.edge import files
from codex_auth.edge.places import Places

_LIMIT = 256


def read(places: Places) -> str:
    """Return the chosen profile; empty if none was, or the note does not read: it is a convenience, and no secret."""
    try:
        with open(places.chosen, "rb") as file:
            return read_name(file.read(_LIMIT).decode("ascii").strip())
    except (OSError, ValueError, BadProfileName):
        return ""


def write(places: Places, profile: str) -> None:
    """Remember the choice, durably."""
    files.private_folder(os.path.dirname(places.chosen))
    files.replace(places.chosen, [f"{profile}\n".encode()])


def forget(places: Places) -> None:
    """Forget it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(places.chosen)
