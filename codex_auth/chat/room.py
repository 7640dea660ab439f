"""What answering one message needs: the places, the store, the provider; and who is asking, in which language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from codex_auth.chat.book import Book
from codex_auth.chat.escape import tame
from codex_auth.chat.message import Message
from codex_auth.chat.reply import Line
from codex_auth.chat.usage import Source
from codex_auth.chat.words import language_of, sentence
from codex_auth.core.provider import CallbackAt, Provider
from codex_auth.edge.places import Places
from codex_auth.edge.world import World
from codex_auth.stores.protocol import Store

OPERATORS = "CODEX_AUTH_CHAT_OPERATORS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The part that is the same for every message."""

    places: Places
    store: Store
    world: World
    provider: Provider
    callback: CallbackAt
    auth_path: str = ""
    """What whoever does the queue is told, if a file was named."""
    usage: Source | None = None

    @property
    def operators(self) -> frozenset[str]:
        """Who may talk to us, as channel:sender; empty means whoever the channel lets through."""
        return operators_of(self.world.env, self.places.config.chat_operators)


def operators_of(env: Mapping[str, str], configured: frozenset[str]) -> frozenset[str]:
    """Return the list of the environment, or else that of the configuration."""
    named = env.get(OPERATORS)
    return configured if named is None else frozenset(filter(None, re.split(r"[,\s]+", named)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The room, and one message on it."""

    room: Room
    message: Message
    book: Book

    @property
    def language(self) -> str:
        """The language of the answer."""
        return language_of(self.message.locale)

    @property
    def who(self) -> str:
        """Who is asking."""
        return self.message.who

    @property
    def is_operator(self) -> bool:
        """Whether the sender is on a list of operators; where there is none, nobody is."""
        return self.who in self.room.operators

    def say(self, name: str, **facts: object) -> Line:
        """Return a sentence in that language; every fact is tamed."""
        return Line(self.words(name, **facts))

    def words(self, name: str, **facts: object) -> str:
        """Return the same as text."""
        return sentence(self.language, name, **{key: tame(str(value)) for key, value in facts.items()})
