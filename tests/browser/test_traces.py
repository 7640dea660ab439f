"""What a sign-in leaves behind in the browser: an address with a code that is spent, and no token."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from codex_auth.callback import pages
from codex_auth.sandbox.client import CLIENT_ID
from codex_auth.sandbox.server import Sandbox
from tests.browser.chromium import Chromium, NotReached, Tab
from tests.browser.conftest import CALLBACK, SigningIn


def test_the_profile_folder_holds_no_token(signing_in: SigningIn, sandbox: Sandbox, tab: Tab, tmp_path: Path) -> None:
    """All files of a browser that has signed in: no token, and the callback's address is worth nothing any more."""
    folder = tmp_path / "chromium"
    with signing_in() as sign_in, Chromium(folder) as chromium, chromium.tab(remembered=True) as remembering:
        sign_in.approve(remembering)
        ended, _ = sign_in.login.end()
    assert ended == 0

    tokens = set(pieces(sign_in.program.stored()))
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    assert len(tokens) >= 3
    assert [token for token in tokens if token.encode() in left or token.encode("utf-16-le") in left] == []

    [callback] = [url for url in history(folder) if url.startswith(f"{CALLBACK}?")]
    assert callback.encode() in left
    with pytest.raises(NotReached, match="ERR_CONNECTION_REFUSED"):
        tab.go(callback)
    with signing_in("other") as another:
        replayed = tab.go(callback)
        assert (replayed.status, replayed.body.encode()) == (400, pages.refused().body)
        assert another.waits()
    status, why = exchange(sandbox, parse_qs(urlsplit(callback).query)["code"][0])
    assert status == 400
    assert "challenge" not in why, "the code is still good: only the verifier was not"


def pieces(stored: object) -> Iterator[str]:
    """Give every text in a store that is long enough to be a token, and the parts of those that are JWTs."""
    match stored:
        case dict():
            for value in stored.values():
                yield from pieces(value)
        case str() if len(stored) >= 40:
            yield from (part for part in stored.split(".") if len(part) >= 40)


def history(folder: Path) -> list[str]:
    """Return every address in a browser's history."""
    with closing(sqlite3.connect(folder / "Default" / "History")) as database:
        return [url for (url,) in database.execute("select url from urls")]


def exchange(sandbox: Sandbox, code: str) -> tuple[int, str]:
    """Try to exchange a code, and return status and description of the refusal."""
    asked = {
        "grant_type": "authorization_code",
        "client_id": CLIENT_ID,
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 43,
    }
    with closing(HTTPConnection(urlsplit(sandbox.issuer).netloc, timeout=10)) as connection:
        connection.request(
            "POST", "/oauth/token", urlencode(asked), {"Content-Type": "application/x-www-form-urlencoded"}
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("error_description")
