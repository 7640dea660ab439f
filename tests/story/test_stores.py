"""Choosing a store, moving a login, changing the vault's key: the real program."""

import json
from pathlib import Path

import pytest

from tests.story.conftest import Person, Program


def stores(program: Program) -> dict[str, str]:
    """Return which store each profile is in."""
    return {row["profile"]: row["store"] for row in program.json("status")["profiles"]}


def sign_in(person: Person, profile: str, account: str, *words: str, env: dict[str, str] | None = None) -> None:
    """Sign in with more words, or variables, for `finish`."""
    address = person.redirect(profile, account)
    answer = person.program.json("finish", profile, "--callback-url", "-", *words, given=address, env=env)
    assert answer["ok"] is True


def test_each_way_to_choose_a_store(person: Person) -> None:
    """The option, then the variable, then the configuration; a profile stays where it was put."""
    config = person.program.home / ".config/codex-auth/config.toml"
    sign_in(person, "plain", "work")
    sign_in(person, "asked", "personal", "--store", "vault")
    sign_in(person, "variable", "bot", env={"CODEX_AUTH_STORE": "vault"})
    config.parent.mkdir(parents=True)
    config.write_text('store = "vault"\n')
    sign_in(person, "configured", "client")
    sign_in(person, "plain", "work")

    assert stores(person.program) == {"plain": "file", "asked": "vault", "variable": "vault", "configured": "vault"}
    why = person.program("status", "--why").stdout
    assert "new profiles go to: vault\n  because store in the configuration file names it" in why
    assert "plain is in the file\n  because it is the default" in why
    assert "asked is in the vault\n  because --store names it" in why
    assert "variable is in the vault\n  because CODEX_AUTH_STORE names it" in why
    assert "configured is in the vault\n  because store in the configuration file names it" in why


def test_an_unknown_store_is_refused(program: Program) -> None:
    """The words that may be used are listed."""
    done = program("status", env={"CODEX_AUTH_STORE": "plaintext"})

    assert done.returncode == 2
    assert "file, keyring, vault, auto" in done.stderr


def test_auto_never_takes_a_plain_file(person: Person) -> None:
    """Without a keyring, `auto` is the vault, and says why; no token stands in any file in clear."""
    address = person.redirect("work", "work")
    done = person.program("finish", "work", "--callback-url", "-", "--store", "auto", given=address)

    reason = "auto (--store names it): the keyring cannot be used: this session has no D-Bus"
    assert f"It is kept in the vault, because {reason}" in done.stderr
    assert f"work is in the vault\n  because {reason}" in person.program("status", "--why").stdout

    token = person.program("token", "work").stdout.strip()
    assert stores(person.program) == {"work": "vault"}
    files = [path for path in person.program.home.rglob("*") if path.is_file()]
    assert not [path for path in files if token.encode()[20:60] in path.read_bytes()]


def test_a_sign_in_says_which_store_and_why(person: Person) -> None:
    """In JSON always; in words where it is not the default. Signing in again and refreshing keep the reason."""
    first = person.sign_in("plain")
    address = person.redirect("asked", "personal")
    asked = person.program.json("finish", "asked", "--callback-url", "-", "--store", "vault", given=address)
    person.program("refresh", "asked")
    address = person.redirect("asked", "personal")
    again = person.program("finish", "asked", "--callback-url", "-", given=address)

    assert (first["store"], first["store_why"]) == ("file", "it is the default")
    assert (asked["store"], asked["store_why"]) == ("vault", "--store names it")
    assert "It is kept in the vault, because --store names it." in again.stderr
    assert [row["store_why"] for row in person.program.json("status", "--why")["profiles"]] == [
        "it is the default", "--store names it",
    ]  # fmt: skip


def test_token_and_refresh_work_from_the_vault(person: Person) -> None:
    """What is kept elsewhere is served and renewed like any other."""
    sign_in(person, "work", "work", "--store", "vault")
    before = person.program("token", "work").stdout

    assert person.program("refresh", "work").returncode == 0
    after = person.program("token", "work").stdout

    assert len({before, after}) == 2
    assert person.program.json("token", "work")["account_id"] == "acct-sandbox-acme"


def test_a_keyring_that_is_not_there_is_said(person: Person) -> None:
    """No bus: answered at once in words, nothing is stored elsewhere, the sign-in still waits."""
    address = person.redirect("work", "work")

    done = person.program("finish", "work", "--callback-url", "-", "--store", "keyring", given=address)

    assert done.returncode == 1
    assert "D-Bus" in done.stderr
    assert stores(person.program) == {}
    assert person.program("finish", "work", "--callback-url", "-", given=address).returncode == 0


def test_a_login_is_moved_and_back(person: Person) -> None:
    """Moving says from where to where, leaves one copy, and can be done over."""
    person.sign_in()
    token = person.program("token", "work").stdout

    there = person.program("move", "work", "--to", "vault", "--dry-run")
    moved = person.program("move", "work", "--to", "vault")
    again = person.program("move", "work", "--to", "vault")

    assert "would be moved from the file to the vault" in there.stdout
    assert "is moved from the file to the vault" in moved.stdout
    assert "already" in again.stdout
    assert stores(person.program) == {"work": "vault"}
    assert "work is in the vault\n  because it was moved there" in person.program("status", "--why").stdout
    assert "openai-codex:work" not in person.program.store.read_text()
    assert person.program("token", "work").stdout == token
    assert person.program("move", "--all", "--to", "file").returncode == 0
    assert stores(person.program) == {"work": "file"}
    assert person.program("token", "work").stdout == token


def test_moving_all_tells_of_each(person: Person) -> None:
    """One that cannot be moved does not keep the others from it; with --json there is one document."""
    person.sign_in("last")
    content = json.loads(person.program.store.read_text())
    key = {"type": "api_key", "provider": "openai", "key": "sk-of-nobody"}
    content["profiles"] = {"openai:first": key, **content["profiles"]}
    person.program.store.write_text(json.dumps(content))

    plan = person.program.json("move", "--all", "--to", "vault", "--dry-run")
    done = person.program.json("move", "--all", "--to", "vault")
    said = person.program("move", "--all", "--to", "vault")

    for answer in (plan, done):
        assert [(row["profile"], row["ok"]) for row in answer["profiles"]] == [("first", False), ("last", True)]
        assert answer["profiles"][0]["error"] == "api_key_not_moved"
    assert stores(person.program) == {"first": "file", "last": "vault"}
    assert said.returncode == 2
    assert "first is an API key and was not moved" in said.stderr
    assert "last is in the vault already" in said.stdout


def test_what_openclaw_owns_is_not_moved(person: Person) -> None:
    """OpenClaw reads its login where it is: naming it is refused, also as a plan, and `--all` means ours only."""
    path = person.program.home / ".openclaw/agents/main/agent/auth-profiles.json"
    path.parent.mkdir(parents=True, mode=0o700)
    entry = {"type": "oauth", "provider": "openai-codex", "access": "a", "refresh": "r", "expires": 4102444800000}
    path.write_text(json.dumps({"version": 1, "profiles": {"openai-codex:claw": entry}}))
    path.chmod(0o600)
    person.sign_in("mine")

    plan = person.program("move", "claw", "--to", "vault", "--dry-run")
    refused = person.program("move", "claw", "--to", "vault")
    rest = person.program("move", "--all", "--to", "vault")

    assert [plan.returncode, refused.returncode, rest.returncode] == [3, 3, 0]
    assert "claw is owned by openclaw, which reads it where it is" in refused.stderr
    assert stores(person.program) == {"claw": "file", "mine": "vault"}
    assert json.loads(path.read_text())["profiles"] == {"openai-codex:claw": entry}


@pytest.fixture
def vault(person: Person) -> Path:
    """Return the vault of somebody who keeps one login in it."""
    sign_in(person, "work", "work", "--store", "vault")
    return person.program.home / ".local/share/codex-auth/vault.cav"


def test_a_vault_opens_with_a_passphrase_from_a_command(person: Person, vault: Path) -> None:
    """Rekeyed to a passphrase, it is listed without asking, and opens with the configured command only."""
    secret = person.program.home / "passphrase"
    secret.write_text("correct horse battery staple\n")
    config = person.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'passphrase_command = "cat {secret}"\n')
    before = vault.read_bytes()

    done = person.program("vault", "rekey", "--to", "passphrase")

    assert (done.returncode, done.stderr) == (0, "")
    assert vault.read_bytes() != before
    assert person.program("token", "work").returncode == 0
    config.unlink()
    assert stores(person.program) == {"work": "vault"}
    locked = person.program("token", "work")
    assert locked.returncode == 7
    assert "passphrase" in locked.stderr


def test_yesterday_s_vault_is_noticed(person: Person, vault: Path) -> None:
    """An older vault is listed and not used; accept-rollback is what its message says to type."""
    yesterday = vault.read_bytes()
    person.program("refresh", "work")
    vault.write_bytes(yesterday)

    refused = person.program("refresh", "work")

    assert person.program("token", "work").returncode == 9
    assert refused.returncode == 9
    assert "vault accept-rollback" in refused.stderr
    assert stores(person.program) == {"work": "vault"}
    assert person.program.json("vault", "accept-rollback")["outcome"] == "accepted"
    assert person.program("token", "work").returncode == 0


def test_a_damaged_vault_is_said(person: Person, vault: Path) -> None:
    """One flipped bit: exit 1, the file is left as it is, and the profile is still listed."""
    text = bytearray(vault.read_bytes())
    text[-1] ^= 1
    vault.write_bytes(text)

    done = person.program("refresh", "work")

    assert done.returncode == 1
    assert vault.read_bytes() == bytes(text)
    assert json.loads(person.program("status", "--json").stdout)["profiles"][0]["profile"] == "work"


def test_a_lost_index_hides_no_vault(person: Person, vault: Path) -> None:
    """Without the index the vault is opened and listed, and the index is there again."""
    index = vault.parent / "index.json"
    index.unlink()

    assert person.program("refresh", "work").returncode == 0
    index.unlink()
    assert stores(person.program) == {"work": "vault"}
    assert index.exists()
    assert person.program("token", "work").returncode == 0


def test_a_lost_index_of_a_vault_with_a_passphrase(person: Person, vault: Path) -> None:
    """Whoever gives the passphrase has the index made anew; without it the words say how to give it."""
    secret = person.program.home / "passphrase"
    secret.write_text("correct horse battery staple\n")
    config = person.program.home / ".config/codex-auth/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'passphrase_command = "cat {secret}"\n')
    person.program("vault", "rekey", "--to", "passphrase")
    (vault.parent / "index.json").unlink()
    config.rename(config.with_suffix(".away"))

    locked = person.program("token", "work")
    config.with_suffix(".away").rename(config)
    opened = person.program("token", "work")
    config.unlink()

    assert locked.returncode == 7
    assert "--passphrase-fd" in locked.stderr
    assert opened.returncode == 0
    assert stores(person.program) == {"work": "vault"}


def test_a_damaged_index_says_what_helps(person: Person, vault: Path) -> None:
    """Where no keyring answers it may list logins that are in one; what the words say then brings all back."""
    person.sign_in("plain")
    index = vault.parent / "index.json"
    index.write_text("{")

    done = person.program("refresh", "plain")
    index.unlink()

    assert done.returncode == 1
    assert "if you keep no login in a keyring, remove that file" in done.stderr
    assert person.program("refresh", "--all").returncode == 0
    assert stores(person.program) == {"plain": "file", "work": "vault"}


def test_there_is_no_vault_to_accept(program: Program) -> None:
    """Nothing is said to be done where there is nothing."""
    for words in (("vault", "accept-rollback"), ("vault", "rekey")):
        done = program(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "There is no vault at" in done.stderr
        assert "login --store vault" in done.stderr
