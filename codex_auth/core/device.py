"""Device codes as conversations, and the law of asking again.

Three flows: ask for a code, ask once whether it was approved, and fetch the login of an approval. Between two polls
stands a `Pace`, a value rather than a loop, because the next poll may be made by another process.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from codex_auth.core.device_replies import MOST_INTERVAL, Answer, Approval, Delivery, Pending, read_answer, read_grant
from codex_auth.core.errors import AnswerLost, ApprovalLost, ProviderUnreachable
from codex_auth.core.flow import Ask, Flow, Request, SignedIn, identify, sign_in
from codex_auth.core.model import DeviceGrant
from codex_auth.core.provider import OPENAI_DIALECT, Provider

SLOW_DOWN_SECONDS = 5.0
"""RFC 8628 section 3.5: what a `slow_down` adds, for this and every later pause."""
DRIFT = 2
"""A second `slow_down` cannot be our haste: such clocks run fast, as those of virtual machines may."""
_TRIES = 3
"""How often an approval's code is sent while the provider says, or it is certain, that nothing was done with it."""
_JSON = {"Content-Type": "application/json", "Accept": "*/*"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait before a device code is asked about again. It only ever grows."""

    interval: float
    slowed: int = 0
    """How often the provider asked for more patience."""

    def after(self, answer: Pending | ProviderUnreachable) -> "Pace":
        """Return the pace after this answer: the same, five seconds slower, or half as fast (section 3.5)."""
        asked_for = answer.retry_after.total_seconds() if answer.retry_after else 0.0
        if isinstance(answer, ProviderUnreachable):
            doubled = min(2 * self.interval, MOST_INTERVAL)
            return Pace(interval=max(self.interval, doubled, asked_for), slowed=self.slowed)
        if not answer.slower:
            return self
        return Pace(interval=max(self.interval + SLOW_DOWN_SECONDS, asked_for), slowed=self.slowed + 1)

    @property
    def is_drift(self) -> bool:
        """Whether the provider has just said a second time that we are too fast, although we kept its pause."""
        return self.slowed == DRIFT


def ask_for_code(provider: Provider, *, profile: str) -> Flow[DeviceGrant]:
    """Ask for a device code (RFC 8628 section 3.1). Raises what `read_grant` raises, and `ProviderUnreachable`."""
    body, headers = _json({"client_id": provider.client_id}), _JSON
    if provider.device_dialect != OPENAI_DIALECT:
        body, headers = _form({"client_id": provider.client_id, "scope": provider.scope}), _FORM
    request = Request(
        method="POST", url=provider.device_code_url, purpose="ask for a device code", headers=headers, body=body
    )
    return read_grant((yield Ask(request)), provider, profile=profile)


def poll(provider: Provider, grant: DeviceGrant, *, profile: str) -> Flow[Answer]:
    """Ask once whether the code was approved. Raises what `read_answer` raises, and `ProviderUnreachable`."""
    if provider.device_dialect == OPENAI_DIALECT:
        said = {"device_auth_id": grant.device_code.reveal(), "user_code": grant.user_code.reveal()}
        body, headers = _json(said), _JSON
    else:
        said = {
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "device_code": grant.device_code.reveal(),
            "client_id": provider.client_id,
        }
        body, headers = _form(said), _FORM
    request = Request(
        method="POST", url=provider.device_poll_url, purpose="ask for the approval", headers=headers, body=body
    )
    return read_answer((yield Ask(request)), provider, profile=profile)


def fetch(provider: Provider, given: Approval | Delivery, *, profile: str) -> Flow[SignedIn]:
    """Return the login of an approval, which is handed out once: so a busy provider is asked again at once.

    Raises `ApprovalLost`, `AnswerLost`, and what `flow.sign_in` raises.
    """
    if isinstance(given, Delivery):
        return (yield from identify(provider, given.reply, profile=profile))
    facts: dict[str, str] = {}
    for _ in range(_TRIES):
        try:
            return (
                yield from sign_in(provider, provider.device_redirect_uri, given.code, given.verifier, profile=profile)
            )
        except ProviderUnreachable as problem:
            if problem.sent and not problem.answered:
                raise AnswerLost(**problem.facts, profile=profile) from None
            facts = problem.facts
    raise ApprovalLost(**facts, profile=profile)


def _json(said: dict[str, str]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()


def _form(said: dict[str, str]) -> bytes:
    return urlencode(said).encode("ascii")
