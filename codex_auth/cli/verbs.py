"""The table of verbs, and the help made of it. Nothing is loaded to show it."""

import os
import sys

VERBS = {
    "login": ("codex_auth.cli.login", "Sign in with a browser, a device code or a pasted redirect."),
    "start": ("codex_auth.cli.start", "First half of a sign-in: print a link, or a device code, and return at once."),
    "finish": ("codex_auth.cli.finish", "Second half: take the redirect, or ask about the code, and store the login."),
    "cancel": ("codex_auth.cli.cancel", "Forget a sign-in that was started."),
    "status": ("codex_auth.cli.status", "Show profiles, owners, expiry and pending sign-ins."),
    "list": ("codex_auth.cli.list_profiles", "List the profiles: account, plan, owner, store, end, deliveries."),
    "label": ("codex_auth.cli.label", "Say in a few words what a login is for; list shows it."),
    "rename": ("codex_auth.cli.rename", "Give a login another name."),
    "token": ("codex_auth.cli.token", "Print one live access token, for a program."),
    "refresh": ("codex_auth.cli.refresh", "Renew a login now; once, however many processes ask."),
    "run": ("codex_auth.cli.run", "Run a command with a login in its environment: run NAME -- COMMAND."),
    "usage": ("codex_auth.cli.usage", "Show what is left of the rate limits, as bars, and when they reset."),
    "best": ("codex_auth.cli.best", "Name the profile with most left; nothing is switched."),
    "use": ("codex_auth.cli.use", "Let Codex, and commands without a name, use this login from now on."),
    "app-server": ("codex_auth.cli.app_server", "Sign a program's `codex app-server` in, and renew its token."),
    "keep": ("codex_auth.cli.keep", "Renew every login ahead of its end, once or for as long as it runs."),
    "deliver": ("codex_auth.cli.deliver", "Give another program a login: a lease that we renew, or all of it."),
    "apply": ("codex_auth.cli.apply", "Bring a login into OpenClaw's running gateway; show and do what is queued."),
    "import": ("codex_auth.cli.bring_in", "Read a login from Codex, OpenClaw or a file; who owns it stays the owner."),
    "export": ("codex_auth.cli.carry_out", "Carry a login out: an access token for CI, or all of it into a file."),
    "key": ("codex_auth.cli.api_key", "Keep API keys and personal tokens as profiles: key add, list, remove."),
    "leftovers": ("codex_auth.cli.leftovers", "Find and remove old copies of credentials that nobody reads."),
    "move": ("codex_auth.cli.move", "Keep a login in another store: file, keyring or vault."),
    "vault": ("codex_auth.cli.vault", "Change the key of the encrypted vault."),
    "logout": ("codex_auth.cli.logout", "End a login: revoke it, and delete it everywhere here."),
    "remove": ("codex_auth.cli.logout", "The same as logout."),
    "doctor": ("codex_auth.cli.doctor", "Say what is wrong here, why, and what mends it."),
    "config": ("codex_auth.cli.config", "Show the settings and where each comes from, or change one."),
    "chat": ("codex_auth.cli.chat", "Answer one chat message with one reply, both as JSON: the chat skill's adapter."),
    "schema": ("codex_auth.cli.schema", "Print the JSON Schema of what a command prints with --json."),
    "completion": ("codex_auth.cli.completion", "Print what teaches bash, zsh or fish to complete names and options."),
    "sandbox": ("codex_auth.sandbox.door", "Serve the built-in provider on loopback, for trying and testing."),
    "demo": ("codex_auth.cli.demo", "Run a whole sign-in against the sandbox, in a scratch home."),
}
"""verb: (module with a click command named `command`, the line that help shows)."""

SUMMARY = "Sign in to OpenAI Codex with several logins, and keep each one as a named profile."
DESCRIPTION = """
Each profile is one sign-in at ChatGPT, or one API key, kept safe on this machine under a name. Its refresh token, which
works a single time, has exactly one owner: codex-auth, or the program it was handed to. Other programs get access
tokens, which end by themselves and are renewed in time.

No token, code or callback address is ever printed, but by `token` and `export`, whose work that is.
"""
"""What the manual says first."""


def help_text() -> str:
    """Return what `codex-auth --help` prints."""
    from codex_auth.core.errors import EXIT_CODES

    verbs = "\n".join(f"  {verb:<11}{line}" for verb, (_, line) in VERBS.items())
    codes = "\n".join(f"  {code:<5}{meaning}" for code, meaning in EXIT_CODES.items())
    return f"""Usage: codex-auth COMMAND [OPTIONS] [NAME]

  {SUMMARY}

Commands:
{verbs}

Options:
  --version  Show the version.
  --help     Show this text; `codex-auth help COMMAND` shows a command's.

Examples:
  codex-auth login work              sign in here: in the browser, or by device code
  codex-auth start work              over SSH or chat: prints a link …
  codex-auth finish work             … and takes the address the browser ended on
  codex-auth status                  what you have, whose it is, when it ends

Exit codes:
{codes}
"""


def help_here() -> str:
    """Return the same, in lines that fit the terminal it is shown on; in a pipe they are as long as they are."""
    text = help_text()
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    except (OSError, ValueError, AttributeError):
        width = 0
    if width < _NARROWEST:
        return text
    return "".join(line + "\n" for long in text.splitlines() for line in _folded(long, width))


_NARROWEST = 30
"""Columns below which lines that are cut by the terminal itself read better."""


def _folded(line: str, width: int) -> list[str]:
    """Return a line as several of this width; what was put in a column stays in it."""
    words, column = line.strip(), len(line) - len(line.lstrip())
    gap = words.find("  ")
    hang = column if gap < 0 else column + gap + len(words[gap:]) - len(words[gap:].lstrip())
    if hang > width // 2:
        hang = column + 4
    lines, room = [], width - 1
    while len(line) > room:
        at = line.rfind(" ", hang + 1, room + 1)
        if at < 0:
            break
        lines.append(line[:at].rstrip())
        line = " " * hang + line[at:].lstrip()
    return [*lines, line]
