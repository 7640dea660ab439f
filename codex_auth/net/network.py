"""How the provider is reached from here: proxy and authorities together, for requests and for people."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from codex_auth.core.errors import AuthError
from codex_auth.net.authorities import Authorities, find_authorities
from codex_auth.net.proxies import Proxy, exempted_by, proxy_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way to one host; the default is the direct way with the machine's authorities."""

    proxy: Proxy | None = None
    authorities: Authorities = field(default_factory=Authorities)


def route_to(host: str, env: Mapping[str, str]) -> Route:
    """Return the way to a host, by this environment. Raises `ProxyUnusable` and `CaUnusable`; connects nowhere."""
    return Route(proxy=proxy_for(host, env), authorities=find_authorities(env))


def network_facts(host: str, env: Mapping[str, str]) -> dict[str, object]:
    """Return which variables decide the way to a host, fit to be shown; what is wrong with them is `trouble`."""
    facts: dict[str, object] = {"host": host, "proxy": None, "proxy_variable": None, "ca": None, "ca_variable": None}
    facts |= {"no_proxy_variable": exempted_by(host, env) or None, "ca_folder": None, "trouble": []}
    trouble: list[dict[str, str]] = []
    try:
        proxy = proxy_for(host, env)
        if proxy is not None:
            facts |= {"proxy": proxy.shown, "proxy_variable": proxy.variable}
    except AuthError as error:
        trouble.append({"error": error.code, "message": str(error), "hint": error.hint})
    try:
        found = find_authorities(env)
        facts |= {"ca": found.path or None, "ca_variable": found.variable or None, "ca_folder": found.folder or None}
    except AuthError as error:
        trouble.append({"error": error.code, "message": str(error), "hint": error.hint})
    return {**facts, "trouble": trouble}
