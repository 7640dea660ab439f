"""`doctor --bundle`: everything a report needs, and nothing that was planted in any place that the program reads."""

import base64
import errno
import json
import random
import re
import stat
import string
import urllib.parse
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.scrub import Scrub
from codex_auth.edge import archive
from codex_auth.edge.places import find_places
from codex_auth.notes.pending import PendingFile
from codex_auth.notes.queue import Outcome, Request, remember
from codex_auth.views import bundle
from tests.story.conftest import Program
from tests.story.faults import CONFIG, DATA, STATE, Scene, ready
from tests.story.logins import login, put
from tests.story.test_carry import jwt

SLICE = 8
FILES = [
    *("README.txt", "findings.txt", "versions.json", "findings.json", "status.json", "queue.json", "rounds.json"),
    *("settings.json", "files.json"),
]


@dataclass
class Canaries:
    """Secrets made on demand, each for one place, so that a leak says where it came from."""

    shape: str
    chance: random.Random
    held: dict[str, str] = field(default_factory=dict)

    def __call__(self, place: str) -> str:
        """Return the canary of a place."""
        if place not in self.held:
            self.held[place] = self._made()
        return self.held[place]

    def address(self, place: str) -> str:
        """Return an e-mail address."""
        self.held[place] = self._letters(12)
        return f"{self.held[place]}@mail-of-somebody.example"

    def leaks(self, text: bytes) -> list[str]:
        """Return the places whose canaries are in a text: plain, base64, hexadecimal, percent-encoded, or for JSON."""
        all_of_it = text.decode("utf-8", "replace").lower()
        there = {all_of_it[at : at + SLICE] for at in range(len(all_of_it))}
        return sorted({place for place, secret in self.held.items() for form in forms(secret) if form.lower() in there})

    def _made(self) -> str:
        if self.shape == "word":  # which no pattern finds: only what is never taken is not there
            return self._letters(16)
        if self.shape == "token":
            return jwt(sub=self._letters(16), exp=1)
        return "".join(self.chance.choices(string.ascii_letters + string.digits + "-_", k=43)) + '"/+ä'

    def _letters(self, count: int) -> str:
        return "".join(self.chance.choices(string.ascii_lowercase, k=count))


def forms(secret: str) -> Iterator[str]:
    """Yield what a secret may look like, each cut into pieces of eight characters."""
    raw = secret.encode()
    # In base64 it depends on what stands before it; two of three bytes at either end are then other ones.
    shifted = (base64.b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3))
    urlsafe = (base64.urlsafe_b64encode(b"x" * shift + raw).decode()[4:-4] for shift in range(3))
    for form in (secret, *shifted, *urlsafe, urllib.parse.quote(secret, safe=""), json.dumps(secret)[1:-1], raw.hex()):
        yield from (form[at : at + SLICE] for at in range(len(form) - SLICE + 1) if not form.startswith("eyJ", at))


@pytest.fixture
def scene(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Scene]:
    """Return the machine of a person whose home folder has their name."""
    home = tmp_path / "qwvontrapp"
    home.mkdir(mode=0o700)
    env = {**program.env, "HOME": str(home), "CODEX_AUTH_STATE_DIR": str(home / STATE)}
    machine = Scene(home, env, patch=monkeypatch)
    with machine.after:
        yield ready(machine)


def entry(name: str, canary: Canaries, **more: object) -> dict[str, Any]:
    """Return a login that is all canaries."""
    ours = {
        "owner": "codex-auth",
        "refreshed": 1,
        "subject": canary(f"{name} subject"),
        "userId": canary(f"{name} user"),
    }
    whole = login(
        name,
        access=canary(f"{name} access"),
        refresh=canary(f"{name} refresh"),
        idToken=canary(f"{name} id token"),
        accountId=canary(f"{name} account"),
        email=canary.address(f"{name} email"),
        unknown={"field": canary(f"{name} unknown field")},
        codexAuth={**ours, "note": canary(f"{name} note")},
    )
    return {**whole, **more}


def plant(scene: Scene, canary: Canaries) -> None:
    """Put a canary into every place that the program reads."""
    _stores(scene, canary)
    _state(scene, canary)
    _neighbours(scene, canary)
    hook = f"notify --header 'Authorization: {canary('hook')}'"
    scene.file(
        CONFIG,
        f"hook = {json.dumps(hook)}\n"
        f"passphrase_command = {json.dumps('pass show ' + canary('passphrase command'))}\n"
        f"chat_operators = [{json.dumps('telegram:' + canary('operator'))}]\n"
        f"callback_url_base = {json.dumps('https://' + canary('ingress login') + '@ingress.example')}\n"
        f"unknown_key = {json.dumps(canary('unknown key'))}\n"
        f"[policy]\nallowed_workspaces = [{json.dumps(canary('workspace'))}]\n",
    )
    proxy = urllib.parse.quote(canary("proxy password"), safe="")
    scene.env |= {
        "OPENAI_API_KEY": canary("API key"),
        "CODEX_API_KEY": canary("Codex key"),
        "CODEX_ACCESS_TOKEN": canary("Codex token"),
        "OPENCLAW_GATEWAY_TOKEN": canary("gateway token"),
        "HTTPS_PROXY": f"http://somebody:{proxy}@proxy.example:3128",
        "CODEX_AUTH_STOER": canary("unknown variable"),
        "CODEX_AUTH_TOKEN": canary("token of run"),
        "AWS_SECRET_ACCESS_KEY": canary("another program's key"),
        "BROWSER": f"true {canary('browser')}",
    }


def _stores(scene: Scene, canary: Canaries) -> None:
    scene.keyring()
    kept = {f"openai-codex:{name}": entry(name, canary) for name in ("vaulted", "ringed")}
    put(scene, kept)
    assert scene("move", "vaulted", "--to", "vault").returncode == 0
    assert scene("move", "ringed", "--to", "keyring").returncode == 0
    named = f"{canary.address('profile name')}"
    others = {f"openai-codex:{name}": entry(name, canary) for name in ("work", named)}
    key = {"type": "api_key", "provider": "openai", "key": canary("stored key"), "codexAuth": {"owner": "codex-auth"}}
    put(scene, {**others, "openai:key": key})
    for name in ("auth-profiles.json.bak", "auth-profiles.json.damaged-20260101T000000Z", ".auth-profiles.json.1.tmp"):
        scene.file(f"{DATA}/{name}", scene.store.read_text())


def _state(scene: Scene, canary: Canaries) -> None:
    started = scene.json("start", "fresh", "--issuer", "http://127.0.0.1:9", "--requester", canary("requester"))
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(started["login_url"]).query)
    canary.held |= {name: query[name][0] for name in ("state", "code_challenge")}
    callback = f"http://localhost:1455/auth/callback?code={canary('code')}&state={canary('callback state')}"
    moment = find_moment()
    request = Request(
        id=canary("request id"),
        profile="work",
        target="openclaw",
        state=str(scene.home / ".openclaw"),
        config="c",
        home_profile="",
        agent="",
        reason=canary("reason"),
        wants_restart=False,
        requested=moment,
        ticks=0.0,
        updated=moment,
        waits_for=canary("waits for"),
        outcome=Outcome(code="failure", message=callback, hint=callback, status=1),
    )
    with PendingFile(find_places(scene.env), make=True).change() as table:
        table.queue.append(request)
    remember(find_places(scene.env), request.at("failed", moment))
    _with_device(scene.pending, f"https://provider.example/device/{canary('user code')}")
    scene.deliver("work", ".codex", access=canary("fingerprint"), before=canary("fingerprint before"))
    scene.round(failed={"work": "provider_unreachable"})
    for name in ("alerts.json", "usage.json", "journal/work.json"):
        held = {"schema_version": 1, "step": "replied", "sealed": canary(f"sealed in {name}"), "profiles": {}}
        scene.file(f"{STATE}/{name}", json.dumps(held))
    scene.file("project/.codex-auth", f"not a name {canary('folder file')}\n", 0o644)
    scene.patch.chdir(scene.home / "project")


def _with_device(pending: Path, page: str) -> None:
    """Let the sign-in that waits be one by device code, whose page some providers give the code along with."""
    table = json.loads(pending.read_text())
    device = {"dialect": "rfc8628", "page": page, "interval": 5, "slowed": 0, "ask_after": "2026-06-01T00:00:00+00:00"}
    table["pending"][0]["device"] = device
    pending.write_text(json.dumps(table))


def find_moment() -> Any:
    """Return a moment long ago."""
    from datetime import UTC, datetime

    return datetime(2026, 6, 1, tzinfo=UTC)


def _neighbours(scene: Scene, canary: Canaries) -> None:
    tokens = {name: canary(f"Codex's {name}") for name in ("id_token", "access_token", "refresh_token", "account_id")}
    codex = json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": canary("Codex's key"), "tokens": tokens})
    scene.file(".codex/auth.json", codex, 0o644)
    scene.file(
        ".codex/config.toml",
        f"[model_providers.x]\nexperimental_bearer_token = {json.dumps(canary('bearer'))}\n"
        f'auth = {{command = "/nowhere/codex-auth", args = [{json.dumps(canary("argument"))}]}}\n',
    )
    scene.file(f"{STATE}/codex-homes/gone/auth.json", codex)
    agent = ".openclaw/agents/main/agent"
    theirs = json.dumps({"version": 1, "profiles": {"openai-codex:main": entry("openclaw", canary)}})
    for name in ("auth-profiles.json", "auth-profiles.json.migrated-2026-06-01"):
        scene.file(f"{agent}/{name}", theirs)
    scene.file(".openclaw/openclaw.json", json.dumps({"gateway": {"auth": {"token": canary("OpenClaw's gateway")}}}))
    scene.file("tmp-openclaw/codex-auth-apply-1/payload.json", theirs)


def unpacked(path: Path) -> dict[str, bytes]:
    """Return what is in the archive, by name."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.mark.parametrize("shape", ["word", "token", "random"])
def test_no_secret_is_in_it(scene: Scene, shape: str) -> None:
    """Tokens, codes, states, keys, passwords, accounts, addresses: in no form, in no file; nor in what is said."""
    canary = Canaries(shape, random.Random(7))
    plant(scene, canary)

    done = scene("doctor", "--offline", "--bundle", str(scene.home / "report.zip"), "--json")
    said = json.loads(done.stdout)

    assert len(canary.held) > 60
    assert canary.leaks((done.stdout + done.stderr).encode()) in ([], ["profile name"])
    assert said["bundle"] == str(scene.home / "report.zip")
    for name, text in unpacked(scene.home / "report.zip").items():
        assert canary.leaks(text) == [], name
        assert b"qwvontrapp" not in text, name
        assert canary.leaks(name.encode()) == []
    assert {"token_in_environment", "leftover", "home_of_nobody", "damaged_kept", "setting_unknown"} <= {
        row["code"] for row in said["findings"]
    }


def test_the_search_finds_what_is_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either door the canaries are found, in every form; so the search can fail."""
    canary = Canaries("word", random.Random(7))
    plant(scene, canary)
    leaky = scene.store.read_text() + json.dumps(dict(scene.env))
    monkeypatch.setattr(bundle, "_rounds", lambda _: {"all": leaky, "b": base64.b64encode(leaky.encode()).decode()})
    monkeypatch.setattr(Scrub, "text", lambda _, text: text)

    scene("doctor", "--offline", "--bundle", str(scene.home / "report.zip"))

    found = canary.leaks(b"".join(unpacked(scene.home / "report.zip").values()))
    assert {"work access", "work email", "work account", "proxy password", "browser", "stored key"} <= set(found)


def test_what_is_in_it(scene: Scene) -> None:
    """Each file that the list names: versions, findings, status, queue, rounds, rules, settings; the home is `~`."""
    put(scene, {f"openai-codex:{name}": login(name, email="a@example.com") for name in ("work", "again")})
    scene.file(CONFIG, 'store = "vault"\nhook = "true"\n[policy]\nallowed_flows = ["device"]\n')

    done = scene("doctor", "--offline", "--bundle", str(scene.home))

    [path] = scene.home.glob("codex-auth-report-*.zip")
    files = unpacked(path)
    assert list(files) == [f"codex-auth-report/{name}" for name in FILES]
    held = {name: json.loads(files[f"codex-auth-report/{name}"]) for name in FILES if name.endswith(".json")}
    assert f"Written: {path}" in done.stderr
    assert all(f"  {name} " in done.stderr for name in FILES)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row["account_id"] for row in held["status.json"]["profiles"]] == ["account-2", "account-1"]
    assert held["status.json"]["why"]["state"] == "~/state"
    assert held["status.json"]["policy"][0]["allows"] == 1
    assert held["settings.json"]["configuration"] == {"store": "vault", "hook": True, "policy": True}
    assert "CODEX_AUTH_STATE_DIR" in held["settings.json"]["variables"]
    assert held["versions.json"]["libraries"]["click"]
    assert {"path": "~/state", "mode": "drwx------", "ours": True}.items() <= held["files.json"][0].items()
    assert [row["code"] for row in held["findings.json"]] == ["policy_in_force"]
    assert b"i policy_in_force: " in files["codex-auth-report/findings.txt"]


def test_it_is_never_written_over_a_file(scene: Scene) -> None:
    """Nor through a link; what is there stays, and it is said."""
    there = scene.file("report.zip", "mine")
    link = scene.home / "link.zip"
    link.symlink_to(scene.home / "nothing")

    for path in (there, link):
        done = scene("doctor", "--offline", "--bundle", str(path))
        assert done.returncode == 1
        assert f"{path} is there already" in done.stderr

    assert there.read_text() == "mine"
    assert not (scene.home / "nothing").exists()


def test_a_folder_that_is_not_there(scene: Scene) -> None:
    """Is said, in one sentence."""
    done = scene("doctor", "--offline", "--bundle", str(scene.home / "nowhere/report.zip"))

    assert done.returncode == 1
    assert "could not be saved: the folder does not exist" in done.stderr


def test_a_disk_without_room(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves no half an archive."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr(archive.os, "fsync", full)

    done = scene("doctor", "--offline", "--bundle", str(scene.home / "report.zip"))

    assert "could not be saved: the disk is full" in done.stderr
    assert not (scene.home / "report.zip").exists()


def test_what_cannot_be_read_is_left_out(scene: Scene) -> None:
    """A history that others could have written is a finding, and no reason to have no report."""
    scene.file(f"{STATE}/applies.json", "{}", 0o666)

    done = scene("doctor", "--offline", "--bundle", str(scene.home / "report.zip"))

    assert "+ open_to_others: " in done.stdout
    assert json.loads(unpacked(scene.home / "report.zip")["codex-auth-report/queue.json"]) == []


def test_the_same_facts_make_the_same_archive(scene: Scene) -> None:
    """But for the times in it: no date of a file, no order of a folder."""
    names = ("one.zip", "two.zip")
    for name in names:
        scene("doctor", "--offline", "--bundle", str(scene.home.parent / name))

    first, second = ({k: re.sub(rb"\d", b"0", v) for k, v in unpacked(scene.home.parent / n).items()} for n in names)
    assert first == second
