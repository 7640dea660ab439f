"""Settings: shown with where each comes from, changed durably, and nothing else in the file touched."""

import tomllib
from pathlib import Path

import pytest

from codex_auth.core.setting_errors import SettingRefused
from codex_auth.core.settings import SETTINGS, changed, read_value
from codex_auth.edge.config import Config
from tests.story.conftest import Program


def file_of(program: Program) -> Path:
    """Return the configuration file."""
    return program.home / ".config/codex-auth/config.toml"


def write(program: Program, text: str) -> Path:
    """Write the configuration file."""
    path = file_of(program)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_every_key_of_the_file_is_a_setting() -> None:
    """But the table of rules, which is no setting."""
    assert set(SETTINGS) == set(Config.__slots__) - {"policy"}


def test_all_are_listed_with_where_they_come_from(program: Program) -> None:
    """The environment counts more than the file, and the file more than what is otherwise so."""
    path = write(program, 'store = "vault"\nprofile = "work"\n')

    told = program.json("config", env={"CODEX_AUTH_STORE": "keyring"})

    assert told["path"] == str(path)
    found = {row["name"]: (row["value"], row["source"]) for row in told["settings"]}
    assert found["store"] == ("keyring", "CODEX_AUTH_STORE")
    assert found["profile"] == ("work", "configuration")
    assert found["vault_key"] == ("keyfile", "default")
    assert found["hook"] == (None, "default")
    shown = program("config").stdout
    assert f"store = vault  ({path})\n  where a new login is kept" in shown
    assert "hook = -\n" in shown


def test_a_setting_is_put_and_taken_out(program: Program) -> None:
    """Into a file that is made, private; it counts for the next command; what is gone is no more."""
    put = program.json("config", "set", "store", "vault")
    assert (put["name"], put["value"], put["source"], put["changed"]) == ("store", "vault", "configuration", True)
    assert file_of(program).stat().st_mode & 0o777 == 0o600
    assert "new profiles go to: vault" in program("status", "--why").stdout
    assert program("config", "get", "store").stdout == "vault\n"
    assert program.json("config", "set", "store", "vault")["changed"] is False

    gone = program.json("config", "unset", "store")
    assert (gone["value"], gone["source"]) == ("file", "default")
    assert file_of(program).read_text() == ""


def test_a_list_and_a_number(program: Program) -> None:
    """Several words are a list, which replaces what was there; `-` and `_` are one."""
    program.json("config", "set", "codex-homes", "/a", "~/b", "/a")
    assert program("config", "set", "callback_port", "8123").returncode == 0
    assert tomllib.loads(file_of(program).read_text()) == {"codex_homes": ["/a", "~/b"], "callback_port": 8123}
    assert program("config", "get", "codex_homes").stdout == f"/a\n{program.home}/b\n"


def test_all_else_in_the_file_stays(program: Program) -> None:
    """Comments, order, tables, mode, and a link that leads there."""
    text = '# mine\nprofile = "work"   # the usual one\n\n[policy]\nstores = ["vault"]  # at work\n'
    real = write(program, text).rename(program.home / "dotfiles.toml")
    real.chmod(0o640)
    file_of(program).symlink_to(real)

    program.json("config", "set", "store", "vault")
    assert tomllib.loads(real.read_text()) == tomllib.loads(text) | {"store": "vault"}
    assert real.read_text().startswith('# mine\nprofile = "work"   # the usual one\n')
    assert file_of(program).is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640

    program.json("config", "unset", "store")
    assert real.read_text() == text


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("store", "cloud"), "store cannot be that: it must be one of file, keyring, vault, auto."),
        (("store", "file", "vault"), "store cannot be that: it is one value."),
        (("profile", "No Name"), "profile cannot be that:"),
        (("auth_path", "here.json"), "auth_path cannot be that: it must be an absolute path."),
        (("hook", "notify 'me"), "hook cannot be that: its quotes are not closed."),
        (("callback_port", "99999"), "callback_port cannot be that: that is no port."),
        (("callback_port", "eight"), "callback_port cannot be that: it must be a number."),
        (("callback_url_base", "http://devbox.example"), "callback_url_base cannot be that: the address is not https."),
        (("issuers", "http://auth.example"), "issuers cannot be that: it is not https."),
        (("chat_operators", "12345"), "chat_operators cannot be that: a sender is written channel:id"),
        (("stor", "file"), "There is no such setting. Did you mean store?"),
        (("policy.stores", "file"), "There is no such setting. `[policy]` is a table in the file"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    program: Program, words: tuple[str, ...], problem: str
) -> None:
    """One sentence, exit 2, and no file."""
    done = program("config", "set", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr
    assert not file_of(program).exists()


def test_a_refusal_repeats_nothing_of_the_value() -> None:
    """Somebody may paste a secret in the wrong place."""
    for name in SETTINGS:
        with pytest.raises(SettingRefused) as refused:
            read_value(name, ["sk-canary-12345678\0'"])
        assert "canary" not in f"{refused.value}{refused.value.hint}"


def test_a_damaged_file_is_left_alone(program: Program) -> None:
    """It is said what is wrong, and not made worse."""
    path = write(program, 'store = "vault\n')
    done = program("config", "set", "store", "file")
    assert done.returncode == 1
    assert "is not valid TOML" in done.stderr
    assert path.read_text() == 'store = "vault\n'


def test_what_is_said_elsewhere_counts_more_and_that_is_said(program: Program) -> None:
    """A variable hides what was just put into the file."""
    done = program("config", "set", "store", "vault", env={"CODEX_AUTH_STORE": "file"})
    assert done.stdout == "store = file\n"
    assert "CODEX_AUTH_STORE is set here, and counts more than" in done.stderr


def test_the_arguments_of_a_command_are_shown_to_whoever_asks_for_them_alone(program: Program) -> None:
    """A command that prints a passphrase may have it in its words; a list of settings is pasted anywhere."""
    command = "printf canary-passphrase"

    for words in (["config", "set", "passphrase_command", command], ["config"]):
        done = program(*words)
        assert "printf …" in done.stdout
        assert "canary" not in done.stdout + done.stderr + program(*words, "--json").stdout

    assert program("config", "get", "passphrase_command").stdout == f"{command}\n"


@pytest.mark.parametrize("text", ["", "store='x'", "a.b = 1\n[store]\n", "[policy]\nx = 1\n", "x = 1 # c"])
def test_the_edit_says_what_was_wanted(text: str) -> None:
    """Whatever the file looks like, nothing else changes its meaning."""
    assert tomllib.loads(changed(text, "store", "vault")) == tomllib.loads(text) | {"store": "vault"}
