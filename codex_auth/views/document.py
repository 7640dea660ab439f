"""The JSON document that `--json` prints: one object on one line, with the version of its form."""

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.edge.world import World

SCHEMA_VERSION = 1
"""The version of every document's form; a member more does not change it, a member gone or changed does."""


def print_document(world: "World", **facts: object) -> None:
    """Print one document of `facts` to standard output; `ok` is true unless they say otherwise."""
    world.out(json.dumps({"ok": True, "schema_version": SCHEMA_VERSION, **facts}, ensure_ascii=False))
