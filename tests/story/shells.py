"""Real shells on a pty, in which Tab is pressed."""

import os
import pty
import re
import select
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_READY = "ready>"
_SECONDS = 30
BASH = ["bash", "--norc", "--noprofile", "-i"]
ZSH = ["zsh", "-f", "-i"]


class Shell:
    """A shell that waits for keys."""

    def __init__(self, words: list[str], *, env: dict[str, str], folder: Path, setup: list[str]) -> None:
        self._words, self._env, self._folder, self._setup = words, env, folder, setup
        self._seen = ""

    def __enter__(self) -> Self:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:  # pragma: no cover - another program in a moment
            os.chdir(self._folder)
            os.execvpe(self._words[0], self._words, self._env)
        for line in [*self._setup, f"PS1='{_READY[:-1]}''>'"]:
            self._type(line + "\n")
        self._wait(_READY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def line(self, typed: str, keys: str = "\t") -> str:
        """Type a line, press keys, and return what the line then is."""
        self._type(typed + keys)
        self._type("\x01print_line '\x05'\n")  # Ctrl-A, Ctrl-E: to the beginning and to the end
        found = self._wait(r"<<(.*)>>\r?\n[\s\S]*?" + _READY)
        return found[1]

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _wait(self, pattern: str) -> "re.Match[str]":
        ends = time.monotonic() + _SECONDS
        while (found := re.search(pattern, self._seen)) is None:
            assert time.monotonic() < ends, self._seen
            if select.select([self._terminal], [], [], 1)[0]:
                self._seen += os.read(self._terminal, 65536).decode(errors="replace")
        self._seen = self._seen[found.end() :]
        return found


PRINT_LINE = "print_line() { printf '<<%s>>\\n' \"$*\"; }"
