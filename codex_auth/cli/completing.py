"""What a shell may complete: commands, options, choices, profile names. Never a secret, a prompt or a keyring.

A shell's few lines (`cli.completion`) write what was typed to stdin, not into an argument that other programs can
read: somebody may press Tab behind a pasted redirect. The answer is one line for each thing that fits:

    KIND <tab> VALUE <tab> what it is

KIND is `plain`, or `file`, `folder` and `command`, which ask the shell to complete one of its own.
"""

import sys
from collections.abc import Iterable, Iterator

from codex_auth.cli.verbs import VERBS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

    from codex_auth.core.card import Card

_LIMIT = 1024 * 1024
_SHOWN = 2000
"""More names than anybody reads, and than a shell lists without asking."""
_KINDS = {"file": "file", "dir": "folder", "command": "command"}
"""click's words for what it leaves to the shell."""


def answer() -> int:
    """Read what was typed, each word ended by a null byte, and print what fits; nothing at all where that fails."""
    try:
        typed = sys.stdin.buffer.read(_LIMIT).decode("utf-8", "replace")
        for kind, value, what in fitting(typed.split("\0")[:-1]):
            sys.stdout.write(f"{kind}\t{value}\t{what}\n")
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt):  # noqa: BLE001 - whatever it is, a Tab key is no place to say so
        return 1
    return 0


def fitting(words: list[str]) -> Iterator[tuple[str, str, str]]:
    """Return what the last of `words` may become, after those before it: kind, value, what it is."""
    *before, begun = words or [""]
    if not before and not begun.startswith("-"):
        yield from (("plain", verb, line) for verb, (_, line) in VERBS.items() if verb.startswith(begun))
        return
    if "--" in before:
        yield ("command" if before[-1] == "--" else "file"), "", ""
        return
    option, equals, value = begun.partition("=")
    kept = option + equals if begun.startswith("--") and equals else ""
    for item in _items(before, begun):
        kind = _KINDS.get(item.type, "plain")
        if kind != "plain":
            yield kind, "", ""
        elif item.value.startswith(value if kept else begun):
            yield kind, kept + item.value, _one_line(item.help or "")


def _items(before: list[str], begun: str) -> "Iterable[CompletionItem]":
    from click.shell_completion import ShellComplete

    from codex_auth.cli.group import group

    return ShellComplete(group, {}, "codex-auth", "").get_completions(before, begun)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def profiles(ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Return the profiles whose names begin so; click calls this for an argument or option that is a profile."""
    from itertools import islice

    from click.shell_completion import CompletionItem

    from codex_auth.core.text import mask_email, printable

    fit = (card for card in _cards(str(ctx.params.get("auth_path") or "")) if card.profile.startswith(begun.lower()))
    return [
        CompletionItem(
            card.profile,
            help=", ".join(filter(None, (mask_email(card.identity.email or ""), printable(card.identity.plan)))),
        )
        for card in islice(fit, _SHOWN)
    ]


def stores(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> list[str]:
    """Return the kinds of store."""
    from codex_auth.edge.places import STORE_KINDS

    return [kind for kind in STORE_KINDS if kind.startswith(begun)]


def settings(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Return the settings of the configuration."""
    from click.shell_completion import CompletionItem

    from codex_auth.core.settings import SETTINGS

    return [CompletionItem(name, help=each.meaning) for name, each in SETTINGS.items() if name.startswith(begun)]


def files(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Leave it to the shell: a file."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def program_or_file(ctx: "click.Context", param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Return what a login may be read from."""
    from click.shell_completion import CompletionItem

    programs = [CompletionItem(name) for name in ("codex", "openclaw") if name.startswith(begun)]
    return [*programs, *files(ctx, param, begun)]


def folders(_ctx: "click.Context", _param: "click.Parameter", begun: str) -> "list[CompletionItem]":
    """Leave it to the shell: a folder."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="dir")]


def _cards(auth_path: str) -> "Iterator[Card]":
    """Return the logins that can be known by reading two files: the plain one, and the list of what is sealed.

    A keyring that is locked stays so, and a vault's passphrase is not asked for; what cannot be read is left out.
    """
    import os

    from codex_auth.core.errors import AuthError
    from codex_auth.core.names import LEGACY_PREFIX, name_of_id
    from codex_auth.edge.places import find_places
    from codex_auth.stores import open_kind
    from codex_auth.stores.index import Index

    places = find_places(os.environ, auth_path=auth_path)
    seen = set()
    for kind in ("file", "keyring", "vault"):
        try:
            shelf = open_kind(places, "file") if kind == "file" else Index(places.index, locks=places.locks, kind=kind)
            for card in shelf.cards():
                if card.profile not in seen and name_of_id(LEGACY_PREFIX + card.profile):
                    seen.add(card.profile)
                    yield card
        except AuthError:
            continue
