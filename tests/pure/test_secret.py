"""A secret has no way out but `reveal`."""

import copy
import json
import logging
import pickle
from dataclasses import asdict, dataclass

import pytest

from codex_auth.core.secret import Secret

TEXT = "canary-eyJhbGciOiJSUzI1NiJ9"


@dataclass(frozen=True)
class Holder:
    token: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(TEXT)),
        str(Secret(TEXT)),
        f"{Secret(TEXT)}",
        f"{Secret(TEXT):>40}",
        "%s" % Secret(TEXT),  # noqa: UP031 - the old form is what is tested
        "{}".format(Secret(TEXT)),  # noqa: UP032
        repr(Holder(Secret(TEXT))),
        repr(asdict(Holder(Secret(TEXT)))),
        repr([Secret(TEXT)]),
        str(ValueError(Secret(TEXT))),
    ],
)
def test_printing_shows_a_fingerprint(shown: str) -> None:
    """Every way of printing shows the fingerprint and no part of the text."""
    assert "canary" not in shown
    assert "eyJ" not in shown
    assert Secret(TEXT).fingerprint in shown


def test_logging_shows_a_fingerprint(caplog: pytest.LogCaptureFixture) -> None:
    """A log line with a secret in it holds none."""
    with caplog.at_level(logging.INFO):
        logging.getLogger("x").info("token %s %r", Secret(TEXT), Secret(TEXT))

    assert "canary" not in caplog.text


def test_it_refuses_to_leave() -> None:
    """Pickle, JSON and vars have nothing to take."""
    with pytest.raises(TypeError):
        pickle.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        json.dumps(Secret(TEXT))
    with pytest.raises(TypeError):
        vars(Secret(TEXT))


def test_copies_are_the_same_secret() -> None:
    """Copying a record that holds a secret is fine and reveals nothing."""
    secret = Secret(TEXT)

    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret


def test_it_compares_without_caring_for_characters() -> None:
    """Text from outside may hold anything; comparing never raises."""
    assert Secret("a").matches("a")
    assert not Secret("a").matches("ä")
    assert not Secret("a").matches("\ud800")
    assert Secret("a") == Secret("a")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert not Secret("")
