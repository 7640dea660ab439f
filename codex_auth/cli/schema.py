"""`codex-auth schema`: the published forms of what comes out with `--json`, and of what the chat takes and gives."""

import json
from importlib import resources
from typing import Any

import click

from codex_auth.cli.verbs import VERBS

_COMMON = "common"
_CHAT = {"chat message": "message", "chat reply": "reply"}
"""Those that `chat --schema` prints, by what they are called here."""
_SAME = {"remove": "logout"}
"""Verbs that answer as another does."""


@click.command()
@click.argument("command", nargs=-1, metavar="[COMMAND]...")
def command(*, command: tuple[str, ...]) -> int:
    r"""Print the JSON Schema (draft 2020-12) of what a command prints with `--json`, or the commands that have one.

    Each holds the document of success in all its forms, and that of failure. It names every member that this release
    prints; a later one may print more under the same `schema_version`, and takes none away.

    \b
    Examples:
      codex-auth schema
      codex-auth schema status
      codex-auth schema key add
    """
    from codex_auth.cli.doors import write
    from codex_auth.core.errors import UsageError

    if not command:
        return write("".join(f"{name}\n" for name in names()))
    asked = " ".join(command)
    if asked not in names():
        from difflib import get_close_matches

        near = " or ".join(get_close_matches(asked, names(), n=2))
        problem = "No command of that name has a document." + (f" Did you mean {near}?" if near else "")
        raise UsageError(problem=problem, command="schema")
    return write(json.dumps(bundle(asked), indent=2, ensure_ascii=False) + "\n")


def names() -> list[str]:
    """Return the commands whose documents have a schema, as they are typed."""
    files = resources.files("codex_auth").joinpath("schemas").iterdir()
    own = {_typed(each.name.removesuffix(".json")) for each in files if each.name.endswith(".json")} - {_COMMON}
    return sorted(own | set(_SAME) | set(_CHAT))


def bundle(asked: str) -> dict[str, Any]:
    """Return the schema of one command with all that it refers to inside."""
    if asked in _CHAT:
        return _read("chat/schemas", _CHAT[asked])
    schema = _read("schemas", _SAME.get(asked, asked).replace(" ", "-"))
    return {**schema, "$defs": {**schema.get("$defs", {}), _COMMON: _read("schemas", _COMMON)}}


def _read(folder: str, name: str) -> dict[str, Any]:
    text = resources.files("codex_auth").joinpath(folder, f"{name}.json").read_text("utf-8")
    read: dict[str, Any] = json.loads(text)
    return read


def _typed(name: str) -> str:
    """Return a file's name as the command is typed: a verb, or a verb and what it has below it."""
    return name if name in VERBS else name.replace("-", " ", 1)
