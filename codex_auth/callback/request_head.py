"""Reading the head of one HTTP/1.1 request, strictly: whatever two readers could understand differently is refused.

The grammar is RFC 9112 sections 3 and 5 without its leniencies: no line ends but CRLF (section 2.2 allows a bare LF),
no folded fields (5.2), no field twice, no other version. `http.server` would take 100 fields of 64 KiB.
"""

import re
from dataclasses import dataclass

MAX_HEAD = 16 * 1024
"""Bytes of a whole head with its closing empty line; browsers send about 700, and cookies of other local servers."""
MAX_LINE = 8 * 1024
"""Bytes of one line without its CRLF; the recommended minimum of RFC 9112 section 3."""
MAX_FIELDS = 64

_END = b"\r\n\r\n"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_REQUEST_LINE = re.compile(rb"(%s) ([!\"$-~]+) HTTP/1\.1" % _TOKEN)  # a fragment (#) never travels
_OTHER_VERSION = re.compile(rb"%s [!-~]+ HTTP/[0-9]\.[0-9]" % _TOKEN)
_FIELD = re.compile(rb"(%s):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)
_STRAY = re.compile(rb"\r(?!\n|\Z)|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True, repr=False)
class Head:
    """A request head that means one thing only. `fields` has lower-case names; text is Latin-1, byte for byte.

    It does not show itself: the target holds a code.
    """

    method: str
    target: str
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class Incomplete:
    """So far nothing is wrong; the empty line has not come."""


@dataclass(frozen=True, slots=True)
class Bad:
    """No byte that may follow can make this acceptable; `status` is what to answer."""

    status: int


def read_head(data: bytes) -> Head | Incomplete | Bad:
    """Return what the bytes received so far are; bytes after the empty line are not looked at. Never raises."""
    text, end, _ = data[:MAX_HEAD].partition(_END)
    lines = text.split(b"\r\n")
    fault = _fault(text if end else data[:MAX_HEAD], lines, complete=bool(end))
    if fault:
        return Bad(fault)
    if not end:
        return Incomplete() if len(data) < MAX_HEAD else Bad(431)
    return _read_lines(lines)


def _fault(text: bytes, lines: list[bytes], *, complete: bool) -> int:
    """Return the status of the first thing wrong with a head or the beginning of one, 0 for none."""
    if _STRAY.search(text):
        return 400
    if len(lines[0].removesuffix(b"\r")) > MAX_LINE:
        return 414
    if any(len(line.removesuffix(b"\r")) > MAX_LINE for line in lines) or len(lines) - 1 > MAX_FIELDS + (not complete):
        return 431
    if (complete or len(lines) > 1) and not _REQUEST_LINE.fullmatch(lines[0]):
        return 505 if _OTHER_VERSION.fullmatch(lines[0]) and not lines[0].endswith(b" HTTP/1.1") else 400
    return 0


def _read_lines(lines: list[bytes]) -> Head | Bad:
    request = _REQUEST_LINE.fullmatch(lines[0])
    fields: dict[str, str] = {}
    for line in lines[1:]:
        field = _FIELD.fullmatch(line)
        name = field[1].decode("ascii").lower() if field else ""
        if not field or name in fields:
            return Bad(400)
        fields[name] = field[2].decode("latin-1").rstrip(" \t")
    if request is None or "transfer-encoding" in fields:
        return Bad(400)
    return Head(request[1].decode("ascii"), request[2].decode("ascii"), fields)
