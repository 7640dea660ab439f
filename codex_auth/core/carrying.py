"""A login in a file of its own: sealed with a passphrase as a vault is, or plain. Pure.

A sealed file is a vault of version 1 with one record (`vault_layout`), so whatever opens and checks vaults opens it.
"""

import json

from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.vault_cipher import seal, unseal
from codex_auth.core.vault_header import PASSPHRASE, Derivation, Header, write_header
from codex_auth.core.vault_layout import is_vault, pack, walk

_FORM, _VERSION = "codexAuthExport", 1

Entry = dict[str, object]


def sealed(
    profile: str, entry: Entry, *, key: bytes, derivation: Derivation | None, vault_id: bytes, nonce: bytes
) -> bytes:
    """Return the file for a login, sealed."""
    header = write_header(
        Header(source=PASSPHRASE, derivation=derivation, vault_id=vault_id, generation=1, nonce=nonce)
    )
    return seal(key, header, pack({profile: json.dumps(entry, separators=(",", ":")).encode()}))


def opened(key: bytes, document: bytes) -> tuple[str, Entry] | None:
    """Return the name and the entry in a sealed file; None for the wrong key, or a damaged file."""
    text = unseal(key, document)
    if text is None:
        return None
    profile, entry = next(walk(text))
    return profile, json.loads(entry)


def plain(profile: str, entry: Entry) -> bytes:
    """Return the file for a login, readable by whoever can open it."""
    return json.dumps({_FORM: _VERSION, "profile": profile, "entry": entry}, indent=2).encode() + b"\n"


def read_plain(document: bytes) -> tuple[str, Entry] | None:
    """Return the name and the entry in a plain file; None for a file of another form."""
    try:
        members = read_object(document)
    except JsonDamaged:
        return None
    profile, entry = members.get("profile"), members.get("entry")
    if members.get(_FORM) != _VERSION or not isinstance(profile, str) or not isinstance(entry, dict):
        return None
    return profile, entry


def is_sealed(document: bytes) -> bool:
    """Whether a file is sealed as ours are."""
    return is_vault(document)
