"""What a failure is called in a chat: a sentence of ours for its code, never the error's own words.

Those name paths and commands of the machine, which help nobody who has only a phone.
"""

from datetime import timedelta

from codex_auth.chat.reply import Button, Line, Reply
from codex_auth.chat.room import Desk
from codex_auth.chat.verbs import CHOOSE, LINK, MENU, POLL, Verb
from codex_auth.chat.words import ENGLISH, sentence, span
from codex_auth.core.errors import AuthError, BadProfileName
from codex_auth.core.names import DEFAULT, read_name
from codex_auth.notes.pending import ENDINGS

_BUSY, _POLICY = 7, 6
_SENTENCES = {
    "profile_not_found": "no_such_profile",
    "proxy_failed": "provider_unreachable",
    "access_not_granted": "missing_codex_entitlement",
    "busy": "locked",
}
"""The codes whose sentence has another name."""
_OWN = frozenset(
    {
        *("bad_profile_name", "stale_button", "bad_message", "not_an_operator", "not_confirmed", "usage_unavailable"),
        *("foreign_pending_login", "redirect_refused", "pending_login_gone", "no_pending_login", "consent_denied"),
        *("missing_codex_entitlement", "device_login_disabled", "device_code_expired", "approval_lost"),
        *("waits_for_device", "waits_for_redirect", "provider_unreachable", "answer_lost", "provider_refused"),
        *("identity_mismatch", "refused_by_policy"),
    }
)
"""The codes whose sentence has the same name."""
_BEGIN_ANEW = frozenset(
    {
        *("pending_login_gone", "no_pending_login", "consent_denied", "device_code_expired", "approval_lost"),
        *("answer_lost", "provider_refused", "identity_mismatch"),
    }
)


def failed(error: AuthError, desk: Desk, verb: str, profile: str = "") -> Reply:
    """Return what is said of a failure, and a button for what may help."""
    name = _profile_of(error, profile)
    lines = [_line(error, desk, name)]
    if error.code == "foreign_pending_login" and desk.is_operator:
        lines.append(desk.say("foreign_operator", profile=name))
    return Reply(
        verb=verb,
        blocks=tuple(lines),
        buttons=_buttons(error.code, desk, name),
        error=error.code,
        exit_code=error.status,
    )


def unreadable(error: AuthError) -> Reply:
    """Return what is said to a message that could not be read, so that nothing of it is known."""
    return Reply(
        verb="none", blocks=(Line(sentence(ENGLISH, "bad_message")),), error=error.code, exit_code=error.status
    )


def broken(language: str, verb: str, name: str = "unexpected", status: int = 1) -> Reply:
    """Return what is said when something happened that nobody expected."""
    return Reply(verb=verb, blocks=(Line(sentence(language, name)),), error=name, exit_code=status)


def without_room(error: AuthError, language: str) -> Reply:
    """Return what is said where not even the configuration could be read."""
    line = Line(sentence(language, "other_error", code=error.code))
    return Reply(verb="none", blocks=(line,), error=error.code, exit_code=error.status)


def _line(error: AuthError, desk: Desk, profile: str) -> Line:
    if error.code == "pending_login_gone" and error.facts.get("what") == ENDINGS["finished"]:
        return desk.say("already_used")
    if error.code == "too_many_messages":
        return desk.say(error.code, left=span(desk.language, timedelta(seconds=int(error.facts["seconds"]))))
    if error.code in _OWN or error.code in _SENTENCES:
        return desk.say(_SENTENCES.get(error.code, error.code), profile=profile)
    if error.status == _POLICY:
        return desk.say("refused_by_policy")
    if error.status == _BUSY:
        return desk.say("locked")
    return desk.say("other_error", code=error.code)


def _buttons(code: str, desk: Desk, profile: str) -> tuple[Button, ...]:
    if code in _BEGIN_ANEW:
        return (Button(desk.words("label_again"), Verb(name=CHOOSE, profile=profile)),)
    if code == "device_login_disabled":
        return (Button(desk.words("label_link"), Verb(name=LINK, profile=profile)),)
    if code == "waits_for_device":
        return (Button(desk.words("label_approved"), Verb(name=POLL, profile=profile)),)
    if code in {"stale_button", "bad_message", "profile_not_found"}:
        return (Button(desk.words("label_menu"), Verb(name=MENU)),)
    return ()


def _profile_of(error: AuthError, known: str) -> str:
    try:
        return read_name(error.facts.get("profile", "") or known or DEFAULT)
    except BadProfileName:
        return DEFAULT
