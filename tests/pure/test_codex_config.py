"""A provider in Codex's config.toml: written in place, and nothing else changes."""

import tomllib

import pytest

from codex_auth.neighbours.codex_config import (
    CodexProvider,
    ConfigInTheWay,
    read_base_url,
    remove_provider,
    write_provider,
)

GLM = CodexProvider(
    id="glm",
    base_url="https://open.bigmodel.cn/api/coding/paas/v4",
    command="/usr/bin/codex-auth",
    args=("token", "glm"),
    model="glm-4.6",
)
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


def test_a_provider_is_written() -> None:
    """The command, its arguments, timeout and interval stand in the provider's table, and Codex uses it."""
    written = tomllib.loads(write_provider("", GLM))

    assert written == {
        "model_provider": "glm",
        "model": "glm-4.6",
        "model_providers": {
            "glm": {
                "name": "glm",
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


@pytest.mark.parametrize(
    "text",
    [
        USERS,
        'model_providers = { other = { name = "other" } }\n',
        'model_providers.other.name = "other"\n',
        '[model_providers]\nother = { name = "other" }\n',
        "[features]\nweb_search = true\n",
        "# only words",
        USERS.replace("\n", "\r\n"),
    ],
)
def test_everything_else_stays(text: str) -> None:
    """Every form of the table that TOML has takes the provider; what was there is there, comments and all."""
    before = tomllib.loads(text)
    written = write_provider(text, GLM)
    after = tomllib.loads(written)

    assert after.pop("model_provider") == "glm"
    assert after.pop("model") == "glm-4.6"
    before.pop("model", None)
    assert after["model_providers"].pop("glm")["auth"]["args"] == ["token", "glm"]
    assert after | {"model_providers": after["model_providers"] or before.get("model_providers", {})} == (
        before | {"model_providers": before.get("model_providers", {})}
    )
    assert [line for line in text.splitlines() if "#" in line and "model =" not in line] == [
        line for line in written.splitlines() if "#" in line and "model =" not in line
    ]


def test_twice_is_once() -> None:
    """Writing what is there already changes no byte."""
    once = write_provider(USERS, GLM)

    assert write_provider(once, GLM) == once


def test_the_variable_is_taken_out() -> None:
    """The way of before, a key in a variable, would make Codex refuse the command; other settings stay."""
    text = '[model_providers.glm]\nname = "zai"\nenv_key = "GLM_API_KEY"\nstream_max_retries = 2\n'

    glm = tomllib.loads(write_provider(text, GLM))["model_providers"]["glm"]

    assert "env_key" not in glm
    assert glm["stream_max_retries"] == 2


def test_headers_and_no_choice() -> None:
    """Headers are written where there are some; without a choice, `model_provider` stays the user's."""
    provider = CodexProvider(
        id="work",
        base_url="http://127.0.0.1:1",
        command="/c",
        args=(),
        headers={"ChatGPT-Account-ID": "a"},
        is_chosen=False,
    )

    written = tomllib.loads(write_provider('model_provider = "mine"\n', provider))

    assert written["model_provider"] == "mine"
    assert written["model_providers"]["work"]["http_headers"] == {"ChatGPT-Account-ID": "a"}


@pytest.mark.parametrize(
    ("text", "provider_id"),
    [
        ("", "openai"),
        ("not toml", "glm"),
        ("model_providers = 1", "glm"),
        ("[model_providers]\nglm = 1", "glm"),
        ('[model_providers.glm]\nexperimental_bearer_token = "k"', "glm"),
        ('[model_providers.glm.auth]\ncommand = "/bin/other"', "glm"),
        ("[model_providers.glm]\nauth = 1", "glm"),
    ],
)
def test_what_is_in_the_way_is_refused(text: str, provider_id: str) -> None:
    """Codex's own providers, a key in plain text, another program's command, and what is no table."""
    provider = CodexProvider(id=provider_id, base_url="http://x", command="/c", args=())

    with pytest.raises(ConfigInTheWay) as refused:
        write_provider(text, provider)

    assert refused.value.problem
    assert refused.value.todo


def test_what_was_written_can_be_removed() -> None:
    """Removing gives the text of before, but for the choice of model; another program's provider stays."""
    written = write_provider(USERS, GLM)

    assert tomllib.loads(remove_provider(written, "glm", command=GLM.command)) == tomllib.loads(
        USERS.replace("gpt-5.1-codex", "glm-4.6")
    )
    assert remove_provider(written, "other", command=GLM.command) == written
    assert remove_provider(written, "glm", command="/another") == written


@pytest.mark.parametrize("text", ["https://a.example/v4/", "https://a.example:8443", "http://127.0.0.1:1/v1"])
def test_where_a_key_may_go(text: str) -> None:
    """Https anywhere, http on this machine; a last slash says nothing."""
    assert read_base_url(text) == text.rstrip("/")


@pytest.mark.parametrize(
    "text",
    ["", "http://a.example", "https://", "https://u:p@a.example", "https://a.example?x=1", "https://a b", "ftp://x"],
)
def test_where_no_key_goes(text: str) -> None:
    """Plain http, user names, questions and what is no address are refused."""
    with pytest.raises(ConfigInTheWay):
        read_base_url(text)
