"""Signing in with `start` and `finish`, in processes of their own."""

import json
import re
from datetime import UTC, datetime, timedelta
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from codex_auth.sandbox.visitor import approve, deny
from tests.story.conftest import Person, Program


def test_a_login_is_stored_and_shown(person: Person) -> None:
    """Start → approve → finish stores the login, and status shows whose it is and who owns it."""
    finished = person.sign_in()

    assert finished["profile"] == "work"
    assert finished["profile_id"] == "openai-codex:work"
    assert finished["queued"] is False
    [shown] = person.program.json("status")["profiles"]
    assert shown["owner"] == "codex-auth"
    assert shown["plan"] == "team"
    assert shown["state"] == "live"
    assert shown["issuer"] == person.sandbox.issuer
    assert shown["has_refresh_token"] is True
    entry = person.program.stored()["profiles"]["openai-codex:work"]
    assert {"type", "provider", "access", "refresh", "idToken", "expires", "accountId", "email"} <= entry.keys()
    assert person.program.stored()["order"]["openai-codex"] == ["openai-codex:work"]


def test_the_link_is_the_request_codex_makes(person: Person) -> None:
    """The link carries the parameters of the real Codex, with our own originator, and no verifier."""
    started = person.program.json("start", "work", "--issuer", person.sandbox.issuer)

    query = parse_qs(urlsplit(started["login_url"]).query)
    assert query["client_id"] == ["app_EMoamEEZ73f0CkXaXp7hrann"]
    assert query["redirect_uri"] == [started["redirect_uri"]] == ["http://localhost:1455/auth/callback"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["originator"] == ["codex_auth"]
    assert query["codex_cli_simplified_flow"] == ["true"]
    assert len(query["state"][0]) == 43
    assert "code_verifier" not in query


def test_without_an_issuer_the_link_is_openai(program: Program) -> None:
    """The default provider is OpenAI; `start` contacts nobody."""
    assert program.json("start")["login_url"].startswith("https://auth.openai.com/oauth/authorize?")


def test_account_and_email_are_masked(person: Person) -> None:
    """Nothing identifies a person in output unless --full is given."""
    masked = json.dumps(person.sign_in()) + person.program("status").stdout

    assert "ada@acme.example" not in masked
    assert "acct-sandbox-acme" not in masked
    assert "ada@acme.example" in person.program("status", "--full").stdout


def test_finish_finds_the_login_by_its_state(person: Person) -> None:
    """Without a name, the pasted redirect says which of several sign-ins it belongs to."""
    first = person.redirect("work", "work")
    person.redirect("home", "personal")

    assert person.program.json("finish", "--callback-url", "-", given=first)["profile"] == "work"


def test_a_redirect_works_once(person: Person) -> None:
    """A second finish with the same redirect is told so, and the stored login is untouched."""
    address = person.redirect()
    person.program.json("finish", "work", "--callback-url", "-", given=address)
    before = person.program.store.read_bytes()

    again = person.program("finish", "work", "--callback-url", "-", given=address)

    assert again.returncode == 3
    assert "already finished" in again.stderr
    assert person.program.store.read_bytes() == before


def test_start_twice_replaces_the_first(person: Person) -> None:
    """The first link's redirect is refused with the reason; the second's works."""
    first = person.redirect()
    second = person.redirect()

    refused = person.program("finish", "work", "--callback-url", "-", given=first)

    assert refused.returncode == 3
    assert "replaced by a newer one" in refused.stderr
    assert person.program.json("finish", "work", "--callback-url", "-", given=second)["ok"] is True


def test_cancel_forgets(person: Person) -> None:
    """A cancelled sign-in cannot be finished, and is no longer shown."""
    address = person.redirect()

    assert person.program("cancel", "work").returncode == 0
    assert person.program.json("status")["pending"] == []
    refused = person.program("finish", "work", "--callback-url", "-", given=address)
    assert refused.returncode == 3
    assert "was cancelled" in refused.stderr


def test_cancel_without_a_sign_in_says_what_to_type(program: Program) -> None:
    """There is nothing to cancel: exit 3 and the command that starts one."""
    done = program("cancel", "work")

    assert done.returncode == 3
    assert "codex-auth start" in done.stderr


def test_a_pending_login_expires(person: Person) -> None:
    """After ten minutes the redirect is refused."""
    address = person.redirect()
    late = datetime.now(UTC) + timedelta(minutes=11)
    _age(person.program, late - datetime.now(UTC))

    done = person.program("finish", "work", "--callback-url", "-", given=address)

    assert done.returncode == 3
    assert person.program.store.exists() is False


def _age(program: Program, by: timedelta) -> None:
    """Move every time of the pending file into the past; the seal then no longer fits, but it is looked at later."""

    def older(match: re.Match[str]) -> str:
        return (datetime.fromisoformat(match.group()) - by).strftime("%Y-%m-%dT%H:%M:%SZ")

    text = program.pending.read_text()
    program.pending.write_text(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", older, text))


def test_an_edited_pending_login_does_not_open(person: Person) -> None:
    """Lengthening a pending login's life by editing the file breaks its seal."""
    address = person.redirect()
    table = json.loads(person.program.pending.read_text())
    table["pending"][0]["expires_at"] = "2099-01-01T00:00:00Z"
    person.program.pending.write_text(json.dumps(table))

    done = person.program("finish", "work", "--callback-url", "-", given=address)

    assert done.returncode == 3
    assert "start" in done.stderr


def test_denied_consent_ends_the_sign_in(person: Person) -> None:
    """A denial with this login's state is final and says what to type."""
    started = person.program.json("start", "work", "--issuer", person.sandbox.issuer)

    done = person.program("finish", "work", "--callback-url", "-", given=deny(started["login_url"]))

    assert done.returncode == 3
    assert "not approved (access_denied)" in done.stderr
    assert person.program.json("status")["pending"] == []


def test_a_foreign_redirect_leaves_the_sign_in_waiting(person: Person) -> None:
    """A redirect with another state is refused, and the right one still works."""
    address = person.redirect()
    foreign = re.sub(r"state=[^&]+", "state=" + "A" * 43, address)

    refused = person.program("finish", "work", "--callback-url", "-", given=foreign)

    assert refused.returncode == 1
    assert person.program.json("finish", "work", "--callback-url", "-", given=address)["ok"] is True


def test_another_account_is_refused_and_its_tokens_are_given_back(person: Person) -> None:
    """The identity guard: exit 5, the old login stays, the new account's tokens are revoked."""
    person.sign_in("work", "work")
    before = person.program.store.read_bytes()

    answer = person.sign_in("work", "personal")

    assert answer["error"] == "identity_mismatch"
    assert answer["exit_code"] == 5
    assert person.program.store.read_bytes() == before
    assert [entry.outcome for entry in person.sandbox.log("revoke")] != []


def test_same_email_in_another_workspace_is_another_account(person: Person) -> None:
    """Two accounts of one person are told apart by the account id, never by e-mail."""
    person.sign_in("work", "work")

    assert person.sign_in("work", "client")["exit_code"] == 5


def test_replace_lets_another_account_take_over(person: Person) -> None:
    """--replace is the way to give a profile to another account."""
    person.sign_in("work", "work")

    assert person.sign_in("work", "personal", "--replace")["ok"] is True
    assert person.program.json("status")["profiles"][0]["plan"] == "plus"


def test_signing_in_again_keeps_every_other_profile(person: Person) -> None:
    """Other profiles, unknown fields and order survive a second sign-in byte for byte in meaning."""
    person.sign_in("work", "work")
    content = person.program.stored()
    content["profiles"]["anthropic:me"] = {"type": "api_key", "key": "k", "odd": [1.50, {"x": None}]}
    content["unknown"] = {"kept": 1e3}
    content["order"]["openai-codex"].insert(0, "openai-codex:other")
    person.program.store.write_text(json.dumps(content, indent=4))

    person.sign_in("home", "personal")

    after = person.program.stored()
    assert after["profiles"]["anthropic:me"] == content["profiles"]["anthropic:me"]
    assert after["profiles"]["openai-codex:work"] == content["profiles"]["openai-codex:work"]
    assert after["unknown"] == content["unknown"]
    assert after["order"]["openai-codex"] == ["openai-codex:other", "openai-codex:work", "openai-codex:home"]


def test_a_sign_in_belongs_to_its_requester(person: Person) -> None:
    """What one chat user started, another can neither finish, cancel nor replace."""
    address = person.redirect("work", "work", "--requester", "telegram:1")

    for words in (
        ("finish", "work", "--callback-url", "-", "--requester", "telegram:2"),
        ("finish", "work", "--callback-url", "-"),
        ("cancel", "work", "--requester", "telegram:2"),
        ("start", "work", "--requester", "telegram:2"),
    ):
        assert person.program(*words, given=address).returncode == 6
    answer = person.program.json("finish", "work", "--callback-url", "-", "--requester", "telegram:1", given=address)
    assert answer["ok"] is True


def test_two_finishes_at_once_store_one_login(person: Person) -> None:
    """One of two processes wins, the other is told; the provider sees one exchange."""
    address = person.redirect()
    answers: list[dict[str, object]] = []

    def run() -> None:
        answers.append(person.program.json("finish", "work", "--callback-url", "-", given=address))

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(bool(answer["ok"]) for answer in answers) == [False, True]
    assert len(person.sandbox.log("token", "authorization_code")) == 1


@pytest.mark.parametrize("selector", ["default", "openai-codex:default", "openai:default", "DEFAULT"])
def test_default_is_the_first_profile_where_there_is_no_default(person: Person, selector: str) -> None:
    """`default` means the first discovered profile; the reply says which one was meant."""
    person.sign_in("work", "work")

    assert person.program.json("start", "--profile", selector)["profile"] == "work"


@pytest.mark.parametrize("selector", ["", "Über", "../x", "a/b", "-x", "a" * 65, "openai-codex:", "a..b", "a\x1bb"])
def test_odd_names_are_refused(program: Program, selector: str) -> None:
    """What is no profile name is refused as bad usage and never repeated."""
    done = program("start", "--profile", selector)

    assert done.returncode == 2
    assert not selector or selector not in done.stderr


def test_the_argument_form_warns(person: Person) -> None:
    """The skill's documented call works, and advises the form that hides the address."""
    done = person.program("finish", "work", "--callback-url", person.redirect())

    assert done.returncode == 0
    assert "--callback-url -" in done.stderr


def test_finish_needs_a_terminal_or_a_pipe(person: Person) -> None:
    """With nothing to read from, finish says how to give it the address."""
    person.redirect()
    done = person.program("finish", "work")

    assert done.returncode == 2
    assert "--callback-url -" in done.stderr


def test_the_pending_file_holds_nothing_usable(person: Person) -> None:
    """State and verifier are sealed: the file alone cannot finish a sign-in."""
    address = person.redirect()

    state = parse_qs(urlsplit(address).query)["state"][0]
    content = person.program.pending.read_text()
    assert state not in content
    assert person.program.pending.stat().st_mode & 0o777 == 0o600


def test_a_list_of_people_can_sign_in_one_after_another(person: Person) -> None:
    """Three profiles live side by side in the order they came."""
    for name, account in (("work", "work"), ("home", "personal"), ("bot", "bot")):
        assert person.sign_in(name, account)["ok"] is True

    assert [card["profile"] for card in person.program.json("status")["profiles"]] == ["work", "home", "bot"]


def test_unreachable_provider_leaves_the_sign_in_waiting(person: Person) -> None:
    """A provider that answers 503 costs nothing: the same redirect works a moment later."""
    address = person.redirect()
    person.sandbox.fault("status", value=503)

    failed = person.program("finish", "work", "--callback-url", "-", given=address)

    assert failed.returncode == 8
    assert person.program.json("finish", "work", "--callback-url", "-", given=address)["ok"] is True


def test_approving_another_link_does_not_help(person: Person) -> None:
    """A redirect of one profile's sign-in is refused for another profile's."""
    work = person.redirect("work", "work")
    person.redirect("home", "personal")

    assert person.program("finish", "home", "--callback-url", "-", given=work).returncode != 0
    started = person.program.json("status")["pending"]
    assert {row["profile"] for row in started} == {"work", "home"}
    assert approve is not None
