"""What `status --why` says: which rule chose each place, the way to the provider, and what administrators allow."""

from collections.abc import Mapping, Sequence
from typing import Any

from codex_auth.core.errors import PolicyUnusable
from codex_auth.core.names import DEFAULT
from codex_auth.core.openai import OPENAI_HOST
from codex_auth.core.policy import WORKSPACES, Rule
from codex_auth.core.text import mask_account, printable
from codex_auth.edge.defaults import NOTHING_NAMES
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.net.network import network_facts
from codex_auth.stories import status as story
from codex_auth.views import show as words
from codex_auth.views import why_openclaw


def facts(report: story.Report, places: Places, world: World, *, full: bool) -> dict[str, object]:
    """Return the reasons for JSON; they join what `status --json` says anyway."""
    return {
        "why": {
            "auth_path": places.auth_path,
            "auth_rule": places.auth_rule,
            "store": places.store,
            "store_rule": places.store_rule,
            "state": places.state,
            "unnamed": report.unnamed or None,
            "unnamed_rule": report.unnamed_rule or None,
            "openclaw": why_openclaw.document(world),
        },
        "network": network_facts(OPENAI_HOST, world.env),
        "policy": [_rule_row(rule, full=full) for rule in _rules(places, world)],
    }


def lines(report: story.Report, places: Places, world: World, *, full: bool) -> list[str]:
    """Return the reasons for people."""
    settings = sorted(name for name in world.env if name.startswith(("CODEX_AUTH_", "OPENCLAW_")))
    unknown = "it was put there before reasons were noted"
    return [
        *(
            f"{card.profile} is in the {card.store}\n  because {printable(card.store_why) or unknown}"
            for card in report.cards
        ),
        *_unnamed(report),
        f"credentials: {places.auth_path}",
        f"  because {places.auth_rule}",
        f"new profiles go to: {places.store}",
        f"  because {places.store_rule}",
        f"state: {places.state}",
        f"configuration: {places.config_file}",
        *why_openclaw.lines(world),
        *(f"from the environment: {name}" for name in settings),
        *_ways(network_facts(OPENAI_HOST, world.env)),
        *(_rule_line(rule, full=full) for rule in _rules(places, world)),
    ]


def _unnamed(report: story.Report) -> list[str]:
    """Return which profile is meant where none is named, and why; nothing where that is not known."""
    if not report.unnamed_rule:
        return []
    is_first = report.unnamed == report.default != DEFAULT and report.unnamed_rule == NOTHING_NAMES
    rule = f"{report.unnamed_rule}, and it is the first there is" if is_first else report.unnamed_rule
    return [f"without a name: {report.unnamed or 'no profile'}", f"  because {printable(rule, limit=400)}"]


def _ways(found: Mapping[str, Any]) -> list[str]:
    exempt = f", as {found['no_proxy_variable']} says" if found["no_proxy_variable"] else ""
    proxy = found["proxy"] or f"none{exempt}"
    unusable = [f"  but: {trouble['message']}" for trouble in found["trouble"]]
    return [
        f"proxy to {found['host']}: {proxy}",
        *([f"  because {found['proxy_variable']} names it"] if found["proxy"] else []),
        f"authorities: {found['ca'] or 'those of this machine'}",
        *([f"  because {found['ca_variable']} names it"] if found["ca"] else []),
        *([f"  and {found['ca_folder']}, which SSL_CERT_DIR names"] if found["ca_folder"] else []),
        *unusable,
    ]


def _rules(places: Places, world: World) -> Sequence[Rule]:
    """Return every rule in force; where they cannot be read the report says so already."""
    try:
        policy = story.policy_of(places, world)
    except PolicyUnusable:
        return ()
    return () if policy is None else policy.rules


def _rule_row(rule: Rule, *, full: bool) -> dict[str, object]:
    return {
        "what": rule.what,
        "allows": _allows(rule, full=full),
        "least_seconds": int(rule.least.total_seconds()) or None,
        "source": printable(rule.source),
        "key": rule.key,
        "yours": rule.is_own,
    }


def _rule_line(rule: Rule, *, full: bool) -> str:
    value = words.duration(rule.least) if rule.least else ", ".join(_allows(rule, full=full)) or "none"
    return f"rule: {rule.what}: {value} ({printable(rule.name, limit=400)}{', yours' if rule.is_own else ''})"


def _allows(rule: Rule, *, full: bool) -> list[str]:
    """Return what a rule allows; workspaces are account ids, and masked as those are."""
    hide = mask_account if rule.what == WORKSPACES and not full else printable
    return [hide(value) for value in rule.allows]
