"""Real gateways that are not as usual: behind TLS, another user's, and one that crashes whenever it starts."""

import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from codex_auth.gateway import health
from tests.real_openclaw.claw import Claw, put_login
from tests.real_openclaw.gateway import Gateway
from tests.real_openclaw.test_apply import applied

pytestmark = pytest.mark.long_openclaw

NOBODY = 65534


def test_tls(claw: Claw) -> None:
    """With the certificate that it made for itself: it is found, told, asked what it lists, and restarted."""
    put_login(claw.program)
    settings = json.loads(claw.config.read_text())
    settings["gateway"]["tls"] = {"enabled": True, "autoGenerate": True}
    claw.config.write_text(json.dumps(settings))
    assert applied(claw)["effect"] == "next_start"

    with Gateway(claw) as gateway:
        row = applied(claw)
        assert (row["step"], row["effect"], row["error"]) == ("done", "now", None), row
        began = time.monotonic() - gateway.uptime() / 1000
        row = applied(claw, "--restart")
        assert (row["step"], row["effect"], row["error"]) == ("done", "now", None), row
        assert time.monotonic() - gateway.uptime() / 1000 > began + 1, "it is the same one still"


@pytest.fixture
def theirs(sqlite_claw: Claw) -> Iterator[Claw]:
    """Return OpenClaw in a state folder of another user's, who may run what is installed here."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        Path(folder).chmod(0o711)
        (home / "tmp").mkdir(parents=True)
        shutil.move(sqlite_claw.state, home / ".openclaw")
        sqlite_claw.state = home / ".openclaw"
        sqlite_claw.program.env["OPENCLAW_STATE_DIR"] = str(sqlite_claw.state)
        yield sqlite_claw


def own(folder: Path) -> None:
    """Give all of a folder to nobody."""
    for path in (folder, *folder.rglob("*")):
        os.lchown(path, NOBODY, NOBODY)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user can be played by root alone")
def test_another_users_gateway(theirs: Claw) -> None:
    """It is left alone, and so is what it keeps: nothing is delivered into another user's folder."""
    put_login(theirs.program)
    gateway = Gateway(theirs)
    home = theirs.state.parent
    own(home)
    gateway.words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *gateway.words]
    gateway.env |= {"HOME": str(home), "TMPDIR": str(home / "tmp")}
    with gateway:
        before = gateway.uptime()
        row = applied(theirs, "--restart")

        assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_of_other_user", 7), row
        assert str(NOBODY) in row["message"]
        assert gateway.uptime() > before
    assert [path for path in home.rglob("*") if path.stat().st_uid != NOBODY] == []


class Crashes:
    """A supervisor, and a gateway that crashes a second after each start but its first."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.crashed = 0
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._supervise)
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _supervise(self) -> None:
        age = 0
        while not self._over.wait(0.05):
            now = health.ask(self.gateway.port)
            if now.state != health.UP or now.uptime_ms is None:
                continue
            is_younger, age = now.uptime_ms < age, now.uptime_ms
            if (is_younger or self.crashed) and not self._over.wait(1):
                self.gateway.crash()
                self.crashed += 1
                self.gateway.__enter__()


def test_one_that_crashes_as_it_starts(claw: Claw) -> None:
    """That it is up for a moment again and again is no success, and what was delivered is taken back.

    Nothing was asked of it before: the first call of a command line of 2026.6 fixes its rights.
    """
    put_login(claw.program)
    with Gateway(claw) as gateway:
        gateway.grow_up()
        with Crashes(gateway) as supervisor:
            row = applied(claw, "--restart")

    assert (row["step"], row["error"], row["exit_code"]) == ("failed", "gateway_crash_loops", 1), row
    assert supervisor.crashed >= 1
    assert "taken back" in row["message"]
    assert claw.held() is None
