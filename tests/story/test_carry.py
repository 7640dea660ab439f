"""Logins carried in from files and out into files: one owner, whatever happens, and nothing shown."""

import base64
import json
import os
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codex_auth.core.carry_errors import ExportRefused, FileInUse
from codex_auth.core.secret import Secret
from codex_auth.edge.places import find_places
from codex_auth.edge.world import World
from codex_auth.stores import open_store
from codex_auth.stories import carry_in, carry_out
from tests.story.conftest import Program
from tests.story.logins import login, put, put_login

REFRESH = "refresh-canary-31"


def jwt(**claims: Any) -> str:
    """Return an unsigned token with these claims."""
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
    return ".".join((part({"alg": "none"}), part(claims), part({})))


def auth_json(account: str = "acct-1", refresh: str = REFRESH, **tokens: Any) -> dict[str, Any]:
    """Return what Codex keeps of a sign-in."""
    claims = {"sub": "user", "https://api.openai.com/auth": {"chatgpt_account_id": account}}
    return {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": jwt(**claims),
            "access_token": jwt(exp=int(time.time()) + 3600, n=refresh),
            "refresh_token": refresh,
            "account_id": account,
            **tokens,
        },
        "last_refresh": "2026-01-01T00:00:00Z",
    }


def lay(path: Path, document: dict[str, Any]) -> str:
    """Put a file there, for its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return str(path)


def entry(program: Program, name: str) -> dict[str, Any]:
    """Return what the store has of a sign-in."""
    found: dict[str, Any] = program.stored()["profiles"][f"openai-codex:{name}"]
    return found


# --- in ------------------------------------------------------------------------------------------------------


def test_whoever_has_it_stays_the_owner(program: Program, tmp_path: Path) -> None:
    """Without --take-over only the access token is kept, the file stays, and no refresh token is in our store."""
    path = lay(tmp_path / "old/auth.json", auth_json())

    [row] = program.json("import", path)["imported"]

    assert (row["profile"], row["owner"], row["kind"], row["removed"]) == ("old", "codex", "token", False)
    assert REFRESH not in program.store.read_text()
    assert Path(path).exists()


def test_taking_over_needs_consent(program: Program, tmp_path: Path) -> None:
    """A login that is taken over leaves no second copy: without consent to that, nothing is imported."""
    path = lay(tmp_path / "old.json", auth_json())

    refused = program.json("import", path, "--take-over")

    assert refused["error"] == "needs_consent"
    assert not program.store.exists()
    assert program.json("import", path, "--take-over", "--yes")["imported"][0]["removed"] is True
    assert not Path(path).exists()
    assert (entry(program, "old")["refresh"], entry(program, "old")["codexAuth"]["owner"]) == (REFRESH, "codex-auth")


def test_a_take_over_that_was_cut_off_is_finished(program: Program, tmp_path: Path) -> None:
    """The login is here and the file still there: the same command again removes the file."""
    path = lay(tmp_path / "old.json", auth_json())
    assert program("import", path, "--take-over", "--yes").returncode == 0
    lay(tmp_path / "old.json", auth_json())

    assert program.json("import", path, "--take-over", "--yes")["imported"][0]["removed"] is True
    assert not Path(path).exists()


def test_the_same_login_under_two_names(program: Program, tmp_path: Path) -> None:
    """A copy of a login that is a profile already is named, and neither imported nor removed."""
    lay(tmp_path / "one.json", auth_json())
    path = lay(tmp_path / "two.json", auth_json())
    assert program("import", str(tmp_path / "one.json"), "--take-over", "--yes").returncode == 0

    refused = program.json("import", path, "--take-over", "--yes")

    assert refused["error"] == "already_here"
    assert "the profile one" in refused["message"]
    assert Path(path).exists()


def test_a_file_does_not_say_where_its_token_goes(program: Program, tmp_path: Path) -> None:
    """A foreign issuer is refused unless it is named, and listed; the file stays."""
    evil = {"issuer": "https://evil.example", "client_id": "c"}
    path = lay(tmp_path / "old.json", auth_json(oauth_provenance=evil))

    assert program.json("import", path)["error"] == "foreign_issuer"
    assert program.json("import", path, "--issuer", "https://other.example")["error"] == "foreign_issuer"
    assert program.json("import", path, "--issuer", "https://evil.example")["error"] == "bad_issuer"
    loopback = {"issuer": "http://127.0.0.1:9", "client_id": "c"}
    path = lay(tmp_path / "old.json", auth_json(oauth_provenance=loopback))
    assert program.json("import", path, "--issuer", "http://127.0.0.1:9")["ok"] is True


def test_a_plain_export_does_not_say_so_either(program: Program, tmp_path: Path) -> None:
    """Anybody can write a file in our form: its issuer counts as little, and its owner is not believed."""
    held = login(refresh=REFRESH, codexAuth={"owner": "somebody", "issuer": "https://evil.example"})
    document = {"codexAuthExport": 1, "profile": "work", "entry": held}
    path = lay(tmp_path / "work.json", document)

    assert program.json("import", path, "--take-over", "--yes")["error"] == "foreign_issuer"
    held["codexAuth"].pop("issuer")
    lay(Path(path), document)
    assert program.json("import", path, "--take-over", "--yes")["ok"] is True
    assert entry(program, "work")["codexAuth"]["owner"] == "codex-auth"


def test_keys_are_keys(program: Program, tmp_path: Path) -> None:
    """An API key and a personal token become profiles of their kind."""
    key = lay(tmp_path / "key.json", {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-canary"})
    personal = lay(tmp_path / "pat.json", {"OPENAI_API_KEY": None, "personal_access_token": "at-canary"})

    assert program("import", key).returncode == program("import", personal, "mine").returncode == 0

    kinds = {row["profile"]: row["kind"] for row in program.json("key", "list")["keys"]}
    assert kinds == {"key": "platform", "mine": "personal"}
    assert program("token", "mine").stdout == "at-canary\n"


def test_a_key_that_codex_has(program: Program) -> None:
    """`import codex` copies an API key or a personal token: a key has no owner, and Codex keeps it."""
    path = lay(program.home / ".codex/auth.json", {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-canary"})
    (program.home / ".codex/config.toml").write_text("")

    assert program.json("import", "codex", "platform")["imported"][0]["kind"] == "api_key"
    lay(Path(path), {"OPENAI_API_KEY": None, "personal_access_token": "at-canary"})
    assert program.json("import", "codex", "mine")["ok"] is True

    assert program("token", "platform").stdout == "sk-canary\n"
    assert {row["kind"] for row in program.json("key", "list")["keys"]} == {"platform", "personal"}
    assert Path(path).exists()


@pytest.mark.parametrize(
    ("held", "problem"),
    [
        (
            {"type": "api_key", "key": "/tmp/x.so", "codexAuth": {"keyKind": "other", "envKey": "LD_PRELOAD"}},
            "variable",
        ),
        ({"type": "api_key", "key": "sk-1\nPATH=/tmp", "codexAuth": {"keyKind": "glm"}}, "characters that none has"),
        (login(access="a\nPATH=/tmp"), "characters that none has"),
        (login(accountId="a\nPATH=/tmp"), "characters that none has"),
        (auth_json(access_token="a\0b"), "characters that none has"),
        (auth_json(account_id="a\nPATH=/tmp"), "characters that none has"),
        ({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1\nPATH=/tmp"}, "characters that none has"),
        ({"personal_access_token": "at-1 x"}, "spaces"),
    ],
)
def test_a_file_sets_no_variable_of_its_own(
    program: Program, tmp_path: Path, held: dict[str, Any], problem: str
) -> None:
    """What goes into variables, headers and lines of jobs has nothing in it that would be obeyed there."""
    is_ours = "type" in held
    document = {"codexAuthExport": 1, "profile": "work", "entry": held} if is_ours else held

    refused = program.json("import", lay(tmp_path / "work.json", document), "--yes")

    assert refused["error"] == "not_a_login"
    assert problem in refused["message"]
    assert not program.store.exists()


def test_what_is_noted_of_a_key_in_a_file_is_made_safe(program: Program, tmp_path: Path) -> None:
    """A label is shown in a terminal, and a kind that nobody knows is no kind."""
    note = {"keyKind": "mine", "keyLabel": "a\x1b[31mb", "envKey": "MY_KEY"}
    held = {"type": "api_key", "key": "sk-1", "codexAuth": note}
    path = lay(tmp_path / "k.json", {"codexAuthExport": 1, "profile": "k", "entry": held})

    assert program.json("import", path)["ok"] is True

    [row] = program.json("key", "list")["keys"]
    assert (row["kind"], row["label"]) == ("other", "a[31mb")


def test_a_key_in_a_file_does_not_get_into_openclaws(program: Program, tmp_path: Path) -> None:
    """As with `key add`: OpenClaw would send it to OpenAI."""
    agent = program.home / ".openclaw/agents/main/agent"
    store = lay(agent / "auth-profiles.json", {"version": 1, "profiles": {}})
    path = lay(tmp_path / "key.json", {"auth_mode": "apikey", "OPENAI_API_KEY": "sk-canary"})

    assert program.json("import", path, "--auth-path", store)["error"] == "key_store_refused"
    assert "sk-canary" not in Path(store).read_text()


def test_a_file_that_changes_meanwhile_is_in_use(program: Program, tmp_path: Path) -> None:
    """Another program refreshed it while we took it over: what it wrote stays, and what we kept is given up."""
    path = Path(lay(tmp_path / "old.json", auth_json()))
    places, world = find_places(program.env), World(env=program.env)
    store = open_store(places)

    def refreshed(_path: str) -> bool:
        lay(path, auth_json(refresh="refresh-newer"))
        return True

    wish = carry_in.Wish(take_over=True, agrees=refreshed)
    with pytest.raises(FileInUse):
        carry_in.bring(str(path), "", wish, store=store, places=places, world=world)

    assert "refresh-newer" in path.read_text()
    assert store.names() == []
    assert program.json("import", str(path), "--take-over", "--yes")["ok"] is True
    assert entry(program, "old")["refresh"] == "refresh-newer"


def test_a_lease_that_a_file_would_have_replaced_is_put_back(program: Program, tmp_path: Path) -> None:
    """The same where the profile was something before."""
    path = Path(lay(tmp_path / "old.json", auth_json()))
    assert program("import", str(path)).returncode == 0
    before = entry(program, "old")
    places, world = find_places(program.env), World(env=program.env)

    def refreshed(_path: str) -> bool:
        lay(path, auth_json(refresh="refresh-newer"))
        return True

    wish = carry_in.Wish(take_over=True, agrees=refreshed)
    with pytest.raises(FileInUse):
        carry_in.bring(str(path), "", wish, store=open_store(places), places=places, world=world)
    assert entry(program, "old") == before


def test_a_folder_at_once(program: Program, tmp_path: Path) -> None:
    """Each file gets its own name; one that does not read keeps no other from it, and sets the exit status."""
    folder = tmp_path / "copies"
    lay(folder / "work.json", auth_json("a", "r-1"))
    lay(folder / "home/auth.json", auth_json("b", "r-2"))
    lay(folder / "lease.json", auth_json("c", ""))
    (folder / "broken.json").write_text("{")
    (folder / "broken.json").chmod(0o600)

    done = program("import", "--from-folder", str(folder), "--json")

    rows = {Path(row["file"]).name: row for row in json.loads(done.stdout)["imported"]}
    assert done.returncode == 1
    assert rows["broken.json"]["error"] == "not_a_login"
    assert sorted(each["profile"] for each in rows.values() if each["ok"]) == ["home", "lease", "work"]


def test_a_home_that_codex_uses_is_no_stray_copy(program: Program) -> None:
    """A file that a Codex uses is not taken from under it."""
    home = program.home / ".codex"
    path = lay(home / "auth.json", auth_json())
    (home / "config.toml").write_text("")

    refused = program.json("import", path, "mine", "--take-over", "--yes")

    assert refused["error"] == "is_a_codex_home"
    assert "import codex mine" in refused["hint"]


def test_another_login_of_that_name_stays(program: Program, tmp_path: Path) -> None:
    """A profile of ours is replaced by no file, whatever account the file is of."""
    put_login(program)

    assert program.json("import", lay(tmp_path / "work.json", auth_json()))["error"] == "import_name_taken"
    same = auth_json("account-work", "another")
    assert program.json("import", lay(tmp_path / "work.json", same))["error"] == "import_name_taken"
    assert entry(program, "work")["refresh"] == "refresh-work"


# --- out -----------------------------------------------------------------------------------------------------


def with_passphrase(program: Program, *words: str, typed: str = "correct horse") -> "subprocess.CompletedProcess[str]":
    """Run a command that reads a passphrase from a descriptor."""
    reading, writing = os.pipe()
    os.write(writing, typed.encode())
    os.close(writing)
    done = subprocess.run(
        [sys.executable, "-m", "codex_auth", *words, "--passphrase-fd", str(reading)],
        env=program.env,
        pass_fds=[reading],
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(reading)
    return done


def test_there_and_back_sealed(program: Program, tmp_path: Path) -> None:
    """A sealed file holds no token in clear; our refresh token is destroyed, and comes back with the file."""
    put_login(program)
    before, path = entry(program, "work"), tmp_path / "work.cav"

    out = with_passphrase(program, "export", "work", "--whole", "-o", str(path))

    assert out.returncode == 0, out.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"refresh-work" not in path.read_bytes()
    assert "refresh-work" not in program.store.read_text()
    assert entry(program, "work")["codexAuth"]["owner"] == "exported"
    assert not [each for each in program.store.parent.iterdir() if b"refresh-work" in each.read_bytes()]
    wrong = with_passphrase(program, "import", str(path), "--yes", typed="wrong")
    assert (wrong.returncode, path.exists()) == (1, True)
    back = with_passphrase(program, "import", str(path), "--yes")
    assert back.returncode == 0, back.stderr
    assert not path.exists()
    assert entry(program, "work") | {"codexAuth": 0} == before | {"codexAuth": 0}
    assert entry(program, "work")["codexAuth"]["owner"] == "codex-auth"


def test_there_and_back_plain(program: Program, tmp_path: Path) -> None:
    """--plain is said, and the file is the owner's alone; what is there already is never written over."""
    put_login(program)
    path = tmp_path / "work.json"

    assert program.json("export", "work", "--whole", "--plain", "-o", str(path))["whole"] is True

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "refresh-work" in path.read_text()
    assert program.json("export", "work", "--whole", "--plain", "-o", str(path))["error"] == "export_refused"
    assert program.json("import", str(path), "--yes")["imported"][0]["profile"] == "work"
    assert entry(program, "work")["refresh"] == "refresh-work"


@pytest.mark.parametrize("form", ["env", "json", "github", "codex"])
def test_a_job_gets_no_refresh_token(program: Program, tmp_path: Path, form: str) -> None:
    """Whatever the form: the access token and its end, in a file of the owner's alone, and ours stays as it was."""
    put_login(program)
    before, path = program.store.read_bytes(), tmp_path / "out"
    if form == "github":
        path.write_text("BEFORE=1\n")
        path.chmod(0o600)

    done = program("export", "work", "--ci", "--format", form, "-o", str(path))

    assert done.returncode == 0, done.stderr
    assert "access-work" in path.read_text()
    assert "refresh-work" not in path.read_text() + done.stdout + done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ends in 59m" in done.stderr
    assert program.store.read_bytes() == before
    assert done.stdout == ("::add-mask::access-work\n" if form == "github" else "")


def test_a_masked_token_before_it_is_used(program: Program, tmp_path: Path) -> None:
    """GitHub's file is the one of GITHUB_ENV, and gets lines added."""
    put_login(program)
    path = tmp_path / "env"
    path.write_text("BEFORE=1\n")

    done = program("export", "work", "--ci", "--format", "github", env={"GITHUB_ENV": str(path)})

    assert done.stdout == "::add-mask::access-work\n"
    assert path.read_text().startswith("BEFORE=1\nCODEX_AUTH_PROFILE=work\n")


def test_what_is_not_ours_is_not_given(program: Program, tmp_path: Path) -> None:
    """A login that Codex owns is exported as an access token only."""
    assert program("import", lay(tmp_path / "old.json", auth_json())).returncode == 0

    refused = program.json("export", "old", "--whole", "--plain", "-o", str(tmp_path / "x"))

    assert refused["error"] == "export_refused"
    assert not (tmp_path / "x").exists()


# --- what stands between -------------------------------------------------------------------------------------


def test_two_do_not_export_into_one_file(program: Program, tmp_path: Path) -> None:
    """A file that appears while the passphrase is typed is another login's: it stays, and so does ours."""
    put_login(program)
    path = tmp_path / "work.cav"

    def typed(_path: str, *, new: bool) -> Secret:
        assert new
        path.write_bytes(b"another login")
        return Secret("correct horse")

    places = replace(find_places(program.env), passphrase=typed)
    world = World(env=program.env)
    with pytest.raises(ExportRefused):
        carry_out.whole("work", str(path), is_plain=False, store=open_store(places), places=places, world=world)

    assert path.read_bytes() == b"another login"
    assert entry(program, "work")["refresh"] == "refresh-work"


@pytest.mark.parametrize("is_plain", [False, True])
def test_an_export_that_was_cut_off_is_finished(program: Program, tmp_path: Path, *, is_plain: bool) -> None:
    """The file is there and the login still here: the same command again destroys ours, and tidies up."""
    put_login(program, "work", "home")
    before, path = program.stored()["profiles"], tmp_path / "work.out"
    words = ("export", "work", "--whole", "-o", str(path), *(["--plain"] if is_plain else []))
    assert with_passphrase(program, *words).returncode == 0
    put(program, before)
    (tmp_path / ".work.out.0123456789abcdef.tmp").write_bytes(path.read_bytes())

    other = with_passphrase(program, *words[:1], "home", *words[2:])
    again = with_passphrase(program, *words)

    assert (other.returncode, again.returncode) == (2, 0), again.stderr
    assert entry(program, "work")["codexAuth"]["owner"] == "exported"
    assert entry(program, "home")["refresh"] == "refresh-home"
    assert [each.name for each in tmp_path.iterdir() if ".out" in each.name] == ["work.out"]


def test_a_runners_file_that_cannot_be_written(program: Program, tmp_path: Path) -> None:
    """One sentence, and no exception's name; a file that is made is the owner's alone."""
    put_login(program)
    words = ("export", "work", "--ci", "--format", "github")

    refused = program(*words, env={"GITHUB_ENV": str(tmp_path)})
    made = program(*words, "-o", str(tmp_path / "new"))

    assert refused.returncode == 1
    assert "could not be saved: it is a folder" in refused.stderr
    assert (made.returncode, stat.S_IMODE((tmp_path / "new").stat().st_mode)) == (0, 0o600)


def test_a_runners_mask_is_no_document(program: Program, tmp_path: Path) -> None:
    """The mask is a line on stdout, so --json has no place there; and it is not for a terminal."""
    put_login(program)
    words = ("export", "work", "--ci", "--format", "github", "-o", str(tmp_path / "new"))

    assert program.json(*words)["error"] == "usage"
    ours, theirs = os.openpty()
    done = subprocess.run([sys.executable, "-m", "codex_auth", *words], env=program.env, stdout=theirs, check=False)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert not (tmp_path / "new").exists()
