"""What an answer is made of, before any channel's way of showing it."""

from dataclasses import dataclass, field
from datetime import datetime

from codex_auth.chat.verbs import Verb


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, or an empty line."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """An address to open, on a line of its own."""

    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code to type elsewhere, on a line of its own."""

    text: str


Block = Line | Link | Code


@dataclass(frozen=True, slots=True)
class Button:
    """Something to tap; `verb.typed` is what is sent instead where nothing can be tapped."""

    label: str
    verb: Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """What to send later on the person's behalf, without asking anybody."""

    after_seconds: int
    verb: Verb
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer. `facts` are for programs; they hold what the text shows and nothing more."""

    verb: str
    blocks: tuple[Block, ...]
    buttons: tuple[Button, ...] = ()
    is_choice: bool = False
    """Whether the buttons are names to choose from: without buttons one line shows them all."""
    delete_message: bool = False
    progress: bool = False
    """Whether something goes on, so that this is not the last word."""
    follow_up: FollowUp | None = None
    error: str = ""
    """The code of what went wrong."""
    exit_code: int = 0
    duplicate: bool = False
    facts: dict[str, object] = field(default_factory=dict)
