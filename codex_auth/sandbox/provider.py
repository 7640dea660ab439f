"""Everything one running sandbox holds."""

import secrets
import threading
from dataclasses import dataclass, field

from codex_auth.sandbox.client import CodexClient
from codex_auth.sandbox.devices import Devices
from codex_auth.sandbox.faults import Faults
from codex_auth.sandbox.ledger import Ledger
from codex_auth.sandbox.mint import Mint
from codex_auth.sandbox.record import Record
from codex_auth.sandbox.settings import Settings


@dataclass(slots=True, init=False)
class Provider:
    """The state behind the routes: what was issued, what is waiting, what shall go wrong, what happened."""

    issuer: str
    settings: Settings
    client: CodexClient
    ledger: Ledger = field(repr=False)
    devices: Devices = field(repr=False)
    mint: Mint = field(repr=False)
    faults: Faults
    record: Record = field(repr=False)
    control_key: str = field(repr=False)
    stopping: threading.Event = field(repr=False)

    def __init__(self, issuer: str, settings: Settings) -> None:
        self.issuer = issuer
        self.settings = settings
        self.client = CodexClient(issuer, settings)
        self.ledger = Ledger(
            refresh_lifetime=settings.refresh_lifetime, honour_previous_once=settings.honour_previous_once
        )
        self.devices = Devices(lifetime=settings.device_lifetime, interval=settings.device_interval)
        self.mint = Mint(issuer, settings, self.ledger)
        self.faults = Faults()
        self.record = Record()
        self.control_key = secrets.token_urlsafe(24)
        self.stopping = threading.Event()

    def now(self) -> float:
        """Return the time by the sandbox's clock, in seconds."""
        return self.settings.now()
