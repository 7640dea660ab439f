"""A provider in Codex's config.toml: put in, chosen and taken out in place, and nothing else changes."""

import tomllib
from dataclasses import replace

import pytest

from codex_auth.core.codex_toml import (
    Chosen,
    ForeignProvider,
    TokenProvider,
    TomlRefused,
    chosen,
    provider_in,
    read_base_url,
    read_id,
    with_provider,
    without_provider,
)

GLM = TokenProvider(
    id="glm", base_url="https://open.bigmodel.cn/api/coding/paas/v4", command=("/usr/bin/codex-auth", "token", "glm")
)
WORK = replace(GLM, id="codex-auth", command=("/usr/bin/codex-auth", "token", "work"), account_id="acct-1")
USERS = """# my own words
model = "gpt-5.1-codex"  # the usual

[features]
web_search = true

[model_providers.other] # keep me
name = "other"
base_url = "https://other.example"
env_key = "OTHER_KEY"

# the end
"""
FORMS = [
    USERS,
    "",
    'model_providers = { other = { name = "other" } }\n',
    'model_providers.other.name = "other"\n',
    '[model_providers]\nother = { name = "other" }\n',
    '[model_providers.a]\nname = "a"\n\n[features]\nx = 1\n\n[model_providers.b]\nname = "b"\n',
    "[features]\nweb_search = true\n",
    '[model_providers.a]\nname = "a"\n\n[[list]]\nx = 1\n',
    "# only words\n",
    "\n# words\n\n\n",
    USERS.replace("\n", "\r\n"),
]


def glm(text: str) -> dict[str, object]:
    """Return what a text says of the provider."""
    found = tomllib.loads(text)["model_providers"]["glm"]
    assert isinstance(found, dict)
    return found


def test_a_provider_is_written() -> None:
    """The command, its arguments, timeout and interval stand in the provider's table, and Codex uses it."""
    assert tomllib.loads(with_provider("", GLM, is_chosen=True, model="glm-4.6")) == {
        "model_provider": "glm",
        "model": "glm-4.6",
        "model_providers": {
            "glm": {
                "name": "codex-auth, profile glm",
                "base_url": GLM.base_url,
                "wire_api": "responses",
                "auth": {
                    "command": "/usr/bin/codex-auth",
                    "args": ["token", "glm"],
                    "timeout_ms": 5000,
                    "refresh_interval_ms": 300000,
                },
            }
        },
    }


@pytest.mark.parametrize("text", FORMS)
def test_what_was_written_can_be_taken_out(text: str) -> None:
    """Every form of the table that TOML has takes the provider; twice is once; taken out, each byte is as it was."""
    before = tomllib.loads(text)

    written = with_provider(text, GLM, is_chosen=True, model="glm-4.6")

    after = tomllib.loads(written)
    assert (after.pop("model_provider"), after.pop("model")) == ("glm", "glm-4.6")
    assert after["model_providers"].pop("glm")["auth"]["args"] == ["token", "glm"]
    before.pop("model", None)
    assert after == before | {"model_providers": before.get("model_providers", {})}
    assert with_provider(written, GLM, is_chosen=True, model="glm-4.6") == written
    assert without_provider(written, "glm", "glm", before=chosen(text), models=("glm-4.6",)) == text


def test_the_next_table_stands_apart() -> None:
    """A new provider among others is as easy to read as if a person had written it."""
    written = with_provider('[model_providers.a]\nname = "a"\n\n[features]\nx = 1\n', GLM)

    assert "\n\n[features]\nx = 1\n" in written
    assert "\n\n\n" not in written


def test_the_variable_is_taken_out() -> None:
    """The way of before, a key in a variable, would make Codex refuse the command; other settings stay."""
    text = (
        '[model_providers.glm]\nname = "zai"\nenv_key = "GLM_API_KEY"\nrequires_openai_auth = true\n'
        'stream_max_retries = 2\nhttp_headers = { "X-Mine" = "1" }\n'
    )

    found = glm(with_provider(text, replace(GLM, account_id="acct-1")))

    assert not {"env_key", "requires_openai_auth"} & found.keys()
    assert (found["name"], found["stream_max_retries"]) == ("zai", 2)
    assert found["http_headers"] == {"X-Mine": "1", "ChatGPT-Account-ID": "acct-1"}


def test_one_header_names_the_account() -> None:
    """However it was spelled; with a login that has no account it goes, and others stay."""
    text = '[model_providers.glm.http_headers]\nchatgpt-account-id = "old"\nX-Mine = "1"\n'

    written = with_provider(text, replace(GLM, account_id="acct-1"))

    assert glm(written)["http_headers"] == {"X-Mine": "1", "ChatGPT-Account-ID": "acct-1"}
    assert glm(with_provider(written, GLM))["http_headers"] == {"X-Mine": "1"}
    assert "http_headers" not in glm(with_provider(with_provider("", replace(GLM, account_id="a")), GLM))


def test_patience_that_was_set_stays() -> None:
    """A longer timeout is the user's wish, also after a renewal."""
    text = with_provider("", GLM).replace("timeout_ms = 5000", "timeout_ms = 9000")

    assert with_provider(text, GLM) == text


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "model_providers = 1",
        "[model_providers]\nglm = 1",
        '[model_providers.glm]\nexperimental_bearer_token = "k"',
        '[model_providers.glm.auth]\ncommand = "/bin/other"',
        '[model_providers.glm.auth]\ncommand = "/bin/other"\nargs = ["token", "glm"]',
        "[model_providers.glm]\nauth = 1",
        "[model_providers.glm]\nhttp_headers = 1",
    ],
)
def test_what_is_in_the_way_is_refused(text: str) -> None:
    """A key in plain text, another program's command, and what is no table."""
    with pytest.raises(TomlRefused) as refused:
        with_provider(text, replace(GLM, account_id="acct-1"))

    assert refused.value.problem
    assert refused.value.todo


OURS = [
    ("codex-auth", "token", "glm"),
    ("/opt/codex-auth", "token", "glm"),
    ("/usr/bin/python3", "-P", "-m", "codex_auth", "token", "glm"),
    ("C:\\bin\\codex-auth.exe", "token", "glm"),
]
NOT_OURS = [
    ("/bin/gcloud", "token", "glm"),
    ("/home/codex-auth/bin/other", "token", "glm"),
    ("/opt/codex-auth", "token", "glm", "--more"),
    ("/opt/codex-auth", "print", "glm"),
    ("/bin/vault", "read", "token", "codex-auth"),
    ("token", "codex-auth"),
]


@pytest.mark.parametrize("command", OURS)
def test_which_provider_is_ours(command: tuple[str, ...]) -> None:
    """One that runs our program, wherever it is installed, with `token NAME` at the end."""
    text = running(command)

    found = provider_in(text, "glm")

    assert found is not None
    assert found.profile == "glm"
    assert provider_in(with_provider(text, GLM), "glm") == GLM


@pytest.mark.parametrize("command", NOT_OURS)
def test_which_provider_is_somebody_elses(command: tuple[str, ...]) -> None:
    """The word alone is many programs' word: such a provider is neither changed nor taken out."""
    text = running(command)

    with pytest.raises(ForeignProvider):
        provider_in(text, "glm")
    with pytest.raises(ForeignProvider):
        with_provider(text, GLM)
    assert without_provider(text, "glm", "glm") == text


def running(command: tuple[str, ...]) -> str:
    """Return a configuration with a provider that runs a command."""
    args = ", ".join(f"'{word}'" for word in command[1:])
    return f"[model_providers.glm.auth]\ncommand = '{command[0]}'\nargs = [{args}]\n"


def test_only_the_profiles_own_provider_is_taken_out() -> None:
    """One that serves another profile by now stays, and so does one that is not there."""
    text = with_provider("", GLM, is_chosen=True)

    assert without_provider(text, "glm", "work") == text
    assert without_provider(text, "other", "glm") == text


@pytest.mark.parametrize(
    ("now", "back"),
    [
        (Chosen(provider="glm", model="glm-4.6"), Chosen(provider="other", model="gpt-5.1-codex")),
        (Chosen(provider="glm", model="mine"), Chosen(provider="other", model="mine")),
        (Chosen(provider="ollama", model="glm-4.6"), Chosen(provider="ollama", model="glm-4.6")),
    ],
)
def test_what_was_chosen_before_comes_back(now: Chosen, back: Chosen) -> None:
    """Only in place of what we chose: what the user chose since stays."""
    written = with_provider(USERS, GLM, is_chosen=True, model="glm-4.6")
    written = written.replace('model_provider = "glm"', f'model_provider = "{now.provider}"')
    written = written.replace('model = "glm-4.6"', f'model = "{now.model}"')

    left = without_provider(
        written, "glm", "glm", before=Chosen(provider="other", model="gpt-5.1-codex"), models=("glm-4.5", "glm-4.6")
    )

    assert chosen(left) == back


@pytest.mark.parametrize(("provider", "back"), [("gone", ""), ("openai", "openai"), ("other", "other")])
def test_no_provider_is_chosen_that_is_not_there(provider: str, back: str) -> None:
    """Codex would not start with one; its own are always there."""
    written = with_provider(USERS, GLM, is_chosen=True)

    left = without_provider(written, "glm", "glm", before=Chosen(provider=provider))

    assert chosen(left) == Chosen(provider=back, model="gpt-5.1-codex")


@pytest.mark.parametrize("text", ["https://a.example/v4/", "https://a.example:8443", "http://127.0.0.1:1/v1"])
def test_where_a_token_may_go(text: str) -> None:
    """Https anywhere, http on this machine; a last slash says nothing."""
    assert read_base_url(text) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    ["", "http://a.example", "https://", "https://u:p@a.example", "https://a.example?x=1", "https://a b", "ftp://x"],
)
def test_where_no_token_goes(text: str) -> None:
    """Plain http, user names, questions and what is no address are refused."""
    with pytest.raises(TomlRefused):
        read_base_url(text)


@pytest.mark.parametrize("text", ["", "openai", "ollama", "a b", "a.b", 'a"b'])
def test_what_no_provider_is_called(text: str) -> None:
    """Codex's own names, and what would need quotes."""
    with pytest.raises(TomlRefused):
        read_id(text)
