"""The pages a browser sees at the end of a sign-in. They are constants; only a profile name is ever put in.

No script, no image, no address: whatever a visitor sends, the bytes that come back are ours alone.
"""

from dataclasses import dataclass
from html import escape

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}
"""Sent with every page, in this order, besides Content-Length (and Allow or Location where HTTP asks for them)."""

_REASONS = {
    200: "OK",
    303: "See Other",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    414: "URI Too Long",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    505: "HTTP Version Not Supported",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A whole answer: status, body, and for 303 where to go on."""

    status: int
    body: bytes
    location: str = ""

    def response(self, *, with_body: bool = True) -> bytes:
        """Return the bytes to send. A HEAD request gets no body, but its length (RFC 9110 section 9.3.2)."""
        fields = HEADERS | {"Content-Length": str(len(self.body))}
        if self.status == 405:  # noqa: PLR2004 - its Allow field is required by RFC 9110 section 15.5.6
            fields["Allow"] = "GET"
        if self.location:
            fields["Location"] = self.location
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        start = f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\n{head}\r\n".encode("ascii")
        return start + self.body if with_body else start


def success(profile: str) -> Page:
    """Say that the credential is saved."""
    return _page(
        200,
        "good",
        "Signed in",
        f"This machine now holds your Codex login as <br><strong>{escape(profile)}</strong>",
        "You can close this window and go back to the terminal.",
    )


def already() -> Page:
    """Say that the sign-in ended before this visit could count."""
    return _page(
        410,
        "calm",
        "Already over",
        "This sign-in is no longer waiting for an answer.",
        "You can close this window. The terminal says how it ended.",
    )


def denied() -> Page:
    """Say that the provider said no, for this login's own state."""
    return _page(
        403,
        "bad",
        "Not approved",
        "The sign-in was not approved, so nothing has changed on this machine.",
        "You can close this window.<br>The terminal says how to try again.",
    )


def failed() -> Page:
    """Say that the redirect was right, and what came after it was not."""
    return _page(
        500,
        "bad",
        "Sign-in not completed",
        "The approval arrived, but the sign-in could not be completed.",
        "You can close this window.<br>The terminal says what to do.",
    )


def refused() -> Page:
    """Answer a visit that does not belong to this login."""
    return _page(
        400,
        "wary",
        "Not this sign-in",
        "This address does not belong to the sign-in that your terminal is waiting for.",
        "Use the newest link from the terminal, and only that one.",
    )


def bad_request(status: int = 400) -> Page:
    """Answer what no browser sends when it follows a redirect."""
    return _page(status, "wary", "Not understood", "This address answers one kind of request only.", _NOTHING_TO_SEE)


def not_found() -> Page:
    """Answer any other path."""
    return _page(404, "wary", "Nothing here", "There is no page at this address.", _NOTHING_TO_SEE)


def method_not_allowed() -> Page:
    """Answer any method but GET."""
    return _page(405, "wary", "Not understood", "This address can only be visited.", _NOTHING_TO_SEE)


def misdirected() -> Page:
    """Answer a Host field with another name than loopback's: DNS rebinding, or a proxy."""
    return _page(421, "wary", "Wrong address", "This server does not answer under that name.", _NOTHING_TO_SEE)


def go_on(target: str) -> Page:
    """Send the browser on to an address of ours.

    The address must be printable ASCII; a `ValueError` says it is not (a line end would become a header).
    """
    if not (target.isascii() and target.isprintable()):
        raise ValueError("an address to go on to is printable ASCII")
    return Page(303, b"", target)


_NOTHING_TO_SEE = "A sign-in is waiting in a terminal.<br>Use the link shown there."

_STYLE = """
:root{color-scheme:light dark;--paper:#f4f5f7;--card:#fff;--edge:#e3e6ea;--ink:#14181f;--soft:#5b6573;
--good:#0b7a4b;--bad:#b42318;--wary:#9a6200;--calm:#3556a8}
@media(prefers-color-scheme:dark){:root{--paper:#0e1116;--card:#171b22;--edge:#2a313c;--ink:#eef1f5;--soft:#9aa5b4;
--good:#3ecf8e;--bad:#ff7a6b;--wary:#f0b04c;--calm:#8fb0ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;padding:24px;display:grid;place-content:center;justify-items:center;
gap:20px;grid-template-columns:minmax(0,440px);
background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;padding:44px 36px 40px;border:1px solid var(--edge);border-radius:18px;background:var(--card);
text-align:center;box-shadow:0 1px 2px #0000000a,0 16px 40px -20px #00000033}
svg{display:block;margin:0 auto 22px}
.good{color:var(--good)}.bad{color:var(--bad)}.wary{color:var(--wary)}.calm{color:var(--calm)}
h1{margin:0 0 10px;font-size:26px;line-height:1.25;font-weight:650;letter-spacing:-.015em;text-wrap:balance}
p{margin:0;text-wrap:balance}
p+p{margin-top:20px;padding-top:20px;border-top:1px solid var(--edge);color:var(--soft);font-size:15px}
strong{display:inline-block;max-width:100%;margin-top:12px;padding:5px 16px;border:1px solid var(--edge);
border-radius:18px;background:var(--paper);font:600 15px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
word-break:break-all}
footer{color:var(--soft);font:600 13px/1 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;letter-spacing:.02em}
@media(max-width:440px){body{padding:16px}main{padding:36px 20px 32px}}
"""

_ICONS = {
    "good": '<path d="M21 33.5l8 8 15-17"/>',
    "bad": '<path d="M24 24l16 16M40 24L24 40"/>',
    "wary": '<path d="M32 20v15M32 43.5v.5"/>',
    "calm": '<path d="M32 30v14M32 20.5v.5"/>',
}


def _page(status: int, mood: str, title: str, what: str, then: str) -> Page:
    icon = (
        f'<svg class="{mood}" width="64" height="64" viewBox="0 0 64 64" fill="none" stroke="currentColor" '
        f'stroke-width="4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
        f'<circle cx="32" cy="32" r="32" fill="currentColor" stroke="none" opacity=".13"/>{_ICONS[mood]}</svg>'
    )
    return Page(
        status,
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title} · codex-auth</title>\n<style>{_STYLE}</style>\n</head>\n"
            f"<body>\n<main>\n{icon}\n<h1>{title}</h1>\n<p>{what}</p>\n<p>{then}</p>\n</main>\n"
            "<footer>codex-auth</footer>\n</body>\n</html>\n"
        ).encode(),
    )
