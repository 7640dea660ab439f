"""The house has floors, and imports only go down or to the left; CONTRIBUTING.md shows the same list."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "codex_auth"

FLOORS = {
    "core": "text scrub moments secret errors chat_errors refresh_errors delivery_errors gateway_errors store_errors "
    "jsontext foreign card model key_errors api_keys names openai provider redirect policy policy_text ways "
    "idtoken replies device_replies flow device app_server codex_errors codex_json codex_toml drift renewal "
    "schedule usage_errors usage usage_talk profile_errors labels vault_layout vault_cipher vault_header "
    "vault_kdf carry_errors carrying choosing setting_errors settings",
    "edge": "trouble folders files archive locks plainly world where key_source config places chosen defaults signals "
    "child errand hooks terminal picker qr timers watcher",
    "keys": "seal dbus session_bus secret_service keyrings codex_item passphrases vault_keys",
    "notes": "queue pending journal deliveries rounds usages labels",
    "net": "proxies authorities network wire",
    "callback": "request_head pages ports loopback browser",
    "neighbours": "openclaw openclaw_homes commands elsewhere codex codex_private leftovers policies",
    "stores": "protocol guards openclaw_lock entries profiles_text auth_profiles memory index slots "
    "keyring_keeper os_keyring vault_seen vault_hot vault shelves seals damaged",
    "gateway": "health finding asking",
    "deliver": "protocol codex codex_provider openclaw openclaw_json openclaw_paste fallback targets",
    "stories": "sign_in two_step device device_steps login copies refresh adopt deliver alerts keep site restarting "
    "apply at_openclaw drift status codex_home use run usage move api_keys app_server "
    "carry_in carry_out fitting shown_again queueing rename logout settings",
    "chat": "message verbs words escape reply render book usage room failing gateway sign_in overview talk",
    "checks": "codes finding logins targets folders stores programs settings keeping network table",
    "views": "document show screen why_openclaw why applied apply_plan report outcome delivered carried ended keeping "
    "token_json usage_json usage_bars columns table listing api_key_words diagnosis bundle settings",
    "cli": "doors patience quick examples verbs group completing options opening choosing redirect_input hot token "
    "login start finish cancel status refresh run asking usage best list_profiles label rename timing keep deliver "
    "apply use bring_in carry_out api_key app_server leftovers move logout vault config chat_door chat examining "
    "doctor schema demo completion skill later main",
}
"""Each floor from the bottom up, and its modules from left to right."""

EDGE_LIBRARIES = {"os", "socket", "ssl", "time", "pathlib", "subprocess", "click", "http", "threading", "sys", "shutil"}
"""What the pure floor must not touch."""

MAY_REVEAL = {
    "core.flow",
    "core.device",
    "core.idtoken",
    "core.redirect",
    "core.replies",
    "cli.token",
    "deliver.openclaw",
    "deliver.protocol",
    "core.renewal",
    "notes.journal",
    "notes.pending",
    "net.proxies",
    "keys.seal",
    "keys.vault_keys",
    "stores.auth_profiles",
    "stores.damaged",
    "stores.entries",
    "stories.device",
    "stories.device_steps",
    "stories.two_step",
    "stories.login",
    "stories.copies",
    "stories.carry_in",
    "stories.run",
    "deliver.openclaw_paste",
    "core.usage_talk",
    "stories.shown_again",
    "core.codex_json",
    "stories.api_keys",
    "core.app_server",
    "cli.carry_out",
}
"""The modules that may call `Secret.reveal`."""


def _modules() -> Iterator[tuple[str, str, ast.Module]]:
    for floor in FLOORS:
        for path in sorted((PACKAGE / floor).glob("*.py")):
            yield floor, path.stem, ast.parse(path.read_text())


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _place(module: str) -> tuple[int, int] | None:
    parts = module.split(".")
    if len(parts) < 3 or parts[0] != "codex_auth" or parts[1] not in FLOORS:
        return None
    names = FLOORS[parts[1]].split()
    return (list(FLOORS).index(parts[1]), names.index(parts[2])) if parts[2] in names else None


def test_every_module_has_its_place() -> None:
    """The list names exactly the modules there are."""
    there = {(floor, name) for floor, name, _ in _modules()} - {(floor, "__init__") for floor in FLOORS}

    assert there == {(floor, name) for floor, names in FLOORS.items() for name in names.split()}


def test_imports_go_down_or_left() -> None:
    """No module imports one above it, or to its right on its own floor."""
    wrong = [
        f"{floor}.{name} imports {imported}"
        for floor, name, tree in _modules()
        for imported in _imports(tree)
        if (here := _place(f"codex_auth.{floor}.{name}")) and (there := _place(imported)) and there >= here
    ]

    assert wrong == []


def test_the_sandbox_stands_apart() -> None:
    """The sandbox imports nothing of ours but the pure floor, and only doors import the sandbox."""
    inside = [
        imported
        for path in (PACKAGE / "sandbox").glob("*.py")
        for imported in _imports(ast.parse(path.read_text()))
        if imported.startswith("codex_auth.") and not imported.startswith(("codex_auth.sandbox", "codex_auth.core"))
    ]
    outside = [
        f"{floor}.{name}"
        for floor, name, tree in _modules()
        if floor != "cli" and any(imported.startswith("codex_auth.sandbox") for imported in _imports(tree))
    ]

    assert (inside, outside) == ([], [])


@pytest.mark.parametrize("library", sorted(EDGE_LIBRARIES))
def test_the_pure_floor_touches_nothing(library: str) -> None:
    """Nothing on the pure floor imports a library that reaches outside."""
    users = [
        name
        for floor, name, tree in _modules()
        if floor == "core" and any(imported.partition(".")[0] == library for imported in _imports(tree))
    ]

    assert users == []


def test_only_named_modules_reveal_secrets() -> None:
    """Every call of `.reveal()` stands in a module that was meant to see secrets."""
    callers = {
        f"{floor}.{name}"
        for floor, name, tree in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "reveal"
    }

    assert callers - {"core.secret"} <= MAY_REVEAL
