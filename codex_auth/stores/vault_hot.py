"""Reading one entry of a vault whose key is in a file or the keyring, for the program that is started all day.

Nothing is decided here: wherever anything is not plain and right, the answer is None, and the caller takes the usual
way, which says what is wrong. So is a vault that was not the one seen last.
"""

import os
import stat

from codex_auth.core.vault_cipher import KEY_BYTES, unseal
from codex_auth.core.vault_layout import FROM_KEYRING, GENERATION, SOURCE, VAULT_ID, is_vault, key_name, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_READ = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _READ |= getattr(os, _flag, 0)


def is_newest(vault: bytes, note: bytes) -> bool:
    """Whether a vault is the one that the note of the last save speaks of, or a later save of it."""
    saves, _, text = note.partition(b'"generation": ')
    number = text.rstrip(b"} \n")
    is_known = number.isdigit() and f'"{vault[VAULT_ID].hex()}"'.encode() in saves
    return is_known and int(number) <= int.from_bytes(vault[GENERATION], "big")


def read_entry(
    path: str,
    key_path: str,
    profile: str,
    from_keyring: "Callable[[str], str | None]" = lambda _name: None,
    *,
    seen: str,
) -> bytes | None:
    """Return the entry of a profile, as JSON; None where the usual way has to look.

    `seen` is where the last save is noted; it is read first, so that a save in between makes the vault newer.
    `from_keyring` returns a key's text by its name; it is asked only by a vault that says so.
    """
    note, vault = _read_private(seen), _read_private(path)
    if not is_vault(vault) or not is_newest(vault, note):
        return None
    if vault[SOURCE] == FROM_KEYRING:
        lines = (from_keyring(key_name(vault[VAULT_ID])) or "").encode().split()
    else:
        lines = _read_private(key_path).split()
    try:
        keys = [bytes.fromhex(line.decode()) for line in lines]
    except ValueError:
        return None
    for key in keys:
        text = unseal(key, vault) if len(key) == KEY_BYTES else None
        if text is not None:
            return next((entry for name, entry in walk(text) if name == profile), None)
    return None


def _read_private(path: str) -> bytes:
    """Return a file that is ours alone, as `edge.files` defines it; nothing of any other."""
    try:
        fd = os.open(path, _READ)
    except OSError:
        return b""
    try:
        found = os.fstat(fd)
        is_plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        is_private = not hasattr(os, "geteuid") or (found.st_uid == os.geteuid() and not found.st_mode & 0o077)
        return os.read(fd, found.st_size) if is_plain and is_private else b""
    finally:
        os.close(fd)
