"""The first lines that run: answer what needs nothing, and load click for the rest.

`codex-auth --help`, `status` and `list` are typed and polled all day. They are answered here without
loading click, by the same functions the click commands call.
"""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["token"]:
        from codex_auth.cli.hot import answer

        status = answer(arguments[1:])
        if status is not None:
            sys.exit(status)
    if arguments == ["completion", "--answer"]:
        from codex_auth.cli.completing import answer as complete

        sys.exit(complete())
    _run(arguments)


def _run(arguments: list[str]) -> None:
    from codex_auth.cli.doors import guarded, open_doors, open_threads, write
    from codex_auth.cli.verbs import help_here

    open_doors()
    match arguments:
        case [] | ["--help" | "-h" | "help"]:
            sys.exit(guarded(write, as_json=False, text=help_here()))
        case ["help", word] if not word.startswith("-"):
            from codex_auth.cli.group import run

            sys.exit(run([word, "--help"]))
        case ["--version"]:
            from codex_auth import __version__

            sys.exit(guarded(write, as_json=False, text=f"codex-auth {__version__}\n"))
        case ["status", *flags] if all(flag in {"--json", "--check"} for flag in flags):
            sys.exit(guarded(_status, as_json="--json" in flags, flags=flags))
        case ["list", *flags] if all(flag in {"--json", "--full"} for flag in flags):
            sys.exit(guarded(_list, as_json="--json" in flags, flags=flags))
        case _:
            from codex_auth.cli.group import run

            open_threads()
            sys.exit(run(arguments))


def _status(flags: list[str]) -> int:
    _without_inspect()
    from codex_auth.cli.quick import show

    return show(as_json="--json" in flags, check="--check" in flags)


def _list(flags: list[str]) -> int:
    _without_inspect()
    from codex_auth.cli.quick import show_list

    return show_list(as_json="--json" in flags, full="--full" in flags)


def _without_inspect() -> None:
    # `dataclasses` imports `inspect` for classes without a docstring; ours have one, and it costs a sixth of the run.
    from codex_auth.cli.later import Later

    sys.modules.setdefault("inspect", Later("inspect"))
