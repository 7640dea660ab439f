"""`codex-auth demo`: the whole main job, for real, where nothing can break."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping

import click

from codex_auth.core.errors import AuthError


class DemoNeedsExtra(AuthError):
    """The sandbox's web framework is not installed."""

    code = "sandbox_missing"
    sentence = "The demo needs the sandbox, which is an extra."
    remedy = "Install it with `pip install 'codex-auth-profiles[sandbox]'`."


class DemoFailed(AuthError):
    """A step of the demo did not do what it should."""

    code = "demo_failed"
    sentence = "The step `{step}` ended with status {found}."
    remedy = "Its own message stands above."


@click.command()
@click.option("--browser", is_flag=True, help="Open the sign-in page instead of filling it in.")
def command(*, browser: bool) -> None:
    """Sign in against the built-in provider, in a scratch home that is removed afterwards.

    Starts the sandbox on loopback, runs the real commands as you would type them, approves on the real sign-in
    page, shows the status, and cleans up. Nothing of yours is read or changed, and OpenAI is not contacted.
    """
    try:
        from codex_auth.sandbox.server import Sandbox
    except ImportError:
        raise DemoNeedsExtra from None
    home = tempfile.mkdtemp(prefix="codex-auth-demo-")
    try:
        with Sandbox() as sandbox:
            click.echo(f"A provider of our own listens on {sandbox.issuer}; the home is {home}.\n")
            _tour(sandbox.issuer, _environment(home), browser=browser)
    finally:
        shutil.rmtree(home)
    click.echo("\nThat was all of it; the scratch home is gone. For real: codex-auth login")


def _tour(issuer: str, env: Mapping[str, str], *, browser: bool) -> None:
    if browser:
        _step(["login", "work", "--browser", "--issuer", issuer], env)
    else:
        from codex_auth.sandbox.visitor import approve

        link = _step(["start", "work", "--issuer", issuer], env, keep=True)
        click.echo("\n# somebody opens that link, picks the account “work” and approves\n")
        _step(["finish", "work", "--callback-url", "-"], env, given=approve(link.strip(), account="work"))
    _step(["status"], env)


def _environment(home: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("CODEX_", "XDG_", "OPENCLAW_"))}
    return {**kept, "HOME": home, "CODEX_AUTH_STATE_DIR": os.path.join(home, "state")}


def _step(words: list[str], env: Mapping[str, str], *, given: str | None = None, keep: bool = False) -> str:
    click.echo(click.style(f"$ codex-auth {' '.join(words)}", bold=True))
    done = subprocess.run(
        [sys.executable, "-m", "codex_auth", *words],
        env=dict(env),
        input=given,
        stdout=subprocess.PIPE if keep else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoFailed(step=words[0], found=done.returncode)
    if keep:
        click.echo(done.stdout, nl=False)
    return done.stdout or ""
