"""Writing at the same time as the real OpenClaw: nobody's write is lost."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tests.real_openclaw.claw import PATIENCE, Claw, put_login

THEIRS, OURS = map(int, os.environ.get("CODEX_AUTH_TEST_OPENCLAW_WRITES", "70 40").split())
"""How many writes race; `scripts/openclaw` asks for 700 and 400."""

Record = Callable[[str, object], None]
"""Notes a figure of a test, which `scripts/openclaw` prints at its end."""

_THEIR_WRITES = """
for (let i = 0; i < facts.count; i++) {
  const updater = (s) => { s.profiles[`other:${i}`] = {type: "api_key", provider: "other", key: "k"}; return true; };
  if (await sdk.updateAuthProfileStoreWithLock({ updater }) === null) return i;
}
return facts.count;
"""
_OUR_WRITES = """
import sys
from datetime import UTC, datetime, timedelta
from codex_auth.core.card import Identity
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.deliver.openclaw_json import JsonEra
from codex_auth.deliver.protocol import Gift
from codex_auth.notes.deliveries import Place
folder, locks, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
identity = Identity(issuer="https://auth.openai.com", subject="", account_id="account")
for i in range(count):
    place = Place(target="openclaw", state="", config="", home_profile="", agent="", profile_id=f"openai:race{i}")
    held = Credential(profile=f"race{i}", identity=identity, access=Secret(f"access-{i}"), refresh=None, id_token=None,
                      expires=datetime.now(UTC) + timedelta(days=9))
    JsonEra(place, folder, locks=locks).give(Gift(credential=held))
"""


def test_no_write_is_lost_in_the_json_era(json_claw: Claw, record_property: Record) -> None:
    """Our own writer against OpenClaw's SDK in the same file, each under OpenClaw's lock."""
    claw, locks = json_claw, str(json_claw.program.home / "locks")
    claw.json_file.parent.mkdir(parents=True, mode=0o700)
    words = [sys.executable, "-c", _OUR_WRITES, str(claw.json_file.parent), locks, str(OURS)]

    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as ours:
        assert claw.sdk(_THEIR_WRITES, count=THEIRS, seconds=PATIENCE + THEIRS) == THEIRS
        assert ours.communicate(timeout=PATIENCE + OURS)[1] == ""

    wanted = {f"other:{i}" for i in range(THEIRS)} | {f"openai:race{i}" for i in range(OURS)}
    lost = wanted - set(claw.stored())
    record_property("raced", len(wanted))
    record_property("lost", len(lost))
    assert lost == set()


def test_no_write_is_lost_in_the_sqlite_era(sqlite_claw: Claw, record_property: Record) -> None:
    """Leases through the helper while OpenClaw's SDK writes all the time."""
    claw, program = sqlite_claw, sqlite_claw.program
    put_login(program)
    ended, ours, count = list[object](), 0, THEIRS * 2
    writer = threading.Thread(
        target=lambda: ended.append(claw.sdk(_THEIR_WRITES, count=count, seconds=PATIENCE + count))
    )
    writer.start()
    while True:
        done = program.json("deliver", "openclaw", "work")
        assert done["ok"] is True, done
        ours += 1
        if not writer.is_alive():
            break
        time.sleep(0)
    writer.join()

    wanted = {claw.profile_id, *(f"other:{i}" for i in range(count))}
    lost = wanted - set(claw.stored())
    record_property("raced", ours + count)
    record_property("lost", len(lost))
    assert ended == [count]
    assert lost == set()


def test_openclaw_waits_for_our_lock(json_claw: Claw) -> None:
    """Its own command line waits while we hold the lock, and then succeeds."""
    from codex_auth.stores.openclaw_lock import hold_openclaw

    claw = json_claw
    claw.hold("openai:first", {"type": "token", "provider": "openai", "token": "t", "expires": 1999999999000})
    waiting: list[bool] = []
    with hold_openclaw(str(claw.json_file.with_name("auth-profiles.json"))):
        words = ["models", "auth", "order", "set", "--provider", "openai", "openai:first"]
        asked = threading.Thread(target=lambda: waiting.append(claw.run(*words).returncode == 0))
        asked.start()
        asked.join(9)
        assert asked.is_alive()
    asked.join()

    assert waiting == [True]


_HOLDS = """
import sys, time
from codex_auth.stores.openclaw_lock import hold_openclaw
with hold_openclaw(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.mark.long_openclaw
def test_openclaw_takes_the_lock_of_one_of_us_who_was_killed(json_claw: Claw) -> None:
    """What a killed process of ours leaves is nobody's lock: its command line goes on at once, not after a minute."""
    claw = json_claw
    claw.hold("openai:first", {"type": "token", "provider": "openai", "token": "t", "expires": 1999999999000})
    words = ["models", "auth", "order", "set", "--provider", "openai", "openai:first"]
    with subprocess.Popen([sys.executable, "-c", _HOLDS, str(claw.json_file)], stdout=subprocess.PIPE, text=True) as us:
        assert us.stdout is not None
        assert us.stdout.readline() == "held\n"
        us.kill()
    lock = claw.json_file.with_name("auth-profiles.json.lock")
    assert lock.exists()

    begun = time.monotonic()
    assert claw.run(*words).returncode == 0
    waited = time.monotonic() - begun
    begun = time.monotonic()
    assert claw.run(*words).returncode == 0

    assert waited - (time.monotonic() - begun) < 9
    assert not lock.exists()
