"""A sandbox whose clock stands still until a test moves it, and a program that talks to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from codex_auth.sandbox.server import Sandbox
from tests.sandbox.program import Program


@dataclass
class Clock:
    """A clock that only a test can move."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    """Return the sandbox's clock."""
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[Sandbox]:
    """Return a running sandbox."""
    with Sandbox(now=clock) as running:
        yield running


@pytest.fixture
def program(sandbox: Sandbox) -> Program:
    """Return a client of the sandbox."""
    return Program(sandbox.issuer)
