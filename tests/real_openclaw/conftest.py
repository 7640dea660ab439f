"""The real OpenClaw: installed once for all runs, each test with a state folder of its own."""

import os
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from tests.real_openclaw.claw import NODE, RELEASES, Claw, install
from tests.story.conftest import Program, person, program, sandbox

__all__ = ["person", "program", "sandbox"]

_ASKED = tuple(os.environ.get("CODEX_AUTH_TEST_OPENCLAW", "").split()) or RELEASES


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark everything in this folder, and leave the long part to `scripts/openclaw`, which names the releases."""
    if "CODEX_AUTH_TEST_OPENCLAW" not in os.environ:
        long = [item for item in items if item.get_closest_marker("long_openclaw")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.real_openclaw)
            item.add_marker(pytest.mark.timeout(900))  # the first one installs


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of a long run: which releases, how many tests, and how many writes raced and were lost."""
    if "CODEX_AUTH_TEST_OPENCLAW" not in os.environ:
        return
    done = {kind: terminalreporter.getreports(kind) for kind in ("passed", "failed", "error")}
    ours = {kind: [each for each in reports if "real_openclaw" in each.keywords] for kind, reports in done.items()}
    figures = [pair for reports in ours.values() for each in reports for pair in each.user_properties]
    raced, lost = (sum(int(value) for name, value in figures if name == wanted) for wanted in ("raced", "lost"))
    passed, failed = len(ours["passed"]), len(ours["failed"] + ours["error"])
    terminalreporter.write_line(
        f"OpenClaw {', '.join(_ASKED)}: {passed} tests passed, {failed} failed; {raced} writes raced, {lost} lost"
    )


@pytest.fixture(params=_ASKED)
def claw(request: pytest.FixtureRequest, program: Program) -> Claw:
    """Return one release after another."""
    return opened(request.param, program)


@pytest.fixture
def json_claw(program: Program) -> Claw:
    """Return the last release of the JSON era."""
    return opened(RELEASES[0], program)


@pytest.fixture
def sqlite_claw(program: Program) -> Claw:
    """Return a release of the SQLite era with refresh fences."""
    return opened(RELEASES[1], program)


def opened(release: str, program: Program) -> Claw:
    """Return a release; whoever is first installs it."""
    with FileLock(Path(tempfile.gettempdir()) / "codex-auth-tests-openclaw.lock"):
        node = install("node", NODE) / "bin/node"
        package = install("openclaw", release)
    return Claw(release, package, node, program)
