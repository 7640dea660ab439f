"""The bytes of a vault: where its parts lie, and how entries lie in what is sealed. Quick to load.

A vault of version 1 is its header, in clear, and then AES-256-GCM of the padded records with that header as
associated data. Numbers are big-endian.

    header   magic (8), version (1), key source (1), key derivation (1), memory (4), passes (4), lanes (4),
             salt (16), vault id (16), generation (8), nonce (12); `vault_header` says what they mean
    record   length of the name (1), name, length of the entry (4), entry: JSON with the fields of `entries`
    padding  zero bytes, at least one, up to a multiple of 1,024

A record whose name begins with `#` is no profile: it holds a text of ours, such as the key that seals notes.
"""

TYPE_CHECKING = False  # `collections` would be a tenth of reading a token
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAGIC = b"CAUVAULT"
VERSION = 1
HEADER_BYTES = 75
SOURCE = 9
"""Where the byte lies that says where the key comes from."""
FROM_KEYRING = 3
VAULT_ID = slice(39, 55)
GENERATION = slice(55, 63)
NONCE_BYTES = 12
NONCE = slice(HEADER_BYTES - NONCE_BYTES, HEADER_BYTES)
"""Where the nonce lies: at the end of the header."""
TAG_BYTES = 16
STEP = 1024
"""Sizes grow in steps, so that a vault tells little about the tokens in it."""

_ENTRY_SIZE = 4


def is_vault(raw: bytes) -> bool:
    """Whether these bytes start and measure like a vault of the version this module describes."""
    sealed = len(raw) - HEADER_BYTES - TAG_BYTES
    return raw.startswith(MAGIC + bytes([VERSION])) and sealed >= STEP and sealed % STEP == 0


def key_name(vault_id: bytes) -> str:
    """Return the name under which a keeper has the key of a vault."""
    return f"vault-key:{vault_id.hex()}"


def pack(records: "Mapping[str, bytes]") -> bytes:
    """Return the text to seal: each record's name and entry, padded to the next step."""
    packed = b"".join(
        bytes([len(name)]) + name.encode("ascii") + len(entry).to_bytes(_ENTRY_SIZE, "big") + entry
        for name, entry in records.items()
    )
    return packed + bytes(STEP - len(packed) % STEP)


def walk(text: bytes) -> "Iterator[tuple[str, bytes]]":
    """Return each record's name and entry in the order they were packed.

    The text was authenticated, so it is what `pack` made.
    """
    at = 0
    while size := text[at]:
        name_end = at + 1 + size
        start = name_end + _ENTRY_SIZE
        end = start + int.from_bytes(text[name_end:start], "big")
        yield text[at + 1 : name_end].decode("ascii"), text[start:end]
        at = end
