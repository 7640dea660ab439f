"""Giving a login of ours to the real codex: it uses it, and the refresh token has one owner."""

import stat
import threading
import tomllib

import pytest
from filelock import UnixFileLock

from codex_auth.sandbox.accounts import ACCOUNTS
from codex_auth.sandbox.backend import ANSWER
from codex_auth.sandbox.record import fingerprint
from tests.real_codex.bed import Bed
from tests.real_codex.codex import installed
from tests.real_codex.test_real_sign_in import sign_in

ENDED = "eyJhbGciOiJub25lIn0.eyJleHAiOjF9.e30"
"""An access token that ended in 1970."""
FIELDS = ["access_token", "account_id", "id_token", "login_owner_id", "oauth_provenance", "refresh_token"]
"""What Codex 0.169 writes of a login."""


def test_codex_works_with_a_lease_and_renews_nothing(bed: Bed) -> None:
    """It sends our access token and the account and asks the token endpoint for nothing, also when the token has ended.

    Signing out forgets the lease and revokes nothing.
    """
    before = len(bed.sandbox.log("token"))

    done = bed.deliver("work")
    assert (done["ok"], done["mode"], done["replaced"]) == (True, "lease", None)
    assert "Logged in using ChatGPT" in bed.codex.run("login", "status").err
    ended = bed.exec()

    assert (ended.code, ANSWER in ended.out) == (0, True), ended.err
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id
    bed.change_auth(access_token=ENDED)
    bed.exec()
    assert bed.codex.run("logout").code == 0
    assert len(bed.sandbox.log("token")) == before
    assert bed.sandbox.log("revoke") == []
    assert not bed.codex.signed_in


def test_a_running_lease_gets_the_next_token(bed: Bed) -> None:
    """`keep` brings each new access token, and Codex answers with it; taking it back signs Codex out."""
    bed.deliver("work")
    assert bed.program("refresh", "work").returncode == 0
    renewed = len(bed.sandbox.log("token"))

    assert bed.program("keep", "--once", "--quiet").returncode == 0

    assert bed.exec().code == 0
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert len(bed.sandbox.log("token")) == renewed
    assert bed.deliver("work", "--take-back")["removed"] is True
    assert bed.codex.run("login", "status").code == 1
    assert bed.program.json("status")["profiles"][0]["delivered"] == []


def test_codex_owns_what_was_handed_over(bed: Bed) -> None:
    """It gets the login in the very form it writes itself, renews it, and nothing here can; and it comes back."""
    sent = fingerprint(bed.entry()["refresh"])

    done = bed.deliver("work", "--hand-over")

    assert (done["ok"], done["mode"]) == (True, "hand-over")
    assert "refresh" not in bed.entry()
    assert bed.entry()["codexAuth"]["owner"] == "codex"
    given = bed.codex.auth
    assert [*given] == ["auth_mode", "OPENAI_API_KEY", "tokens", "last_refresh"]
    assert sorted(given["tokens"]) == FIELDS
    assert stat.S_IMODE(bed.auth_file.stat().st_mode) == 0o600

    bed.change_auth(access_token=ENDED)
    assert bed.exec().code == 0
    [renewal] = bed.sandbox.log("token", "refresh_token")
    assert renewal.fingerprints["refresh_token"] == sent
    assert bed.program("refresh", "work").returncode == 3
    assert bed.program("keep", "--once", "--quiet").returncode == 0
    assert len(bed.sandbox.log("token", "refresh_token")) == 1

    back = bed.deliver("work", "--keep-as", "work")
    assert (back["mode"], back["kept_as"]) == ("lease", "work")
    assert bed.codex.auth["tokens"]["refresh_token"] == ""
    assert bed.program("refresh", "work").returncode == 0
    assert bed.sandbox.log("revoke") == []


def test_a_login_of_codexs_own_is_never_destroyed(bed: Bed) -> None:
    """It is refused with what to type; kept as a profile, it lives on here, and Codex uses ours."""
    assert sign_in(bed.codex, "personal").code == 0
    theirs = bed.codex.auth["tokens"]["refresh_token"]

    refused = bed.deliver("work")

    assert (refused["error"], refused["exit_code"]) == ("codex_has_login", 5)
    assert "--keep-as NAME" in refused["hint"]
    assert bed.codex.auth["tokens"]["refresh_token"] == theirs
    assert bed.deliver("work", "--keep-as", "home", "--dry-run")["dry_run"] is True
    assert bed.codex.auth["tokens"]["refresh_token"] == theirs

    assert bed.deliver("work", "--keep-as", "home", "--issuer", bed.sandbox.issuer)["kept_as"] == "home"

    assert bed.entry("home")["refresh"] == theirs
    assert bed.entry("home")["codexAuth"]["owner"] == "codex-auth"
    assert bed.program("refresh", "home").returncode == 0
    assert bed.exec().code == 0
    assert bed.sandbox.log("responses")[-1].account_header == ACCOUNTS["bot"].account_id
    assert bed.sandbox.log("revoke") == []


def test_codex_waits_while_we_write(bed: Bed) -> None:
    """Our holding its second lock for three seconds during its refresh neither fails it nor loses the new token."""
    bed.deliver("work", "--hand-over")
    given = bed.codex.auth["tokens"]["refresh_token"]
    lock = UnixFileLock(f"{bed.auth_file}.lock", thread_local=False)
    bed.change_auth(access_token=ENDED)
    lock.acquire()
    release = threading.Timer(3, lock.release)
    release.start()

    ended = bed.exec()

    release.join()
    assert ended.code == 0, ended.err
    assert len(bed.sandbox.log("token", "refresh_token")) == 1
    assert bed.codex.auth["tokens"]["refresh_token"] != given


def test_rules_of_this_home_are_kept(bed: Bed) -> None:
    """Where Codex would delete a login that its configuration does not allow, none is put."""
    config = bed.codex.codex_home / "config.toml"
    config.write_text(f'forced_chatgpt_workspace_id = "ws-9"\n{config.read_text()}')

    refused = bed.deliver("work")

    assert (refused["error"], refused["exit_code"]) == ("refused_by_policy", 6)
    assert not bed.codex.signed_in


def test_codex_asks_our_command_for_the_token(bed: Bed) -> None:
    """A model provider in its configuration: the right bearer and account, also after a refresh; comments stay."""
    config = bed.codex.codex_home / "config.toml"
    config.write_text(f"# mine\n{config.read_text()}".replace('model_provider = "compat"', ""))
    config.chmod(0o644)
    before = config.read_text()
    bed.codex.more_env = bed.program.env

    done = bed.deliver("work", "--auth-command", "--base-url", f"{bed.sandbox.issuer}/v1")

    assert (done["profile_id"], done["mode"]) == ("model_providers.codex-auth", "lease")
    assert config.read_text().startswith("# mine\n")
    assert stat.S_IMODE(config.stat().st_mode) == 0o644
    assert bed.program("refresh", "work").returncode == 0
    ended = bed.exec()
    assert ended.code == 0, ended.err
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id
    assert not bed.codex.signed_in

    assert bed.deliver("work", "--take-back", "--auth-command")["removed"] is True
    assert tomllib.loads(config.read_text()) == tomllib.loads(before)


def test_codex_takes_what_a_provider_of_before_said(bed: Bed) -> None:
    """The user's own table, merged: Codex starts with it, sends the token to the login's own provider.

    What would keep it from starting beside a command is gone.
    """
    config = bed.codex.codex_home / "config.toml"
    mine = '\n[model_providers.mine]\nname = "mine"\nbase_url = "http://127.0.0.1:9"\nenv_key = "MINE"\n'
    config.write_text(f"{config.read_text()}{mine}requires_openai_auth = true\n")
    bed.codex.more_env = bed.program.env

    done = bed.deliver("work", "--provider-id", "mine", "--model", "gpt-5.1")

    assert done["provider"]["base_url"] == f"{bed.sandbox.issuer}/backend-api/codex"
    ended = bed.exec()
    assert ended.code == 0, ended.err
    [asked] = bed.sandbox.log("responses")
    assert asked.fingerprints["bearer"] == bed.access()
    assert asked.account_header == ACCOUNTS["bot"].account_id


@pytest.mark.long_codex
@pytest.mark.timeout(600)
def test_an_older_release_takes_both_forms(bed: Bed) -> None:
    """One that writes `auth.json` in another way works with a lease, and renews what was handed over to it."""
    bed.codex.program = installed("0.117.0")
    bed.deliver("work")
    renewals = len(bed.sandbox.log("token"))
    assert bed.exec().code == 0
    assert (len(bed.sandbox.log("token")), bed.codex.run("logout").code) == (renewals, 0)
    assert bed.sandbox.log("revoke") == []

    assert bed.deliver("work", "--hand-over")["ok"] is True
    bed.change_auth(access_token=ENDED)

    assert bed.exec().code == 0
    assert len(bed.sandbox.log("token", "refresh_token")) == 1
    assert bed.sandbox.log("responses")[-1].account_header == ACCOUNTS["bot"].account_id
