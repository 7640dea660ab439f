"""The files that hold rules: found where Codex looks and where ours is, trusted only if nobody else can change them."""

import os
import tempfile
from pathlib import Path

import pytest

from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.policy import FLOWS, METHODS, STORES, WORKSPACES, Policy
from codex_auth.edge.places import find_places
from tests.policy_bed import MANAGED, OURS, REQUIREMENTS, SYSTEM, Machine

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine without any rule."""
    return Machine(tmp_path)


LAYERS = {
    OURS: 'allowed_flows = ["browser"]',
    REQUIREMENTS: 'allowed_login_methods = ["chatgpt"]',
    MANAGED: 'cli_auth_credentials_store = "keyring"',
    SYSTEM: 'forced_chatgpt_workspace_id = "ws-1"',
}


@pytest.mark.parametrize("name", LAYERS)
def test_each_file_of_an_administrator_is_read(machine: Machine, name: str) -> None:
    """Alone it is in force, and its rule names it; the quick look does not pass it by."""
    path = machine.write(name, LAYERS[name])

    [rule] = machine.policy().rules

    assert (rule.source, rule.is_own) == (str(path), False)
    assert machine.may_have()


def test_all_files_count_together(machine: Machine) -> None:
    """Administrators' rules come first, then the user's in Codex's configuration and in ours."""
    for name, text in LAYERS.items():
        machine.write(name, text)
    machine.configure(".codex", 'model = "x"\nforced_login_method = "chatgpt"\n')
    machine.configure(".config/codex-auth", '[policy]\nallowed_stores = ["vault", "keyring"]\n')

    found = machine.policy()

    assert [(rule.what, rule.is_own) for rule in found.rules] == [
        (FLOWS, False),
        (METHODS, False),
        (STORES, False),
        (WORKSPACES, False),
        (METHODS, True),
        (STORES, True),
    ]
    assert found.stores() == ("keyring",)


def test_codex_home_names_the_users_file(machine: Machine) -> None:
    """As in Codex the variable replaces the usual home."""
    machine.configure(".codex", 'forced_login_method = "api"\n')
    machine.configure("elsewhere", 'forced_chatgpt_workspace_id = "ws-1"\n')
    machine.env["CODEX_HOME"] = str(machine.home / "elsewhere")

    assert [rule.what for rule in machine.policy().rules] == [WORKSPACES]


def test_no_rule_no_policy(machine: Machine) -> None:
    """Without any file, or with files that say other things, nothing is forbidden."""
    assert (machine.policy(), machine.may_have()) == (Policy(), False)

    machine.configure(".codex", 'model = "x"\n[this is broken\n')  # Codex's trouble, and no rule in it
    assert (machine.policy(), machine.may_have()) == (Policy(), False)


@pytest.mark.parametrize("variable", ["CODEX_AUTH_ETC", "CODEX_AUTH_POLICY", "XDG_CONFIG_DIRS", "SYSCONFDIR"])
def test_no_variable_moves_the_administrators_files(machine: Machine, variable: str) -> None:
    """`/etc` is where it is."""
    assert find_places({**machine.env, variable: str(machine.home)}).etc == "/etc"


# --- files that cannot be trusted or read ----------------------------------------------------------------------


def refused(machine: Machine, path: Path, problem: str) -> None:
    """Check that the rules cannot be known, and that the file is named."""
    with pytest.raises(PolicyUnusable, match=problem) as caught:
        machine.policy()
    assert str(path) in str(caught.value)
    assert caught.value.status == 6


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bits", [0o646, 0o666, 0o647])
def test_a_file_that_others_can_write_is_no_policy(machine: Machine, name: str, bits: int) -> None:
    """Whoever may write to it may have changed it, so what the administrator wrote is not known."""
    path = machine.write(name, LAYERS[name])
    path.chmod(bits)

    refused(machine, path, "others can write to it")


@needs_root
@pytest.mark.parametrize("name", LAYERS)
def test_a_file_of_somebody_else_is_no_policy(machine: Machine, name: str) -> None:
    """Only root's files count, also if they are the user's own."""
    path = machine.write(name, LAYERS[name])
    os.chown(path, NOBODY, NOBODY)

    refused(machine, path, f"it belongs to user {NOBODY}")


@needs_root
@pytest.mark.parametrize("name", LAYERS)
def test_a_file_that_its_group_can_write_is_no_policy(machine: Machine, name: str) -> None:
    """A group is other people."""
    path = machine.write(name, LAYERS[name])
    os.chown(path, 0, NOBODY)
    path.chmod(0o664)

    refused(machine, path, "others can write to it")


@pytest.mark.parametrize("name", LAYERS)
def test_a_folder_that_others_can_write_is_no_place_for_a_policy(machine: Machine, name: str) -> None:
    """They could put another file in its place."""
    path = machine.write(name, LAYERS[name])
    path.parent.chmod(0o777)

    refused(machine, path.parent, "others can write to this folder")


def test_our_folder_must_be_safe_without_a_file(machine: Machine) -> None:
    """It is there because somebody wanted a policy, which others could have removed."""
    path = machine.write(OURS, "")
    path.unlink()
    assert machine.policy() == Policy()
    path.parent.chmod(0o777)

    refused(machine, path.parent, "others can write to this folder")


@pytest.mark.parametrize("name", LAYERS)
def test_a_link_is_followed_through_safe_folders_only(machine: Machine, name: str, tmp_path: Path) -> None:
    """Some systems keep `/etc` as links to files of root's elsewhere; one through a folder of others is refused."""
    elsewhere = tmp_path / "store"
    elsewhere.mkdir()
    path = machine.write(name, LAYERS[name])
    path.rename(elsewhere / "file.toml")
    path.symlink_to(elsewhere / "file.toml")
    assert len(machine.policy().rules) == 1
    elsewhere.chmod(0o777)

    refused(machine, path, f"{elsewhere}: others can write to this folder")


@needs_root
@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("whose", ["the link", "the folder"])
def test_what_leads_to_a_file_must_be_an_administrators_too(machine: Machine, name: str, whose: str) -> None:
    """Whoever owns a link or a folder on the way could lead to another file."""
    path = machine.write(name, LAYERS[name])
    target = machine.etc / "target.toml"
    path.rename(target)
    path.symlink_to(target)
    planted = path if whose == "the link" else path.parent
    os.chown(planted, NOBODY, NOBODY, follow_symlinks=False)

    refused(machine, planted, f"it belongs to user {NOBODY}")


@pytest.mark.parametrize("name", LAYERS)
def test_a_link_to_nothing_is_a_policy_that_was_lost(machine: Machine, name: str) -> None:
    """It is not taken for none."""
    path = machine.write(name, "")
    path.unlink()
    path.symlink_to(machine.home / "gone.toml")

    refused(machine, path, "a link to nothing")


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_no_file_is_refused_at_once(machine: Machine, name: str) -> None:
    """A FIFO that nobody writes to does not make anybody wait, and a folder is no rule."""
    path = machine.write(name, "")
    path.unlink()
    os.mkfifo(path)
    refused(machine, path, "not a regular file")
    path.unlink()
    path.mkdir()

    refused(machine, path, "not a regular file")


TEXTS: dict[str, tuple[bytes, str]] = {
    "broken": (b"allowed_flows = [", "not valid TOML"),
    "a key twice": (b'forced_login_method = "api"\nforced_login_method = "api"\n', "not valid TOML"),
    "not UTF-8": (b'# \xff\nforced_login_method = "api"\n', "not valid TOML"),
    "UTF-16": ('forced_login_method = "api"'.encode("utf-16"), "not valid TOML"),
    "very deep": (b"a = " + b"[" * 100_000, "not valid TOML"),
    "ten megabytes": (b"#" * 10_000_000, "larger than 1048576 bytes"),
    "JSON": (b'{"forced_login_method": "api"}', "not valid TOML"),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("text", "problem"), TEXTS.values(), ids=TEXTS)
def test_a_file_that_does_not_read_refuses(machine: Machine, name: str, text: bytes, problem: str) -> None:
    """Whatever an administrator meant by it, it was not nothing."""
    refused(machine, machine.write(name, text), problem)


@pytest.mark.parametrize("name", LAYERS)
def test_an_empty_file_says_nothing(machine: Machine, name: str) -> None:
    """It is valid TOML without a rule."""
    machine.write(name, "")

    assert machine.policy() == Policy()


@needs_root
@pytest.mark.parametrize("name", LAYERS)
def test_a_file_or_folder_we_may_not_read_refuses(name: str) -> None:
    """What is hidden from us may forbid anything: it is not taken for absent."""
    with tempfile.TemporaryDirectory() as folder:  # other users cannot reach those of `tmp_path`
        Path(folder).chmod(0o755)
        machine = Machine(Path(folder))
        machine.home.chmod(0o755)
        path = machine.write(name, LAYERS[name])
        for hidden in (path, path.parent):
            hidden.chmod(0o600)
            os.seteuid(NOBODY)
            try:
                with pytest.raises(PolicyUnusable, match="permission was denied"):
                    machine.policy()
                assert machine.may_have()
            finally:
                os.seteuid(0)
            hidden.chmod(0o755)


BROKEN_OWN = {
    "a rule that does not read": ('forced_login_method = "api"\n[', "not valid TOML"),
    "a rule of the wrong type": ("forced_login_method = 3\n", "must be one of chatgpt, api"),
}


@pytest.mark.parametrize(("text", "problem"), BROKEN_OWN.values(), ids=BROKEN_OWN)
def test_the_users_own_rule_that_does_not_read_refuses(machine: Machine, text: str, problem: str) -> None:
    """Codex does not start with such a file either; the remedy is the user's."""
    path = machine.configure(".codex", text)

    with pytest.raises(PolicyUnusable, match=problem) as caught:
        machine.policy()

    assert str(path) in str(caught.value)
    assert "correct it" in caught.value.hint
    assert machine.may_have()


def test_a_typo_in_the_users_policy_refuses(machine: Machine) -> None:
    """`[policy]` of our configuration is read as strictly as the administrators' file."""
    path = machine.configure(".config/codex-auth", '[policy]\nallowed_store = ["vault"]\n')

    refused(machine, path, "a key that is not known")


def test_the_quick_look_waits_for_nothing(machine: Machine) -> None:
    """A FIFO, a folder or a very large file for Codex's configuration does not stop it."""
    path = machine.configure(".codex", "")
    path.unlink()
    os.mkfifo(path)
    assert not machine.may_have()
    path.unlink()
    path.mkdir()
    assert not machine.may_have()
    path.rmdir()
    path.write_bytes(b"#" * 2_000_000)

    assert machine.may_have()
