"""The way to the provider: variables, ports, whether it answers, and whether the clocks agree."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

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
    if len(held) == len(CALLBACK_PORTS):
        said = ", ".join(f"{port} by {holder}" for port, holder in held.items())
        yield Finding(
            code="ports_held",
            what=f"Both callback ports are held: {said}.",
            todo="End those programs, or sign in with `codex-auth login --device` or `--paste`.",
        )


def reachable(patient: Patient) -> Iterator[Finding]:
    """Find providers of the logins here that do not answer, and clocks that differ from theirs."""
    places = patient.places
    issuers = {card.identity.issuer or OPENAI_ISSUER for card in patient.report.cards if card.kind != "api_key"}
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


LOCAL = (variables, ports)
CHECKS = (reachable,)
