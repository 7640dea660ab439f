"""Making text from outside safe to show, and personal data short."""

import unicodedata

_DANGEROUS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def printable(text: str, *, limit: int = 200) -> str:
    """Return text without control, bidirectional or invisible characters, cut to `limit` characters.

    Names, e-mail addresses and plans come from claims and files: a terminal or a chat would obey escape
    sequences in them (CVE-2024-50349 is this mistake in a credential helper).
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    kinds = ((c, unicodedata.category(c)) for c in text[: 4 * limit])
    kept = "".join(" " if kind == "Zs" else c for c, kind in kinds if kind not in _DANGEROUS)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def is_one_word(text: str) -> bool:
    """Whether a text can stand in a header, a variable and a line of its own: visible ASCII, no spaces."""
    return text.isascii() and text.isprintable() and " " not in text


def is_utf8(encoding: str | None) -> bool:
    """Whether text in this encoding may have more than letters and digits."""
    return (encoding or "").lower().replace("-", "") == "utf8"


_LAST_SINGLE = "\u02ff"
"""Up to here each character takes one column."""


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: some characters take two, and those that combine none."""
    if text.isascii():
        return len(text)
    return len(text) + sum(_columns(character) - 1 for character in text if character > _LAST_SINGLE)


def fitting(text: str, width: int) -> str:
    """Return as much of a text as so many columns have room for."""
    used = 0
    for at, character in enumerate(text):
        used += _columns(character)
        if used > width:
            return text[:at]
    return text


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else int(not unicodedata.combining(character))


def mask_account(account_id: str) -> str:
    """Return `…` and the last four characters of an account id; short ids show nothing."""
    shown = printable(account_id)
    return "…" + shown[-4:] if len(shown) > 8 else "…"  # noqa: PLR2004 - half of a short id would be most of it


def mask_email(email: str) -> str:
    """Return `a…e@e…e.com` for `alice@example.com`: recognisable to its owner, useless to others."""
    local, at, domain = printable(email).rpartition("@")
    if not at or not local or not domain:
        return "…"
    host, dot, suffix = domain.rpartition(".")
    return f"{_ends(local)}@{_ends(host) if dot else _ends(domain)}{dot}{suffix if dot else ''}"


def _ends(word: str) -> str:
    return f"{word[0]}…{word[-1]}" if len(word) > 2 else "…"  # noqa: PLR2004 - two ends would be the whole word
