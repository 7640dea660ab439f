"""What `auth-profiles.json` promises beyond every store: its bytes, its damage, its owner, its other writers."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codex_auth.core.names import CURRENT_PREFIX
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import (
    ForeignFileDamaged,
    LockBusy,
    OpenClawOwnsStore,
    StoreDamaged,
    StoreError,
    StoreNewer,
    StoreNotDurable,
    UnsafeFile,
)
from codex_auth.edge import files
from codex_auth.edge.places import Places
from codex_auth.stores import STORES, auth_profiles, open_kind
from codex_auth.stores.auth_profiles import AuthProfiles
from tests.contract.store_contract import credential, identity

needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

OPENCLAWS = """{
  "version": 1,
  "profiles": {
    "anthropic:default": {
      "type": "token",
      "provider": "anthropic",
      "token": "sk-ant-\\u00e9\\/",
      "weight": 1.50e+1
    },
    "openai-codex:work": {
      "type": "oauth",
      "provider": "openai-codex",
      "access": "old access",
      "refresh": "old refresh",
      "idToken": "old id",
      "expires": 1790000000123,
      "clientId": "app_EMoamEEZ73f0CkXaXp7hrann",
      "accountId": "account-0001",
      "email": "person1@example.com",
      "displayName": "Müller",
      "copyToAgents": false,
      "projectId": 1.0
    }
  },
  "usageStats": {"openai-codex:work": {"lastUsed": 1.7e12, "errorCount": 0}},
  "order": {
    "openai-codex": [
      "openai-codex:work"
    ]
  },
  "lastGood": {}
}
"""
"""A file as OpenClaw 2026.5.28 writes it, with a few things that a decoded tree would lose."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is, in a private folder."""
    folder = tmp_path / "agent"
    folder.mkdir(mode=0o700)
    return folder / "auth-profiles.json"


def write(path: Path, text: str | bytes) -> Path:
    """Write a private file."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return path


def own(path: Path) -> AuthProfiles:
    """Open a file as ours."""
    return AuthProfiles(str(path), locks=str(path.parent.parent / "locks"), openclaw=False)


def openclaws(path: Path, **options: Any) -> AuthProfiles:
    """Open a file as OpenClaw's."""
    return AuthProfiles(str(path), locks=str(path.parent.parent / "locks"), openclaw=True, **options)


# --- form ------------------------------------------------------------------------------------------------------


def test_a_new_file_has_openclaws_form(path: Path) -> None:
    """Two-space JSON with a final newline, mode 0600, the id in our prefix and in the order."""
    own(path).save(credential())

    held = json.loads(path.read_text())
    assert path.read_text() == json.dumps(held, indent=2) + "\n"
    assert list(held) == ["version", "profiles", "order"]
    assert held["order"] == {"openai-codex": ["openai-codex:work"]}
    assert held["profiles"] == {
        "openai-codex:work": {
            "type": "oauth",
            "provider": "openai-codex",
            "access": credential().access.reveal(),
            "refresh": "refresh-1-".ljust(40, "r"),
            "idToken": "id-1-".ljust(40, "i"),
            "expires": 1893553446678,
            "clientId": "client-1",
            "accountId": "account-0001",
            "email": "person1@example.com",
            "chatgptPlanType": "plus",
            "codexAuth": {
                "owner": "codex-auth",
                "issuer": "https://auth.openai.com",
                "scope": "openid offline_access",
                "subject": "auth0|1",
                "userId": "user-1",
                "signedIn": 1892689445678,
                "refreshed": 1893467045678,
            },
        }
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_openclaws_file_is_read(path: Path) -> None:
    """What OpenClaw wrote is shown, as OpenClaw's."""
    store = openclaws(write(path, OPENCLAWS))

    (card,) = store.cards()
    held = store.load("work")

    assert (card.profile, card.profile_id, card.kind, card.owner) == ("work", "openai-codex:work", "oauth", "openclaw")
    assert held is not None
    assert held.identity == replace(identity(), subject="", user_id="", plan="")
    assert held.refresh == Secret("old refresh")
    assert held.expires == datetime(2026, 9, 21, 14, 13, 20, 123_000, tzinfo=UTC)


def test_only_our_entry_changes(path: Path) -> None:
    """A save changes the lines of its own fields, and no other byte of the file."""
    store = openclaws(write(path, OPENCLAWS))
    held = store.load("work")
    assert held is not None

    store.save(replace(held, access=Secret("new access"), refresh=Secret("new refresh")))

    after = path.read_text()
    block = after[after.index(',\n      "codexAuth"') : after.index('\n    }\n  },\n  "usageStats"')]
    assert after.replace(block, "") == OPENCLAWS.replace("old access", "new access").replace(
        "old refresh", "new refresh"
    )


def test_a_new_entry_goes_to_the_end(path: Path) -> None:
    """A new profile is added after the others, laid out like them, and to the end of the order."""
    openclaws(write(path, OPENCLAWS)).save(credential("home", 2))

    after = path.read_text()
    assert after.startswith(OPENCLAWS[: OPENCLAWS.index('"projectId": 1.0')])
    assert '      "openai-codex:work",\n      "openai-codex:home"\n    ]' in after
    assert after.endswith('  "lastGood": {}\n}\n')
    assert after.count('\n    "openai-codex:home": {\n      "type": "oauth",') == 1


def test_saving_and_deleting_gives_the_file_back(path: Path) -> None:
    """What was added is taken out again to the last byte."""
    store = openclaws(write(path, OPENCLAWS))

    store.save(credential("home", 2))
    store.delete("home")

    assert path.read_text() == OPENCLAWS


NAMES = st.sampled_from(["work", "home", "lab"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)
OTHERS = st.dictionaries(st.text(max_size=6).filter(lambda key: key not in {"version", "profiles", "order"}), JUNK)
FOREIGN = st.dictionaries(st.sampled_from(["anthropic:x", "openai-codex:?", "z"]), JUNK)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    others=OTHERS,
    foreign=FOREIGN,
    indent=st.sampled_from([None, 1, 2, "\t"]),
    steps=st.lists(st.tuples(NAMES, st.booleans()), max_size=5),
)
def test_nothing_of_others_is_ever_touched(
    path: Path, others: dict[str, Any], foreign: dict[str, Any], indent: Any, steps: list[tuple[str, bool]]
) -> None:
    """After any saves and deletes the file holds exactly our profiles and everything that was there."""
    write(path, json.dumps({**others, "profiles": foreign}, indent=indent))
    store, expected = own(path), {}

    for number, (name, is_save) in enumerate(steps):
        if is_save:
            store.save(credential(name, number))
            expected[name] = credential(name, number)
        else:
            assert store.delete(name) is (expected.pop(name, None) is not None)

    held = json.loads(path.read_text())
    assert {key: held[key] for key in others} == others
    assert {key: held["profiles"][key] for key in foreign} == foreign
    assert sorted(store.names()) == sorted(expected)
    assert all(store.load(name) == each for name, each in expected.items())


@pytest.mark.parametrize("text", ["{}", '{"profiles": {}}', '{"version": 1}', '{"order": {}}', '\ufeff{"a": 1}\r\n'])
def test_a_file_without_its_parts_gets_them(path: Path, text: str) -> None:
    """Whatever is missing is added beside what is there."""
    store = own(write(path, text))

    store.save(credential())

    assert store.load("work") == credential()
    held = json.loads(path.read_text(encoding="utf-8-sig"))
    assert held["order"] == {"openai-codex": ["openai-codex:work"]}


def test_openclaw_keeps_its_order_elsewhere(path: Path) -> None:
    """In OpenClaw's file no order is made: 6.1 keeps it in another file."""
    openclaws(write(path, '{"version": 1, "profiles": {}, "order": {"anthropic": []}}')).save(credential())

    assert json.loads(path.read_text())["order"] == {"anthropic": []}


@pytest.mark.parametrize("order", [["openai-codex:work"], "not a list", [1], None])
def test_an_order_that_needs_nothing_stays(path: Path, order: object) -> None:
    """An id is not listed twice, and what is no list of ids is left alone."""
    store = own(write(path, json.dumps({"profiles": {}, "order": {"openai-codex": order}})))

    store.save(credential())
    assert json.loads(path.read_text())["order"] == {"openai-codex": order}
    assert store.delete("work")


# --- ids -------------------------------------------------------------------------------------------------------


def entry(access: str, **changes: Any) -> dict[str, Any]:
    """Return an oauth entry."""
    return {"type": "oauth", "provider": "openai", "access": access, "refresh": "r", "expires": 1, **changes}


def test_either_prefix_is_the_same_profile(path: Path) -> None:
    """An entry under OpenClaw's newer id is read, and replaced under that id."""
    store = own(write(path, json.dumps({"profiles": {"openai:work": entry("new id")}})))

    held = store.load("work")
    assert held is not None
    assert held.access == Secret("new id")
    store.save(credential())

    assert list(json.loads(path.read_text())["profiles"]) == ["openai:work"]
    assert json.loads(path.read_text())["profiles"]["openai:work"]["provider"] == "openai"


@pytest.mark.parametrize("prefix", ["openai-codex:", "openai:"])
def test_of_two_ids_ours_counts(path: Path, prefix: str) -> None:
    """With both ids there, the one we would write is read, shown and replaced; deleting takes both."""
    both = {"openai:work": entry("a"), "openai-codex:work": entry("b"), "openai:x": entry("c")}
    write(path, json.dumps({"profiles": both, "order": {"x": ["y"], "openai": ["openai:work", "openai:x"]}}))
    store = openclaws(path, prefix=prefix)

    held = store.load("work")
    assert held is not None
    assert held.access == Secret("a" if prefix == CURRENT_PREFIX else "b")
    assert [card.profile_id for card in store.cards()] == [prefix + "work", "openai:x"]
    assert store.delete("work")

    after = json.loads(path.read_text())
    assert (list(after["profiles"]), after["order"]) == (["openai:x"], {"x": ["y"], "openai": ["openai:x"]})


def test_capitals_in_an_id_are_the_same_name(path: Path) -> None:
    """Another program's `Work` is our `work`, and keeps its spelling."""
    store = openclaws(write(path, json.dumps({"profiles": {"openai-codex:Work": entry("x")}})))

    store.save(credential())

    assert store.names() == ["work"]
    assert list(json.loads(path.read_text())["profiles"]) == ["openai-codex:Work"]


def test_an_api_key_is_read_and_never_replaced(path: Path) -> None:
    """It loads as what it is; a login of the same name gets an entry of its own, and a logout leaves the key."""
    key = {"type": "api_key", "provider": "openai", "key": "sk-1"}
    store = own(write(path, json.dumps({"profiles": {"openai:work": key}})))

    assert [(card.profile, card.kind) for card in store.cards()] == [("work", "api_key")]
    held = store.load("work")
    assert held is not None
    assert (held.is_api_key, held.access, held.refresh) == (True, Secret("sk-1"), None)
    store.save(credential())
    assert store.load("work") == credential()
    assert [card.kind for card in store.cards()] == ["oauth"]
    assert store.delete("work")
    assert json.loads(path.read_text())["profiles"] == {"openai:work": key}


def test_an_id_that_is_taken_by_something_else_is_refused(path: Path) -> None:
    """What we do not understand under our own id is not overwritten."""
    text = json.dumps({"profiles": {"openai-codex:work": {"type": "api_key"}}})
    store = own(write(path, text))

    with pytest.raises(StoreError, match="not a sign-in"):
        store.save(credential())

    assert path.read_text() == text


@pytest.mark.parametrize(
    "odd",
    [
        None,
        1,
        [],
        "x",
        {},
        {"type": "later"},
        {"type": ["oauth"]},
        {"type": 1},
    ],
)
def test_what_is_no_entry_is_not_shown(path: Path, odd: object) -> None:
    """An entry of a form we do not know is kept and not listed."""
    store = own(write(path, json.dumps({"profiles": {"openai:odd": odd, "openai:fine": entry("x")}})))

    assert store.names() == ["fine"]
    assert store.load("odd") is None
    assert store.delete("odd") is False


@pytest.mark.parametrize(
    "half",
    [
        {"type": "oauth"},
        {"type": "oauth", "oauthRef": {"source": "sidecar"}},
        {"type": "oauth", "access": 7, "refresh": "r"},
        {"type": "oauth", "access": "", "refresh": "r"},
        {"type": "token", "tokenRef": {"source": "exec"}},
        {"type": "oauth", "access": "openclaw-oauth-refresh-fence:v1:00:access:00", "refresh": "x", "expires": 1},
    ],
)
def test_half_a_login_is_none(path: Path, half: dict[str, Any]) -> None:
    """An entry without a usable token is shown and not loaded, and a new login may take its place."""
    store = own(write(path, json.dumps({"profiles": {"openai-codex:work": half}})))

    assert store.names() == ["work"]
    assert store.load("work") is None
    store.save(credential())
    assert store.load("work") == credential()


@pytest.mark.parametrize("expires", [None, True, "soon", 1e300, -1e300, [1], 10**40])
def test_an_odd_end_counts_as_ended(path: Path, expires: object) -> None:
    """A time that is none makes a sign-in due for renewal, and is shown as unknown."""
    store = own(write(path, json.dumps({"profiles": {"openai:work": entry("x", expires=expires)}})))

    held = store.load("work")
    assert held is not None
    assert held.expires.year == 1970
    assert [card.expires for card in store.cards()] == [None]


def test_a_lease_is_a_token_entry_in_openclaws_file(path: Path) -> None:
    """Without a refresh token OpenClaw gets its `token` type, and nothing of an earlier login stays."""
    store = openclaws(write(path, OPENCLAWS))

    store.save(credential(refresh=None, id_token=None))

    held = json.loads(path.read_text())["profiles"]["openai-codex:work"]
    assert held["type"] == "token"
    assert held["token"] == credential().access.reveal()
    assert held.keys().isdisjoint({"access", "refresh", "idToken"})
    assert store.load("work") == credential(refresh=None, id_token=None)


def test_a_token_without_an_end_never_ends(path: Path) -> None:
    """As in OpenClaw."""
    store = openclaws(write(path, '{"profiles": {"openai:work": {"type": "token", "token": "x"}}}'))

    held = store.load("work")
    assert held is not None
    assert held.expires.year == 9999


# --- backup ----------------------------------------------------------------------------------------------------


def test_the_backup_is_the_file_before_the_save(path: Path) -> None:
    """One backup, private, one save old."""
    store = own(path)
    store.save(credential(number=1))
    before = path.read_bytes()
    store.save(credential(number=2))

    backup = path.with_name("auth-profiles.json.bak")
    assert backup.read_bytes() == before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert sorted(os.listdir(path.parent)) == ["auth-profiles.json", "auth-profiles.json.bak"]


@pytest.mark.parametrize("farewell", ["delete", "hand over"])
def test_the_backup_goes_before_the_login(path: Path, monkeypatch: pytest.MonkeyPatch, farewell: str) -> None:
    """A kill between the two leaves the login, which can be ended again, and no backup that nobody would look for."""
    store = own(path)
    store.save(credential(number=1))
    store.save(credential(number=2))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        store.delete("work") if farewell == "delete" else store.save(replace(credential(number=2), refresh=None))

    assert os.listdir(path.parent) == [path.name]
    assert store.load("work") == credential(number=2)


@pytest.mark.parametrize("farewell", ["delete", "hand over"])
def test_no_copy_survives_a_farewell(path: Path, farewell: str) -> None:
    """After a logout or a hand-over no file holds the refresh token."""
    store = own(path)
    store.save(credential(number=1))
    store.save(replace(credential(number=1), access=Secret("newer")))

    if farewell == "delete":
        store.delete("work")
    else:
        store.save(credential(number=1, refresh=None))

    assert not any(b"refresh-1" in each.read_bytes() for each in path.parent.iterdir())


# --- damage ----------------------------------------------------------------------------------------------------

DAMAGED = [
    b"",
    b"\n",
    b"null",
    b"[]",
    b"{",
    b'{"profiles": []}',
    b'{"profiles": {"openai:work": {"type": "oauth"}',
    b'{"profiles": {}} {}',
    b'{"profiles": {}, "profiles": {}}',
    b'{"profiles": {"openai:a": {}, "openai:a": {}}}',
    b'{"version": "1"}',
    b'{"version": true}',
    b'{"order": []}',
    b'{"x": NaN}',
    b'{"x": "\xff"}',
    b"\x00" * 100,
    b'{"a":' + b"[" * 100_000,
]


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("act", ["names", "load", "cards"])
def test_looking_at_a_damaged_file_moves_nothing(path: Path, text: bytes, act: str) -> None:
    """It is reported, with no text of the file, and stays."""
    store = own(write(path, text))
    acts: dict[str, Callable[[], object]] = {
        "names": store.names,
        "load": lambda: store.load("work"),
        "cards": lambda: list(store.cards()),
    }

    with pytest.raises(StoreDamaged):
        acts[act]()

    assert path.read_bytes() == text
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("act", ["save", "delete", "prove_writable"])
def test_writing_to_a_damaged_file_keeps_it_aside(path: Path, text: bytes, act: str) -> None:
    """It is moved whole, nothing is written in its place, and the message names both copies."""
    store = own(path)
    store.save(credential(number=1))
    store.save(credential(number=2))
    write(path, text)
    acts: dict[str, Callable[[], object]] = {
        "save": lambda: store.save(credential()),
        "delete": lambda: store.delete("work"),
        "prove_writable": store.prove_writable,
    }

    with pytest.raises(StoreDamaged) as caught:
        acts[act]()

    (kept,) = [each for each in path.parent.iterdir() if ".damaged-" in each.name]
    assert kept.read_bytes() == text
    assert not path.exists()
    assert str(kept) in str(caught.value)
    assert str(path) + ".bak" in caught.value.hint


def test_a_damaged_file_without_a_backup(path: Path) -> None:
    """The message promises no backup that is not there."""
    with pytest.raises(StoreDamaged) as caught:
        own(write(path, b"{")).save(credential())

    assert ".bak" not in caught.value.hint


def test_every_prefix_and_every_flipped_bit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torn file is damaged wherever it was torn; a flipped bit is noticed or changes a text, and never escapes."""
    own(path).save(credential())
    whole = path.read_bytes().rstrip()
    monkeypatch.setattr(files, "snapshot", lambda name, **_: files.Snapshot(name, broken, None))

    for size in range(len(whole)):
        broken = whole[:size]
        with pytest.raises(StoreDamaged):
            own(path).names()
    for bit in range(len(whole) * 8):
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        broken = bytes(broken)
        try:
            assert len(own(path).names()) <= 1
            own(path).load("work")
        except StoreDamaged:
            pass


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a foreign file damaged at once."""
    monkeypatch.setattr(auth_profiles, "_TORN_PAUSES", ())


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_foreign_file_is_never_moved(path: Path, text: bytes) -> None:
    """OpenClaw's file is reported, and left as it is."""
    store = openclaws(write(path, text))

    for act in (store.names, lambda: store.save(credential()), lambda: store.delete("work"), store.prove_writable):
        with pytest.raises(ForeignFileDamaged):
            act()

    assert path.read_bytes() == text
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_is_just_being_written_is_read_again(path: Path) -> None:
    """A foreign file that its owner writes in place is no false alarm."""
    write(path, OPENCLAWS)
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            for size in (0, 100, len(OPENCLAWS)):
                path.write_text(OPENCLAWS[:size])
            time.sleep(0.01)

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(150):
            assert openclaws(path).names() == ["work"]
    finally:
        stop.set()
        writer.join()


def test_a_newer_file_is_read_and_not_written(path: Path) -> None:
    """What a later version wrote is shown; writing says which version is needed."""
    text = OPENCLAWS.replace('"version": 1', '"version": 2')
    store = own(write(path, text))

    assert store.names() == ["work"]
    for act in (lambda: store.save(credential()), lambda: store.delete("work"), store.prove_writable):
        with pytest.raises(StoreNewer, match="has version 2"):
            act()
    assert path.read_text() == text


@pytest.mark.parametrize("text", ['{"version": 2, "profiles": []}', '{"order": 1, "version": 3}'])
def test_a_newer_form_is_no_damage(path: Path, text: str) -> None:
    """A file whose version explains its form is neither called damaged nor moved."""
    store = own(write(path, text))

    assert store.names() == []
    with pytest.raises(StoreNewer):
        store.save(credential())
    assert path.read_text() == text


# --- permissions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opener", [own, openclaws])
def test_a_file_open_to_others_is_refused(path: Path, opener: Callable[[Path], AuthProfiles]) -> None:
    """Neither reading nor writing trusts it."""
    store = opener(write(path, OPENCLAWS))
    path.chmod(0o644)

    for act in (store.names, lambda: store.save(credential())):
        with pytest.raises(UnsafeFile):
            act()


@needs_root
@pytest.mark.parametrize("opener", [own, openclaws])
def test_another_owners_file_is_refused(path: Path, opener: Callable[[Path], AuthProfiles]) -> None:
    """`sudo` with another user's HOME changes nothing there."""
    store = opener(write(path, OPENCLAWS))
    os.chown(path, 65534, 65534)

    for act in (store.names, lambda: store.save(credential())):
        with pytest.raises(UnsafeFile):
            act()
    assert path.stat().st_uid == 65534


@pytest.mark.parametrize("opener", [own, openclaws])
def test_a_folder_that_cannot_be_written(
    path: Path, opener: Callable[[Path], AuthProfiles], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only folder is found out by the proof and by the save, and the file stays."""
    store = opener(write(path, OPENCLAWS))
    real = os.open

    def read_only(name: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        if flags & os.O_CREAT and str(name).startswith(str(path.parent)):
            raise OSError(30, "")
        return real(name, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", read_only)
    for act in (store.prove_writable, lambda: store.save(credential())):
        with pytest.raises(StoreNotDurable, match="the disk is read-only"):
            act()
    monkeypatch.undo()
    assert path.read_text() == OPENCLAWS
    assert os.listdir(path.parent) == [path.name]


def test_our_file_is_never_a_link(path: Path) -> None:
    """OpenClaw's file may be one, and then the link stays and its target is replaced."""
    real = write(path.with_name("real.json"), OPENCLAWS)
    path.symlink_to("real.json")

    with pytest.raises(StoreError, match="symbolic link"):
        own(path).names()
    openclaws(path).save(credential("home", 2))

    assert path.is_symlink()
    assert openclaws(path).names() == ["work", "home"]
    assert "openai-codex:home" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


# --- OpenClaw --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["agent/openclaw-agent.sqlite", "state/openclaw.sqlite"])
def test_nothing_is_written_beside_sqlite(tmp_path: Path, place: str) -> None:
    """Where OpenClaw keeps credentials in SQLite a JSON file would break the agent."""
    folder = tmp_path / "agents" / "main" / "agent"
    folder.mkdir(parents=True, mode=0o700)
    database = folder / "openclaw-agent.sqlite" if place.startswith("agent") else tmp_path / place
    database.parent.mkdir(exist_ok=True)
    database.touch()
    store = AuthProfiles(str(folder / "auth-profiles.json"), locks=str(tmp_path / "locks"), openclaw=True)

    for act in (store.prove_writable, lambda: store.save(credential()), lambda: store.delete("work")):
        with pytest.raises(OpenClawOwnsStore):
            act()

    assert not (folder / "auth-profiles.json").exists()


def test_the_database_of_2026_6_1_is_for_other_things(tmp_path: Path) -> None:
    """The last OpenClaw of the JSON era has a shared database too (schema 1), and no credentials in it."""
    folder = tmp_path / "agents" / "main" / "agent"
    folder.mkdir(parents=True, mode=0o700)
    (tmp_path / "state").mkdir()
    database = tmp_path / "state/openclaw.sqlite"
    store = AuthProfiles(str(folder / "auth-profiles.json"), locks=str(tmp_path / "locks"), openclaw=True)

    database.write_bytes(b"SQLite format 3\0".ljust(63, b"\0") + b"\x0f")
    with pytest.raises(OpenClawOwnsStore):
        store.save(credential())

    database.write_bytes(b"SQLite format 3\0".ljust(63, b"\0") + b"\x01")
    store.save(credential())

    assert store.names() == ["work"]


def test_a_writer_without_a_lock_is_not_overwritten(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that another program made while we were making ours is kept: ours is made anew."""
    store = openclaws(write(path, OPENCLAWS))
    changed = OPENCLAWS.replace("old access", "theirs")
    replace_file, times = files.replace, []

    def interrupted(name: str, pieces: Any, **options: Any) -> None:
        if not times:
            times.append(1)
            write(path, changed)
        replace_file(name, pieces, **options)

    monkeypatch.setattr(files, "replace", interrupted)
    store.save(credential("home", 2))

    assert "theirs" in path.read_text()
    assert store.names() == ["work", "home"]


def test_a_writer_that_never_rests_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After twenty tries the file is said to be busy."""
    store = own(write(path, OPENCLAWS))

    def changed(*_args: Any, **_options: Any) -> None:
        raise files.FileChanged

    monkeypatch.setattr(files, "replace", changed)
    with pytest.raises(LockBusy):
        store.save(credential())


OPENCLAW_WRITER = """
import json, os, sys, time, datetime

path, count = sys.argv[1], int(sys.argv[2])
lock = path + ".lock"
start = int(open("/proc/self/stat", "rb").read().rpartition(b")")[2].split()[19])
for number in range(count):
    while True:
        try:
            fd = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            break
        except FileExistsError:
            time.sleep(0.001)
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = {"pid": os.getpid(), "createdAt": created, "starttime": start}
    os.write(fd, (json.dumps(payload, indent=2) + "\\n").encode())
    os.close(fd)
    with open(path) as file:
        held = json.load(file)
    held["profiles"][f"anthropic:n{number}"] = {"type": "token", "provider": "anthropic", "token": str(number)}
    fd = os.open(f"{path}.{number}.tmp", os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(fd, (json.dumps(held, indent=2) + "\\n").encode())
    os.close(fd)
    os.rename(f"{path}.{number}.tmp", path)
    os.unlink(lock)
"""
"""OpenClaw's way of writing: an exclusive lock file, a whole new document, a rename."""


@needs_proc
def test_three_hundred_racing_writes_each(path: Path) -> None:
    """OpenClaw and we write one file at the same time, and every write of both is there afterwards."""
    write(path, '{\n  "version": 1,\n  "profiles": {}\n}\n')
    store = openclaws(path)
    with subprocess.Popen([sys.executable, "-c", OPENCLAW_WRITER, str(path), "300"]) as theirs:
        for number in range(300):
            store.save(credential(f"n{number}", number))

        assert theirs.wait() == 0

    held = json.loads(path.read_text())["profiles"]
    assert sum(key.startswith("anthropic:") for key in held) == 300
    assert sum(key.startswith("openai-codex:") for key in held) == 300
    assert not path.with_name("auth-profiles.json.lock").exists()


SAVER = """
import sys
from tests.contract.store_contract import credential
from codex_auth.stores.auth_profiles import AuthProfiles
store = AuthProfiles(sys.argv[1], locks=sys.argv[2], openclaw=sys.argv[3] == "True")
first = int(sys.argv[4])
print("ready", flush=True)
for number in range(first, first + int(sys.argv[5])):
    store.save(credential(f"n{number}", number))
"""


def saver(path: Path, openclaw: bool, first: int, count: int) -> "subprocess.Popen[bytes]":
    """Start a process that saves `count` profiles."""
    arguments = [str(path), str(path.parent.parent / "locks"), str(openclaw), str(first), str(count)]
    root = str(Path(__file__).parents[2])
    return subprocess.Popen([sys.executable, "-c", SAVER, *arguments], stdout=subprocess.PIPE, cwd=root)


@pytest.mark.parametrize("openclaw", [False, True])
def test_four_processes_lose_nothing(path: Path, openclaw: bool) -> None:
    """Four processes save fifty profiles each into one file at the same time, and all two hundred are there."""
    with contextlib.ExitStack() as stack:
        children = [stack.enter_context(saver(path, openclaw, 50 * number, 50)) for number in range(4)]
        assert [child.wait() for child in children] == [0] * 4

    store = openclaws(path) if openclaw else own(path)
    assert sorted(store.names()) == sorted(f"n{number}" for number in range(200))


@pytest.mark.parametrize("openclaw", [False, True])
def test_killed_savers_leave_a_whole_file(path: Path, openclaw: bool) -> None:
    """Processes killed at any moment leave every finished save, nobody stuck, and nothing after the next save."""
    store = openclaws(path) if openclaw else own(path)
    for round_ in range(15):
        with saver(path, openclaw, 1000, 1000) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(0.003 * round_)
            child.kill()
        store.save(credential(f"kept{round_}", round_))

    assert sum(name.startswith("kept") for name in store.names()) == 15
    assert all(store.load(name) for name in store.names())
    assert set(os.listdir(path.parent)) <= {path.name, path.name + ".bak"}


# --- opening ---------------------------------------------------------------------------------------------------


def test_the_table_opens_every_kind(tmp_path: Path) -> None:
    """Each store in the table can be opened at this run's places, and opening creates nothing."""
    places = Places(
        state=str(tmp_path / "state"),
        data=str(tmp_path / "data"),
        config_file=str(tmp_path / "config.toml"),
        auth_path=str(tmp_path / "data" / "auth-profiles.json"),
        auth_rule="a test",
        is_openclaw_file=False,
    )

    for kind in STORES:
        assert open_kind(places, kind).kind == kind
    assert list(tmp_path.iterdir()) == []


def test_reading_loads_nothing_heavy(path: Path) -> None:
    """A command that only looks pays neither for locks nor for the command line."""
    write(path, OPENCLAWS)
    script = (
        "import sys\n"
        "from codex_auth.stores.auth_profiles import AuthProfiles\n"
        f"store = AuthProfiles({str(path)!r}, locks='/nowhere', openclaw=True)\n"
        "assert list(store.cards()) and store.load('work')\n"
        "print(sorted({'filelock', 'click', 'logging', 'pathlib', 'tempfile', 'authlib'} & set(sys.modules)))\n"
    )

    assert unobserved(script) == b"[]\n"


def unobserved(script: str) -> bytes:
    """Run Python text without the coverage tool, which loads and keeps much itself, and return what it printed."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, env=env).stdout


@needs_proc
def test_ten_thousand_profiles(path: Path) -> None:
    """A file of thirty-five megabytes is listed and changed in less than 80 MB of memory."""
    entries = {
        f"openai-codex:p{number}": entry("a" * 2_000, idToken="i" * 1_400, accountId=f"account-{number}")
        for number in range(10_000)
    }
    write(path, json.dumps({"version": 1, "profiles": entries}, indent=2))
    assert path.stat().st_size > 35_000_000
    script = (
        "from dataclasses import replace\n"
        "from codex_auth.core.secret import Secret\n"
        "from codex_auth.stores.auth_profiles import AuthProfiles\n"
        f"store = AuthProfiles({str(path)!r}, locks={str(path.parent / 'locks')!r}, openclaw=False)\n"
        "assert len(list(store.cards())) == 10_000\n"
        "held = store.load('p7777')\n"
        "store.save(replace(held, access=Secret('new')))\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    )

    peak = int(unobserved(script))

    assert peak < 80_000
