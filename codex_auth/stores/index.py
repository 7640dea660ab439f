"""The profiles of a store that is locked or slow, without their secrets, so that `status` can always list them.

{"version": 1, "profiles": {"work": {"profileId": "openai-codex:work", "kind": "oauth", ...}, ...}}
"""

import json
from collections.abc import Iterable
from datetime import datetime

from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.model import Card, Identity
from codex_auth.edge import files

_VERSION = 1
_MOMENTS = ("expires", "refreshed", "signed_in")
_TEXTS = ("profile_id", "kind", "owner", "store")
_IDENTITY = ("issuer", "subject", "account_id", "user_id", "email", "plan")


def read(path: str) -> dict[str, Card] | None:
    """Return the cards by profile, or None where there is no index that can be used; it can be made again."""
    raw = files.read_private(path)
    try:
        document = read_object(raw or b"")
        if document["version"] != _VERSION:
            return None
        return {name: _card(name, fields) for name, fields in document["profiles"].items()}
    except (JsonDamaged, LookupError, AttributeError, TypeError, ValueError):
        return None


def write(path: str, cards: Iterable[Card]) -> None:
    """Replace the index. The caller holds the lock of its store."""
    files.sweep(path)
    document = {"version": _VERSION, "profiles": {card.profile: _fields(card) for card in cards}}
    files.replace(path, [json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode()])


def _fields(card: Card) -> dict[str, object]:
    moments = {name: getattr(card, name) for name in _MOMENTS}
    return {
        **{name: getattr(card, name) for name in _TEXTS},
        **{name: moment and moment.isoformat() for name, moment in moments.items()},
        **{name: getattr(card.identity, name) for name in _IDENTITY},
        "has_refresh_token": card.has_refresh_token,
    }


def _card(profile: str, fields: dict[str, str]) -> Card:
    moments = {name: datetime.fromisoformat(fields[name]) if fields[name] else None for name in _MOMENTS}
    return Card(
        profile=profile,
        profile_id=fields["profile_id"],
        kind=fields["kind"],
        owner=fields["owner"],
        store=fields["store"],
        identity=Identity(**{name: fields[name] for name in _IDENTITY}),
        expires=moments["expires"],
        refreshed=moments["refreshed"],
        signed_in=moments["signed_in"],
        has_refresh_token=bool(fields["has_refresh_token"]),
    )
