"""`codex-auth key`: API keys and personal access tokens as profiles."""

import sys

import click

from codex_auth.cli import options
from codex_auth.core.api_keys import KINDS, LIMIT


@click.group()
def command() -> None:
    """Keep API keys and personal access tokens beside the sign-ins.

    A key is a profile like any other: `token NAME` prints it, `run NAME -- COMMAND` puts it in the variable of its
    kind (CODEX_ACCESS_TOKEN for a personal token, else OPENAI_API_KEY or what --env-key says), `move` takes it to
    another store. It never ends here, and nothing renews it.
    """


@command.command()
@options.profile
@click.option("--kind", type=click.Choice([*KINDS]), help="What it is; told from its first letters if not said.")
@click.option("--label", default="", metavar="TEXT", help="What it is for, for `key list`.")
@click.option("--scope", default="", metavar="TEXT", help="What it may do, for `key list`.")
@click.option("--env-key", default="", metavar="NAME", help="The variable that `run` puts it in, e.g. GLM_API_KEY.")
@click.option("--replace", "may_replace", is_flag=True, help="Let it take the place of a key that has the name.")
@options.store
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def add(
    ctx: click.Context,
    name: str | None,
    *,
    kind: str | None,
    label: str,
    scope: str,
    env_key: str,
    may_replace: bool,
    store: str,
    as_json: bool,
    auth_path: str,
) -> None:
    """Keep a key: `codex-auth key add glm --kind glm < FILE`, or type it at the hidden prompt.

    A key is never taken from an argument: other programs can read those.
    """
    from codex_auth.cli.opening import chosen_profile, open_for_sign_in
    from codex_auth.core.api_keys import read_key, read_variable
    from codex_auth.core.card import KeyNote
    from codex_auth.core.names import read_name
    from codex_auth.core.text import printable
    from codex_auth.edge.world import World
    from codex_auth.stories import api_keys as story
    from codex_auth.views.api_key_words import print_kept

    world = World()
    places, opened = open_for_sign_in(ctx, world, auth_path, store=store)
    profile = read_name(chosen_profile(name, places, world))
    note = KeyNote(kind=kind or "", label=printable(label), scope=printable(scope), env_key=read_variable(env_key))
    key = read_key(_given(profile))
    kept = story.add(profile, key, note, store=opened, places=places, world=world, may_replace=may_replace)
    print_kept(kept, opened.choice(profile).kind, world, as_json=as_json)


@command.command("list")
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def list_keys(ctx: click.Context, *, as_json: bool, auth_path: str) -> None:
    """List the keys: kind, label, scope, store and age; never a key."""
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories.api_keys import keys
    from codex_auth.views.api_key_words import key_lines, print_keys
    from codex_auth.views.screen import is_terminal, look, show

    world = World()
    _, opened = open_places(ctx, world, auth_path)
    if as_json:
        print_keys([*keys(opened)], world)
    else:
        show(key_lines([*keys(opened)], world.now(), look(), may_be_long=not is_terminal()), world)


@command.command()
@options.existing_profile
@options.json_output
@options.passphrase_fd
@options.auth_path
@click.pass_context
def remove(ctx: click.Context, name: str | None, *, as_json: bool, auth_path: str) -> int:
    """Remove a key here, and what asks for it in Codex's configuration.

    It goes on working wherever else it is, until it is revoked where it was made.
    """
    from codex_auth.cli.choosing import existing
    from codex_auth.cli.opening import open_places
    from codex_auth.edge.world import World
    from codex_auth.stories import api_keys as story
    from codex_auth.views.api_key_words import print_removed

    world = World()
    places, opened = open_places(ctx, world, auth_path)
    profile = existing(ctx, name, store=opened, places=places, world=world)
    done = story.remove(profile, store=opened, places=places, world=world)
    print_removed(done, world, as_json=as_json)
    return done.status


def _given(profile: str) -> str:
    """Return what is piped, or typed at a hidden prompt."""
    from codex_auth.cli.redirect_input import terminal_descriptor
    from codex_auth.edge.terminal import HiddenInput

    terminal = terminal_descriptor()
    if terminal is None:
        return "" if sys.stdin is None else sys.stdin.buffer.read(LIMIT + 2).decode("utf-8", "replace")
    with HiddenInput(terminal, profile=profile) as hidden:
        sys.stderr.write("Paste the key, and press Enter (it is not shown): ")
        sys.stderr.flush()
        typed = None
        while typed is None:
            typed = hidden.read()
    sys.stderr.write("\n")
    return typed
