"""Carrying a login in from a file: an `auth.json` that lies about, or one that `export` wrote.

Whoever copied the file may still use it, and a refresh token has one owner. So only the access token is kept, and its
owner stays `codex`, unless the caller takes the login over: then it is kept whole, and only when that is durable the
file is removed. A crash in between leaves both; the same command again removes the file. A file that changes meanwhile
is in use: it stays, and what was kept of it is given up.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from codex_auth.core import carrying, codex_json
from codex_auth.core.api_keys import KINDS, PLATFORM, read_key, read_variable
from codex_auth.core.card import OWNER_SELF, PERSONAL_KEY, Identity, KeyNote
from codex_auth.core.carry_errors import (
    AlreadyHere,
    FileInUse,
    FileNotALogin,
    IsACodexHome,
    NameInTheWay,
    NeedsConsent,
)
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.core.key_errors import BadKey, KeyStoreRefused
from codex_auth.core.model import Credential
from codex_auth.core.names import read_name
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.secret import Secret
from codex_auth.core.text import is_one_word, printable
from codex_auth.core.vault_header import read_header
from codex_auth.edge import files
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.keys.passphrases import chosen
from codex_auth.keys.vault_keys import Passphrase
from codex_auth.neighbours import elsewhere, policies
from codex_auth.stores import entries
from codex_auth.stores.protocol import Store
from codex_auth.stories.adopt import check_issuer
from codex_auth.stories.api_keys import NEVER
from codex_auth.stories.refresh import LOCK_SECONDS

OWNER_CODEX = "codex"
_SIGNS_OF_CODEX = ("auth.lock", "config.toml", "sessions", "history.jsonl")
"""What lies beside the login in a home that a Codex uses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the caller wants of an import."""

    take_over: bool = False
    agrees: Callable[[str], bool] = lambda _path: False
    """Whether the person agrees that this file is removed."""
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What was imported."""

    credential: Credential
    path: str
    is_removed: bool


def bring(path: str, name: str, wish: Wish, *, store: Store, places: Places, world: World) -> Brought:
    """Import what one file holds under a name; empty for the name that the file says, or is called.

    Raises the errors of `carry_errors`, `PolicyRefused`, `BadIssuer`, and what reading, locking and saving raises.
    """
    file, said, found = _read(path, wish, places, world)
    profile = read_name(name or said or name_of(path))
    found = replace(found, profile=profile)
    _check_home(path, profile, found)
    is_taken = (wish.take_over and found.refresh is not None) or found.owner == OWNER_SELF
    goes = is_taken and found.refresh is not None
    if goes and not wish.agrees(path):
        todo = "Say --yes to agree"
        if wish.take_over:
            todo += ", or leave --take-over out to import the access token only"
        raise NeedsConsent(path=path, todo=todo)
    if goes:
        found = replace(found, owner=OWNER_SELF)
    elif not is_taken:
        found = replace(found, refresh=None, id_token=None, codex_rest=None)
    with store.lock(profile, timeout=LOCK_SECONDS):
        before, is_there = store.load(profile), _is_there(path, found, store, goes=goes)
        if not is_there:
            _admit(path, found, before, store, places, world)
            store.prove_writable()
            store.save(replace(found, store_why=store.choice(profile).why))
        if goes and files.snapshot(file.path).raw != file.raw:
            if not is_there:
                _give_up(profile, before, store)
            raise FileInUse(path=path)
        if goes:
            _remove(path, file)
    return Brought(credential=found, path=path, is_removed=goes)


def candidates(folder: str) -> list[str]:
    """Return the files in a folder that may be logins: `*.json`, and an `auth.json` in each folder below."""
    found = []
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        inner = os.path.join(entry.path, elsewhere.CODEX_NAME)
        if entry.is_file() and entry.name.endswith(".json"):
            found.append(entry.path)
        elif entry.is_dir() and os.path.isfile(inner):
            found.append(inner)
    return found


def name_of(path: str) -> str:
    """Return the name that a file's own name suggests: `work` for `work.json` and for `work/auth.json`."""
    stem = os.path.basename(path).removesuffix(".json").removesuffix("auth").rstrip("-_.")
    return stem or os.path.basename(os.path.dirname(os.path.abspath(path))).lstrip(".")


def _give_up(profile: str, before: Credential | None, store: Store) -> None:
    """Put back what a profile was."""
    if before is None:
        store.delete(profile)
    else:
        store.save(before)


def _remove(path: str, file: files.Snapshot) -> None:
    """Remove a file, a link that led to it, and what a killed export left beside it."""
    files.sweep(file.path)
    files.remove(file.path)
    if os.path.islink(path) and not os.path.exists(path):
        files.remove(os.path.abspath(path))


def _read(path: str, wish: Wish, places: Places, world: World) -> tuple[files.Snapshot, str, Credential]:
    """Return a file as it was read, the name that it says, and what it holds."""
    file = files.snapshot(path, foreign=True)
    document = file.raw
    if document is None:
        raise FileNotALogin(path=path, problem="there is no such file")
    if carrying.is_sealed(document):
        return file, *_own(path, _opened(path, document, places))
    own = carrying.read_plain(document)
    if own is None:
        return file, "", _codex(path, document, wish, places, world)
    profile, held = _own(path, own)
    check_issuer(path, held.identity, wish.issuer, places)  # anybody could have written it; a sealed one only its owner
    return file, profile, held


def _opened(path: str, document: bytes, places: Places) -> tuple[str, carrying.Entry]:
    source = Passphrase(path, chosen(places.passphrase, None, places.config.passphrase_command))
    for key in source.keys(read_header(document, path=path)):
        found = carrying.opened(key, document)
        if found is not None:
            return found
    raise FileNotALogin(path=path, problem="the passphrase does not open it, or it is damaged")


def _own(path: str, found: tuple[str, carrying.Entry]) -> tuple[str, Credential]:
    profile, entry = found
    held = entries.credential_of(entry, profile=profile, owner=OWNER_SELF)
    if held is None:
        raise FileNotALogin(path=path, problem="the login in it has no token")
    return profile, _sound(path, held)


def _sound(path: str, held: Credential) -> Credential:
    """Return what a file in our form holds, as we would have written it: anybody could have. Raises `FileNotALogin`."""
    words = [held.identity.account_id, *(each.reveal() for each in (held.access, held.refresh, held.id_token) if each)]
    if not all(map(is_one_word, words)):
        raise FileNotALogin(path=path, problem="a token or the account id has characters that none has")
    if held.key is None:
        return held
    try:
        env_key = read_variable(held.key.env_key)
    except BadKey:
        raise FileNotALogin(path=path, problem="its key would be put in a variable that means more") from None
    kind = held.key.kind if held.key.kind in KINDS else "other"
    note = KeyNote(kind=kind, label=printable(held.key.label), scope=printable(held.key.scope), env_key=env_key)
    return replace(held, access=_sound_key(path, held.access), key=note)


def _sound_key(path: str, key: Secret) -> Secret:
    try:
        return read_key(key.reveal())
    except BadKey as bad:
        raise FileNotALogin(path=path, problem=f"its key is none: {bad.facts['problem']}") from None


def _codex(path: str, document: bytes, wish: Wish, places: Places, world: World) -> Credential:
    try:
        login = codex_json.read_login(document)
        personal = read_object(document).get("personal_access_token")
    except JsonDamaged as damaged:
        raise FileNotALogin(path=path, problem=damaged.problem) from None
    if isinstance(personal, str) and personal:
        return _key(path, Secret(personal), PERSONAL_KEY, world)
    if login.access is None:
        raise FileNotALogin(path=path, problem="there is no token in it")
    if login.kind == codex_json.API_KEY:
        return _key(path, login.access, PLATFORM, world)
    check_issuer(path, login.identity, wish.issuer, places)
    return Credential(
        profile="",
        identity=login.identity,
        access=login.access,
        refresh=login.refresh,
        id_token=login.id_token,
        expires=login.expires or world.now(),
        owner=OWNER_SELF if wish.take_over and login.refresh is not None else OWNER_CODEX,
        client_id=login.client_id,
        refreshed=login.refreshed,
        codex_rest=login.rest,
    )


def _key(path: str, key: Secret, kind: str, world: World) -> Credential:
    return Credential(
        profile="",
        identity=Identity(issuer=OPENAI_ISSUER, subject="", account_id=""),
        access=_sound_key(path, key),
        refresh=None,
        id_token=None,
        expires=NEVER,
        signed_in=world.now(),
        is_api_key=True,
        key=KeyNote(kind=kind),
    )


def _check_home(path: str, profile: str, found: Credential) -> None:
    home = os.path.dirname(os.path.abspath(path))
    is_home = any(os.path.exists(os.path.join(home, sign)) for sign in _SIGNS_OF_CODEX)
    if os.path.basename(path) == elsewhere.CODEX_NAME and is_home and found.refresh is not None:
        raise IsACodexHome(path=path, home=home, profile=profile)


def _is_there(path: str, found: Credential, store: Store, *, goes: bool) -> bool:
    """Whether this very login is this profile already. Raises `AlreadyHere` if it is another one."""
    if not found.is_api_key and found.refresh is None:
        return False
    for card in store.cards():
        if card.identity.account_id not in {"", found.identity.account_id} and not found.is_api_key:
            continue
        held = store.load(card.profile)
        if held is None or (held.access != found.access if found.is_api_key else held.refresh != found.refresh):
            continue
        if card.profile == found.profile and (goes or found.is_api_key):
            return True
        raise AlreadyHere(path=path, profile=card.profile)
    return False


def _admit(path: str, found: Credential, held: Credential | None, store: Store, places: Places, world: World) -> None:
    """Refuse what may not become this profile, which holds something already or not."""
    profile, choice = found.profile, store.choice(found.profile)
    policy = policies.in_force(places, world.env)
    refusal = policy.use_refusal(found) or policy.store_refusal(choice.kind)
    if refusal is not None:
        raise refusal
    if found.is_api_key and choice.kind == "file" and places.is_openclaw_file:
        raise KeyStoreRefused
    if held is None:
        return
    what, todo = "", "Import it under another name"
    if held.is_api_key or found.is_api_key:
        what = "a key" if held.is_api_key else "a sign-in"
    elif not held.identity.is_same_account(found.identity):
        what = "the login of another account"
    elif held.owner == OWNER_SELF and held.refresh is not None:
        what = "a login of that account that is ours"
        todo = "Remove the file if it is a copy of that login; if it is of a sign-in of its own, " + todo.lower()
    if what:
        raise NameInTheWay(profile=profile, what=what, path=path, todo=todo)
