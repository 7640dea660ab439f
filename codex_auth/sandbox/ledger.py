"""What the sandbox has issued, and what each piece is still good for.

The rules this module obeys:

1. A code is good once and for a short time. Presented again, it revokes the login it opened (RFC 6749 section 4.1.2).
2. A login has one live refresh token. Each use replaces it; the old one is spent.
3. A spent refresh token that comes back revokes its login (RFC 9700 section 4.14.2).
4. Whoever asks first wins: each decision and its effect happen under one lock.
"""

import secrets
import threading
from dataclasses import dataclass, field

from codex_auth.sandbox.accounts import Account

REUSED = "refresh_token_reused"
INVALIDATED = "refresh_token_invalidated"
EXPIRED = "refresh_token_expired"


class Refused(Exception):
    """A refresh token that is not honoured; `code` is OpenAI's word for the reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True, kw_only=True, eq=False)
class Login:
    """One approved sign-in: the family of every token that descends from it."""

    account: Account
    scope: str
    revoked: bool = False

    def check_client(self, _client: object) -> bool:
        """Belong to Codex: there is no other client."""
        return True


@dataclass(slots=True, kw_only=True, eq=False)
class Code:
    """An authorization code: what was approved, and the login it opened once redeemed."""

    account: Account
    scope: str
    redirect_uri: str
    code_challenge: str
    expires: float
    code_challenge_method: str = "S256"
    login: Login | None = None

    def get_redirect_uri(self) -> str:
        """Return the redirect address the exchange must repeat (Authlib's name for it)."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the scope that was approved (Authlib's name for it)."""
        return self.scope


def new_code() -> str:
    """Return the text of an authorization code nobody has seen."""
    return f"ac_sandbox_{secrets.token_urlsafe(32)}"


@dataclass(slots=True, kw_only=True, eq=False)
class _Refresh:
    login: Login
    expires: float
    parent: "_Refresh | None" = None
    spent: bool = False
    again: bool = False  # may be used once more although spent


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Codes, logins, refresh and access tokens of one sandbox; safe to use from many threads."""

    refresh_lifetime: float
    honour_previous_once: bool = False
    _codes: dict[str, Code] = field(default_factory=dict, repr=False)
    _refresh: dict[str, _Refresh] = field(default_factory=dict, repr=False)
    _access: dict[str, tuple[Login, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def enter_code(self, value: str, code: Code) -> None:
        """Let a code be redeemed from now on."""
        with self._lock:
            self._codes[value] = code

    def find_code(self, value: str, now: float) -> Code | None:
        """Return a code that can still be redeemed; a used one revokes its login and is gone."""
        with self._lock:
            code = self._codes.get(value)
            if code is None:
                return None
            if code.login is not None:
                code.login.revoked = True
                return None
            return code if now < code.expires else None

    def redeem(self, code: Code) -> Login | None:
        """Open the login that a code stands for; None, and rule 1, when another request was faster."""
        with self._lock:
            if code.login is not None:
                code.login.revoked = True
                return None
            code.login = Login(account=code.account, scope=code.scope)
            return code.login

    def issue_refresh(self, login: Login, now: float) -> str:
        """Return the first refresh token of a login."""
        with self._lock:
            return self._issue(login, now, parent=None)

    def login_of(self, refresh_token: str) -> Login | None:
        """Return the login a refresh token belongs to, whether or not it is still good."""
        held = self._refresh.get(refresh_token)
        return held.login if held else None

    def rotate(self, refresh_token: str, now: float, *, keep: bool = False) -> str:
        """Spend a refresh token and return its successor; with `keep`, return the same one, unspent.

        Raise Refused, in OpenAI's words, for a token that is spent, revoked or expired. `login_of` knows which exist.
        """
        with self._lock:
            held = self._refresh[refresh_token]
            if held.spent and not held.again:
                held.login.revoked = True
                raise Refused(REUSED)
            if held.login.revoked:
                raise Refused(INVALIDATED)
            if now >= held.expires:
                raise Refused(EXPIRED)
            if keep:
                return refresh_token
            if held.again:
                self._supersede(held)
            else:
                self._spend(held)
            return self._issue(held.login, now, parent=held)

    def note_access(self, access_token: str, login: Login, expires: float) -> None:
        """Remember an access token as ours until it expires."""
        with self._lock:
            self._access[access_token] = (login, expires)

    def bearer(self, access_token: str, now: float) -> Login | None:
        """Return the login an access token speaks for; None when it is not ours, expired or revoked."""
        with self._lock:
            login, expires = self._access.get(access_token, (None, 0.0))
            return login if login and not login.revoked and now < expires else None

    def revoke(self, token: str) -> bool:
        """Revoke the login behind a refresh or access token; False when the token is unknown (RFC 7009)."""
        with self._lock:
            held = self._refresh.get(token)
            login = held.login if held else self._access.get(token, (None, 0.0))[0]
            if login is None:
                return False
            login.revoked = True
            return True

    def revoke_all(self) -> int:
        """Revoke every login and return how many were live."""
        with self._lock:
            live = {id(held.login): held.login for held in self._refresh.values() if not held.login.revoked}
            for login in live.values():
                login.revoked = True
            return len(live)

    def _issue(self, login: Login, now: float, parent: _Refresh | None) -> str:
        value = f"rt_sandbox_{secrets.token_urlsafe(32)}"
        self._refresh[value] = _Refresh(login=login, expires=now + self.refresh_lifetime, parent=parent)
        return value

    def _spend(self, held: _Refresh) -> None:
        """Mark a token spent; its own parent loses the second chance, since its reply has clearly arrived."""
        held.spent, held.again = True, self.honour_previous_once
        if held.parent is not None:
            held.parent.again = False

    def _supersede(self, held: _Refresh) -> None:
        """Give a spent token its second chance: the successor that was lost on the way is spent instead."""
        held.again = False
        for other in self._refresh.values():
            if other.parent is held:
                other.spent = True
