"""A model provider in Codex's configuration that asks us for each token: no key lies in a file or a variable."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from codex_auth.core.codex_errors import CodexConfigInTheWay
from codex_auth.core.errors import ProfileNotFound
from codex_auth.core.store_errors import LockBusy
from codex_auth.edge import files
from codex_auth.edge.folders import private_folder, resolve
from codex_auth.edge.places import Places
from codex_auth.edge.timers import own_command
from codex_auth.edge.world import World
from codex_auth.neighbours import policies
from codex_auth.neighbours.codex import CodexHome
from codex_auth.neighbours.codex_config import CodexProvider, ConfigInTheWay, remove_provider, write_provider
from codex_auth.stores.protocol import Store

_REDO = 20
"""How often a change is made anew because somebody else wrote the file meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the caller wants written: the provider's name, where it is, and the model that is chosen with it."""

    id: str
    base_url: str
    model: str


def deliver(
    profile: str, wanted: Wanted, *, home: CodexHome, store: Store, places: Places, world: World
) -> CodexProvider:
    """Write the provider, and return it as it was written. No token is copied.

    Raises `ProfileNotFound`, `PolicyRefused`, `CodexConfigInTheWay`, and what reading and writing the file raises.
    """
    held = store.load(profile)
    if held is None:
        raise ProfileNotFound(profile=profile)
    refusal = policies.in_force(places, world.env).use_refusal(held)
    if refusal is not None:
        raise refusal
    command, *words = own_command()
    account = held.identity.account_id
    provider = CodexProvider(
        id=wanted.id,
        base_url=wanted.base_url,
        model=wanted.model,
        is_chosen=bool(wanted.model),
        command=command,
        args=(*words, "token", profile),
        headers={"ChatGPT-Account-ID": account} if account and not held.is_api_key else {},
    )
    private_folder(home.path)
    _change(home.config, lambda text: write_provider(text, provider))
    return provider


def take_back(provider_id: str, *, home: CodexHome) -> bool:
    """Remove a provider that we wrote. False if there was none of ours."""
    command = own_command()[0]
    return _change(home.config, lambda text: remove_provider(text, provider_id, command=command))


def _change(path: str, edit: Callable[[str], str]) -> bool:
    """Change a configuration file, whoever else writes it; a link to it stays. False if there is nothing to change."""
    for _ in range(_REDO):
        held = files.snapshot(path, foreign=True, is_open=True)
        try:
            before = (held.raw or b"").decode()
            after = edit(before)
        except UnicodeDecodeError:
            raise CodexConfigInTheWay(path=path, problem="it is not UTF-8", todo="Correct it") from None
        except ConfigInTheWay as found:
            raise CodexConfigInTheWay(path=path, problem=found.problem, todo=found.todo) from None
        if after == before:
            return False
        with contextlib.suppress(files.FileChanged):
            files.replace(resolve(path), [after.encode()], backup=False, expected=held)
            return True
    raise LockBusy(what=path, holder="another program, which keeps rewriting it")
