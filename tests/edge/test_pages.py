"""The pages a browser sees: constants, safe to show anything in, and plain HTML."""

from html.parser import HTMLParser

import pytest

from codex_auth.callback import pages
from codex_auth.callback.pages import Page

PAGES = {
    "success": (pages.success("work"), 200),
    "already": (pages.already(), 410),
    "denied": (pages.denied(), 403),
    "failed": (pages.failed(), 500),
    "refused": (pages.refused(), 400),
    "bad request": (pages.bad_request(), 400),
    "too long a line": (pages.bad_request(414), 414),
    "too large a head": (pages.bad_request(431), 431),
    "another version": (pages.bad_request(505), 505),
    "not found": (pages.not_found(), 404),
    "method": (pages.method_not_allowed(), 405),
    "misdirected": (pages.misdirected(), 421),
}


class Outline(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page.body.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag and its attributes."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Collect text."""
        self.text += data


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_a_whole_answer(name: str) -> None:
    """Status line, the fixed fields, the right length, and the body after one empty line."""
    page, status = PAGES[name]
    head, _, body = page.response().partition(b"\r\n\r\n")
    start, *lines = head.decode("ascii").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)

    assert start.startswith(f"HTTP/1.1 {status} ")
    assert body == page.body
    assert fields.pop("Content-Length") == str(len(body))
    assert fields.pop("Allow", "") == ("GET" if status == 405 else "")
    assert fields == {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Connection": "close",
    }
    assert page.response(with_body=False) == head + b"\r\n\r\n"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fetches_and_runs_nothing(name: str) -> None:
    """No script, link, form, image or address: nothing the content policy would have to stop."""
    outline = Outline(PAGES[name][0])

    assert not {"script", "link", "form", "img", "iframe", "a", "base", "object"} & set(outline.tags)
    assert not {"src", "href", "style", "action"} & outline.attributes
    assert not any(name.startswith("on") for name in outline.attributes)
    assert b"url(" not in PAGES[name][0].body
    assert outline.tags[:2] == ["html", "head"]
    assert outline.text.strip().endswith("codex-auth")


@pytest.mark.parametrize("builder", [name for name in PAGES if name != "success"])
def test_a_page_says_nothing_of_this_login(builder: str) -> None:
    """Only the last page names the profile; strangers learn nothing from the others."""
    assert b"work" not in PAGES[builder][0].body.replace(b"network", b"")


def test_success_names_the_profile_and_what_to_do_next() -> None:
    """The person sees which profile it was, and that the window may be closed."""
    text = " ".join(Outline(pages.success("work")).text.split())

    assert "This machine now holds your Codex login as work" in text
    assert "You can close this window and go back to the terminal." in text


def test_a_profile_name_is_text_whatever_it_holds() -> None:
    """Names are restricted long before; the page does not rely on it."""
    outline = Outline(pages.success("<script>\"'&"))

    assert "script" not in outline.tags
    assert "<script>\"'&" in outline.text


def test_going_on_is_an_empty_answer_with_an_address() -> None:
    """A 303, so that the next request is a GET whatever this one was (RFC 9110 section 15.4.4)."""
    reply = pages.go_on("https://auth.openai.com/oauth/authorize?state=s").response()

    assert reply.startswith(b"HTTP/1.1 303 See Other\r\n")
    assert b"\r\nContent-Length: 0\r\n" in reply
    assert reply.endswith(b"\r\nLocation: https://auth.openai.com/oauth/authorize?state=s\r\n\r\n")
