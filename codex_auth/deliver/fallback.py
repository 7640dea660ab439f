"""Two ways to one target: the second where the first cannot be gone at all."""

from codex_auth.core.delivery_errors import OpenClawNodeUnusable
from codex_auth.core.model import Credential
from codex_auth.deliver.protocol import Gift, Given, Target
from codex_auth.notes.deliveries import Choice


class Fallback:
    """The first way; the second, where no Node here runs the first. Nothing was written before that is known."""

    def __init__(self, first: Target, second: Target) -> None:
        self.place = first.place
        self._ways = [first, second]

    def check(self, gift: Gift) -> Given:
        """Return what is there now; raise what `give` would."""
        try:
            return self._ways[0].check(gift)
        except OpenClawNodeUnusable:
            return self._second().check(gift)

    def give(self, gift: Gift) -> Given:
        """Put the gift there."""
        try:
            return self._ways[0].give(gift)
        except OpenClawNodeUnusable:
            return self._second().give(gift)

    def look(self) -> Given:
        """Return what is there."""
        try:
            return self._ways[0].look()
        except OpenClawNodeUnusable:
            return self._second().look()

    def take_back(self, credential: Credential, choice: Choice | None = None) -> Given:
        """Remove what was given of this login."""
        try:
            return self._ways[0].take_back(credential, choice)
        except OpenClawNodeUnusable:
            return self._second().take_back(credential, choice)

    def export(self, profile: str) -> Credential:
        """Return the login that is there."""
        try:
            return self._ways[0].export(profile)
        except OpenClawNodeUnusable:
            return self._second().export(profile)

    def let_use(self, given: Given) -> dict[str, tuple[str, ...]]:
        """Append ours to an order that leaves it out."""
        return self._ways[0].let_use(given)

    def _second(self) -> Target:
        """Stay with the second way, once the first was found shut."""
        self._ways = self._ways[-1:]
        return self._ways[0]
