"""`doctor`: faults that were planted are found by their codes, and what is safe to mend is mended."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codex_auth.core.provider import CALLBACK_PORTS
from tests.story.conftest import Person, Program
from tests.story.logins import login, put, put_login
from tests.story.test_deliver_openclaw import installed

pytestmark = pytest.mark.usefixtures("callback_ports")  # others hold them meanwhile, and that would be found

STATE, DATA = "state", ".local/share/codex-auth"
DAY = 24 * 3600


def codes(program: Program, *words: str) -> list[str]:
    """Return the codes of what `doctor` finds on this machine alone."""
    document = json.loads(program("doctor", "--offline", "--json", *words).stdout)
    assert document["schema_version"] == 1
    assert document["ok"] is not any(not row["fixed"] for row in document["findings"])
    for row in document["findings"]:
        assert row["message"], row
        assert row["hint"], row
    return [row["code"] for row in document["findings"] if row["code"] != "ports_held"]


def lease(profile: str, place: Path, *, settled: bool = True) -> Callable[[Program], None]:
    """Return what notes a delivery of this profile to a Codex home."""

    def plant(program: Program) -> None:
        folder = program.home / STATE / "deliveries"
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        row = {
            "target": "codex",
            "state": str(program.home / place),
            "config": str(program.home / place / "config.toml"),
            "home_profile": "",
            "agent": "",
            "profile_id": "auth.json",
            "mode": "lease" if settled else "hand-over",
            "at": "2026-06-01T00:00:00+00:00",
            "access": "x",
            "expires": None,
            "refresh": "",
            "before": "",
            "settled": settled,
        }
        note = folder / f"{profile}.json"
        note.write_text(json.dumps({"schema_version": 1, "deliveries": [row]}))
        note.chmod(0o600)

    return plant


def written(path: str, text: str, mode: int = 0o600) -> Callable[[Program], None]:
    """Return what puts a file there."""

    def plant(program: Program) -> None:
        file = program.home / path
        file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    return plant


def opened(path: str, mode: int) -> Callable[[Program], None]:
    """Return what opens a file or folder of ours to others."""

    def plant(program: Program) -> None:
        target = program.home / path
        target.mkdir(parents=True, exist_ok=True) if not target.exists() else None
        target.chmod(mode)

    return plant


def entries(**profiles: dict[str, object]) -> Callable[[Program], None]:
    """Return what stores these logins."""
    return lambda program: put(program, {f"openai-codex:{name}": entry for name, entry in profiles.items()})


def linked(path: str) -> Callable[[Program], None]:
    """Return what puts a link where a folder of ours should be."""

    def plant(program: Program) -> None:
        real = program.home / "elsewhere"
        (program.home / path).rename(real)
        (program.home / path).symlink_to(real)

    return plant


def environment(**variables: str) -> Callable[[Program], None]:
    """Return what sets variables."""
    return lambda program: program.env.update(variables)


def stranger(program: Program) -> None:
    """Put another program of our name first on PATH."""
    written("bin/codex-auth", "#!/bin/sh\necho other\n", 0o755)(program)
    program.env["PATH"] = f"{program.home / 'bin'}:{program.env['PATH']}"


def migration(program: Program) -> None:
    """Leave the JSON file that stops an OpenClaw of the SQLite era."""
    state = installed(program, "2026.9.6", "exit 1")
    (state / "agents/main/agent/auth-profiles.json").write_text("{}")


def migrated(program: Program) -> None:
    """Leave the copy that a migration makes, open to all."""
    state = installed(program, "2026.9.6", "exit 1")
    copy = state / "agents/main/agent/auth-profiles.json.migrated-2026-06-01"
    copy.write_text("{}")
    copy.chmod(0o644)


def round_of(*, failed: dict[str, str], due: str | None = None) -> Callable[[Program], None]:
    """Return what notes how the last round of `keep` went."""
    last = {"at": "2026-06-01T00:00:00+00:00", "next_due": due, "refreshed": [], "failed": failed}
    return written(f"{STATE}/keep.json", json.dumps({"schema_version": 1, **last}))


def listed_in_vault(program: Program) -> None:
    """List a login as in a vault that is not there."""
    index = {"version": 1, "vault": {"work": {"type": "oauth", "expires": 1, "hasRefresh": True}}}
    written(f"{DATA}/index.json", json.dumps(index))(program)


FAULTS = {
    "store open": (opened(f"{DATA}/auth-profiles.json", 0o644), "open_to_others"),
    "data folder open": (opened(DATA, 0o755), "open_to_others"),
    "state folder open": (opened(STATE, 0o777), "open_to_others"),
    "journal open": (opened(f"{STATE}/journal", 0o755), "open_to_others"),
    "backup open": (written(f"{DATA}/auth-profiles.json.bak", "{}", 0o640), "open_to_others"),
    "seal key open": (written(f"{STATE}/seal.key", "x" * 32, 0o644), "open_to_others"),
    "state a link": (linked(STATE), "link_in_place"),
    "damaged store kept": (written(f"{DATA}/auth-profiles.json.damaged-20260101T000000Z", "{"), "damaged_kept"),
    "damaged pending kept": (written(f"{STATE}/codex-auth-pending.json.damaged-20260101T0000Z", "{"), "damaged_kept"),
    "killed save": (written(f"{DATA}/.auth-profiles.json.abc.tmp", "{"), "temporary_left"),
    "store damaged": (written(f"{DATA}/auth-profiles.json", "{"), "store_damaged"),
    "index damaged": (written(f"{DATA}/index.json", "{"), "index_damaged"),
    "pending damaged": (written(f"{STATE}/codex-auth-pending.json", "{"), "pending_damaged"),
    "delivery note damaged": (written(f"{STATE}/deliveries/work.json", "{"), "store_error"),
    "vault gone": (listed_in_vault, "vault_gone"),
    "login ended": (entries(work=login(life=-10, refresh=None)), "login_ended"),
    "token copied": (entries(work=login(), copy=login()), "two_copies"),
    "hand-over cut off": (lease("work", Path(".codex"), settled=False), "hand_over_unclear"),
    "lease gone": (lease("work", Path(".codex")), "delivery_gone"),
    "nobody keeps": (lease("work", Path(".codex")), "nobody_keeps"),
    "round failed": (round_of(failed={"work": "provider_unreachable"}), "round_failed"),
    "round overdue": (round_of(failed={}, due="2026-06-01T00:00:00+00:00"), "round_overdue"),
    "another program first": (stranger, "name_taken_on_path"),
    "Codex configuration broken": (written(".codex/config.toml", "a = ["), "codex_config_damaged"),
    "OpenClaw waits to migrate": (migration, "openclaw_migration"),
    "a migration's copy is open": (migrated, "leftover_open"),
    "proxy unusable": (environment(HTTPS_PROXY="socks5://127.0.0.1:1"), "proxy_unusable"),
    "authorities missing": (environment(SSL_CERT_FILE="/nonexistent.pem"), "ca_unusable"),
    "policy broken": (written(".config/codex-auth/config.toml", "[policy]\nflows = 3\n"), "policy_unusable"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_code(program: Program, fault: str) -> None:
    """Each with a sentence and what to type; without it there is nothing to find."""
    put_login(program)
    assert codes(program) == []
    plant, code = FAULTS[fault]

    plant(program)

    assert code in codes(program)


@pytest.fixture
def both_ports() -> Iterator[None]:
    """Hold both callback ports."""
    held = [socket.socket() for _ in CALLBACK_PORTS]
    for listener, port in zip(held, CALLBACK_PORTS, strict=True):
        listener.bind(("127.0.0.1", port))
        listener.listen()
    yield
    for listener in held:
        listener.close()


@pytest.mark.usefixtures("both_ports")
def test_ports_that_are_held(program: Program) -> None:
    """With both held, a browser cannot come back here."""
    found = json.loads(program("doctor", "--offline", "--json").stdout)["findings"]

    assert [row["code"] for row in found] == ["ports_held"]
    assert "1455 by python" in found[0]["message"]


@pytest.mark.parametrize("fault", [name for name, (_, code) in FAULTS.items() if code.endswith("open_to_others")])
def test_what_others_can_open_is_closed(program: Program, fault: str) -> None:
    """`--fix` closes it, says so, and the next look finds nothing."""
    put_login(program)
    FAULTS[fault][0](program)

    done = program("doctor", "--offline", "--fix")

    assert "mended open_to_others: " in done.stdout
    assert codes(program) == []


def test_a_lease_is_delivered_again(person: Person) -> None:
    """Somebody signed out there; `--fix` puts the lease back, and tells what it did."""
    program = person.program
    person.sign_in()
    assert program("deliver", "codex", "work").returncode == 0
    file = program.home / ".codex/auth.json"
    file.unlink()

    found = program("doctor", "--offline")
    program("doctor", "--offline", "--fix")

    assert found.returncode == 1
    assert "+ delivery_gone: The lease of work is gone from" in found.stdout
    assert "`codex-auth doctor --fix` mends what is marked +." in found.stderr
    assert json.loads(file.read_text())["auth_mode"] == "chatgptAuthTokens"
    assert "delivery_gone" not in codes(program)


def test_another_login_there_is_left_alone(person: Person) -> None:
    """What somebody signed in to there is theirs: `--fix` does not touch it, and says what to do."""
    program = person.program
    person.sign_in()
    assert program("deliver", "codex", "work").returncode == 0
    file = program.home / ".codex/auth.json"
    file.write_text(json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-theirs"}))
    before = file.read_bytes()

    done = program("doctor", "--offline", "--fix")

    assert done.returncode == 1
    assert "It could not be mended" in done.stdout
    assert file.read_bytes() == before
    assert "sk-theirs" not in done.stdout + done.stderr


def test_a_provider_that_answers_and_one_that_does_not(person: Person) -> None:
    """Only the providers of the logins here are asked."""
    person.sign_in()
    assert "unreachable" not in person.program("doctor").stdout

    for _ in range(2):
        person.sandbox.fault("drop", route="jwks")
    found = json.loads(person.program("doctor", "--json").stdout)["findings"]

    assert "provider_unreachable" in [row["code"] for row in found]


def test_ten_thousand_logins_are_looked_at(program: Program) -> None:
    """It takes seconds, not minutes."""
    put(program, {f"openai-codex:p{number}": login(f"p{number}", life=DAY) for number in range(10_000)})
    begun = time.process_time()

    assert codes(program) == []
    assert time.process_time() - begun < 60
