"""Small notes that outlive one message: answers of the last moments, open questions, who sent how much.

Rules:

1. Nothing secret is in it, and no text of a message: a message is named by a digest, an answer is kept as it was given
   unless it showed a link or a code, and then only that it was given.
2. Every note belongs to one sender in one channel, named by a digest too.
3. A book that is lost or damaged forgets answers and rates, and confirms nothing: that fails on the safe side.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from codex_auth.core.chat_errors import NotConfirmed, TooManyMessages
from codex_auth.core.jsontext import JsonDamaged, read_object
from codex_auth.edge import files
from codex_auth.edge.locks import hold
from codex_auth.edge.places import Places
from codex_auth.edge.world import World

SAME_SECONDS = 20.0
"""Within this time the same message is a double tap, or a channel that delivers twice."""
QUESTION_SECONDS = 120.0
MESSAGES, ALL_MESSAGES, SPAN = 20, 200, 60.0
"""So many messages of one sender, and of all, within so many seconds."""
TURN_SECONDS = 90.0
"""How long one message waits for the one before it; longer than any sign-in's requests take."""
_TURNS = 16
"""Lock files of senders; who shares one waits a little for nothing."""
_ANSWERS, _QUESTIONS, _SENDERS = 64, 64, 256
_LOCK_SECONDS = 10.0
_LIMIT = 4 * 1024 * 1024
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be confirmed."""

    verb: str
    profile: str
    about: str = ""
    """The one thing that is meant, where another could take its place meanwhile."""


@dataclass(slots=True)
class _Notes:
    answers: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, list[float]] = field(default_factory=dict)


class Book:
    """The notes of this account of the machine."""

    def __init__(self, places: Places, world: World) -> None:
        self._path = os.path.join(places.state, "chat.json")
        self._locks = places.locks
        self._world = world

    @contextlib.contextmanager
    def turn(self, who: str) -> Iterator[None]:
        """Let one message of a sender be answered at a time, so that a double tap finds the first one's answer."""
        path = os.path.join(self._locks, f"chat-{int(_digest(who)[:8], 16) % _TURNS:02}.lock")
        with hold(path, timeout=TURN_SECONDS, what="This chat", verb="chat", rank="chat"):
            yield

    def count(self, who: str) -> None:
        """Note that a message came. Raises `TooManyMessages`, and then it is not noted."""
        with self._change() as notes:
            now = self._now
            mine = notes.sent.get(_digest(who), [])
            everybody = sum(len(times) for times in notes.sent.values())
            if len(mine) >= MESSAGES or everybody >= ALL_MESSAGES:
                oldest = min(mine if len(mine) >= MESSAGES else (t for each in notes.sent.values() for t in each))
                raise TooManyMessages(seconds=max(1, round(oldest + SPAN - now)))
            notes.sent[_digest(who)] = [*mine, now]

    def answer(self, who: str, said: str) -> Mapping[str, Any] | None:
        """Return what was answered to the same message moments ago."""
        key = _digest(who, said)
        found = next((each for each in reversed(self._read().answers) if each["key"] == key), None)
        return None if found is None else found["answer"]

    def keep(self, who: str, said: str, answer: Mapping[str, Any], *, acted: bool) -> None:
        """Keep an answer for that long; the caller has taken out what must not be kept.

        Of what acted only the last is kept: to cancel, begin again and cancel again is to cancel twice.
        """
        row = {"key": _digest(who, said), "who": _digest(who), "at": self._now, "acted": acted, "answer": dict(answer)}
        with self._change() as notes:
            notes.answers = [
                each for each in notes.answers if not (acted and each["acted"] and each["who"] == row["who"])
            ]
            notes.answers.append(row)

    def ask(self, who: str, question: Question) -> str:
        """Note a question that only this sender may confirm, and return its name."""
        ticket = self._world.random(4).hex()
        row = {"ticket": ticket, "who": _digest(who), "at": self._now, **asdict(question)}
        with self._change() as notes:
            notes.questions.append(row)
        return ticket

    def confirm(self, who: str, ticket: str) -> Question:
        """Return what was asked about, once. Raises `NotConfirmed`."""
        with self._change() as notes:
            found = next((q for q in notes.questions if (q["ticket"], q["who"]) == (ticket, _digest(who))), None)
            if found is not None:
                notes.questions.remove(found)
        if found is None:
            raise NotConfirmed
        return Question(verb=found["verb"], profile=found["profile"], about=found["about"])

    @property
    def _now(self) -> float:
        return self._world.now().timestamp()

    @contextlib.contextmanager
    def _change(self) -> Iterator[_Notes]:
        path = os.path.join(self._locks, "chat-book.lock")
        with hold(path, timeout=_LOCK_SECONDS, what="The chat's notes", verb="chat", rank="journal"):
            files.private_folder(os.path.dirname(self._path))
            files.sweep(self._path)
            notes = self._read()
            yield notes
            files.replace(self._path, [_written(notes)])

    def _read(self) -> _Notes:
        try:
            data = files.read_private(self._path, limit=_LIMIT)
            return _Notes() if data is None else self._current(read_object(data))
        except (JsonDamaged, KeyError, TypeError, ValueError, AttributeError):
            return _Notes()

    def _current(self, said: Mapping[str, Any]) -> _Notes:
        """Return the notes that still count. What lies in the future was noted before a clock was set back."""
        if said["schema_version"] != _VERSION:
            return _Notes()
        now = self._now
        sent = {who: [t for t in times if 0 <= now - t < SPAN] for who, times in said["sent"].items()}
        return _Notes(
            answers=[each for each in said["answers"] if 0 <= now - each["at"] < SAME_SECONDS],
            questions=[each for each in said["questions"] if 0 <= now - each["at"] < QUESTION_SECONDS],
            sent={who: times for who, times in sent.items() if times},
        )


def _written(notes: _Notes) -> bytes:
    newest = sorted(notes.sent.items(), key=lambda row: row[1][-1])[-_SENDERS:]
    document = {
        "schema_version": _VERSION,
        "answers": notes.answers[-_ANSWERS:],
        "questions": notes.questions[-_QUESTIONS:],
        "sent": dict(newest),
    }
    return (json.dumps(document, ensure_ascii=False) + "\n").encode()


def _digest(*words: str) -> str:
    text = "\0".join(["codex-auth chat", *words])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
