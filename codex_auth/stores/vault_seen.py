"""Which save of the vault was seen last, kept apart from it, so that an older copy is noticed.

An old vault opens like any other, but its refresh tokens may be spent, and spending one twice ends the login. The
note is no secret and no proof: whoever can restore both files goes unnoticed.
"""

import json
import os
from dataclasses import dataclass

from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.vault_header import Header
from codex_auth.edge import files

_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Seen:
    """One save of one vault."""

    vault: str
    generation: int


def read(path: str) -> Seen | None:
    """Return what was seen, or None where nothing usable was noted; the next save notes it again."""
    raw = files.read_private(path, limit=_LIMIT)
    try:
        note = read_object(raw or b"")
    except JsonDamaged:
        return None
    vault, generation = note.get("vault"), note.get("generation")
    return Seen(vault, generation) if isinstance(vault, str) and isinstance(generation, int) else None


def write(path: str, header: Header) -> None:
    """Note that this save was seen. The caller holds the lock of the vault."""
    files.private_folder(os.path.dirname(path))
    files.sweep(path)
    note = {"vault": header.vault_id.hex(), "generation": header.generation}
    files.replace(path, [json.dumps(note).encode()])


def forget(path: str) -> None:
    """Forget the vault that was seen: another one begins."""
    files.remove(path)
