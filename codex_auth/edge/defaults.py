"""Which profile is meant where none is named, and by which rule. `status` asks, so little is loaded for it."""

from codex_auth.core.errors import BadProfileName
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.edge import chosen, where
from codex_auth.edge.places import Places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING_NAMES = "nothing names another"


def unnamed(places: Places, env: "Mapping[str, str]") -> tuple[str, str]:
    """Return a selector and its rule: `CODEX_AUTH_PROFILE`, the folder's file, `use`, configuration, `default`.

    Raises `FolderFileUnusable`.
    """
    if named := env.get("CODEX_AUTH_PROFILE", ""):
        return named, "CODEX_AUTH_PROFILE names it"
    if path := where.folder_file():
        return _name_in(path), f"{path} names it"
    if named := chosen.read(places):
        return named, "`codex-auth use` chose it"
    if named := places.config.profile:
        return named, "profile in the configuration file names it"
    return DEFAULT, NOTHING_NAMES


def _name_in(path: str) -> str:
    try:
        return read_name(where.folder_name(path))
    except BadProfileName:
        from codex_auth.core.profile_errors import FolderFileUnusable

        raise FolderFileUnusable(path=path) from None
