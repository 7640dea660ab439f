"""What can be chosen when a sandbox is started."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Lifetimes in seconds, and the rules that tests may loosen.

    Codex 0.169 renews an access token in its last five minutes, and without pause when each new token is again inside
    them: keep `access_lifetime` above 300 where the real program signs in.
    """

    access_lifetime: float = 3600
    refresh_lifetime: float = 30 * 24 * 3600
    code_lifetime: float = 60
    device_lifetime: float = 15 * 60
    device_interval: int = 5
    redirect_ports: tuple[int, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    public_issuer: str = ""
    """What it calls itself where something in front of it, an ingress or a proxy, gives it another address."""
    honour_previous_once: bool = False
    now: Callable[[], float] = time.time
