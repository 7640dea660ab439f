"""Takes pictures of every page a person meets while signing in: light, dark and on a narrow screen.

Starts the sandbox and real sign-ins in a scratch home, drives Chromium through them, and writes PNG files into
FOLDER. Look at them after changing a page.
"""

import argparse
import os
import tempfile
from pathlib import Path

from codex_auth.sandbox.server import Sandbox
from tests.browser.chromium import Chromium, Tab
from tests.story.conftest import Program
from tests.story.test_login import logging_in

LOOKS = {"light": ("light", 1000, 760), "dark": ("dark", 1000, 760), "narrow": ("light", 360, 720)}
"""Colour scheme, width and height."""


class Camera:
    """Takes the page a tab shows in every look."""

    def __init__(self, tab: Tab, folder: Path) -> None:
        self._tab = tab
        self._folder = folder

    def take(self, page: str) -> None:
        """Write one picture for each look."""
        for look, (scheme, width, height) in LOOKS.items():
            self._tab.call(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=False
            )
            self._tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            path = self._folder / f"{page}-{look}.png"
            path.write_bytes(self._tab.look())
            print(path)


def visit_sandbox(sandbox: Sandbox, tab: Tab, camera: Camera) -> None:
    """Go through the sandbox's own pages."""
    tab.go(f"{sandbox.issuer}/oauth/authorize?client_id=nobody")
    camera.take("invalid-link")
    tab.go(f"{sandbox.issuer}/codex/device")
    camera.take("device")
    tab.go(f"{sandbox.issuer}/codex/device?user_code=ABCD-EFGHI")
    camera.take("device-unknown-code")


def sign_in(program: Program, sandbox: Sandbox, tab: Tab, camera: Camera) -> None:
    """Go through a sign-in that is denied, one that fails, and one that succeeds."""
    words = ("work", "--no-open", "--issuer", sandbox.issuer)
    with logging_in(program, *words) as login:
        tab.go(login.link())
        camera.take("consent")
        tab.press("button[value=deny]")
        camera.take("denied")
    with logging_in(program, *words) as login:
        tab.go(login.link())
        sandbox.fault("status", value=500)
        tab.press("button[value=approve]")
        camera.take("failed")
    with logging_in(program, *words) as login:
        link = login.link()
        callback = "http://localhost:1457" if "%3A1457" in link else "http://localhost:1455"
        tab.go(f"{callback}/auth/callback?code=x&state=y")
        camera.take("refused")
        tab.go(f"{callback}/elsewhere")
        camera.take("not-found")
        tab.go(link)
        tab.press("button[value=approve]")
        camera.take("success")


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser("scripts/look", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    with (
        tempfile.TemporaryDirectory(prefix="codex-auth-look-") as scratch,
        Sandbox() as sandbox,
        Chromium(Path(scratch) / "chromium") as chromium,
        chromium.tab() as tab,
    ):
        home = Path(scratch) / "home"
        home.mkdir(mode=0o700)
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_AUTH_STATE_DIR": f"{home}/state"}
        camera = Camera(tab, folder)
        visit_sandbox(sandbox, tab, camera)
        sign_in(Program(home, env), sandbox, tab, camera)


if __name__ == "__main__":
    main()
