"""The real SDKs of Codex, as the examples use them, with a login and with a key of ours."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from tests.real_codex.bed import Bed
from tests.real_codex.codex import PATIENCE
from tests.real_codex.model_server import serving

SDK = "0.163.0"
"""The newest of both; each starts the codex that it is told to."""
_ROOT = Path(__file__).parents[2]
_PYTHON = _ROOT / ".tools" / f"codex-sdk-python-{SDK}"
_PREFIX = _ROOT / ".tools" / f"codex-sdk-{SDK}"


@pytest.fixture(scope="session")
def script() -> Path:
    """Return the example beside the SDK, which is installed on first use, without the codex that it brings."""
    with FileLock(Path(tempfile.gettempdir()) / f"codex-auth-tests-codex-sdk-{SDK}.lock"):
        if not (_PREFIX / "node_modules/@openai/codex-sdk").exists():
            words = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(_PREFIX)]
            npm = shutil.which("npm") or pytest.fail("This test runs the real SDK. Install npm.")
            subprocess.run([npm, "install", *words, f"@openai/codex-sdk@{SDK}"], check=True, timeout=300)
        return Path(shutil.copy(_ROOT / "examples/codex-sdk.mjs", _PREFIX / "codex-sdk.mjs"))


@pytest.fixture(scope="session")
def python_sdk() -> Path:
    """Return the folder of the Python SDK, which is installed on first use, without the codex that it brings."""
    with FileLock(Path(tempfile.gettempdir()) / f"codex-auth-tests-codex-sdk-python-{SDK}.lock"):
        if not (_PYTHON / "openai_codex").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(_PYTHON)]
            subprocess.run([*pip, "--no-deps", f"openai-codex=={SDK}"], check=True, timeout=300)
            subprocess.run([*pip, "pydantic>=2.12", "packaging>=26.2"], check=True, timeout=300)
    return _PYTHON


def run(bed: Bed, profile: str, *command: str) -> "subprocess.CompletedProcess[str]":
    """Run an example with a profile, from a shell with another key."""
    env = {
        "CODEX_HOME": str(bed.codex.codex_home),
        "CODEX_PROGRAM": str(bed.codex.program),
        "CODEX_API_KEY": "sk-of-somebody-else",
        "NO_PROXY": "*",
    }
    return bed.program("run", profile, "--", *command, env=env, timeout=PATIENCE)


def test_the_typescript_sdk_with_a_login(bed: Bed, script: Path) -> None:
    """It answers with the profile's access token and account, and asks for no other token."""
    done = run(bed, "work", "node", str(script))

    assert done.stdout.strip() == ANSWER, done.stderr
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id
    assert bed.sandbox.log("token", "refresh_token") == []


def test_the_typescript_sdk_with_a_key(bed: Bed, script: Path) -> None:
    """It answers with the profile's key."""
    assert bed.program.json("key", "add", "platform", given="sk-platform-2")["ok"]
    with serving() as server:
        config = bed.codex.codex_home / "config.toml"
        config.write_text(config.read_text().replace(f"{bed.codex.issuer}/v1", server.base_url))

        done = run(bed, "platform", "node", str(script))

        assert done.stdout.strip() == ANSWER, done.stderr
        assert server.bearers == ["sk-platform-2"]


def test_the_python_sdk_with_a_login(bed: Bed, python_sdk: Path) -> None:
    """The app server that it starts answers with the profile's access token and account."""
    bed.program.env["PYTHONPATH"] = str(python_sdk)

    done = run(bed, "work", sys.executable, str(_ROOT / "examples/codex_sdk.py"))

    assert done.stdout.strip() == ANSWER, done.stderr
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id


def test_the_python_sdk_through_the_pipe(bed: Bed, python_sdk: Path) -> None:
    """With our pipe as its app server it goes on after a 401 in the middle, and notices nothing."""
    bed.sandbox.fault("status", route="responses", value=401)
    first = bed.access()
    ours = {
        "PYTHONPATH": str(python_sdk),
        "CODEX_AUTH": f"{sys.executable} -m codex_auth",
        "CODEX_PROGRAM": str(bed.codex.program),
        "CODEX_HOME": str(bed.codex.codex_home),
        "NO_PROXY": "*",
    }

    done = subprocess.run(
        [sys.executable, str(_ROOT / "examples/codex_app_server.py")],
        env={**bed.program.env, **ours},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.stdout.strip() == ANSWER, done.stderr
    asked = bed.sandbox.log("responses")
    assert [each.fingerprints["bearer"] for each in asked] == [first, bed.access()]
