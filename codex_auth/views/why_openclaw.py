"""What `status --why` says about the OpenClaw that is here."""

from codex_auth.core.text import printable
from codex_auth.edge.world import World
from codex_auth.neighbours.openclaw import AGENT_ERA, JSON_ERA, SHARED_ERA, Installation, installation
from codex_auth.neighbours.openclaw_homes import OpenClawHome, gateway_of, homes

_ERAS = {
    JSON_ERA: "credentials in auth-profiles.json",
    AGENT_ERA: "credentials in SQLite, each agent its own",
    SHARED_ERA: "credentials in SQLite, shared by the agents",
    None: "where it keeps credentials is not known",
}


def document(world: World) -> dict[str, object]:
    """Return the installed OpenClaw and its state folders, for JSON."""
    found = installation(world.env)
    return {
        "release": found and printable(found.release),
        "era": found and found.era,
        "program": found and found.program,
        "package": found and found.package,
        "nodes": [] if found is None else list(found.nodes),
        "homes": [_home_document(home) for home in homes(world.env, found)],
    }


def lines(world: World) -> list[str]:
    """Return the same as lines for people; none where there is no OpenClaw."""
    found = installation(world.env)
    there = homes(world.env, found)
    told = [] if found is None else _installed(found)
    if there and found is None:
        told = ["OpenClaw: not on PATH, but it was used here"]
    for home in there:
        told += _home(home)
    return told


def _installed(found: Installation) -> list[str]:
    node = found.nodes[0] if found.nodes else "no Node that could be found"
    return [
        f"OpenClaw {printable(found.release) or 'of an unknown release'}: {found.program}",
        f"  in {found.package}, run by {node}",
    ]


def _home(home: OpenClawHome) -> list[str]:
    gateway = gateway_of(home)
    agents = ", ".join(map(printable, home.agents)) or "none yet"
    chosen = " (the one this shell means)" if home.is_chosen else ""
    lines = [f"  {home.state}{chosen}: {_ERAS[home.era]}; agents: {agents}"]
    if gateway:
        port = f", port {gateway.port}" if gateway.port else ""
        lines.append(f"    a gateway runs there (process {gateway.pid}{port})")
    return lines + [f"    in its way until it is migrated: {path}" for path in home.leftover_files]


def _home_document(home: OpenClawHome) -> dict[str, object]:
    gateway = gateway_of(home)
    return {
        "state": home.state,
        "config": home.config,
        "profile": home.profile or None,
        "chosen": home.is_chosen,
        "era": home.era,
        "agents": list(home.agents),
        "gateway": gateway and {"pid": gateway.pid, "port": gateway.port},
        "leftover_files": list(home.leftover_files),
    }
