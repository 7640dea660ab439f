"""Taking out of text what tells who somebody is, or could be a secret, before it goes to strangers.

What leaves is made of facts that are no secret to begin with; this is the second door behind that one. It goes by
shapes, so it also takes what only looks like a token: rather a path too few in a report than a key too many.
"""

import re
from collections.abc import Iterable, Mapping

GONE = "[removed]"
_ADDRESS = re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.ASCII)
_TOO_SHORT = 3
"""What is this short names nobody, and would be found in every word."""
_LOGIN_IN_URL = re.compile(r"//[^/\s\"']*@")
_SHAPES = (
    (re.compile(r"eyJ[\w-]{8,}[\w.-]*"), GONE),  # a JWT, or base64 of any JSON
    (re.compile(r"([?&#][\w.-]+=)[^\s&\"'`]+"), rf"\1{GONE}"),  # the values in an address's query
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"), rf"\1 {GONE}"),
    (re.compile(r"(?<![\w-])(?:sk|rt|ac|at|dc|pat|ghp|gho)[-_](?=[\w-]*\d)[\w.-]{8,}"), GONE),
    # Longer than any word; letters of both cases with digits, or with digits and longer than any name of ours.
    (re.compile(r"(?<![\w+])(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[\w+=]{16,}"), GONE),
    (re.compile(r"(?<![\w+-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}"), GONE),
    (re.compile(r"…[\w-]{1,4}\b"), "…"),  # the end of an account id, as it is masked elsewhere
)


class Scrub:
    """Replaces what is known to be private by a name that is the same all over one report, and the rest by shape."""

    def __init__(self, *, home: str, accounts: Iterable[str], addresses: Iterable[str], names: Iterable[str]) -> None:
        self._named: dict[str, str] = {}
        self._home = home.rstrip("/")
        for word, texts in (("account", accounts), ("email", addresses), ("name", names)):
            for number, text in enumerate(sorted({each for each in texts if len(each) > _TOO_SHORT}), start=1):
                self._named[text] = f"{word}-{number}"
        self._addresses: dict[str, str] = {}

    def account(self, account_id: str) -> str:
        """Return the name of an account in this report."""
        return self._named.get(account_id, "") or (GONE if account_id else "")

    def text(self, text: str) -> str:
        """Return a text with nothing private in it."""
        if self._home:
            text = re.sub(rf"{re.escape(self._home)}(?!\w)", "~", text)
        text = _LOGIN_IN_URL.sub("//***@", text)
        for private in sorted(self._named, key=len, reverse=True):
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(private)}(?![A-Za-z0-9])", self._named[private], text)
        text = _ADDRESS.sub(self._address, text)
        for shape, instead in _SHAPES:
            text = shape.sub(instead, text)
        return text

    def document(self, value: object) -> object:
        """Return what JSON is made of, with every text in it scrubbed, names of members too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.document(each) for key, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.document(each) for each in value]
        return value

    def _address(self, found: re.Match[str]) -> str:
        known = f"address-{len(self._addresses) + 1}"
        return self._addresses.setdefault(found[0].replace("%40", "@").lower(), known)
