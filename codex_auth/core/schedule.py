"""The lines that make a machine run `keep` every five minutes: two systemd units, or one line for cron."""

import re
import shlex
from collections.abc import Mapping, Sequence

from codex_auth.core.errors import UsageError

SERVICE = "codex-auth-keep.service"
TIMER = "codex-auth-keep.timer"
EVERY_MINUTES = 5
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
MARK = "# Written by `codex-auth keep --install`; `codex-auth keep --uninstall` removes it.\n"
"""The first line of a unit of ours; a file without it is somebody else's and left alone."""


def service_unit(command: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the unit that does one round. Raises `UsageError` for what no unit can say."""
    program, *words = command
    # `$` begins a variable in arguments, but not in the program's path (systemd.service(5), "Command lines").
    line = " ".join([_quoted(program), *(_quoted(word.replace("$", "$$")) for word in words)])
    settings = "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(env.items()))
    # PrivateTmp would hide /tmp/openclaw; AF_NETLINK is how the C library finds out which addresses to try.
    return f"""{MARK}
[Unit]
Description=Renew codex-auth logins before they end

[Service]
Type=oneshot
ExecStart={line}
{settings}TimeoutStartSec=15min
UMask=0077
NoNewPrivileges=yes
PrivateTmp=no
LockPersonality=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
"""


def command_in(unit: str) -> list[str]:
    """Return the command of a unit that `service_unit` wrote; nothing for another."""
    line = re.search(r'^ExecStart=("[^\n]*")$', unit, re.MULTILINE)
    words = [_unquoted(word) for word in _QUOTED.findall(line[1])] if line else []
    return [words[0], *(word.replace("$$", "$") for word in words[1:])] if words else []


def timer_unit() -> str:
    """Return the unit that starts the other one."""
    return f"""{MARK}
[Unit]
Description=Renew codex-auth logins before they end

[Timer]
OnCalendar=*:0/{EVERY_MINUTES}
RandomizedDelaySec=30
AccuracySec=15
Persistent=true

[Install]
WantedBy=timers.target
"""


def cron_line(command: Sequence[str], env: Mapping[str, str]) -> str:
    """Return the same for `crontab -e`. Raises `UsageError` for what no such line can say."""
    settings = ["env", *(f"{name}={value}" for name, value in sorted(env.items()))] if env else []
    words = shlex.join(_one_line(word) for word in [*settings, *command])
    # Programs called cron agree on this much: `\%` is a percent sign, and a backslash before anything but another
    # backslash stays (crontab(5)). An empty `''` behind each keeps two of them apart; the shell sees nothing of it.
    return f"*/{EVERY_MINUTES} * * * * " + words.replace("\\", "\\''").replace("%", "\\%")


def _quoted(word: str) -> str:
    """Quote a word as systemd.syntax(7) says; `%` begins a specifier."""
    escaped = _one_line(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)|%%", lambda found: found[1] or "%", word)


def _one_line(word: str) -> str:
    if not word.isprintable():
        raise UsageError(problem="A path or setting has a line break or control character in it.", command="keep")
    return word
