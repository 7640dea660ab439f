"""Rules mean to us what they mean to the real codex: the same files go through both, and both end alike."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.policy import API_KEY, CHATGPT, Policy
from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.server import Sandbox
from tests.policy_bed import MANAGED, REQUIREMENTS, SYSTEM, Machine
from tests.real_codex.codex import PATIENCE, Codex
from tests.real_codex.test_real_sign_in import sign_in

BOT = ACCOUNTS["bot"].account_id
USER = "user"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give codex an /etc of its own")


class Ruled:
    """The real codex and our reader on one machine, whose `/etc` the test writes."""

    def __init__(self, codex: Codex, machine: Machine) -> None:
        self.codex = codex
        self.machine = machine

    def write(self, files: dict[str, str]) -> None:
        """Write rules into administrators' files, or in front of the user's configuration of Codex."""
        for name, text in files.items():
            if name == USER:
                config = self.codex.codex_home / "config.toml"
                config.write_text(f"{text}\n{config.read_text()}")
            else:
                self.machine.write(name, text)

    def ours(self) -> Policy | None:
        """Return the rules as we read them; None for a file that does not read."""
        try:
            return self.machine.policy()
        except PolicyUnusable:
            return None


@pytest.fixture
def ruled(codex_program: Path, sandbox: Sandbox, tmp_path: Path) -> Iterator[Ruled]:
    """Return codex in a mount namespace with an `/etc` of its own."""
    machine = Machine(tmp_path)
    subprocess.run(["cp", "-a", "/etc/.", machine.etc], check=False, capture_output=True)
    wrapper = tmp_path / "codex"
    wrapper.write_text(
        f'#!/bin/sh\nexec unshare -m sh -c \'mount --bind {machine.etc} /etc && exec {codex_program} "$@"\' sh "$@"\n'
    )
    wrapper.chmod(0o755)
    codex = Codex(wrapper, tmp_path / "codex-user", sandbox.issuer)
    machine.env["CODEX_HOME"] = str(codex.codex_home)
    yield Ruled(codex, machine)
    shutil.rmtree(machine.etc)


ALLOWED, REFUSED, UNUSABLE = "allowed", "refused", "unusable"
METHODS = {
    "nothing": {},
    "the user forces keys": {USER: 'forced_login_method = "api"'},
    "the user forces ChatGPT": {USER: 'forced_login_method = "chatgpt"'},
    "the system forces ChatGPT": {SYSTEM: 'forced_login_method = "chatgpt"'},
    "managed configuration forces ChatGPT": {MANAGED: 'forced_login_method = "chatgpt"'},
    "ChatGPT is required": {REQUIREMENTS: 'allowed_login_methods = ["chatgpt"]'},
    "both are allowed": {REQUIREMENTS: 'allowed_login_methods = ["chatgpt", "api"]\nunknown_key = 1'},
    "nothing is allowed": {REQUIREMENTS: "allowed_login_methods = []"},
    "no workspace is allowed": {REQUIREMENTS: "allowed_chatgpt_workspaces = []"},
    "contradiction": {REQUIREMENTS: 'allowed_login_methods = ["chatgpt"]', USER: 'forced_login_method = "api"'},
    "the map form": {REQUIREMENTS: "[allowed_login_methods]\nchatgpt = true"},
    "an unknown method": {REQUIREMENTS: 'allowed_login_methods = ["api", "carrier"]'},
    "a string": {REQUIREMENTS: 'allowed_chatgpt_workspaces = "ws-1"'},
    "a list of stores": {REQUIREMENTS: 'cli_auth_credentials_store = ["file"]'},
    "broken TOML": {MANAGED: "forced_login_method ="},
    "a comma": {SYSTEM: 'forced_chatgpt_workspace_id = "ws-1,ws-2"'},
}


@needs_root
@pytest.mark.parametrize("files", METHODS.values(), ids=METHODS)
def test_codex_takes_an_api_key_exactly_where_we_would(ruled: Ruled, files: dict[str, str]) -> None:
    """Each form of each file allows, refuses or stops both programs."""
    ruled.write(files)
    policy = ruled.ours()

    with ruled.codex.start("login", "--with-api-key", stdin=subprocess.PIPE) as process:
        _, said = process.communicate("sk-of-nobody\n", timeout=PATIENCE)

    if policy is None:
        expected = UNUSABLE
    elif policy.login_method_refusal(API_KEY):
        # Where nothing is left codex does not start at all.
        expected = REFUSED if policy.login_method_refusal(CHATGPT) is None else UNUSABLE
    else:
        expected = ALLOWED
    found = UNUSABLE if "Error loading configuration" in said else REFUSED if process.returncode else ALLOWED
    assert found == expected, said


WORKSPACES = {
    "one that is ours": {USER: f'forced_chatgpt_workspace_id = "{BOT}"'},
    "one that is not": {USER: 'forced_chatgpt_workspace_id = "ws-9"'},
    "a list with ours": {MANAGED: f'forced_chatgpt_workspace_id = ["ws-9", " {BOT} "]'},
    "an empty one": {USER: 'forced_chatgpt_workspace_id = ""'},
    "an empty list": {USER: "forced_chatgpt_workspace_id = []"},
    "managed, and the user's other one": {
        MANAGED: f'forced_chatgpt_workspace_id = ["{BOT}"]',
        USER: f'forced_chatgpt_workspace_id = ["{BOT}", "ws-9"]',
    },
    "required, and not ours": {REQUIREMENTS: 'allowed_chatgpt_workspaces = ["ws-9"]'},
    "required, and forced to another": {
        REQUIREMENTS: f'allowed_chatgpt_workspaces = ["ws-9", "{BOT}"]',
        USER: 'forced_chatgpt_workspace_id = "ws-9"',
    },
}


@needs_root
@pytest.mark.parametrize("files", WORKSPACES.values(), ids=WORKSPACES)
def test_codex_keeps_a_workspace_exactly_where_we_would(ruled: Ruled, files: dict[str, str]) -> None:
    """After a sign-in of the same account both keep it, or neither does."""
    ruled.write(files)
    policy = ruled.ours()
    assert policy is not None

    ended = sign_in(ruled.codex)

    assert (ended.code == 0) == ruled.codex.signed_in == (policy.account_refusal(BOT) is None), ended.err
