#!/usr/bin/env python3
"""The skill's entry: `codex_auth.py start|finish|status|cancel|chat`, answering with one JSON document."""

import os
import sys


def main() -> None:
    """Run the command with JSON output; say how to install it where the package is missing."""
    here = os.path.dirname(os.path.abspath(__file__))  # its `codex_auth.py` would hide the package of the same name
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]
    try:
        from codex_auth.cli.skill import run  # noqa: PLC0415 - it may be missing
    except ImportError:
        sys.exit("codex-auth is not installed. Install it with: pipx install codex-auth-profiles")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
