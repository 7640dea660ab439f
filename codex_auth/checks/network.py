"""The way to the provider: variables, ports, whether it answers, and whether the clocks agree."""

import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from codex_auth.callback.browser import has_opener, why_not_open
from codex_auth.callback.ports import holders
from codex_auth.checks.finding import Finding, Patient, of_error
from codex_auth.core.errors import AuthError
from codex_auth.core.flow import Request
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.provider import CALLBACK_PORTS, Provider, read_issuer
from codex_auth.core.replies import skew
from codex_auth.net import wire
from codex_auth.net.network import route_to

_CLOCK = timedelta(minutes=5)
"""By how much clocks may differ before tokens seem to end early or late: Codex refreshes this much ahead."""


def variables(patient: Patient) -> Iterator[Finding]:
    """Find proxies and authorities that the environment names and that cannot be used."""
    try:
        route_to(urlsplit(OPENAI_ISSUER).hostname or "", patient.world.env)
    except AuthError as error:
        yield of_error(error)


def ports(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 - every check's words
    """Find callback ports that another program holds; with both, a browser cannot come back here."""
    held = holders(CALLBACK_PORTS)
    said = ", ".join(f"{port} by {holder}" for port, holder in held.items())
    if len(held) == len(CALLBACK_PORTS):
        yield Finding(
            code="ports_held",
            what=f"Both callback ports are held: {said}.",
            todo="End those programs, or sign in with `codex-auth login --device` or `--paste`.",
        )
    elif held:
        yield Finding(
            code="port_held",
            what=f"A callback port is held: {said}.",
            todo="Nothing has to be done; a sign-in takes the other one.",
        )


def local_name(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 - every check's words
    """Find a `localhost` that is another machine, or none. The name is looked up here and nobody is connected to."""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)}
    except OSError:
        found = set()
    if not found or not all(ip_address(each.partition("%")[0]).is_loopback for each in found):
        yield Finding(
            code="localhost_elsewhere",
            what=f"The name localhost means {', '.join(sorted(found))}."
            if found
            else "The name localhost is not known.",
            todo="Put `127.0.0.1 localhost` and `::1 localhost` into /etc/hosts; until then use `--device`.",
        )


def browser(patient: Patient) -> Iterator[Finding]:
    """Find out that no browser can be opened here."""
    env = patient.world.env
    reason = why_not_open(env, sys.platform) or ("" if has_opener(env) else "there is no program that opens one")
    if reason:
        yield Finding(
            code="no_browser",
            what=f"No browser is opened from here: {reason}.",
            todo="Sign in with `codex-auth login --device`; or name a browser in BROWSER.",
        )


def reachable(patient: Patient) -> Iterator[Finding]:
    """Find providers of the logins here that do not answer, and clocks that differ from theirs."""
    places = patient.places
    issuers = {card.identity.issuer or OPENAI_ISSUER for card in patient.report.cards if card.kind != "api_key"}
    issuers |= {login.issuer for login in patient.report.waiting}
    for issuer in sorted(issuers):
        provider = Provider(issuer=issuer)
        try:
            read_issuer(issuer, listed=places.config.issuers, config=places.config_file)
            send = wire.sender(provider, now=patient.world.now, env=patient.world.env)
            reply = send(
                Request(
                    method="GET",
                    url=provider.jwks_url,
                    purpose="see whether it answers",
                    headers={"Accept": "application/json"},
                )
            )
        except AuthError as error:
            yield of_error(error, subject=provider.host)
            continue
        off = abs(skew(reply) or timedelta())
        if off > _CLOCK:
            minutes = off // timedelta(minutes=1)
            yield Finding(
                code="clock_off",
                what=f"The clock here differs from that of {provider.host} by {minutes} minutes.",
                todo="Set the clock (`timedatectl set-ntp true`): tokens otherwise seem to end too early or too late.",
                subject=provider.host,
            )


LOCAL = (variables, ports, local_name, browser)
CHECKS = (reachable,)
