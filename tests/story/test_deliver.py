"""Delivering to a target that behaves: one owner at every instant, whatever fails and wherever it is cut off."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from codex_auth.core.card import Identity
from codex_auth.core.delivery_errors import (
    DeliveryError,
    HandOverUnclear,
    ImportInTheWay,
    KeyNotDelivered,
    NothingLeased,
    OpenClawBusy,
    OpenClawHasOther,
    OpenClawSlow,
)
from codex_auth.core.errors import PolicyRefused
from codex_auth.core.model import Credential
from codex_auth.core.refresh_errors import ApiKeyStays, NotOurs
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import StoreError
from codex_auth.deliver.protocol import Gift, Given, Held, hash_of
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import HAND_OVER, Choice, Place
from codex_auth.stores.memory import Memory
from codex_auth.stories import deliver as story
from codex_auth.stories.deliver import Order
from codex_auth.stories.refresh import Wish, refresh

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WHOLE = Order(mode=HAND_OVER)
PLACE = Place(target="openclaw", state="/s", config="/s/c", home_profile="", agent="", profile_id="openai:work")


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Program:
    """A target that keeps one credential; a test says where it fails."""

    kind: str = ""
    access: Secret | None = None
    refresh: Secret | None = None
    place: Place = PLACE
    before_it: Callable[[], None] = lambda: None
    after_it: Callable[[], None] = lambda: None
    looking: Callable[[], None] = lambda: None
    gifts: list[Gift] = field(default_factory=list)

    def check(self, gift: Gift) -> Given:
        return Given(before=self._held(), now=self._held())

    def give(self, gift: Gift) -> Given:
        before = self._held()
        self.before_it()
        self.gifts.append(gift)
        self.kind = "oauth" if gift.is_whole else "token"
        self.access, self.refresh = gift.credential.access, gift.credential.refresh if gift.is_whole else None
        self.after_it()
        return Given(before=before, now=self._held())

    def look(self) -> Given:
        self.looking()
        return Given(before=self._held(), now=self._held())

    def take_back(self, credential: Credential, choice: Choice | None = None) -> Given:
        before, self.kind = self._held(), ""
        return Given(before=before, now=None)

    def export(self, profile: str) -> Credential:
        return credential(profile, access="theirs", refresh=None, owner="openclaw")

    def let_use(self, given: Given) -> dict[str, tuple[str, ...]]:
        return {}

    def rotate(self) -> None:
        """Refresh, as the owner may."""
        self.access, self.refresh = Secret("rotated-access"), Secret("rotated-refresh")

    def _held(self) -> Held | None:
        if not self.kind:
            return None
        return Held(
            kind=self.kind,
            account="account",
            email="",
            expires=None,
            fence="",
            access_hash=hash_of(self.access),
            refresh_hash=hash_of(self.refresh),
        )


def credential(
    profile: str = "work", *, access: str = "access", refresh: str | None = "refresh", **more: object
) -> Credential:
    """Return a login with nine days to live."""
    held = Credential(
        profile=profile,
        identity=Identity(issuer="https://auth.openai.com", subject="", account_id="account"),
        access=Secret(access),
        refresh=None if refresh is None else Secret(refresh),
        id_token=None,
        expires=NOW + timedelta(days=9),
        refreshed=NOW,
    )
    return replace(held, **more)  # type: ignore[arg-type]


@dataclass
class Bed:
    """A store with one login, a target, and what a story needs."""

    places: Places
    store: Memory
    target: Program
    world: World

    def deliver(self, order: Order = Order()) -> story.Delivered:  # noqa: B008 - frozen
        return story.deliver("work", order, target=self.target, store=self.store, places=self.places, world=self.world)

    def settle(self) -> story.Delivered | None:
        return story.settle("work", lambda _: self.target, store=self.store, places=self.places, world=self.world)

    def renew(self) -> list[object]:
        found = story.renew_leases(opener=lambda _: self.target, store=self.store, places=self.places, world=self.world)
        return [outcome for _, outcome in found]

    @property
    def ours(self) -> Credential:
        held = self.store.load("work")
        assert held is not None
        return held

    @property
    def owners(self) -> list[str]:
        """Who holds a refresh token that they may spend."""
        ours = ["codex-auth"] if self.ours.refresh is not None else []
        return ours + (["openclaw"] if self.target.refresh is not None else [])


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """Return a login of ours and a target that holds nothing."""
    env = {"HOME": str(tmp_path)}
    places = find_places(env)
    store = Memory(locks=places.locks)
    store.save(credential())
    return Bed(places, store, Program(), World(now=lambda: NOW, env=env, tell=lambda _: None))


def raising(error: BaseException) -> Callable[[], None]:
    """Return what fails in this way."""

    def fail() -> None:
        raise error

    return fail


def test_a_lease_gives_the_access_token_only(bed: Bed) -> None:
    """The refresh token stays here, and the note says what went where."""
    bed.deliver()

    assert (bed.target.kind, bed.target.access, bed.owners) == ("token", Secret("access"), ["codex-auth"])
    note = deliveries.read(bed.places, "work")
    assert [(row.place, row.mode, row.is_settled) for row in note.rows] == [(PLACE, "lease", True)]
    text = Path(bed.places.deliveries, "work.json").read_text()
    assert "access" not in text.replace('"access":', "")


def test_a_lease_is_renewed_when_the_token_is_another(bed: Bed) -> None:
    """Only then, so that a round with nothing new costs the target nothing."""
    bed.deliver()
    assert bed.renew() == []

    bed.store.save(credential(access="newer"))

    assert len(bed.renew()) == 1
    assert bed.target.access == Secret("newer")
    assert bed.renew() == []


def test_a_renewal_that_fails_is_tried_again(bed: Bed) -> None:
    """What the target refused stays due."""
    bed.deliver()
    bed.store.save(credential(access="newer"))
    bed.target.before_it = raising(OpenClawBusy(state="/s"))
    assert [type(outcome) for outcome in bed.renew()] == [OpenClawBusy]

    bed.target.before_it = lambda: None

    assert len(bed.renew()) == 1
    assert bed.target.access == Secret("newer")


def test_a_lease_is_taken_back(bed: Bed) -> None:
    """Once; and only what was leased."""
    with pytest.raises(NothingLeased):
        story.take_back("work", target=bed.target, store=bed.store, places=bed.places)
    bed.deliver()

    story.take_back("work", target=bed.target, store=bed.store, places=bed.places)

    assert bed.target.kind == ""
    assert deliveries.delivered_profiles(bed.places) == []


def test_a_dry_run_changes_nothing(bed: Bed) -> None:
    """Neither there nor here."""
    for order in (Order(dry_run=True), Order(mode=HAND_OVER, dry_run=True)):
        bed.deliver(order)

    assert (bed.target.gifts, bed.owners, deliveries.delivered_profiles(bed.places)) == ([], ["codex-auth"], [])


def test_a_hand_over_moves_the_login(bed: Bed) -> None:
    """The target has the refresh token, ours is destroyed, the owner is another, and nothing is left to settle."""
    bed.deliver(WHOLE)

    assert (bed.owners, bed.ours.owner) == (["openclaw"], "openclaw")
    assert deliveries.read(bed.places, "work").unsettled is None
    with pytest.raises(NotOurs):
        bed.deliver()


@pytest.mark.parametrize("error", [OpenClawHasOther(profile_id="x"), OpenClawBusy(state="/s"), OpenClawSlow(seconds=1)])
def test_a_hand_over_that_is_refused_leaves_the_login_with_us(bed: Bed, error: DeliveryError) -> None:
    """Whether the target says so itself or has to be asked."""
    bed.target.before_it = raising(error)

    with pytest.raises(type(error)):
        bed.deliver(WHOLE)

    assert (bed.owners, bed.ours.owner) == (["codex-auth"], "codex-auth")
    assert deliveries.delivered_profiles(bed.places) == []


def test_a_refusal_that_is_certain_needs_no_asking(bed: Bed) -> None:
    """The target refused before it wrote anything: the login stays ours, whether or not it can be asked."""
    bed.target.before_it = raising(OpenClawHasOther(profile_id="x"))
    bed.target.looking = raising(OpenClawSlow(seconds=1))

    with pytest.raises(OpenClawHasOther):
        bed.deliver(WHOLE)

    assert deliveries.read(bed.places, "work").unsettled is None


def test_nothing_is_given_away_that_could_not_be_destroyed_here(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be written is found out before the target is given anything."""
    monkeypatch.setattr(bed.store, "prove_writable", raising(StoreError(path="x", problem="full")))

    with pytest.raises(StoreError):
        bed.deliver(WHOLE)

    assert (bed.target.gifts, deliveries.delivered_profiles(bed.places)) == ([], [])


def test_an_answer_that_is_lost_is_asked_for(bed: Bed) -> None:
    """The target took the login and could not say so: it has it, and ours is destroyed."""
    bed.target.after_it = raising(OpenClawSlow(seconds=1))

    bed.deliver(WHOLE)

    assert (bed.owners, bed.ours.owner) == (["openclaw"], "openclaw")


def test_until_it_is_known_who_has_it_nobody_here_spends_it(bed: Bed) -> None:
    """The target took the login, said nothing and cannot be asked: no refresh, no lease, until it answers."""
    bed.target.after_it = bed.target.looking = raising(OpenClawSlow(seconds=1))

    with pytest.raises(HandOverUnclear):
        bed.deliver(WHOLE)
    with pytest.raises(HandOverUnclear):
        refresh("work", Wish(is_forced=True), store=bed.store, places=bed.places, world=bed.world)
    with pytest.raises(HandOverUnclear):
        bed.deliver()
    assert bed.target.kind == "oauth"

    bed.target.looking = lambda: None
    done = bed.deliver(WHOLE)

    assert (done.mode, bed.owners, bed.ours.owner) == (HAND_OVER, ["openclaw"], "openclaw")


@pytest.mark.parametrize("rotates", [False, True])
@pytest.mark.parametrize("point", ["before_it", "after_it", "save", "note"])
def test_a_crash_leaves_one_owner(bed: Bed, monkeypatch: pytest.MonkeyPatch, point: str, rotates: bool) -> None:
    """Killed around giving, before ours is destroyed or the mark is settled; also if the target refreshed since."""
    with monkeypatch.context() as patch:
        if point == "save":
            patch.setattr(bed.store, "save", lambda *_, **__: raising(Killed())())
        elif point == "note":
            patch.setattr(story._Hand, "_settled", lambda *_: raising(Killed())())
        else:
            setattr(bed.target, point, raising(Killed()))
        with pytest.raises(Killed):
            bed.deliver(WHOLE)
    bed.target.before_it = bed.target.after_it = lambda: None
    if rotates and bed.target.refresh is not None:
        bed.target.rotate()

    bed.settle()

    owner = "codex-auth" if point == "before_it" else "openclaw"
    assert (bed.owners, bed.ours.owner) == ([owner], owner)
    assert deliveries.read(bed.places, "work").unsettled is None


def test_a_login_that_was_given_away_concerns_nobody_here(bed: Bed) -> None:
    """That our last access token of it ends is neither told by `keep` nor by the exit status of `status --check`."""
    from codex_auth.stories import status
    from codex_auth.stories.keep import keep_once

    bed.deliver(WHOLE)
    later = replace(bed.world, now=lambda: NOW + timedelta(days=10))
    told: list[object] = []

    done = keep_once(store=bed.store, places=bed.places, world=later, tell=told.append)

    assert (done.failures, told) == ({}, [])
    report = status.look(bed.store, bed.places, later)
    assert status.verdict(report, later.now()) == 0
    assert [row.mode for row in report.delivered["work"]] == ["hand-over"]


def test_a_login_that_was_there_before_is_not_taken_for_ours(bed: Bed) -> None:
    """Killed before giving, where the target had another login of the account: ours stays ours."""
    bed.target.kind, bed.target.refresh = "oauth", Secret("their own")
    bed.target.before_it = raising(Killed())
    with pytest.raises(Killed):
        bed.deliver(Order(mode=HAND_OVER, may_replace=True))

    bed.settle()

    assert bed.ours.refresh == Secret("refresh")


def test_a_new_sign_in_ends_what_was_unclear(bed: Bed) -> None:
    """It has a refresh token of its own, which the mark does not speak of."""
    bed.target.after_it = bed.target.looking = raising(OpenClawSlow(seconds=1))
    with pytest.raises(HandOverUnclear):
        bed.deliver(WHOLE)
    bed.store.save(credential(refresh="new"))

    bed.settle()

    assert bed.ours.refresh == Secret("new")
    assert deliveries.read(bed.places, "work").unsettled is None


def test_a_note_that_does_not_read_stops_everything(bed: Bed) -> None:
    """It might be the mark of a hand-over."""
    bed.deliver()
    path = Path(bed.places.deliveries, "work.json")
    for text in ("{", "[]", '{"schema_version": 1}', path.read_text().replace('"lease"', '"gift"')):
        path.write_text(text)
        with pytest.raises(StoreError):
            refresh("work", Wish(is_forced=True), store=bed.store, places=bed.places, world=bed.world)
        assert [type(outcome) for outcome in bed.renew()] == [StoreError]


def test_what_is_not_ours_to_give_is_refused(bed: Bed) -> None:
    """A key, and a login that another program owns."""
    bed.store.save(credential(owner="codex"))
    with pytest.raises(NotOurs):
        bed.deliver()
    bed.store.save(credential(is_api_key=True))
    with pytest.raises((KeyNotDelivered, ApiKeyStays)):
        bed.deliver()
    assert bed.target.gifts == []


FORBIDDEN = {
    "a hand-over": ({"allow_hand_over": False}, WHOLE),
    "another owner": ({"allowed_owners": ["codex-auth", "codex"]}, WHOLE),
    "this workspace": ({"allowed_workspaces": ["another"]}, Order()),
    "a short lease": ({"minimum_lease": "240h"}, Order()),
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_what_a_rule_forbids_is_not_given(bed: Bed, rule: str) -> None:
    """The target is not asked, and the owner is who it was; a lease that stands is not renewed either."""
    table, order = FORBIDDEN[rule]
    if order == Order():
        bed.deliver()
        bed.store.save(credential(access="newer"))
    before = list(bed.target.gifts)
    bed.places = replace(bed.places, config=replace(bed.places.config, policy=table))

    with pytest.raises(PolicyRefused, match=next(iter(table))):
        bed.deliver(order)

    assert [type(outcome) for outcome in bed.renew()] == ([PolicyRefused] if order == Order() else [])
    assert (bed.target.gifts, bed.owners) == (before, ["codex-auth"])


@pytest.mark.parametrize("table", [{"allow_hand_over": True}, {"allow_hand_over": False}])
def test_a_rule_about_hand_overs_forbids_no_lease(bed: Bed, table: dict[str, object]) -> None:
    """A lease gives nothing away."""
    bed.places = replace(bed.places, config=replace(bed.places.config, policy=table))

    bed.deliver()

    assert bed.owners == ["codex-auth"]


def test_importing_never_replaces_a_login_of_ours(bed: Bed) -> None:
    """Under another name it is kept, without a refresh token and owned by the program."""
    with pytest.raises(ImportInTheWay):
        story.bring_in("work", target=bed.target, store=bed.store)

    found = story.bring_in("copy", target=bed.target, store=bed.store)

    assert bed.store.load("copy") == found
    assert (found.owner, found.refresh, bed.owners) == ("openclaw", None, ["codex-auth"])
