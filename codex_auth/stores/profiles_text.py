"""The text of an `auth-profiles.json`: what it holds, and which bytes change when a login comes or goes. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from codex_auth.core.jsontext import (
    Document,
    Edit,
    JsonDamaged,
    Member,
    Members,
    insert_members,
    remove_members,
    replace_value,
    with_members,
)
from codex_auth.core.names import name_of_id
from codex_auth.stores.entries import SIGN_INS, kind_of

VERSION = 1
"""The version of the schema that we know how to write."""


@dataclass(slots=True)
class Outline:
    """A walked file: where its parts are."""

    document: bytes
    root: Members
    version: int = VERSION
    profiles: Members | None = None
    order: Members | None = None
    orders: dict[str, Member] = field(default_factory=dict)
    """Provider to its list of profile ids."""


def walk(document: bytes, see: Callable[[str, Member], None]) -> Outline:
    """Walk a whole file; `see` gets each entry of a Codex profile with its name.

    Raises `JsonDamaged` for what is no such file, whether or not the damage is in our entries.
    """
    root = Document(document)
    outline, odd = Outline(document, root), None
    for member in root:
        if member.key == "version":
            outline.version = _version(member)
        elif member.key in {"profiles", "order"} and not member.is_object():
            odd = JsonDamaged(f"its {member.key} is not an object", member.value_start)
        elif member.key == "profiles":
            outline.profiles = member.members()
            for entry in outline.profiles:
                name = name_of_id(entry.key)
                if name is not None:
                    see(name, entry)
        elif member.key == "order":
            outline.order = member.members()
            outline.orders = {each.key: each for each in outline.order}
    if odd and outline.version <= VERSION:  # a later version may have another form; that is no damage
        raise odd
    return outline


def rank(profile_id: str, kind: str | None, own_id: str) -> tuple[bool, bool, str]:
    """Order the entries of one name, best first: sign-ins, then the id we would give it ourselves."""
    return kind not in SIGN_INS, profile_id != own_id, profile_id


def best(found: Iterable[Member], own_id: str) -> Member | None:
    """Return the entry that a name means, among those it could mean."""
    known = [entry for entry in found if kind_of(entry.value())]
    return min(known, key=lambda entry: rank(entry.key, kind_of(entry.value()), own_id), default=None)


def put(outline: Outline, entry: Member, fields: Mapping[str, object]) -> list[Edit]:
    """Set the fields of an entry that is there; None takes one out, and unknown fields stay as they are."""
    text = outline.document[entry.value_start : entry.value_end]
    return [Edit(entry.value_start, entry.value_end, with_members(text, fields))]


def add(
    outline: Outline, profile_id: str, fields: Mapping[str, object], *, provider: str, make_order: bool
) -> list[Edit]:
    """Add an entry, and its id at the end of its provider's order.

    Without an order for the provider there is only one made with `make_order`.
    """
    entry = {profile_id: {key: value for key, value in fields.items() if value is not None}}
    edits, missing = [], dict[str, object]()
    if outline.profiles:
        edits.append(insert_members(outline.profiles, entry, outer=outline.root))
    else:
        missing["profiles"] = entry
    ids = _ids(outline.orders.get(provider))
    if outline.order and ids is not None:
        if profile_id not in ids:
            edits.append(replace_value(outline.order, outline.orders[provider], [*ids, profile_id]))
    elif outline.order and make_order and provider not in outline.orders:
        edits.append(insert_members(outline.order, {provider: [profile_id]}, outer=outline.root))
    elif make_order and not outline.order:
        missing["order"] = {provider: [profile_id]}
    return [*edits, insert_members(outline.root, missing)] if missing else edits


def drop(outline: Outline, doomed: list[Member]) -> list[Edit]:
    """Take entries out, and their ids out of every order."""
    edits = remove_members(outline.profiles, doomed) if outline.profiles else []
    gone = {entry.key for entry in doomed}
    for member in outline.orders.values():
        ids = _ids(member)
        if outline.order and ids and not gone.isdisjoint(ids):
            edits.append(replace_value(outline.order, member, [each for each in ids if each not in gone]))
    return edits


def _version(member: Member) -> int:
    value = member.value()
    if isinstance(value, bool) or not isinstance(value, int):
        raise JsonDamaged("its version is not a number", member.value_start)
    return value


def _ids(member: Member | None) -> list[str] | None:
    """Return a list of ids, or None if there is none or it is not one."""
    value = member.value() if member else None
    return value if isinstance(value, list) and all(isinstance(each, str) for each in value) else None
