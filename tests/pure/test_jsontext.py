"""Surgical JSON: one value changes, every other byte stays."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from codex_auth.core.jsontext import (
    MAX_DEPTH,
    Document,
    Edit,
    JsonDamaged,
    Member,
    insert_members,
    read_object,
    remove_members,
    replace_value,
    spliced,
    with_members,
)

KEYS = st.text(max_size=6)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=5)
LAYOUTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}, {"indent": 0}],
)


def read(document: bytes) -> dict[str, object]:
    """Decode a document through the walker, walking the objects of the second level too."""
    found: dict[str, object] = {}
    for member in Document(document):
        if member.is_object():
            found[member.key] = {inner.key: inner.value() for inner in member.members()}
        else:
            found[member.key] = member.value()
    return found


def edited(document: bytes, edit: Edit) -> bytes:
    """Apply one edit."""
    return b"".join(spliced(document, [edit]))


def walked(document: bytes, key: str) -> tuple[Document, Member]:
    """Walk a document to its end and return it with one of its members."""
    outline = Document(document)
    return outline, {member.key: member for member in outline}[key]


@given(OBJECTS, LAYOUTS, st.booleans())
def test_reads_what_json_reads(value: dict[str, object], layout: dict[str, Any], escaped: bool) -> None:
    """A walk over any document finds what decoding it whole finds."""
    document = json.dumps(value, ensure_ascii=escaped, **layout).encode("utf-8", "backslashreplace")

    assert read(document) == value


def strictly(text: bytes) -> object:
    """Decode as `json.loads` does, but refuse what our documentation says we refuse."""

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError
        return dict(pairs)

    def no_constant(name: str) -> object:
        raise ValueError

    value = json.loads(text.decode("utf-8-sig"), object_pairs_hook=unique, parse_constant=no_constant)
    if not isinstance(value, dict):
        raise ValueError  # noqa: TRY004
    return value


TOKENS = rb'{ } [ ] , : "a" "b" "\u00e9" 1 -0.5e+7 01 true null NaN -Infinity " \ 1. 1e+'.split(b" ")
SOUP = st.lists(st.sampled_from([*TOKENS, b'"\xc3\xa9"', b" ", b"\n", b"\t", b"\x00", b"\xff"]), max_size=12).map(
    b"".join
)


@settings(max_examples=600)
@given(SOUP | SOUP.map(lambda soup: b'{"a":' + soup + b"}") | SOUP.map(lambda soup: b'{"a":{"b":' + soup + b"}}"))
@example(b'{"a":1,}')
@example(b'{"a":1')
@example(b"\xef\xbb\xbf{}")
@example(b"")
def test_same_verdict_as_json(text: bytes) -> None:
    """Whatever the bytes, they are accepted exactly when `json.loads` and our stricter rules accept them."""
    try:
        expected = strictly(text)
    except ValueError:
        expected = None

    if expected is None:
        with pytest.raises(JsonDamaged):
            read(text)
    else:
        assert read(text) == expected


@given(OBJECTS, LAYOUTS, KEYS, VALUES)
def test_insert_keeps_the_rest(value: dict[str, object], layout: dict[str, Any], key: str, new: object) -> None:
    """An insertion leaves every byte before and after it as it was, and adds one member."""
    assume(key not in value)
    document = json.dumps(value, **layout).encode() + b"\n"
    outline = Document(document)
    list(outline)

    edit = insert_members(outline, {key: new})

    after = edited(document, edit)
    assert json.loads(after) == {**value, key: new}
    assert list(json.loads(after)) == [*value, key]
    if value:
        assert after.startswith(document[: edit.start])
        assert after.endswith(document[edit.end :])
        assert edit.start == edit.end


@given(OBJECTS.filter(bool), LAYOUTS, st.data(), VALUES)
def test_replace_keeps_the_rest(value: dict[str, object], layout: dict[str, Any], data: Any, new: object) -> None:
    """A replaced value changes the bytes of that value only."""
    document = json.dumps(value, **layout).encode()
    key = data.draw(st.sampled_from(sorted(value)))
    outline, member = walked(document, key)

    edit = replace_value(outline, member, new)

    assert (edit.start, edit.end) == (member.value_start, member.value_end)
    assert json.loads(document[edit.start : edit.end]) == value[key]
    assert json.loads(edited(document, edit)) == {**value, key: new}


@given(OBJECTS.filter(bool), LAYOUTS, st.data())
def test_remove_keeps_the_rest(value: dict[str, object], layout: dict[str, Any], data: Any) -> None:
    """A removal takes members and their commas; what is left is laid out as before."""
    document = json.dumps(value, **layout).encode()
    gone = data.draw(st.sets(st.sampled_from(sorted(value)), min_size=1))
    outline = Document(document)
    doomed = [member for member in outline if member.key in gone]

    after = b"".join(spliced(document, remove_members(outline, doomed)))

    rest = {each: value[each] for each in value if each not in gone}
    assert json.loads(after) == rest
    if rest:
        assert after == json.dumps(rest, **layout).encode()


@given(OBJECTS, LAYOUTS, st.dictionaries(KEYS, VALUES.filter(lambda value: value is not None), max_size=4))
def test_with_members_sets_and_removes(value: dict[str, object], layout: dict[str, Any], new: dict[str, Any]) -> None:
    """Members are set where they stand, or added; None takes one out."""
    text = json.dumps(value, **layout).encode()
    gone = next(iter(set(value) - set(new)), "no such key")

    after = with_members(text, {**new, gone: None})

    assert json.loads(after) == {key: each for key, each in {**value, **new}.items() if key != gone}


@pytest.mark.parametrize("layout", [{"indent": 2}, {"indent": 4}, {"indent": "\t"}, {}, {"separators": (",", ":")}])
def test_insertion_follows_the_neighbours(layout: dict[str, Any]) -> None:
    """Inserted text is laid out as if the other program had written it."""
    before = {"a": {"b": 1}}
    new = {"x": [1, 2], "y": {"z": None}}
    document = json.dumps(before, **layout).encode()
    outline = Document(document)
    list(outline)

    after = edited(document, insert_members(outline, {"new": new}))

    assert after == json.dumps({**before, "new": new}, **layout).encode()


def test_insertion_into_an_empty_object_follows_the_object_around_it() -> None:
    """The first profile of a file with an empty `profiles` is indented like the file."""
    document = b'{\n    "profiles": {},\n    "z": 1.50\n}\n'
    outline = Document(document)
    inner = {member.key: member.members() for member in outline if member.is_object() and list(member.members())}
    for member in outline:
        if member.key == "profiles":
            inner["profiles"] = member.members()
            list(inner["profiles"])

    after = edited(document, insert_members(inner["profiles"], {"a": {"b": 1}}, outer=outline))

    assert after == (b'{\n    "profiles": {\n        "a": {\n            "b": 1\n        }\n    },\n    "z": 1.50\n}\n')


def test_windows_line_ends_are_followed() -> None:
    """A file with CRLF gets CRLF."""
    document = b'\xef\xbb\xbf{\r\n  "a": 1\r\n}\r\n'
    outline = Document(document)
    list(outline)

    after = edited(document, insert_members(outline, {"b": {"c": 2}}))

    assert after == b'\xef\xbb\xbf{\r\n  "a": 1,\r\n  "b": {\r\n    "c": 2\r\n  }\r\n}\r\n'


def test_number_forms_and_escapes_stay() -> None:
    """What a decoded tree would lose is still there after an edit next to it."""
    document = b'{"n": 1.50e+03, "s": "\\u00e9\\/", "big": 123456789012345678901234567890, "a": 0}'

    after = edited(document, replace_value(*walked(document, "a"), 1))

    assert after == document[:-2] + b"1}"


def test_lone_surrogate_is_written_as_an_escape() -> None:
    """Text that UTF-8 has no form for is escaped, as JSON.stringify does."""
    document = b'{"a": 1}'

    assert edited(document, replace_value(*walked(document, "a"), "\ud800")) == b'{"a": "\\ud800"}'


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 8192, 20_000, 300_000])
@pytest.mark.parametrize("letter", ["x", "é", "漢", "😀"])
def test_values_of_every_size(size: int, letter: str) -> None:
    """A value longer than the window, and one that the window cuts inside a character, is read whole."""
    value = {"a": letter * size, "b": {"c": letter * size, "d": -1.5e300}, "e": 12}

    assert read(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("shift", range(12))
def test_a_number_at_the_end_of_the_window_is_whole(shift: int) -> None:
    """A window that ends inside a number does not shorten it."""
    document = b'{"a":' + b" " * (4096 - shift) + b'{"b":' + b"[" + b"1," * 2040 + b"-12.5e+10]" + b"}}"

    assert read(document) == {"a": {"b": [1] * 2040 + [-12.5e10]}}
    bare = b'{"a":' + b"9" * (4096 - shift) + b".5e+1}"
    assert read(bare) == json.loads(bare)


def test_depth_is_limited() -> None:
    """Sixty-four levels are read, sixty-five are not, and brackets in text do not count."""
    fits = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    too_deep = b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1)

    read(fits)
    read(b'{"a": "' + b"[{" * 500 + b'"}')
    with pytest.raises(JsonDamaged, match="nested too deeply"):
        read(too_deep)


@pytest.mark.parametrize("depth", [100, 10_000, 1_000_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_bottomless_documents_are_refused(depth: int, opening: bytes) -> None:
    """No depth makes the decoder's recursion escape."""
    with pytest.raises(JsonDamaged):
        read(b'{"a":' + opening * depth)


@pytest.mark.parametrize(
    ("text", "problem", "offset"),
    [
        (b"", "it is empty", 0),
        (b" \n", "it is empty", 2),
        (b"[1]", "it is not a JSON object", 0),
        (b'"a"', "it is not a JSON object", 0),
        (b'{"a": 1} x', "something follows the JSON document", 9),
        (b'{"a": 1}\x00', "something follows the JSON document", 8),
        (b'{"a": 1, "a": 2}', "a key appears twice", 9),
        (b'{"a": {"b": 1, "b": 2}}', "a key appears twice", 15),
        (b'{"a": [{"b": 1, "b": 2}]}', "a key appears twice", 6),
        (b'{"a": "\\u0061", "\\u0061": 1}', "a key appears twice", 16),
        (b'{"a": NaN}', "NaN and Infinity are not JSON", 6),
        (b'{"a": -Infinity}', "NaN and Infinity are not JSON", 6),
        (b'{"a": "\xff"}', "it is not UTF-8", 7),
        (b'{"a": "\xed\xa0\x80"}', "it is not UTF-8", 7),
        (b'{"a": "\xc3\xa9" 1}', "it is not JSON", 11),
        (b'{"a": ' + b"9" * 5000 + b"}", "a number is too long", 6),
        (b"{'a': 1}", "it is not JSON", 1),
    ],
)
def test_damage_is_named(text: bytes, problem: str, offset: int) -> None:
    """Each kind of damage has its words and its place, and the error keeps none of the document."""
    with pytest.raises(JsonDamaged) as caught:
        read(text)

    assert (caught.value.problem, caught.value.offset) == (problem, offset)
    assert caught.value.__context__ is None


def prefixes(document: bytes) -> Iterator[bytes]:
    """Every proper prefix."""
    return (document[:size] for size in range(len(document)))


def test_no_prefix_of_a_document_passes() -> None:
    """A torn file is damaged, wherever it was torn."""
    document = json.dumps({"version": 1, "profiles": {"a": {"b": [1, "é"]}}}, indent=2, ensure_ascii=False).encode()

    for torn in prefixes(document):
        with pytest.raises(JsonDamaged):
            read(torn)


def test_edits_must_not_overlap() -> None:
    """Two edits of the same bytes are a mistake of the caller."""
    with pytest.raises(ValueError, match="overlap"):
        spliced(b"0123456789", [Edit(2, 6, b""), Edit(4, 8, b"")])


@given(OBJECTS)
def test_small_documents_are_read_at_once(value: dict[str, object]) -> None:
    """A small document may be taken as a dictionary, under the same rules."""
    assert read_object(json.dumps(value).encode()) == value
    with pytest.raises(JsonDamaged):
        read_object(json.dumps([value]).encode())
