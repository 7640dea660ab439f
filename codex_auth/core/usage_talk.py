"""Asking for the usage of one login: the request, and what its reply means for it."""

import re

from codex_auth.core.errors import ProviderReplyUnusable
from codex_auth.core.flow import Request
from codex_auth.core.model import Credential
from codex_auth.core.provider import Provider
from codex_auth.core.replies import Failure, Reply, read_error, read_json_reply
from codex_auth.core.secret import Secret
from codex_auth.core.usage import Usage, read_usage
from codex_auth.core.usage_errors import UsageBusy, UsageNotAccepted, UsageUnreadable

_FIT = re.compile(r"[\x21-\x7e]{1,32768}")
"""What can stand in a header without becoming two; files that other programs write may hold anything."""
_NOT_ACCEPTED = frozenset({401, 403})
_MINUTE = 60


def request(provider: Provider, held: Credential) -> Request:
    """Return the request that Codex makes too. Raises `UsageUnreadable` for a login that fits into no header."""
    account = held.identity.account_id
    if not _FIT.fullmatch(held.access.reveal()) or (account and not _FIT.fullmatch(account)):
        raise UsageUnreadable(host=provider.backend_host, problem="it was not asked, for the stored login is odd")
    return Request(
        method="GET",
        url=provider.usage_url,
        purpose="ask for the usage",
        headers={
            "Authorization": _bearer(held.access),
            **({"ChatGPT-Account-ID": account} if account else {}),
            "Accept": "application/json",
        },
    )


def _bearer(token: Secret) -> str:
    return f"Bearer {token.reveal()}"


def read(reply: Reply, provider: Provider, *, profile: str) -> Usage:
    """Return what a reply says. Raises `UsageNotAccepted`, `UsageBusy` and `UsageUnreadable`."""
    host = provider.backend_host
    if reply.status in _NOT_ACCEPTED:
        raise UsageNotAccepted(host=host, profile=profile, http_status=reply.status)
    if read_error(reply).failure is Failure.TRANSIENT:
        raise _busy(reply, host)
    if reply.status != 200:  # noqa: PLR2004 - the only success there is here
        raise UsageUnreadable(host=host, problem=f"it answered with HTTP status {reply.status}")
    try:
        given = read_json_reply(reply, host=host, profile=profile)
        return read_usage(given, asked_at=reply.asked_at, host=host)
    except ProviderReplyUnusable as odd:
        problem = odd.facts["problem"]
    raise UsageUnreadable(host=host, problem=problem)  # out here: a context would keep frames with the reply


def _busy(reply: Reply, host: str) -> UsageBusy:
    patience = read_error(reply).retry_after
    seconds = round(patience.total_seconds()) if patience else _MINUTE
    wait = f"{seconds} seconds" if seconds < 2 * _MINUTE else f"{round(seconds / _MINUTE)} minutes"
    return UsageBusy(answered=True, retry_after=patience, host=host, http_status=reply.status, wait=wait)
