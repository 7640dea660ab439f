"""Delivering into a Codex home on the disk: what is written, what is refused, and what `status` sees of it later."""

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.story.conftest import Program
from tests.story.logins import HOUR, login, put


def token(account: str, *, life: float = HOUR, name: str = "t") -> str:
    """Return an access token that ends then."""
    claims = {
        "exp": int(time.time() + life),
        "jti": name,
        "https://api.openai.com/auth": {"chatgpt_account_id": account},
    }
    parts = ({"alg": "none"}, claims, {})
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in parts)


def theirs(account: str, **tokens: object) -> dict[str, Any]:
    """Return a login that Codex signed in to by itself."""
    held = {
        "id_token": token(account),
        "access_token": token(account),
        "refresh_token": f"rt-{account}",
        "account_id": account,
    }
    return {"auth_mode": "chatgpt", "tokens": held | tokens, "last_refresh": "2026-06-01T12:00:00.123456789Z"}


def lease(account: str, *, life: float) -> dict[str, Any]:
    """Return a lease of somebody's."""
    return theirs(account, refresh_token="", access_token=token(account, life=life))


class Home:
    """A Codex home on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "auth.json"

    def put(self, document: object) -> None:
        """Let Codex have this."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.file.write_text(document if isinstance(document, str) else json.dumps(document))
        self.file.chmod(0o600)

    @property
    def tokens(self) -> dict[str, Any]:
        """What Codex would use."""
        tokens = json.loads(self.file.read_text())["tokens"]
        assert isinstance(tokens, dict)
        return tokens


@pytest.fixture
def home(program: Program) -> Home:
    """Return the usual home, which is not there yet, and put two profiles into the store."""
    put(program, {f"openai-codex:{name}": entry(name) for name in ("work", "home")})
    return Home(program.home / ".codex")


def entry(name: str, **more: Any) -> dict[str, Any]:
    """Return a login of ours with a token that says when it ends."""
    held = login(name, access=token(f"account-{name}", life=2 * HOUR), idToken=token(f"account-{name}"))
    return held | {"expires": int((time.time() + 2 * HOUR) * 1000)} | more


def deliver(program: Program, *words: str) -> dict[str, Any]:
    """Deliver and return what was printed."""
    return program.json("deliver", "codex", *words)


def test_a_new_home_is_made_and_is_private(program: Program, home: Home) -> None:
    """Folder, file and locks are nobody else's; the refresh token is not there, and a dry run leaves no trace."""
    assert deliver(program, "work", "--dry-run")["dry_run"] is True
    assert not home.folder.exists()

    assert deliver(program, "work")["ok"] is True

    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert {each.name: each.stat().st_mode & 0o777 for each in home.folder.iterdir()} == {
        "auth.json": 0o600,
        "auth.json.lock": 0o600,
        "auth.lock": 0o600,
    }
    assert home.tokens["refresh_token"] == ""
    assert "refresh-work" not in home.file.read_text()


def test_a_link_is_followed(program: Program, home: Home, tmp_path: Path) -> None:
    """The file of somebody who keeps it elsewhere is replaced there, locked there, and the link stays."""
    home.folder.mkdir()
    elsewhere = tmp_path / "dotfiles"
    elsewhere.mkdir(mode=0o700)
    home.file.symlink_to(elsewhere / "codex.json")
    Home(elsewhere).put(theirs("account-x"))
    (elsewhere / "auth.json").rename(elsewhere / "codex.json")

    refused = deliver(program, "work")
    (elsewhere / "codex.json").write_text(json.dumps(theirs("account-x", refresh_token="")))

    assert refused["error"] == "codex_has_login"
    assert deliver(program, "work")["ok"] is True
    assert home.file.is_symlink()
    assert json.loads((elsewhere / "codex.json").read_text())["tokens"]["account_id"] == "account-work"
    assert (elsewhere / "codex.json.lock").exists()


NOT_OURS: dict[str, tuple[object, str]] = {
    "a login": (theirs("account-x"), "codex_has_login"),
    "a login of our account": (theirs("account-work"), "codex_has_login"),
    "a lease with a refresh token": (theirs("account-x") | {"auth_mode": "chatgptAuthTokens"}, "codex_has_login"),
    "an API key": ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-x"}, "codex_has_other"),
    "an API key without a mode": ({"OPENAI_API_KEY": "sk-x", "tokens": None}, "codex_has_other"),
    "a personal token": ({"OPENAI_API_KEY": None, "personal_access_token": "at-x"}, "codex_has_other"),
    "a mode that is not known": ({"auth_mode": "new", "tokens": {}}, "codex_file_damaged"),
    "half a file": ('{"auth_mode": "chatgpt", "tok', "codex_file_damaged"),
    "nothing at all": ("", "codex_file_damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("there", "error"), NOT_OURS.values(), ids=NOT_OURS)
def test_what_is_not_ours_is_never_destroyed(program: Program, home: Home, there: object, error: str) -> None:
    """Whatever it is, it stays byte for byte, and our login stays ours."""
    home.put(there)
    before = home.file.read_bytes()

    refused = deliver(program, "work", *(["--hand-over"] if error == "codex_has_login" else []))

    assert (refused["error"], home.file.read_bytes()) == (error, before)
    assert "sk-x" not in json.dumps(refused)
    assert program.stored()["profiles"]["openai-codex:work"]["refresh"] == "refresh-work"
    assert not (program.home / "state/deliveries/work.json").exists()


@pytest.mark.parametrize("issuer", ["https://evil.example", "http://127.0.0.1:9"])
@pytest.mark.parametrize("verb", [("deliver", "codex"), ("use",)])
def test_a_login_of_a_strange_issuer_is_not_taken_in(
    program: Program, home: Home, issuer: str, verb: tuple[str, ...]
) -> None:
    """What a file says of its issuer decides where its refresh token would be sent, be it to this very machine."""
    home.put(theirs("account-x", oauth_provenance={"issuer": issuer, "client_id": "c"}))

    refused = program.json(*verb, "work", "--keep-as", "x")

    assert (refused["error"], refused["exit_code"]) == ("foreign_issuer", 6)
    assert f"--issuer {issuer}" in refused["hint"]
    assert list(program.stored()["profiles"]) == ["openai-codex:work", "openai-codex:home"]
    assert program.json(*verb, "work", "--keep-as", "x", "--issuer", "https://other.example")["error"] == (
        "foreign_issuer"
    )


def test_a_login_of_an_issuer_that_is_known_is_taken_in(program: Program, home: Home) -> None:
    """One that the caller names, where it is loopback or listed; and later, without a word, the one of the profile."""
    issuer = "http://127.0.0.1:9"
    home.put(theirs("account-x", oauth_provenance={"issuer": "https://evil.example", "client_id": "c"}))
    assert deliver(program, "work", "--keep-as", "x", "--issuer", "https://evil.example")["error"] == "bad_issuer"
    home.put(theirs("account-x", oauth_provenance={"issuer": issuer, "client_id": "c"}))
    assert deliver(program, "work", "--keep-as", "x", "--issuer", issuer)["kept_as"] == "x"
    home.put(theirs("account-x", refresh_token="newer", oauth_provenance={"issuer": issuer, "client_id": "c"}))

    assert deliver(program, "work", "--keep-as", "x")["kept_as"] == "x"

    assert program.stored()["profiles"]["openai-codex:x"]["refresh"] == "newer"


def test_a_login_is_kept_under_no_name_of_another_account(program: Program, home: Home) -> None:
    """Neither is anything lost that has that name."""
    home.put(theirs("account-x"))

    refused = deliver(program, "work", "--keep-as", "home")

    assert refused["error"] == "identity_mismatch"
    assert home.tokens["refresh_token"] == "rt-account-x"
    assert program.stored()["profiles"]["openai-codex:home"]["refresh"] == "refresh-home"


def test_a_home_has_one_login(program: Program, home: Home) -> None:
    """Delivering another profile ends the lease of the first, so that `keep` does not bring it back."""
    deliver(program, "work")
    deliver(program, "home")
    assert [len(each["delivered"]) for each in program.json("status")["profiles"]] == [0, 1]
    put(
        program,
        {f"openai-codex:{name}": entry(name, access=token(f"account-{name}", name="2")) for name in ("work", "home")},
    )

    assert program("keep", "--once", "--quiet").returncode == 0

    assert home.tokens["account_id"] == "account-home"
    assert home.tokens["access_token"] == program.stored()["profiles"]["openai-codex:home"]["access"]


DRIFT: dict[str, tuple[object, str | None]] = {
    "what was given": (None, None),
    "another login": (theirs("account-x"), "other"),
    "a login of the same account": (theirs("account-work"), "other"),
    "an older token": (lease("account-work", life=60), "older"),
    "a newer token": (lease("account-work", life=9 * HOUR), "newer"),
    "half a file": ("{", None),
}  # fmt: skip


@pytest.mark.parametrize(("there", "state"), DRIFT.values(), ids=DRIFT)
def test_status_says_what_drifted(program: Program, home: Home, there: object, state: str | None) -> None:
    """In the program's words and for people; nothing is changed by looking."""
    deliver(program, "work")
    if there is not None:
        home.put(there)
    before = home.file.read_bytes()

    [row] = program.json("status", "work")["profiles"][0]["delivered"]

    assert row["drift"] == state
    assert home.file.read_bytes() == before
    said = program("status", "work").stdout
    assert ("another login by now" in said) is (state == "other")


def test_a_renewal_signs_nobody_in_again(program: Program, home: Home) -> None:
    """Whoever signed Codex out meant it: `keep` says so, `deliver` does it again, `--take-back` forgets it."""
    deliver(program, "work")
    home.file.unlink()
    put(program, {"openai-codex:work": entry("work", access=token("account-work", name="2"))})

    kept = program.json("keep", "--once")

    assert "codex_signed_out" in json.dumps(kept)
    assert not home.file.exists()
    assert program.json("status")["profiles"][0]["delivered"][0]["drift"] == "gone"
    assert deliver(program, "work", "--take-back")["removed"] is True
    assert program.json("status")["profiles"][0]["delivered"] == []


def test_take_back_leaves_what_is_somebody_elses(program: Program, home: Home) -> None:
    """A login that was signed in to since stays, and our note of the lease goes."""
    deliver(program, "work")
    home.put(theirs("account-x"))

    done = program("deliver", "codex", "work", "--take-back")

    assert (done.returncode, "holds something else by now" in done.stdout) == (0, True)
    assert home.tokens["refresh_token"] == "rt-account-x"


def test_drift_is_mended(program: Program, home: Home) -> None:
    """A login of the same account that was signed in to there is adopted; a lease that is gone is delivered again."""
    from codex_auth.edge.places import find_places
    from codex_auth.edge.world import World
    from codex_auth.stores import open_store
    from codex_auth.stories import drift
    from codex_auth.stories.status import look

    deliver(program, "work")
    places, world = find_places(program.env), World(env=program.env)
    store = open_store(places)
    for there in (None, theirs("account-work")):
        home.file.unlink()
        if there:
            home.put(there)
        [drifted] = look(store, places, world).drifted

        drift.mend(drifted, store=store, places=places, world=world)

        assert look(store, places, world).drifted == []
        assert home.tokens["refresh_token"] == ""
    assert program.stored()["profiles"]["openai-codex:work"]["refresh"] == "rt-account-work"


SEEN = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_login_of_a_vault_is_in_clear_for_codex_only(program: Program, home: Home) -> None:
    """`run` puts a token from the vault into a file only for a Codex, or where it is said that one is started."""
    assert program("move", "work", "--to", "vault").returncode == 0
    lease = program.home / "state/codex-homes/work/auth.json"

    quiet = json.loads(program("run", "work", "--", sys.executable, "-c", SEEN).stdout)
    before = lease.exists()
    program("run", "work", "--codex", "--", sys.executable, "-c", SEEN)

    assert quiet["CODEX_HOME"] == str(lease.parent)
    assert quiet["CODEX_SQLITE_HOME"] == str(home.folder)
    assert (before, lease.exists()) == (False, True)
