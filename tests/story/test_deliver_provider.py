"""Codex asks us for each token by a model provider: where it goes, what is chosen, and how all of it is taken back."""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.card import Identity, KeyNote
from codex_auth.core.codex_errors import CodexConfigInTheWay, KeyWithoutAddress
from codex_auth.core.codex_toml import Chosen, TokenProvider, chosen, provider_in
from codex_auth.core.delivery_errors import KeyNotDelivered, NothingLeased
from codex_auth.core.model import Credential
from codex_auth.core.secret import Secret
from codex_auth.core.store_errors import StoreError
from codex_auth.deliver.codex import open_codex
from codex_auth.deliver.protocol import Given
from codex_auth.deliver.targets import codex_provider
from codex_auth.edge import files
from codex_auth.edge.places import Places, find_places
from codex_auth.edge.world import World
from codex_auth.notes import deliveries
from codex_auth.notes.deliveries import HAND_OVER, Choice
from codex_auth.stores.memory import Memory
from codex_auth.stories import deliver as story
from codex_auth.stories import drift
from codex_auth.stories.deliver import Order
from tests.story.conftest import Program

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HERS = 'model = "gpt-5.1-codex"  # mine\nmodel_provider = "other"\n\n[model_providers.other]\nname = "other"\n'
ADDRESS = "https://glm.example/v4"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Bed:
    """Two sign-ins and two keys of ours, and the configuration of one Codex."""

    places: Places
    store: Memory
    world: World
    config: Path

    def deliver(self, profile: str, *, dry_run: bool = False, **how: str) -> story.Delivered:
        """Deliver by a provider."""
        target = codex_provider(self.world.env, **how)
        return story.deliver(profile, Order(dry_run=dry_run), target=target, **self._ours)

    def take_back(self, profile: str, provider_id: str = "") -> Given:
        """Take a provider back."""
        target = codex_provider(self.world.env, provider_id=provider_id)
        return story.take_back(profile, target=target, store=self.store, places=self.places)

    def renew(self) -> list[object]:
        """Bring every target what the store has by now."""
        return [outcome for _, outcome in story.renew_leases(**self._ours)]

    def provider(self, provider_id: str = "codex-auth") -> TokenProvider:
        """Return a provider of ours that is there."""
        found = provider_in(self.text, provider_id)
        assert found is not None
        return found

    def note(self, profile: str) -> deliveries.Delivery:
        """Return the only note of a profile."""
        [row] = deliveries.read(self.places, profile).rows
        return row

    def drifted(self) -> list[tuple[str, str]]:
        """Return what `status` would say."""
        delivered = {
            name: deliveries.read(self.places, name).rows for name in deliveries.delivered_profiles(self.places)
        }
        return [(found.profile, found.state) for found in drift.find(self.store.cards(), delivered)]

    @property
    def _ours(self) -> dict[str, Any]:
        return {"store": self.store, "places": self.places, "world": self.world}

    @property
    def text(self) -> str:
        """What the configuration says."""
        return self.config.read_text() if self.config.exists() else ""


def sign_in(profile: str, **more: Any) -> Credential:
    """Return a login with nine days to live."""
    return replace(
        Credential(
            profile=profile,
            identity=Identity(issuer="https://auth.openai.com", subject="", account_id=f"account-{profile}"),
            access=Secret(f"access-{profile}"),
            refresh=Secret(f"refresh-{profile}"),
            id_token=None,
            expires=NOW + timedelta(days=9),
            refreshed=NOW,
        ),
        **more,
    )


def key(profile: str) -> Credential:
    """Return a key of another company's."""
    return sign_in(profile, refresh=None, is_api_key=True, key=KeyNote(kind="glm"))


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    """Return a Codex without any configuration, in a home that is there."""
    env = {"HOME": str(tmp_path), "PATH": ""}
    places = find_places(env)
    store = Memory(locks=places.locks)
    for each in (sign_in("work"), sign_in("home"), key("glm"), key("zai")):
        store.save(each)
    config = tmp_path / ".codex/config.toml"
    config.parent.mkdir(mode=0o700)
    return Bed(places, store, World(now=lambda: NOW, env=env, tell=lambda _: None), config)


# --- where a token goes --------------------------------------------------------------------------------------


def test_a_token_goes_to_no_address_of_another_profile(bed: Bed) -> None:
    """The address that a provider has is used again for its own profile, and for no other."""
    bed.deliver("home", base_url=ADDRESS)
    assert bed.deliver("home").given.provider == bed.provider()
    assert bed.provider().base_url == ADDRESS

    bed.deliver("work")

    assert bed.provider().profile == "work"
    assert bed.provider().base_url == "https://chatgpt.com/backend-api/codex"
    assert [len(deliveries.read(bed.places, name).rows) for name in ("home", "work")] == [0, 1]


def test_a_login_goes_to_its_own_provider(bed: Bed) -> None:
    """A token of another issuer is none of OpenAI's."""
    issuer = "http://127.0.0.1:9"
    bed.store.save(sign_in("lab", identity=Identity(issuer=issuer, subject="", account_id="a")))

    bed.deliver("lab")

    assert bed.provider().base_url == f"{issuer}/backend-api/codex"


@pytest.mark.parametrize("there", ["", f'[model_providers.glm]\nname = "g"\nbase_url = "{ADDRESS}"\nenv_key = "K"\n'])
def test_a_key_needs_an_address(bed: Bed, there: str) -> None:
    """Nobody guesses where a key belongs; neither does whoever wrote a provider of that name, nor another key's."""
    bed.config.write_text(there)
    with pytest.raises(KeyWithoutAddress):
        bed.deliver("glm", provider_id="glm")
    assert bed.text == there
    assert deliveries.delivered_profiles(bed.places) == []

    bed.deliver("glm", provider_id="glm", base_url=ADDRESS)
    bed.deliver("glm", provider_id="glm")
    with pytest.raises(KeyWithoutAddress):
        bed.deliver("zai", provider_id="glm")

    assert (bed.provider("glm").profile, bed.provider("glm").base_url) == ("glm", ADDRESS)
    assert bed.provider("glm").account_id == ""
    assert bed.note("glm").expires is None


def test_a_key_goes_no_other_way(bed: Bed) -> None:
    """It is in no file of Codex's: neither leased, nor handed over."""
    for mode in ("lease", HAND_OVER):
        with pytest.raises(KeyNotDelivered, match="neither leased nor handed over"):
            story.deliver(
                "glm", Order(mode=mode), target=open_codex(bed.world.env), store=bed.store, places=bed.places,
                world=bed.world,
            )  # fmt: skip


# --- what is chosen ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "profile", "model", "then"),
    [
        ("", "work", "", Chosen(provider="x")),
        (HERS, "work", "", Chosen(provider="other", model="gpt-5.1-codex")),
        ("", "glm", "", Chosen()),
        (HERS, "glm", "glm-4.6", Chosen(provider="x", model="glm-4.6")),
        (HERS, "work", "m", Chosen(provider="x", model="m")),
    ],
)
def test_what_is_chosen(bed: Bed, text: str, profile: str, model: str, then: Chosen) -> None:
    """A model chooses its provider; without one only a sign-in does, where the file chooses none. A dry run says it."""
    bed.config.write_text(text)

    would = bed.deliver(profile, provider_id="x", base_url=ADDRESS, model=model, dry_run=True)
    assert bed.text == text
    done = bed.deliver(profile, provider_id="x", base_url=ADDRESS, model=model)

    assert chosen(bed.text) == then
    assert would.given.is_chosen is done.given.is_chosen is (then.provider == "x")
    assert would.given.provider == done.given.provider == bed.provider("x")
    bed.take_back(profile, "x")
    assert bed.text == text


def test_what_the_user_chose_comes_back_in_the_end(bed: Bed) -> None:
    """However often we chose since: other models, another profile by that provider, another provider."""
    bed.config.write_text(HERS)
    for profile, provider_id, model in [
        ("glm", "x", "glm-4.5"),
        ("glm", "x", "glm-4.6"),
        ("zai", "x", "glm-4.6"),
        ("glm", "y", "glm-5"),
    ]:
        bed.deliver(profile, provider_id=provider_id, base_url=ADDRESS, model=model)
    assert chosen(bed.text) == Chosen(provider="y", model="glm-5")

    bed.take_back("zai", "x")
    assert chosen(bed.text) == Chosen(provider="y", model="glm-5")
    bed.take_back("glm", "y")

    assert bed.text == HERS


def test_what_the_user_chose_since_stays(bed: Bed) -> None:
    """Taking back changes what we chose, and nothing else."""
    bed.config.write_text(HERS)
    bed.deliver("glm", provider_id="x", base_url=ADDRESS, model="glm-4.6")
    since = bed.text.replace('model_provider = "x"', 'model_provider = "other"').replace("glm-4.6", "glm-4.6-air")
    bed.config.write_text(since)
    bed.deliver("glm", provider_id="x")

    bed.take_back("glm", "x")

    assert chosen(bed.text) == Chosen(provider="other", model="glm-4.6-air")


def test_it_may_be_killed_at_any_change(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration is the old or the new one, what was chosen before is noted by then, and all goes back."""
    bed.config.write_text(HERS)
    seen, count = set(), 0
    while _killed_at(
        count, monkeypatch, lambda: bed.deliver("glm", provider_id="x", base_url=ADDRESS, model="glm-4.6")
    ):
        seen.add(chosen(bed.text).provider)
        if provider_in(bed.text, "x") is not None:
            assert bed.note("glm").choice == Choice(provider="other", model="gpt-5.1-codex", ours=("glm-4.6",))
            bed.deliver("glm", provider_id="x", base_url=ADDRESS, model="glm-4.7")  # and its note has both models
        if deliveries.read(bed.places, "glm").rows:
            bed.take_back("glm", "x")
        assert bed.text == HERS
        count += 1

    assert seen == {"other", "x"}
    count = 0
    while _killed_at(count, monkeypatch, lambda: bed.take_back("glm", "x")):
        assert bed.note("glm").choice is not None
        count += 1
    assert (count, bed.text) == (1, HERS)


def test_what_another_program_writes_meanwhile_is_kept(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The change is made anew from what is there by then, and so is the note of what was chosen."""
    bed.config.write_text("")
    written = files.replace

    def first(path: str, *arguments: Any, **named: Any) -> None:
        if path == str(bed.config) and bed.text != HERS:
            bed.config.write_text(HERS)
        written(path, *arguments, **named)

    monkeypatch.setattr(files, "replace", first)
    bed.deliver("glm", provider_id="x", base_url=ADDRESS, model="glm-4.6")

    assert bed.note("glm").choice == Choice(provider="other", model="gpt-5.1-codex", ours=("glm-4.6",))
    bed.take_back("glm", "x")
    assert bed.text == HERS


def test_a_note_of_before_still_reads(bed: Bed) -> None:
    """One without a choice lets go of what it chose; one whose choice is damaged is not guessed at."""
    bed.deliver("work")
    path = Path(bed.places.deliveries, "work.json")
    note = json.loads(path.read_text())
    assert note["deliveries"][0]["choice"] == {"provider": "", "model": "", "ours": []}
    note["deliveries"][0]["choice"] = "x"
    path.write_text(json.dumps(note))
    with pytest.raises(StoreError):
        bed.take_back("work")
    del note["deliveries"][0]["choice"]
    path.write_text(json.dumps(note))

    bed.take_back("work")

    assert bed.text == ""


# --- the file ------------------------------------------------------------------------------------------------


def test_mode_and_link_stay(bed: Bed, tmp_path: Path) -> None:
    """Who keeps the configuration elsewhere, and lets others read it, goes on doing so."""
    real = tmp_path / "dotfiles.toml"
    real.write_text(HERS)
    real.chmod(0o640)
    bed.config.symlink_to(real)

    bed.deliver("work")
    bed.take_back("work")

    assert bed.config.is_symlink()
    assert (real.read_text(), stat.S_IMODE(real.stat().st_mode)) == (HERS, 0o640)
    assert [each.name for each in tmp_path.iterdir() if "dotfiles" in each.name] == ["dotfiles.toml"]


@pytest.mark.parametrize("there", ["a = [", '[model_providers.x]\nexperimental_bearer_token = "k-canary"\n'])
def test_what_is_in_the_way_stays(bed: Bed, there: str) -> None:
    """It is refused with what to do, without a word of it, and nothing is noted."""
    bed.config.write_text(there)

    with pytest.raises(CodexConfigInTheWay) as refused:
        bed.deliver("work", provider_id="x")

    assert "canary" not in f"{refused.value} {refused.value.hint}"
    assert bed.text == there
    with pytest.raises(NothingLeased):
        bed.take_back("work", "x")


def test_a_renewal_changes_the_account_only(bed: Bed) -> None:
    """It chooses nothing, brings back nothing that somebody took out, and leaves alone what serves another."""
    bed.config.write_text(HERS)
    bed.deliver("work", base_url=ADDRESS)
    before = bed.text
    account = Identity(issuer="https://auth.openai.com", subject="", account_id="account-new")
    bed.store.save(sign_in("work", access=Secret("2"), identity=account))
    assert len(bed.renew()) == 1
    assert bed.text == before.replace("account-work", "account-new")

    for text in (HERS, before.replace('"work"', '"home"')):
        bed.config.write_text(text)
        bed.store.save(sign_in("work", access=Secret(f"access-{len(text)}"), identity=account))
        assert len(bed.renew()) == 1
        assert bed.text == text


# --- drift, and taking back ----------------------------------------------------------------------------------

OTHERS = '[model_providers.codex-auth]\nname = "x"\n[model_providers.codex-auth.auth]\ncommand = "/bin/pass"\n'


@pytest.mark.parametrize(
    ("change", "state"),
    [
        (lambda text: text, None),
        (lambda _text: "", "gone"),
        (lambda _text: None, "gone"),
        (lambda _text: OTHERS, "other"),
        (lambda text: text.replace('"work"', '"home"'), "other"),
        (lambda text: text.replace("account-work", "account-home"), "other"),
        (lambda _text: "a = [", None),
    ],
)
def test_what_drifted(bed: Bed, change: Callable[[str], str | None], state: str | None) -> None:
    """`status` reads the configuration; taking back then leaves what is somebody else's."""
    bed.deliver("work")
    text = change(bed.text)
    bed.config.unlink()
    if text is not None:
        bed.config.write_text(text)

    assert bed.drifted() == ([("work", state)] if state else [])

    if text != "a = [":
        given = bed.take_back("work")
        assert (given.now is None) is (text != OTHERS and 'token", "home' not in (text or ""))
        assert bed.text in {"", OTHERS, text}


def test_taking_back_where_codex_is_gone(bed: Bed) -> None:
    """The whole home was removed: there is nothing to remove, and no home is made for that."""
    bed.deliver("work")
    for each in bed.config.parent.iterdir():
        each.unlink()
    bed.config.parent.rmdir()

    assert bed.take_back("work").now is None
    assert not bed.config.parent.exists()


# --- the real program ----------------------------------------------------------------------------------------


def test_a_key_is_served_and_removed(program: Program) -> None:
    """What was written is said, and shown by `status`; with the key goes what asks for it."""
    config = program.home / ".codex/config.toml"
    config.parent.mkdir(mode=0o700)
    config.write_text(HERS)
    assert program.json("key", "add", "glm", "--kind", "glm", given="k-canary")["ok"]
    words = ("deliver", "codex", "glm", "--provider-id", "glm", "--base-url", f"{ADDRESS}/", "--model", "glm-4.6")

    assert program.json(*words, "--dry-run")["dry_run"] is True
    assert config.read_text() == HERS
    done = program.json(*words)

    assert done["provider"] | {"command": []} == {
        "id": "glm", "config": str(config), "base_url": ADDRESS, "command": [], "chosen": True, "model": "glm-4.6",
    }  # fmt: skip
    assert done["provider"]["command"][-2:] == ["token", "glm"]
    assert (done["expires_at"], "--provider-id glm" in done["undo"]) == (None, True)
    assert "Codex uses it from now on, with the model glm-4.6" in program(*words).stdout
    assert f"glm: served to codex in {config.parent} (provider glm)" in program("status").stdout
    removed = program.json("key", "remove", "glm")
    assert removed["taken_back"] == [{"target": "codex", "profile_id": "model_providers.glm"}]
    assert config.read_text() == HERS
    assert not Path(program.home, "state/deliveries/glm.json").exists()


def test_a_key_goes_although_what_asks_for_it_stays(program: Program) -> None:
    """That is said, with what to do; and drift is seen before."""
    config = program.home / ".codex/config.toml"
    assert program.json("key", "add", "glm", "--kind", "glm", given="k-canary")["ok"]
    assert program.json("deliver", "codex", "glm", "--provider-id", "glm", "--base-url", ADDRESS)["ok"]
    written = config.read_text()
    config.write_text("")
    assert "gone since" in program("status").stdout
    found = {each["code"]: each for each in program.json("doctor")["findings"]}
    assert "--provider-id glm" in found["delivery_gone"]["hint"]
    assert "nobody_keeps" not in found
    config.write_text(f"{written}\na = [")

    done = program("key", "remove", "glm")

    assert done.returncode == 1
    assert "could not be removed from codex in" in done.stderr
    assert program.json("key", "list")["keys"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("--model", "m"),
        ("--base-url", ADDRESS),
        ("--provider-id", "openai"),
        ("--auth-command", "--base-url", "http://a.example"),
        ("--auth-command", "--hand-over"),
        ("--auth-command", "--keep-as", "x"),
        ("--issuer", ADDRESS),
    ],
)
def test_what_means_nothing_together(program: Program, words: tuple[str, ...]) -> None:
    """It is one sentence, and no home is made."""
    assert program.json("deliver", "codex", "work", *words)["error"] == "usage"
    assert not (program.home / ".codex").exists()


def _killed_at(count: int, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> bool:
    """Do something, and end before the change of a file with this number; return whether it came so far."""
    left, written = [count], files.replace

    def counted(*arguments: Any, **named: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        written(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(files, "replace", counted)
        try:
            act()
        except Killed:
            return True
    return False
