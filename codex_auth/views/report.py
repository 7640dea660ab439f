"""A status report as JSON and as lines of text."""

from datetime import datetime

from codex_auth.core.card import Card
from codex_auth.core.openai import OPENAI_ISSUER
from codex_auth.core.text import printable
from codex_auth.edge.trouble import typed
from codex_auth.stories import status as story
from codex_auth.views import show as words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from codex_auth.notes.deliveries import Delivery
    from codex_auth.notes.pending import Waiting
    from codex_auth.notes.queue import Request
    from codex_auth.stories.drift import Drifted


def document(report: story.Report, now: datetime, *, full: bool) -> dict[str, object]:
    """Return the JSON form of a report (schema_version 1)."""
    from codex_auth.views.document import SCHEMA_VERSION

    return {
        "ok": not report.trouble,
        "schema_version": SCHEMA_VERSION,
        "default": report.default,
        "unnamed": report.unnamed or None,
        "profiles": [profile_row(card, report, now, full=full) for card in report.cards],
        "pending": [
            {
                "profile": login.profile,
                "issuer": login.issuer,
                "started_at": words.stamp(login.created),
                "expires_at": words.stamp(login.expires),
                "expires_in": int((login.expires - now).total_seconds()),
                "requester": printable(login.requester) or None,
                "verification_url": printable(login.device.page, limit=400) if login.device else None,
                "finish": finishing(login),
            }
            for login in report.waiting
        ],
        "queue": _requests(report.queue),
        "applied": _requests(report.applied),
        "trouble": [{"error": e.code, "message": str(e), "hint": e.hint} for e in report.trouble],
    }


def _requests(requests: "list[Request]") -> list[dict[str, object]]:
    if not requests:
        return []
    from codex_auth.views.applied import document as row

    return [row(each) for each in requests]


def applying(report: story.Report, now: datetime) -> list[tuple[str, str]]:
    """Return a line, and how it should look, for each request that goes on or ended today."""
    requests = [*report.queue, *report.applied]
    if not requests:
        return []
    from codex_auth.views.applied import line

    return [(line(each, now), {"failed": "red", "done": "green"}.get(each.step, "yellow")) for each in requests]


def profile_row(card: Card, report: story.Report, now: datetime, *, full: bool) -> dict[str, object]:
    """Return one profile for JSON."""
    return {
        "profile": card.profile,
        "profile_id": card.profile_id,
        "label": printable(report.labels.get(card.profile, "")) or None,
        "kind": card.kind,
        "owner": card.owner,
        "store": card.store,
        "store_why": printable(card.store_why) or None,
        "issuer": card.identity.issuer,
        "account_id": words.account_id(card.identity, full=full),
        "email": words.email_of(card.identity, full=full) or None,
        "plan": printable(card.identity.plan) or None,
        "state": story.life(card, now),
        "expires_at": words.stamp(card.expires),
        "expires_in": None if card.expires is None else int((card.expires - now).total_seconds()),
        "refreshed_at": words.stamp(card.refreshed),
        "signed_in_at": words.stamp(card.signed_in),
        "has_refresh_token": card.has_refresh_token,
        "copies": report.copies.get(card.profile, []),
        "refused": str(report.refused[card.profile]) if card.profile in report.refused else None,
        "delivered": [
            {
                "target": each.place.target,
                "mode": each.mode,
                "profile_id": each.place.profile_id,
                "state_dir": each.place.state,
                "agent": each.place.agent or None,
                "delivered_at": words.stamp(each.at),
                "expires_at": words.stamp(each.expires),
                "settled": each.is_settled,
                "drift": next((found.state for found in report.drifted if found.row == each), None),
            }
            for each in report.delivered.get(card.profile, ())
        ],
    }


COLUMNS = ("PROFILE", "ACCOUNT", "PLAN", "OWNER", "STORE", "ENDS")


def row(card: Card, unnamed: str, now: datetime, *, full: bool) -> tuple[str, ...]:
    """Return one profile's cells in the order of `COLUMNS`."""
    name = card.profile + (" *" if card.profile == unnamed else "")
    return (
        name,
        words.account(card.identity, full=full) if card.identity.account_id else "–",
        printable(card.identity.plan) or "–",
        printable(card.owner),
        card.store,
        ends(card, now),
    )


def ends(card: Card, now: datetime) -> str:
    """Return when a login ends, as a person would say it."""
    if card.expires is None:
        return "never" if card.kind == "api_key" else "unknown"
    left = words.duration(card.expires - now)
    return f"in {left}" if card.expires > now else f"{left} ago"


def other_provider(card: Card) -> str:
    """Return the provider's address when it is not OpenAI, else nothing."""
    return "" if card.identity.issuer in {"", OPENAI_ISSUER} else printable(card.identity.issuer)


def copied(report: story.Report) -> list[str]:
    """Return a line for each profile whose refresh token lies in a second place."""
    return [
        f"{profile}: the same refresh token also lies in {printable(', '.join(places), limit=400)}; "
        "whoever refreshes first logs the other out"
        for profile, places in report.copies.items()
    ]


def forbidden(report: story.Report) -> list[str]:
    """Return a line for each profile that a rule forbids to use."""
    return [f"{profile}: not used, by a rule: {refusal}" for profile, refusal in report.refused.items()]


def delivered(report: story.Report, now: datetime) -> list[str]:
    """Return a line for each place that a profile was delivered to; not for a login that was handed over before it."""
    owners = {card.profile: card.owner for card in report.cards}
    drifted = {(found.profile, found.row.place): _drifted(found) for found in report.drifted}
    return [
        f"{profile}: {drifted.get((profile, each.place)) or _delivered(each, now)}"
        for profile, rows in report.delivered.items()
        for each in rows
        if each.mode == "lease" or not each.is_settled or owners.get(profile) == each.place.target
    ]


_DRIFT = {
    "gone": "was signed out since; `{again}` signs it in again",
    "older": "has an older token than the one here; `codex-auth keep --once` renews it",
    "newer": "has a newer token than the one here, from somebody else; `{again}` puts ours there",
    "other": "has another login by now; `{again}` says what to do",
}


_PROVIDER_DRIFT = {
    "gone": "where it is gone since; {again} writes it anew, {back} forgets it",
    "other": "which is another one by now; {again} says what to do, {back} forgets it",
}


def _provider_drifted(found: "Drifted") -> str:
    place = found.row.place
    words = f"codex-auth deliver codex {found.profile} --provider-id {place.provider_id}"
    words = printable(f"{words} --codex-home {typed(place.state)}", limit=300)
    said = _PROVIDER_DRIFT[found.state].format(again=f"`{words}` with its --base-url", back="the same with --take-back")
    return f"served to {printable(place.spoken, limit=200)}, {said}"


def _drifted(found: "Drifted") -> str:
    if found.row.place.provider_id:
        return _provider_drifted(found)
    is_lease = found.row.mode == "lease"
    verb = "leased" if is_lease else "handed over"
    deliver = f"codex-auth deliver codex {found.profile} --codex-home {typed(found.row.place.state)}"
    again = deliver if is_lease else f"codex-auth login {found.profile}"
    where = printable(found.row.place.spoken, limit=200)
    return f"{verb} to {where}, which {_DRIFT[found.state].format(again=printable(again, limit=300))}"


def _delivered(row: "Delivery", now: datetime) -> str:
    place = printable(row.place.spoken, limit=200)
    if not row.is_settled:
        return f"a hand-over to {place} was cut off; `codex-auth keep --once` finds out who has it"
    if row.place.provider_id:
        return f"served to {place}"
    if row.mode != "lease":
        return f"handed over to {place} {words.duration(now - row.at)} ago"
    if row.expires is not None and row.expires <= now:
        return f"its lease at {place} ended {words.duration(now - row.expires)} ago"
    left = "" if row.expires is None else f", which ends in {words.duration(row.expires - now)}"
    return f"leased to {place}{left}"


def finishing(login: "Waiting") -> str:
    """Return what finishes a sign-in that waits; one by device code needs nothing but patience."""
    return f"codex-auth finish {login.profile}{' --wait' if login.device else ''}"


def plain(report: story.Report, now: datetime, *, full: bool) -> list[str]:
    """Return the report as lines of aligned text, for pipes and narrow places."""
    lines: list[str] = []
    if report.cards:
        rows = [COLUMNS, *(row(card, report.unnamed, now, full=full) for card in report.cards)]
        widths = [max(len(cells[i]) for cells in rows) for i in range(len(COLUMNS))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(r, widths, strict=True)).rstrip() for r in rows]
        lines += [
            f"{card.profile}: signed in at {other_provider(card)}" for card in report.cards if other_provider(card)
        ]
        lines += copied(report)
        lines += forbidden(report)
        lines += delivered(report, now)
    elif not report.trouble:
        lines = ["No profiles yet. Run `codex-auth login` to sign in."]
    lines += [
        f"waiting: {login.profile}, started {words.duration(now - login.created)} ago, "
        f"{words.duration(login.expires - now)} left; `{finishing(login)}`"
        for login in report.waiting
    ]
    lines += [line for line, _ in applying(report, now)]
    return lines
