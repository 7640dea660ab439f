"""One Chromium for the whole run, a fresh tab for each test, and a sign-in that has just opened its browser."""

import os
import select
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.browser.chromium import PATIENCE, Arrival, Chromium, Tab
from tests.story.conftest import Program, program, sandbox
from tests.story.test_login import Login, logging_in

__all__ = ["program", "sandbox"]

CALLBACK = "http://localhost:1455/auth/callback"
"""Where every sign-in here waits."""
REBOUND = "rebind.test"
"""A name of somebody else's that leads to this machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and keep it in one process: there the browser is started once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Return a running browser."""
    with Chromium(tmp_path_factory.mktemp("chromium"), f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1") as running:
        yield running


@pytest.fixture
def tab(chromium: Chromium) -> Iterator[Tab]:
    """Return a tab without a past."""
    with chromium.tab() as opened:
        yield opened


@dataclass
class SignIn:
    """A `codex-auth login` that waits for its browser."""

    login: Login
    entry: str
    """The address it gave to the browser."""
    program: Program

    def state(self) -> str:
        """Return the state that makes a redirect this sign-in's own."""
        return parse_qs(urlsplit(self.login.link()).query)["state"][0]

    def waits(self) -> bool:
        """Tell whether it is still waiting."""
        return self.login.child.poll() is None

    def approve(self, tab: Tab, account: str = "work") -> Arrival:
        """Do what the person came for, from the address the browser was given to the last page."""
        tab.go(self.entry)
        tab.click(f"input[value={account}]")
        return tab.press("button[value=approve]")


class SigningIn(Protocol):
    """Starts sign-ins."""

    def __call__(self, profile: str = "work") -> AbstractContextManager[SignIn]:
        """Run a sign-in for the length of a block."""


@pytest.fixture
def signing_in(program: Program, sandbox: Sandbox, callback_ports: None, tmp_path: Path) -> SigningIn:
    """Return a way to run `codex-auth login` whose browser is a script that tells us the address."""
    heard = tmp_path / "heard"
    os.mkfifo(heard)
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" > {heard}\n')
    script.chmod(0o700)

    @contextmanager
    def run(profile: str = "work") -> Iterator[SignIn]:
        words = (profile, "--issuer", sandbox.issuer)
        with heard.open("r+b", buffering=0) as ear, logging_in(program, *words, env={"BROWSER": str(script)}) as login:
            ready, _, _ = select.select([ear], [], [], PATIENCE)
            assert ready, "no browser was opened"
            yield SignIn(login, ear.readline().decode().strip(), program)

    return run
