"""What there is to draw with, and what is drawn: pieces of text, each with a style."""

from dataclasses import dataclass

Line = list[tuple[str, str]]
"""Pieces of text, each with a style."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What there is to draw with."""

    width: int = 80
    unicode: bool = True

    @property
    def bar(self) -> tuple[str, str]:
        """What is left, and what is used."""
        return ("█", "░") if self.unicode else ("#", "-")

    def text(self, text: str) -> str:
        """Return text without what cannot be shown."""
        return text if self.unicode else text.replace("…", "...").replace("–", "-")
