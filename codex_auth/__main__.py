"""`python -m codex_auth`: the same as the `codex-auth` command."""

from codex_auth.cli.main import main

if __name__ == "__main__":
    main()
