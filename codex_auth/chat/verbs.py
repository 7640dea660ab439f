"""What a message asks for: text or a button's data becomes one verb.

A button's data is `codex_auth_1_LETTER` or `codex_auth_1_LETTER_NAME`, 64 bytes at most. A name too long for that is
named by a digest, which the profiles that are there are compared with. Nothing in it is secret: whoever forges one
could as well type the command.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from codex_auth.chat.message import Message
from codex_auth.core.chat_errors import ButtonStale
from codex_auth.core.errors import BadProfileName
from codex_auth.core.names import read_name
from codex_auth.core.secret import Secret

PREFIX = "codex_auth_"
VERSION = 1
BYTES = 64
"""What Telegram allows, and the least of all channels."""

MENU, NEW, CHOOSE, DEVICE, LINK, FINISH, POLL = "menu", "new", "choose", "device", "link", "finish", "poll"
CANCEL, STATUS, USAGE, APPLY, RESTART, CONFIRM, HELP = (
    *("cancel", "status", "usage", "apply"),
    *("restart", "confirm", "help"),
)
NAMED = {CHOOSE, DEVICE, LINK, POLL, CANCEL, STATUS, USAGE, APPLY, RESTART}
"""The verbs that take a profile."""
ACTING = {DEVICE, LINK, FINISH, CANCEL, APPLY, RESTART, CONFIRM}
"""The verbs that change something, so that saying one twice within moments means once."""

_LETTERS = {
    "m": MENU,
    "n": NEW,
    "c": CHOOSE,
    "d": DEVICE,
    "l": LINK,
    "p": POLL,
    "x": CANCEL,
    "s": STATUS,
    "u": USAGE,
    "a": APPLY,
    "r": RESTART,
    "y": CONFIRM,
}
_LETTER_OF = {verb: letter for letter, verb in _LETTERS.items()}
_BUTTON = re.compile(rf"{PREFIX}([0-9]{{1,4}})_([a-z])(?:_(.+))?")
_DIGEST = re.compile(r"~[0-9a-f]{12}")
_TICKET = re.compile(r"[0-9a-f]{8}")
_TAPPED = re.compile(rf"\s*callback_data:\s*({PREFIX}\S+)\s*")
"""How OpenClaw tells an agent that a button was tapped."""
_COMMAND = re.compile(r"\s*/codex[_-]?(auth|usage)(?:@\w+)?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE)
_REDIRECT = re.compile(r"auth/callback|\b(?:code|state|error)=|\S{16}#\S{16}", re.IGNORECASE)
"""What a pasted redirect has in it, or a pasted `code#state`, and no name of a profile."""
_TYPED = {"start": CHOOSE, "login": CHOOSE, "unlink": CANCEL} | {verb: verb for verb in _LETTERS.values()}
_EVERY = "all"
_FINISH_AND_NAME = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing to do. `profile` is None where none was named."""

    name: str
    profile: str | None = None
    digest: str = ""
    """Stands for a profile whose name was too long for a button."""
    paste: Secret | None = None
    """The address the browser ended on, as it was pasted."""
    ticket: str = ""
    """Names what is confirmed."""

    @property
    def acts(self) -> bool:
        """Whether it changes something."""
        return self.name in ACTING

    @property
    def data(self) -> str:
        """Return the data of a button that asks for this."""
        start = f"{PREFIX}{VERSION}_{_LETTER_OF[self.name]}"
        argument = self.ticket or self.profile
        if not argument:
            return start
        whole = f"{start}_{argument}"
        return whole if len(whole.encode()) <= BYTES else f"{start}_{digest_of(argument)}"

    @property
    def typed(self) -> str:
        """Return what asks for this where there are no buttons."""
        words = ["/codex_auth", *([] if self.name == MENU else [self.name]), self.ticket or self.profile or ""]
        if self.name == CHOOSE and self.profile not in _TYPED.keys() | {FINISH, HELP}:
            words.remove(CHOOSE)
        if self.name == POLL:
            words[1] = FINISH
        if self.name == USAGE:
            words = ["/codex_usage", self.profile or ""]
        return " ".join(filter(None, words))


def digest_of(name: str) -> str:
    """Return what stands for a name that is too long."""
    return "~" + hashlib.sha256(name.encode()).hexdigest()[:12]


def resolved(verb: Verb, names: Iterable[str]) -> str | None:
    """Return the profile that a verb means. Raises `ButtonStale` for a digest that none of these names has."""
    if not verb.digest:
        return verb.profile
    found = next((name for name in names if digest_of(name) == verb.digest), None)
    if found is None:
        raise ButtonStale
    return found


def carries_redirect(message: Message) -> bool:
    """Whether a message should be deleted because of what was pasted into it, whatever becomes of it."""
    text = message.text or message.callback_data
    found = _COMMAND.fullmatch(text)
    words = (found[2] or "").split() if found else []
    is_finish = bool(words) and words[0].lower() == FINISH
    is_pasted = is_finish and (len(words) > _FINISH_AND_NAME or not _is_name(words[-1]))
    return is_pasted or _REDIRECT.search(text) is not None


def looks_pasted(data: bytes) -> bool:
    """Whether what could not be read as a message has a redirect in it."""
    return _REDIRECT.search(data.decode("utf-8", "replace").replace("\\/", "/")) is not None


def read_verb(message: Message) -> Verb:
    """Return what a message asks for; help where it is not understood. Raises `ButtonStale` and `BadProfileName`."""
    tapped = _TAPPED.fullmatch(message.text)
    if message.callback_data or tapped:
        return _read_button(message.callback_data or (tapped[1] if tapped else ""))
    found = _COMMAND.fullmatch(message.text)
    if found is None:
        return _read_free(message.text)
    rest = (found[2] or "").strip()
    return _read_usage(rest) if found[1].lower() == "usage" else _read_command(rest)


def _read_button(data: str) -> Verb:
    found = _BUTTON.fullmatch(data)
    if found is None or int(found[1]) != VERSION or found[2] not in _LETTERS or len(data.encode()) > BYTES:
        raise ButtonStale
    name, argument = _LETTERS[found[2]], found[3] or ""
    if name == CONFIRM:
        if not _TICKET.fullmatch(argument):
            raise ButtonStale
        return Verb(name=name, ticket=argument)
    if argument and name not in NAMED:
        raise ButtonStale
    if _DIGEST.fullmatch(argument):
        return Verb(name=name, digest=argument)
    try:
        return Verb(name=name, profile=read_name(argument) if argument else None)
    except BadProfileName:
        raise ButtonStale from None


def _read_free(text: str) -> Verb:
    if _REDIRECT.search(text):
        return Verb(name=FINISH, paste=Secret(text))
    word = text.strip()
    if word.lower() in _TYPED.keys() | {FINISH, HELP}:  # nobody who says “cancel” means a profile of that name
        return _read_command(word)
    return Verb(name=CHOOSE, profile=_name(word)) if _is_name(word) else Verb(name=HELP)


def _read_command(rest: str) -> Verb:
    if not rest:
        return Verb(name=MENU)
    word, _, more = (
        rest.partition(" ") if " " in rest else (rest.split(maxsplit=1)[0], "", rest[len(rest.split(maxsplit=1)[0]) :])
    )
    more = more.strip()
    if word.lower() == FINISH:
        return _read_finish(more)
    if _REDIRECT.search(rest):  # somebody forgot the word
        return _read_finish(rest)
    name = _TYPED.get(word.lower())
    if name is None:
        return Verb(name=HELP) if more or word.lower() == HELP else Verb(name=CHOOSE, profile=_name(word))
    if name == CONFIRM:
        return Verb(name=CONFIRM, ticket=more.lower()) if _TICKET.fullmatch(more.lower()) else Verb(name=HELP)
    return Verb(name=name, profile=_name(more) if more and name in NAMED else None)


def _read_finish(rest: str) -> Verb:
    word, *more = rest.split(None, 1)[:2] or [""]
    if not _is_name(word) or word.lower().startswith("http"):
        return Verb(name=FINISH, paste=Secret(rest)) if rest else Verb(name=POLL)
    if not more:
        return Verb(name=POLL, profile=_name(word))
    return Verb(name=FINISH, profile=_name(word), paste=Secret(more[0]))


def _read_usage(rest: str) -> Verb:
    return Verb(name=USAGE, profile=None if rest.lower() in {"", _EVERY} else _name(rest))


def _name(word: str) -> str:
    # Replies show some characters in their wide form, so that no channel makes a mention or a link of them.
    return read_name(unicodedata.normalize("NFKC", word))


def _is_name(word: str) -> bool:
    try:
        _name(word)
    except BadProfileName:
        return False
    return True
