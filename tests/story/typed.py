"""Whether a command line that some page shows is one that can be typed."""

import click

from codex_auth.cli.group import group


def check_typed(words: list[str]) -> None:
    """Parse a command line after the program's name, and run nothing; raises what click would say of it."""
    verb, *rest = words
    command = group.get_command(click.Context(group), verb)
    assert command is not None, f"there is no command {verb}"
    if rest != ["--help"]:
        ctx = command.make_context(verb, list(rest))
        if isinstance(command, click.Group) and rest:
            name, part, more = command.resolve_command(ctx, list(rest))
            assert part is not None
            part.make_context(name, more)
