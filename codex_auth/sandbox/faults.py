"""Misbehaviour that tests and users may ask for: what there is, and what is still to come."""

import threading
from dataclasses import dataclass, field, replace

FAULTS = {
    "slow": "answer after VALUE seconds (default 2)",
    "drop": "act on the request, then close the connection without an answer",
    "cut": "act on the request, then close the connection in the middle of the answer",
    "drop_before": "close the connection without acting on the request",
    "status": "answer with HTTP status VALUE (default 503); 429 and 503 carry Retry-After",
    "html": "answer 200 with an HTML page, as a captive portal does",
    "redirect": "answer 302 to another host",
    "huge": "answer 200 with a body of VALUE megabytes (default 32)",
    "no_rotation": "answer a refresh with the same refresh token",
    "no_refresh_token": "leave the refresh token out of the answer; the old one stays good",
    "other_account": "answer with tokens of another account",
    "expired": "answer with an access token that has already expired",
    "bad_signature": "answer with an id token whose signature is wrong",
    "wrong_aud": "answer with an id token made for another client",
    "wrong_iss": "answer with an id token of another issuer",
    "used": "answer that VALUE percent of the five hours are used (default 100)",
    "odd_usage": "answer with a usage whose numbers are words",
}
ROUTES = {
    "/oauth/authorize": "authorize",
    "/oauth/token": "token",
    "/oauth/revoke": "revoke",
    "/oauth/device/code": "device_code",
    "/api/accounts/deviceauth/usercode": "usercode",
    "/api/accounts/deviceauth/token": "device_token",
    "/codex/device": "device_page",
    "/.well-known/jwks.json": "jwks",
    "/.well-known/openid-configuration": "discovery",
    "/backend-api/wham/usage": "usage",
    "/api/codex/usage": "usage",
    "/backend-api/wham/accounts/check": "accounts",
    "/api/codex/accounts/check": "accounts",
    "/v1/models": "models",
    "/backend-api/codex/models": "models",
    "/v1/responses": "responses",
    "/backend-api/codex/responses": "responses",
}


class BadFault(ValueError):
    """A fault that does not exist; the sentence lists those that do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of misbehaviour, for the next `count` requests to a route.

    Raise BadFault for a name or route that does not exist, or a count below one.
    """

    name: str
    route: str = "token"
    count: int = 1
    value: float | None = None
    retry_after: int = 1

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise BadFault(f"There is no fault named {self.name!r}. Faults: {', '.join(FAULTS)}.")
        if self.route not in ROUTES.values():
            names = ", ".join(dict.fromkeys(ROUTES.values()))
            raise BadFault(f"There is no route named {self.route!r}. Routes: {names}.")
        if self.count < 1:
            raise BadFault("A fault happens at least once.")


def read_fault(text: str) -> Fault:
    """Read `NAME[=VALUE][:ROUTE[:COUNT]]`; raise BadFault when it says nothing we know."""
    kind, _, place = text.partition(":")
    name, _, value = kind.partition("=")
    route, _, count = place.partition(":")
    try:
        return Fault(
            name=name,
            route=route or "token",
            count=int(count or 1),
            value=float(value) if value else None,
        )
    except ValueError as unreadable:
        if isinstance(unreadable, BadFault):
            raise
        raise BadFault(f"{text!r} is not NAME[=VALUE][:ROUTE[:COUNT]].") from None


@dataclass(slots=True)
class Faults:
    """Faults still to come, oldest first; each request meets at most one."""

    _waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, fault: Fault) -> None:
        """Let a fault happen, after those already waiting for its route."""
        with self._lock:
            self._waiting.append(fault)

    def take(self, route: str) -> Fault | None:
        """Return the fault this request shall meet, and count it down."""
        with self._lock:
            for place, fault in enumerate(self._waiting):
                if fault.route == route:
                    if fault.count > 1:
                        self._waiting[place] = replace(fault, count=fault.count - 1)
                    else:
                        del self._waiting[place]
                    return fault
            return None
