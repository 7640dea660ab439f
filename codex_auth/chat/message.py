"""One chat message, read at the door: strict, small, and nothing of it is repeated in a refusal.

`schemas/message.json` is the published form; this reader refuses what that refuses.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.core.chat_errors import MessageRefused
from codex_auth.core.jsontext import JsonDamaged, read_object

LIMIT = 64 * 1024
"""Bytes of a whole message. A redirect has at most 8,192; what is larger was not typed by anybody."""
TEXT_LIMIT = 16 * 1024
DATA_LIMIT = 256
"""Characters of a button's data. Ours have 64 bytes at most; a little more is still told to be stale."""
_FORMS = {
    "channel": re.compile(r"[a-z][a-z0-9_-]{0,31}"),
    "sender": re.compile(r"[!-~]{1,128}"),
    "message_id": re.compile(r"[!-~]{1,128}"),
    "locale": re.compile(r"[A-Za-z0-9_.@-]{0,32}"),
}
_CAPABILITY = re.compile(r"[a-z][a-z_]{0,31}")
_CAPABILITIES_AT_MOST = 32
_REQUIRED = {"channel", "sender", "message_id"}
_KNOWN = {"schema_version", "text", "callback_data", "capabilities", *_FORMS}

BUTTONS = "buttons"
MARKUP = "markup"
"""What a channel may be able to do that changes the answer; other words mean nothing to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What somebody wrote or tapped, where, and what that place can show."""

    channel: str
    sender: str
    message_id: str
    text: str = ""
    callback_data: str = ""
    locale: str = ""
    can: frozenset[str] = frozenset()

    @property
    def who(self) -> str:
        """Who a sign-in belongs to that this message starts. A channel's name holds no colon, so it is unambiguous."""
        return f"{self.channel}:{self.sender}"


def read_message(data: bytes) -> Message:
    """Return the message in a JSON document. Raises `MessageRefused`."""
    if len(data) > LIMIT:
        raise MessageRefused(problem=f"it is longer than {LIMIT} bytes")
    try:
        said = read_object(data)
    except JsonDamaged:
        raise MessageRefused(problem="it is not one JSON object") from None
    _check_fields(said)
    return Message(
        **{name: said.get(name, "") for name in (*_FORMS, "text", "callback_data")},
        can=frozenset(said.get("capabilities", [])),
    )


def _check_fields(said: Mapping[str, object]) -> None:
    if not said.keys() <= _KNOWN:
        raise MessageRefused(problem="it has a field that does not exist")
    if not said.keys() >= _REQUIRED:
        raise MessageRefused(problem="channel, sender and message_id are needed")
    version = said.get("schema_version", 1)
    if version != 1 or isinstance(version, bool):
        raise MessageRefused(problem="its schema_version is not 1")
    if ("text" in said) == ("callback_data" in said):
        raise MessageRefused(problem="it has text or callback_data, and one of them")
    for name, form in _FORMS.items():
        value = said.get(name, "")
        if not isinstance(value, str) or (name in said and not form.fullmatch(value)):
            raise MessageRefused(problem=f"{name} is not what it must be")
    for name, limit in (("text", TEXT_LIMIT), ("callback_data", DATA_LIMIT)):
        value = said.get(name, "")
        if not isinstance(value, str) or len(value) > limit:
            raise MessageRefused(problem=f"{name} must be a string of at most {limit} characters")
    _check_capabilities(said.get("capabilities", []))


def _check_capabilities(said: object) -> None:
    if not isinstance(said, list) or len(said) > _CAPABILITIES_AT_MOST:
        raise MessageRefused(problem="capabilities must be a short list")
    if not all(isinstance(each, str) and _CAPABILITY.fullmatch(each) for each in said):
        raise MessageRefused(problem="a capability is a word of small letters")
