"""The lazy click group: a verb's module is imported only when the verb runs."""

from collections.abc import Collection, Iterable
from copy import copy
from importlib import import_module

import click

from codex_auth import __version__
from codex_auth.cli import examples
from codex_auth.cli.doors import guarded
from codex_auth.cli.patience import patience
from codex_auth.cli.verbs import VERBS, help_here
from codex_auth.core.errors import Stop, UsageError
from codex_auth.edge.signals import stop_cleanly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

ELSEWHERE = {
    **dict.fromkeys(("signin", "sign-in", "auth", "add", "new", "reauth"), "login"),
    **dict.fromkeys(("signout", "sign-out", "rm", "delete", "revoke"), "logout"),
    **dict.fromkeys(("ls", "accounts", "profiles", "show"), "list"),
    **dict.fromkeys(("switch", "select", "default", "activate"), "use"),
    **dict.fromkeys(("whoami", "current", "who", "info"), "status"),
    **dict.fromkeys(("limits", "limit", "quota", "quotas", "credits"), "usage"),
    **dict.fromkeys(("renew", "update"), "refresh"),
    **dict.fromkeys(("exec", "with", "shell", "env"), "run"),
    **dict.fromkeys(("print-token", "access-token", "get-token", "print-access-token"), "token"),
    **dict.fromkeys(("save", "load", "restore"), "import"),
    **dict.fromkeys(("check", "health", "diagnose", "fix", "repair"), "doctor"),
    **dict.fromkeys(("daemon", "watch", "auto-refresh"), "keep"),
    **dict.fromkeys(("completions", "install-completion"), "completion"),
    **dict.fromkeys(("mv", "ren"), "rename"),
    **dict.fromkeys(("selftest", "self-test", "try"), "demo"),
}
"""What the same thing is called in other tools."""


class Help(click.HelpFormatter):
    """Writes the examples as a section like the options, where click would indent them as a remark."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        is_section = text.startswith(examples.HEAD)
        if is_section:
            self.dedent()
        super().write_text(text)
        if is_section:
            self.indent()


click.Context.formatter_class = Help


class Verbs(click.Group):
    """Finds each verb in the table, and shows the same help as the quick path."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every verb's name."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command = import_module(VERBS[cmd_name][0]).command
        assert isinstance(command, click.Command)  # noqa: S101 - a table that names something else is our bug
        command = copy(command)  # `remove` is `logout` with other examples
        command.epilog = examples.text(cmd_name)
        for name, part in command.commands.items() if isinstance(command, click.Group) else ():
            part.epilog = examples.text(f"{cmd_name} {name}")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Offer our own options only; `cli.completing` offers the commands, and loads none of them for it."""
        return click.Command.shell_complete(self, ctx, incomplete)

    def get_help(self, ctx: click.Context) -> str:
        """Return the text that needs no module loaded."""
        return help_here().rstrip("\n")


@click.group(cls=Verbs, invoke_without_command=False)
@click.version_option(__version__, message="codex-auth %(version)s")
def group() -> None:
    """Keep several OpenAI Codex logins as named profiles."""


def run(arguments: list[str]) -> int:
    """Run one verb and return the exit status."""
    stop_cleanly()
    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments  # the rest is `run`'s command
    return guarded(invoke, as_json="--json" in ours, arguments=arguments)


def invoke(arguments: list[str], *, assume_openclaw: bool = False) -> int:
    """Run one verb and return its exit status. Raises our errors; see `cli.doors` for what becomes of them."""
    try:
        with patience(arguments):
            result = group.main(args=arguments, prog_name="codex-auth", standalone_mode=False, obj=assume_openclaw)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else help_here())
        return 0
    except click.UsageError as error:
        raise _without_values(error, arguments) from None
    except click.exceptions.Abort as abort:
        raise (abort.__cause__ if isinstance(abort.__cause__, Stop) else KeyboardInterrupt()) from None
    except OSError as error:
        # click ends the line before it passes a signal on, which fails on a terminal that hung up.
        if isinstance(error.__context__, Stop):
            raise error.__context__ from None
        raise
    return result if isinstance(result, int) else 0


def _without_values(error: click.UsageError, arguments: list[str]) -> UsageError:
    """Return a usage error that repeats nothing that was typed except the names of our own commands and options.

    click's own messages quote values and stray arguments, and people paste a redirect in the wrong place.
    """
    verb = next((word for word in arguments if word in VERBS), "")
    within = error.ctx.command if error.ctx else None
    if isinstance(error, click.NoSuchOption):
        problem = "There is no such option." + _near(sorted(error.possibilities or ()))
        if verb and isinstance(within, Verbs):
            problem = "There is no such option here: options stand behind the command."
    elif isinstance(error, click.BadOptionUsage):
        problem = f"The option {_ours(error.option_name, verb)} is not used right: it needs a value, or takes none."
    elif isinstance(error, click.BadParameter):
        problem = _bad_value(error, arguments)
    elif verb and isinstance(within, click.Group) and not isinstance(within, Verbs):
        words = arguments[arguments.index(verb) + 1 :]
        problem = f"`{verb}` has no such command." + (_near(_alike(words, within.commands)) or _all(within.commands))
    elif verb:
        problem = "There is an argument too many, or one in the wrong place."
    else:
        word = next((word for word in arguments if not word.startswith("-")), "").lower()
        meant = [ELSEWHERE[word]] if word in ELSEWHERE else _alike([word], VERBS)
        problem = "There is no such command." + _near(meant)
    return UsageError(problem=problem, command=verb)


def _bad_value(error: click.BadParameter, arguments: list[str]) -> str:
    option = max(error.param.opts, key=len) if error.param else "an option"
    kind = error.param.type if error.param else None
    choices = [str(choice) for choice in kind.choices] if isinstance(kind, click.Choice) else []
    if isinstance(error, click.MissingParameter):
        shown = option if option.startswith("-") else option.upper()
        return f"{shown} is missing." + _all(choices)
    typed = [word.partition("=")[2] if word.startswith("-") else word for word in arguments]
    return f"The value of {option} cannot be used." + (_near(_alike(typed, choices)) or _all(choices))


def _alike(words: Iterable[str], ours: Collection[str]) -> list[str]:
    """Return those of our own words that look like one that was typed, the best first."""
    from difflib import get_close_matches

    return next(filter(None, (get_close_matches(word, ours, n=2) for word in words if word not in ours)), [])


def _near(meant: Collection[str]) -> str:
    return f" Did you mean {' or '.join(meant)}?" if meant else ""


def _all(choices: Collection[str]) -> str:
    return f" It is one of {', '.join(choices)}." if choices else ""


def _ours(option: str, verb: str) -> str:
    if verb:
        known = {name for parameter in import_module(VERBS[verb][0]).command.params for name in parameter.opts}
        if option in known:
            return option
    return "given"
