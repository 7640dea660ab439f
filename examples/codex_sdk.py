"""The Python SDK of Codex with one of your logins: codex-auth run work -- python codex_sdk.py.

Nothing of codex-auth is in here: `run` gives the process a Codex home that is signed in as that profile, and the app
server that the SDK starts finds it there.
"""

import os
import sys

from openai_codex import Codex, CodexConfig

with Codex(CodexConfig(codex_bin=os.environ.get("CODEX_PROGRAM"))) as codex:
    thread = codex.thread_start()
    print(thread.run(sys.argv[1] if len(sys.argv) > 1 else "Say hello.").final_response)
