"""A program that embeds `codex app-server`, here the Python SDK, with codex-auth between the two.

Codex is signed in by codex-auth and gets a fresh token whenever it asks; no token is in a file, and the program, which
may run for days, knows nothing of it.
"""

import os
import sys

from openai_codex import Codex, CodexConfig

CODEX_AUTH = os.environ.get("CODEX_AUTH", "codex-auth").split()
CODEX = os.environ.get("CODEX_PROGRAM", "codex")
COMMAND = (*CODEX_AUTH, "app-server", "work", "--", CODEX, "app-server", "--listen", "stdio://")

with Codex(CodexConfig(launch_args_override=COMMAND)) as codex:
    thread = codex.thread_start()
    print(thread.run(sys.argv[1] if len(sys.argv) > 1 else "Say hello.").final_response)
