"""The pages a person sees: plain HTML that needs no script, under a policy that would stop any.

Every value reaches a page through a template that escapes it; the style sheet is allowed by its hash.
"""

import base64
import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from flask import Response, make_response, render_template

_STYLE = (Path(__file__).with_name("templates") / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def page(template: str, *, status: int = 200, leads_to: str = "", **words: object) -> Response:
    """Return a page; `leads_to` is the address its form may end at besides our own.

    Chromium applies `form-action` to the redirect that follows a form, so the client's callback must be named.
    """
    response = make_response(render_template(template, style=_STYLE, **words), status)
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
                f"frame-ancestors 'none'; form-action 'self' {_origin(leads_to)}".rstrip()
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
    )
    return response


def notice(title: str, text: str, *, status: int = 200) -> Response:
    """Return a page that says one thing."""
    return page("notice.html", status=status, title=title, text=text)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
