"""The first lines that run: answer what needs nothing, and load click for the rest.

`codex-auth --help` and `codex-auth status` are typed and polled all day. They are answered here without
loading click, by the same functions the click commands call.
"""

import sys
from importlib import import_module
from types import ModuleType

VERBS = {
    "login": ("codex_auth.cli.login", "Sign in with a browser on this machine, or by pasting the redirect."),
    "start": ("codex_auth.cli.start", "First half of a sign-in: print the link and return at once."),
    "finish": ("codex_auth.cli.finish", "Second half: take the redirect and store the login."),
    "cancel": ("codex_auth.cli.cancel", "Forget a sign-in that was started."),
    "status": ("codex_auth.cli.status", "Show profiles, owners, expiry and pending sign-ins."),
    "sandbox": ("codex_auth.sandbox.door", "Serve the built-in provider on loopback, for trying and testing."),
    "demo": ("codex_auth.cli.demo", "Run a whole sign-in against the sandbox, in a scratch home."),
}
"""verb: (module with a click command named `command`, the line that help shows)."""

_SUMMARY = "Sign in to OpenAI Codex with several logins, and keep each one as a named profile."


def help_text() -> str:
    """Return what `codex-auth --help` prints."""
    from codex_auth.core.errors import EXIT_CODES

    verbs = "\n".join(f"  {verb:<9}{line}" for verb, (_, line) in VERBS.items())
    codes = "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items())
    return f"""Usage: codex-auth COMMAND [OPTIONS] [NAME]

  {_SUMMARY}

Commands:
{verbs}

Options:
  --version  Show the version.
  --help     Show this text; `codex-auth COMMAND --help` shows a command's.

Examples:
  codex-auth login work              sign in here, in the browser
  codex-auth start work              over SSH or chat: prints a link …
  codex-auth finish work             … and takes the address the browser ended on
  codex-auth status                  what you have, whose it is, when it ends

Exit codes:
{codes}
"""


def main() -> None:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:]
    match arguments:
        case [] | ["--help" | "-h" | "help"]:
            _finish_quickly(help_text())
        case ["--version"]:
            from codex_auth import __version__

            _finish_quickly(f"codex-auth {__version__}\n")
        case ["status", *flags] if all(flag in {"--json", "--check"} for flag in flags):
            from codex_auth.cli.doors import guarded

            sys.exit(guarded(_status, as_json="--json" in flags, flags=flags))
        case _:
            from codex_auth.cli.group import run

            sys.exit(run(arguments))


class _Later(ModuleType):
    """A module that is loaded when something of it is first used."""

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def _status(flags: list[str]) -> int:
    # `dataclasses` imports `inspect` for classes without a docstring; ours have one, and it costs a sixth of the run.
    sys.modules.setdefault("inspect", _Later("inspect"))
    from codex_auth.cli.quick import show

    return show(as_json="--json" in flags, check="--check" in flags)


def _finish_quickly(text: str) -> None:
    from codex_auth.cli.doors import guarded

    def write() -> int:
        sys.stdout.write(text)
        return 0

    sys.exit(guarded(write, as_json=False))
