"""What is shown in a chat obeys nothing: text from outside is tamed, and all text is escaped for its dialect.

Taming comes first and is the same everywhere: control, bidirectional and invisible characters go (`core.text`), and
the characters with which any of the channels mentions, links, quotes or formats become their wide twins, which look
the same and mean nothing. A reply may pass through a converter that we do not know (OpenClaw renders Markdown for
each channel), so that no escaping could be trusted with it. `chat.verbs` understands the twins that a name can have.
"""

import re

from codex_auth.core.text import printable

PLAIN, TELEGRAM, DISCORD, SLACK = "plain", "telegram_markdown_v2", "discord_markdown", "slack_mrkdwn"

_TWINS = {ord(c): ord(c) + 0xFEE0 for c in "@#`*~<>[](){}|\\&$!/:^="}
"""ASCII and its full-width form; Unicode puts all of them at the same distance."""
_INNER_DOT = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_])")
"""A dot that makes a link of two words: `acme.example`."""
_OUTER_LINE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""An underscore that begins or ends emphasis; one inside a word does not."""
_LEADER = "\u2024"
_WIDE_LINE = "\uff3f"

_TELEGRAM = re.compile(r"([_*\[\]()~`>#+\-=|{}.!\\])")
_DISCORD = re.compile(r"([\\*_~`|>#\[\]()<@-])")
_SLACK = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def tame(text: str, *, limit: int = 80) -> str:
    """Return text from outside that no channel makes a mention, link, quote, fence or emphasis of."""
    shown = printable(text, limit=limit).translate(_TWINS)
    return _OUTER_LINE.sub(_WIDE_LINE, _INNER_DOT.sub(_LEADER, shown))


def escaped(text: str, dialect: str) -> str:
    """Return text so that this dialect shows it as it is. A sentence of ours may hold a command, which stays one."""
    if dialect == TELEGRAM:
        return _TELEGRAM.sub(r"\\\1", text)
    if dialect == DISCORD:
        return _DISCORD.sub(r"\\\1", text)
    if dialect == SLACK:
        return "".join(_SLACK.get(c, c) for c in text)
    return text


def link(url: str, label: str, dialect: str) -> str:
    """Return a link of ours, as this dialect writes one; where links cannot be labelled, the bare address."""
    if dialect == TELEGRAM:
        inside = url.replace("\\", "\\\\").replace(")", "\\)")
        return f"[{escaped(label, TELEGRAM)}]({inside})"
    if dialect == SLACK:
        return f"<{escaped(url, dialect).replace('|', '%7C')}|{escaped(label, dialect)}>"
    if dialect == DISCORD:
        return f"<{url}>"  # the brackets keep Discord from fetching it for a preview
    return url


def code(text: str, dialect: str) -> str:
    """Return text in fixed width, where the dialect has that; it can be copied with one tap."""
    shown = printable(text, limit=80).replace("`", "")
    if dialect == PLAIN:
        return shown
    if dialect == TELEGRAM:
        return "`" + shown.replace("\\", "\\\\") + "`"
    return f"`{escaped(shown, dialect) if dialect == SLACK else shown}`"
