"""Carrying a login out into a file: the whole of it, or only an access token for a machine that runs once.

Who exports the whole login gives its refresh token away, and a refresh token has one owner. So the order is

    write the file → read it back → destroy our refresh token

and the profile says `exported` from then on. A crash before the last step leaves the login here and in the file, and
the same command again finishes it, unless ours was renewed meanwhile: then the file is of no use, and another is made.
"""

import json
import os
from dataclasses import dataclass, replace
from datetime import timedelta

from codex_auth.core import carrying
from codex_auth.core.card import OWNER_SELF
from codex_auth.core.carry_errors import ExportRefused
from codex_auth.core.codex_json import lacking, lease_document
from codex_auth.core.errors import ProfileNotFound
from codex_auth.core.model import Credential
from codex_auth.core.names import LEGACY_PREFIX
from codex_auth.core.store_errors import CopyDiffers, StoreError, StoreNewer, StoreNotDurable, VaultUnreadable
from codex_auth.core.vault_header import ID_BYTES, read_header
from codex_auth.core.vault_layout import NONCE_BYTES
from codex_auth.edge import files
from codex_auth.edge.places import Places
from codex_auth.edge.trouble import words
from codex_auth.edge.world import World
from codex_auth.keys.passphrases import chosen
from codex_auth.keys.vault_keys import Passphrase
from codex_auth.neighbours import policies
from codex_auth.stores import entries
from codex_auth.stores.protocol import Store
from codex_auth.stories.refresh import LOCK_SECONDS
from codex_auth.stories.run import environment, living

EXPORTED = "exported"
"""The owner of a login whose refresh token left in a file."""
_TAKEN, _OTHER_NAME = "a file of that name is there", "Choose another name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What was exported."""

    credential: Credential
    path: str
    is_whole: bool


def whole(profile: str, path: str, *, is_plain: bool, store: Store, places: Places, world: World) -> Carried:
    """Write the whole login into a file, and destroy our refresh token. A key is copied: it has no owner.

    Raises `ProfileNotFound`, `ExportRefused`, `PolicyRefused`, `VaultLocked` without a passphrase, `CopyDiffers`, and
    what writing raises; then the login is here as it was.
    """
    with store.lock(profile, timeout=LOCK_SECONDS):
        held = store.load(profile)
        if held is None:
            raise ProfileNotFound(profile=profile)
        _permit(held, places, world)
        fields = entries.fields_of(held, provider=LEGACY_PREFIX.rstrip(":"), as_token=False)
        entry = {name: value for name, value in fields.items() if value is not None}
        key = Passphrase(path, chosen(places.passphrase, places.new_passphrase, places.config.passphrase_command))
        if not os.path.lexists(path):
            make(profile, path, carrying.plain(profile, entry) if is_plain else _sealed(profile, entry, key))
        elif _is_there(profile, entry, path, key):
            files.sweep(path)
        else:
            raise ExportRefused(profile=profile, problem=_TAKEN, todo=_OTHER_NAME)
        if not held.is_api_key:
            store.save(replace(held, refresh=None, id_token=None, codex_rest=None, owner=EXPORTED))
    return Carried(credential=held, path=path, is_whole=True)


def make(profile: str, path: str, document: bytes) -> None:
    """Make the file, where no other is. Raises `ExportRefused`, `CopyDiffers` and what making it raises."""
    if not files.create(path, document):
        raise ExportRefused(profile=profile, problem=_TAKEN, todo=_OTHER_NAME)
    if files.read_private(path) != document:
        raise CopyDiffers(profile=profile, store=path)


def add(path: str, lines: str) -> None:
    """Add lines to a file that a job's runner reads; a new one is its owner's alone. Raises `StoreNotDurable`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(lines)
    except OSError as error:
        raise StoreNotDurable(path=path, problem=words(error)) from None


def for_ci(profile: str, margin: timedelta, *, store: Store, places: Places, world: World) -> Credential:
    """Return the login with so much life left, for an access token that goes elsewhere."""
    return living(profile, margin, store=store, places=places, world=world)


def lines(credential: Credential) -> dict[str, str]:
    """Return the variables that a job gets: those of `run`, and nothing of this machine."""
    return environment(credential, {})


def as_file(credential: Credential) -> bytes:
    """Return a file with the access token alone, labelled."""
    label = "An access token of codex-auth for a job; there is no refresh token in it, and it ends by itself."
    return json.dumps({"label": label, **lines(credential)}, indent=2).encode() + b"\n"


def as_auth_json(credential: Credential, world: World) -> bytes:
    """Return an `auth.json` with which Codex uses the access token and renews nothing."""
    lack = "account id, which Codex wants" if credential.is_api_key else lacking(credential, is_whole=False)
    if lack:
        raise ExportRefused(profile=credential.profile, problem=f"it has no {lack}", todo="Use `--format env`")
    return lease_document(credential, world.now())


def _is_there(profile: str, entry: carrying.Entry, path: str, source: Passphrase) -> bool:
    """Whether a file holds this very login already, as an export leaves it that was cut off."""
    try:
        raw = files.read_private(path) or b""
        keys = source.keys(read_header(raw, path=path)) if carrying.is_sealed(raw) else []
    except (StoreError, StoreNewer, VaultUnreadable):
        return False
    return (profile, entry) in [carrying.read_plain(raw), *(carrying.opened(key, raw) for key in keys)]


def _sealed(profile: str, entry: dict[str, object], source: Passphrase) -> bytes:
    vault_id = os.urandom(ID_BYTES)
    derivation, key = source.fresh(vault_id)
    return carrying.sealed(
        profile, entry, key=key, derivation=derivation, vault_id=vault_id, nonce=os.urandom(NONCE_BYTES)
    )


def _permit(held: Credential, places: Places, world: World) -> None:
    policy = policies.in_force(places, world.env)
    refusal = policy.use_refusal(held) or (None if held.is_api_key else policy.hand_over_refusal())
    if refusal is not None:
        raise refusal
    if not held.is_api_key and (held.owner != OWNER_SELF or held.refresh is None):
        todo = f"Export an access token: `codex-auth export {held.profile} --ci`"
        problem = "its refresh token is not ours to give" if held.owner != OWNER_SELF else "it has no refresh token"
        raise ExportRefused(profile=held.profile, problem=problem, todo=todo)
