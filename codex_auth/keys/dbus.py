"""Just enough of D-Bus's messages to ask a question and read the answer.

The form is that of the D-Bus Specification 0.43, "Type System" and "Message Protocol". What arrives is bounded before
it is read, and anything odd is a `BusTrouble`: the callers have a slower way to the same answer. Nothing is imported:
a command that prints a live token spends most of its time on imports.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

REPLY, ERROR = 2, 3
"""Types of messages that answer a call."""
HEADER = 16
"""Bytes of a message that say how long it is."""
MESSAGE_LIMIT = 8 * 1024 * 1024
"""A login takes some kilobytes; the bus itself would pass on 128 MiB."""
DEPTH_LIMIT = 8
"""The deepest answer we read is four levels deep."""

_CALL = 1
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8
"""Header fields."""
_WIDTHS = {"y": 1, "b": 4, "u": 4, "s": 4, "o": 4, "g": 1, "a": 4, "v": 1, "(": 8, "{": 8}
"""The types we read, and what their values are aligned to."""
_KEYS = "ybusog"
"""The types that may be keys of a dictionary."""
_PAIR = 2


class BusTrouble(Exception):
    """There is no bus, or what it sent cannot be used."""


# --- writing -------------------------------------------------------------------------------------------------


def encoded(signature: str, *values: object) -> bytes:
    """Return values as the body of a message; the types known are those of the calls we make: `s o v a{ss} ao`.

    A variant is a pair of its signature and its value.
    """
    out = bytearray()
    for kind, value in zip(_types(signature), values, strict=True):
        _put(out, kind, value)
    return bytes(out)


def call_message(serial: int, to: str, path: str, method: str, signature: str = "", body: bytes = b"") -> bytes:
    """Return a method call; `method` is `interface.member`, and `to` the name of whoever is called."""
    interface, _, member = method.rpartition(".")
    fields = [(_PATH, "o", path), (_INTERFACE, "s", interface), (_MEMBER, "s", member), (_DESTINATION, "s", to)]
    if signature:
        fields.append((_SIGNATURE, "g", signature))
    listed = bytearray()
    for code, kind, value in fields:
        _pad(listed, 8)
        listed.append(code)
        _put(listed, "v", (kind, value))
    head = b"l" + bytes([_CALL, 0, 1]) + _u32(len(body)) + _u32(serial) + _u32(len(listed))
    message = bytearray(head + listed)
    _pad(message, 8)
    return bytes(message + body)


def _put(out: bytearray, kind: str, value: object) -> None:
    _pad(out, _WIDTHS[kind[0]])
    if kind in {"s", "o", "g"}:
        text = str(value).encode()
        out += (bytes([len(text)]) if kind == "g" else _u32(len(text))) + text + b"\0"
    elif kind == "v" and isinstance(value, tuple):
        _put(out, "g", value[0])
        _put(out, value[0], value[1])
    elif kind == "a{ss}" and isinstance(value, dict):
        _put_array(out, 8, [(("s", key), ("s", text)) for key, text in value.items()])
    elif kind == "ao" and isinstance(value, list):
        _put_array(out, 4, [(("o", path),) for path in value])
    else:
        raise ValueError(kind)


def _put_array(out: bytearray, width: int, items: "list[tuple[tuple[str, str], ...]]") -> None:
    """Write an array; each of its items is the pairs of kind and text that it consists of."""
    length_at = len(out)
    out += _u32(0)
    _pad(out, width)
    start = len(out)
    for item in items:
        _pad(out, width)
        for kind, text in item:
            _put(out, kind, text)
    out[length_at : length_at + 4] = _u32(len(out) - start)


def _pad(out: bytearray, width: int) -> None:
    out += bytes(-len(out) % width)


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "little")


# --- reading -------------------------------------------------------------------------------------------------


def message_size(head: bytes) -> int:
    """Return how long the message is that starts with these 16 bytes. Raises `BusTrouble` for none we would read."""
    if len(head) != HEADER or head[:1] not in {b"l", b"B"} or head[3] != 1:
        raise BusTrouble("not a message")
    order = _order(head)
    fields = int.from_bytes(head[12:16], order)
    body = int.from_bytes(head[4:8], order)
    if fields > MESSAGE_LIMIT or body > MESSAGE_LIMIT:
        raise BusTrouble("too long")
    return HEADER + fields + -fields % 8 + body


def read_message(message: bytes) -> "tuple[int, int, str, list[Any]]":
    """Return of a whole message: its type, the serial number of the call it answers (0 for none), signature, values.

    Of an error only its name is returned: its text may say anything. Raises `BusTrouble`.
    """
    if len(message) != message_size(message[:HEADER]):
        raise BusTrouble("cut off")
    order = _order(message)
    reader = _Reader(message, order)
    reader.at = 12
    found = {code: value for code, (_, value) in reader.value("a(yv)")}
    reader.align(8)
    kind, serial, signature = message[1], found.get(_REPLY_SERIAL, 0), found.get(_SIGNATURE, "")
    if not isinstance(serial, int) or not isinstance(signature, str):
        raise BusTrouble("odd header")
    if kind == ERROR:
        return kind, serial, signature, [found.get(_ERROR_NAME, "")]
    return kind, serial, signature, reader.values(signature)


def _order(head: bytes) -> 'Literal["little", "big"]':
    return "little" if head[:1] == b"l" else "big"


class _Reader:
    """Reads values of known types from a message; positions count from the message's start, as alignment does."""

    def __init__(self, raw: bytes, order: 'Literal["little", "big"]') -> None:
        self.at = 0
        self._raw = raw
        self._order = order

    def values(self, signature: str) -> "list[Any]":
        """Return all values of the message's body, which must end with them."""
        found = self._members(signature, 0)
        if self.at != len(self._raw):
            raise BusTrouble("something follows the values")
        return found

    def value(self, kind: str, depth: int = 0) -> "Any":
        """Return one value: int, bool, str, bytes (`ay`), list, dict (`a{…}`), tuple; a variant with its type."""
        if depth > DEPTH_LIMIT:
            raise BusTrouble("nested too deeply")
        self.align(_WIDTHS[kind[0]])
        match kind[0]:
            case "y":
                return self._take(1)[0]
            case "u" | "b":
                return self._number()
            case "s" | "o" | "g":
                return self._text(self._take(1)[0] if kind == "g" else self._number())
            case "v":
                return self._variant(depth)
            case "a":
                return self._array(kind[1:], depth)
        return tuple(self._members(kind[1:-1], depth))

    def _variant(self, depth: int) -> "tuple[str, Any]":
        kind = self._text(self._take(1)[0])
        if not kind or _end_of_type(kind, 0) != len(kind):
            raise BusTrouble("odd variant")
        return kind, self.value(kind, depth + 1)

    def align(self, width: int) -> None:
        """Skip the padding before a value."""
        self._take(-self.at % width)

    def _array(self, kind: str, depth: int) -> "Any":
        size = self._number()
        self.align(_WIDTHS[kind[0]])
        end = self.at + size
        if end > len(self._raw):
            raise BusTrouble("cut off")
        if kind == "y":
            return self._take(size)
        found = []
        while self.at < end:
            found.append(self.value(kind, depth + 1))
        if self.at != end:
            raise BusTrouble("odd array")
        return dict(found) if kind[0] == "{" else found

    def _members(self, signature: str, depth: int) -> "list[Any]":
        return [self.value(kind, depth + 1) for kind in _types(signature)]

    def _number(self) -> int:
        return int.from_bytes(self._take(4), self._order)

    def _text(self, size: int) -> str:
        raw = self._take(size + 1)  # a zero byte ends it
        try:
            return raw[:-1].decode()
        except UnicodeDecodeError:
            raise BusTrouble("not UTF-8") from None

    def _take(self, size: int) -> bytes:
        taken = self._raw[self.at : self.at + size]
        if len(taken) != size:
            raise BusTrouble("cut off")
        self.at += size
        return taken


def _types(signature: str) -> "list[str]":
    """Return the complete types a signature consists of."""
    found, at = [], 0
    while at < len(signature):
        end = _end_of_type(signature, at)
        found.append(signature[at:end])
        at = end
    return found


def _end_of_type(signature: str, at: int, depth: int = 0) -> int:
    """Return where the complete type that starts here ends. Raises `BusTrouble` for a type we do not read."""
    if depth > DEPTH_LIMIT or at >= len(signature) or signature[at] not in _WIDTHS:
        raise BusTrouble("odd signature")
    kind = signature[at]
    at += 1
    if kind == "a":
        return _end_of_type(signature, at, depth + 1)
    if kind in "({":
        first, members = at, 0
        while signature[at : at + 1] != (")" if kind == "(" else "}"):
            at = _end_of_type(signature, at, depth + 1)
            members += 1
        if not members or (kind == "{" and (members != _PAIR or signature[first] not in _KEYS)):
            raise BusTrouble("odd signature")
        at += 1
    return at
