"""Begins refreshes in children of a process that has loaded everything, and kills them at the moment it is told.

Each line of stdin asks for one, each line of stdout says how it ended. Nothing here has threads.
"""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import cryptography.hazmat.primitives.ciphers.aead
import filelock

import codex_auth.cli.group
import codex_auth.cli.main
import codex_auth.cli.refresh
import codex_auth.stores
import codex_auth.stores.auth_profiles
import codex_auth.stories.refresh
import codex_auth.stories.sign_in

LOADED = (cryptography.hazmat.primitives.ciphers.aead, filelock, codex_auth.stores.auth_profiles)


def main() -> None:
    """Do what each line asks."""
    for line in sys.stdin:
        asked = json.loads(line)
        begun = time.monotonic()
        child = os.fork()
        if child == 0:
            _refresh(asked)
        if asked["delay"] is not None:
            time.sleep(asked["delay"])
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # it has not been waited for, so the number is still its own
        _, status = os.waitpid(child, 0)
        ended = {"status": os.waitstatus_to_exitcode(status), "seconds": time.monotonic() - begun}
        print(json.dumps(ended), flush=True)


def _refresh(asked: dict[str, Any]) -> None:
    """Become a `codex-auth` that was started with these words, environment and files for its output."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(asked["folder"], name), os.O_WRONLY), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = ["codex-auth", *asked["words"]]
    status = 70
    try:
        codex_auth.cli.main.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
