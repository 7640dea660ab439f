"""The lazy click group: a verb's module is imported only when the verb runs."""

from importlib import import_module

import click

from codex_auth import __version__
from codex_auth.cli.doors import guarded
from codex_auth.cli.verbs import VERBS, help_text
from codex_auth.core.errors import Stop, UsageError
from codex_auth.edge.signals import stop_cleanly


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
        return command

    def get_help(self, ctx: click.Context) -> str:
        """Return the text that needs no module loaded."""
        return help_text().rstrip("\n")


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
        result = group.main(args=arguments, prog_name="codex-auth", standalone_mode=False, obj=assume_openclaw)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else help_text())
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
    """Return a usage error that repeats nothing that was typed except the names of our own options.

    click's own messages quote values and stray arguments, and people paste a redirect in the wrong place.
    """
    command = next((word for word in arguments if word in VERBS), "")
    if isinstance(error, click.NoSuchOption):
        near = ", ".join(sorted(error.possibilities or ()))
        problem = "There is no such option." + (f" Did you mean {near}?" if near else "")
    elif isinstance(error, click.BadOptionUsage):
        problem = f"The option {_ours(error.option_name, command)} is not used right: it needs a value, or takes none."
    elif isinstance(error, click.BadParameter):
        option = max(error.param.opts, key=len) if error.param else "an option"
        problem = f"The value of {option} cannot be used."
    elif command:
        problem = "There is an argument too many, or one in the wrong place."
    else:
        from difflib import get_close_matches

        word = next((word for word in arguments if not word.startswith("-")), "")
        near = ", ".join(get_close_matches(word, VERBS, n=2))
        problem = "There is no such command." + (f" Did you mean {near}?" if near else "")
    return UsageError(problem=problem, command=command or "COMMAND")


def _ours(option: str, verb: str) -> str:
    if verb:
        known = {name for parameter in import_module(VERBS[verb][0]).command.params for name in parameter.opts}
        if option in known:
            return option
    return "given"
