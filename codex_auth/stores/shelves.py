"""Several stores as one: each profile stays in the store it was put in, and new ones go where this run says.

Which store holds a profile is not a setting of its own that could go wrong: the index lists what keyring and vault
hold, and the file lists the rest. A profile that is in two (a move that was cut off) is the index's; both are equal.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager

from codex_auth.core.card import Card, Identity
from codex_auth.core.errors import AuthError
from codex_auth.core.model import Choice, Credential
from codex_auth.core.store_errors import IndexDamaged
from codex_auth.edge.places import Places
from codex_auth.stores import AUTO, open_kind
from codex_auth.stores.guards import hold_profile
from codex_auth.stores.protocol import Store

_LISTED = ("keyring", "vault")
"""The kinds whose profiles the index lists, which are looked at before the file."""
_LOOKS = 3
"""A profile moves from one store to another, and perhaps back, but not all the time."""


class Shelves:
    """Every store there is, as one. `begin` is the kind that new profiles are put in, or `auto`."""

    def __init__(self, places: Places, *, begin: str) -> None:
        self.kind = begin
        self._places = places
        self._opened: dict[str, Store] = {}
        self._last: Store | None = None
        self._choices: dict[str, Choice] = {}
        self._chosen: Choice | None = None

    def shelf(self, kind: str) -> Store:
        """Return the store of this kind."""
        if kind not in self._opened:
            self._opened[kind] = open_kind(self._places, kind)
        return self._opened[kind]

    def names(self) -> list[str]:
        """Return the profiles of all stores; the file's first."""
        return [card.profile for card in self.cards()]

    def cards(self) -> Iterator[Card]:
        """Return one card for each profile."""
        listed = {card.profile: card for kind in _LISTED for card in self._cards(kind)}
        for card in self.shelf("file").cards():
            yield listed.pop(card.profile, card)
        yield from listed.values()

    def load(self, profile: str) -> Credential | None:
        """Return the sign-in of a profile, wherever it is kept.

        One that moves while we look, from a store we have not come to into one that we have, is there at the next look.
        """
        held: Credential | None = None
        for _ in range(_LOOKS):
            self._last = self.place_of(profile)
            held = self._last.load(profile)
            if held is not None:
                break
        return held

    def save(self, credential: Credential, *, expecting: Identity | None = None) -> None:
        """Keep a credential where its profile is kept; a new one where this run says."""
        self.place_of(credential.profile).save(credential, expecting=expecting)

    def delete(self, profile: str) -> bool:
        """Remove a profile from every store."""
        kinds = self.kinds_with(profile)
        for kind in kinds:
            self.shelf(kind).delete(profile)
        return bool(kinds)

    def lock(self, profile: str, timeout: float) -> AbstractContextManager[None]:
        """Hold one profile. It is the same lock whatever store the profile is kept in."""
        return hold_profile(self._places.locks, profile, timeout)

    def choice(self, profile: str) -> Choice:
        """Return which kind of store a profile is in, or a new one is put in, and why.

        The answer is remembered: whoever has saved there may ask again, and is told without another look.
        """
        if profile not in self._choices:
            self._choices[profile] = self._choice_of(profile)
        return self._choices[profile]

    def prove_writable(self) -> None:
        """Show that the store of the profile that was loaded last could be written, or the one for new ones."""
        (self._last or self._for_new()).prove_writable()

    def home_of(self, profile: str) -> Store | None:
        """Return the store that holds a profile, or None for a new one.

        Of two, one may only list it still: removing it there was cut off before it came to the list. Where both have
        it, the one with the newer tokens counts: the other was not seen while its list was lost.
        """
        shelves = [self.shelf(kind) for kind in self.kinds_with(profile)]
        if len(shelves) > 1:
            return max(shelves, key=lambda shelf: _age_of(shelf.load(profile)))  # the first of those that are equal
        return shelves[0] if shelves else None

    def kinds_with(self, profile: str) -> list[str]:
        """Return the kinds of store that hold a profile: one, or two after a move that was cut off."""
        listed = [kind for kind in _LISTED if any(card.profile == profile for card in self._cards(kind))]
        return [*listed, "file"] if profile in self.shelf("file").names() else listed

    def place_of(self, profile: str) -> Store:
        """Return the store that holds a profile, or would get it."""
        return self.home_of(profile) or self._for_new()

    def _cards(self, kind: str) -> list[Card]:
        """Return the cards of one store; a damaged index is moved aside and made anew if the keyring answers.

        Raises `IndexDamaged`, which says what to do where it does not.
        """
        try:
            return list(self.shelf(kind).cards())
        except IndexDamaged as damaged:
            self._make_index_anew(damaged)
            return list(self.shelf(kind).cards())

    def _make_index_anew(self, damaged: IndexDamaged) -> None:
        from codex_auth.stores.os_keyring import OsKeyring

        keyring = self.shelf("keyring")
        try:
            if isinstance(keyring, OsKeyring):
                keyring.rebuild()
        except AuthError:
            raise damaged from None

    def _choice_of(self, profile: str) -> Choice:
        home = self.home_of(profile)
        if home is None:
            return self._choice_for_new()
        why = next((card.store_why for card in home.cards() if card.profile == profile), "")
        return Choice(kind=home.kind, why=why or "it was put there before")

    def _for_new(self) -> Store:
        return self.shelf(self._choice_for_new().kind)

    def _choice_for_new(self) -> Choice:
        """Return where new profiles go. The keyring is tried once, which may take as long as it may be silent."""
        if self._chosen is None:
            rule = self._places.store_rule
            self._chosen = self._tried(rule) if self.kind == AUTO else Choice(kind=self.kind, why=rule)
            self.kind = self._chosen.kind
        return self._chosen

    def _tried(self, rule: str) -> Choice:
        """Return what `auto` comes to: the keyring if it truly works, else the vault."""
        try:
            self.shelf("keyring").prove_writable()
        except AuthError as error:
            said = str(error).rstrip(".")
            return Choice(kind="vault", why=f"auto ({rule}): {said[:1].lower()}{said[1:]}")
        return Choice(kind="keyring", why=f"auto ({rule}): the keyring works")


def _age_of(held: Credential | None) -> float:
    """Return when a login's tokens were had, in Unix seconds; less than any for none."""
    if held is None:
        return -1.0
    had = held.refreshed or held.signed_in
    return 0.0 if had is None else had.timestamp()
