"""The authorization server: OpenAI's constants, and what may stand in for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from codex_auth.core.errors import BadIssuer, CallbackRefused
from codex_auth.core.openai import OPENAI_BACKEND, OPENAI_CLIENT_ID, OPENAI_ISSUER, OPENAI_SCOPE

CALLBACK_PORTS = (1455, 1457)
"""The two ports registered for Codex's client id; its allow-list of redirects is exact."""
CALLBACK_HOST = "localhost"
"""The spelling of the loopback host in our redirect. Codex 0.169 sends `127.0.0.1`, OpenClaw `localhost`."""
CALLBACK_PATH = "/auth/callback"

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})

OPENAI_DIALECT = "openai"
RFC_DIALECT = "rfc8628"
DEVICE_DIALECTS = (OPENAI_DIALECT, RFC_DIALECT)
"""How device codes are spoken of. An issuer of its own keeps OpenAI's dialect, as everything else of it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One authorization server, speaking OpenAI's dialect, and the client we are there."""

    issuer: str = OPENAI_ISSUER
    client_id: str = OPENAI_CLIENT_ID
    scope: str = OPENAI_SCOPE
    device_dialect: str = OPENAI_DIALECT

    @property
    def authorize_url(self) -> str:
        """Where the browser goes first."""
        return f"{self.issuer}/oauth/authorize"

    @property
    def token_url(self) -> str:
        """Where codes and refresh tokens are exchanged."""
        return f"{self.issuer}/oauth/token"

    @property
    def device_code_url(self) -> str:
        """Where a device code is asked for (RFC 8628 section 3.1; OpenAI's own address is read from Codex 0.169)."""
        if self.device_dialect == RFC_DIALECT:
            return f"{self.issuer}/oauth/device/code"
        return f"{self.issuer}/api/accounts/deviceauth/usercode"

    @property
    def device_poll_url(self) -> str:
        """Where to ask whether a device code was approved."""
        return self.token_url if self.device_dialect == RFC_DIALECT else f"{self.issuer}/api/accounts/deviceauth/token"

    @property
    def device_page(self) -> str:
        """Where a person types the code, in OpenAI's dialect, whose replies do not say it."""
        return f"{self.issuer}/codex/device"

    @property
    def device_redirect_uri(self) -> str:
        """The redirect of the code that OpenAI hands to an approved device; nobody is ever sent there."""
        return f"{self.issuer}/deviceauth/callback"

    @property
    def revoke_url(self) -> str:
        """Where a token is given back (RFC 7009)."""
        return f"{self.issuer}/oauth/revoke"

    @property
    def jwks_url(self) -> str:
        """Where the keys of its id tokens are published."""
        return f"{self.issuer}/.well-known/jwks.json"

    @property
    def backend(self) -> str:
        """Where its access tokens are taken: OpenAI's backend for OpenAI's, the issuer's own for any other."""
        return OPENAI_BACKEND if self.is_openai else f"{self.issuer}/backend-api"

    @property
    def usage_url(self) -> str:
        """Where to ask what is left of a login's limits (read from Codex 0.169)."""
        return f"{self.backend}/wham/usage"

    @property
    def host(self) -> str:
        """The host people know it by, for sentences."""
        return self.issuer.partition("://")[2].partition("/")[0]

    @property
    def backend_host(self) -> str:
        """The same for its backend."""
        return self.backend.partition("://")[2].partition("/")[0]

    @property
    def is_openai(self) -> bool:
        """Whether this is OpenAI itself."""
        return self.issuer == OPENAI_ISSUER


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAt:
    """Where the browser comes back to, and where we listen: the same, unless an ingress leads from one to the other.

    `base` is the ingress's address, to which our path is added; empty where there is none.
    """

    ports: Sequence[int] = CALLBACK_PORTS
    base: str = ""

    def redirect_uri(self, port: int) -> str:
        """Return the redirect of a login that listens on `port`; the same text goes into authorize and exchange."""
        return f"{self.base or f'http://{CALLBACK_HOST}:{port}'}{CALLBACK_PATH}"

    @property
    def host(self) -> str:
        """The `Host` that a browser sends to the ingress; empty where there is none."""
        return self.base.partition("://")[2].partition("/")[0]

    @property
    def path(self) -> str:
        """The path that a browser asks the ingress for. It may hand on the whole of it, or `CALLBACK_PATH` alone."""
        below = self.base.partition("://")[2].partition("/")[2]
        return f"/{below}{CALLBACK_PATH}" if below else CALLBACK_PATH


_BASE = r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*|\[::1\])(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._~-]+)*)"
_LAST_PORT = 65535


def read_callback(port: int | None, base: str, *, provider: Provider) -> CallbackAt:
    """Return where a sign-in's browser comes back to, as asked. Raises `CallbackRefused`.

    OpenAI's list of redirects for Codex is exact, so there only the two registered ports may be chosen.
    """
    base = base.removesuffix("/")
    if provider.is_openai and (base or port not in {None, *CALLBACK_PORTS}):
        raise CallbackRefused(
            problem="OpenAI accepts http://localhost:1455/auth/callback and the same with port 1457, and no other; "
            "its list is exact"
        )
    if port is not None and not 0 < port <= _LAST_PORT:
        raise CallbackRefused(problem="that is no port")
    problem = _base_problem(base) if base else ""
    if problem:
        raise CallbackRefused(problem=problem)
    return CallbackAt(ports=CALLBACK_PORTS if port is None else (port,), base=base)


def _base_problem(base: str) -> str:
    import re

    parts = re.fullmatch(_BASE, base)
    if parts is None or int(parts[3] or 1) > _LAST_PORT or {".", ".."} & set(parts[4].split("/")):
        return "the address is not plain, in lower case up to its path, such as https://devbox.example/codex"
    if parts[1] == "http" and parts[2].strip("[]") not in LOOPBACK_HOSTS:
        return "the address is not https"
    if parts[3] == ("443" if parts[1] == "https" else "80"):
        return "browsers leave that port out, so leave it out here"
    return ""


def read_issuer(text: str, *, listed: frozenset[str], config: str) -> str:
    """Return the issuer that `--issuer` names, without a trailing slash.

    Loopback may be plain http. Anything else must be https and stand in the configuration file's list
    (`config` is that file's path, for the message). Raises `BadIssuer`.
    """
    issuer = text.strip().rstrip("/")
    problem = _issuer_problem(issuer, listed)
    if problem:
        raise BadIssuer(problem=problem, config=config)
    return issuer


def _issuer_problem(issuer: str, listed: frozenset[str]) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(issuer)
        parts.port  # noqa: B018 - reading it is what validates it
    except ValueError:
        return "it is not an address"
    if any(c.isspace() or not c.isprintable() or c in "\\@?#" for c in issuer) or not parts.hostname:
        return "it is not a plain address such as https://auth.example.com"
    if parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS:
        return ""
    if parts.scheme != "https":
        return "it is not https"
    if issuer != OPENAI_ISSUER and issuer not in listed:
        return "it is not listed in the configuration file"
    return ""
