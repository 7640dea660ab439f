"""What people call their logins: one small file beside the list of names. It holds no secret.

It belongs to the name, not to the store: another store changes nothing, another name takes it along, and the end of a
login is its end. A login that another program owns may have one too.
"""

import contextlib
import json
import os

from codex_auth.core.errors import AuthError
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.labels import read_label
from codex_auth.core.profile_errors import BadLabel, LabelsDamaged
from codex_auth.edge import files
from codex_auth.edge.locks import hold
from codex_auth.edge.places import Places

_VERSION = 1
_LIMIT = 16 * 1024 * 1024
_LOCK_SECONDS = 10.0


def read(places: Places) -> dict[str, str]:
    """Return the labels by profile; none where the file does not read, for it is a convenience."""
    try:
        return _shown(_read(places))
    except AuthError:
        return {}


def write(places: Places, profile: str, label: str) -> None:
    """Remember a label durably, or forget it if it is empty. Raises `LabelsDamaged` and the store's errors."""
    with _held(places):
        kept = _read(places)
        if kept.get(profile, "") != label:
            _write(places, {**kept, profile: label})


def bring(places: Places, old: str, new: str) -> None:
    """Let a label be known under the profile's new name; done twice it does no more."""
    _quietly(places, lambda kept: {**kept, new: kept[old], old: ""} if old in kept else kept)


def forget(places: Places, profile: str) -> None:
    """Forget the label of a login that ended."""
    _quietly(places, lambda kept: {**kept, profile: ""} if profile in kept else kept)


def _quietly(places: Places, change: "Change") -> None:
    """Change the labels as something else goes on, which a file that does not read must not stop."""
    if not os.path.lexists(places.labels):
        return
    with contextlib.suppress(AuthError), _held(places):
        kept = _read(places)
        if (changed := change(kept)) != kept:
            _write(places, changed)


def _held(places: Places) -> contextlib.AbstractContextManager[None]:
    path = os.path.join(places.locks, "labels.lock")
    return hold(path, timeout=_LOCK_SECONDS, what="The list of labels", verb="label", rank="label")


def _read(places: Places) -> dict[str, object]:
    """Return what the file holds; what we do not understand of it stays. Raises `LabelsDamaged`."""
    try:
        data = files.read_private(places.labels, limit=_LIMIT)
        document = {} if data is None else read_object(data)
        labels = document.get("labels", {})
    except JsonDamaged:
        raise LabelsDamaged(path=places.labels) from None
    if document.get("schema_version", _VERSION) != _VERSION or not isinstance(labels, dict):
        raise LabelsDamaged(path=places.labels)
    return labels


def _shown(labels: dict[str, object]) -> dict[str, str]:
    """Return those that may be shown: somebody may have written into the file what `label` would refuse."""
    found = {}
    for profile, label in labels.items():
        with contextlib.suppress(BadLabel):
            found[profile] = read_label(label) if isinstance(label, str) else ""
    return {profile: label for profile, label in found.items() if label}


def _write(places: Places, labels: dict[str, object]) -> None:
    files.private_folder(os.path.dirname(places.labels))
    files.sweep(places.labels)
    document = {"schema_version": _VERSION, "labels": {name: said for name, said in labels.items() if said != ""}}
    files.replace(places.labels, [(json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()])


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[[dict[str, object]], dict[str, object]]
