"""A browser is opened where it reaches the person, without a shell, and without anything of ours."""

import json
import os
import sys
import time
from itertools import product
from pathlib import Path

import pytest

from codex_auth.callback import browser
from codex_auth.callback.browser import open_browser, why_not_open

URL = "http://127.0.0.1:1455/login/0123456789abcdef?a=1&b=$(touch%20x)"

RECORDER = """#!{python} -I
import json, os, sys, time
facts = {{
    "argv": sys.argv[1:],
    "env": dict(os.environ),
    "streams": [os.readlink(f"/proc/self/fd/{{n}}") for n in range(3)],
    "leads a session": os.getsid(0) == os.getpid(),
}}
print("noise")
print("noise", file=sys.stderr)
with open({report!r} + ".part", "w") as file:
    json.dump(facts, file)
os.rename({report!r} + ".part", {report!r})
time.sleep({seconds})
sys.exit({status})
"""


class Desktop:
    """A folder of fake programs that write down how they were started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"PATH": str(folder), "HOME": str(folder)}

    def install(self, name: str, *, status: int = 0, seconds: float = 0) -> None:
        """Put a program on PATH."""
        program = self.folder / name
        program.write_text(
            RECORDER.format(
                python=sys.executable, report=str(self.folder / f"{name}.json"), status=status, seconds=seconds
            )
        )
        program.chmod(0o755)

    def report(self, name: str) -> dict[str, object] | None:
        """Return how a program was started, None if it was not."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text()) if path.exists() else None


@pytest.fixture
def desktop(tmp_path: Path) -> Desktop:
    """Return an empty desktop."""
    return Desktop(tmp_path)


SSH = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", None)
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", None)
PLATFORMS = ("linux", "darwin", "win32", "freebsd14")


@pytest.mark.parametrize(("ssh", "display", "platform"), list(product(SSH, DISPLAYS, PLATFORMS)))
def test_ssh_and_missing_displays_are_reasons(
    ssh: str | None, display: str | None, platform: str, tmp_path: Path
) -> None:
    """The matrix of CB-19: SSH always, a missing display only where one is needed."""
    env = {name: "x" for name in (ssh, display) if name}
    expected = None
    if ssh:
        expected = "this is an SSH session"
    elif not display and platform not in ("darwin", "win32"):
        expected = "there is no display"

    assert why_not_open(env, platform, top=tmp_path) == expected


@pytest.mark.parametrize("name", ["WSL_DISTRO_NAME", "WSL_INTEROP"])
def test_wsl_needs_what_reaches_the_browser_of_windows(name: str, tmp_path: Path) -> None:
    """There `wslview` is the way to it, or what the person named; a display of WSLg serves as well."""
    env = {name: "x", "PATH": str(tmp_path)}
    without = why_not_open(env, "linux", top=tmp_path)
    chosen = why_not_open({**env, "BROWSER": "explorer.exe"}, "linux", top=tmp_path)
    shown = why_not_open({**env, "DISPLAY": ":0"}, "linux", top=tmp_path)
    opener = tmp_path / "wslview"
    opener.touch(mode=0o700)

    assert "WSL" in (without or "")
    assert (chosen, shown, why_not_open(env, "linux", top=tmp_path)) == (None, None, None)


@pytest.mark.parametrize("name", ["DISPLAY", "SSH_TTY"])
def test_an_empty_variable_is_a_missing_one(name: str, tmp_path: Path) -> None:
    """`DISPLAY= codex-auth login` means no display; an empty SSH_TTY means no SSH."""
    assert why_not_open({name: ""}, "linux", top=tmp_path) == "there is no display"


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "container=podman"])
def test_a_container_is_named_as_the_reason(mark: str, tmp_path: Path) -> None:
    """Docker and Podman leave a file, systemd a variable."""
    name, _, value = mark.partition("=")
    if not value:
        tmp_path.joinpath(mark).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(mark).touch()

    assert (
        why_not_open({name: value} if value else {}, "linux", top=tmp_path) == "this is a container without a display"
    )
    assert why_not_open({"DISPLAY": ":0"}, "linux", top=tmp_path) is None


def test_a_chosen_browser_needs_no_display_but_does_not_cross_ssh(tmp_path: Path) -> None:
    """A development container sets BROWSER to what reaches its person; over SSH it is a habit of a shell profile."""
    assert why_not_open({"BROWSER": "helper"}, "linux", top=tmp_path) is None
    assert why_not_open({"BROWSER": "helper", "SSH_TTY": "x"}, "linux", top=tmp_path) == "this is an SSH session"


@pytest.mark.parametrize(
    ("entry", "argv"),
    [
        ("tool", [URL]),
        ("tool %s", [URL]),
        ("tool --new-window %s --x", ["--new-window", URL, "--x"]),
        ("tool --url=%s", [f"--url={URL}"]),
        ("tool 'two words' %s", ["two words", URL]),
        ("tool %s &", [URL]),
        ("missing:tool", [URL]),
        ("tool %s; touch x:tool second", ["second", URL]),
        ("tool $(touch x):tool second", ["second", URL]),
        ("tool | touch x:tool second", ["second", URL]),
        ("tool 'open:tool second", ["second", URL]),
        (":tool", [URL]),
    ],
)
def test_the_browser_variable_is_a_list_of_words(desktop: Desktop, entry: str, argv: list[str]) -> None:
    """Split as `webbrowser` does, and never given to a shell (CB-18)."""
    desktop.install("tool")

    assert open_browser(URL, desktop.env | {"BROWSER": entry}, "linux")
    report = desktop.report("tool")

    assert report is not None
    assert report["argv"] == argv
    assert not Path("x").exists()
    assert not desktop.folder.joinpath("x").exists()


@pytest.mark.parametrize(
    ("platform", "name", "argv"),
    [
        ("linux", "wslview", [URL]),
        ("linux", "xdg-open", [URL]),
        ("linux", "gio", ["open", URL]),
        ("linux", "x-www-browser", [URL]),
        ("freebsd14", "xdg-open", [URL]),
        ("darwin", "open", [URL]),
    ],
)
def test_each_system_has_its_opener(desktop: Desktop, platform: str, name: str, argv: list[str]) -> None:
    """The first one that is installed gets the address as one argument."""
    desktop.install(name)

    assert open_browser(URL, desktop.env, platform)
    report = desktop.report(name)

    assert report is not None
    assert report["argv"] == argv


def test_the_next_opener_is_tried_when_one_fails(desktop: Desktop) -> None:
    """A failing one is not the end; a broken one neither; when all fail the caller is told."""
    desktop.install("tool", status=3)
    desktop.install("xdg-open", status=4)
    desktop.folder.joinpath("wslview").write_text("#!/nonexistent/interpreter\n")
    desktop.folder.joinpath("wslview").chmod(0o755)
    env = desktop.env | {"BROWSER": "tool"}

    assert not open_browser(URL, env, "linux")
    desktop.install("gio")
    assert open_browser(URL, env, "linux")


def test_nothing_installed_is_no_browser(desktop: Desktop) -> None:
    """The address is printed anyway."""
    assert not open_browser(URL, desktop.env, "linux")


def test_a_browser_that_stays_is_not_waited_for(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Still running after the wait means it works; nobody's second is wasted twice."""
    monkeypatch.setattr(browser, "OPEN_SECONDS", 0.3)
    desktop.install("tool", seconds=1)
    began = time.monotonic()

    assert open_browser(URL, desktop.env | {"BROWSER": "tool"}, "linux")
    assert time.monotonic() - began < 0.8


PRIVATE = """CODEX_HOME CODEX_AUTH_STATE_DIR OPENAI_API_KEY OPENCLAW_X GITHUB_TOKEN TOKEN ZAI_API_KEY
AWS_SECRET_ACCESS_KEY DB_PASSWORD CLIENT_SECRET vault_passphrase""".split()  # noqa: SIM905 - shorter than a list


def test_the_browser_gets_nothing_of_ours(desktop: Desktop, capfd: pytest.CaptureFixture[str]) -> None:
    """No stream, no session, no variable that may hold a secret; what a desktop needs stays (CB-18)."""
    desktop.install("xdg-open")
    kept = {"DISPLAY": ":0", "XAUTHORITY": "/x", "DBUS_SESSION_BUS_ADDRESS": "unix:", "LANG": "de_DE.UTF-8"}
    private = dict.fromkeys(PRIVATE, "canary")

    open_browser(URL, desktop.env | kept | private, "linux")
    report = desktop.report("xdg-open")

    assert report is not None
    assert report["streams"] == ["/dev/null"] * 3
    assert report["leads a session"]
    assert isinstance(report["env"], dict)
    assert report["env"].items() >= (desktop.env | kept).items()
    assert "canary" not in report["env"].values()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://evil.test/",
        "http://localhost.evil.test/",
        "http://localhost@evil.test/",
        "http://user@localhost/",
        "https://user:secret@auth.openai.com/",
        "https://",
        "//auth.openai.com/",
        "-https://auth.openai.com/",
        "https://auth.openai.com/ x",
        "https://auth.openai.com/\nx",
        'https://auth.openai.com/"x',
        "https://auth.openai.com/\\x",
        "https://[auth.openai.com/",
        "https://auth.öpenai.com/",
    ],
)
def test_only_https_and_loopback_are_opened(desktop: Desktop, url: str) -> None:
    """Anything else is refused before a program is looked for."""
    desktop.install("xdg-open")

    assert not open_browser(url, desktop.env, "linux")
    assert desktop.report("xdg-open") is None


@pytest.mark.parametrize(
    "url", ["https://auth.openai.com/oauth/authorize?a=b", "http://localhost:1455/", "http://[::1]:1455/"]
)
def test_https_and_loopback_are_opened(desktop: Desktop, url: str) -> None:
    """The provider, and our own listener under each of its names."""
    desktop.install("xdg-open")

    assert open_browser(url, desktop.env, "linux")


def test_windows_opens_addresses_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is looked for there; where the system cannot, the caller is told."""
    opened: list[str] = []

    def fail(_: str) -> None:
        raise OSError

    monkeypatch.setattr(os, "startfile", opened.append, raising=False)
    assert open_browser(URL, {}, "win32")
    assert opened == [URL]
    monkeypatch.setattr(os, "startfile", fail)
    assert not open_browser(URL, {}, "win32")
    monkeypatch.delattr(os, "startfile")
    assert not open_browser(URL, {}, "win32")
