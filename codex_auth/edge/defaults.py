"""Which profile is meant where none is named, and by which rule."""

from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.core.errors import BadProfileName
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.core.profile_errors import FolderFileUnusable
from codex_auth.edge import where
from codex_auth.edge.places import Places

NOTHING_NAMES = "nothing names another"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnamed:
    """A selector, and why it is the one."""

    selector: str
    rule: str


def unnamed(places: Places, env: Mapping[str, str]) -> Unnamed:
    """Return the first of: `CODEX_AUTH_PROFILE`, the folder's `.codex-auth`, the configuration, `default`.

    Raises `FolderFileUnusable`.
    """
    if named := env.get("CODEX_AUTH_PROFILE", ""):
        return Unnamed(selector=named, rule="CODEX_AUTH_PROFILE names it")
    if path := where.folder_file():
        return Unnamed(selector=_name_in(path), rule=f"{path} names it")
    if named := places.config.profile:
        return Unnamed(selector=named, rule="profile in the configuration file names it")
    return Unnamed(selector=DEFAULT, rule=NOTHING_NAMES)


def _name_in(path: str) -> str:
    try:
        return read_name(where.folder_name(path))
    except BadProfileName:
        raise FolderFileUnusable(path=path) from None
