"""Faults of a machine, planted really: files, links, owners, sockets, servers, programs, keyrings, variables."""

import base64
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest
from filelock import FileLock

from codex_auth.checks import folders, network, programs
from codex_auth.core.schedule import service_unit, timer_unit
from codex_auth.core.vault_layout import MAGIC, VERSION
from codex_auth.edge.places import find_places
from codex_auth.keys import keyrings, secret_service
from codex_auth.notes.journal import Journal, Note
from codex_auth.notes.pending import PendingFile
from codex_auth.notes.queue import Request
from codex_auth.stores import auth_profiles
from tests.contract.folder_keyring import FolderKeyring
from tests.story.inside import Inside
from tests.story.logins import login, put, put_login

STATE, DATA, CONFIG = "state", ".local/share/codex-auth", ".config/codex-auth/config.toml"
UNITS = ".config/systemd/user"
NOBODY = 65534
LONG_AGO = "2026-06-01T00:00:00+00:00"


@dataclass
class Scene(Inside):
    """A machine on which something can go wrong, and all of it be put right afterwards."""

    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)
    after: ExitStack = field(default_factory=ExitStack)

    def file(self, path: str, text: str, mode: int = 0o600) -> Path:
        """Write a file below the home folder."""
        file = self.home / path
        file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def command(self, name: str, text: str = "#!/bin/sh\nexit 1\n", folder: str = "bin") -> Path:
        """Put a command into a folder that is searched first from now on."""
        path = self.file(f"{folder}/{name}", text, 0o755)
        if str(path.parent) not in self.env["PATH"].split(":"):
            self.env["PATH"] = f"{path.parent}:{self.env['PATH']}"
        return path

    def package(self, name: str, command: str, release: str, folder: str = "lib") -> Path:
        """Install an npm package with a command of its own."""
        package = self.home / folder / "node_modules" / name
        self.file(
            str((package / "package.json").relative_to(self.home)), json.dumps({"name": name, "version": release})
        )
        launcher = self.file(str((package / "bin" / command).relative_to(self.home)), "#!/usr/bin/env node\n", 0o755)
        link = self.home / folder / "bin" / command
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(launcher)
        self.env["PATH"] = f"{link.parent}:{self.env['PATH']}"
        return launcher

    def wheel(self, folder: str, release: str, python: str) -> Path:
        """Install ours into an environment of its own, as pipx does."""
        self.file(f"{folder}/lib/python3.11/site-packages/codex_auth_profiles-{release}.dist-info/METADATA", "")
        return self.command("codex-auth", f"#!{python}\nfrom codex_auth.cli.main import main\n", f"{folder}/bin")

    def deliver(self, profile: str, place: str, **changes: object) -> None:
        """Note a delivery to Codex."""
        row = {
            "target": "codex",
            "state": str(self.home / place),
            "config": str(self.home / place / "config.toml"),
            "home_profile": "",
            "agent": "",
            "profile_id": "auth.json",
            "mode": "lease",
            "at": LONG_AGO,
            "access": "x",
            "expires": None,
            "refresh": "",
            "before": "",
            "settled": True,
        }
        self.file(
            f"{STATE}/deliveries/{profile}.json", json.dumps({"schema_version": 1, "deliveries": [row | changes]})
        )

    def timer(self, program: str = "/bin/true") -> None:
        """Install both units of the timer."""
        self.file(f"{UNITS}/codex-auth-keep.service", service_unit([program, "keep", "--once"], {}), 0o644)
        self.file(f"{UNITS}/codex-auth-keep.timer", timer_unit(), 0o644)

    def round(self, *, failed: dict[str, str] | None = None, due: str | None = None, at: str = LONG_AGO) -> None:
        """Note how the last round of `keep` went."""
        last = {"at": at, "next_due": due, "refreshed": [], "failed": failed or {}}
        self.file(f"{STATE}/keep.json", json.dumps({"schema_version": 1, **last}))

    def keyring(self) -> Path:
        """Have an honest keyring on this machine, and return the folder of its items."""
        folder = self.home / "items"
        self.patch.setattr(secret_service, "is_usual", lambda: False)
        self.patch.setattr(keyrings, "choose", lambda: FolderKeyring(str(folder)))
        return folder

    def systemd(self, *, active: bool = True) -> None:
        """Have a systemd that answers, and whose timer runs or not."""
        self.command("systemctl", f'#!/bin/sh\ncase "$2" in is-active) exit {0 if active else 3};; esac\nexit 0\n')

    def place_of_openclaw(self) -> Path:
        """Have a folder of OpenClaw's for temporary files that is this scene's own, and use it."""
        folder = self.home / "tmp-openclaw"
        folder.mkdir(mode=0o700, exist_ok=True)
        del self.env["CODEX_AUTH_STATE_DIR"]
        self.env["XDG_STATE_HOME"] = str(self.home / "xdg-state")
        self.patch.setattr(folders, "OPENCLAW_FOLDER", str(folder))
        return folder

    def provider(self, *, status: int = 200, body: bytes = b'{"keys": []}', late: timedelta = timedelta()) -> str:
        """Serve a provider on loopback that answers with this and with this clock, and return its address."""

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response_only(status)
                date = datetime.now(UTC) - late
                self.send_header("Date", date.strftime("%a, %d %b %Y %H:%M:%S GMT"))
                self.send_header("Content-Length", str(len(body)))
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/login")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.after.callback(server.server_close)
        self.after.callback(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}"

    def signed_in_at(self, issuer: str) -> None:
        """Have a login of this provider."""
        ours = {"owner": "codex-auth", "issuer": issuer, "refreshed": 1}
        put(self, {"openai-codex:work": login(codexAuth=ours)})


Plant = Callable[[Scene], object]


def entries(**profiles: dict[str, object]) -> Plant:
    """Return what stores these logins."""
    return lambda scene: put(scene, {f"openai-codex:{name}": entry for name, entry in profiles.items()})


def written(path: str, text: str, mode: int = 0o600) -> Plant:
    """Return what puts a file there."""
    return lambda scene: scene.file(path, text, mode)


def opened(path: str, mode: int) -> Plant:
    """Return what opens a file or folder to others, or a new folder where there is none."""

    def plant(scene: Scene) -> None:
        target = scene.home / path
        if not target.exists():
            target.mkdir(parents=True)
        target.chmod(mode)

    return plant


def environment(**variables: str) -> Plant:
    """Return what sets variables."""
    return lambda scene: scene.env.update(variables)


def of_another(path: str) -> Plant:
    """Return what gives a file or folder to another user, as `sudo` would."""
    return lambda scene: os.chown(scene.home / path, NOBODY, NOBODY)


def linked(path: str) -> Plant:
    """Return what puts a link where a folder of ours should be."""

    def plant(scene: Scene) -> None:
        real = scene.home / "elsewhere"
        (scene.home / path).rename(real)
        (scene.home / path).symlink_to(real)

    return plant


def second_name(scene: Scene) -> None:
    """Give the store a second name."""
    os.link(scene.store, scene.home / "second")


def unwritable(scene: Scene) -> None:
    """Have a disk without room, as the store sees it."""
    from codex_auth.edge import files

    def no_room(path: str, *_: object, **__: object) -> str:
        raise OSError(28, "no room", path)

    scene.patch.setattr(files, "_write_new", no_room)


def held_store(scene: Scene) -> None:
    """Let somebody else hold the lock of the store."""
    scene.patch.setattr(auth_profiles, "_LOCK_SECONDS", 0.01)
    name = hashlib.sha256(os.path.realpath(scene.store).encode()).hexdigest()[:16]
    lock = FileLock(scene.home / STATE / "locks" / f"store-{name}.lock")
    scene.after.enter_context(lock)


def in_vault(scene: Scene) -> Path:
    """Move the login into a vault."""
    assert scene("move", "work", "--to", "vault").returncode == 0
    return scene.home / DATA / "vault.cav"


def vault_gone(scene: Scene) -> None:
    """Lose the vault."""
    in_vault(scene).unlink()


def vault_keyless(scene: Scene) -> None:
    """Lose the vault's key."""
    in_vault(scene)
    (scene.home / STATE / "vault.key").unlink()


def vault_torn(scene: Scene) -> None:
    """Change a byte of the vault."""
    vault = in_vault(scene)
    torn = bytearray(vault.read_bytes())
    torn[-1] ^= 1
    vault.write_bytes(torn)


def vault_newer(scene: Scene) -> None:
    """Have a vault of a later version."""
    vault = in_vault(scene)
    later = bytearray(vault.read_bytes())
    later[len(MAGIC)] = VERSION + 1
    vault.write_bytes(later)


def vault_old(scene: Scene) -> None:
    """Put an old copy of the vault back."""
    vault = in_vault(scene)
    old = vault.read_bytes()
    content = scene.stored()["profiles"]
    put(scene, {**content, "openai-codex:second": login("second")})
    assert scene("move", "second", "--to", "vault").returncode == 0
    vault.write_bytes(old)


def in_keyring(scene: Scene) -> Path:
    """Move the login into a keyring."""
    folder = scene.keyring()
    assert scene("move", "work", "--to", "keyring").returncode == 0
    return folder


def item_gone(scene: Scene) -> None:
    """Remove the login's item from the keyring behind our back."""
    shutil.rmtree(in_keyring(scene))


def item_torn(scene: Scene) -> None:
    """Cut the login's item short."""
    for item in in_keyring(scene).rglob("*"):
        if item.is_file() and "work" in item.name:
            item.write_bytes(item.read_bytes()[:60])


def keyring_away(scene: Scene) -> None:
    """Have no keyring any more."""
    in_keyring(scene)
    scene.patch.setattr(keyrings, "choose", keyrings_unavailable)


def keyrings_unavailable() -> FolderKeyring:
    """Say what `choose` says where there is none."""
    from codex_auth.core.store_errors import KeyringUnavailable

    raise KeyringUnavailable(problem="none of those we trust answers here")


def keyring_said(kind: str) -> Plant:
    """Return what lets the keyring refuse as this error of its library says it, or not answer."""

    def plant(scene: Scene) -> None:
        folder = in_keyring(scene)
        backend, over = FolderKeyring(str(folder)), Event()
        scene.after.callback(over.set)

        def refuse(_operation: str) -> None:
            if kind == "silent":
                over.wait(10)
            raise type(kind, (Exception,), {})

        backend.before = refuse
        scene.patch.setattr(keyrings, "choose", lambda: backend)
        scene.patch.setattr(keyrings.Keyring.__init__, "__kwdefaults__", {"limit": None, "seconds": 0.05})

    return plant


def in_two_stores(scene: Scene) -> None:
    """Leave a move as it is when it is cut off before the old one is removed."""
    before = scene.store.read_bytes()
    in_vault(scene)
    scene.store.write_bytes(before)


def cut_off_refresh(scene: Scene) -> None:
    """Leave the note of a refresh that never ended."""
    Journal(find_places(scene.env), "work").asking(Note(), "x", at=datetime(2026, 6, 1, tzinfo=UTC), attempt=1)


def stuck_apply(scene: Scene) -> None:
    """Queue a login that nobody applies."""
    moment = datetime(2026, 6, 1, tzinfo=UTC)
    request = Request(
        id="1",
        profile="work",
        target="openclaw",
        state="s",
        config="c",
        home_profile="",
        agent="",
        reason="login",
        wants_restart=False,
        requested=moment,
        ticks=0.0,
        updated=moment,
    )
    with PendingFile(find_places(scene.env), make=True).change() as table:
        table.queue.append(request)


def drifted(content: dict[str, object] | None, **changes: object) -> Plant:
    """Return what delivers to a Codex home in which something else is by now."""

    def plant(scene: Scene) -> None:
        scene.deliver("work", ".codex", **changes)
        (scene.home / ".codex").mkdir(mode=0o700)
        if content is not None:
            scene.file(".codex/auth.json", json.dumps(content))

    return plant


def lease_at_codex(**life: float) -> Plant:
    """Return what delivers a token that ends so much later than ours, or earlier."""
    ends = datetime.now(UTC) + timedelta(hours=1, **life)

    def part(**said: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")

    token = f"{part(alg='none')}.{part(exp=int(ends.timestamp()))}.x"
    tokens = {"id_token": token, "access_token": token, "refresh_token": "", "account_id": "account-work"}
    return drifted({"auth_mode": "chatgptAuthTokens", "OPENAI_API_KEY": None, "tokens": tokens})


def gone_at_openclaw(scene: Scene) -> None:
    """Deliver to an OpenClaw of the JSON era that has no such login any more, and no Node to ask with."""
    openclaw("2026.6.1", node=False)(scene)
    scene.file(".openclaw/agents/main/agent/auth-profiles.json", '{"version": 1, "profiles": {}}')
    state = scene.home / ".openclaw"
    scene.deliver(
        "work", ".openclaw", target="openclaw", config=str(state / "openclaw.json"), profile_id="openai:work", agent=""
    )


def lease_over(scene: Scene) -> None:
    """Have a lease that ended."""
    drifted(None, expires=LONG_AGO)(scene)


def homes_of_nobody(scene: Scene) -> None:
    """Leave the private Codex home of a profile that was removed by hand."""
    scene.file(f"{STATE}/codex-homes/gone/auth.json", "{}")
    (scene.home / STATE / "codex-homes").chmod(0o700)


def stopped_timer(scene: Scene) -> None:
    """Have a timer that systemd does not run."""
    scene.systemd(active=False)
    scene.timer()


def half_timer(scene: Scene) -> None:
    """Have one unit of the two."""
    scene.timer()
    (scene.home / UNITS / "codex-auth-keep.timer").unlink()


def silent_timer(scene: Scene) -> None:
    """Have a timer whose last round was long ago."""
    scene.timer()
    scene.round()
    for unit in (scene.home / UNITS).iterdir():
        os.utime(unit, (1, 1))


def stranger_after(scene: Scene) -> None:
    """Have ours first on PATH, and an unrelated npm package's behind it."""
    scene.package("@unrelated/codex-auth", "codex-auth", "1.0.0")
    scene.wheel("ours", "1.0", "/bin/sh")


def two_versions(scene: Scene) -> None:
    """Have two installations of ours."""
    scene.wheel("one", "0.1", "/bin/sh")
    scene.wheel("two", "0.2", "/bin/sh")


def library_gone(scene: Scene) -> None:
    """Need a library that nobody installed."""
    needed = [*(programs.metadata.requires("codex-auth-profiles") or ()), "no-such-library-of-anybodys>=1"]
    scene.patch.setattr(programs.metadata, "requires", lambda _: needed)


def openclaw(release: str, *, node: bool = True) -> Plant:
    """Return what installs an OpenClaw."""

    def plant(scene: Scene) -> None:
        scene.env["PATH"] = ""
        scene.package("openclaw", "openclaw", release)
        if node:
            scene.command("node", folder="lib/bin")

    return plant


def two_openclaws(scene: Scene) -> None:
    """Install an OpenClaw twice."""
    openclaw("2026.6.1")(scene)
    scene.package("openclaw", "openclaw", "2026.9.6", "other")


def two_codexes(scene: Scene) -> None:
    """Install a Codex twice."""
    scene.package("@openai/codex", "codex", "0.169.0")
    scene.package("@openai/codex", "codex", "0.168.0", "other")


def migration(scene: Scene) -> None:
    """Leave the JSON file that stops an OpenClaw of the SQLite era."""
    openclaw("2026.9.6")(scene)
    scene.file(".openclaw/agents/main/agent/auth-profiles.json", "{}")


def left_behind(mode: int) -> Plant:
    """Return what leaves the copy that a migration makes."""
    return written(".openclaw/agents/main/agent/auth-profiles.json.migrated-2026-06-01", "{}", mode)


def staged(scene: Scene) -> None:
    """Leave what the former skill staged for its restart."""
    scene.patch.setattr(programs, "STAGED", str(scene.home / "tmp-openclaw"))
    scene.file("tmp-openclaw/codex-auth-apply-1/payload.json", "{}")


def folder_of(owner: int | None = None, mode: int = 0o700) -> Plant:
    """Return what makes OpenClaw's folder for temporary files somebody else's, or open."""

    def plant(scene: Scene) -> None:
        folder = scene.place_of_openclaw()
        folder.chmod(mode)
        if owner is not None:
            os.chown(folder, owner, owner)

    return plant


def pending_twice(scene: Scene) -> None:
    """Have sign-ins in progress in OpenClaw's folder, and older ones in the state folder."""
    folder = scene.place_of_openclaw()
    (folder / "codex-auth-pending.json").write_text("{}")
    scene.file("xdg-state/codex-auth/codex-auth-pending.json", "{}")


def ports(count: int) -> Plant:
    """Return what holds so many of the callback ports; they are ports of this scene's own."""

    def plant(scene: Scene) -> None:
        held = [scene.after.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        numbers = tuple(each.getsockname()[1] for each in held)
        for free in held[count:]:
            free.close()
        scene.patch.setattr(network, "CALLBACK_PORTS", numbers)

    return plant


def localhost_away(scene: Scene) -> None:
    """Let the name `localhost` mean another machine."""
    away = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
    scene.patch.setattr(network.socket, "getaddrinfo", lambda *_, **__: away)


def localhost_unknown(scene: Scene) -> None:
    """Let the name `localhost` mean nothing."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror

    scene.patch.setattr(network.socket, "getaddrinfo", unknown)


def default_of(text: str) -> Plant:
    """Return what lets a folder's file name a profile."""

    def plant(scene: Scene) -> None:
        scene.file("project/.codex-auth", text, 0o644)
        scene.patch.chdir(scene.home / "project")

    return plant


def provider(**answer: object) -> Plant:
    """Return what signs in at a provider that answers with this."""
    return lambda scene: scene.signed_in_at(scene.provider(**answer))  # type: ignore[arg-type]


def provider_away(scene: Scene) -> None:
    """Sign in at a provider at whose port nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    scene.signed_in_at(f"http://127.0.0.1:{port}")


def name_unknown(scene: Scene) -> None:
    """Sign in at a provider that is listed, and whose name nobody knows."""
    scene.file(CONFIG, 'issuers = ["https://login.example.test"]\n')
    localhost_unknown(scene)
    scene.signed_in_at("https://login.example.test")


def proxy_away(scene: Scene) -> None:
    """Have a proxy that refuses, on the way to a provider that is listed."""
    scene.file(CONFIG, 'issuers = ["https://login.example.test"]\n')
    scene.env["HTTPS_PROXY"] = scene.provider()  # which knows no CONNECT
    scene.signed_in_at("https://login.example.test")


def same_account(scene: Scene) -> None:
    """Sign in twice with one account."""
    put(scene, {f"openai-codex:{name}": login(name, accountId="account-1") for name in ("work", "again")})


FAULTS: dict[str, tuple[Plant, str]] = {
    # files and folders
    "store open": (opened(f"{DATA}/auth-profiles.json", 0o644), "open_to_others"),
    "data folder open": (opened(DATA, 0o755), "open_to_others"),
    "state folder open": (opened(STATE, 0o777), "open_to_others"),
    "journal open": (opened(f"{STATE}/journal", 0o755), "open_to_others"),
    "backup open": (written(f"{DATA}/auth-profiles.json.bak", "{}", 0o640), "open_to_others"),
    "seal key open": (written(f"{STATE}/seal.key", "x" * 32, 0o644), "open_to_others"),
    "settings open": (written(CONFIG, "", 0o666), "settings_open"),
    "Codex's login open": (written(".codex/auth.json", "{}", 0o644), "neighbour_open"),
    "run with sudo once": (of_another(f"{DATA}/auth-profiles.json"), "not_ours"),
    "settings of another": (lambda s: (s.file(CONFIG, ""), of_another(CONFIG)(s)), "not_ours"),
    "run with sudo now": (of_another("."), "home_of_another"),
    "way open": (opened(".local", 0o777), "unsafe_file"),
    "second name": (second_name, "unsafe_file"),
    "state a link": (linked(STATE), "link_in_place"),
    "damaged store kept": (written(f"{DATA}/auth-profiles.json.damaged-20260101T000000Z", "{"), "damaged_kept"),
    "damaged pending kept": (written(f"{STATE}/codex-auth-pending.json.damaged-20260101T0000Z", "{"), "damaged_kept"),
    "killed save": (written(f"{DATA}/.auth-profiles.json.abc.tmp", "{"), "temporary_left"),
    "seal key torn": (written(f"{STATE}/seal.key", "x" * 7), "seal_key_damaged"),
    "OpenClaw's folder of another": (folder_of(NOBODY), "pending_folder_unsafe"),
    "OpenClaw's folder open": (folder_of(mode=0o777), "pending_folder_open"),
    "pending twice": (pending_twice, "pending_twice"),
    # stores
    "store damaged": (written(f"{DATA}/auth-profiles.json", "{"), "store_damaged"),
    "vault newer": (vault_newer, "store_newer"),
    "no room": (unwritable, "not_saved"),
    "store locked": (held_store, "busy"),
    "index damaged": (written(f"{DATA}/index.json", "{"), "index_damaged"),
    "delivery note damaged": (written(f"{STATE}/deliveries/work.json", "{"), "store_error"),
    "in two stores": (in_two_stores, "kept_twice"),
    "vault gone": (vault_gone, "vault_gone"),
    "vault without key": (vault_keyless, "vault_locked"),
    "vault torn": (vault_torn, "vault_unreadable"),
    "vault of yesterday": (vault_old, "vault_rolled_back"),
    "keyring gone": (keyring_away, "keyring_unavailable"),
    "keyring locked": (keyring_said("KeyringLocked"), "keyring_locked"),
    "keyring silent": (keyring_said("silent"), "keyring_silent"),
    "keyring emptied": (item_gone, "keyring_item_gone"),
    "keyring item torn": (item_torn, "keyring_damaged"),
    # logins
    "pending damaged": (written(f"{STATE}/codex-auth-pending.json", "{"), "pending_damaged"),
    "login ended": (entries(work=login(life=-10, refresh=None)), "login_ended"),
    "token copied": (entries(work=login(), copy=login()), "two_copies"),
    "one account twice": (same_account, "same_account"),
    "login forbidden": (written(CONFIG, '[policy]\nallowed_workspaces = ["other"]\n'), "refused_by_policy"),
    "default by variable": (environment(CODEX_AUTH_PROFILE="nobody"), "default_unknown"),
    "default by use": (written(f"{STATE}/default-profile", "nobody\n"), "default_unknown"),
    "default by folder": (default_of("nobody\n"), "default_unknown"),
    "folder's file unusable": (default_of("no name at all\n"), "folder_file_unusable"),
    "refresh cut off": (cut_off_refresh, "refresh_unfinished"),
    "clock set back": (
        entries(work=login(codexAuth={"owner": "codex-auth", "refreshed": 4102444800000})),
        "refreshed_in_future",
    ),
    # what other programs were given
    "hand-over cut off": (lambda s: s.deliver("work", ".codex", settled=False, mode="hand-over"), "hand_over_unclear"),
    "lease gone": (drifted(None), "delivery_gone"),
    "lease gone at OpenClaw": (gone_at_openclaw, "delivery_gone"),
    "older lease at Codex": (lease_at_codex(minutes=-30), "delivery_older"),
    "newer lease at Codex": (lease_at_codex(days=9), "delivery_newer"),
    "another login at Codex": (drifted({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-theirs"}), "delivery_other"),
    "lease over": (lease_over, "lease_ended"),
    "Codex home gone": (lambda s: s.deliver("work", "nowhere"), "target_gone"),
    "delivered and removed": (lambda s: s.deliver("gone", ".codex"), "delivery_of_nobody"),
    "private home left": (homes_of_nobody, "home_of_nobody"),
    # timer and queue
    "nobody keeps": (lambda s: s.deliver("work", ".codex"), "nobody_keeps"),
    "timer stopped": (stopped_timer, "timer_stopped"),
    "timer's program gone": (lambda s: s.timer("/nowhere/codex-auth"), "timer_program_gone"),
    "half a timer": (half_timer, "timer_half"),
    "timer silent": (silent_timer, "timer_silent"),
    "round failed": (lambda s: s.round(failed={"work": "provider_unreachable"}), "round_failed"),
    "round overdue": (lambda s: s.round(due=LONG_AGO), "round_overdue"),
    "apply stuck": (stuck_apply, "apply_stuck"),
    # programs
    "another program first": (lambda s: s.command("codex-auth"), "name_taken_on_path"),
    "another program behind": (stranger_after, "name_twice_on_path"),
    "two versions": (two_versions, "versions_on_path"),
    "Python gone": (lambda s: s.wheel("ours", "1.0", "/nowhere/python3.11"), "interpreter_gone"),
    "library gone": (library_gone, "library_missing"),
    "not on PATH": (lambda s: s.env.update(PATH="/nowhere"), "not_on_path"),
    "Codex twice": (two_codexes, "codex_twice_on_path"),
    "another codex": (lambda s: s.package("codex", "codex", "1.0.0"), "codex_is_another"),
    "Codex old": (lambda s: s.package("@openai/codex", "codex", "0.20.0"), "codex_too_old"),
    "Codex new": (lambda s: s.package("@openai/codex", "codex", "0.999.0"), "codex_newer"),
    "Codex unknown": (lambda s: s.command("codex"), "codex_unknown"),
    "Codex configuration broken": (written(".codex/config.toml", "a = ["), "codex_config_damaged"),
    "Codex's command gone": (
        written(".codex/config.toml", '[model_providers.x]\nauth = {command = "/nowhere/codex-auth"}\n'),
        "codex_command_gone",
    ),
    "OpenClaw twice": (two_openclaws, "openclaw_twice_on_path"),
    "OpenClaw unknown": (lambda s: s.command("openclaw"), "openclaw_unreadable"),
    "OpenClaw old": (openclaw("2026.1.5"), "openclaw_too_old"),
    "OpenClaw new": (openclaw("2027.1.1"), "openclaw_newer"),
    "OpenClaw without Node": (openclaw("2026.9.6", node=False), "openclaw_node_missing"),
    "OpenClaw waits to migrate": (migration, "openclaw_migration"),
    "a migration's copy": (left_behind(0o600), "leftover"),
    "the former skill's payload": (staged, "leftover"),
    "a migration's copy is open": (left_behind(0o644), "leftover_open"),
    # settings and rules
    "rules": (written(CONFIG, '[policy]\nallowed_flows = ["device"]\n'), "policy_in_force"),
    "rules broken": (written(CONFIG, "[policy]\nflows = 3\n"), "policy_unusable"),
    "variable misspelt": (environment(CODEX_AUTH_STOER="vault"), "setting_unknown"),
    "setting misspelt": (written(CONFIG, 'stroe = "vault"\n'), "setting_unknown"),
    "setting unusable": (written(CONFIG, "callback_port = 99999999\n"), "setting_unusable"),
    "list unusable": (written(CONFIG, 'issuers = ["https://good.example", "ftp://secret"]\n'), "setting_unusable"),
    "hook gone": (written(CONFIG, 'hook = "/nowhere/notify --key sk-123"\n'), "hook_gone"),
    "passphrase command gone": (written(CONFIG, 'passphrase_command = "nowhere"\n'), "passphrase_command_gone"),
    "key in the shell": (environment(CODEX_API_KEY="sk-canary"), "token_in_environment"),
    # the way to the provider
    "proxy unusable": (environment(HTTPS_PROXY="socks5://127.0.0.1:1"), "proxy_unusable"),
    "authorities missing": (environment(SSL_CERT_FILE="/nonexistent.pem"), "ca_unusable"),
    "both ports held": (ports(2), "ports_held"),
    "one port held": (ports(1), "port_held"),
    "localhost elsewhere": (localhost_away, "localhost_elsewhere"),
    "localhost unknown": (localhost_unknown, "localhost_elsewhere"),
    "no browser": (environment(SSH_CONNECTION="x"), "no_browser"),
    "provider away": (provider_away, "provider_unreachable"),
    "provider's name unknown": (name_unknown, "provider_unreachable"),
    "provider behind a login page": (provider(status=302), "provider_reply_unusable"),
    "provider not allowed": (lambda s: s.signed_in_at("https://login.example.test"), "bad_issuer"),
    "proxy refuses": (proxy_away, "proxy_failed"),
    "clock off": (provider(late=timedelta(minutes=11)), "clock_off"),
}
"""What is planted, and the code by which it is found."""
REMOTE = ("provider_unreachable", "provider_reply_unusable", "bad_issuer", "proxy_failed", "clock_off")
"""The codes for which a provider is asked."""


def ready(scene: Scene) -> Scene:
    """Return the scene with a login and nothing wrong."""
    scene.env["BROWSER"] = "true"
    scene.patch.setattr(network, "CALLBACK_PORTS", (1, 2))  # nobody listens there, whoever holds ours
    scene.patch.setattr(folders, "OPENCLAW_FOLDER", str(scene.home / "tmp-openclaw"))
    scene.patch.setattr(programs, "STAGED", str(scene.home / "tmp-openclaw"))
    scene.command("codex-auth", "#!/bin/sh\n# codex_auth.cli\n", "own/bin")
    put_login(scene)
    (scene.home / STATE / "locks").mkdir(parents=True, mode=0o700)
    (scene.home / STATE).chmod(0o700)
    return scene
