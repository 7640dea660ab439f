"""Sign-ins that wait for a person to type a code on another screen; both dialects share this bookkeeping."""

import secrets
import threading
from dataclasses import dataclass, field

from codex_auth.sandbox.accounts import Account
from codex_auth.sandbox.client import CLIENT_ID

# No vowels and nothing that looks like something else (RFC 8628 section 6.1).
_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
# RFC 8628 section 3.5: slow_down lengthens this and every later pause by five seconds.
_SLOW_DOWN = 5


@dataclass(slots=True, kw_only=True, eq=False)
class Device:
    """One waiting sign-in, and what the person decided."""

    secret: str = field(repr=False)
    user_code: str = field(repr=False)
    scope: str
    expires: float
    interval: float
    decided: bool = False
    account: Account | None = None
    taken: bool = False
    polled: float | None = None

    def get_client_id(self) -> str:
        """Belong to Codex (Authlib's name for it)."""
        return CLIENT_ID

    def get_scope(self) -> str:
        """Return the scope that was asked for (Authlib's name for it)."""
        return self.scope

    @property
    def denied(self) -> bool:
        """Tell whether the person pressed Deny."""
        return self.decided and self.account is None


@dataclass(slots=True, kw_only=True)
class Devices:
    """The waiting sign-ins of one sandbox; safe to use from many threads."""

    lifetime: float
    interval: float
    _by_secret: dict[str, Device] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, scope: str, now: float) -> Device:
        """Start waiting."""
        device = Device(
            secret=f"dc_sandbox_{secrets.token_urlsafe(32)}",
            user_code=f"{_letters(4)}-{_letters(5)}",
            scope=scope,
            expires=now + self.lifetime,
            interval=self.interval,
        )
        with self._lock:
            self._by_secret[device.secret] = device
        return device

    def find(self, secret: str) -> Device | None:
        """Return the sign-in a program polls for; None when it is unknown or was already collected."""
        with self._lock:
            device = self._by_secret.get(secret)
            return device if device and not device.taken else None

    def typed(self, user_code: str, now: float) -> Device | None:
        """Return the undecided sign-in behind a code as people type it: any case, with or without the dash."""
        wanted = _letters_of(user_code)
        with self._lock:
            return next(
                (
                    device
                    for device in self._by_secret.values()
                    if _letters_of(device.user_code) == wanted and not device.decided and now < device.expires
                ),
                None,
            )

    def decide(self, device: Device, account: Account | None) -> None:
        """Record what the person pressed; None stands for Deny. The first decision stays."""
        with self._lock:
            if not device.decided:
                device.decided, device.account = True, account

    def collect(self, device: Device) -> Account | None:
        """Hand over the approving account, once."""
        with self._lock:
            if device.taken or device.account is None:
                return None
            device.taken = True
            return device.account

    def too_soon(self, device: Device, now: float) -> bool:
        """Tell whether this poll came before the pause was over, and lengthen the pause if so."""
        with self._lock:
            early = device.polled is not None and now - device.polled < device.interval
            device.polled = now
            if early:
                device.interval += _SLOW_DOWN
            return early


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def _letters_of(user_code: str) -> str:
    return "".join(letter for letter in user_code.upper() if letter.isalnum())
