"""The program inside the process of the test: every door and every sentence, without the half second of a start."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from unittest import mock

from codex_auth.cli import group
from tests.story.conftest import Program


class Inside(Program):
    """A `Program` whose commands run here, one at a time, with an environment and streams of their own."""

    def __call__(
        self,
        *words: str,
        given: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run one command and return what it printed and its status."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.env, **(env or {})}, clear=True),
            mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO((given or "").encode()))),
            mock.patch.object(group, "stop_cleanly"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = group.run(list(words))
        return subprocess.CompletedProcess(list(words), status, out.getvalue(), err.getvalue())
