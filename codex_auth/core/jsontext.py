"""Changing one value in a JSON document and keeping every other byte.

Other programs write the files we edit. Decoding and encoding a whole document would lose what a tree does not
hold: number forms, escapes, indentation, a byte order mark. So a document stays bytes. `Members` walks one object
of it, decoding one value at a time; `replace_value`, `insert_members` and `remove_members` say which bytes
change; `spliced` gives the new document in pieces, ready to be written one after the other. A file of thirty
megabytes is never a second time in memory.

Stricter than `json.loads`, because two readers of one file must not disagree: a repeated key, NaN or Infinity,
more than 64 levels and a root that is no object are refused. A byte order mark is accepted.
"""

import json
import re
from codecs import BOM_UTF8, utf_8_decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

TYPE_CHECKING = False  # `typing` is loaded by checkers only: `status` starts a tenth faster without
if TYPE_CHECKING:
    from typing import Any

MAX_DEPTH = 64
"""Deeper documents are refused: the decoder recurses, and nothing we read goes beyond five."""

_KEY_WINDOW = 256
_VALUE_WINDOW = 4096
_UNFINISHED = 4
"""A number cut off by the window may look whole: `1`, `1.`, `1e` and `1e+` all start `1e+5`."""

_string = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_brackets = re.compile(r"[][{}]")
_space = re.compile(rb"[ \t\n\r]*")


class JsonDamaged(Exception):
    """A document that is not what this module accepts; says what and where, never the text itself."""

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(f"{problem} at byte {offset}")
        self.problem = problem
        self.offset = offset


class _Refused(ValueError):
    """Raised inside the decoder for what JSON allows and we do not."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a key appears twice")
    return found


def _no_constant(_name: str) -> object:
    raise _Refused("NaN and Infinity are not JSON")


_decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)


def _decode(document: bytes, start: int, window: int, depth: int) -> tuple[object, int]:
    """Return the value that starts at a byte, and the byte after it.

    Only `window` bytes are decoded; when they are too few, twice as many, up to the end of the document.
    """
    with memoryview(document) as view:
        while True:
            whole = start + window >= len(document)
            damage = None
            try:
                text, _ = utf_8_decode(view[start : start + window], "strict", whole)
                _check_depth(text, depth)
                value, end = _decoder.raw_decode(text)
            except ValueError as error:
                damage = _damage(error, start) if whole or isinstance(error, _Refused) else None
            else:
                if whole or end + _UNFINISHED <= len(text):
                    break
            if damage:  # raised out here, so that no context holds the document's text
                raise damage
            window *= 2
    return value, start + (end if text.isascii() else len(text[:end].encode()))


def _damage(error: ValueError, start: int) -> JsonDamaged:
    """Say in fixed words what the decoder found wrong in the text from `start` on."""
    if isinstance(error, UnicodeDecodeError):
        return JsonDamaged("it is not UTF-8", start + error.start)
    if isinstance(error, json.JSONDecodeError):
        return JsonDamaged("it is not JSON", start + len(error.doc[: error.pos].encode()))
    return JsonDamaged(str(error) if isinstance(error, _Refused) else "a number is too long", start)


def _check_depth(text: str, depth: int) -> None:
    """Refuse text, found `depth` levels deep, that would send the decoder below `MAX_DEPTH`."""
    if depth + text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    level = depth
    for bracket in _brackets.findall(_string.sub("", text)):
        level += 1 if bracket in "{[" else -1
        if level > MAX_DEPTH:
            raise _Refused("it is nested too deeply")
        if level <= depth:  # the value ends here; what follows is checked in its turn
            return


def _skip(document: bytes, offset: int) -> int:
    """Return the offset of the next byte that is not white space."""
    found = _space.match(document, offset)
    return found.end() if found else offset


class Member:
    """One `"key": value` of an object. Offsets are bytes of the document; the value is decoded when asked for."""

    __slots__ = ("_decoded", "_depth", "_document", "_window", "key", "key_start", "value_end", "value_start")

    def __init__(self, document: bytes, key: str, key_start: int, value_start: int, *, depth: int, window: int) -> None:
        self.key = key
        self.key_start = key_start
        self.value_start = value_start
        self.value_end = 0
        """The byte after the value; known once it was decoded or walked."""
        self._document = document
        self._depth = depth
        self._window = window
        self._decoded: object = None

    def value(self) -> object:
        """Decode the value. Raises `JsonDamaged`."""
        if not self.value_end:
            self._decoded, self.value_end = _decode(self._document, self.value_start, self._window, self._depth)
        return self._decoded

    def is_object(self) -> bool:
        """Whether the value is an object, so that `members` may walk it."""
        return self._document[self.value_start : self.value_start + 1] == b"{"

    def members(self) -> "Members":
        """Walk the value, which is an object, instead of decoding it. Walk it to the end."""
        return Members(self._document, self.value_start, owner=self, depth=self._depth + 1)


class Members:
    """The members of one object of a document, in order; afterwards also its outline, for edits.

    A member that the caller neither decodes nor walks is decoded here, so a walk to the end has seen every
    byte. Raises `JsonDamaged` while walking.
    """

    def __init__(self, document: bytes, start: int, *, owner: Member | None = None, depth: int = 1) -> None:
        self.document = document
        self.start = start
        self.end = 0
        """The byte after the closing brace."""
        self.spans: list[tuple[int, int]] = []
        """Where each member starts, with its key, and the byte after its value."""
        self.colon = b": "
        """What stands between the first key and its value, with its spaces."""
        self._owner = owner
        self._depth = depth

    def __iter__(self) -> Iterator[Member]:
        document, keys, window = self.document, set[str](), _VALUE_WINDOW
        at = self._expect(self.start, b"{")
        while document[at : at + 1] != b"}" or keys:
            if document[at : at + 1] != b'"':
                raise JsonDamaged("it is not JSON", at)
            key, key_end = _decode(document, at, _KEY_WINDOW, self._depth)
            if key in keys:
                raise JsonDamaged("a key appears twice", at)
            keys.add(str(key))
            value_start = self._expect(_skip(document, key_end), b":")
            if not self.spans:
                self.colon = document[key_end:value_start]
            member = Member(document, str(key), at, value_start, depth=self._depth, window=window)
            yield member
            member.value()
            self.spans.append((at, member.value_end))
            # Neighbours are alike: a quarter more than this one needed is nearly always enough for the next.
            window = max(_VALUE_WINDOW, (member.value_end - value_start) * 5 // 4)
            at = _skip(document, member.value_end)
            if document[at : at + 1] != b",":
                break
            at = _skip(document, at + 1)
        self.end = self._expect(at, b"}", skip=False)
        if self._owner:
            self._owner.value_end = self.end

    def _expect(self, at: int, mark: bytes, *, skip: bool = True) -> int:
        """Return where the text goes on after one structural byte. Raises `JsonDamaged` for any other byte."""
        if self.document[at : at + 1] != mark:
            raise JsonDamaged("it is not JSON", at)
        return _skip(self.document, at + 1) if skip else at + 1


class Document(Members):
    """The members of the object that a whole document is. Raises `JsonDamaged` for anything after it."""

    def __init__(self, document: bytes) -> None:
        start = _skip(document, len(BOM_UTF8) if document.startswith(BOM_UTF8) else 0)
        if start == len(document):
            raise JsonDamaged("it is empty", start)
        super().__init__(document, start)

    def __iter__(self) -> Iterator[Member]:
        if self.document[self.start : self.start + 1] != b"{":
            raise JsonDamaged("it is not a JSON object", self.start)
        yield from super().__iter__()
        rest = _skip(self.document, self.end)
        if rest != len(self.document):
            raise JsonDamaged("something follows the JSON document", rest)


def read_object(document: bytes) -> "dict[str, Any]":
    """Return a small document as a dictionary, under this module's rules. Raises `JsonDamaged`."""
    return {member.key: member.value() for member in Document(document)}


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` of a document become `text`."""

    start: int
    end: int
    text: bytes


@dataclass(frozen=True, slots=True)
class _Style:
    """How an object is laid out: what stands before a member, before the closing brace, and one level deeper."""

    before_member: str
    before_end: str
    unit: str
    colon: str

    @property
    def gap(self) -> str:
        """What stands after a comma."""
        return self.before_member if self.unit else " " if self.colon.endswith(" ") else ""

    def inner(self) -> "_Style":
        """Return the style of an object that is a value in this one."""
        deeper = self.before_member + self.unit if self.unit else ""
        return _Style(deeper, self.before_member if self.unit else "", self.unit, self.colon)


def _style(outline: Members, outer: Members | None) -> _Style:
    """Read the layout of a walked object off its own members, or off those around it where it is empty."""
    if not outline.spans:
        return _style(outer, None).inner() if outer else _Style("\n  ", "\n", "  ", ": ")
    document = outline.document
    before_member = document[outline.start + 1 : outline.spans[0][0]].decode()
    before_end = document[outline.spans[-1][1] : outline.end - 1].decode()
    unit = ""
    if "\n" in before_member:
        unit = before_member.rpartition("\n")[2].removeprefix(before_end.rpartition("\n")[2]) or "  "
    return _Style(before_member, before_end, unit, outline.colon.decode())


def _encode(value: object, style: _Style) -> str:
    """Write a value as a member of an object with this style would be written."""
    if not style.unit:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=("," + style.gap, style.colon))
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=style.unit, separators=(",", style.colon))
    return text.replace("\n", style.before_member)


def _to_bytes(text: str) -> bytes:
    # A lone surrogate has no UTF-8; backslashreplace writes it as the escape JSON has for it.
    return text.encode("utf-8", "backslashreplace")


def replace_value(outline: Members, member: Member, value: object) -> Edit:
    """Give a member of a walked object another value, laid out as its neighbours are."""
    return Edit(member.value_start, member.value_end, _to_bytes(_encode(value, _style(outline, None))))


def insert_members(outline: Members, values: Mapping[str, object], *, outer: Members | None = None) -> Edit:
    """Add members at the end of a walked object; `outer` is the object around it, whose layout an empty one follows."""
    style = _style(outline, outer)
    added = [json.dumps(key, ensure_ascii=False) + style.colon + _encode(value, style) for key, value in values.items()]
    text = ("," + style.gap).join(added)
    if not outline.spans:
        return Edit(outline.start, outline.end, _to_bytes("{" + style.before_member + text + style.before_end + "}"))
    end = outline.spans[-1][1]
    return Edit(end, end, _to_bytes("," + style.gap + text))


def remove_members(outline: Members, doomed: Collection[Member]) -> list[Edit]:
    """Take members out of a walked object, with the commas that joined them to the rest."""
    starts, spans = {member.key_start for member in doomed}, outline.spans
    last = max((index for index, (start, _) in enumerate(spans) if start not in starts), default=None)
    if last is None:
        return [Edit(outline.start + 1, outline.end - 1, b"")]
    before_last = [
        Edit(start, spans[index + 1][0], b"") for index, (start, _) in enumerate(spans[:last]) if start in starts
    ]
    return [*before_last, Edit(spans[last][1], spans[-1][1], b"")]


def spliced(document: bytes, edits: Iterable[Edit]) -> list[memoryview]:
    """Return the edited document as pieces that follow each other; the unchanged ones are views, not copies.

    Edits must not overlap.
    """
    view, pieces, at = memoryview(document), [], 0
    for edit in sorted(edits, key=lambda each: each.start):
        if edit.start < at:
            raise ValueError("edits overlap")
        pieces += [view[at : edit.start], memoryview(edit.text)]
        at = edit.end
    return [*pieces, view[at:]]


def with_members(text: bytes, values: Mapping[str, object]) -> bytes:
    """Return a small document with these members set, in place where they exist; None takes one out."""
    for key, value in values.items():
        outline = Document(text)
        held = {member.key: member for member in outline}.get(key)
        edits = []
        if held and value is None:
            edits = remove_members(outline, [held])
        elif held and held.value() != value:
            edits = [replace_value(outline, held, value)]
        elif not held and value is not None:
            edits = [insert_members(outline, {key: value})]
        text = b"".join(spliced(text, edits))
    return text
