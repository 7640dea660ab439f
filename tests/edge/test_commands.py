"""Commands on PATH: whose they are, what runs them, and which release; read from files, nothing is run."""

import zipfile
from pathlib import Path

import pytest

from codex_auth.neighbours import commands

BUN = "\x7fELF a binary"
PIP = "#!{python}\nimport sys\nfrom codex_auth.cli.main import main\nsys.exit(main())\n"


def command(folder: Path, name: str, text: str, mode: int = 0o755) -> Path:
    """Put a command there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_each_program_once(tmp_path: Path) -> None:
    """In the order of PATH, however often it is linked; what cannot be run, or has no whole path, does not count."""
    first = command(tmp_path / "a", "codex", "x")
    command(tmp_path / "b", "codex", "x", 0o644)
    (tmp_path / "c").mkdir()
    (tmp_path / "c/codex").symlink_to(first)
    second = command(tmp_path / "d", "codex", "y")
    path = ":".join(["", "relative", *(str(tmp_path / name) for name in "abcd"), str(tmp_path / "nowhere")])

    assert commands.on_path("codex", {"PATH": path}) == [str(first), str(second)]


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("#!/opt/venv/bin/python3\n", "/opt/venv/bin/python3"),
        ("#!/opt/venv/bin/python3 -I\n", "/opt/venv/bin/python3"),
        ("#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n", "/a b/bin/python"),
        ("#!/bin/sh\n'''exec' /long/bin/python \"$0\" \"$@\"\n' '''\n", "/long/bin/python"),
        ("#!/bin/sh\necho\n", "/bin/sh"),
        ("#!/usr/bin/env python3\n", ""),
        ("#!\n", ""),
        (BUN, ""),
    ],
)
def test_what_runs_a_script(tmp_path: Path, text: str, python: str) -> None:
    """Its first line, and where that would be too long, the way in which pip starts it; `env` leaves it to PATH."""
    assert commands.interpreter(str(command(tmp_path, "x", text))) == python


def test_ours_and_others(tmp_path: Path) -> None:
    """A script of pip's, and all of it as one file, are ours; the unrelated packages' of our name are not."""
    packed = tmp_path / "packed"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("codex_auth/cli/main.py", "")
    other = tmp_path / "other"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("codex_auth/client.py", "")

    assert commands.is_ours(str(command(tmp_path, "pip", PIP.format(python="/x"))))
    assert commands.is_ours(str(packed))
    assert not commands.is_ours(str(other))
    assert not commands.is_ours(str(command(tmp_path, "npm", "#!/usr/bin/env node\n")))
    assert not commands.is_ours(str(command(tmp_path, "lib", "#!/x\nfrom codex_auth import main\n")))
    assert not commands.is_ours(str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    ("path", "text", "release", "is_another"),
    [
        ("opt/homebrew/Cellar/codex/0.168.2/bin/codex", BUN, "0.168.2", False),
        ("home/.codex/packages/releases/0.169.0-x86_64-linux/codex", BUN, "0.169.0", False),
        ("Caskroom/codex/0.170.1/codex-x86_64", BUN, "0.170.1", False),
        ("usr/bin/codex", BUN, "", False),
        ("venv/bin/codex", "#!/venv/bin/python3\n", "", True),
        ("shims/codex", "#!/bin/bash\nexec asdf exec codex\n", "", False),
    ],
)
def test_which_codex(tmp_path: Path, path: str, text: str, release: str, *, is_another: bool) -> None:
    """A folder may name the release; a shim or a binary says nothing, and a Python script is no Codex."""
    real = command((tmp_path / path).parent, Path(path).name, text)
    link = tmp_path / "bin/codex"
    link.parent.mkdir()
    link.symlink_to(real)

    [found] = commands.codexes({"PATH": str(link.parent)})

    assert (found.release, found.is_another) == (release, is_another)
    assert found.version == (tuple(map(int, release.split("."))) if release else None)


def test_release_of_ours(tmp_path: Path) -> None:
    """The environment that a command lies in says it, also through the link that pipx makes."""
    script = command(tmp_path / "venv/bin", "codex-auth", "x")
    (tmp_path / "venv/lib/python3.12/site-packages/codex_auth_profiles-1.2.3.dist-info").mkdir(parents=True)
    link = tmp_path / "codex-auth"
    link.symlink_to(script)

    assert commands.release_of_ours(str(link)) == "1.2.3"
    assert commands.release_of_ours(str(command(tmp_path / "usr/bin", "codex-auth", "x"))) == ""
