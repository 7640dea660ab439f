"""Open questions to a person: each page with Approve and Deny carries the number of one, good for a single answer.

A page of another site cannot read the number, so it cannot press the button (cross-site request forgery).
"""

import secrets
import threading
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_LIFETIME = 15 * 60

Question = TypeVar("Question")


@dataclass(slots=True)
class Tickets(Generic[Question]):
    """The questions of one page that wait for an answer."""

    _open: dict[str, tuple[Question, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def ask(self, question: Question, now: float) -> str:
        """Return the number of a question now asked."""
        number = secrets.token_urlsafe(24)
        with self._lock:
            self._open[number] = (question, now + _LIFETIME)
        return number

    def answer(self, number: str, now: float) -> Question | None:
        """Return the question and close it; None for a number never given, already used, or too old."""
        with self._lock:
            question, expires = self._open.pop(number, (None, 0.0))
            return question if now < expires else None
