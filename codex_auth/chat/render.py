"""An answer as a channel shows it: one JSON document of `schemas/reply.json`, chosen by what the channel can do."""

from datetime import datetime

from codex_auth.chat import escape, words
from codex_auth.chat.message import BUTTONS, MARKUP, Message
from codex_auth.chat.reply import Block, Button, Code, FollowUp, Line, Link, Reply
from codex_auth.chat.verbs import NEW, carries_redirect
from codex_auth.core import moments

SCHEMA_VERSION = 1

_DIALECTS = {"telegram": escape.TELEGRAM, "discord": escape.DISCORD, "slack": escape.SLACK}
_LIMITS = {escape.PLAIN: 2000, escape.TELEGRAM: 4096, escape.DISCORD: 2000, escape.SLACK: 3000}
"""Characters of one message: Telegram's and Discord's limits, and Slack's for one block. Nobody knows where plain
text ends up, so it fits the smallest."""
_IN_A_ROW = 2
_LABEL = 40
_CUT = "…"


def document(reply: Reply, message: Message | None) -> dict[str, object]:
    """Return the reply for whoever sent the message; in plain English where that is not known."""
    can = message.can if message else frozenset()
    language = words.language_of(message.locale if message else "")
    dialect = _DIALECTS.get(message.channel, escape.PLAIN) if message and MARKUP in can else escape.PLAIN
    buttons = reply.buttons if BUTTONS in can else ()
    blocks = reply.blocks if buttons else (*reply.blocks, *_typed(reply, language))
    is_to_go = reply.delete_message or (message is not None and carries_redirect(message))
    if is_to_go:
        blocks = (Line(words.sentence(language, "delete_refused" if reply.error else "delete")), Line(""), *blocks)
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": not reply.error,
        "verb": reply.verb,
        "language": language,
        "format": dialect,
        "text": _fitted([_shown(block, dialect) for block in blocks], _LIMITS[dialect]),
        "buttons": _rows(buttons),
        "delete_message": is_to_go,
        "link_preview": False,
        "progress": reply.progress,
        "follow_up": _follow_up(reply.follow_up),
        "duplicate": reply.duplicate,
        "error": reply.error or None,
        "exit_code": reply.exit_code,
        **reply.facts,
    }


def _typed(reply: Reply, language: str) -> tuple[Block, ...]:
    """Return the buttons in words."""
    if not reply.buttons:
        return ()
    if reply.is_choice:
        names = " | ".join(button.label for button in reply.buttons if button.verb.name != NEW)
        return (Line(words.sentence(language, "menu_typed")), Line(names)) if names else ()
    lines = [Line(f"{button.verb.typed} – {button.label}") for button in reply.buttons]
    return (Line(""), Line(words.sentence(language, "instead")), *lines)


def _shown(block: Block, dialect: str) -> str:
    match block:
        case Line(text):
            return escape.escaped(text, dialect)
        case Link(url, label):
            return escape.link(url, label, dialect)
        case Code(text):
            return escape.code(text, dialect)


def _fitted(lines: list[str], limit: int) -> str:
    """Return the lines that fit. A line is never cut inside: half an escape would be markup."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line, _CUT])) > limit:
            return "\n".join([*kept, _CUT])
        kept.append(line)
    return "\n".join(kept)


def _rows(buttons: tuple[Button, ...]) -> list[list[dict[str, str]]]:
    shown = [{"label": _label(each.label), "callback_data": each.verb.data} for each in buttons]
    return [shown[at : at + _IN_A_ROW] for at in range(0, len(shown), _IN_A_ROW)]


def _label(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + _CUT


def _follow_up(wanted: FollowUp | None) -> dict[str, object] | None:
    if wanted is None:
        return None
    return {
        "after_seconds": wanted.after_seconds,
        "callback_data": wanted.verb.data,
        "until": stamp(wanted.until),
    }


def stamp(moment: datetime | None) -> str | None:
    """Return a time as RFC 3339 in UTC."""
    return None if moment is None else moments.stamp(moment)
