"""A real browser at the callback: the person's own visits arrive, pages of others do not."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.hostile.callback_bed import PATH, TRUE_QUERY, Bed, open_bed, status_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.browser

ATTACK = """<!doctype html><title>attack</title>
<img src="{url}&way=img"><iframe src="{url}&way=iframe"></iframe><object data="{url}&way=object"></object>
<embed src="{url}&way=embed"><script src="{url}&way=script"></script><link rel="stylesheet" href="{url}&way=style">
<link rel="prefetch" href="{url}&way=prefetch">
<iframe name="target"></iframe><form id="form" method="post" target="target" action="{url}&way=form"></form>
<script type="speculationrules">
{{"prefetch": [{{"urls": ["{url}&way=speculation"], "eagerness": "immediate"}}]}}
</script>
<script>
fetch("{url}&way=fetch", {{mode: "no-cors"}}).catch(() => 0);
fetch("{url}&way=cors").catch(() => 0);
new WebSocket("{url}&way=socket".replace("http", "ws"));
navigator.sendBeacon("{url}&way=beacon", "x");
document.getElementById("form").submit();
</script>"""
"""Every way but a top-level visit in which a page can make its reader's browser send a request."""


@pytest.fixture
def bed() -> Iterator[Bed]:
    """Serve one login."""
    with open_bed() as running:
        yield running


def browse(url: str, profile: Path, *more: str) -> tuple[str, str]:
    """Open an address in a fresh profile; return the document it ended on, and what the browser logged."""
    done = subprocess.run(
        [
            CHROMIUM or pytest.fail("Chromium is missing; `scripts/setup --tests` installs it"),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
            "--virtual-time-budget=2000",
            "--dump-dom",
            *more,
            url,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout, done.stderr


def test_the_redirect_arrives_and_its_page_is_whole(bed: Bed, tmp_path: Path) -> None:
    """Through `localhost`, with spare connections and an icon request; our own content policy stops nothing."""
    shown, log = browse(f"http://localhost:{bed.port}{PATH}?{TRUE_QUERY}", tmp_path)

    assert bed.seen == [TRUE_QUERY]
    assert "<h1>Signed in</h1>" in shown
    assert "Content Security Policy" not in log


def test_the_entry_leads_to_where_it_was_told(bed: Bed, tmp_path: Path) -> None:
    """The browser is started with a nonce only, and ends at the address behind it."""
    entry = bed.callback.entry_url(f"http://localhost:{bed.port}{PATH}?{TRUE_QUERY}", "0123456789abcdef")

    shown, _ = browse(entry, tmp_path)

    assert bed.seen == [TRUE_QUERY]
    assert "<h1>Signed in</h1>" in shown


def test_a_rebound_name_is_misdirected(bed: Bed, tmp_path: Path) -> None:
    """A name of the attacker's that suddenly means 127.0.0.1 gets nothing (CB-5)."""
    shown, _ = browse(
        f"http://rebind.test:{bed.port}{PATH}?{TRUE_QUERY}",
        tmp_path,
        "--host-resolver-rules=MAP rebind.test 127.0.0.1",
    )

    assert bed.seen == []
    assert "<h1>Wrong address</h1>" in shown


def test_markup_in_the_query_changes_nothing(bed: Bed, tmp_path: Path) -> None:
    """The document is the refused page, without the image or script that was asked for (CB-14)."""
    junk = "error=%3Cscript%3Edocument.title=1%3C/script%3E&x=%22%3E%3Cimg%20src=x%3E"

    shown, _ = browse(f"http://localhost:{bed.port}{PATH}?{junk}", tmp_path)

    assert bed.seen == [junk]
    assert "<title>Not this sign-in" in shown
    assert "<script" not in shown
    assert "<img" not in shown


def test_a_page_cannot_visit_for_its_reader(bed: Bed, tmp_path: Path) -> None:
    """Images, frames, scripts, forms, fetches, sockets: none becomes a visit, and the login still waits (CB-6)."""
    with attacker(f"http://localhost:{bed.port}{PATH}?{TRUE_QUERY}") as url:
        browse(url, tmp_path)

    assert bed.seen == []
    assert status_of(bed.true_visit()) == 200


@contextmanager
def attacker(target: str) -> Iterator[str]:
    """Serve the attacking page from another origin."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.format(url=target).encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET

        def handle_error(self, *_: object) -> None:
            """Print nothing when a browser hangs up."""

    with Server(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
