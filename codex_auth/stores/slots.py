"""How one text is kept in a keyring whose items are small, and never half written.

A profile has two slots, `a` and `b`. A slot is one or more items, `work#a1`, `work#a2` …; the first one is the slot's
head and tells generation, number of items and a digest over the whole text. A new text goes to the slot that is not in
use: its later items first, then its head. From that moment it is the newer whole text, and the old slot is removed.
So an item in use is never written over, and after a stop anywhere there is the old text or the new one.

This module only knows the form. It imports nothing: a live token is read through it.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[list[str]], dict[str, str] | None]
    """Returns the items of these names that exist, or None when that cannot be known."""

SLOTS = "ab"

_MARK = "codex-auth/1"
_HEAD_LIMIT = 120
"""A head is shorter than this; the rest of the first item is text."""
_DIGITS = 12
_ITEMS_LIMIT = 100_000


class SlotDamaged(Exception):
    """There are items, and no whole text among them."""


class Found:
    """The newest whole text of a profile: where it is, which one it is, and itself."""

    __slots__ = ("generation", "slot", "text")

    def __init__(self, slot: str, generation: int, text: str) -> None:
        self.slot = slot
        self.generation = generation
        self.text = text


def item_name(profile: str, slot: str, number: int) -> str:
    """Return the name of an item. `#` is in no profile's name."""
    return f"{profile}#{slot}{number}"


def own_name(name: str) -> str:
    """Return what stands in the place of a profile's name for a text that belongs to none."""
    return f"#{name}"


def profile_of(item: str) -> str:
    """Return the profile an item belongs to."""
    return item.partition("#")[0]


def other(slot: str) -> str:
    """Return the slot that is not this one."""
    return SLOTS[1 - SLOTS.index(slot)]


def split(text: str, generation: int, limit: int | None) -> list[str]:
    """Return the items for a text, the head first, none longer than `limit`."""
    size = limit - _HEAD_LIMIT if limit else max(len(text), 1)
    pieces = [text[at : at + size] for at in range(0, max(len(text), 1), size)]
    pieces[0] = f"{_MARK} {generation} {len(pieces)} {_digest(text)} {pieces[0]}"
    return pieces


def newest(profile: str, read: "Read") -> Found | None:
    """Return the newest whole text of a profile; None if there are no items, or if they cannot be read.

    Raises `SlotDamaged`.
    """
    firsts = read([item_name(profile, slot, 1) for slot in SLOTS])
    if not firsts:
        return None
    heads = {name: _read_head(text) for name, text in firsts.items()}
    for name, head in sorted(heads.items(), key=lambda pair: pair[1][0] if pair[1] else 0, reverse=True):
        slot = name[-2]
        if head and (text := _whole(profile, slot, head, read)) is not None:
            return Found(slot, head[0], text)
    raise SlotDamaged


def _whole(profile: str, slot: str, head: "tuple[int, int, str, str]", read: "Read") -> str | None:
    """Return the text of a slot, or None when any of it is missing or not what the head says."""
    _, count, digest, text = head
    names = [item_name(profile, slot, number) for number in range(2, count + 1)]
    rest = read(names) if names else {}
    if rest is None or len(rest) != len(names):
        return None
    text += "".join(rest[name] for name in names)
    return text if _digest(text) == digest else None


def _read_head(item: str) -> "tuple[int, int, str, str] | None":
    """Return generation, number of items, digest and first piece, or None for something that is no head."""
    mark, generation, count, digest, text = (item.split(" ", 4) + [""] * 5)[:5]
    if mark != _MARK or not _is_number(generation) or not _is_number(count):
        return None
    return (int(generation), int(count), digest, text) if 0 < int(count) <= _ITEMS_LIMIT else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
